"""``call_id``: a question to a peer, and what comes back."""

from __future__ import annotations

import contextvars
import logging
import struct
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    Error,
    MultiplayerError,
    PeerLeft,
    PendingCall,
    Reason,
    RemoteError,
    SceneMultiplayer,
    rpc,
)

from .gathering import PATH, Gathering

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import TracebackType

SERVER, ADA, BOB = 1, 2, 3
ANSWER, REFUSAL = 9, 10

both_envelopes = pytest.mark.parametrize("relays", [True, False], ids=["gd_mp", "godot4"])
everybody = pytest.mark.parametrize(
    ("asker", "asked"),
    [(ADA, SERVER), (SERVER, ADA), (ADA, BOB)],
    ids=["client-server", "server-client", "client-client"],
)


class Turn:
    """Awaited once, it gives way once."""

    def __await__(self) -> Generator[None]:
        yield


class Game:
    def __init__(self) -> None:
        self.api: SceneMultiplayer | None = None
        self.senders: list[int] = []

    def note_sender(self) -> None:
        assert self.api is not None
        self.senders.append(self.api.get_remote_sender_id())

    @rpc("any_peer")
    def double(self, number: int) -> int:
        self.note_sender()
        return 2 * number

    @rpc("any_peer")
    def nothing(self) -> None:
        self.note_sender()

    @rpc("any_peer")
    def fail(self, text: str) -> int:
        raise ValueError(text + "\ud800" + "x" * 60_000 + "\r\nWARNING forged \x1b[2J")

    @rpc("any_peer")
    def strange(self) -> object:
        return object()

    @rpc("any_peer")
    def long(self) -> bytes:
        return b"x" * 5000

    @rpc("any_peer")
    async def slow(self, turns: int) -> int:
        for _ in range(turns):
            await Turn()
        self.note_sender()
        if turns > 5:
            raise KeyError("too slow")
        return turns

    @rpc("authority")
    def ruled(self) -> None:
        raise AssertionError

    @rpc("any_peer")
    def elsewhere(self) -> int: ...


class OlderGame(Game):
    """It has not everything, and some of it otherwise."""

    nothing = None  # type: ignore[assignment]

    @rpc("any_peer")
    def double(self) -> int:  # type: ignore[override]
        raise AssertionError


class Tasks:
    """Runs what an API spawns, a step at a time."""

    def __init__(self) -> None:
        self.open: list[tuple[contextvars.Context, Coroutine[Any, Any, object]]] = []

    def __call__(self, function: Callable[..., Coroutine[Any, Any, object]], *args: object) -> None:
        self.open.append((contextvars.copy_context(), function(*args)))

    def step(self) -> None:
        before, self.open = self.open, []
        for context, task in before:
            try:
                context.run(task.send, None)
            except StopIteration:
                continue
            self.open.append((context, task))

    def close(self) -> None:
        for _, task in self.open:
            task.close()


def meet(relays: bool, *makers: Callable[[], Game]) -> Gathering[Game]:
    gathering = Gathering(*(makers or (Game, Game, Game)), relays=relays)
    for peer, game in gathering.games.items():
        game.api = gathering.apis[peer]
    return gathering


def refusal_of(call: PendingCall[Any]) -> RemoteError:
    assert call.done
    with pytest.raises(RemoteError) as caught:
        call.result()
    return caught.value


def code_of(call: Callable[[], object]) -> Error:
    with pytest.raises(MultiplayerError) as caught:
        call()
    return caught.value.code


# ---------------------------------------------------------------- answers


@both_envelopes
@everybody
def test_the_value_comes_back(relays: bool, asker: int, asked: int) -> None:
    gathering = meet(relays)
    call = gathering.games[asker].double.call_id(asked, 21)
    nothing = gathering.games[asker].nothing.call_id(asked)
    told: list[object] = []
    call.on_done(lambda done: told.append(done.result()))
    assert (call.done, told, call.peer) == (False, [], asked)
    assert repr(call) == f"<PendingCall {PATH}: double() at {asked}, open>"
    assert code_of(call.result) == Error.ERR_BUSY
    gathering.settle()
    assert (call.done, call.result(), told) == (True, 42, [42])
    assert nothing.result() is None
    assert gathering.games[asked].senders == [asker, asker]
    call.on_done(told.append)
    assert told[1] is call
    assert gathering.apis[asker].statistics.calls_sent == 2
    assert gathering.apis[asked].statistics.calls_received == 2
    bystander = 6 - asker - asked
    assert gathering.games[bystander].senders == []
    assert all(log == [] for log in gathering.rejected.values())


