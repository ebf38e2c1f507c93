"""``server_relay = False``: clients know the server alone, and reach nobody else."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer import (
    GODOT_3,
    GODOT_4,
    NATIVE,
    Dialect,
    Error,
    MultiplayerError,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    rpc,
)
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import PATIENCE, Recorder, everywhere, pause, until
from tests.gd_mp_rows import ADD, FIRST, ID, LAST, LOWEST, SELF, about, game
from tests.peers.sessions import FixedServer, listening, payloads
from tests.raw import CLOSE, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer import MultiplayerPeer
    from tests.driving import Drive


async def newcomer(server: FixedServer, id_: int) -> Raw:
    server.ids.append(id_)
    raw = await Raw.connect(server.get_local_port())
    await until(lambda: server.has_peer(id_))
    assert await payloads(raw) == [about(ID, id_), about(ADD, 1)]
    return raw


async def three_strangers(server: FixedServer) -> tuple[Raw, Raw, Raw]:
    return (
        await newcomer(server, FIRST),
        await newcomer(server, SELF),
        await newcomer(server, LAST),
    )


# ---------------------------------------------------------------- a gd_mp server, raw clients


async def test_clients_are_told_of_the_server_alone(drive: Drive) -> None:
    server = listening(drive)
    server.server_relay = False
    heard = Recorder(server, without=("client_connected",))
    first, middle, last = await three_strangers(server)
    assert server.get_peers() == [FIRST, SELF, LAST]
    assert heard.log == [("peer_connected", id_) for id_ in (FIRST, SELF, LAST)]
    await middle.send_frame(close_body(1000), CLOSE)
    await until(lambda: not server.has_peer(SELF))
    for raw in (first, last):
        assert await payloads(raw) == []  # nor of a departure
    for raw in (first, middle, last):
        await raw.close()


async def test_what_a_client_sends_reaches_the_server_or_nobody(drive: Drive) -> None:
    server = listening(drive)
    server.server_relay = False
    first, sender, last = await three_strangers(server)
    for_server = (0, 1, -FIRST, -SELF, -999, LOWEST)
    for_others = (FIRST, LAST, 999, -1)
    for target in (*for_server, *for_others, SELF):
        await sender.send_frame(game(SELF, target, b"%d" % target))
    assert await payloads(sender) == []
    got = [server.get_packet() for _ in range(server.get_available_packet_count())]
    assert got == [b"%d" % target for target in for_server]
    drops = server.get_peer(SELF).statistics.drops
    assert drops == {"not_relayed": len(for_others), "to_sender": 1}
    assert not server.get_peer(SELF).statistics.violations
    for raw in (first, last):
        assert await payloads(raw) == []
    for raw in (first, sender, last):
        await raw.close()


async def test_the_server_still_reaches_whom_it_means(drive: Drive) -> None:
    server = listening(drive)
    server.server_relay = False
    raws = await three_strangers(server)
    for target in (0, SELF, -FIRST):
        server.set_target_peer(target)
        server.put_packet(b"x")
    server.flush()
    first, middle, last = raws
    assert await payloads(first) == [game(1, 0, b"x")]
    assert await payloads(middle) == [game(1, t, b"x") for t in (0, SELF, -FIRST)]
    assert await payloads(last) == [game(1, t, b"x") for t in (0, -FIRST)]
    for raw in raws:
        await raw.close()


async def test_who_is_held_hears_nothing_when_admitted(drive: Drive) -> None:
    server = listening(drive)
    server.server_relay = False
    server.holds_new_peers = True
    raws = await three_strangers(server)
    for id_ in (LAST, SELF):
        server.admit_peer(id_)
        server.admit_peer(id_)
    server.put_packet(b"to all")
    server.flush()
    first, middle, last = raws
    assert await payloads(first) == []  # not admitted: what is for all is not for it
    assert await payloads(middle) == [game(1, 0, b"to all")]
    assert await payloads(last) == [game(1, 0, b"to all")]
    await middle.send_frame(game(SELF, 0, b"to all"))
    await middle.send_frame(game(SELF, LAST))
    assert await payloads(middle) == []
    assert await payloads(last) == []
    assert server.get_packet() == b"to all"
    assert server.statistics.drops == {"not_relayed": 1}
    for raw in raws:
        await raw.close()


async def test_it_cannot_change_while_clients_are_here(drive: Drive) -> None:
    server = listening(drive)
    raw = await Raw.connect(server.get_local_port())
    await until(server.get_peers)
    with pytest.raises(MultiplayerError, match="while clients are here") as caught:
        server.server_relay = False
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    server.server_relay = True  # which it is
    await raw.send_frame(close_body(1000), CLOSE)
    await until(lambda: not server.get_peers())
    server.server_relay = False
    assert not server.server_relay
    await raw.close()


async def test_the_next_session_is_as_it_says(drive: Drive) -> None:
    server = listening(drive)
    server.server_relay = False
    for raw in await three_strangers(server):
        await raw.close()
    server.stop()
    server.listen(0, gd_mp_api=True)
    assert not server.server_relay
    for raw in await three_strangers(server):
        await raw.close()
    server.stop()
    server.server_relay = True
    server.listen(0, gd_mp_api=True)
    first = await newcomer(server, FIRST)
    server.ids.append(LAST)
    last = await Raw.connect(server.get_local_port())
    assert await payloads(last) == [about(ID, LAST), about(ADD, 1), about(ADD, FIRST)]
    assert await payloads(first) == [about(ADD, LAST)]
    await first.close()
    await last.close()


# ---------------------------------------------------------------- where it is not the peer's


@pytest.mark.parametrize("setting", ["server_relay", "holds_new_peers"])
@pytest.mark.parametrize("make", [WebSocketClient, WebSocketMultiplayerPeer])
def test_peers_that_do_not_relay_say_so(make: Callable[[], MultiplayerPeer], setting: str) -> None:
    peer = make()
    usual: bool = getattr(peer, setting)
    with pytest.raises(MultiplayerError, match=setting) as caught:
        setattr(peer, setting, not usual)
    assert caught.value.code == Error.ERR_UNAVAILABLE
    setattr(peer, setting, usual)
    assert getattr(peer, setting) == usual


@pytest.mark.parametrize("setting", ["server_relay", "holds_new_peers"])
@everywhere
async def test_in_plain_mode_there_is_nobody_to_be_told_of(drive: Drive, setting: str) -> None:
    server = WebSocketServer()
    usual: bool = getattr(server, setting)
    setattr(server, setting, not usual)
    with pytest.raises(MultiplayerError, match=setting) as caught:
        server.listen(0)
    assert caught.value.code == Error.ERR_UNAVAILABLE
    assert not server.is_listening()
    plain = listening(drive, gd_mp_api=False)
    with pytest.raises(MultiplayerError, match="gd_mp_api=True"):
        setattr(plain, setting, not usual)
    assert getattr(plain, setting) == usual


# ---------------------------------------------------------------- SceneMultiplayer


class Room:
    def __init__(self) -> None:
        self.heard: list[object] = []

    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.heard.append(text)


class Member:
    """A program of a session: an API with a room."""

    def __init__(self, dialect: Dialect, *, server_relay: bool = True) -> None:
        self.room = Room()
        self.api = SceneMultiplayer(dialect=dialect)
        self.api.add("Room", self.room)
        if not server_relay:
            self.api.server_relay = False


def new_peer(*, godot4: bool, serving: bool) -> WebSocketMultiplayerPeer:
    if godot4:
        return WebSocketMultiplayerPeer()
    return WebSocketServer() if serving else WebSocketClient()


async def polling(apis: Sequence[SceneMultiplayer]) -> None:
    while True:
        for api in apis:
            api.poll()
        await pause()


async def session_of(
    drive: Drive, stack: AsyncExitStack, server: Member, clients: Sequence[Member], *, godot4: bool
) -> WebSocketMultiplayerPeer:
    """Connect them, polled or run; return the server's peer."""
    if drive.way is not None:
        peer = new_peer(godot4=godot4, serving=True)
        serving = await stack.enter_async_context(drive.way.serve(0, peer=peer, api=server.api))
        url = f"ws://127.0.0.1:{serving.get_local_port()}"
        for client in clients:
            peer = new_peer(godot4=godot4, serving=False)
            await stack.enter_async_context(drive.way.connect(url, peer=peer, api=client.api))
        return serving
    serving = new_peer(godot4=godot4, serving=True)
    if isinstance(serving, WebSocketServer):
        serving.bind_ip = "127.0.0.1"
        serving.listen(0, gd_mp_api=True)
    else:
        serving.create_server(0, "127.0.0.1")
    server.api.multiplayer_peer = serving
    url = f"ws://127.0.0.1:{serving.get_local_port()}"
    for client in clients:
        peer = new_peer(godot4=godot4, serving=False)
        if isinstance(peer, WebSocketClient):
            peer.connect_to_url(url, gd_mp_api=True)
        else:
            peer.create_client(url)
        client.api.multiplayer_peer = peer
        stack.callback(peer.close)
    stack.callback(serving.close)
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    nursery.start_soon(polling, [server.api, *(client.api for client in clients)])
    await until(lambda: all(client.api.get_peers() for client in clients))
    return serving


