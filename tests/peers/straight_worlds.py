"""Two worlds that differ in one thing only: in one of them every packet takes the long way."""

from __future__ import annotations

from random import Random
from typing import Any, Final, NamedTuple

from multiplayer import (
    Color,
    Dialect,
    MultiplayerError,
    Node,
    Quaternion,
    SceneMultiplayer,
    Vector2,
    Vector2i,
    Vector3,
    Vector4,
)
from multiplayer.errors import Error
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork

from .straight_games import METHODS, MILD, NOTHING, RENUMBERS, Extra, Game, Ruled, other_ruler

CLIENTS: Final = 3
_URL: Final = "ws://127.0.0.1:9080"
_VALUES: Final[tuple[object, ...]] = (
    *(0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 70_000, -(2**31), 2**31, 2**40),
    *(True, False, None, 0.5, 0.1, -1e300, float("inf"), "", "a", "walking", "ü€", "x" * 59),
    *("a\0b", "\ufeffa", [], [1], {"a": 1}, b"", b"abc", Vector2(1.0, 2.0), "x" * 300),
    *(Vector2i(1, 2), Vector3(0.1, -0.0, 1e30), Vector4(1, 2, 3, 4), Quaternion(0, 0, 0, 1)),
)
_PLACES: Final = (Vector2(1.5, -0.0), Vector2(float("nan"), float("inf")), Vector3(0.1, 2, 3))
_COLORS: Final = (Color(1, 0.5, 0.25, 1), Color(2, -1, 0, 0), Vector4(1, 0.5, 0.25, 1))


class Kind(NamedTuple):
    """A session: its dialect, its envelope, and whether it checks annotations."""

    dialect: Dialect
    gd_mp: bool
    validate: bool

    @property
    def label(self) -> str:
        envelope = "gd_mp" if self.gd_mp else "godot4"
        return f"{self.dialect.name}-{envelope}{'-validate' * self.validate}"


KINDS: Final = [
    Kind(dialect, gd_mp, validate)
    for dialect, gd_mp in (
        (Dialect.GODOT_4, False),
        (Dialect.NATIVE, True),
        (Dialect.NATIVE, False),
        (Dialect.GODOT_3, True),
        (Dialect.GODOT_4_BETA, True),
    )
    for validate in (False, True)
]