@both_envelopes
@everybody
def test_what_the_method_raises_comes_back(
    relays: bool, asker: int, asked: int, caplog: pytest.LogCaptureFixture
) -> None:
    gathering = meet(relays)
    call = gathering.games[asker].fail.call_id(asked, "no such map")
    gathering.settle()  # does not raise: what the method raised is the asker's
    error = refusal_of(call)
    assert error.kind == "ValueError"
    assert error.text.startswith("no such map?xxx")
    assert len(error.text) == 1000
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    message = record.getMessage()
    assert message.startswith(f"peer {asker}: {PATH}: fail() raised ValueError: ")
    lines = message.splitlines()
    assert "ValueError: no such map" in lines[0]
    assert len(message) < 2000  # of 60 000 characters
    assert "\nWARNING" not in message
    assert "\x1b" not in message
    assert lines[-1].strip().startswith("raise ValueError(")
    assert (record.exc_info, record.__dict__["error_type"]) == (None, "ValueError")


def test_the_words_of_a_refusal_are_cut_and_escaped_by_who_receives_them() -> None:
    gathering = meet(relays=True)
    call = gathering.games[ADA].double.call_id(SERVER, 1)
    wire = gathering.apis[SERVER]._session.transport.wire
    text = "\x1b[2J\r\nWARNING forged" + "x" * 60_000
    # Past our own cutting, as another program could send it.
    gathering.apis[SERVER]._session.transport.answer(
        ADA, wire.error_response(1, "K\n" * 9999, text)
    )
    gathering.settle()
    error = refusal_of(call)
    assert error.text.startswith(r"\x1b[2J\r\nWARNING forgedxxx")
    assert (len(error.kind), len(error.text)) == (100, 1000)
    assert str(error).isprintable()


@both_envelopes
@everybody
def test_async_methods_answer_when_they_have_finished(relays: bool, asker: int, asked: int) -> None:
    gathering = meet(relays)
    tasks = gathering.apis[asked].spawn = Tasks()
    order: list[int] = []
    calls = {turns: gathering.games[asker].slow.call_id(asked, turns) for turns in (3, 1, 6)}
    for call in calls.values():
        call.on_done(lambda _: order.append(sum(call.done for call in calls.values())))
    gathering.settle()
    assert [call.done for call in calls.values()] == [False, False, False]
    assert len(tasks.open) == 3
    tasks.step()
    tasks.step()
    gathering.settle()
    assert [turns for turns, call in calls.items() if call.done] == [1]
    for _ in range(5):
        tasks.step()
    gathering.settle()
    assert (calls[1].result(), calls[3].result()) == (1, 3)
    assert refusal_of(calls[6]).args == ("KeyError", "'too slow'")
    assert order == [1, 2, 3]
    assert gathering.games[asked].senders == [asker, asker, asker]
    assert tasks.open == []


def test_a_plain_call_of_an_async_method_that_is_asked_too_is_not_answered() -> None:
    gathering = meet(True)
    tasks = gathering.apis[SERVER].spawn = Tasks()
    gathering.games[ADA].slow.rpc_id(SERVER, 0)
    gathering.settle()
    packets = len(gathering.network.log)
    tasks.step()
    gathering.settle()
    assert len(gathering.network.log) == packets
    assert gathering.games[SERVER].senders == [ADA]


# ---------------------------------------------------------------- refusals


