"""Two sides with different RPCs on a node: noticed, told once, and explained where it can be."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import GODOT_3, GODOT_4, NATIVE, Dialect, RpcMismatch, rpc
from multiplayer.scene.doctor import mismatch as searching
from multiplayer.scene.doctor.mismatch import BYTES_PER_TRY, MOST_BYTES, difference, explain
from multiplayer.wire.dialects.choice import wire_of

from .gathering import PATH, Gathering

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER, ADA, BOB = 1, 2, 3


def checksum(*names: str) -> str:
    """Godot's: the names one after the other, sorted; of the object's own, then of the class."""
    return hashlib.md5("".join(sorted(names)).encode(), usedforsecurity=False).hexdigest()


# ---------------------------------------------------------------- the guess


OURS = ["attack", "heal", "move", "take_damage"]
KNOWN = ["jump", "duck", "attack", "crawl"]


@pytest.mark.parametrize(
    ("theirs", "lacks", "has"),
    [
        (["attack", "heal", "move"], ("take_damage",), ()),
        ([*OURS, "duck"], (), ("duck",)),
        (["attack", "heal", "take_damage", "jump"], ("move",), ("jump",)),
        (["attack", "move"], ("heal", "take_damage"), ()),
        ([*OURS, "crawl", "jump"], (), ("jump", "crawl")),
        ([], ("attack", "heal", "move", "take_damage"), ()),
    ],
    ids=["lacks", "has", "both", "lacks two", "has two", "has none"],
)
def test_up_to_two_names_are_found(
    theirs: Sequence[str], lacks: tuple[str, ...], has: tuple[str, ...]
) -> None:
    assert explain((), OURS, checksum(*theirs), KNOWN) == (lacks, has)


@pytest.mark.parametrize(
    "theirs",
    [
        ["attack"],
        [*OURS, "jump", "duck", "crawl"],
        [*OURS, "a name that nobody here knows"],
        ["attack", "heal", "duck"],
    ],
    ids=["lacks three", "has three", "unknown", "lacks two and has one"],
)
def test_what_is_more_is_not_guessed(theirs: Sequence[str]) -> None:
    assert explain((), OURS, checksum(*theirs), KNOWN) is None


def test_names_that_were_configured_on_the_node_come_first_and_stay() -> None:
    theirs = hashlib.md5(b"zoomattackheal", usedforsecurity=False).hexdigest()
    assert explain(["zoom"], ["attack", "heal", "move"], theirs, KNOWN) == (("move",), ())


def test_names_that_are_added_stand_where_they_sort() -> None:
    ours = ["b", "d", "f"]
    for added in (["a", "aa"], ["c", "cc"], ["g", "é"], ["a", "e"], ["\U0001d400", "\uff21"]):
        theirs = checksum(*ours, *added)
        assert explain((), ours, theirs, sorted(added)) == ((), tuple(sorted(added)))
    for lacking, added in (("b", "a"), ("b", "c"), ("f", "e"), ("f", "g"), ("d", "dd")):
        theirs = checksum(*{*ours} - {lacking}, added)
        assert explain((), ours, theirs, [added]) == ((lacking,), (added,))


class Hashes:
    """Counts what the searches hash, as they charge for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries = 0
        self.cost = 0

        def md5(data: bytes, *, usedforsecurity: bool) -> Any:
            self.tries += 1
            self.cost += len(data) + BYTES_PER_TRY
            return hashlib.md5(data, usedforsecurity=usedforsecurity)

        monkeypatch.setattr(searching, "md5", md5)


def test_the_search_ends_though_thousands_of_names_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes = Hashes(monkeypatch)
    known = [f"name_{number}" for number in range(5000)]
    assert explain((), OURS, checksum("what", "ever"), known) is None
    assert MOST_BYTES * 0.99 < hashes.cost <= MOST_BYTES
    hashes.tries = 0
    assert explain((), OURS, checksum(*OURS, "name_3000"), known) == ((), ("name_3000",))
    assert hashes.tries == len(OURS) + 3001  # each possibility once


