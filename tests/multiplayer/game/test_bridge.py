"""``Bridge``: one match of servers of all dialects, with two Python clients of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect, Error, MultiplayerError, SceneMultiplayer
from multiplayer.game import Bridge
from multiplayer.testing import LoopbackNetwork, LoopbackPeer, SimulatedServer
from tests.multiplayer.game.bridged import ENVELOPES, Board, Match

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECTS = [*ENVELOPES]


def code_of(raised: pytest.ExceptionInfo[MultiplayerError]) -> Error:
    return raised.value.code


def test_all_hear_what_one_says_whatever_they_speak() -> None:
    match = Match()
    ids = [player.id for player in match.players]
    assert match.bridge.get_peers() == ids
    assert len({*ids}) == 6
    assert repr(match.bridge) == "<Bridge of GODOT_3, GODOT_4, NATIVE, 6 peers>"
    for player in match.players:
        player.say(f"from {player.id}")
        match.settle()
    told = [(f"from {peer}", peer) for peer in ids]
    assert [player.board.told for player in match.players] == [told] * 6
    assert match.told == [(*each, 1) for each in told]  # here once, though it has three objects
    assert match.bridge.get_remote_sender_id() == 0


def test_a_call_is_encoded_once_for_each_session() -> None:
    match = Match()
    match.bridge.rpc("Board", "tell", "first", 1)
    before = [api.statistics.calls_sent for api in match.bridge.apis]
    match.bridge.rpc("Board", "tell", "second", 1)
    after = [api.statistics.calls_sent for api in match.bridge.apis]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
    match.settle()
    assert [player.board.told[-1] for player in match.players] == [("second", 1)] * 6


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_is_called_alone_in_its_dialect(dialect: Dialect) -> None:
    match = Match()
    one = next(player for player in match.players if player.api.dialect == dialect)
    assert match.bridge.api_of(one.id) is match.api(dialect)
    match.bridge.rpc_id(one.id, "Board", "tell", "you", 1)
    match.settle()
    assert [p.board.told for p in match.players if p is not one] == [[]] * 5
    assert one.board.told == [("you", 1)]


def test_some_are_called_each_in_its_dialect() -> None:
    match = Match()
    some = match.players[::2]  # one of each dialect
    assert len({player.api.dialect for player in some}) == 3
    before = [api.statistics.calls_sent for api in match.bridge.apis]
    match.bridge.rpc_to([1, *(p.id for p in some), some[0].id], "Board", "tell", "you", 1)
    after = [api.statistics.calls_sent for api in match.bridge.apis]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1]
    match.settle()
    for player in match.players:
        assert player.board.told == ([("you", 1)] if player in some else [])
    assert match.told == [("you", 1, 1)]  # here, since it says call_local


def test_nobody_is_called_if_one_never_was_there() -> None:
    match = Match()
    with pytest.raises(MultiplayerError) as caught:
        match.bridge.rpc_to([match.players[0].id, 12345], "Board", "tell", "you", 1)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    match.settle()
    assert [player.board.told for player in match.players] == [[]] * 6


def test_what_one_dialect_cannot_carry_reaches_the_others_of_some() -> None:
    match = Match()
    everybody = [player.id for player in match.players]
    with pytest.raises(ExceptionGroup) as raised:
        match.bridge.rpc_to(everybody, "Board", "tell", "big", 2**63)
    assert len(raised.value.exceptions) == 2
    match.settle()
    assert [bool(player.board.told) for player in match.players] == [
        player.api.dialect is Dialect.NATIVE for player in match.players
    ]


def test_joins_and_leaves_of_all_are_signals() -> None:
    match = Match(clients=1)
    ids = [player.id for player in match.players]
    assert match.signals == [("came", peer) for peer in ids]
    match.signals.clear()
    for player in match.players:
        player.api.multiplayer_peer.close()
        match.settle()
    assert match.signals == [("left", peer) for peer in ids]
    assert match.bridge.get_peers() == []
    for peer in ids:  # too late, which is no mistake
        match.bridge.rpc_id(peer, "Board", "tell", "late", 1)
        assert match.bridge.api_of(peer).statistics.drops["departed"] == 1


def test_servers_that_draw_the_same_ids_never_give_one_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def count(server: SimulatedServer) -> int:
        drawn = last[server] = last.get(server, 1) + 1
        return drawn

    last: dict[SimulatedServer, int] = {}
    monkeypatch.setattr(SimulatedServer, "generate_unique_id", count)
    match = Match(clients=3)
    ids = [player.id for player in match.players]
    assert ids == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    match.players[0].api.multiplayer_peer.close()
    match.settle()
    assert 2 not in match.bridge.get_peers()


def test_newcomers_of_one_moment_get_different_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter([7, 7, 7, 8, 8, 9])
    monkeypatch.setattr(SimulatedServer, "generate_unique_id", lambda _: next(ids))
    match = Match(clients=0)
    clients = [match.network.create_client(server) for server in match.servers.values()]
    match.network.run_until(lambda: all(client.get_unique_id() for client in clients))
    assert sorted(match.bridge.get_peers()) == [7, 8, 9]
    assert sorted(client.get_unique_id() for client in clients) == [7, 8, 9]


def test_without_a_bridge_again_ids_are_those_of_each_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    match = Match(clients=0)
    match.bridge.close()
    match.bridge.close()
    monkeypatch.setattr(SimulatedServer, "generate_unique_id", lambda _: 7)
    for server in match.servers.values():
        match.network.create_client(server)
    match.network.run_until(lambda: all(api.get_peers() == [7] for api in match.bridge.apis))
    assert match.signals == []
    with pytest.raises(MultiplayerError, match="two have a client 7") as raised:
        Bridge(match.bridge.apis)
    assert code_of(raised) == Error.ERR_ALREADY_EXISTS


def serving(peer: LoopbackPeer) -> SceneMultiplayer:
    peer.create_server()
    api = SceneMultiplayer()
    api.multiplayer_peer = peer
    return api


class Deaf(LoopbackPeer):
    """Gives the same id always, and asks nobody."""

    @property
    def is_id_elsewhere(self) -> None:
        return None

    @is_id_elsewhere.setter
    def is_id_elsewhere(self, is_elsewhere: Callable[[int], bool] | None) -> None:
        pass

    def generate_unique_id(self) -> int:
        return 7


@pytest.mark.handlers_fail
def test_a_peer_class_that_gives_an_id_that_is_taken_loses_the_newcomer() -> None:
    networks = [LoopbackNetwork(), LoopbackNetwork()]
    apis = [serving(Deaf(network)) for network in networks]
    bridge = Bridge(apis)
    came: list[int] = []
    bridge.peer_connected.connect(came.append)
    clients = [Deaf(network) for network in networks]
    for client in clients:
        client.create_client()
        for _ in range(8):
            bridge.poll()
            client.poll()
    assert came == [7]
    assert [api.get_peers() for api in apis] == [[7], []]


def test_a_session_that_is_over_leaves_the_others_playing() -> None:
    match = Match(clients=1)
    match.servers[Dialect.GODOT_3].close()
    match.settle()
    assert [api.dialect for api in map(match.bridge.api_of, match.bridge.get_peers())] == [
        Dialect.GODOT_4,
        Dialect.NATIVE,
    ]
    match.bridge.rpc("Board", "tell", "on", 1)
    match.settle()
    assert [player.board.told for player in match.players] == [[], [("on", 1)], [("on", 1)]]
    assert match.told == [("on", 1, 1)]


def test_what_one_dialect_cannot_carry_is_told_after_the_others_have_it() -> None:
    match = Match(clients=1)
    big = 2**63  # Variants have 64 bits and a sign, msgpack one more
    with pytest.raises(ExceptionGroup) as raised:
        match.bridge.rpc("Board", "tell", "big", big)
    assert len(raised.value.exceptions) == 2
    match.settle()
    assert [player.board.told for player in match.players] == [[], [], [("big", big)]]


@pytest.mark.handlers_fail
def test_a_bridge_polls_all_of_its_apis_whatever_one_raises() -> None:
    networks = [LoopbackNetwork() for _ in range(3)]
    bridge = Bridge([serving(LoopbackPeer(network)) for network in networks])
    for number, api in enumerate(bridge.apis[:2]):
        api.on_error = "raise"

        def fail(_: int, number: int = number) -> None:
            raise ValueError(number)

        api.peer_connected.connect(fail)
    clients = [LoopbackPeer(network) for network in networks]
    raised: list[BaseException] = []
    for client in clients:
        client.create_client()
    for _ in range(8):
        for client in clients:
            client.poll()
        try:
            bridge.poll()
        except ExceptionGroup as error:
            raised.extend(error.exceptions)
    assert [str(error) for error in raised] == ["0", "1"]
    assert len(bridge.get_peers()) == 3


@pytest.mark.parametrize("wrong", [1, 0, -3, 12345])
def test_whose_api_is_asked_must_have_been_there(wrong: int) -> None:
    match = Match(clients=1)
    with pytest.raises(MultiplayerError) as raised:
        match.bridge.api_of(wrong)
    assert code_of(raised) == Error.ERR_INVALID_PARAMETER


def test_a_path_that_one_api_lacks_sends_nothing_to_anybody() -> None:
    match = Match(clients=1)
    match.api(Dialect.NATIVE).remove("Board")
    with pytest.raises(MultiplayerError, match="NATIVE has nothing at 'Board'") as raised:
        match.bridge.rpc("Board", "tell", "x", 1)
    assert code_of(raised) == Error.ERR_UNCONFIGURED
    match.settle()
    assert [player.board.told for player in match.players] == [[], [], []]
    match.bridge.remove("Board")
    with pytest.raises(MultiplayerError) as raised:
        match.bridge.remove("Board")
    assert code_of(raised) == Error.ERR_DOES_NOT_EXIST


def test_what_cannot_be_added_everywhere_is_added_nowhere() -> None:
    match = Match(clients=0)
    board = Board()
    with pytest.raises(MultiplayerError) as raised:
        match.bridge.add("Other", lambda _: board)  # one object, three sessions
    assert code_of(raised) == Error.ERR_ALREADY_IN_USE
    assert [api.object_at("Other") for api in match.bridge.apis] == [None] * 3


def test_what_is_no_server_is_not_bridged() -> None:
    with pytest.raises(MultiplayerError) as raised:
        Bridge([])
    assert code_of(raised) == Error.ERR_INVALID_PARAMETER
    match = Match(clients=1)
    with pytest.raises(MultiplayerError) as raised:
        Bridge([match.bridge.apis[0]] * 2)
    assert code_of(raised) == Error.ERR_INVALID_PARAMETER
    for api in (SceneMultiplayer(), match.players[0].api):
        with pytest.raises(MultiplayerError, match="not a server") as raised:
            Bridge([api])
        assert code_of(raised) == Error.ERR_UNCONFIGURED
    with pytest.raises(MultiplayerError, match="another Bridge") as raised:
        Bridge(match.bridge.apis)
    assert code_of(raised) == Error.ERR_ALREADY_IN_USE
