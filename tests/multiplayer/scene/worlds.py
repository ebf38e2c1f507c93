"""A session in memory: a server and clients, each with the same game objects, all recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    GODOT_4_BETA,
    NATIVE,
    Dialect,
    MultiplayerError,
    Node,
    SceneMultiplayer,
    TransferMode,
    rpc,
)
from multiplayer.scene.methods.table import table_of
from multiplayer.wire.dialects.choice import wire_of

from .loopback import LoopbackPeer, Network, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.scene import Reason

A, B, C = 20, 30, 40
GAME = "Main/Game"


class Called(NamedTuple):
    """A method that ran: where, which, with what, and who called it."""

    at: int
    method: str
    args: tuple[object, ...]
    sender: int


class GameMethods:
    """What peers can call; as a mixin of a node and of a plain class."""

    world: World
    own_id: int

    def took(self, method: str, *args: object) -> None:
        sender = self.world.apis[self.own_id].get_remote_sender_id()
        self.world.calls.append(Called(self.own_id, method, args, sender))

    @rpc("any_peer")
    def any_none(self) -> None:
        self.took("any_none")

    @rpc("any_peer")
    def any_one(self, x: object) -> None:
        self.took("any_one", x)

    @rpc("any_peer")
    def any_two(self, x: object, y: object = "default") -> None:
        self.took("any_two", x, y)

    @rpc("any_peer", "call_local")
    def local_one(self, x: object) -> None:
        self.took("local_one", x)

    @rpc
    def auth_one(self, x: object) -> None:
        self.took("auth_one", x)

    @rpc("authority", "call_local")
    def auth_local(self, x: object) -> None:
        self.took("auth_local", x)

    @rpc("any_peer", "unreliable_ordered", 3)
    def channelled(self, x: object) -> None:
        self.took("channelled", x)

    @rpc("any_peer")
    def reply(self, x: object) -> None:
        self.took("reply", x)
        sender = self.world.apis[self.own_id].get_remote_sender_id()
        self.any_one.rpc_id(sender, x)

    @rpc("any_peer")
    def fail(self, text: str) -> None:
        self.took("fail", text)
        raise RuntimeError(text)

    def undeclared(self, *args: object) -> None:
        self.took("undeclared", *args)

    def _private(self, *args: object) -> None:
        self.took("_private", *args)

    def queue_free(self, *args: object) -> None:
        self.took("queue_free", *args)

    @property
    def a_property(self) -> object:
        self.took("a_property")
        return self.undeclared


class GameNode(GameMethods, Node):
    pass


class GameObject(GameMethods):
    """Any class: it knows nothing of ours but ``@rpc``."""


class Kind(NamedTuple):
    """A session's dialect and envelope, and what its game objects are."""

    dialect: Dialect
    gd_mp: bool
    nodes: bool

    @property
    def label(self) -> str:
        envelope = "gd_mp" if self.gd_mp else "godot4"
        return f"{self.dialect.name}-{envelope}-{'node' if self.nodes else 'object'}"


ENVELOPES = [
    (NATIVE, True),
    (NATIVE, False),
    (GODOT_3, True),
    (GODOT_4, False),
    (GODOT_4_BETA, True),
]
KINDS = [Kind(*envelope, nodes) for envelope in ENVELOPES for nodes in (True, False)]
WITH_NODES = [kind for kind in KINDS if kind.nodes]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
each_dialect = pytest.mark.parametrize("kind", WITH_NODES, ids=lambda kind: kind.label)


def dialects(fitting: Callable[[Kind], object]) -> pytest.MarkDecorator:
    """Run a test with the dialects and envelopes that it is about."""
    kinds = [kind for kind in WITH_NODES if fitting(kind)]
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.label)


def authenticates(kind: Kind) -> bool:
    return wire_of(kind.dialect).authenticates


def api_relays(kind: Kind) -> bool:
    return not kind.gd_mp


