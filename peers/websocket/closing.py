"""How a connection ends (RFC 6455 section 7): a table of phases and inputs.

A Godot 4 engine throws away every message that it reads in the same poll as a close frame. Where
the other side may be one, a ping goes behind the last message, and the close frame waits for its
pong: what came before the ping has been read by then. Nothing but pongs goes behind that ping::

    OPEN --close()--> LAST_WORD --pong--> CLOSING --has left--> AWAITING
     |                    |                  |                     |
     |                    +------------------+-- a close frame ----+--> CLOSED_BY_BOTH --> OVER
     |                                                                        ^
     +-- a close frame --> HEARD --its turn in the queue: answer_close()------+
     +-- a violation ----> HEARD --its turn in the queue: fail()--> LINGERING --> OVER

``close()`` skips LAST_WORD if nothing was sent before it. In MUTE and HEARD_MUTE, which are OPEN
and HEARD otherwise, the other side has stopped reading. The end of the stream leads to OVER from
anywhere, unless an answer may still leave. LINGERING links are over for their owner: their last
bytes leave, and what comes is thrown away.

MUTE ends after ``close_timeout`` without the end of the stream, LAST_WORD after ``close_timeout``
without a pong, AWAITING after ``close_timeout`` without an answer, and everything together
``2 * close_timeout`` after ``close()``, also if our close frame cannot leave.
"""

from __future__ import annotations

import logging
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from peers.failure import Failure

from .close_codes import without_nul
from .events import ReadyState
from .frames import Broken, CloseReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from .frames import Frames
    from .settings import LinkSettings

LAST_WORD: Final = b"gdpeers' last word"
"""What the ping before a close frame holds, so that no heartbeat's pong is taken for its own."""

PATIENCE: Final = 3
"""How many times ``close_timeout`` to wait for all connections to end: twice that is what it takes
at most, and whoever polls them may be late."""

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING
_CLOSED: Final = ReadyState.STATE_CLOSED


class Phase(Enum):
    """How far the end of a connection has come.

    Attributes:
        state: Godot's word for it.
        deaf: what comes is not decoded any more.
        sends: messages may be sent.
        ours: we have begun to close.
    """

    CONNECTING = "connecting", _CONNECTING, False, False, False
    OPEN = "open", _OPEN, False, True, False
    MUTE = "open, but nothing can be sent any more", _OPEN, False, False, False
    HEARD = "a close frame or a violation waits for its turn", _OPEN, True, True, False
    HEARD_MUTE = "the same, and nothing can be sent any more", _OPEN, True, False, False
    LAST_WORD = "our ping has gone behind the last message", _CLOSING, False, False, True
    CLOSING = "our close frame is about to leave", _CLOSING, False, False, True
    AWAITING = "our close frame has left, or nothing can leave", _CLOSING, False, False, True
    CLOSED_BY_BOTH = "there are close frames both ways", _CLOSING, True, False, False
    LINGERING = "only the last bytes leave", _CLOSED, True, False, False
    OVER = "over", _CLOSED, True, False, False

    def __init__(self, words: str, state: ReadyState, deaf: bool, sends: bool, ours: bool) -> None:
        self.words = words
        self.state = state
        self.deaf = deaf
        self.sends = sends
        self.ours = ours


class Input(Enum):
    """What can happen to a connection."""

    CLOSE = auto()
    """We close, and no message is to be waited for."""
    CLOSE_BEHIND_DATA = auto()
    """We close, and the other side may not have read all messages."""
    PONG = auto()
    """The pong to :data:`LAST_WORD` has come."""
    CLOSE_CAME = auto()
    VIOLATION_CAME = auto()
    ANSWER = auto()
    """The turn of the close frame that came has come."""
    FAIL = auto()
    """The turn of the violation that came has come."""
    SENT = auto()
    """The socket has taken everything."""
    EOF = auto()
    """Nothing more will come."""
    LOST = auto()
    """Nothing can be sent any more."""
    TIMEOUT = auto()
    """The deadline has come."""


