"""Records of TLS without content cost time: they count as pings and pongs do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Limits
from peers.certificates import server_context
from peers.websocket.tls import TLSLayer
from tests.certificates import certificate, chain_of, key_of
from tests.driving import Drive, until
from tests.peers.sessions import fenced
from tests.peers.tls_records import Records, logging_context
from tests.peers.tls_sessions import secure_server
from tests.raw import Raw, close_body, request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from peers import WebSocketServer

LEAF = certificate("localhost", "127.0.0.1")
EMPTY = {
    "empty content": lambda records: records.record(b""),
    "KeyUpdate": lambda records: records.key_update(),
}
each_kind = pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY)


def shaken_hands(key_log: Path) -> tuple[TLSLayer, Records]:
    """A server's layer and the records of its client."""
    server = TLSLayer(server_context(key_of(LEAF), chain_of(LEAF), None))
    client = TLSLayer(logging_context(key_log), "localhost")
    client.start()
    while client.waiting or server.waiting:
        for sender, receiver in ((client, server), (server, client)):
            data = b"".join(sender.pieces())
            sender.taken(len(data))
            receiver.receive(data)
    assert server.established
    return server, Records(client._ssl, key_log)


@each_kind
@pytest.mark.parametrize("cut", [1, 3, 5, 22, 23, 100, 100_000])
def test_records_without_content_are_counted_in_any_pieces(
    make: Callable[[Records], bytes], cut: int, tmp_path: Path
) -> None:
    server, records = shaken_hands(tmp_path / "keys")
    spared = -server.empty_records
    assert 12 < spared < 16  # what is left of what a handshake may take
    stream, said = b"", b""
    for number in range(40):
        word = b"%d, " % number * (500 if number % 7 == 0 else 1)
        said += word
        stream += records.record(word)
        stream += b"".join(make(records) for _ in range(number % 3))
    heard = b"".join(server.receive(stream[at : at + cut]) for at in range(0, len(stream), cut))
    assert (heard, server.error) == (said, "")
    assert server.empty_records == 39 - spared


def test_no_record_with_content_is_counted(tmp_path: Path) -> None:
    server, records = shaken_hands(tmp_path / "keys")
    before = server.empty_records
    stream = b"".join(records.record(bytes(size)) for size in (1, 16384, 16383, 2, 16384))
    assert len(server.receive(stream)) == 3 * 16384 + 2
    assert server.empty_records == before


class ByHand:
    """A stream that encrypts by hand what it sends, and lets ``ssl`` read."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream], key_log: Path) -> None:
        self._stream = stream
        self.tcp = stream.transport_stream
        self.records = Records(stream._ssl_object, key_log)  # type: ignore[attr-defined]

    async def send_all(self, data: bytes) -> None:
        await self.tcp.send_all(self.records.record(data))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self._stream.receive_some(max_bytes))

    async def aclose(self) -> None:
        await self.tcp.aclose()


async def connected(server: WebSocketServer, key_log: Path) -> ByHand:
    tcp = (await Raw.dial(server.get_local_port())).stream
    stream = trio.SSLStream(tcp, logging_context(key_log), server_hostname="localhost")
    await stream.do_handshake()
    return ByHand(stream, key_log)


async def upgraded(server: WebSocketServer, key_log: Path) -> tuple[Raw, ByHand]:
    stream = await connected(server, key_log)
    raw = Raw(stream, is_client=True)  # type: ignore[arg-type]
    await raw.send(request(server.get_local_port()))
    assert (await raw.read_head()).startswith("HTTP/1.1 101 ")
    return raw, stream


@each_kind
async def test_too_many_of_them_within_a_second_close_with_1008(
    drive: Drive, make: Callable[[Records], bytes], tmp_path: Path
) -> None:
    # Its clock stands still, so that all of this happens within a second.
    server = secure_server(limits=Limits(max_control_frames=8), now=lambda: 1000.0)
    drive.add(server)
    raw, stream = await upgraded(server, tmp_path / "keys")
    for _ in range(7):
        await stream.tcp.send_all(make(stream.records))
    await fenced(raw)  # the eighth, a ping
    (peer,) = server.get_peers()
    assert server.statistics.limits_reached == {}
    await stream.tcp.send_all(make(stream.records))
    assert (await raw.receive_close())[:2] == close_body(1008)[:2]
    assert server.statistics.limits_reached == {"max_control_frames": 1}
    assert server.get_peer(peer).failure is not None
    await raw.close()


async def test_before_the_upgrade_they_end_the_connection(drive: Drive, tmp_path: Path) -> None:
    server = drive.add(secure_server(limits=Limits(max_control_frames=8)))
    stream = await connected(server, tmp_path / "keys")
    await stream.tcp.send_all(b"".join(stream.records.record(b"") for _ in range(30)))
    with trio.move_on_after(5):
        while await stream.tcp.receive_some(4096):
            pass
    await until(lambda: server.statistics.failed_handshakes == 1)
    await stream.aclose()


async def test_without_a_limit_any_number_may_come(drive: Drive, tmp_path: Path) -> None:
    server = drive.add(secure_server(limits=Limits(max_control_frames=0)))
    raw, stream = await upgraded(server, tmp_path / "keys")
    for _ in range(10):
        await stream.tcp.send_all(b"".join(stream.records.key_update() for _ in range(20)))
        await fenced(raw)
    assert server.get_peers()
    await raw.close()