class World:
    """A server and clients in memory, and what happens to them.

    Args:
        kind: the session.
        seed: of everything that is random.
        straight: calls may go straight.

    Attributes:
        log: what has happened, in order, at each of them.
        apis: by place: 1 the server, then the clients.
    """

    def __init__(self, kind: Kind, seed: int, *, straight: bool) -> None:
        self.kind = kind
        self.straight = straight
        self.log: list[tuple[object, ...]] = []
        self.apis: dict[int, SceneMultiplayer] = {}
        self._peers: list[object] = []  # held, so that chance does not say when one is gone
        self._games: dict[int, Game] = {}
        self._extras: dict[int, Extra] = {}
        self._ruled: dict[int, Ruled] = {}
        self._random = Random(seed)
        self.network = MemoryNetwork(seed=seed)
        for place in range(1, CLIENTS + 2):
            self._add(place)
        self.network.settle()
        for place, game in self._games.items():  # so that numbers are known, and serve for calls
            game.nothing.rpc_id(0 if place == 1 else 1)
        self.network.settle()

    def _add(self, place: int) -> None:
        api = SceneMultiplayer(None, self.kind.dialect, validate=self.kind.validate)
        self.apis[place] = api
        api.root = self.tree(place)
        self._extras[place] = Extra(self, place)
        api.add("Extra", self._extras[place])
        peer: Any
        if not self.kind.gd_mp:
            peer = WebSocketMultiplayerPeer()
        else:
            peer = WebSocketServer() if place == 1 else WebSocketClient()
        self._peers.append(peer)
        self.network.add(peer, polled_by=api)
        if self.kind.gd_mp and place == 1:
            peer.listen(9080, gd_mp_api=True)
        elif self.kind.gd_mp:
            peer.connect_to_url(_URL, gd_mp_api=True)
        elif place == 1:
            peer.create_server(9080)
        else:
            peer.create_client(_URL)
        api.multiplayer_peer = peer
        api._session.straight.allowed = api._session.relaying.allowed = self.straight
        self._listen(place, api)

    def _listen(self, place: int, api: SceneMultiplayer) -> None:
        for signal in (
            api.peer_connected,
            api.peer_disconnected,
            api.server_disconnected,
            api.peer_packet,
            api.invalid_packet,
            api.handler_failed,
        ):
            name = signal.name
            signal.connect(
                lambda *args, name=name: self.note(
                    place, name, repr(args), api.get_remote_sender_id(), self.counts(place)
                )
            )

    def tree(self, place: int) -> Node:
        """A tree with the game in it."""
        root, game, ruled = Node("root"), Game(self, place), Ruled(self, place)
        self._games[place], self._ruled[place] = game, ruled
        root.add_child(game)
        root.add_child(ruled)
        return root

    def rule_extra(self, place: int, sender: int) -> None:
        """Put somebody in charge of what was added."""
        extra = self._extras[place]
        extra.ruler = other_ruler(extra.ruler, sender)
        self.apis[place]._session.objects.set_authority(extra, extra.ruler)

    def rule_ruled(self, place: int, sender: int) -> None:
        """Put somebody in charge of what decides that by itself."""
        ruled = self._ruled[place]
        ruled.ruler = other_ruler(ruled.ruler, sender)

    def _renumber(self) -> None:
        """Let a client take back the number by which it calls, or mean something else by it."""
        api = self.apis[2]
        wire, number = api._session.transport.wire, api._session.cache.paths.id_of("Game")
        packet = wire.forget([number]) if wire.forgets else wire.announce(number, "Extra", ["rule"])
        api.multiplayer_peer.send_packet(packet, 1)

    def note(self, place: int, *what: object) -> None:
        self.log.append((place, *what))

    def counts(self, place: int) -> tuple[object, ...]:
        """What somebody who looks sees at this moment."""
        api = self.apis[place]
        statistics, peer = api.statistics, api.multiplayer_peer
        queued = [
            peer.get_peer(each).statistics.packets_queued for each in peer.get_peers() if place == 1
        ]
        return statistics.calls_received, statistics.discarded, queued

    # ---------------------------------------------------------------- what they do

    def step(self) -> None:
        """Let one of them send much, and let it arrive."""
        draw = self._random
        for _ in range(draw.choice((1, 1, 2))):
            place = draw.randrange(1, CLIENTS + 2)
            ids = [1, 1, 1] if place > 1 else self._ids()
            target = draw.choice([*ids, 0])
            favourite = draw.choice(METHODS) if draw.random() < 0.7 else ""
            for _ in range(draw.choice((1, 3, 20, 60))):
                self._send(place, target, favourite)
        try:
            self.network.settle()
        except MultiplayerError as error:
            self.note(0, "raised", error.code.name)
        if draw.random() < 0.3:
            self.network.advance(draw.choice((0.1, 1.0)))

    def _ids(self) -> list[int]:
        return self.apis[1].get_peers()

    def _send(self, place: int, target: int, favourite: str) -> None:
        draw, api, game = self._random, self.apis[place], self._games[place]
        chance = draw.random()
        try:
            if chance < 0.012:
                what = draw.choice(MILD) if draw.random() < 0.75 else draw.randrange(100)
                game.act.rpc_id(target, what)
            elif chance < 0.018:
                api.send_bytes(b"bytes", target)
            elif chance < 0.024:
                api.multiplayer_peer.send_packet(self._broken(), target)
            elif chance < 0.03 and place > 1:
                game.anything.rpc_id(draw.choice(self._ids() or [1]), "by way of the server")
            else:
                self._call(game, target, favourite or draw.choice(METHODS))
        except (MultiplayerError, TypeError) as error:
            code = error.code if isinstance(error, MultiplayerError) else Error.FAILED
            self.note(place, "not sent", code.name)

    def _call(self, game: Game, target: int, method: str) -> None:
        draw = self._random
        values: list[object] = []
        if method == "move":
            values = [draw.randrange(300), draw.choice((1.5, 0.1, 3)), draw.random(), "walking"]
        elif method in ("fail", "seldom"):
            values = [draw.randrange(-200, 200)]
        elif method == "perhaps":
            values = [draw.choice((None, 7)), draw.choice((True, False))]
        elif method == "paint":
            color = draw.choice(_COLORS if draw.random() < 0.1 else _COLORS[:2])
            values = [draw.choice(_PLACES), color]
        elif method == "all_of_them":
            values = [draw.choice(_VALUES) for _ in range(draw.randrange(5))]
        elif method == "anything":
            values = [draw.choice(_VALUES) for _ in range(draw.randrange(1, 3))]
        elif method == "rule":
            values = [draw.choice(_VALUES)]
        if values and draw.random() < 0.03:
            values[0] = draw.choice(_VALUES)
        getattr(game, method).rpc_id(target, *values)

    def _broken(self) -> bytes:
        draw = self._random
        if draw.random() < 0.3:
            return draw.randbytes(draw.randrange(1, 20))
        head = bytes((0, 1, draw.randrange(9), draw.randrange(6)))
        return head + draw.randbytes(draw.randrange(12))

    def change(self, what: int) -> None:
        """Let a client call much, and something change in the midst of it, each time once more.

        Because of the call before, which changes nothing, the one that does goes straight.
        """
        game, extra, ruled, api = self._games[2], self._extras[2], self._ruled[2], self.apis[2]
        for _ in range(2):
            for number in range(24):
                try:
                    if number in (4, 8):
                        game.act.rpc_id(1, NOTHING if number == 4 else what)
                    elif number == 9 and what == RENUMBERS:
                        self._renumber()
                    elif number % 3 == 2:
                        api.rpc(1, (game, extra, ruled)[number // 3 % 3], "rule", [number])
                    else:
                        game.move.rpc_id(1, number, 0.5, 0.25, "running")
                except MultiplayerError as error:
                    self.note(2, "not sent", error.code.name)
            self.network.settle()

    def whole(self) -> list[object]:
        """Everything that is left to compare, when all is done."""
        left: list[object] = []
        for api in self.apis.values():
            left.append(api.statistics)
            left.append(sorted(api.get_peers()))
        return left