class Action(Enum):
    """What an input takes."""

    NOTHING = auto()
    PING = auto()
    CLOSE = auto()
    WAIT = auto()
    """Wait for the answer, or the end of the stream, from now on."""
    TELL = auto()
    """Queue what came for the owner."""
    NOTE = auto()
    """Note the code and reason that came."""
    ANSWER = auto()
    """Repeat the code and reason that came."""
    FAIL = auto()
    """Say what the other side did wrong, to it."""
    FAIL_AND_TELL = auto()
    """Say it to the owner, too."""
    DROP = auto()
    """Drop what waits to be sent."""
    ABANDON = auto()
    END_CLEAN = auto()
    END_GONE = auto()
    """The other side has gone, without a close frame of its own."""
    END_VIOLATED = auto()
    END_LOST = auto()
    """What was to be sent, or answered, cannot be sent."""
    END_UNANSWERED = auto()
    END_UNSENT = auto()


TABLE: Final[dict[Phase, dict[Input, tuple[Action, Phase]]]] = {
    Phase.CONNECTING: {
        Input.LOST: (Action.DROP, Phase.CONNECTING),
    },
    Phase.OPEN: {
        Input.CLOSE: (Action.CLOSE, Phase.CLOSING),
        Input.CLOSE_BEHIND_DATA: (Action.PING, Phase.LAST_WORD),
        Input.CLOSE_CAME: (Action.TELL, Phase.HEARD),
        Input.VIOLATION_CAME: (Action.TELL, Phase.HEARD),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.LOST: (Action.DROP, Phase.MUTE),
    },
    Phase.MUTE: {
        Input.CLOSE: (Action.WAIT, Phase.AWAITING),
        Input.CLOSE_BEHIND_DATA: (Action.WAIT, Phase.AWAITING),
        Input.CLOSE_CAME: (Action.TELL, Phase.HEARD_MUTE),
        Input.VIOLATION_CAME: (Action.TELL, Phase.HEARD_MUTE),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.TIMEOUT: (Action.END_LOST, Phase.OVER),
    },
    Phase.HEARD: {
        Input.ANSWER: (Action.ANSWER, Phase.CLOSED_BY_BOTH),
        Input.FAIL: (Action.FAIL, Phase.LINGERING),
        Input.LOST: (Action.DROP, Phase.HEARD_MUTE),
    },
    Phase.HEARD_MUTE: {
        Input.ANSWER: (Action.END_LOST, Phase.OVER),
        Input.FAIL: (Action.ABANDON, Phase.OVER),
    },
    Phase.LAST_WORD: {
        Input.CLOSE: (Action.CLOSE, Phase.CLOSING),
        Input.PONG: (Action.CLOSE, Phase.CLOSING),
        Input.CLOSE_CAME: (Action.ANSWER, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.FAIL_AND_TELL, Phase.LINGERING),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.LOST: (Action.DROP, Phase.AWAITING),
        Input.TIMEOUT: (Action.CLOSE, Phase.CLOSING),
    },
    Phase.CLOSING: {
        Input.CLOSE_CAME: (Action.NOTE, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.END_VIOLATED, Phase.OVER),
        Input.SENT: (Action.WAIT, Phase.AWAITING),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.LOST: (Action.DROP, Phase.AWAITING),
        Input.TIMEOUT: (Action.END_UNSENT, Phase.OVER),
    },
    Phase.AWAITING: {
        Input.CLOSE_CAME: (Action.NOTE, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.END_VIOLATED, Phase.OVER),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.TIMEOUT: (Action.END_UNANSWERED, Phase.OVER),
    },
    Phase.CLOSED_BY_BOTH: {
        Input.SENT: (Action.END_CLEAN, Phase.OVER),
        Input.LOST: (Action.END_LOST, Phase.OVER),
        Input.TIMEOUT: (Action.END_UNSENT, Phase.OVER),
    },
    Phase.LINGERING: {
        Input.EOF: (Action.ABANDON, Phase.OVER),
        Input.LOST: (Action.ABANDON, Phase.OVER),
        Input.TIMEOUT: (Action.ABANDON, Phase.OVER),
    },
    Phase.OVER: {},
}
"""Where nothing stands for an input, nothing is done, and the phase stays."""