SETTINGS = [
    pytest.param(NATIVE, False, True, id="native-gd_mp-server-alone"),
    pytest.param(NATIVE, False, False, id="native-gd_mp-all"),
    pytest.param(GODOT_3, False, True, id="godot3-gd_mp-server-alone"),
    pytest.param(NATIVE, True, False, id="native-godot4-all"),
    pytest.param(GODOT_4, True, False, id="godot4-all"),
]
"""Dialect, envelope, and what clients have set: on Godot 4's envelope all sides set it."""


@pytest.mark.parametrize(("dialect", "godot4", "clients_relay"), SETTINGS)
@everywhere
async def test_clients_of_an_api_know_and_reach_the_server_alone(
    drive: Drive, dialect: Dialect, godot4: bool, clients_relay: bool
) -> None:
    server = Member(dialect, server_relay=False)
    ada, bob = (Member(dialect, server_relay=clients_relay) for _ in range(2))
    with trio.fail_after(PATIENCE):
        async with AsyncExitStack() as stack:
            serving = await session_of(drive, stack, server, [ada, bob], godot4=godot4)
            await until(lambda: len(server.api.get_peers()) == 2)
            assert serving.server_relay is godot4  # there it is the API's alone
            assert not server.api.server_relay
            ada.room.say.rpc("to all")
            await until(lambda: server.room.heard == ["to all"])
            with pytest.raises(MultiplayerError, match="there is no peer"):
                ada.room.say.rpc_id(bob.api.get_unique_id(), "to Bob")
            server.room.say.rpc("from the server")
            await until(lambda: ada.room.heard and bob.room.heard)
            assert ada.room.heard == bob.room.heard == ["from the server"]
            assert ada.api.get_peers() == bob.api.get_peers() == [1]
            assert not ada.api.statistics.rejected
            assert not server.api.statistics.rejected


