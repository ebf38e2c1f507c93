"""Calls between a page, the server and another page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.driving import until
from tests.interop.javascript.served import CLIENT, served

if TYPE_CHECKING:
    from tests.interop.javascript.page import Page

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here


async def test_calls_go_both_ways(page: Page) -> None:
    async with served() as server:
        code = CLIENT + "globalThis.ann = await join(args[0]); return ann.client.id"
        id_ = await page.do(code, server.url)
        assert server.api.get_peers() == [id_]
        await page.do('for (const n of [1, "two", [3, null]]) ann.game.rpcId(1, "say", n)')
        await until(lambda: len(server.game.heard) == 3)
        assert server.game.heard == [(id_, 1), (id_, "two"), (id_, [3, None])]
        server.game.show.rpc({"a": [True, 0.5, b"\xff"]})
        server.game.show.rpc_id(id_, None)
        shown = await page.do("await until(() => ann.shown.length == 2); return ann.shown")
        assert shown == [{"a": [True, 0.5, {"Uint8Array": [255]}]}, None]
        assert await page.do("return ann.events") == [["peerConnected", 1]]
        assert server.api.statistics.rejected.total() == 0
        await page.do("ann.client.close()")
        await until(lambda: server.api.get_peers() == [])


async def test_pages_call_each_other_and_see_each_other_come_and_go(page: Page) -> None:
    async with served() as server:
        code = """
            globalThis.ann = await join(args[0]);
            globalThis.bob = await join(args[0]);
            await until(() => ann.client.peers.size == 2 && bob.client.peers.size == 2);
            ann.game.rpcId(bob.client.id, "wave", "only you");
            ann.game.rpc("wave", "all");
            ann.game.rpcId(-bob.client.id, "wave", "not you");
            bob.game.rpcId(ann.client.id, "wave", "back");
            bob.game.rpcId(ann.client.id, "show", "only the server may");
            await until(() => bob.waved.length == 2 && ann.waved.length && ann.events.length == 3);
            return [ann.client.id, bob.client.id, ann.waved, bob.waved, ann.shown, ann.events]
        """
        ann, bob, *rest = await page.do(CLIENT + code, server.url)
        assert rest == [
            [[bob, "back"]],
            [[ann, "only you"], [ann, "all"]],
            [],
            [
                ["peerConnected", 1],
                ["peerConnected", bob],
                ["rejected", "not_allowed", "Main/Game: show"],
            ],
        ]
        await page.do(
            """bob.client.close();
            await until(() => ann.events.length == 4);
            ann.client.close()"""
        )
        await until(lambda: server.api.get_peers() == [])
        gone = ["peerDisconnected", bob]
        assert (await page.do("return ann.events"))[3] == gone


async def test_questions_go_both_ways_and_errors_too(page: Page) -> None:
    async with served() as server:
        code = """
            globalThis.ann = await join(args[0]);
            const failed = (asked) => asked.then(() => "no", (e) => [e.name, e.kind, e.message]);
            return [
              await ann.game.ask("price", "sword", 2),
              await failed(ann.game.ask("price", "moon", 1)),
              await failed(ann.game.ask("nothing")),
              (await failed(ann.game.askId(77, "price", "moon", 1)))[0],
              ann.client.id,
            ]
        """
        *answers, id_ = await page.do(CLIENT + code, server.url)
        assert answers[0] == {"thing": "sword", "gold": 25.0}
        assert answers[1] == ["RemoteError", "ValueError", "no moon here"]
        assert answers[2][:2] == ["RemoteError", "unknown_method"]
        assert answers[3] == "PeerLeft"
        call = server.game.add.call_id(id_, 4, 5)
        await until(lambda: call.done)
        assert call.result() == 9
        call = server.game.add.call_id(id_)
        await until(lambda: call.done)
        with pytest.raises(Exception, match="nothing to add") as error:
            call.result()
        assert getattr(error.value, "kind", None) == "RangeError"
        await page.do("ann.client.close()")