class Ending(Protocol):
    """What the end of a connection needs of the connection.

    Attributes:
        deadline: when ``Input.TIMEOUT`` comes; see ``Link``.
        close_code: see there.
        close_reason: see there.
        failure: see there.
    """

    deadline: float | None
    close_code: int
    close_reason: str
    failure: Failure | None

    @property
    def frames(self) -> Frames:
        """What makes and reads its frames."""
        ...

    @property
    def has_spoken(self) -> bool:
        """Whether messages have been sent."""
        ...

    @property
    def awaits_id(self) -> bool:
        """Whether the session is not up yet."""
        ...

    def entered(self, phase: Phase) -> None:
        """Note the new phase."""

    def get_off(self) -> None:
        """Move what waits elsewhere into the outbox."""

    def put(self, frame: bytes) -> object:
        """Queue a frame behind all others."""

    def drop_output(self) -> None:
        """Drop what waits to be sent."""

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""

    def ready(self) -> None:
        """Note that there is something to send, or that it is over."""

    def tell(self, event: CloseReceived | Broken) -> None:
        """Queue what came for the owner."""

    def end(self, failure: Failure | None) -> None:
        """Tell the owner that the connection is over."""

    def tell_end(self, failure: Failure) -> None:
        """Tell the owner so, although some bytes may still leave."""

    def abandon(self) -> None:
        """The connection is over, and the owner knows."""

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""