@both_envelopes
@everybody
def test_who_may_not_ask_is_told_why(relays: bool, asker: int, asked: int) -> None:
    gathering = meet(relays, Game, Game, Game)
    for peer in (SERVER, ADA, BOB):
        gathering.apis[peer].set_multiplayer_authority(gathering.games[peer], 77)
    call = gathering.games[asker].ruled.call_id(asked)
    gathering.settle()
    error = refusal_of(call)
    assert error.kind == Reason.NOT_ALLOWED
    assert error.text == (
        f"{PATH}: ruled() may not be called by it: only the authority may, peer 77"
    )
    assert gathering.rejected[asked] == [(asker, Reason.NOT_ALLOWED, error.text)]


@both_envelopes
@pytest.mark.parametrize(
    ("method", "arguments", "reason"),
    [
        ("double", (21,), Reason.WRONG_ARITY),
        ("nothing", (), Reason.UNKNOWN_METHOD),
        ("elsewhere", (), Reason.NO_BODY),
        ("slow", (1,), Reason.NOT_RUN),
    ],
)
def test_what_cannot_be_run_is_refused(
    relays: bool, method: str, arguments: tuple[object, ...], reason: Reason
) -> None:
    gathering = meet(relays, OlderGame, Game, Game)
    call = gathering.apis[ADA].call_id(SERVER, gathering.games[ADA], method, arguments)
    gathering.settle()
    error = refusal_of(call)
    assert error.kind == reason
    assert method in error.text
    assert gathering.reasons(SERVER) == [reason]


@both_envelopes
def test_an_object_that_is_not_there_is_refused(relays: bool) -> None:
    gathering = meet(relays)
    gathering.apis[SERVER].remove(PATH)
    call = gathering.games[ADA].double.call_id(SERVER, 1)
    gathering.settle()
    assert refusal_of(call).args == (Reason.UNKNOWN_NODE, f"there is no node '{PATH}'")


@both_envelopes
@everybody
def test_a_result_that_cannot_be_sent_is_an_error_of_the_asker(
    relays: bool, asker: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering = meet(relays)
    strange = gathering.games[asker].strange.call_id(asked)
    gathering.settle()
    assert refusal_of(strange).kind == "MultiplayerError"
    peer = gathering.peer(asked)
    put = peer.put_packet

    def put_what_is_short(buffer: bytes) -> None:
        if len(buffer) > 4096:
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, "too much")
        put(buffer)

    monkeypatch.setattr(peer, "put_packet", put_what_is_short)
    long = gathering.games[asker].long.call_id(asked)
    gathering.settle()
    assert refusal_of(long).args == ("MultiplayerError", "too much")


def test_an_annotation_that_cannot_be_checked_is_an_error_is_told_to_who_asks() -> None:
    class Wrong(Game):
        @rpc("any_peer")
        def double(self, number: NoSuchType) -> int:  # type: ignore[name-defined] # noqa: F821
            raise AssertionError

    gathering = meet(True, Wrong, Game, Game)
    gathering.apis[SERVER]._settings.validate = True  # by no way that looks at the annotations
    call = gathering.games[ADA].double.call_id(SERVER, 1)
    gathering.settle()
    assert gathering.reasons(SERVER) == [Reason.UNCHECKABLE]
    assert refusal_of(call).kind == Reason.UNCHECKABLE
    assert "NoSuchType" in refusal_of(call).text


def test_a_result_raises_anew_each_time() -> None:
    gathering = meet(True, Game, Game)
    calls = [
        gathering.games[ADA].fail.call_id(SERVER, "no"),
        gathering.games[ADA].double.call_id(SERVER, 1),
        gathering.games[ADA].double.call_id(SERVER, 1),
    ]
    calls[1].cancel()
    gathering.peer(ADA).drop()
    gathering.settle()
    for call in calls:
        raised: list[Exception] = []
        for _ in range(3):
            with pytest.raises((RemoteError, PeerLeft, MultiplayerError)) as caught:
                call.result()
            raised.append(caught.value)
        assert len({id(error) for error in raised}) == 3
        assert len({(type(error), str(error), error.args) for error in raised}) == 1
        assert len({depth(error.__traceback__) for error in raised}) == 1


def depth(traceback: TracebackType | None) -> int:
    return 0 if traceback is None else 1 + depth(traceback.tb_next)


