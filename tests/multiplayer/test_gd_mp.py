"""``multiplayer.wire.envelopes.godot3``: the engine's table, row by row, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from multiplayer.wire.envelopes import godot3 as gd_mp
from multiplayer.wire.envelopes.godot3 import (
    Drop,
    Identified,
    Joined,
    Left,
    OtherGeneration,
    Received,
    Route,
    Violation,
)
from tests.gd_mp_rows import (
    ADD,
    CLIENT_ROWS,
    DEL,
    FIRST,
    ID,
    JOINED,
    LAST,
    SELF,
    SERVER_ROWS,
    ClientRow,
    Relayed,
    ServerRow,
    about,
    game,
    joined,
    message,
    reached,
)


def three() -> gd_mp.ServerSession:
    session = gd_mp.ServerSession()
    for peer in (LAST, SELF, FIRST):
        session.join(peer)
        session.admit(peer)
    return session


@pytest.mark.parametrize("row", CLIENT_ROWS, ids=lambda row: row.name)
def test_what_a_client_makes_of_a_message(row: ClientRow) -> None:
    session = gd_mp.ClientSession()
    for earlier in row.before:
        assert not isinstance(session.receive(earlier), Violation)
    known, own = set(session.peers), session.id
    assert session.receive(row.message) == row.ours
    if isinstance(row.ours, Violation | Received):
        assert (session.peers, session.id) == (known, own)


@pytest.mark.parametrize("row", SERVER_ROWS, ids=lambda row: row.name)
def test_what_a_server_makes_of_a_message(row: ServerRow) -> None:
    session = three()
    verdict: object = session.receive(SELF, row.message)
    if isinstance(verdict, Route):
        receivers = reached(verdict.target, SELF, session.peers)
        verdict = Relayed(verdict.for_server, receivers)
    assert verdict == row.ours
    assert session.peers == [FIRST, SELF, LAST]


def test_rows_have_names_of_their_own() -> None:
    for rows in (CLIENT_ROWS, SERVER_ROWS):
        assert len({row.name for row in rows}) == len(rows)


# ------------------------------------------------------------------ joining and leaving


def test_the_others_hear_of_a_join_and_of_a_leave() -> None:
    session = gd_mp.ServerSession()
    for peer in (SELF, LAST, FIRST):
        session.join(peer)
        assert session.admit(peer) == about(ADD, peer)
        assert session.admit(peer) == b""
    assert session.peers == [FIRST, SELF, LAST]
    assert session.leave(SELF) == about(DEL, SELF)
    assert SELF not in session
    assert session.receive(FIRST, game(FIRST, SELF)) == Drop.UNKNOWN_TARGET
    session.clear()
    assert session.peers == []


def test_a_client_of_a_server_knows_what_the_server_knows() -> None:
    server, clients = gd_mp.ServerSession(), {id_: gd_mp.ClientSession() for id_ in (4, 2, 3)}
    for id_ in clients:
        for receiver, announcement in joined(server, id_):
            assert not isinstance(clients[receiver].receive(announcement), Violation)
    for id_, client in clients.items():
        assert (client.id, client.complete) == (id_, True)
        assert client.peers == {1, 2, 3, 4} - {id_}
    departure = server.leave(3)
    for receiver in (2, 4):
        assert clients[receiver].receive(departure) == Left(3)


# ------------------------------------------------------------------ any bytes

int32 = st.integers(-(2**31), 2**31 - 1)
ids = st.one_of(st.integers(-4, 12), int32)
anything = st.one_of(
    st.binary(max_size=20),
    st.builds(message, st.integers(0, 255), ids, ids, st.binary(max_size=6)),
    st.builds(about, st.sampled_from([ADD, DEL, ID]), ids),
)


@given(source=int32, target=int32, payload=st.binary(max_size=20))
def test_the_envelope_is_nine_bytes(source: int, target: int, payload: bytes) -> None:
    assert gd_mp.packet(source, target, payload) == game(source, target, payload)
    assert gd_mp.system_packet(gd_mp.PacketType.DEL, source) == about(DEL, source)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(anything, max_size=12))
def test_a_client_takes_any_bytes_and_its_peers_stay_sensible(
    joined: bool, messages: list[bytes]
) -> None:
    session = gd_mp.ClientSession()
    peers: set[int] = set()
    for data in [*(JOINED if joined else ()), *messages]:
        happened = session.receive(data)
        if isinstance(happened, Joined):
            assert happened.peer not in peers
            peers.add(happened.peer)
        elif isinstance(happened, Left):
            peers.remove(happened.peer)
        elif isinstance(happened, Identified):
            assert happened.id == session.id
        elif isinstance(happened, Received):
            assert happened.payload == data[9:]
            assert happened.announced == (happened.source in peers)
        elif isinstance(happened, OtherGeneration):
            assert (data, joined) == (messages[0], False)
            assert len(data) == 4
        else:
            assert isinstance(happened, Violation)
        assert session.peers == peers
        assert session.id not in peers
        assert session.id == 0 or session.id > 1
        assert session.complete <= bool(session.id)
        assert all(peer > 0 for peer in peers)


class AnySession(RuleBasedStateMachine):
    """A server's session whose clients come, go, and send anything."""

    def __init__(self) -> None:
        super().__init__()
        self.session = gd_mp.ServerSession()
        self.clients: dict[int, gd_mp.ClientSession] = {}

    def tell(self, announcements: list[tuple[int, bytes]]) -> None:
        for receiver, announcement in announcements:
            assert not isinstance(self.clients[receiver].receive(announcement), Violation)

    @rule(peer=st.integers(2, 12))
    def join(self, peer: int) -> None:
        if peer not in self.clients:
            self.clients[peer] = gd_mp.ClientSession()
            self.tell(joined(self.session, peer))

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        peer = data.draw(st.sampled_from(sorted(self.clients)))
        del self.clients[peer]
        departure = self.session.leave(peer)
        self.tell([(other, departure) for other in self.clients])

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), honest=st.booleans(), rest=anything)
    def send(self, data: st.DataObject, honest: bool, rest: bytes) -> None:
        sender = data.draw(st.sampled_from(sorted(self.clients)))
        packet = game(sender, data.draw(ids), rest) if honest else rest
        verdict = self.session.receive(sender, packet)
        if isinstance(verdict, Route):
            receivers = reached(verdict.target, sender, self.session.peers)
            assert set(receivers) <= set(self.clients)
            assert receivers or verdict.for_server or verdict.target <= 0
        else:
            assert isinstance(verdict, Violation | Drop)
            assert isinstance(verdict, Drop) or not honest

    @invariant()
    def all_know_each_other(self) -> None:
        assert self.session.peers == sorted(self.clients)
        for id_, client in self.clients.items():
            assert client.peers == {1, *self.clients} - {id_}


AnySession.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnySession = AnySession.TestCase
