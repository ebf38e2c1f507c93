"""Servers and clients that the tests of TLS begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peers import WebSocketClient, WebSocketServer
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import Drive, until

if TYPE_CHECKING:
    import trustme


def secure_server(leaf: trustme.LeafCert | None = None, **settings: object) -> WebSocketServer:
    """A listening server that shows ``leaf``, or else one for localhost and 127.0.0.1."""
    leaf = leaf or certificate("localhost", "127.0.0.1")
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
    for name, value in settings.items():
        setattr(server, name, value)
    server.listen(0, gd_mp_api=True)
    return server


def secure_client(**settings: object) -> WebSocketClient:
    """A client that trusts our authority only, unless ``settings`` say otherwise."""
    client = WebSocketClient()
    client.trusted_tls_certificate = anchor()
    for name, value in settings.items():
        setattr(client, name, value)
    return client


def url_of(server: WebSocketServer, host: str = "localhost", scheme: str = "wss") -> str:
    return f"{scheme}://{host}:{server.get_local_port()}"


async def joined(
    drive: Drive, server: WebSocketServer, client: WebSocketClient, host: str = "localhost"
) -> WebSocketClient:
    """The client, driven, when it has become a peer of the session."""
    client.connect_to_url(url_of(server, host), gd_mp_api=True)
    drive.add(client)
    await until(client.get_unique_id)
    await until(lambda: server.has_peer(client.get_unique_id()))
    await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
    return client


async def echoed(server: WebSocketServer, client: WebSocketClient, payload: bytes) -> None:
    """Send a packet to the server and another one back."""
    client.set_target_peer(client.TARGET_PEER_SERVER)
    client.put_packet(payload)
    await until(server.get_available_packet_count)
    assert server.get_packet_peer() == client.get_unique_id()
    assert server.get_packet() == payload
    server.set_target_peer(client.get_unique_id())
    server.put_packet(payload[::-1])
    await until(client.get_available_packet_count)
    assert client.get_packet() == payload[::-1]
