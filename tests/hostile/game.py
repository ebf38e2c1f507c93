"""What the API's target lets its peers call, and how they log in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from multiplayer import SceneMultiplayer, rpc

if TYPE_CHECKING:
    from collections.abc import Callable

PATH: Final = "Game"
PASSWORD: Final = b"let me in"
SLOW: Final = 5.0
"""How long the slow method takes, in seconds."""


class Game:
    """The same object at the server and at all clients."""

    def __init__(self, api: SceneMultiplayer) -> None:
        self._api = api
        self.on_said: Callable[[int, int], object] = lambda sender, claimed: None
        self.on_back: Callable[[float], object] = lambda _: None
        self.calls = 0

    @rpc("any_peer")
    def pass_on(self, to: int, stamp: float) -> None:
        """At the server: give it to another peer."""
        sender = self._api.get_remote_sender_id()
        if to in self._api.get_peers():
            self.arrive.rpc_id(to, sender, stamp)

    @rpc("authority")
    def arrive(self, source: int, stamp: float) -> None:
        """At a client: send it back to where it comes from."""
        if source in self._api.get_peers():
            self.back.rpc_id(source, stamp)

    @rpc("any_peer")
    def back(self, stamp: float) -> None:
        """At the client where it began."""
        self.on_back(stamp)

    @rpc("any_peer")
    def say(self, claimed: int) -> int:
        """Anywhere: say who one is."""
        self.on_said(self._api.get_remote_sender_id(), claimed)
        return claimed

    @rpc("any_peer")
    async def slow(self) -> int:
        """At the server: take some time."""
        await trio.sleep(SLOW)
        return 1

    @rpc("any_peer")
    def fail(self) -> None:
        raise LookupError("as always")

    @rpc("any_peer", limit=20)
    def limited(self) -> None:
        """At the server: not to be called often."""
        self.calls += 1


def make_server() -> SceneMultiplayer:
    """An API that wants the password."""
    api = SceneMultiplayer()
    api.add(PATH, Game(api))

    def check(peer: int, data: bytes) -> None:
        if data == PASSWORD:
            api.complete_auth(peer)

    api.auth_callback = check
    return api


def make_client() -> tuple[SceneMultiplayer, Game]:
    """An API that logs in, and its object."""
    api = SceneMultiplayer()
    game = Game(api)
    api.add(PATH, game)

    def log_in(peer: int) -> None:
        api.send_auth(peer, PASSWORD)
        api.complete_auth(peer)

    api.auth_callback = lambda peer, data: None
    api.peer_authenticating.connect(log_in)
    return api, game
