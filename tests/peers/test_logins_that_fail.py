"""A client whose login fails learns why: ``failure``, and the sentence of ``peers.connect``."""

from __future__ import annotations

import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError, SceneMultiplayer
from peers import Failure, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import PATIENCE, until

PASSWORD = b"swordfish"


class Door:
    """A server that authenticates its clients, and a client that is about to knock."""

    def __init__(self, *, godot4: bool) -> None:
        self.server, self.client = SceneMultiplayer(), SceneMultiplayer()
        self.listening = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        self.connecting = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
        self.client.auth_callback = lambda peer, data: None
        self.server.auth_callback = lambda peer, data: None
        self.seen: list[Failure | None] = []
        self.client.peer_authentication_failed.connect(self._look)

    def _look(self, peer: int) -> None:
        del peer
        self.seen.append(self.connecting.failure)

    def knock(self) -> None:
        self.client.peer_authenticating.connect(lambda peer: self.client.send_auth(peer, PASSWORD))

    def shut(self, peer: int, code: int, reason: str = "") -> None:
        self.listening.get_peer(peer).close(code, reason)

    async def refusal(self) -> str:
        """Have the client refused; return what its failure says."""
        with trio.fail_after(PATIENCE):
            async with peers.serve(0, peer=self.listening, api=self.server) as serving:
                url = f"ws://127.0.0.1:{serving.get_local_port()}"
                with pytest.raises(MultiplayerError) as caught:
                    async with peers.connect(url, peer=self.connecting, api=self.client):
                        pytest.fail("it was let in")
                failure = self.connecting.failure
                assert failure is not None
                assert caught.value.code == Error.ERR_CANT_CONNECT
                assert caught.value.message == f"no connection to {url}: {failure}"
                assert failure.stage == "authentication"
                assert self.seen == [failure]
                await until(lambda: not serving.get_peers())
        return failure.detail


@pytest.fixture(params=[False, True], ids=["gd_mp", "godot4"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(godot4=request.param)


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (4001, "wrong password", "the server closed with 4001 'wrong password'"),
        (1000, "", "the server closed with 1000"),
        (0, "", "the server closed with 1005"),
        (4001, "line\nbreak", "the server closed with 4001 'line\\nbreak'"),
    ],
)
async def test_the_server_refuses(door: Door, code: int, reason: str, told: str) -> None:
    door.knock()
    door.server.auth_callback = lambda peer, data: door.shut(peer, code, reason)
    assert await door.refusal() == told


async def test_the_server_waits_no_longer(door: Door) -> None:
    door.server.auth_timeout = 0.05
    door.client.auth_timeout = 0
    assert await door.refusal() == (
        "the server closed with 1008 'authentication took longer than 0.05 s: this server expects "
        "it; does this client set auth_callback?'"
    )


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (None, "no answer within 0.05 s; does the server set auth_callback?"),
        (b"hm", "the server did not call complete_auth() within 0.05 s"),
        (b"", "this client did not call complete_auth() within 0.05 s"),
    ],
    ids=["nothing", "credentials", "that it is complete"],
)
async def test_the_client_waits_no_longer(door: Door, answers: bytes | None, told: str) -> None:
    def answer(peer: int) -> None:
        if answers:
            door.server.send_auth(peer, answers)
        else:
            door.server.complete_auth(peer)

    door.server.auth_timeout = 0
    door.client.auth_timeout = 0.05
    if answers is not None:
        door.server.peer_authenticating.connect(answer)
    assert await door.refusal() == told
    # The server heard why, too.
    departed = door.listening._role.clients.departed  # pyright: ignore[reportPrivateUsage]
    ((_, left),) = departed.items()
    assert (left.get_close_code(), left.closed_by_us) == (1008, False)
    assert left.get_close_reason().startswith("authentication took longer than 0.05 s")


@pytest.mark.handlers_fail
async def test_the_client_s_own_callback_raises(door: Door) -> None:
    def check(peer: int, data: bytes) -> None:
        raise ValueError(f"bad {data.decode()}")

    door.client.auth_callback = check
    door.server.peer_authenticating.connect(lambda peer: door.server.send_auth(peer, b"ticket"))
    assert await door.refusal() == "this client's auth_callback raised ValueError: bad ticket"


@pytest.mark.handlers_fail
async def test_the_server_s_callback_raises(door: Door) -> None:
    def check(peer: int, data: bytes) -> None:
        raise ValueError(data)

    door.knock()
    door.server.auth_callback = check
    assert await door.refusal() == "the server closed with 1008 'its credentials cannot be checked'"


async def test_the_next_session_of_the_same_client_knows_nothing_of_it(door: Door) -> None:
    door.knock()
    door.server.auth_callback = lambda peer, data: door.shut(peer, 4001)
    await door.refusal()
    door.client.auth_callback = door.server.auth_callback = None
    with trio.fail_after(PATIENCE):
        async with peers.serve(0, peer=door.listening, api=door.server) as serving:
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with peers.connect(url, peer=door.connecting, api=door.client) as client:
                assert client.failure is None
            assert client.failure is None


async def test_who_ends_it_itself_was_not_refused(door: Door) -> None:
    door.client.peer_authenticating.connect(lambda peer: door.connecting.begin_leaving())
    with trio.fail_after(PATIENCE):
        async with peers.serve(0, peer=door.listening, api=door.server) as serving:
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            with pytest.raises(MultiplayerError, match="it was closed while connecting"):
                async with peers.connect(url, peer=door.connecting, api=door.client):
                    pytest.fail("it was let in")
    assert door.connecting.failure is None
