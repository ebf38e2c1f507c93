"""Nodes of one process with rooms and clients, for tests; and a directory that can be cut off."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import trio

import peers
from multiplayer import Node, rpc
from peers import Room, RoomServer, WebSocketClient
from peers.cluster.directory import DirectoryError
from peers.cluster.node import Node as ClusterNode
from tests.driving import pause, until
from tests.peers.rooms.visitors import Visitor
from tests.programs import Program, started

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping

    from peers.cluster.directory import Directory


async def eventually(look: Callable[[], Awaitable[object]]) -> None:
    """Wait until what is looked up is true; fail if it does not become so."""
    with trio.fail_after(10):
        while not await look():
            await pause()


class World(Node):
    """Adds what it hears, and tells everybody the sum."""

    def __init__(self) -> None:
        super().__init__("World")
        self.sum = 0
        self.told: list[int] = []

    @rpc("any_peer")
    def add(self, number: int) -> None:
        self.sum += number
        self.total.rpc(self.sum)

    @rpc("any_peer")
    def echo(self, number: int) -> int:
        return number

    @rpc("authority")
    def total(self, number: int) -> None:
        self.told.append(number)


class Duel(Room):
    """Two players, and a sum that is saved."""

    capacity = 2
    grace = 30.0
    idle = None

    def opened(self, options: Mapping[str, str]) -> None:
        self.world = World()
        self.root.add_child(self.world)

    def save(self) -> object:
        return {"sum": self.world.sum}

    def restored(self, data: Any) -> None:
        self.world.sum = data["sum"]


class Flaky:
    """A directory between which and its node the network can be cut.

    Args:
        directory: the directory.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.cut = False
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._directory, name)

        async def ask(*arguments: Any) -> Any:
            self.asked.append(name)
            if self.cut:
                await trio.sleep(0.05)
                raise DirectoryError("cut")
            return await method(*arguments)

        return ask


class Machine:
    """A node and its server."""

    def __init__(self, server: RoomServer, node: ClusterNode, directory: Flaky) -> None:
        self.server = server
        self.node = node
        self.directory = directory

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.server.get_local_port()}{path}"

    @property
    def codes(self) -> list[str]:
        return [room.code for room in self.server.rooms]


@asynccontextmanager
async def machine(
    directory: Directory,
    name: str = "a",
    kinds: Mapping[str, type[Room]] | None = None,
    **options: Any,
) -> AsyncGenerator[Machine]:
    """A node that shares that directory, while the block lasts."""
    flaky = Flaky(directory)
    server = RoomServer({"duel": Duel} if kinds is None else kinds)
    async with (
        peers.serve_rooms(0, peer=server),
        ClusterNode.joined(server, flaky, name, **options) as node,
    ):
        yield Machine(server, node, flaky)


class Player(Visitor):
    """A client with its API.

    Args:
        url: where it connects to.
        resume: whether and how it comes back.
        trusted: the certificate that it trusts, with TLS.
    """

    def __init__(
        self, url: str, resume: peers.Resume | None = None, trusted: bytes | None = None
    ) -> None:
        peer = WebSocketClient()
        peer.trusted_tls_certificate = trusted
        peer.resume = resume
        self.resumed: list[bool] = []  # with what was replayed, or not
        peer.session_resumed.connect(self.resumed.append)
        peer.connect_to_url(url, gd_mp_api=True)
        self.world = World()
        super().__init__(peer, self.world)


async def joined(nursery: trio.Nursery, url: str) -> Player:
    """Have a client that comes back by itself, and is in."""
    player = Player(url, peers.Resume(give_up_after=30.0))
    nursery.start_soon(peers.run, player.api)
    await until(lambda: player.is_in)
    return player


async def add(player: Player, number: int, total: int) -> None:
    """Add a number in the room, and wait for the sum."""
    player.world.add.rpc_id(1, number)
    await until(lambda: total in player.world.told)


async def refused(nursery: trio.Nursery, url: str) -> int:
    player = Player(url)
    nursery.start_soon(peers.run, player.api)
    await until(lambda: player.is_out)
    return player.closed_with[0]


async def opened(here: Machine, code: str = "RED") -> Duel:
    room = here.server.create("duel", code=code)
    await until(lambda: here.node.owns(code))
    assert isinstance(room, Duel)
    return room


async def saved(here: Machine, directory: Directory, code: str = "RED") -> None:
    """Wait until all that has happened in a room is saved."""
    room = here.server.find(code)
    assert room is not None

    async def look() -> bool:
        taken = await directory.take(code, here.node.entry.incarnation)
        return taken is not None and taken.snapshot == here.server.save(room)

    await eventually(look)


async def counted(directory: Directory, code: str, players: int) -> None:
    """Wait until the directory knows how many players are in a room; then they are saved, too."""

    async def look() -> bool:
        found = await directory.find(code)
        return found is not None and found.room.state.players == players

    await eventually(look)


@contextmanager
def program(url: str, name: str, *more: str) -> Generator[tuple[Program, int]]:
    """A node in a process of its own, with more options, and its port."""
    kind = f"{__name__}:Duel"
    options = ("--port", "0", "--redis", url, "--node", name, "--drain", "0.1", "--quiet")
    with started("-m", "peers", "serve-rooms", kind, *options, *more) as node:
        port = int(node.until(r"node \w+, listening on wss?://127\.0\.0\.1:(\d+)").group(1))
        yield node, port
