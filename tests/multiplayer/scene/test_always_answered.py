"""Who asks always gets an answer, whatever the method does and however little can be sent."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import PendingCall, RemoteError, rpc
from multiplayer.wire.dialects.native import NativeWire

from .gathering import Gathering
from .test_asking import ADA, BOB, SERVER, Tasks, Turn, both_envelopes, everybody

either_way = pytest.mark.parametrize("slowly", [False, True], ids=["plain", "async"])


class UntellableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


LONG_NAMED: type[Exception] = type("E" * 100_000, (Exception,), {})


class Oracle:
    """Raises, or returns, what it is told to."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.value: object = None

    def speak(self) -> object:
        if self.error is not None:
            raise self.error
        return self.value

    @rpc("any_peer")
    def at_once(self) -> object:
        return self.speak()

    @rpc("any_peer")
    async def later(self) -> object:
        await Turn()
        return self.speak()

    @rpc("authority")
    def forbidden(self) -> None:
        raise AssertionError


class Scene:
    """Three peers, one of whom asks another."""

    def __init__(self, relays: bool, asker: int, asked: int, slowly: bool = False) -> None:
        self.gathering = Gathering(Oracle, Oracle, Oracle, relays=relays)
        self.oracle = self.gathering.games[asked]
        self.api = self.gathering.apis[asked]
        self.peer = self.gathering.peer(asked)
        self.tasks = self.api.spawn = Tasks()
        self._theirs = self.gathering.games[asker]
        self._asked = asked
        self._slowly = slowly

    def ask(self) -> PendingCall[Any]:
        theirs = self._theirs
        method = theirs.later if self._slowly else theirs.at_once
        return method.call_id(self._asked)

    def settle(self) -> None:
        self.gathering.settle()
        while self.tasks.open:
            self.tasks.step()
        self.gathering.settle()

    def refusal(self) -> RemoteError:
        """Ask, and return the refusal."""
        call = self.ask()
        self.settle()
        return refusal_of(call)


def refusal_of(call: PendingCall[Any]) -> RemoteError:
    assert call.done
    with pytest.raises(RemoteError) as caught:
        call.result()
    return caught.value


@both_envelopes
@everybody
@either_way
@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (UntellableError(), "UntellableError", "(its str() raises RuntimeError)"),
        (LONG_NAMED("why"), "E" * 100, "why"),
        (ValueError("é" * 100_000), "ValueError", "é" * 1000),
        (ValueError("\ud800"), "ValueError", "?"),
    ],
    ids=["no text", "long name", "long text", "no text in UTF-8"],
)
def test_an_exception_that_is_hard_to_tell(
    relays: bool, asker: int, asked: int, slowly: bool, error: Exception, kind: str, text: str
) -> None:
    scene = Scene(relays, asker, asked, slowly)
    scene.oracle.error = error
    assert scene.refusal().args == (kind, text)


@both_envelopes
@everybody
@either_way
@pytest.mark.parametrize("room", [16, 30, 64, 200, 2000])
def test_a_refusal_is_cut_to_what_can_be_sent(
    relays: bool, asker: int, asked: int, slowly: bool, room: int
) -> None:
    scene = Scene(relays, asker, asked, slowly)
    scene.peer.max_packet_size = room
    scene.oracle.error = ValueError("é" * 1000)
    refusal = scene.refusal()
    assert "ValueError".startswith(refusal.kind)
    assert set(refusal.text) <= {"é"}
    # Not by more than half of what there is room for: "é" has two bytes, the rest 40 at most.
    assert len(refusal.text) >= min(1000, (room - 40) // 4)
    scene.oracle.error, scene.oracle.value = None, "y" * room
    refusal = scene.refusal()
    assert "MultiplayerError".startswith(refusal.kind)
    assert scene.api.statistics.rejected == {}


@both_envelopes
def test_one_for_which_there_is_no_room_at_all_is_counted(relays: bool) -> None:
    scene = Scene(relays, ADA, SERVER)
    scene.peer.max_packet_size = 4
    scene.oracle.error = ValueError("x")
    call = scene.ask()
    scene.settle()
    assert not call.done
    assert scene.api.statistics.rejected == {"not_sent": 1}


@both_envelopes
@everybody
@either_way
@pytest.mark.parametrize(
    ("value", "kind"),
    [(object(), "MultiplayerError"), (2**70, "MultiplayerError")],
    ids=["object", "huge"],
)
def test_a_value_that_cannot_be_encoded(
    relays: bool, asker: int, asked: int, slowly: bool, value: object, kind: str
) -> None:
    scene = Scene(relays, asker, asked, slowly)
    scene.oracle.value = value
    assert scene.refusal().kind == kind


@both_envelopes
@everybody
@either_way
def test_a_value_that_raises_whatever_it_likes(
    relays: bool, asker: int, asked: int, slowly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*_: object) -> bytes:
        raise KeyError("not today")

    monkeypatch.setattr(NativeWire, "response", answer)
    scene = Scene(relays, asker, asked, slowly)
    assert scene.refusal().args == ("KeyError", "'not today'")


@both_envelopes
@everybody
@either_way
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_program_is_told_first(
    relays: bool, asker: int, asked: int, slowly: bool, kind: type[BaseException]
) -> None:
    scene = Scene(relays, asker, asked, slowly)
    scene.oracle.error = kind("enough")
    call = scene.ask()
    with pytest.raises(kind):
        scene.settle()
    scene.gathering.settle()
    assert refusal_of(call).args == (kind.__name__, "enough")


def test_a_task_that_is_cancelled_says_so() -> None:
    class Cancelled(BaseException):
        """As those of trio and asyncio are."""

    scene = Scene(True, ADA, SERVER, slowly=True)
    call = scene.ask()
    scene.gathering.settle()
    scene.tasks.step()
    ((context, task),) = scene.tasks.open
    with pytest.raises(Cancelled):
        context.run(task.throw, Cancelled("the program ends"))
    scene.gathering.settle()
    assert refusal_of(call).args == ("Cancelled", "the program ends")


def test_a_task_that_is_thrown_away_says_nothing() -> None:
    """The garbage collector does that, on any thread."""
    scene = Scene(True, ADA, SERVER, slowly=True)
    call = scene.ask()
    scene.gathering.settle()
    scene.tasks.step()
    sent = len(scene.gathering.network.log)
    scene.tasks.close()
    assert len(scene.gathering.network.log) == sent
    assert not call.done


@both_envelopes
def test_what_cannot_be_started_is_refused(relays: bool) -> None:
    scene = Scene(relays, ADA, SERVER, slowly=True)

    def spawn(*_: object) -> None:
        raise RuntimeError("the nursery is closed")

    scene.api.spawn = spawn
    call = scene.ask()
    scene.settle()
    assert refusal_of(call).args == ("RuntimeError", "the nursery is closed")


@both_envelopes
def test_a_listener_that_raises_keeps_no_refusal_from_being_sent(relays: bool) -> None:
    scene = Scene(relays, BOB, ADA)

    def fail(*_: object) -> None:
        raise RuntimeError("in a listener")

    scene.api.on_error = "raise"
    scene.api.invalid_packet.connect(fail)
    call = scene.gathering.games[BOB].forbidden.call_id(ADA)
    with pytest.raises(RuntimeError):
        scene.settle()
    scene.settle()
    assert refusal_of(call).kind == "not_allowed"
