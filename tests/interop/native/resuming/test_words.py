"""``clients/godot4/resuming_peer.gd`` against docs/protocol/resume.md, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.driving import Drive, until
from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.scripted import ID, RAW, Scripted, greet, join, welcome

if TYPE_CHECKING:
    import trio

    from tests.interop.native.godot4 import NativeGodot4

pytestmark = [pytest.mark.native4, pytest.mark.parametrize("drive", ["polled"], indirect=True)]

UP = [("connected_to_server",), ("peer_connected", 1)]
LOST = ("session_suspended",)
OVER = [("peer_disconnected", 1), ("server_disconnected",)]


async def test_all_is_written_again_once_and_in_order(
    godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery
) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, f"{cable.url}/room?level=3")
        first = await server.client(1)
        assert server.queries == [{"level": "3", "resume": "1"}]
        welcome(first)
        assert await godot4.signals(2) == UP
        assert await godot4.id() == ID
        for word in (b"one", b"two"):
            first.send(RAW + word)
            await godot4.send_bytes(word, 1)
        assert await godot4.signals(2) == [("peer_packet", 1, b"one"), ("peer_packet", 1, b"two")]
        await server.came(b"one", b"two")
        cable.plugged = False
        cable.cut()
        assert await godot4.signals(1) == [LOST]
        await godot4.send_bytes(b"three", 1)
        await godot4.send_bytes(b"unreliable", 1, mode=0)
        await godot4.send_bytes(b"four", 1)
        assert await godot4.do("return keep.peer.is_suspended()") == "true"
        cable.plugged = True
        second = await server.client(2)
        assert server.queries[-1] == {
            "level": "3", "resume": "1", "seat": "a-token", "received": "3", "next": "3",
            "lost": "0",
        }  # fmt: skip
        greet(second, received=1, next=10, replayed=True)
        second.send(RAW + b"five")
        assert await godot4.signals(2) == [("session_resumed", True), ("peer_packet", 1, b"five")]
        await server.came(b"two", b"three", b"four")
        assert await godot4.do("return keep.peer.is_suspended()") == "false"
        cable.cut()
        third = await server.client(3)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["10", "6", "0"]
        greet(third, received=5, next=11, replayed=True)
        assert await godot4.signals(2) == [LOST, ("session_resumed", True)]
        await godot4.send_bytes(b"six", 1)
        await server.came(b"six")
        assert await godot4.do("return keep.peer.get_kept_bytes()") == "4"
        third.send_text('{"ack":6}')
        await until_kept(godot4, 0)
        assert godot4.complaints == []


async def until_kept(godot: NativeGodot4, count: int) -> None:
    assert await godot.do(
        "while keep.peer.get_kept_bytes() != args[0]: await tree.process_frame\nreturn true", count
    ) == "true"  # fmt: skip


async def test_it_acknowledges(godot4: NativeGodot4, drive: Drive) -> None:
    """After 64 messages, or a second after the first that is not acknowledged."""
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    for number in range(100):
        peer.send(RAW + b"%d" % number)
    await godot4.signals(102)
    await until(lambda: server.words != [])
    assert server.words[0]["ack"] >= 64
    await until(lambda: server.words[-1] == {"ack": 101})


async def test_an_answer_that_is_lost(
    godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery
) -> None:
    """It comes back with the same numbers, until something has come."""
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, cable.url)
        welcome(await server.client(1))
        await godot4.signals(2)
        await godot4.send_bytes(b"one", 1)
        await server.came(b"one")
        cable.cut()
        await server.client(2)
        cable.cut()
        third = await server.client(3)
        assert server.queries[-1] == server.queries[-2]
        greet(third, received=0, next=2, replayed=True)
        await server.came(b"one")
        assert await godot4.signals(2) == [LOST, ("session_resumed", True)]


async def test_another_player_begins_anew(godot4: NativeGodot4, drive: Drive) -> None:
    """SceneMultiplayer hears that it has left and joined; the word has a number of its own."""
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    peer.send(b"\x07\x01" + (5).to_bytes(4, "little"))
    assert await godot4.signals(3) == [*UP, ("peer_connected", 5)]
    peer.send_text('{"renewed":5}')
    peer.send(b"\x07\x02" + ID.to_bytes(4, "little"))  # the end of a roster, which is for others
    peer.send(RAW + b"last")
    assert await godot4.signals(3) == [
        ("peer_disconnected", 5), ("peer_connected", 5), ("peer_packet", 1, b"last"),
    ]  # fmt: skip
    await until(lambda: server.words == [{"ack": 5}])
    assert godot4.complaints == []


async def test_the_session_begins_anew(
    godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery
) -> None:
    """More was lost than was kept: as if the game had connected again, with the same id."""
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, cable.url, ring_packets=2)
        first = await server.client(1)
        welcome(first)
        first.send(b"\x07\x01" + (5).to_bytes(4, "little"))
        await godot4.signals(3)
        await godot4.send_bytes(b"zero", 1)
        await server.came(b"zero")
        cable.plugged = False
        cable.cut()
        assert await godot4.signals(1) == [LOST]
        for word in (b"one", b"two", b"three"):
            await godot4.send_bytes(word, 1)
        cable.plugged = True
        second = await server.client(2)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["2", "2", "2"]
        greet(second, received=1, next=9, replayed=False)
        second.send(ID.to_bytes(4, "little"))
        second.send(b"\x07\x01" + (6).to_bytes(4, "little"))
        second.send(RAW + b"hello")
        assert await godot4.signals(7) == [
            ("session_resumed", False), *OVER, *UP, ("peer_connected", 6),
            ("peer_packet", 1, b"hello"),
        ]  # fmt: skip
        assert (await godot4.id(), await godot4.peers()) == (ID, [1, 6])
        await godot4.send_bytes(b"four", 1)
        await server.came(b"four")
        cable.cut()
        third = await server.client(3)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["11", "3", "1"]
        greet(third, received=1, next=12, replayed=True)
        await server.came(b"four")
        assert await godot4.signals(2) == [LOST, ("session_resumed", True)]
        assert godot4.complaints == []


@pytest.mark.parametrize("code", [1000, 4000, 4001, 4003, 4009])
async def test_codes_after_which_it_stays_away(
    godot4: NativeGodot4, drive: Drive, code: int
) -> None:
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    await godot4.signals(2)
    peer.close(code, "why")
    assert await godot4.signals(2) == OVER
    assert await godot4.do("return [keep.peer.close_code, keep.peer.close_reason]") == (
        f'[{code}, "why"]'
    )
    assert len(server.queries) == 1


@pytest.mark.parametrize("code", [1001, 4012, 4013])
async def test_codes_after_which_it_comes_back(
    godot4: NativeGodot4, drive: Drive, code: int
) -> None:
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    peer.close(code, "why")
    second = await server.client(2)
    greet(second, received=0, next=2, replayed=True)
    assert await godot4.signals(4) == [*UP, LOST, ("session_resumed", True)]


async def test_it_gives_up(godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, cable.url, give_up_after=0.5)
        welcome(await server.client(1))
        await godot4.signals(2)
        cable.plugged = False
        cable.cut()
        assert await godot4.signals(3) == [LOST, *OVER]
        assert "could not come back" in await godot4.do("return keep.peer.failure")


async def test_its_seat_is_gone(godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, cable.url)
        welcome(await server.client(1))
        await godot4.signals(2)
        cable.cut()
        (await server.client(2)).close(4003, "your seat is gone")
        assert await godot4.signals(3) == [LOST, *OVER]
        assert await godot4.do("return keep.peer.failure") == '"your seat is gone"'


@pytest.mark.parametrize(
    "greeting",
    ["nonsense", "[1]", '{"resume":1}', '{"seat":1,"next":2}', '{"seat":"a","next":[1]}'],
)
async def test_a_greeting_that_makes_no_sense(
    godot4: NativeGodot4, drive: Drive, greeting: str
) -> None:
    server = Scripted(drive)
    await join(godot4, server.url)
    (await server.client(1)).send_text(greeting)
    assert await godot4.signals(1) == [("connection_failed",)]
    assert not any("SCRIPT ERROR" in line for line in godot4.complaints)


NONSENSE = [
    "nonsense", "[]", "1", "null", "{}", '{"ack":"1"}', '{"ack":[1]}', '{"ack":-5}',
    '{"ack":1e300}', '{"renewed":{}}', '{"renewed":1}', '{"renewed":-2}', '{"renewed":1e300}',
    '{"resume":1}',
]  # fmt: skip


async def test_words_that_make_no_sense(godot4: NativeGodot4, drive: Drive) -> None:
    """Nothing breaks of them, and the session goes on."""
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    for word in NONSENSE:
        peer.send_text(word)
    peer.send(RAW + b"after all of that")
    assert (await godot4.signals(3))[-1] == ("peer_packet", 1, b"after all of that")
    await godot4.send_bytes(b"as ever", 1)
    await server.came(b"as ever")
    assert not any("SCRIPT ERROR" in line for line in godot4.complaints)


async def test_a_server_without_seats(
    godot4: NativeGodot4, drive: Drive, nursery: trio.Nursery
) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await join(godot4, cable.url)
        peer = await server.client(1)
        peer.send(ID.to_bytes(4, "little"))
        peer.send(RAW + b"hello")
        assert await godot4.signals(3) == [*UP, ("peer_packet", 1, b"hello")]
        assert any("grants no seats" in line for line in godot4.complaints)
        await godot4.send_bytes(b"too", 1)
        await server.came(b"too")
        cable.cut()
        assert await godot4.signals(2) == OVER


async def test_it_leaves_for_good(godot4: NativeGodot4, drive: Drive) -> None:
    """With a close frame, so that its seat is free at once."""
    server = Scripted(drive)
    await join(godot4, server.url)
    peer = await server.client(1)
    welcome(peer)
    await godot4.signals(2)
    await godot4.leave()
    await until(lambda: server.signals.of("client_disconnected") != [])
    assert peer.get_close_code() == 1000
