"""An API whose peer begins another session, is replaced or taken away."""

from __future__ import annotations

import pytest
import trio

import peers
from multiplayer import GODOT_3, Error, MultiplayerError, Node, PeerLeft, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketServer
from tests.driving import PATIENCE, until


class Game(Node):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.heard: list[object] = []
        self.go_on = trio.Event()

    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.heard.append(text)

    @rpc("any_peer", "unreliable")
    def quick(self) -> str:
        return "quick"

    @rpc("any_peer")
    async def slow(self, name: str) -> str:
        await self.go_on.wait()
        return f"answer to {name}"


class Side:
    """An API with a game."""

    def __init__(self) -> None:
        root, self.game = Node("root"), Game()
        root.add_child(self.game)
        self.api = SceneMultiplayer(root)
        self.told: list[str] = []
        self.api.connected_to_server.connect(lambda: self.told.append("connected"))
        self.api.server_disconnected.connect(lambda: self.told.append("disconnected"))
        self.api.connection_failed.connect(lambda: self.told.append("failed"))


def server() -> tuple[Side, WebSocketServer, str]:
    side, peer = Side(), WebSocketServer()
    peer.bind_ip = "127.0.0.1"
    peer.listen(0, gd_mp_api=True)
    side.api.multiplayer_peer = peer
    return side, peer, f"ws://127.0.0.1:{peer.get_local_port()}"


def client(url: str) -> tuple[Side, WebSocketClient]:
    side, peer = Side(), WebSocketClient()
    peer.connect_to_url(url, gd_mp_api=True)
    side.api.multiplayer_peer = peer
    return side, peer


async def polled(condition: object, *sides: Side) -> None:
    """Poll until ``condition()`` holds."""
    assert callable(condition)

    def holds() -> bool:
        for side in sides:
            side.api.poll()
        return bool(condition())

    await until(holds)


async def test_a_client_that_connects_elsewhere_without_a_poll_between() -> None:
    first, _, first_url = server()
    second, _, second_url = server()
    side, peer = client(first_url)
    await polled(lambda: side.told, first, side)
    side.game.say.rpc_id(1, "to the first")
    await polled(lambda: first.game.heard, first, side)
    pending = side.game.slow.call_id(1, "nobody")

    peer.close()
    peer.connect_to_url(second_url, gd_mp_api=True)
    with pytest.raises(MultiplayerError) as caught:
        side.game.say.rpc_id(1, "to nobody")
    assert caught.value.code == Error.ERR_UNCONFIGURED
    await polled(lambda: len(side.told) == 3, first, second, side)
    assert side.told == ["connected", "disconnected", "connected"]
    with pytest.raises(PeerLeft):
        pending.result()
    side.game.say.rpc_id(1, "to the second")
    await polled(lambda: second.game.heard, second, side)
    assert second.game.heard == ["to the second"]
    assert second.api.statistics.rejected == {}
    for each in (first, second, side):
        each.api.multiplayer_peer.close()


async def test_a_server_that_listens_again_without_a_poll_between_knows_nobody() -> None:
    side, peer, url = server()
    other, other_peer = client(url)
    await polled(lambda: side.api.get_peers() and other.told, side, other)
    peer.stop()
    peer.listen(0, gd_mp_api=True)
    with pytest.raises(MultiplayerError):
        side.game.say.rpc("to nobody")
    side.api.poll()
    assert side.api.get_peers() == []
    assert side.told == ["disconnected"]
    side.game.say.rpc("to nobody")
    other_peer.close()
    peer.stop()