def test_a_search_ends_when_it_may_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = Hashes(monkeypatch)
    theirs = checksum("attack", "heal", "move")  # the fourth possibility
    assert explain((), OURS, theirs, KNOWN, lambda _: hashes.tries < 3) is None
    assert hashes.tries == 3
    assert explain((), OURS, theirs, KNOWN, lambda _: True) == (("take_damage",), ())


def test_two_names_are_found_where_many_are_known() -> None:
    ours = [f"ours_{number:02}" for number in range(50)]
    known = [f"known_{number:03}" for number in range(160)]
    assert explain((), ours, checksum(*ours[:-2]), known) == (tuple(ours[-2:]), ())
    theirs = checksum(*ours[:-1], "known_003")
    assert explain((), ours, theirs, known) == (("ours_49",), ("known_003",))


def test_the_likeliest_names_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [f"known_{number:03}" for number in range(300)]
    hashes = Hashes(monkeypatch)
    theirs = checksum(*OURS, "known_000", "known_001")
    assert explain((), OURS, theirs, known) == ((), ("known_000", "known_001"))
    singles, own_pairs, both = 4 + 300, 6, 4 * 300
    assert hashes.tries == singles + own_pairs + both + 1


def test_a_known_list_is_simply_compared() -> None:
    assert difference(["a", "b", "c"], ["b", "d"]) == (("a", "c"), ("d",))
    assert difference(["a"], ["a"]) == ((), ())


@pytest.mark.parametrize(
    ("lacks", "has", "explained", "told"),
    [
        (("a",), (), True, "; the peer seems to lack a"),
        ((), ("b", "c"), True, "; the peer seems to have b, c as well"),
        (("a",), ("b",), True, "; the peer seems to lack a and to have b as well"),
        ((), (), False, ""),
    ],
)
def test_it_says_so_in_a_sentence(
    lacks: tuple[str, ...], has: tuple[str, ...], explained: bool, told: str
) -> None:
    mismatch = RpcMismatch(7, "Main", "aa", "bb", ("a", "x"), lacks, has, explained)
    assert str(mismatch) == (
        "the RPCs of Main differ from those of peer 7: checksum here aa, there bb; "
        f"ours are a, x{told}"
    )
    silent = RpcMismatch(7, "Main", "aa", None, ())
    assert str(silent) == (
        "the RPCs of Main differ from those of peer 7: checksum here aa, there unknown; "
        "ours are none"
    )


# ---------------------------------------------------------------- in a session


class Game:
    def __init__(self) -> None:
        self.ran: list[str] = []

    @rpc("any_peer")
    def attack(self) -> None:
        self.ran.append("attack")

    @rpc("any_peer")
    def move(self) -> None:
        self.ran.append("move")


class HurtingGame(Game):
    @rpc("any_peer")
    def take_damage(self) -> None: ...


class ForgetfulGame(Game):
    def take_damage(self) -> None:
        """Somebody forgot the ``@rpc``."""


class OtherGame(Game):
    attack = None  # type: ignore[assignment]

    @rpc("any_peer")
    def strike(self) -> None: ...


class DifferentGame(Game):
    @rpc("any_peer")
    def one_thing(self) -> None: ...
    @rpc("any_peer")
    def another_thing(self) -> None: ...
    @rpc("any_peer")
    def third_thing(self) -> None: ...


class Session:
    """A server with one class and a client with another; what each was told."""

    def __init__(self, server: type[Game], client: type[Game], dialect: Dialect) -> None:
        relays = dialect is GODOT_3
        self.gathering = Gathering[Game](server, client, relays=relays, dialect=dialect)
        self.told: dict[int, list[RpcMismatch]] = {SERVER: [], ADA: []}
        for peer, log in self.told.items():
            self.gathering.apis[peer].rpc_mismatch.connect(log.append)

    def call(self, caller: int, method: str = "move") -> None:
        game = self.gathering.games[caller]
        self.gathering.apis[caller].rpc(SERVER + ADA - caller, game, method)
        self.gathering.settle()


CASES = [
    pytest.param(HurtingGame, Game, ("take_damage",), (), id="lacks"),
    pytest.param(Game, HurtingGame, (), ("take_damage",), id="has"),
    pytest.param(ForgetfulGame, HurtingGame, (), ("take_damage",), id="forgotten"),
    pytest.param(Game, OtherGame, ("attack",), ("strike",), id="both"),
]


