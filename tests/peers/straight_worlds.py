"""Two worlds that differ in one thing only: in one of them every packet takes the long way."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from multiplayer import Dialect, Limits, MultiplayerError, Node, SceneMultiplayer, Vector2, rpc
from multiplayer.errors import Error
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS: Final = 3
_URL: Final = "ws://127.0.0.1:9080"
_VALUES: Final[tuple[object, ...]] = (
    *(0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 70_000, -(2**31), 2**31, 2**40),
    *(True, False, None, 0.5, 0.1, -1e300, float("inf"), "", "a", "walking", "ü€", "x" * 59),
    *("a\0b", "\ufeffa", [], [1], {"a": 1}, b"", b"abc", Vector2(1.0, 2.0), "x" * 300),
)


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


class Game(Node):
    """What peers call, at the server and at clients; everything is noted."""

    def __init__(self, world: World, owner: int) -> None:
        super().__init__("Game")
        self._world = world
        self._owner = owner
        self._calls = 0

    def _note(self, method: str, *args: object) -> None:
        world, api = self._world, self._world.apis[self._owner]
        sender = api.get_remote_sender_id()
        self._calls += 1
        world.note(self._owner, "call", method, repr(args), sender, world.counts(self._owner))

    @rpc("any_peer")
    def move(self, who: int, x: float, y: float, state: str) -> None:
        self._note("move", who, x, y, state)

    @rpc("any_peer")
    def anything(self, x: object, y: object = 7) -> None:
        self._note("anything", x, y)

    @rpc("any_peer")
    def nothing(self) -> None:
        self._note("nothing")

    @rpc("any_peer")
    def all_of_them(self, *values: object) -> None:
        self._note("all_of_them", *values)

    @rpc("authority")
    def rule(self, x: object) -> None:
        self._note("rule", x)

    @rpc("any_peer", limit=3)
    def seldom(self, x: int) -> None:
        self._note("seldom", x)

    @rpc("any_peer")
    def perhaps(self, x: int | None, y: bool) -> None:
        self._note("perhaps", x, y)

    @rpc("any_peer")
    def fail(self, x: int) -> None:
        self._note("fail", x)
        raise ValueError(x)

    @rpc("any_peer")
    def act(self, what: int) -> None:
        self._note("act", what)
        actions = list(_actions(self._world, self._owner, self))
        assert len(actions) == ACTIONS
        try:
            actions[what % len(actions)]()
        except MultiplayerError as error:
            self._world.note(self._owner, "refused", error.code.name)


ACTIONS: Final = 30
NOTHING: Final = 29

METHODS: Final = (
    *("move", "anything", "nothing", "all_of_them", "rule"),
    *("seldom", "perhaps", "fail", "move", "move", "anything"),
)


def _actions(world: World, owner: int, game: Game) -> Iterator[Callable[[], object]]:
    """What a method may do to the session that it is called by."""
    api, peer = world.apis[owner], world.apis[owner].multiplayer_peer
    sender = api.get_remote_sender_id()
    yield lambda: api.disconnect_peer(sender)
    yield lambda: peer.disconnect_peer(sender, True)
    yield lambda: peer.disconnect_peer(sender)
    yield lambda: peer.expel_peer(sender, "for that")
    yield lambda: setattr(api, "discard_packets", not api.discard_packets)
    yield lambda: setattr(peer, "discard_packets", True)
    yield lambda: peer.peer_packet.connect(lambda who: world.note(owner, "listener", who))
    yield lambda: setattr(game, "name", "Other")
    yield lambda: game.parent is not None and game.parent.remove_child(game)
    yield lambda: game.set_multiplayer_authority(sender)
    yield lambda: setattr(api, "validate", not api.validate)
    yield lambda: setattr(api, "root", world.tree(owner))
    yield lambda: setattr(api, "root", None)
    yield lambda: setattr(api, "root_path", "/root/Game")
    yield lambda: setattr(peer, "limits", Limits(packets_per_second=5))
    yield lambda: game.anything.rpc_id(sender, "back")
    yield lambda: game.anything.rpc("to all")
    yield lambda: api.send_bytes(b"raw", sender)
    yield lambda: game.rpc_config("move", {"rpc_mode": 0})
    yield api.clear
    yield lambda: api.add("Game", _Other(world, owner))
    yield lambda: peer.flush() if owner == 1 else None
    yield lambda: setattr(api, "multiplayer_peer", None)
    yield peer.poll
    yield lambda: setattr(peer, "refuse_new_connections", True)
    yield lambda: peer.get_peer(sender).close(4001, "so")
    yield peer.close
    yield lambda: (peer.close(), peer.create_server(9081))
    yield lambda: [peer.disconnect_peer(each, True) for each in peer.get_peers()]
    yield lambda: None


MILD: Final = (6, 9, 10, 14, 15, 16, 17, 18)
"""Those after which there is still something to be called."""


class _Other:
    """Something else at the same path."""

    def __init__(self, world: World, owner: int) -> None:
        self._world, self._owner = world, owner

    @rpc("any_peer")
    def anything(self, x: object, y: object = 7) -> None:
        self._world.note(self._owner, "other", repr((x, y)))


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
        self._games: dict[int, Game] = {}
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
        peer: Any
        if not self.kind.gd_mp:
            peer = WebSocketMultiplayerPeer()
        else:
            peer = WebSocketServer() if place == 1 else WebSocketClient()
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
        api._session.straight.allowed = self.straight
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
        root, game = Node("root"), Game(self, place)
        self._games[place] = game
        root.add_child(game)
        return root

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
            target = 1 if place > 1 else draw.choice([*self._ids(), 0])
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
        game = self._games[2]
        for _ in range(2):
            for number in range(24):
                try:
                    if number in (4, 8):
                        game.act.rpc_id(1, NOTHING if number == 4 else what)
                    elif number % 3 == 2:
                        game.rule.rpc_id(1, number)
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
