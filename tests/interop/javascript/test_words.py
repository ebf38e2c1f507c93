"""``gdpeers.js`` against docs/protocol/resume.md, word by word: the server is scripted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.driving import Drive, until
from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.scripted import ID, Scripted, greet

if TYPE_CHECKING:
    import trio

    from peers import WebSocketPeer
    from tests.interop.javascript.page import Page

pytestmark = [pytest.mark.godot4, pytest.mark.parametrize("drive", ["polled"], indirect=True)]
SCENARIOS = False  # Chromium runs no engine here

JOIN = """
const here = globalThis.happened = [];
globalThis.client = new g.Client(args[0], args[1]);
for (const name of ["connected", "peerConnected", "peerDisconnected", "peerRenewed", "suspended",
                    "resumed", "closed"]) {
  client.on(name, (...values) => here.push([name, ...values]));
}
client.on("bytes", (bytes) => here.push(new TextDecoder().decode(bytes)));
"""
HAPPENED = "await until(() => happened.length >= args[0]); return happened.splice(0)"
PUT = "for (const text of args) client.sendBytes(new TextEncoder().encode(text))"
UP = [["connected", ID], ["peerConnected", 1]]
AGAIN = [["suspended"], ["resumed", True]]


def from_server(text: bytes) -> bytes:
    return b"\0" + (1).to_bytes(4, "little") + ID.to_bytes(4, "little") + b"\x02" + text


def from_page(text: bytes) -> bytes:
    return b"\0" + ID.to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\x02" + text


def announce(peer: WebSocketPeer, kind: int, id_: int) -> None:
    to = ID.to_bytes(4, "little")
    peer.send(bytes((kind,)) + (1).to_bytes(4, "little") + to + id_.to_bytes(4, "little"))


def begin(peer: WebSocketPeer) -> None:
    """The ID and the ADD of the server, which are messages 1 and 2."""
    announce(peer, 3, ID)
    announce(peer, 1, 1)


async def joined(page: Page, server: Scripted, url: str, **options: Any) -> WebSocketPeer:
    await page.do(JOIN, url, options)
    peer = await server.client(1)
    greet(peer)
    begin(peer)
    assert await page.do(HAPPENED, 2) == UP
    return peer


async def test_all_is_written_again_once_and_in_order(
    page: Page, drive: Drive, nursery: trio.Nursery
) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        first = await joined(page, server, f"{cable.url}/room?level=%33&x=+#here")
        assert server.queries == [{"level": "3", "x": " ", "resume": "1"}]
        first.send(from_server(b"one"))
        first.send(from_server(b"two"))
        assert await page.do(HAPPENED, 2) == ["one", "two"]
        await page.do(PUT, "one", "two")
        await server.came(from_page(b"one"), from_page(b"two"))
        cable.plugged = False
        cable.cut()
        assert await page.do(HAPPENED, 1) == [["suspended"]]
        await page.do(PUT, "three", "four")
        cable.plugged = True
        second = await server.client(2)
        query = {"seat": "a-token", "received": "4", "next": "3", "lost": "0"}
        assert server.queries[-1] == {**server.queries[0], **query}
        greet(second, received=1, next=10, replayed=True)
        second.send(from_server(b"five"))
        assert await page.do(HAPPENED, 2) == [["resumed", True], "five"]
        await server.came(*map(from_page, (b"two", b"three", b"four")))
        cable.cut()
        third = await server.client(3)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["10", "6", "0"]
        greet(third, received=5, next=11, replayed=True)
        await page.do(PUT + "; await until(() => happened.length == 2)", "six")
        await server.came(from_page(b"six"))
        third.send_text('{"ack":6}')
        third.send(from_server(b"seven"))
        assert await page.do(HAPPENED, 3) == [*AGAIN, "seven"]
        cable.cut()
        greet(await server.client(4), received=6, next=12, replayed=True)
        assert await page.do(HAPPENED, 2) == AGAIN
        await page.do(PUT, "eight")
        await server.came(from_page(b"eight"))
        await page.do("client.close()")


async def test_an_answer_that_is_lost(page: Page, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await joined(page, server, cable.url)
        await page.do(PUT, "one")
        await server.came(from_page(b"one"))
        cable.cut()
        await server.client(2)
        cable.cut()
        third = await server.client(3)
        assert server.queries[-1] == server.queries[-2]
        greet(third, received=0, next=3, replayed=True)
        await server.came(from_page(b"one"))
        assert await page.do(HAPPENED, 2) == AGAIN
        await page.do("client.close()")


async def test_it_acknowledges(page: Page, drive: Drive) -> None:
    """After 64 messages, or a second after the first that is not acknowledged."""
    server = Scripted(drive)
    peer = await joined(page, server, server.url)
    for number in range(98):
        peer.send(from_server(b"%d" % number))
    await until(lambda: len(server.words) == 2)
    assert server.words == [{"ack": 64}, {"ack": 100}]
    await page.do("client.close()")


async def test_the_session_begins_anew(page: Page, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        first = await joined(page, server, cable.url, resume={"ringPackets": 2})
        announce(first, 1, 5)
        announce(first, 1, 6)
        first.send_text('{"renewed":6}')
        assert await page.do(HAPPENED, 3) == [
            ["peerConnected", 5], ["peerConnected", 6], ["peerRenewed", 6],
        ]  # fmt: skip
        await page.do(PUT, "zero")
        await server.came(from_page(b"zero"))
        cable.plugged = False
        cable.cut()
        assert await page.do(HAPPENED, 1) == [["suspended"]]
        await page.do(PUT, "one", "two", "three")
        cable.plugged = True
        second = await server.client(2)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["5", "2", "2"]
        greet(second, received=1, next=9, replayed=False)
        begin(second)
        announce(second, 1, 6)
        announce(second, 1, 7)
        second.send_text('{"roster":true}')
        second.send(from_server(b"hello"))
        assert await page.do(HAPPENED, 4) == [
            ["peerDisconnected", 5], ["peerConnected", 7], ["resumed", False], "hello",
        ]  # fmt: skip
        await page.do(PUT, "four")
        await server.came(from_page(b"four"))
        cable.cut()
        third = await server.client(3)
        query = server.queries[-1]
        assert [query[name] for name in ("received", "next", "lost")] == ["14", "3", "1"]
        greet(third, received=1, next=20, replayed=True)
        await server.came(from_page(b"four"))
        await page.do("client.close()")


async def test_a_session_that_ends_while_it_begins_anew(page: Page, drive: Drive) -> None:
    server = Scripted(drive)
    first = await joined(page, server, server.url)
    announce(first, 1, 5)
    first.close(4012, "")
    second = await server.client(2)
    greet(second, received=0, next=9, replayed=False)
    begin(second)
    await page.do("await until(() => !client.isSuspended);" + PUT, "hello")
    await server.came(from_page(b"hello"))
    second.close(4001, "enough")
    assert await page.do(HAPPENED, 5) == [
        ["peerConnected", 5], ["suspended"], ["peerDisconnected", 1], ["peerDisconnected", 5],
        ["closed", 4001, "enough"],
    ]  # fmt: skip


async def test_codes_after_which_it_stays_away(page: Page, drive: Drive) -> None:
    for code in 1000, 4000, 4001, 4003, 4009:
        server = Scripted(drive)
        peer = await joined(page, server, server.url)
        peer.close(code, "why")
        over = [["peerDisconnected", 1], ["closed", code, "why"]]
        assert await page.do(HAPPENED, 2) == over
        assert len(server.queries) == 1


async def test_codes_after_which_it_comes_back(page: Page, drive: Drive) -> None:
    for code in 1001, 4012, 4013:
        server = Scripted(drive)
        peer = await joined(page, server, server.url)
        peer.close(code, "why")
        greet(await server.client(2), received=0, next=3, replayed=True)
        assert await page.do(HAPPENED, 2) == AGAIN
        await page.do("client.close()")


async def test_it_gives_up(page: Page, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await joined(page, server, cable.url, resume={"giveUpAfter": 0.5})
        cable.plugged = False
        cable.cut()
        assert await page.do(HAPPENED, 3) == [
            ["suspended"], ["peerDisconnected", 1],
            ["closed", 1006, "it did not come back in time"],
        ]  # fmt: skip


async def test_its_seat_is_gone(page: Page, drive: Drive, nursery: trio.Nursery) -> None:
    server = Scripted(drive)
    async with Cable(nursery, server.url) as cable:
        await joined(page, server, cable.url)
        cable.cut()
        (await server.client(2)).close(4003, "your seat is gone")
        assert (await page.do(HAPPENED, 3))[-1] == ["closed", 4003, "your seat is gone"]


async def test_words_that_make_no_sense(page: Page, drive: Drive) -> None:
    """The session goes on, and nothing has a number that has none."""
    server = Scripted(drive)
    peer = await joined(page, server, server.url)
    nonsense = "nonsense", "[]", "null", '{"ack":1}', '{"ack":-5}', '{"renewed":1}', '{"resume":1}'
    for word in nonsense:
        peer.send_text(word)
    peer.send(from_server(b"after all of that"))
    assert await page.do(HAPPENED, 1) == ["after all of that"]
    assert await page.do("return client.statistics.rejected.malformed") == len(nonsense)
    await until(lambda: server.words == [{"ack": 3}])
    await page.do("client.close()")
    again = Scripted(drive)
    await page.do(JOIN, again.url, {})
    (await again.client(1)).send_text('{"resume":1}')
    assert (await page.do(HAPPENED, 1))[0][:2] == ["closed", 4000]


async def test_a_silent_connection_and_a_seat_key(page: Page, drive: Drive) -> None:
    server = Scripted(drive)
    await joined(page, server, server.url, silence=0.3)
    greet(await server.client(2), received=0, next=3, replayed=True)
    assert (await page.do(HAPPENED, 2))[:2] == AGAIN
    await page.do("client.close()")
    other = Scripted(drive)
    await page.do(JOIN, other.url + "?seat_key=" + "k" * 22, {})
    begin(await other.client(1))
    assert other.queries == [{"seat_key": "k" * 22}]
    assert await page.do(HAPPENED, 2) == UP
    await page.do("client.close()")