class World:
    """A server (1) and clients, connected by lists in memory.

    Attributes:
        apis: by id.
        calls: the methods that ran, in order.
        told: the signals of the APIs: whose, which, with what.
        invalid: their invalid_packet signals: at whom, whose packet, why.
    """

    def __init__(
        self,
        kind: Kind,
        *clients: int,
        in_order: bool = False,
        before: Callable[[SceneMultiplayer], object] = lambda _: None,
    ) -> None:
        self.kind = kind
        self.wire = wire_of(kind.dialect)
        self.network = Network(relays=kind.gd_mp, in_order=in_order)
        self.apis: dict[int, SceneMultiplayer] = {}
        self.peers: dict[int, LoopbackPeer] = {}
        self.calls: list[Called] = []
        self.told: list[tuple[int, str, tuple[Any, ...]]] = []
        self.invalid: list[tuple[int, int, Reason]] = []
        self._before = before
        self._objects: dict[tuple[int, str], GameMethods] = {}
        self.add(1)
        for client in clients:
            self.join(client)

    # ---------------------------------------------------------------- who is there

    def add(self, own_id: int) -> SceneMultiplayer:
        """A program that is connected, and not linked yet if it is a client."""
        api = SceneMultiplayer(Node("root"), self.kind.dialect)
        self._before(api)
        self.apis[own_id] = api
        self.peers[own_id] = LoopbackPeer(self.network, own_id)
        api.multiplayer_peer = self.peers[own_id]
        for signal in (
            api.peer_connected,
            api.peer_disconnected,
            api.peer_authenticating,
            api.peer_authentication_failed,
            api.connected_to_server,
            api.connection_failed,
            api.server_disconnected,
            api.peer_packet,
        ):
            signal.connect(lambda *args, what=signal.name: self.told.append((own_id, what, args)))
        api.invalid_packet.connect(lambda peer, reason, _: self._note(own_id, peer, reason))
        if api.root is not None and self.kind.nodes:
            api.root.add_child(Node("Main"))
        self.place(own_id, GAME)
        return api

    def _note(self, own_id: int, peer: int, reason: Reason) -> None:
        self.invalid.append((own_id, peer, reason))

    def join(self, own_id: int) -> SceneMultiplayer:
        api = self.add(own_id)
        self.peers[own_id].link()
        self.settle()
        return api

    def leave(self, own_id: int) -> None:
        self.peers[own_id].drop()
        self.settle()
        del self.apis[own_id], self.peers[own_id]

    # ---------------------------------------------------------------- game objects

    def place(
        self, own_id: int, path: str, authority: int = 1, made: GameMethods | None = None
    ) -> GameMethods:
        """Put a game object at a path that is one below Main."""
        api, name = self.apis[own_id], path.removeprefix("Main/")
        if made is None:
            made = GameNode(name) if self.kind.nodes else GameObject()
            made.world, made.own_id = self, own_id
        if isinstance(made, Node):
            assert api.root is not None
            made.set_multiplayer_authority(authority)
            api.root.get_node("Main").add_child(made)
        else:
            api.add(path, made, authority)
        self._objects[own_id, path] = made
        return made

    def displace(self, own_id: int, path: str) -> GameMethods:
        """Take a game object away."""
        made = self._objects.pop((own_id, path))
        if isinstance(made, Node):
            assert made.parent is not None
            made.parent.remove_child(made)
        else:
            self.apis[own_id].remove(path)
        return made

    def rename(self, own_id: int, path: str, new: str) -> None:
        made = self._objects.pop((own_id, path))
        if isinstance(made, Node):
            made.name = new.removeprefix("Main/")
        else:
            self.apis[own_id].remove(path)
            self.apis[own_id].add(new, made)
        self._objects[own_id, new] = made

    def game(self, own_id: int, path: str = GAME) -> GameMethods:
        return self._objects[own_id, path]

    def set_authority(self, own_id: int, authority: int) -> None:
        made = self.game(own_id)
        if isinstance(made, Node):
            made.set_multiplayer_authority(authority)
        else:
            self.apis[own_id].set_multiplayer_authority(made, authority)

    # ---------------------------------------------------------------- what happens

    def settle(self) -> None:
        for _ in range(100):
            for api in list(self.apis.values()):
                api.poll()
            if not self.network.waiting:
                return
        pytest.fail("packets go round in circles")

    def call(self, sender: int, to: int, method: str, *args: object, path: str = GAME) -> None:
        getattr(self.game(sender, path), method).rpc_id(to, *args)

    def do(self, sender: int, to: int, method: str, *args: object) -> list[Called]:
        """Call, and return what ran, by whom."""
        self.call(sender, to, method, *args)
        self.settle()
        return self.took()

    def took(self) -> list[Called]:
        calls, self.calls = self.calls, []
        return sorted(calls, key=lambda call: call.at)

    def events(self, own_id: int) -> list[tuple[Any, ...]]:
        """What the API of ``own_id`` told since the last time."""
        mine = [(what, *args) for whose, what, args in self.told if whose == own_id]
        self.told = [line for line in self.told if line[0] != own_id]
        return mine

    # ---------------------------------------------------------------- packets by hand

    def inject(self, source: int, target: int, packet: bytes) -> None:
        """Let a packet arrive that no API wrote."""
        if not self.kind.gd_mp and 1 not in (source, target):
            packet, source = self.wire.relay(source, packet), 1
        sent = Sent(source, target, TransferMode.TRANSFER_MODE_RELIABLE, 0, packet)
        self.network.deliver(sent, target)

    def forged(self, path: str, method: str, args: Sequence[object] = ()) -> list[bytes]:
        """The packets of a call, as a program would write it that checks nothing.

        The node's number is announced and then used. Where methods have numbers that the receiver
        gives, it is that of ``method`` in the game object, or one that no method has.
        """
        names = table_of(type(self.game(1))).names
        number = 0
        if self.wire.methods_by == "receiver":
            number = names.index(method) if method in names else 200
        methods = [method] if self.wire.methods_by == "sender" else names
        self._number += 1
        call = self.wire.call(method, number, args)
        return [
            self.wire.announce(self._number, path, methods),
            call.by_number(self._number, shortest=True),
        ]

    _number = 100_000

    def inject_call(
        self, source: int, target: int, path: str, method: str, args: Sequence[object] = ()
    ) -> None:
        for packet in self.forged(path, method, args):
            self.inject(source, target, packet)

    def rejected(self, own_id: int = 1) -> dict[str, int]:
        return dict(self.apis[own_id].statistics.rejected)


def error_of(action: Callable[..., object], *args: object) -> MultiplayerError:
    """Return the error that ``action`` raises."""
    with pytest.raises(MultiplayerError) as caught:
        action(*args)
    return caught.value
