"""Our peers do what every ``MultiplayerPeer`` does, however they are driven."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pytest
import trio

from multiplayer.testing import async_check_multiplayer_peer, check_multiplayer_peer
from multiplayer.testing.checks import CHECKS
from peers import (
    TLSOptions,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketServer,
)
from peers.memory import MemoryNetwork
from tests.certificates import anchor, certificate, chain_of, key_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.driving import Drive

Peer = TypeVar("Peer", bound=WebSocketMultiplayerPeer)

ALL = tuple(check.name for check in CHECKS)


class Kind(NamedTuple):
    """A session's envelope, and whether it is encrypted."""

    envelope: str
    secure: bool = False

    @property
    def tells(self) -> dict[str, bool]:
        """Whether packets tell their modes and channels."""
        return dict.fromkeys(("modes", "channels"), self.envelope == "gd_mp")

    def server(self, add: Callable[[Peer], Peer] = lambda peer: peer) -> WebSocketMultiplayerPeer:
        leaf = certificate("localhost", "127.0.0.1")
        if self.envelope == "godot4":
            server = add(WebSocketMultiplayerPeer())
            tls = TLSOptions.server(key_of(leaf), chain_of(leaf)) if self.secure else None
            server.create_server(0, "127.0.0.1", tls)
        else:
            server = add(WebSocketServer())
            server.bind_ip = "127.0.0.1"
            if self.secure:
                server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
            server.listen(0, gd_mp_api=True)
        return server

    def client(self) -> WebSocketMultiplayerPeer:
        return WebSocketMultiplayerPeer() if self.envelope == "godot4" else WebSocketClient()

    def connect(self, server: WebSocketMultiplayerPeer, client: WebSocketMultiplayerPeer) -> None:
        url = f"ws{'s' if self.secure else ''}://127.0.0.1:{server.get_local_port()}"
        if isinstance(client, WebSocketClient):
            client.trusted_tls_certificate = anchor() if self.secure else None
            client.connect_to_url(url, gd_mp_api=True)
        else:
            client.create_client(url, TLSOptions.client(anchor()) if self.secure else None)


KINDS = {
    "gd_mp": Kind("gd_mp"),
    "gd_mp over TLS": Kind("gd_mp", secure=True),
    "godot4": Kind("godot4"),
    "godot4 over TLS": Kind("godot4", secure=True),
}

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@each_kind
def test_polled_peers_pass_without_any_library_that_waits(kind: Kind) -> None:
    here: list[WebSocketMultiplayerPeer] = []

    def make_pair() -> tuple[
        WebSocketMultiplayerPeer, WebSocketMultiplayerPeer, Callable[[float], None]
    ]:
        here[:] = [kind.server(), kind.client()]
        return here[0], here[1], advance

    def another(_server: WebSocketMultiplayerPeer) -> WebSocketMultiplayerPeer:
        here.append(kind.client())
        return here[-1]

    def advance(seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            for peer in here:
                peer.poll()
            if time.monotonic() >= end:
                return

    made = check_multiplayer_peer(make_pair, connect=kind.connect, another=another, **kind.tells)
    assert made == ALL


@each_kind
def test_peers_in_memory_pass_in_a_time_of_their_own(kind: Kind) -> None:
    networks: list[MemoryNetwork] = []

    def make_pair() -> tuple[
        WebSocketMultiplayerPeer, WebSocketMultiplayerPeer, Callable[[float], None]
    ]:
        networks.append(MemoryNetwork(seed=len(networks)))
        return kind.server(networks[-1].add), another(None), networks[-1].advance

    def another(_server: WebSocketMultiplayerPeer | None) -> WebSocketMultiplayerPeer:
        return networks[-1].add(kind.client())

    made = check_multiplayer_peer(make_pair, connect=kind.connect, another=another, **kind.tells)
    assert made == ALL
    assert max(network.now for network in networks) < 60


@pytest.mark.parametrize("kind", [KINDS["gd_mp"], KINDS["godot4"]], ids=["gd_mp", "godot4"])
@pytest.mark.much
async def test_peers_pass_that_something_drives(drive: Drive, kind: Kind) -> None:
    async def make_pair() -> tuple[
        WebSocketMultiplayerPeer, WebSocketMultiplayerPeer, Callable[[float], Awaitable[None]]
    ]:
        return drive.add(kind.server()), drive.add(kind.client()), trio.sleep

    def another(_server: WebSocketMultiplayerPeer) -> WebSocketMultiplayerPeer:
        return drive.add(kind.client())

    made = await async_check_multiplayer_peer(
        make_pair, connect=kind.connect, another=another, **kind.tells
    )
    assert made == ALL