@pytest.mark.parametrize(("server", "client", "lacks", "has"), CASES)
@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda dialect: dialect.name)
def test_the_difference_is_named(
    server: type[Game],
    client: type[Game],
    lacks: tuple[str, ...],
    has: tuple[str, ...],
    dialect: Dialect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = Session(server, client, dialect)
    session.call(ADA)
    (mismatch,) = session.told[SERVER]
    names = {Game: ("attack", "move"), HurtingGame: ("attack", "move", "take_damage")}
    ours = names.get(server, ("attack", "move"))
    assert mismatch.peer == ADA
    assert mismatch.path == PATH
    assert mismatch.our_methods == ours
    assert mismatch.our_checksum == checksum(*ours)
    theirs = {*ours} - {*lacks} | {*has}
    assert mismatch.their_checksum == (checksum(*theirs) if dialect is GODOT_4 else None)
    assert (mismatch.peer_lacks, mismatch.peer_has, mismatch.explained) == (lacks, has, True)
    logged = [record for record in caplog.records if "differ" in record.getMessage()]
    assert logged[0].getMessage() == str(mismatch)
    assert (logged[0].levelno, vars(logged[0])["peer_id"]) == (logging.WARNING, ADA)
    assert session.gathering.apis[SERVER].statistics.mismatches == 1


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda dialect: dialect.name)
def test_the_call_runs_all_the_same(dialect: Dialect) -> None:
    session = Session(HurtingGame, Game, dialect)
    session.call(ADA)
    assert session.gathering.games[SERVER].ran == ["move"]


def test_without_a_difference_nothing_is_told() -> None:
    for dialect in (GODOT_4, NATIVE, GODOT_3):
        session = Session(HurtingGame, HurtingGame, dialect)
        session.call(ADA)
        session.call(SERVER)
        assert session.told == {SERVER: [], ADA: []}
        assert session.gathering.apis[SERVER].statistics.mismatches == 0


def test_godot_3_calls_by_name_and_tells_no_methods() -> None:
    session = Session(HurtingGame, OtherGame, GODOT_3)
    session.call(ADA)
    assert session.told == {SERVER: [], ADA: []}
    assert session.gathering.games[SERVER].ran == ["move"]


def test_what_is_too_different_is_told_without_a_guess() -> None:
    session = Session(Game, DifferentGame, GODOT_4)
    session.call(ADA)
    (mismatch,) = session.told[SERVER]
    assert (mismatch.peer_lacks, mismatch.peer_has, mismatch.explained) == ((), (), False)
    assert mismatch.their_checksum not in (None, mismatch.our_checksum)
    assert "seems" not in str(mismatch)


def test_our_own_dialect_tells_however_much_it_is() -> None:
    session = Session(Game, DifferentGame, NATIVE)
    session.call(ADA)
    (mismatch,) = session.told[SERVER]
    assert mismatch.peer_has == ("another_thing", "one_thing", "third_thing")


def test_a_node_without_any_rpcs_is_recognized() -> None:
    session = Session(HurtingGame, Game, GODOT_4)
    peer = session.gathering.peer(ADA)
    peer.set_target_peer(SERVER)
    peer.put_packet(wire_of(GODOT_4).announce(1, PATH, ()))
    session.gathering.settle()
    (mismatch,) = session.told[SERVER]
    assert mismatch.peer_lacks == ("attack", "move", "take_damage")
    assert mismatch.their_checksum == "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda dialect: dialect.name)
def test_it_is_told_once_for_each_node_and_peer(dialect: Dialect) -> None:
    session = Session(HurtingGame, Game, dialect)
    for _ in range(3):
        session.call(ADA)
    assert len(session.told[SERVER]) == 1
    for _ in range(3):
        session.call(SERVER)
    assert len(session.told[SERVER]) == 1
    _, explained = [*[None] * (2 - len(session.told[ADA])), *session.told[ADA]]
    assert explained is not None
    assert explained.peer_has == ("take_damage",)