async def test_authentication_goes_together_with_it() -> None:
    server, client, other = (Member(NATIVE, server_relay=relay) for relay in (False, True, True))
    for member in (client, other):
        api = member.api
        api.auth_callback = lambda peer, data: None
        api.peer_authenticating.connect(api.complete_auth)
    server.api.auth_callback = lambda peer, data: None
    server.api.peer_authenticating.connect(server.api.complete_auth)
    with trio.fail_after(PATIENCE):
        async with peers.serve(0, api=server.api) as serving:
            assert serving.holds_new_peers
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with (
                peers.connect(url, api=client.api),
                peers.connect(url, api=other.api),
            ):
                client.room.say.rpc("to all")
                await until(lambda: server.room.heard)
                server.room.say.rpc("to all")
                await until(lambda: client.room.heard and other.room.heard)
                assert client.api.get_peers() == other.api.get_peers() == [1]


async def test_a_peer_that_has_announced_already_is_not_taken(drive: Drive) -> None:
    server = listening(drive)
    raw = await Raw.connect(server.get_local_port())
    await until(server.get_peers)
    api = SceneMultiplayer()
    api.server_relay = False
    with pytest.raises(MultiplayerError, match="before anybody joins") as caught:
        api.multiplayer_peer = server
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    assert isinstance(api.multiplayer_peer, OfflineMultiplayerPeer)
    await raw.close()


def test_a_peer_gets_back_what_it_had() -> None:
    server, api = WebSocketServer(), SceneMultiplayer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    api.server_relay = False
    api.multiplayer_peer = server
    assert not server.server_relay
    api.multiplayer_peer = None
    assert server.server_relay
    server.server_relay = False
    api = SceneMultiplayer()
    api.multiplayer_peer = server
    assert not api.server_relay  # it says what is the case
    api.multiplayer_peer = None
    assert not server.server_relay
    assert api.server_relay
    server.stop()
