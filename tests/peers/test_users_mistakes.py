"""The sentences for mistakes that users make: each says what is wrong, and what to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import peers
from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import MultiplayerPeer

URL = "ws://127.0.0.1:9080"


class Game(Node):
    @rpc("any_peer")
    def say(self, text: str) -> None:
        self.heard = text

    @rpc("any_peer")
    def ask_server(self) -> None: ...

    def plain(self) -> None:
        raise AssertionError


class OfServer(Game):
    @rpc("any_peer")
    def ask_server(self) -> None:
        self.asked = True


class World:
    """A server and clients, each with an API, in one network in memory."""

    def __init__(self, clients: int = 1) -> None:
        self.network = MemoryNetwork()
        self.server = SceneMultiplayer(OfServer("Game"))
        self.clients = [SceneMultiplayer(Game("Game")) for _ in range(clients)]
        self.below: list[WebSocketServer | WebSocketClient] = []
        for api in (self.server, *self.clients):
            peer = WebSocketServer() if api is self.server else WebSocketClient()
            self.network.add(peer, polled_by=api)
            self.below.append(peer)
            if isinstance(peer, WebSocketServer):
                peer.listen(9080, gd_mp_api=True)
            else:
                peer.connect_to_url(URL, gd_mp_api=True)
            api.multiplayer_peer = peer


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def game_of(api: SceneMultiplayer) -> Game:
    assert isinstance(api.root, Game)
    return api.root


def added(network: MemoryNetwork, *made: MultiplayerPeer) -> None:
    for peer in made:
        network.add(peer)


def refused(action: Callable[[], object]) -> MultiplayerError:
    with pytest.raises(MultiplayerError) as caught:
        action()
    return caught.value


# ---------------------------------------------------------------- with and without gd_mp_api


def test_a_plain_server_that_a_client_of_sessions_meets(logged: Callable[[], list[str]]) -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketClient()
    added(network, server, client)
    server.listen(9080)
    client.connect_to_url(URL, gd_mp_api=True)
    network.advance(10)
    assert client.failure is not None
    assert client.failure.detail == (
        "the server gave no peer id within 3 s; is it in plain mode? A server of a session "
        "begins with listen(port, gd_mp_api=True), or create_server(port)"
    )
    (of_server,) = [line for line in logged() if "expects_a_session" in line]
    assert "this server is in plain mode: use listen(port, gd_mp_api=True) here" in of_server


def test_a_server_of_sessions_that_a_plain_client_meets(logged: Callable[[], list[str]]) -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketClient()
    added(network, server, client)
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url(URL)
    network.settle()
    client.get_peer(1).put_packet(b"hello")
    client.get_peer(1).put_packet(b"hello, is anybody there?")
    network.settle()
    (of_client,) = [line for line in logged() if "expects_a_session" in line]
    assert "this client is in plain mode: use connect_to_url(url, gd_mp_api=True)" in of_client
    of_server = [line for line in logged() if "is it in plain mode?" in line]
    assert [line.split(": ")[1] for line in of_server] == [
        "short_packet",
        "system_packet_from_client",
    ]
    assert "connects with gd_mp_api=True" in of_server[0]


def test_who_agreed_on_the_session_is_not_asked_whether_it_is_plain(
    logged: Callable[[], list[str]],
) -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketClient()
    added(network, server, client)
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url(URL, gd_mp_api=True)
    network.settle()
    client.get_peer(1).put_packet(b"short")  # past the envelope
    network.settle()
    assert server.statistics.violations == {"short_packet": 1}
    assert not [line for line in logged() if "plain" in line]


def test_a_client_of_godot_4_at_a_plain_server() -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketMultiplayerPeer()
    added(network, server, client)
    server.listen(9080)
    client.create_client(URL)
    network.advance(10)
    assert client.failure is not None
    assert "is it in plain mode?" in client.failure.detail


# ---------------------------------------------------------------- polling


def test_a_server_that_nobody_polls() -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketClient()
    added(network, client)
    network.add(server)
    server.listen(9080, gd_mp_api=True)
    network.pause(server)
    client.connect_to_url(URL, gd_mp_api=True)
    network.advance(10)
    assert client.failure is not None
    assert client.failure.detail == (
        "no upgrade within 3 s: the server says nothing; does anybody poll it, or run it?"
    )


def test_a_peer_that_a_listener_polls_once_more() -> None:
    network, server, client = MemoryNetwork(), WebSocketServer(), WebSocketClient()
    added(network, server, client)
    errors: list[MultiplayerError] = []
    server.peer_connected.connect(lambda peer: errors.append(refused(server.poll)))
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url(URL, gd_mp_api=True)
    network.settle()
    (error,) = errors
    assert error.code is Error.ERR_BUSY
    assert error.message == (
        "a listener called poll(); return from it, and the poll under way goes on"
    )


async def test_a_peer_that_is_run_twice() -> None:
    server = WebSocketServer()
    server.listen(0, gd_mp_api=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.run, server)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(MultiplayerError, match="already being run; wait for that to end"):
            await peers.run(server)
        nursery.cancel_scope.cancel()


def test_a_peer_that_is_polled_besides_its_api_loses_and_doubles_nothing() -> None:
    world = World()
    world.network.settle()
    (client,) = world.clients
    said: list[str] = []
    for number in range(3):
        game_of(client).say.rpc_id(1, str(number))
        client.multiplayer_peer.poll()
        client.poll()
        world.server.multiplayer_peer.poll()
        world.server.poll()
        said.append(game_of(world.server).heard)
    assert said == ["0", "1", "2"]
    assert world.server.statistics.calls_received == 3


# ---------------------------------------------------------------- before and after a session


def test_sending_before_and_after_an_attempt_that_failed() -> None:
    network, client = MemoryNetwork(), WebSocketClient()
    network.add(client)
    before = refused(lambda: client.put_packet(b"x"))
    assert before.message == "not connected; connect first, and wait for connection_succeeded"
    client.connect_to_url("ws://127.0.0.1:9", gd_mp_api=True)
    meanwhile = refused(lambda: client.put_packet(b"x"))
    assert meanwhile.message == "the session is not up yet; wait for connection_succeeded"
    network.advance(10)
    assert client.failure is not None
    assert "Connection refused" in str(client.failure)
    after = refused(lambda: client.put_packet(b"x"))
    why = f"the last attempt failed ({client.failure}); connect again"
    assert after.message == f"not connected: {why}"
    plain = refused(lambda: client.get_peer(1).put_packet(b"x"))
    assert plain.message == f"there is no open connection to send on; {client.failure}"


def test_a_call_before_and_after_an_attempt_that_failed() -> None:
    network, client, api = MemoryNetwork(), WebSocketClient(), SceneMultiplayer(Game("Game"))
    network.add(client, polled_by=api)
    client.connect_to_url("ws://127.0.0.1:9", gd_mp_api=True)
    api.multiplayer_peer = client
    meanwhile = refused(lambda: game_of(api).say.rpc_id(1, "x"))
    assert meanwhile.message == "the session is not up yet; wait for connected_to_server"
    network.advance(10)
    after = refused(lambda: game_of(api).say.rpc_id(1, "x"))
    assert "the connection failed (tcp: " in after.message
    assert "Connection refused" in after.message
    api.multiplayer_peer = None
    without = refused(lambda: game_of(api).say.rpc_id(1, "x"))
    assert without.message == "there is no session; connect or listen, then set multiplayer_peer"


def test_a_server_that_does_not_listen() -> None:
    message = refused(lambda: WebSocketServer().put_packet(b"x")).message
    assert message == "this server does not listen; call listen() first"


# ---------------------------------------------------------------- calls


def test_a_method_without_rpc_at_the_caller() -> None:
    world = World()
    world.network.settle()
    (client,) = world.clients
    error = refused(lambda: client.rpc(1, game_of(client), "plain"))
    assert error.message == "plain() of <Game /Game> has no @rpc; decorate it on both sides"
    error = refused(lambda: client.rpc(1, game_of(client), "nothing"))
    assert error.message == "<Game /Game> has no method 'nothing' with @rpc"


@pytest.mark.parametrize("way", ["rpc", "rpc_id", "rpc_to", "call_id"])
def test_a_method_without_rpc_where_it_is_called(way: str) -> None:
    error = refused(lambda: getattr(Game("Game").plain, way)(1))
    assert error.message == (
        "plain() has no @rpc; decorate it on both sides, or, if rpc_config() declares it, call it "
        "by its name with the API's rpc()"
    )
    with pytest.raises(AttributeError):
        getattr(Game("Game").plain, f"{way}s")


def test_only_what_a_node_defines_says_that_it_has_no_rpc() -> None:
    def shared(self: object) -> None: ...

    class Mixin:
        def greet(self) -> None: ...

    class Hero(Mixin, Node):
        borrowed = shared

        @rpc
        def jump(self) -> None: ...

    class Knight(Hero):
        def jump(self) -> None: ...

    hero = Hero()
    assert not any(hasattr(each, "rpc") for each in (shared, hero.borrowed, hero.greet))
    assert not hasattr(hero.add_child, "rpc")
    assert refused(Knight().jump.rpc).code is Error.ERR_UNCONFIGURED  # outside of any tree


def test_a_client_that_calls_everybody_where_the_server_was_meant(
    logged: Callable[[], list[str]],
) -> None:
    world = World(clients=2)
    world.network.settle()
    one, _ = world.clients
    game_of(one).ask_server.rpc()
    world.network.settle()
    of_server: Any = world.server.root
    assert of_server.asked
    (line,) = [line for line in logged() if "no_body" in line]
    assert line.startswith(f"peer {one.get_unique_id()}: no_body: .: ask_server() is declared")
    assert "if it is for the server alone, call rpc_id(1, …) there" in line
    game_of(one).ask_server.rpc_id(1)
    world.network.settle()
    assert len([line for line in logged() if "no_body" in line]) == 1


def test_a_call_on_a_node_that_is_gone(logged: Callable[[], list[str]]) -> None:
    world = World()
    (client,) = world.clients
    here, there = Game("Door"), Game("Door")
    game_of(client).add_child(here)
    game_of(world.server).add_child(there)
    world.network.settle()
    game_of(world.server).remove_child(there)
    here.say.rpc_id(1, "gone there")
    world.network.settle()
    assert [line for line in logged() if "unknown_node: there is no node 'Door'" in line]
    game_of(client).remove_child(here)
    error = refused(lambda: here.say.rpc_id(1, "gone here"))
    assert error.code is Error.ERR_UNCONFIGURED
    assert error.message == (
        "<Game /Door> was removed from the tree of its SceneMultiplayer; ask "
        "is_inside_tree() where a node may be gone, or add_child() it again"
    )
    never = refused(lambda: Game("Never").say.rpc_id(1, "nowhere"))
    assert "belongs to no SceneMultiplayer: add its root" in never.message


def test_two_nodes_of_one_name() -> None:
    root = Game("Game")
    root.add_child(Game("Door"))
    error = refused(lambda: root.add_child(Game("Door")))
    assert error.code is Error.ERR_ALREADY_EXISTS
    assert error.message == ("<Game /Game> already has a child 'Door'; give this one another name")


# ---------------------------------------------------------------- authentication


@pytest.mark.parametrize("only", ["server", "client"])
def test_an_auth_callback_on_one_side_only(only: str, logged: Callable[[], list[str]]) -> None:
    world = World()
    (client,) = world.clients
    api = world.server if only == "server" else client
    api.auth_callback = lambda peer, data: None
    world.network.advance(10)
    assert client.get_peers() == world.server.get_peers() == []
    of_server = [line for line in logged() if "left from" in line]
    if only == "server":
        assert "this server expects it; does this client set auth_callback?" in of_server[0]
        of_client = [line for line in logged() if line.startswith("the server closed with 1008")]
        assert "does this client set auth_callback?" in of_client[0]
    else:
        assert "this client expects it; does this server set auth_callback?" in of_server[0]
        _, below = world.below
        assert below.failure is not None
        assert below.failure.detail == "no answer within 3 s; does the server set auth_callback?"
