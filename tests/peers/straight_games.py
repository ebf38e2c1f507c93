"""What peers call in :mod:`.straight_worlds`, and what that does to the session it is called in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import Color, Limits, MultiplayerError, Node, Vector2, Vector3, rpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .straight_worlds import World


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
    def paint(self, where: Vector2 | Vector3, color: Color) -> None:
        self._note("paint", where, color)

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


ACTIONS: Final = 34
NOTHING: Final = 29
RENUMBERS: Final = 32

METHODS: Final = (
    *("move", "anything", "nothing", "all_of_them", "rule"),
    *("seldom", "perhaps", "fail", "move", "move", "anything", "paint"),
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
    yield lambda: game.set_multiplayer_authority(
        other_ruler(game.get_multiplayer_authority(), sender)
    )
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
    yield lambda: world.rule_extra(owner, sender)
    yield lambda: world.rule_ruled(owner, sender)
    yield lambda: None  # the client does it, see World.change
    yield lambda: [peer.disconnect_peer(each, True) for each in peer.get_peers() if each != sender]


def other_ruler(now: int, sender: int) -> int:
    """Who is in charge next: somebody, then the server again."""
    return 1 if now == sender else sender


MILD: Final = (6, 9, 10, 14, 15, 16, 17, 18)
"""Those after which there is still something to be called."""


class _Other:
    """Something else at the same path."""

    def __init__(self, world: World, owner: int) -> None:
        self._world, self._owner = world, owner

    @rpc("any_peer")
    def anything(self, x: object, y: object = 7) -> None:
        self._world.note(self._owner, "other", repr((x, y)))


class Extra:
    """Something that was added, and is none of the tree."""

    def __init__(self, world: World, owner: int) -> None:
        self._world, self._owner = world, owner
        self.ruler = 1

    @rpc("authority")
    def rule(self, x: object) -> None:
        self._world.note(self._owner, "rule", repr(x))


class Ruled(Node):
    """A node that decides each time anew who is in charge of it."""

    def __init__(self, world: World, owner: int) -> None:
        super().__init__("Ruled")
        self._world, self._owner = world, owner
        self.ruler = 1

    def get_multiplayer_authority(self) -> int:
        return self.ruler

    @rpc("authority")
    def rule(self, x: object) -> None:
        self._world.note(self._owner, "ruled", repr(x))
