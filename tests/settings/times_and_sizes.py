"""Probes of times, sizes, values and packets: what every connection has."""

from __future__ import annotations

import pytest

from multiplayer import Error, MultiplayerError, TransferMode, VariantCodec, encode_variant
from tests.driving import until
from tests.peers.sessions import fenced, payloads
from tests.peers.sockets import AGREED
from tests.raw import PING, request

from .bench import NOTHING, Bench
from .probes import block, shows

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED


@shows("handshake_timeout")
async def _(bench: Bench) -> None:
    await bench.set(handshake_timeout=1000.0).begin()
    await bench.dialled()  # and not a word
    await until(lambda: bench.peer.endpoint.links)
    await bench.pass_time(900.0)
    assert bench.peer.statistics.limits_reached["handshake_timeout"] == 0
    await bench.pass_time(200.0)
    await until(lambda: bench.peer.statistics.limits_reached["handshake_timeout"])


@shows("close_timeout")
async def _(bench: Bench) -> None:
    await bench.open(close_timeout=1000.0, heartbeat_interval=0)
    connection = bench.connection
    connection.close()
    await bench.pass_time(900.0)
    assert connection.get_ready_state() == connection.STATE_CLOSING
    for _ in range(6):  # also for the pong before it, where there is one, and what was late
        await bench.pass_time(1100.0)
    await until(lambda: connection.get_ready_state() == connection.STATE_CLOSED)
    assert bench.peer.statistics.limits_reached["close_timeout"]


@shows("heartbeat_interval")
async def _(bench: Bench) -> None:
    raw = await bench.open(heartbeat_interval=1000.0)
    await bench.pass_time(900.0)
    assert await payloads(raw) == []  # which is a sign of life
    await bench.pass_time(1100.0)
    ping = await raw.receive_frame()
    assert ping is not None
    assert ping.op == PING


@shows("inbound_buffer_size")
async def _(bench: Bench) -> None:
    raw = await bench.open(inbound_buffer_size=100)
    await raw.send_frame(bench.message(bytes(101)))
    assert (await raw.receive_close())[:2] == (1009).to_bytes(2)


@shows("outbound_buffer_size")
async def _(bench: Bench) -> None:
    await bench.open(outbound_buffer_size=200)
    bench.put(bytes(190))
    with pytest.raises(MultiplayerError) as caught:
        bench.put(bytes(201))
    assert caught.value.code == Error.ERR_OUT_OF_MEMORY
    assert await bench.heard() == [bytes(190)]


@shows("max_queued_packets")
async def _(bench: Bench) -> None:
    raw = await bench.open(max_queued_packets=2)
    for number in range(3):
        await raw.send_frame(bench.message(b"%d" % number))
    await until(lambda: bench.peer.statistics.limits_reached["max_queued_packets"])
    for number in range(3):
        await until(bench.waiting)
        assert bench.fetch() == b"%d" % number


@shows("max_unreliable_ordered")
async def _(bench: Bench) -> None:
    await bench.open(max_unreliable_ordered=2, outbound_buffer_size=0)
    await block(bench)
    bench.peer.transfer_mode = ORDERED
    for _ in range(5):
        bench.put(b"fresh")
    assert bench.peer.statistics.drops == {"unreliable_ordered": 3}


@shows("transfer_mode")
async def _(bench: Bench) -> str | None:
    await bench.open(transfer_mode=UNRELIABLE, outbound_buffer_size=0)
    bench.peer.transfer_mode = TransferMode.TRANSFER_MODE_RELIABLE
    await block(bench)
    bench.peer.transfer_mode = UNRELIABLE
    bench.put(b"late")
    if bench.mode != "plain":
        assert bench.peer.statistics.drops == {"unreliable": 1}
        return None
    assert not bench.peer.statistics.drops
    return NOTHING


@shows("transfer_channel")
async def _(bench: Bench) -> str | None:
    await bench.set(transfer_channel=5).begin()
    bench.raw = await bench.meet(headers=AGREED if bench.mode == "gd_mp" else ())
    bench.put(b"x")
    (message,) = await payloads(bench.raw)
    if bench.mode == "gd_mp":
        assert message[0] == 0x40  # a byte more in the header: docs/protocol/gdpeers.md
        assert message[9:] == b"\x05x"
        return None
    assert message == b"x"
    return NOTHING


@shows("codec")
async def _(bench: Bench) -> None:
    await bench.open(codec=VariantCodec(3))
    bench.put_var({"a": 1})
    assert await bench.heard() == [encode_variant({"a": 1}, 3)]


@shows("encode_buffer_max_size")
async def _(bench: Bench) -> None:
    await bench.open(encode_buffer_max_size=1024)
    bench.put_var("x" * 1000)
    with pytest.raises(MultiplayerError, match="encode_buffer_max_size"):
        bench.put_var("x" * 1100)


@shows("discard_packets")
async def _(bench: Bench) -> None:
    await bench.open(discard_packets=True)
    await bench.hear(b"one", b"two")
    assert bench.waiting() == 0


@shows("on_error")
async def _(bench: Bench) -> None:
    seen: list[Exception] = []
    await bench.open(on_error=seen.append)
    told = bench.peer.peer_packet
    if bench.mode == "plain":
        told = getattr(bench.peer, "data_received")  # noqa: B009 - of the two classes that have it

    def stumble(*_: object) -> None:
        raise ZeroDivisionError

    told.connect(stumble)
    await bench.hear(b"x")
    assert [type(error) for error in seen] == [ZeroDivisionError]


@shows("refuse_new_connections")
async def _(bench: Bench) -> str | None:
    await bench.set(refuse_new_connections=True).begin()
    if bench.serving:
        raw = await bench.dialled()
        await raw.send(request(bench.peer.get_local_port()))
        assert (await raw.read_head()).startswith("HTTP/1.1 403 ")
        return None
    bench.raw = await bench.meet()
    bench.put(b"x")
    assert await bench.heard() == [b"x"]
    return NOTHING


@shows("holds_new_peers")
async def _(bench: Bench) -> None:
    first = await bench.open(holds_new_peers=True)
    await bench.meet()
    assert await fenced(first) == []


@shows("server_relay")
async def _(bench: Bench) -> None:
    first = await bench.open(server_relay=False)
    await bench.meet()
    assert await fenced(first) == []
