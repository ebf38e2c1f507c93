"""A server of rooms and its clients, for tests; the rooms note what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer import Dialect, Node, rpc
from peers import Room, RoomServer, WebSocketClient, WebSocketMultiplayerPeer
from tests.driving import Recorder, until
from tests.peers.rooms.visitors import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peers import Accept, Refuse, RoomRequest, Seat
    from tests.driving import Drive


class World(Node):
    """Counts, and tells all."""

    def __init__(self) -> None:
        super().__init__("World")
        self.heard: list[object] = []

    @rpc("any_peer")
    def add(self, number: int) -> None:
        self.heard.append(number)
        self.total.rpc(sum(each for each in self.heard if isinstance(each, int)))

    @rpc("authority")
    def total(self, number: int) -> None:
        self.heard.append(number)


class Noting(Room):
    """A room that notes what it is told."""

    capacity = 2
    idle = None

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.world = World()

    def opened(self, options: Mapping[str, str]) -> None:
        self.told.append(("opened", dict(options)))
        self.root.add_child(self.world)

    def may_join(self, request: RoomRequest) -> Accept | Refuse | bool | None:
        self.told.append(("may_join", request.path))
        return None

    def joined(self, seat: Seat) -> None:
        self.told.append(("joined", seat.id))

    def left(self, seat: Seat, why: str) -> None:
        self.told.append(("left", seat.id, why))

    def closed(self, why: str) -> None:
        self.told.append(("closed", why))

    def of(self, name: str) -> list[Any]:
        """What was told by one name."""
        return [each[1] if len(each) == 2 else each[1:] for each in self.told if each[0] == name]


class Duel(Noting):
    """Two players."""


class Arena(Noting):
    """Any number of them, by Godot 4's wire."""

    capacity = 0
    dialect = Dialect.GODOT_4


class Player(Visitor):
    """A client with its API.

    Attributes:
        world: what it shares with the room.
    """

    def __init__(self, url: str, dialect: Dialect = Dialect.NATIVE) -> None:
        peer = WebSocketMultiplayerPeer() if dialect is Dialect.GODOT_4 else WebSocketClient()
        self.told = Recorder(peer)
        if isinstance(peer, WebSocketClient):
            peer.connect_to_url(url, gd_mp_api=True)
        else:
            peer.create_client(url)
        self.world = World()
        super().__init__(peer, self.world, dialect)


class Hall:
    """A server that is driven, and its players."""

    def __init__(self, drive: Drive, server: RoomServer | None = None) -> None:
        self.drive = drive
        self.server = server or RoomServer({"duel": Duel, "arena": Arena})
        self.told = Recorder(self.server)
        self.server.listen(0, "127.0.0.1")
        drive.add(self.server)  # type: ignore[type-var]

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.server.get_local_port()}{path}"

    def player(self, path: str, dialect: Dialect = Dialect.NATIVE) -> Player:
        """A client that is connecting."""
        player = Player(self.url(path), dialect)
        self.drive._nursery.start_soon(self.drive._poll, player.api)
        return player

    async def join(self, path: str, dialect: Dialect = Dialect.NATIVE) -> Player:
        """A client that has come in."""
        player = self.player(path, dialect)
        await until(lambda: player.is_in)
        return player

    async def refused(self, path: str) -> tuple[int, str]:
        """How a client was closed that was not let in."""
        player = self.player(path)
        await until(lambda: player.is_out)
        assert "connection_succeeded" not in player.told.names()
        return player.closed_with

    def open(self, kind: str = "duel", **options: Any) -> Noting:
        room = self.server.create(kind, **options)
        assert isinstance(room, Noting)
        return room