@both_envelopes
def test_an_answer_for_one_that_has_left_meanwhile_is_not_sent(relays: bool) -> None:
    gathering = meet(relays)
    tasks = Tasks()
    gathering.apis[SERVER].spawn = tasks
    gathering.games[ADA].slow.call_id(SERVER, 2)
    gathering.settle()
    gathering.peer(ADA).drop()
    gathering.settle()
    put: list[object] = []
    server = gathering.peer(SERVER)
    gathering.network.on_sent = put.append
    gathering.network.peers[ADA] = server  # would take it, were it sent
    while tasks.open:
        tasks.step()
    assert put == []
    assert gathering.rejected[SERVER] == []


# ---------------------------------------------------------------- no answer


@both_envelopes
@everybody
def test_whoever_leaves_answers_nothing(relays: bool, asker: int, asked: int) -> None:
    gathering = meet(relays)
    gathering.apis[asked].spawn = tasks = Tasks()
    calls = [gathering.games[asker].slow.call_id(asked, 1) for _ in range(3)]
    told: list[PendingCall[Any]] = []
    for call in calls:
        call.on_done(told.append)
    gathering.settle()
    gathering.peer(asker if asked == SERVER else asked).drop()
    gathering.settle()
    assert told == calls
    for call in calls:
        with pytest.raises(PeerLeft, match=f"peer {asked} left before it answered") as caught:
            call.result()
        assert caught.value.peer == asked
    tasks.step()
    tasks.step()  # finishes, and has nobody to tell
    assert tasks.open == []
    gathering.settle()
    assert gathering.reasons(asker) == []


def test_taking_the_peer_away_ends_all_questions_though_a_listener_fails() -> None:
    gathering = meet(True)
    gathering.apis[SERVER].spawn = gathering.apis[BOB].spawn = tasks = Tasks()
    calls = [gathering.games[ADA].slow.call_id(asked, 1) for asked in (SERVER, SERVER, BOB)]
    told: list[int] = []

    def fail(call: PendingCall[Any]) -> None:
        raise ZeroDivisionError

    calls[0].on_done(fail)
    for call in calls:
        call.on_done(lambda call: told.append(call.peer))
    gathering.settle()
    with pytest.raises(ZeroDivisionError):
        gathering.apis[ADA].clear()
    assert told == [SERVER, SERVER, BOB]
    assert all(call.done for call in calls)
    tasks.close()


@both_envelopes
@everybody
def test_an_answer_to_a_cancelled_question_is_counted(relays: bool, asker: int, asked: int) -> None:
    gathering = meet(relays)
    told: list[PendingCall[Any]] = []
    calls = [
        gathering.games[asker].double.call_id(asked, 1),
        gathering.games[asker].fail.call_id(asked, "late"),
    ]
    for call in calls:
        call.on_done(told.append)
        call.cancel()
        call.cancel()  # no more than once
        assert code_of(call.result) == Error.ERR_SKIP
    assert told == calls
    gathering.settle()
    assert gathering.reasons(asker) == [Reason.UNEXPECTED_ANSWER] * 2
    assert gathering.apis[asker].statistics.rejected[Reason.UNEXPECTED_ANSWER] == 2
    assert code_of(calls[0].result) == Error.ERR_SKIP
    late = gathering.games[asker].double.call_id(asked, 2)
    gathering.settle()
    late.cancel()  # too late: it has its answer
    assert late.result() == 4


@both_envelopes
def test_so_many_questions_may_be_open_and_no_more(relays: bool) -> None:
    gathering = meet(relays)
    gathering.apis[SERVER].spawn = tasks = Tasks()
    ask = gathering.games[ADA].slow.call_id
    calls = [ask(SERVER, 0) for _ in range(1024)]
    assert code_of(lambda: ask(SERVER, 0)) == Error.ERR_BUSY
    ask(BOB, 0).cancel()  # another peer is another matter
    gathering.settle()
    assert len(tasks.open) == 1024
    for call in calls:
        call.cancel()
    refused = ask(SERVER, 0)  # though the server still works at them
    at_once = gathering.games[ADA].double.call_id(SERVER, 4)
    gathering.settle()
    assert refusal_of(refused).kind == Reason.TOO_MANY_CALLS
    assert at_once.result() == 8
    assert gathering.reasons(SERVER) == [Reason.TOO_MANY_CALLS]
    tasks.step()
    answered = ask(SERVER, 0)
    gathering.settle()
    tasks.step()
    gathering.settle()
    assert answered.result() == 0


