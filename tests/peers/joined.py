"""Sessions of our own peers, joined; for tests in terms of peers only, marked ``everywhere``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from multiplayer import ConnectionStatus
from multiplayer.testing import SimulatedServer
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import until

if TYPE_CHECKING:
    from tests.driving import Drive

ENVELOPES: Final = ["gd_mp", "godot4"]
"""What packets of a session travel in. Without one, in plain mode, there is no session."""


_PATIENT: Final = 30.0
"""How long joining may take in a box, in seconds: the worst lose much of it more than once."""


class Session(NamedTuple):
    """A server, and the clients that have joined it, in order."""

    server: WebSocketMultiplayerPeer
    clients: list[WebSocketMultiplayerPeer]

    @property
    def ids(self) -> list[int]:
        return [client.get_unique_id() for client in self.clients]


def new_server(drive: Drive, envelope: str) -> Any:
    """A server that does not listen yet."""
    if drive.box is not None:
        server = drive.box.create_server(envelope=envelope, handshake_timeout=_PATIENT)
        server.stop()
        return server
    return WebSocketMultiplayerPeer() if envelope == "godot4" else WebSocketServer()


def serving(
    drive: Drive, envelope: str, server: WebSocketMultiplayerPeer | None = None
) -> WebSocketMultiplayerPeer:
    """A driven server on a free port."""
    if server is None:
        server = new_server(drive, envelope)
    if isinstance(server, SimulatedServer):
        server.listen()
    elif isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=envelope == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    return drive.add(server)


def connecting(
    drive: Drive,
    server: WebSocketMultiplayerPeer,
    client: WebSocketMultiplayerPeer | None = None,
) -> WebSocketMultiplayerPeer:
    """A driven client that begins to connect, as its server does."""
    if drive.box is not None:
        port = server.get_local_port()
        client = drive.box.create_client(port, handshake_timeout=_PATIENT)
        return cast("WebSocketMultiplayerPeer", client)
    godot4 = not isinstance(server, WebSocketServer)
    if client is None:
        client = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    if isinstance(client, WebSocketClient):
        client.connect_to_url(url, gd_mp_api=not server.is_plain())
    else:
        client.create_client(url)
    return drive.add(client)


async def joined(
    drive: Drive,
    server: WebSocketMultiplayerPeer,
    client: WebSocketMultiplayerPeer | None = None,
) -> WebSocketMultiplayerPeer:
    """A driven client that has connected to ``server``."""
    client = connecting(drive, server, client)
    await until(lambda: client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED)
    return client


async def session_of(drive: Drive, envelope: str, clients: int = 2) -> Session:
    """A server and so many clients, which know of each other where peers announce them."""
    session = Session(serving(drive, envelope), [])
    for _ in range(clients):
        session.clients.append(await joined(drive, session.server))
    ids = session.ids
    for client in session.clients:
        known = {1, *ids} - {client.get_unique_id()} if envelope == "gd_mp" else {1}
        await until(lambda client=client, known=known: {*client.get_peers()} == known)
    await until(lambda: session.server.get_peers() == sorted(ids))
    return session