def test_who_calls_first_learns_that_they_differ_and_later_how() -> None:
    session = Session(HurtingGame, Game, GODOT_4)
    session.call(ADA)
    (vague,) = session.told[ADA]  # the server has said no more than that
    assert (vague.their_checksum, vague.explained) == (None, False)
    session.call(SERVER)
    _, clear = session.told[ADA]
    assert (clear.peer_has, clear.explained) == (("take_damage",), True)


def test_a_peer_that_comes_again_is_told_of_again() -> None:
    session = Session(HurtingGame, Game, GODOT_4)
    session.call(ADA)
    api = session.gathering.apis[ADA]
    session.gathering.peer(ADA).drop()
    session.gathering.settle()
    peer = type(session.gathering.peer(SERVER))(session.gathering.network, ADA)
    api.multiplayer_peer = peer
    peer.link()
    session.call(ADA)
    assert len(session.told[SERVER]) == 2


def test_a_peer_with_many_differing_nodes_gets_no_more_explanations(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = Session(Game, Game, GODOT_4)
    server, wire = session.gathering.apis[SERVER], wire_of(GODOT_4)
    peer = session.gathering.peer(ADA)
    peer.set_target_peer(SERVER)
    for number in range(1, 31):
        server.add(f"Other{number}", HurtingGame())
        peer.put_packet(wire.announce(number, f"Other{number}", ("attack", "move")))
    session.gathering.settle()
    told: list[Any] = session.told[SERVER]
    assert [mismatch.explained for mismatch in told] == [True] * 16 + [False] * 14
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 16


class BigGame:
    """With as many RPCs as a hostile client could wish for."""


for _number in range(100):

    def _rpc_of_big_game(self: BigGame) -> None: ...

    _rpc_of_big_game.__name__ = f"big_{_number}"
    _made = rpc("any_peer")(_rpc_of_big_game)
    setattr(BigGame, _rpc_of_big_game.__name__, _made)
    _made.__set_name__(BigGame, _rpc_of_big_game.__name__)


def test_what_peers_can_have_searched_is_bounded_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    gathering = Gathering[Any](Game, Game, Game, dialect=GODOT_4, relays=False)
    server, wire = gathering.apis[SERVER], wire_of(GODOT_4)
    told: list[RpcMismatch] = []
    server.rpc_mismatch.connect(told.append)
    for number in range(1, 40):
        server.add(f"Big{number}", BigGame())
    hashes = Hashes(monkeypatch)

    def announce(numbers: range, *names: str) -> None:
        for client in (ADA, BOB):
            peer = gathering.peer(client)
            peer.set_target_peer(SERVER)
            for number in numbers:
                peer.put_packet(wire.announce(number, f"Big{number}", names))
        gathering.settle()

    announce(range(1, 9), "nothing", "of", "ours")
    assert len(told) == 16
    assert not any(mismatch.explained for mismatch in told)
    assert 1.9 * MOST_BYTES < hashes.cost <= 2 * MOST_BYTES
    before = hashes.cost
    announce(range(9, 10), "nothing", "of", "ours")  # in the same second
    assert len(told) == 18
    assert hashes.cost == before
    gathering.network.time += 1
    announce(range(10, 11), *sorted({*vars(BigGame)} & {f"big_{n}" for n in range(99)}))
    assert [mismatch.peer_lacks for mismatch in told[18:]] == [("big_99",)] * 2
    assert all(mismatch.explained for mismatch in told[18:])
    gathering.network.time += 10
    before = hashes.cost
    announce(range(11, 17), "nothing", "of", "ours")
    assert hashes.cost - before <= 2 * MOST_BYTES
    announce(range(17, 18), "nothing", "of", "ours")  # 16 of each have been told: no more at all
    gathering.network.time += 10
    before = hashes.cost
    announce(range(18, 20), "nothing", "of", "ours")
    assert hashes.cost == before


def test_a_session_that_is_over_is_forgotten() -> None:
    session = Session(Game, HurtingGame, GODOT_4)
    session.call(ADA)
    server = session.gathering.apis[SERVER]
    kept = server._session.mismatches
    assert kept._told
    assert kept._count
    server.clear()
    assert not kept._told
    assert not kept._count