# ---------------------------------------------------------------- wrong questions and answers


@pytest.mark.parametrize(("dialect", "relays"), [(GODOT_3, True), (GODOT_4, False)])
def test_godots_dialects_have_no_answers(dialect: Any, relays: bool) -> None:
    gathering = Gathering(Game, Game, relays=relays, dialect=dialect)
    assert code_of(lambda: gathering.games[2].double.call_id(1, 1)) == Error.ERR_UNAVAILABLE


@both_envelopes
def test_a_question_that_makes_no_sense_is_not_asked(relays: bool) -> None:
    gathering = meet(relays)
    game, api = gathering.games[ADA], gathering.apis[ADA]
    before = len(gathering.network.log)
    for asked in (ADA, 99, 0, -1):
        assert code_of(lambda: game.double.call_id(asked, 1)) == Error.ERR_INVALID_PARAMETER  # noqa: B023
    unknown = lambda: api.call_id(SERVER, game, "note_sender", ())  # noqa: E731
    assert code_of(unknown) == Error.ERR_INVALID_PARAMETER
    with pytest.raises(TypeError):
        game.double.call_id(SERVER)  # type: ignore[call-arg]
    assert code_of(lambda: api.call_id(SERVER, game, "double", ())) == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError):
        game.double.call_id(SERVER, object())  # type: ignore[arg-type]
    assert len(gathering.network.log) == before
    for _ in range(1024):  # none of those is counted as open
        game.nothing.call_id(SERVER)
    gathering.settle()
    assert len(gathering.games[SERVER].senders) == 1024
    api.multiplayer_peer = None
    assert code_of(lambda: game.nothing.call_id(SERVER)) == Error.ERR_UNCONFIGURED


def send(gathering: Gathering[Game], source: int, target: int, packet: bytes) -> None:
    peer = gathering.peer(source)
    peer.set_target_peer(target)
    peer.put_packet(packet)
    gathering.settle()


def test_only_who_was_asked_can_answer() -> None:
    gathering = meet(True)
    gathering.apis[SERVER].spawn = tasks = Tasks()
    call = gathering.games[ADA].slow.call_id(SERVER, 0)
    gathering.settle()
    forged = struct.pack("<BI", ANSWER, 1) + b"\x07"
    send(gathering, BOB, ADA, forged)
    assert not call.done
    assert gathering.rejected[ADA] == [
        (
            BOB,
            Reason.UNEXPECTED_ANSWER,
            "it answers a question that is not open: too late, or never asked",
        )
    ]
    send(gathering, SERVER, ADA, forged)  # the number is the right one
    assert call.result() == 7
    tasks.close()


def test_an_answer_that_cannot_be_decoded_ends_the_question() -> None:
    gathering = meet(True)
    gathering.apis[SERVER].spawn = tasks = Tasks()
    call = gathering.games[ADA].slow.call_id(SERVER, 0)
    gathering.settle()
    send(gathering, SERVER, ADA, struct.pack("<BI", ANSWER, 1) + b"\xc1")
    assert refusal_of(call).kind == "DecodeError"
    assert gathering.reasons(ADA) == [Reason.UNDECODABLE_ARGUMENTS]
    tasks.close()


def test_a_failing_listener_keeps_no_other_from_being_told() -> None:
    gathering = meet(True)
    call = gathering.games[ADA].double.call_id(SERVER, 1)
    told: list[object] = []

    def fail(call: PendingCall[int]) -> None:
        raise ZeroDivisionError

    call.on_done(fail)
    call.on_done(lambda call: told.append(call.result()))
    with pytest.raises(ZeroDivisionError):
        gathering.settle()
    assert told == [2]
    gathering.settle()
    assert call.result() == 2
