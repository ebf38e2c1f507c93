"""Sessions with fixed ids between one of our peers and raw endpoints."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Limits
from peers import WebSocketClient, WebSocketServer
from tests.driving import until
from tests.gd_mp_rows import FIRST, ID, JOINED, LAST, SELF, about
from tests.raw import PING, PONG, Frame, Raw, RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.driving import Drive

MANY_FENCES = Limits(max_control_frames=0)
"""For peers that are sent more fences (see :func:`fenced`) within a second than pings may be."""


class FixedServer(WebSocketServer):
    """Gives out the ids that it is told to, and its clock can be put forward."""

    def __init__(self, *ids: int) -> None:
        super().__init__(limits=MANY_FENCES)
        self.ids = [*ids]
        self.ahead = 0.0

    def generate_unique_id(self) -> int:
        return self.ids.pop(0) if self.ids else super().generate_unique_id()

    def now(self) -> float:
        return super().now() + self.ahead


def listening(
    drive: Drive,
    *ids: int,
    gd_mp_api: bool = True,
    protocols: tuple[str, ...] = (),
    close_timeout: float = 0.2,
) -> FixedServer:
    server = FixedServer(*ids)
    server.bind_ip = "127.0.0.1"
    server.close_timeout = close_timeout
    server.listen(0, protocols, gd_mp_api=gd_mp_api)
    return drive.add(server)


async def fenced(raw: Raw) -> list[Frame]:
    """All frames that have been sent to ``raw`` so far: what comes before the answer to a ping.

    The other side has also handled all that was sent before: both ends are in this thread, and a
    poll that reads a ping handles what came before it.
    """
    await raw.send_frame(b"fence", PING)
    frames: list[Frame] = []
    while True:
        received = await raw.receive_frame()
        assert received is not None, f"the connection ended after {frames}"
        if (received.op, received.payload) == (PONG, b"fence"):
            return frames
        frames.append(received)


async def payloads(raw: Raw) -> list[bytes]:
    """The payloads of :func:`fenced`."""
    return [received.payload for received in await fenced(raw)]


@asynccontextmanager
async def three_clients(
    server: FixedServer, *headers: Sequence[str]
) -> AsyncIterator[tuple[Raw, Raw, Raw]]:
    """Clients with the ids FIRST, SELF and LAST, their greetings read.

    ``headers``: further header lines of their requests, for each.
    """
    server.ids += [FIRST, SELF, LAST]
    port = server.get_local_port()
    async with AsyncExitStack() as ends:
        clients: list[Raw] = []
        for lines in headers or ((), (), ()):
            clients.append(await Raw.connect(port, headers=lines))
            ends.push_async_callback(clients[-1].close)
        for raw, id_ in zip(clients, (FIRST, SELF, LAST), strict=True):
            greeting = await payloads(raw)
            assert greeting[0] == about(ID, id_)
            assert len(greeting) == 4  # ID, ADD 1 and two others
        yield clients[0], clients[1], clients[2]


@asynccontextmanager
async def client_of(
    drive: Drive,
    before: tuple[bytes, ...] = JOINED,
    *,
    gd_mp_api: bool = True,
    close_timeout: float = 0.2,
    headers: Sequence[str] = (),
) -> AsyncIterator[tuple[WebSocketClient, Raw]]:
    """Our client and the server's end of its connection, ``before`` said and heard.

    ``headers``: further header lines of the server's answer.
    """
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.close_timeout = close_timeout
    client.connect_to_url(listener.url, gd_mp_api=gd_mp_api)
    drive.add(client)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(listener.close)
        raw = await listener.upgraded(headers)
        ends.push_async_callback(raw.close)
        for message in before:
            await raw.send_frame(message)
        assert await fenced(raw) == []
        connected = ConnectionStatus.CONNECTION_CONNECTED
        if before == JOINED or not gd_mp_api:
            await until(lambda: client.get_connection_status() == connected)
        yield client, raw
