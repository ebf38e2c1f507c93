"""A page whose TCP is reset in play comes back, as ``docs/protocol/resume.md`` says."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

import peers
from peers import Room, RoomServer
from tests.driving import pause, until
from tests.interop.javascript.served import CLIENT, GRACE, Served, served
from tests.interop.native.resuming.cable import Cable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import trio

    from tests.interop.javascript.page import Page

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here

CALLS = 200
JOIN = CLIENT + "globalThis.ann = await join(args[0]); return ann.client.id"


@asynccontextmanager
async def by_cable(nursery: trio.Nursery) -> AsyncGenerator[tuple[Served, Cable, list[Any]]]:
    async with served() as server, Cable(nursery, server.url) as cable:
        said: list[Any] = []
        server.api.peer_suspended.connect(lambda id_: said.append("suspended"))
        server.api.peer_resumed.connect(lambda id_, replayed: said.append(replayed))
        server.api.peer_disconnected.connect(lambda id_: said.append("gone"))
        yield server, cable, said


async def test_what_is_called_meanwhile_arrives_once_and_in_order(
    page: Page, nursery: trio.Nursery
) -> None:
    async with by_cable(nursery) as (server, cable, said):
        id_ = await page.do(JOIN, cable.url)
        await page.do(
            """(async () => {
              for (let n = 0; n < args[0]; n++) {
                ann.game.rpcId(1, "say", n);
                await new Promise((resolve) => setTimeout(resolve, 2));
              }
            })()""",
            CALLS,
        )
        for number in range(CALLS):
            server.game.show.rpc_id(id_, number)
            if number in (50, 120):
                await until(lambda: said[-1:] != ["suspended"])
                await page.do("await until(() => !ann.client.isSuspended)")
                cable.plugged = number != 120  # then the attempts fail for a while
                cable.cut()
                await until(lambda: said[-1:] == ["suspended"])
            if number == 150:
                cable.plugged = True
            await pause()
        shown = await page.do(f"await until(() => ann.shown.length >= {CALLS}); return ann.shown")
        await until(lambda: len(server.game.heard) >= CALLS)
        assert shown == list(range(CALLS))
        assert server.game.heard == [(id_, number) for number in range(CALLS)]
        assert said == ["suspended", True] * 2
        events = await page.do("return ann.events")
        assert events == [["peerConnected", 1], *[["suspended"], ["resumed", True]] * 2]
        await page.do("ann.client.close()")
        await until(lambda: said[-1] == "gone")


async def test_unreliable_calls_are_not_kept(page: Page) -> None:
    async with served() as server:
        id_ = await page.do(JOIN, server.url)
        code = """
            const say = (...what) => ann.client.call(ann.game, "say", ...what);
            say(["unreliable"], { to: 1, unreliable: true });
            await ann.game.ask("echo", 1);
            ann.client.cut();
            say(["dropped"], { to: 1, unreliable: true });
            say(["kept"], { to: 1 });
        """
        await page.do(code)
        await until(lambda: len(server.game.heard) >= 2)
        assert server.game.heard == [(id_, "unreliable"), (id_, "kept")]
        await page.do("ann.client.close()")


async def test_acknowledgements_let_both_rings_forget(page: Page) -> None:
    async with served() as server:
        id_ = await page.do(JOIN, server.url)
        for number in range(300):
            server.game.show.rpc_id(id_, number)
            await page.do('ann.game.rpcId(1, "say", "x".repeat(2000))')
        await page.do("await until(() => ann.shown.length == 300)")
        # More than a ring holds: without acknowledgements it would be lost.
        await page.do("ann.client.cut(); await until(() => ann.events.length == 3)")
        assert (await page.do("return ann.events"))[1:] == [["suspended"], ["resumed", True]]
        await page.do("ann.client.close()")


async def test_more_than_a_ring_holds_begins_anew_under_the_same_id(
    page: Page, nursery: trio.Nursery
) -> None:
    async with by_cable(nursery) as (server, cable, said):
        id_ = await page.do(JOIN, cable.url)
        bob = await page.do(JOIN.replace("ann", "bob"), server.url)
        await page.do("await until(() => ann.client.peers.size == 2)")
        await page.do('ann.game.rpc("wave", 1); bob.game.rpc("wave", 2)')
        await page.do("await until(() => ann.waved.length && bob.waved.length)")
        cable.plugged = False
        cable.cut()
        await until(lambda: said == ["suspended"])
        asked = server.game.add.call_id(id_, 1)
        code = """
            await until(() => ann.client.isSuspended);
            ann.asked = ann.game.ask("echo", 1).catch((error) => error.name);
            for (let n = 0; n < 5000; n++) ann.game.rpcId(1, "say", n);
        """
        await page.do(code)
        cable.plugged = True
        await until(lambda: said == ["suspended", False])
        await until(lambda: asked.done)
        assert await page.do("return ann.asked") == "PeerLeft"
        await page.do("await until(() => ann.events.at(-1)[0] == 'resumed')")
        assert await page.do("return [ann.client.id, [...ann.client.peers].sort()]") == [
            id_,
            [1, bob],
        ]
        assert (await page.do("return ann.events"))[2:] == [["suspended"], ["resumed", False]]
        # All know of each other what they need.
        await page.do('ann.game.rpc("wave", 3)')
        assert (
            await page.do("await until(() => bob.waved.length == 2); return bob.waved[1][1]") == 3
        )
        await page.do('bob.game.rpc("wave", 4)')
        assert (
            await page.do("await until(() => ann.waved.length == 2); return ann.waved[1][1]") == 4
        )
        assert await page.do('return ann.game.ask("echo", "there?")') == "there?"
        assert (await page.do("return bob.events"))[-1] == ["peerRenewed", id_]
        server.game.show.rpc_id(id_, "welcome back")
        await page.do('await until(() => ann.shown.at(-1) == "welcome back")')
        await page.do("ann.client.close(); bob.client.close()")


async def test_codes_after_which_it_stays_away(page: Page) -> None:
    async with served() as server:
        id_ = await page.do(JOIN, server.url)
        server.server.disconnect_peer(id_, 4001, "enough")
        await page.do("await until(() => ann.events.length == 3)")
        assert (await page.do("return ann.events"))[1:] == [
            ["peerDisconnected", 1],
            ["closed", 4001, "enough"],
        ]
        refused = 'return join(args[0], {}).catch((error) => "no")'
        server.api.refuse_new_connections = True
        assert await page.do(refused, server.url) == "no"
    assert await page.do(refused, server.url) == "no"


async def test_a_server_without_seats_ends_it(page: Page) -> None:
    async with served() as server:
        server.server.grace = 0.0
        id_ = await page.do(JOIN, server.url)
        await page.do('await ann.game.ask("echo", 1); ann.client.cut()')
        await until(lambda: id_ not in server.api.get_peers())
        assert (await page.do("return ann.events"))[-1] == ["closed", 1006, ""]


async def test_a_page_logs_in_and_again_when_its_session_begins_anew(page: Page) -> None:
    async with served() as server:
        logins: list[bytes] = []

        def check(peer: int, data: bytes) -> None:
            logins.append(data)
            if data == b"secret":
                server.api.complete_auth(peer)
            else:
                server.api.disconnect_peer(peer)

        server.api.auth_callback = check
        join = (
            CLIENT
            + """
            globalThis.ann = await join(args[0], { auth: new TextEncoder().encode(args[1]) })
                .catch((error) => "refused")
            return ann.client?.id ?? ann"""
        )
        assert await page.do(join, server.url, "guess") == "refused"
        id_ = await page.do(join, server.url, "secret")
        assert server.api.get_peers() == [id_]
        code = """
            ann.client.cut();
            for (let n = 0; n < 5000; n++) ann.game.rpcId(1, "say", n);
            await until(() => ann.events.at(-1)[0] == "resumed");
            return [await ann.game.ask("echo", 1), ann.events, [...ann.client.peers]]
        """
        events = [["peerConnected", 1], ["suspended"], ["resumed", False]]
        assert await page.do(code) == [1, events, [1]]
        assert logins == [b"guess", b"secret", b"secret"]
        await page.do("ann.client.close()")


class Duel(Room):
    capacity = 2
    grace = GRACE


async def test_a_page_comes_back_to_the_room_that_was_made_for_it(
    page: Page, nursery: trio.Nursery
) -> None:
    rooms = RoomServer({"duel": Duel})
    async with peers.serve_rooms(0, peer=rooms):
        url = f"ws://127.0.0.1:{rooms.get_local_port()}"
        async with Cable(nursery, url) as cable:
            id_ = await page.do(JOIN, cable.url + "/duel/new?map=ice")
            (room,) = rooms.rooms
            cable.cut()
            await page.do("await until(() => ann.events.length == 3)")
            assert await page.do("return ann.events.slice(1)") == [["suspended"], ["resumed", True]]
            assert rooms.rooms == [room]
            assert list(room.seats) == [id_]
            await page.do("ann.client.close()")


async def test_another_page_comes_back_with_the_seat(page: Page) -> None:
    """As one that is loaded again: nothing of the first page is known but the seat."""
    async with served() as server:
        id_ = await page.do(JOIN, server.url)
        await page.do("for (const n of [1, 2, 3]) ann.game.rpcId(1, 'say', n)")
        await until(lambda: len(server.game.heard) == 3)
        resumed: list[tuple[int, bool]] = []
        server.api.peer_resumed.connect(lambda *what: resumed.append(what))
        code = (
            CLIENT
            + """
            globalThis.again = await join(args[0], { seat: ann.client.seat });
            again.game.rpcId(1, "say", 4);
            return [again.client.id, await again.game.ask("echo", 5), again.events, ann.events]
        """
        )
        value = await page.do(code, server.url)
        events = [["peerConnected", 1], ["resumed", False]]
        taken = ["closed", 4009, "another connection has your seat"]
        assert value[:3] == [id_, 5, events]
        await page.do("await until(() => ann.events.at(-1)[0] == 'closed')")
        assert taken in await page.do("return ann.events")
        assert [said for _, said in server.game.heard] == [1, 2, 3, 4]
        assert resumed == [(id_, False)]
        assert server.api.get_peers() == [id_]
        # This connection comes back as any other.
        await page.do("again.client.cut(); await until(() => again.events.length == 4)")
        assert await page.do("return again.events.slice(2)") == [["suspended"], ["resumed", True]]
        # Who has left for good has no seat any more, and joins as somebody new.
        code = (
            CLIENT
            + """
            const { seat } = again.client;
            again.client.close();
            globalThis.third = await join(args[0], { seat });
            return [third.client.id, third.events, again.client.seat]
        """
        )
        new, events, seat = await page.do(code, server.url)
        assert new != id_
        assert (events, seat) == ([["peerConnected", 1]], None)
        await page.do("third.client.close()")


@pytest.mark.parametrize("grants", [True, False])
async def test_a_seat_of_another_server_is_of_no_use(page: Page, grants: bool) -> None:
    async with served() as server:
        if not grants:
            server.server.grace = 0.0
        code = (
            CLIENT
            + """
            const one = await join(args[0], { seat: "of-another-server" });
            const told = [one.client.id > 1, [...one.events], one.client.seat !== null];
            one.client.close();
            return told;
        """
        )
        assert await page.do(code, server.url) == [True, [["peerConnected", 1]], grants]
