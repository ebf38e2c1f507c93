"""A ``SceneMultiplayer`` in a role and a dialect, and others in its session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from multiplayer import Dialect, MultiplayerError, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import until

from .bench import AT_ONCE, AT_START, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from typing import Self


@dataclass(frozen=True)
class Setting:
    """A dialect on an envelope, and a role."""

    dialect: Dialect
    godot4: bool
    serving: bool

    @property
    def column(self) -> str:
        """The head of its column in the table."""
        if self.dialect is Dialect.NATIVE:
            return f"`NATIVE`, {'Godot 4' if self.godot4 else 'gd_mp'}"
        return f"`{self.dialect.name}`"

    @property
    def role(self) -> str:
        return "server" if self.serving else "client"

    def __str__(self) -> str:
        return f"{self.column} {self.role}"


SETTINGS = [
    Setting(dialect, godot4, serving)
    for dialect in Dialect
    for godot4 in (False, True)
    if godot4 in dialect.envelopes
    for serving in (False, True)
]
COLUMNS = [*dict.fromkeys(setting.column for setting in SETTINGS)]


class Game:
    """What peers call."""

    def __init__(self) -> None:
        self.got: list[object] = []

    @rpc("any_peer")
    def take(self, number: int) -> None:
        self.got.append(number)

    @rpc("any_peer")
    async def wait(self) -> None:
        self.got.append("waited")

    @rpc("any_peer")
    def fail(self) -> None:
        raise ZeroDivisionError


class Member:
    """One program: an API with a game, and what its peer sends."""

    def __init__(self, dialect: Dialect, **options: Any) -> None:
        self.api = SceneMultiplayer(dialect=dialect, **options)
        self.game = Game()
        self.reasons: list[str] = []
        self.api.invalid_packet.connect(lambda peer, reason, detail: self.reasons.append(reason))

    def connect(self, peer: WebSocketMultiplayerPeer) -> None:
        self.api.multiplayer_peer = peer


class ApiBench:
    """An API that is configured and then meets others.

    Attributes:
        ours: with the setting.
        theirs: in the other role.
        third: another client.
    """

    def __init__(self, setting: Setting, stack: ExitStack) -> None:
        self.setting = setting
        self._stack = stack
        self.theirs, self.third = Member(setting.dialect), Member(setting.dialect)
        self.ours = Member(setting.dialect)
        self.added = True
        self.peers: list[WebSocketMultiplayerPeer] = []

    @property
    def api(self) -> SceneMultiplayer:
        return self.ours.api

    def make(self, **options: Any) -> Self:
        """Make all of them with arguments."""
        try:
            self.ours = Member(self.setting.dialect, **options)
            self.theirs = Member(self.setting.dialect, **options)
            self.third = Member(self.setting.dialect, **options)
        except MultiplayerError as error:
            raise Refused(AT_ONCE, error) from error
        return self

    def set(self, **settings: object) -> Self:
        """Set attributes of our API."""
        for name, value in settings.items():
            try:
                setattr(self.api, name, value)
            except MultiplayerError as error:
                raise Refused(AT_ONCE, error) from error
        return self

    @property
    def _members(self) -> list[Member]:
        """The server, then its clients."""
        pair = [self.ours, self.theirs] if self.setting.serving else [self.theirs, self.ours]
        return [*pair, self.third]

    def poll(self) -> None:
        for member in self._members:
            member.api.poll()

    async def until(self, condition: Callable[[], object]) -> None:
        await until(lambda: (self.poll(), condition())[1])

    async def meet(self, *, wait: bool = True) -> Self:
        """Connect all three; with ``wait`` until our side and theirs know each other."""
        for member in self._members:
            if member is not self.ours or self.added:
                member.api.add("Game", member.game)
        url = ""
        for member in self._members:
            peer = self._begin(url)
            self.peers.append(peer)
            self._stack.callback(peer.close)
            url = url or f"ws://127.0.0.1:{peer.get_local_port()}"
            try:
                member.connect(peer)
            except MultiplayerError as error:
                raise Refused(AT_START, error) from error
        if wait:
            everybody = [self.ours.api.get_peers, self.theirs.api.get_peers]
            await self.until(lambda: all(peers() for peers in everybody))
            await self.until(self.third.api.get_peers)
        return self

    def _begin(self, url: str) -> WebSocketMultiplayerPeer:
        if self.setting.godot4:
            peer = WebSocketMultiplayerPeer()
            peer.heartbeat_interval = 0  # clocks are put forward
            if url:
                peer.create_client(url)
            else:
                peer.create_server(0, "127.0.0.1")
            return peer
        if url:
            client = WebSocketClient()
            client.connect_to_url(url, gd_mp_api=True)
            return client
        server = WebSocketServer()
        server.heartbeat_interval = 0
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
        return server

    def call(self, method: str, *arguments: object) -> None:
        """Let their side call ours."""
        ours = self.api.get_unique_id()
        self.theirs.api.rpc(ours, self.theirs.game, method, arguments)