class Closing:
    """The end of one connection.

    Args:
        link: the connection.
        settings: its settings.

    Attributes:
        phase: see the module's docstring.
    """

    __slots__ = (
        "_gone",
        "_heard",
        "_link",
        "_now",
        "_says",
        "_settings",
        "_until",
        "_why",
        "phase",
    )

    def __init__(self, link: Ending, settings: LinkSettings) -> None:
        self._link = link
        self._settings = settings
        self._heard: CloseReceived | Broken | None = None
        self._now = 0.0
        self._says = (1000, "")  # code and reason of our own close frame
        self._until = 0.0  # when everything has to be over, once we have begun to close
        self._why = ""  # how the stream ended, in words
        self._gone = True  # it was the other side that ended it, not the network
        self.phase = Phase.CONNECTING

    def enter(self, phase: Phase) -> None:
        """Go on with another phase."""
        self.phase = phase
        self._link.entered(phase)

    def _step(self, what: Input, now: float | None = None) -> None:
        if now is not None:  # what ends a stream sets no deadline
            self._now = now
        action, phase = TABLE[self.phase].get(what, (Action.NOTHING, self.phase))
        if action is Action.NOTHING:
            return
        if phase is not Phase.OVER:  # else it is the action that enters it
            self.enter(phase)
        self.DO[action](self)

    @property
    def may_pong(self) -> bool:
        """Whether pings may still be answered."""
        return self.phase in (Phase.OPEN, Phase.LAST_WORD) and self._link.frames.can_pong

    @property
    def by_both(self) -> bool:
        """Whether nothing has to be sent behind what waits."""
        return self.phase is Phase.CLOSED_BY_BOTH

    # ---------------------------------------------------------------- inputs

    def close(self, code: int, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin to close, unless that has begun.

        Args:
            code: of our close frame; 1005 sends an empty body.
            reason: of our close frame.
            now: the time.
            at_once: do not wait until the other side has read what was sent.
        """
        link = self._link
        link.get_off()  # what waits for it there goes before the ping
        if self.phase in (Phase.OPEN, Phase.MUTE):
            self._says = code, reason
            self._until = now + 2 * self._settings.close_timeout
        waits = self._settings.pings_before_close and link.has_spoken and not at_once
        self._step(Input.CLOSE_BEHIND_DATA if waits else Input.CLOSE, now)

    def say_goodbye(self, code: int) -> None:
        """Put the close frame that is due into the outbox, of a connection that ends now."""
        if self.phase is Phase.LAST_WORD:
            code, reason = self._says
        elif self.phase is Phase.HEARD and self._heard is not None:
            code, reason = self._heard.code, self._heard.reason
        elif self.phase is Phase.OPEN:
            reason = ""
        else:
            return
        self._link.put(self._link.frames.close(code, without_nul(reason)))

    def pong(self, now: float) -> None:
        """Note the answer to :data:`LAST_WORD`."""
        self._step(Input.PONG, now)

    def came(self, event: CloseReceived | Broken, now: float) -> None:
        """Take the last thing that is decoded."""
        self._heard = event
        is_close = isinstance(event, CloseReceived)
        self._step(Input.CLOSE_CAME if is_close else Input.VIOLATION_CAME, now)

    def answer(self, event: CloseReceived, now: float) -> None:
        """Answer the close frame whose turn in the queue has come."""
        self._heard = event
        self._link.get_off()
        self._step(Input.ANSWER, now)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come."""
        self._heard = event
        self._link.failure = Failure("protocol", event.reason)
        self._link.get_off()
        self._step(Input.FAIL, now)

    def sent(self, now: float) -> None:
        """Note that the socket has taken everything."""
        self._step(Input.SENT, now)

    def eof(self, why: str, *, gone: bool) -> None:
        """Note that nothing more will come.

        Args:
            why: in words.
            gone: the other side has ended the stream, not the network, nor TLS.
        """
        self._why, self._gone = why, gone
        self._step(Input.EOF)

    def lost(self, why: str) -> None:
        """Note that nothing can be sent any more, in words."""
        self._why = why
        self._step(Input.LOST)

    def timeout(self, now: float) -> None:
        """Note that the deadline has come."""
        if self.phase is Phase.LAST_WORD:
            detail = "the last packets may be lost: a Godot 4 engine may read them too late"
            self._link.note(logging.INFO, "no_pong_before_close", detail)
        self._step(Input.TIMEOUT, now)

    # ---------------------------------------------------------------- actions

    def _wait(self) -> None:
        self._link.wait_until(min(self._now + self._settings.close_timeout, self._until))

    def _ping(self) -> None:
        link = self._link
        link.put(link.frames.ping(LAST_WORD))
        link.wait_until(self._now + self._settings.close_timeout)
        link.ready()

    def _close(self) -> None:
        link = self._link
        link.put(link.frames.close(*self._says))
        # Until it has left; if nobody polled in the meantime, all of it has become later.
        self._until = max(self._until, self._now + self._settings.close_timeout)
        link.wait_until(self._until)
        link.ready()

    def _tell(self) -> None:
        if self._heard is not None:
            self._link.tell(self._heard)

    def _note(self) -> None:
        link, heard = self._link, self._heard
        if heard is not None:
            link.close_code, link.close_reason = heard.code, without_nul(heard.reason)
        link.ready()

    def _answer(self) -> None:
        link = self._link
        self._note()
        link.put(link.frames.close(link.close_code, link.close_reason))
        link.wait_until(self._now + self._settings.close_timeout)
        link.ready()

    def _fail(self) -> None:
        link, heard = self._link, self._heard
        if heard is not None:
            link.put(link.frames.close(heard.code, heard.reason))
        link.wait_until(self._now + self._settings.close_timeout)
        link.ready()

    def _fail_and_tell(self) -> None:
        self._link.tell_end(self._violation())
        self._fail()

    def _drop(self) -> None:
        self._link.drop_output()

    def _abandon(self) -> None:
        self._link.abandon()

    def _end_clean(self) -> None:
        self._link.end(None)

    def _end_gone(self) -> None:
        link, why = self._link, self._why
        silent = self._gone and self._settings.leaves_silently and not link.frames.incomplete
        if silent and not link.awaits_id:
            link.end(Failure("left", "without a close frame, as Godot 4 does"))
        elif self.phase.ours:
            link.end(Failure("protocol", f"{why}, in the middle of the closing handshake"))
        else:
            if link.awaits_id:
                link.end(Failure("id", f"{why}, before the session was up"))
            else:
                link.end(Failure("tcp", why))

    def _end_violated(self) -> None:
        self._link.end(self._violation())

    def _violation(self) -> Failure:
        return Failure("protocol", self._heard.reason if self._heard is not None else "")

    def _end_lost(self) -> None:
        why = self._why
        if self.phase is Phase.HEARD_MUTE:
            why = "the other side was gone before its close could be answered"
        self._link.end(Failure("tcp", why))

    def _end_unanswered(self) -> None:
        self._time_out("no answer to our close", self._settings.close_timeout)

    def _end_unsent(self) -> None:
        times = 2 if self.phase.ours else 1
        self._time_out("our close frame could not be sent", times * self._settings.close_timeout)

    def _time_out(self, what: str, seconds: float) -> None:
        self._link.reach("close_timeout")
        self._link.end(Failure("timeout", f"{what} within {seconds:g} s"))

    DO: ClassVar[dict[Action, Callable[[Closing], None]]] = {
        Action.PING: _ping,
        Action.CLOSE: _close,
        Action.WAIT: _wait,
        Action.TELL: _tell,
        Action.NOTE: _note,
        Action.ANSWER: _answer,
        Action.FAIL: _fail,
        Action.FAIL_AND_TELL: _fail_and_tell,
        Action.DROP: _drop,
        Action.ABANDON: _abandon,
        Action.END_CLEAN: _end_clean,
        Action.END_GONE: _end_gone,
        Action.END_VIOLATED: _end_violated,
        Action.END_LOST: _end_lost,
        Action.END_UNANSWERED: _end_unanswered,
        Action.END_UNSENT: _end_unsent,
    }