async def test_an_answer_does_not_reach_the_question_of_another_session() -> None:
    first, _, first_url = server()
    second, _, second_url = server()
    side, peer = client(first_url)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE):
            side.api.spawn = nursery.start_soon
            await polled(first.api.get_peers, first, side)
            (own,) = first.api.get_peers()
            first.game.slow.call_id(own, "the first")
            await polled(lambda: side.api.statistics.calls_received == 1, first, side)
            peer.close()
            peer.connect_to_url(second_url, gd_mp_api=True)
            await polled(second.api.get_peers, first, second, side)
            (own,) = second.api.get_peers()
            asked = second.game.slow.call_id(own, "the second")
            await polled(lambda: side.api.statistics.calls_received == 2, second, side)
            side.game.go_on.set()
            await polled(lambda: asked.done, second, side)
            assert asked.result() == "answer to the second"
    for each in (first, second, side):
        each.api.multiplayer_peer.close()


async def test_questions_are_reliable_whatever_the_method_says() -> None:
    side, peer, url = server()
    other, other_peer = client(url)
    await polled(lambda: other.told, side, other)
    asked = [other.game.quick.call_id(1) for _ in range(500)]
    await polled(lambda: all(call.done for call in asked), side, other)
    assert [call.result() for call in asked] == ["quick"] * 500
    assert other_peer.statistics.drops == {}
    other_peer.close()
    peer.stop()


async def test_run_ends_when_the_peer_is_taken_away_and_closes_it() -> None:
    side, _, url = server()
    other, other_peer = client(url)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.run, side.api)
        with trio.fail_after(PATIENCE):
            async with trio.open_nursery() as running:
                running.start_soon(peers.run, other.api)
                await until(lambda: other.told and side.api.get_peers())
                other.api.multiplayer_peer = None  # from outside of poll(): it wakes up
            await until(lambda: not side.api.get_peers())
        assert other_peer.get_connection_status() == other_peer.CONNECTION_DISCONNECTED
        assert not other_peer.endpoint.awaited
        nursery.cancel_scope.cancel()


async def test_run_goes_on_with_the_peer_that_comes_instead() -> None:
    first, _, first_url = server()
    second, _, second_url = server()
    side, peer = client(first_url)
    async with trio.open_nursery() as nursery:
        for each in (first, second, side):
            nursery.start_soon(peers.run, each.api)
        with trio.fail_after(PATIENCE):
            await until(first.api.get_peers)
            successor = WebSocketClient()
            successor.connect_to_url(second_url, gd_mp_api=True)
            side.api.multiplayer_peer = successor
            await until(lambda: not first.api.get_peers())
            await until(lambda: side.api.get_peers() == [1])
            side.game.say.rpc_id(1, "hello")
            await until(lambda: second.game.heard)
        assert peer.get_connection_status() == peer.CONNECTION_DISCONNECTED
        nursery.cancel_scope.cancel()


def test_a_peer_in_plain_mode_carries_no_session() -> None:
    plain = WebSocketServer()
    plain.bind_ip = "127.0.0.1"
    plain.listen(0)
    with pytest.raises(MultiplayerError, match="gd_mp_api=True") as caught:
        SceneMultiplayer().multiplayer_peer = plain
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    plain.stop()


async def test_only_questions_have_answers() -> None:
    with pytest.raises(MultiplayerError, match="only call_id"):
        await peers.reply(None)  # pyright: ignore[reportArgumentType]


async def test_a_packet_in_another_dialect_is_asked_about_once() -> None:
    side, peer, url = server()
    details: list[str] = []
    side.api.invalid_packet.connect(lambda who, reason, detail: details.append(detail))
    root = Node("root")
    root.add_child(game := Game())
    other = SceneMultiplayer(root, GODOT_3)
    other_peer = WebSocketClient()
    other_peer.connect_to_url(url, gd_mp_api=True)
    other.multiplayer_peer = other_peer
    await until(lambda: [side.api.poll(), other.poll(), other.get_peers()][-1])
    for _ in range(3):
        game.say.rpc_id(1, "hello")
    await until(lambda: [side.api.poll(), other.poll(), len(details) >= 3][-1])
    assert "does it speak Dialect.NATIVE, as this API does?" in details[0]
    assert all("does it speak" not in detail for detail in details[1:])
    other_peer.close()
    peer.stop()
