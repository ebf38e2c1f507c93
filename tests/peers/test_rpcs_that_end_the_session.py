"""An RPC that stops its server, or takes the session away: no error, and the asker is told."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import PeerLeft, RemoteError, SceneMultiplayer, rpc
from peers.testing import connected_pair
from tests.driving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import PendingCall
    from peers import WebSocketMultiplayerPeer
    from tests.drivers import Way

    Ending = Callable[[SceneMultiplayer, WebSocketMultiplayerPeer], object]

both_envelopes = pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])


class Switch:
    """Does what the test wants, and returns something."""

    def __init__(self, flip: Callable[[], object] = int, way: Way | None = None) -> None:
        self.flip = flip
        self.way = way

    @rpc("any_peer")
    def off(self) -> object:
        self.flip()
        return 5

    @rpc("any_peer")
    async def later(self) -> object:
        assert self.way is not None
        await self.way.checkpoint()
        self.flip()
        return 5

    @rpc("any_peer")
    def fails(self) -> object:
        self.flip()
        raise ValueError("x0")

    @rpc("any_peer")
    def odd(self) -> object:
        return {1, 2}


def stop(_: SceneMultiplayer, peer: WebSocketMultiplayerPeer) -> None:
    peer.close()


def take_away(api: SceneMultiplayer, _: WebSocketMultiplayerPeer) -> None:
    api.multiplayer_peer = None


def clear(api: SceneMultiplayer, _: WebSocketMultiplayerPeer) -> None:
    api.clear()


def kick(api: SceneMultiplayer, peer: WebSocketMultiplayerPeer) -> None:
    peer.disconnect_peer(api.get_remote_sender_id())


def in_words(call: PendingCall[Any]) -> object:
    try:
        return call.result()
    except (PeerLeft, RemoteError) as error:
        return type(error)


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


@both_envelopes
@pytest.mark.parametrize(
    ("ending", "told"), [(stop, PeerLeft), (take_away, 5), (clear, 5), (kick, PeerLeft)]
)
def test_whoever_asked_is_told(
    godot4: bool, ending: Ending, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    with connected_pair(godot4=True) if godot4 else connected_pair() as pair:
        server, client, asked = SceneMultiplayer(), SceneMultiplayer(), Switch()
        server.add("S", Switch(lambda: ending(server, pair.server)))
        client.add("S", asked)
        server.multiplayer_peer, client.multiplayer_peer = pair
        failed: list[object] = []
        server.handler_failed.connect(lambda *what: failed.append(what))
        call = asked.off.call_id(1)
        asked.off.rpc_id(1)  # nor what comes behind it
        pair.until(lambda: call.done)
        assert in_words(call) == told
        pair.poll()
        assert failed == []
        lines = errors_in(caplog)
        if ending is clear:  # it has forgotten somebody who is connected, and still asks
            assert [("unknown_peer" in line) for line in lines] == [True]
            late = asked.off.call_id(1)
            pair.until(lambda: late.done)
            with pytest.raises(RemoteError, match="unknown_peer"):
                late.result()
        else:
            assert lines == []


@both_envelopes
@pytest.mark.parametrize(("ending", "told"), [(stop, PeerLeft), (clear, 5)])
async def test_whoever_asked_an_async_method_is_told(
    way: Way, godot4: bool, ending: Ending, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    server, client, asked = SceneMultiplayer(), SceneMultiplayer(), Switch()
    client.add("S", asked)
    kind = peers.WebSocketMultiplayerPeer if godot4 else peers.WebSocketServer
    listening = kind()
    server.add("S", Switch(lambda: ending(server, listening), way))
    connecting = peers.WebSocketMultiplayerPeer() if godot4 else peers.WebSocketClient()
    with trio.fail_after(PATIENCE):
        async with way.serve(0, peer=listening, api=server) as serving:
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with way.connect(url, peer=connecting, api=client):
                call = asked.later.call_id(1)
                with suppress(PeerLeft):
                    await way.reply(call)
    assert in_words(call) == told
    assert errors_in(caplog) == []


@pytest.mark.handlers_fail
@pytest.mark.parametrize(
    ("ending", "told"), [(stop, PeerLeft), (take_away, RemoteError), (clear, RemoteError)]
)
def test_one_that_fails_besides_is_logged_and_the_asker_told(
    ending: Ending, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    with connected_pair() as pair:
        pair.server.on_error = "log"
        server, client, asked = SceneMultiplayer(), SceneMultiplayer(), Switch()
        server.add("S", Switch(lambda: ending(server, pair.server)))
        client.add("S", asked)
        server.multiplayer_peer, client.multiplayer_peer = pair
        failed: list[str] = []
        server.handler_failed.connect(lambda _, where, error: failed.append(f"{where}: {error}"))
        call = asked.fails.call_id(1)
        pair.until(lambda: call.done)
        assert in_words(call) == told
        assert failed == ["S: fails(): x0"]
        (line,) = errors_in(caplog)
        first = line.partition("\n")[0]
        me = first.partition(":")[0]
        assert first == f"{me}: S: fails() raised ValueError: x0 (further ones are counted)"


@pytest.mark.handlers_fail
def test_an_answer_that_cannot_be_sent_is_said_in_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connected_pair() as pair:
        server, client, asked = SceneMultiplayer(), SceneMultiplayer(), Switch()
        server.add("S", Switch())
        client.add("S", asked)
        server.multiplayer_peer, client.multiplayer_peer = pair
        call = asked.odd.call_id(1)
        pair.until(lambda: call.done)
        assert in_words(call) is RemoteError
        (line,) = errors_in(caplog)
        assert f"peer {pair.client.get_unique_id()}: sending the answer of S: odd() raised " in line
