"""What strangers send to the port for nodes, and snapshots that are none."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer.rooms.directory_entries import NodeEntry, RoomState
from multiplayer.rooms.letter import write_letter
from multiplayer.rooms.snapshot import Snapshot, pack
from peers import RoomServer
from peers.cluster import visitors
from peers.cluster.memory_directory import MemoryDirectory
from peers.cluster.tls_end import TlsEnd
from tests.certificates import certificate, server_side
from tests.driving import until
from tests.peers.cluster.machines import (
    Duel,
    Machine,
    Player,
    counted,
    eventually,
    joined,
    machine,
    opened,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = (
    b"GET /duel/RED HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def sent(here: Machine, data: bytes) -> bytes:
    """Send something to the port for nodes, and return what comes until the end."""
    answer = bytearray()
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", here.node.entry.port) as stream:
            await stream.send_all(data)
            try:
                while piece := await stream.receive_some():
                    answer += piece
                    if b"\r\n\r\n" in answer:
                        break
            except trio.BrokenResourceError:
                pass
    return bytes(answer)


async def secret_of(directory: MemoryDirectory) -> bytes:
    return await directory.secret(b"")


FORGERIES: dict[str, Callable[[bytes, str], bytes]] = {
    "another secret": lambda _, name: write_letter(b"x" * 32, name, ("10.0.0.1", 5)),
    "another node": lambda secret, _: write_letter(secret, "b/1", ("10.0.0.1", 5)),
    "no end": lambda secret, name: write_letter(secret, name, ("10.0.0.1", 5))[:-1] + b"x" * 9000,
    "HTTP": lambda _, __: HEAD,
    "noise": lambda _, __: bytes(range(256)) * 10 + b"\n",
}


async def test_strangers_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with machine(MemoryDirectory()) as a:
        most = a.server.limits.max_log_lines
        for _ in range(most + 5):
            assert await sent(a, b"noise\n") == b""
    lines = [each for each in caplog.records if each.name == visitors.__name__]
    assert len(lines) == most


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_strangers_get_nothing_there(forge: Callable[[bytes, str], bytes]) -> None:
    directory = MemoryDirectory()
    async with machine(directory) as a:
        room = await opened(a)
        letter = forge(await secret_of(directory), a.node.entry.incarnation)
        assert await sent(a, letter + HEAD) == b""
        assert not room.seats


async def test_a_letter_is_for_who_it_says() -> None:
    directory = MemoryDirectory()
    async with machine(directory) as a:
        room = await opened(a)
        letter = write_letter(
            await secret_of(directory), a.node.entry.incarnation, ("203.0.113.7", 4711)
        )
        seen: list[tuple[str, int]] = []

        def look(request: peers.UpgradeRequest) -> None:
            seen.append((request.address, request.port))

        a.server.upgrade_callback = look
        assert (await sent(a, letter + HEAD)).startswith(b"HTTP/1.1 101")
        assert seen == [("203.0.113.7", 4711)]
        assert room.is_open


async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "_PATIENCE", 0.05)
    async with machine(MemoryDirectory()) as a:
        assert await sent(a, b"gdpeers-passed 1") == b""


async def test_what_was_passed_on_is_passed_on_once(nursery: trio.Nursery) -> None:
    """A room that has moved meanwhile: the client comes again, and nothing goes in circles."""
    directory = MemoryDirectory()
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        await opened(b)
        letter = write_letter(
            await secret_of(directory), a.node.entry.incarnation, ("203.0.113.7", 4711)
        )
        answer = await sent(a, letter + HEAD)
        assert answer.startswith(b"HTTP/1.1 101")  # and then closed with 4012
        assert a.node.spliced == 0
        assert not b.server.rooms[0].seats


@pytest.mark.parametrize("request_", ["page", "claim"])
async def test_a_mistake_that_nobody_expects_ends_no_node(
    request_: str, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    directory = MemoryDirectory()
    async with machine(directory) as a:
        await opened(a)
        monkeypatch.setattr(directory, request_, fail)
        a.directory.asked.clear()
        a.server.create("duel", code="BLUE")
        await until(lambda: request_ in a.directory.asked)
        await joined(nursery, a.url("/duel/RED"))


async def test_so_many_are_passed_on_and_no_more(nursery: trio.Nursery) -> None:
    directory = MemoryDirectory()
    async with machine(directory, "a", most_spliced=1) as a, machine(directory, "b") as b:
        await opened(b)
        await joined(nursery, a.url("/duel/RED"))
        player = Player(a.url("/duel/RED"))
        nursery.start_soon(peers.run, player.api)
        await until(lambda: player.is_out)
        assert player.closed_with == (4013, "this server is full")


async def test_who_speaks_no_tls_where_it_ends(nursery: trio.Nursery) -> None:
    server = RoomServer({"duel": Duel})
    server.open()
    server.handshake_timeout = 0.1
    server.limits = replace(server.limits, max_pending_handshakes=2)
    listener = socket.create_server(("127.0.0.1", 0))
    end = TlsEnd(server, listener, server_side(certificate("127.0.0.1")))
    nursery.start_soon(end.run)
    nursery.start_soon(peers.run, server)

    async def closed(data: bytes) -> None:
        with trio.fail_after(10):
            async with await trio.open_tcp_stream("127.0.0.1", end.local_port) as stream:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(data)
                    while await stream.receive_some():
                        pass

    async with trio.open_nursery() as strangers:
        for data in (HEAD, b"", b"", b"", bytes(range(256)), b"\x16\x03\x01\xff\xff"):
            strangers.start_soon(closed, data)
    nursery.cancel_scope.cancel()


SNAPSHOTS = {
    "noise": b"\xc1 nonsense",
    "nothing": b"",
    "of another room": pack(Snapshot("duel", "BLUE", data={"sum": 9})).data,
    "of another kind": pack(Snapshot("chess", "RED", data={"sum": 9})).data,
    "of another game": pack(Snapshot("duel", "RED", data=["sum"])).data,
}


@pytest.mark.handlers_fail
@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
async def test_a_snapshot_that_is_none(snapshot: bytes, nursery: trio.Nursery) -> None:
    """The room opens fresh."""
    directory = MemoryDirectory()
    dead = NodeEntry("dead/1", "127.0.0.1", 1)
    await directory.beat(dead, 60.0)
    epoch = await directory.claim("RED", "duel", dead.incarnation, RoomState())
    await directory.save("RED", epoch, snapshot)
    await directory.leave(dead.incarnation)
    async with machine(directory) as a:
        player = await joined(nursery, a.url("/duel/RED"))
        room = a.server.find("RED")
        assert isinstance(room, Duel)
        assert room.world.sum == 0
        assert [*room.seats] == [player.id]


async def test_rooms_of_the_dead_do_not_make_a_node_too_full() -> None:
    directory = MemoryDirectory()
    dead = NodeEntry("dead/1", "127.0.0.1", 1)
    await directory.beat(dead, 60.0)
    for number in range(5):
        await directory.claim(f"R{number}", "duel", dead.incarnation, RoomState())
    await directory.claim("C", "chess", dead.incarnation, RoomState())
    await directory.leave(dead.incarnation)
    async with machine(directory) as a:
        a.server.max_rooms = 3
        await until(lambda: len(a.codes) == 3)
        asked = len(a.directory.asked)
        await until(lambda: a.directory.asked[asked:].count("beat") > 1)
        assert len(a.codes) == 3
        assert len(await directory.orphans()) == 3  # for others


class Sloppy(Duel):
    """Saves nothing, and says about itself what nobody can read."""

    def save(self) -> object:
        raise ValueError("save")


@pytest.mark.handlers_fail
async def test_what_a_game_gets_wrong_ends_no_node(nursery: trio.Nursery) -> None:
    directory = MemoryDirectory()
    async with machine(directory, kinds={"duel": Sloppy}) as a:
        room = await opened(a)
        endless: dict[str, object] = {}
        endless["it"] = endless
        room.metadata = endless
        player = await joined(nursery, a.url("/duel/RED"))
        await counted(directory, "RED", 1)
        room.metadata = {"map": "ice"}

        async def is_told() -> bool:
            found = await directory.find("RED")
            return found is not None and found.room.state.metadata == '{"map":"ice"}'

        await eventually(is_told)
        assert player.is_in
