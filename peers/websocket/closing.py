"""How a connection goes on from the upgrade to its end (RFC 6455 section 7).

The table is in ``phases.py``, and as a drawing in ``docs/connection.md``; this is what its actions
do once messages can come and go.

A Godot 4 engine throws away every message that it reads in the same poll as a close frame. Where
the other side may be one, a ping goes behind the last message, and the close frame waits for its
pong: what came before the ping has been read by then. Nothing but pongs goes behind that ping.
``close()`` skips LAST_WORD if nothing was sent before it.

MUTE ends after ``close_timeout`` without the end of the stream, LAST_WORD after ``close_timeout``
without a pong, AWAITING after ``close_timeout`` without an answer, and everything together
``2 * close_timeout`` after ``close()``, also if our close frame cannot leave.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from multiplayer.endpoint.events import CloseReceived, Ended, without_nul
from multiplayer.endpoint.failure import Failure, no_id
from multiplayer.endpoint.heartbeat import PING, Beat

from .phases import Action, Input, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.events import Broken
    from multiplayer.endpoint.heartbeat import Heartbeat
    from multiplayer.endpoint.statistics import Statistics

    from .outgoing import Outgoing
    from .settings import LinkSettings

LAST_WORD: Final = b"gdpeers' last word"
"""What the ping before a close frame holds, so that no heartbeat's pong is taken for its own."""

PATIENCE: Final = 3
"""How many times ``close_timeout`` to wait for all connections to end: it takes twice that at most,
and they may be polled late."""


class Ending(Protocol):
    """What the end of a connection needs of the connection.

    Attributes:
        close_code: see ``Link``.
        close_reason: see there.
        failure: see there.
        phase: see there.
        settled: see there.
        statistics: see there.
    """

    close_code: int
    close_reason: str
    failure: Failure | None
    phase: Phase
    settled: bool
    statistics: Statistics

    def take(self, what: Input) -> Action:
        """Go on to the next phase; return what is to be done."""
        ...

    def ready(self) -> None:
        """Note that there is something to send, or that it is over."""

    def tell(self, event: CloseReceived | Broken | Ended) -> None:
        """Queue what happened for the endpoint."""

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""

    @property
    def reads(self) -> bool:
        """Whether more is read of the socket."""
        ...

    def end(self, failure: Failure | None) -> None:
        """Tell the endpoint that the connection is over."""

    def abandon(self) -> None:
        """End the connection; the endpoint knows."""

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""


class Closing:
    """The end of one connection, and what else happens to it once it is open.

    Args:
        link: the connection.
        outgoing: what it sends.
        settings: its settings.
        heartbeat: what counts its silence, if anything does.
    """

    __slots__ = (
        "_gone",
        "_heard",
        "_heartbeat",
        "_link",
        "_now",
        "_outgoing",
        "_says",
        "_settings",
        "_until",
        "_why",
    )

    def __init__(
        self,
        link: Ending,
        outgoing: Outgoing,
        settings: LinkSettings,
        heartbeat: Heartbeat | None,
    ) -> None:
        self._link = link
        self._outgoing = outgoing
        self._settings = settings
        self._heartbeat = heartbeat
        self._heard: CloseReceived | Broken | None = None
        self._now = 0.0
        self._says = (1000, "")  # code and reason of our own close frame
        self._until = 0.0  # by when everything has to be over, once we have begun to close
        self._why = ""  # how the stream ended, in words
        self._gone = True  # the other side ended it, not the network

    def use_settings(self, settings: LinkSettings, heartbeat: Heartbeat | None) -> None:
        """Have other settings, before there have been messages."""
        self._settings, self._heartbeat = settings, heartbeat

    def _step(self, what: Input, now: float | None = None) -> None:
        if now is not None:  # what ends a stream sets no deadline
            self._now = now
        action = self._link.take(what)
        if action is not Action.NOTHING:
            self.DO[action](self)

    # ---------------------------------------------------------------- inputs

    def settle(self, now: float) -> None:
        """Note that the session is up."""
        self._link.settled = True
        self._step(Input.SETTLED, now)

    def close(self, code: int, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin to close, unless that has begun.

        Args:
            code: of our close frame; 1005 sends an empty body.
            reason: of our close frame.
            now: the time.
            at_once: do not wait until the other side has read what was sent.
        """
        self._outgoing.get_off()  # what waits for it there goes before the ping
        if self._link.phase in (Phase.JOINING, Phase.OPEN, Phase.MUTE):
            self._says = code, reason
            self._until = now + 2 * self._settings.close_timeout
        has_spoken = self._link.statistics.packets_sent > 0
        waits = self._settings.pings_before_close and has_spoken and not at_once
        self._step(Input.CLOSE_BEHIND_DATA if waits else Input.CLOSE, now)

    def say_goodbye(self, code: int) -> None:
        """Put the due close frame of a connection that ends now into the outbox."""
        phase = self._link.phase
        if phase is Phase.LAST_WORD:
            code, reason = self._says
        elif phase is Phase.HEARD and self._heard is not None:
            code, reason = self._heard.code, self._heard.reason
        elif phase in (Phase.JOINING, Phase.OPEN):
            reason = ""
        else:
            return
        self._outgoing.close(code, without_nul(reason))

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
        self._outgoing.get_off()
        self._step(Input.ANSWER, now)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come."""
        self._heard = event
        self._link.failure = Failure("protocol", event.reason)
        self._outgoing.get_off()
        self._step(Input.FAIL, now)

    def fail_tls(self, why: str) -> None:
        """Note that TLS has failed, in words."""
        self._why = why
        self._step(Input.TLS_FAILED)

    def sent(self, now: float) -> None:
        """Note that the socket has taken everything."""
        self._step(Input.SENT, now)

    def eof(self, why: str, *, gone: bool) -> None:
        """Note that nothing more will come.

        Args:
            why: in words.
            gone: the other side ended the stream, not the network or TLS.
        """
        self._why, self._gone = why, gone
        self._step(Input.EOF)

    def lost(self, why: str) -> None:
        """Note that nothing can be sent any more, in words."""
        self._why = why
        self._step(Input.LOST)

    def timeout(self, now: float) -> None:
        """Note that the deadline has come."""
        phase = self._link.phase
        if phase is Phase.LAST_WORD:
            detail = "the last packets may be lost: a Godot 4 engine may read them too late"
            self._link.note(logging.INFO, "no_pong_before_close", detail)
        elif phase is Phase.ANSWERED and self._outgoing.waiting:
            self._link.reach("handshake_timeout")
        self._step(Input.TIMEOUT, now)

    # ---------------------------------------------------------------- actions

    def _settle(self) -> None:
        heartbeat = self._heartbeat
        if heartbeat is None:
            self._link.wait_until(None)
        else:
            heartbeat.start(self._now)
            self._link.wait_until(heartbeat.due)

    def _beat(self) -> None:
        link, heartbeat = self._link, self._heartbeat
        if heartbeat is None:
            link.wait_until(None)
            return
        beat = heartbeat.beat(self._now, reads=link.reads)
        if beat is Beat.GIVE_UP:
            self._link.reach("heartbeat_interval")
            silence = f"silent for {heartbeat.patience:g} s"
            link.end(Failure("timeout", f"{silence}, pings were not answered"))
            return
        link.wait_until(heartbeat.due)
        if beat is Beat.PING:
            self._outgoing.ping(PING)
            link.ready()

    def _wait(self) -> None:
        self._link.wait_until(min(self._now + self._settings.close_timeout, self._until))

    def _ping(self) -> None:
        self._outgoing.ping(LAST_WORD)
        self._give_time()

    def _close(self) -> None:
        link = self._link
        self._outgoing.close(*self._says)
        # Until it has left; if nobody polled meanwhile, everything has moved back.
        self._until = max(self._until, self._now + self._settings.close_timeout)
        link.wait_until(self._until)
        link.ready()

    def _tell(self) -> None:
        heard = self._heard
        if heard is None:
            return
        if not isinstance(heard, CloseReceived) and heard.limit:
            self._link.reach(heard.limit)
        self._link.tell(heard)

    def _note(self) -> None:
        link, heard = self._link, self._heard
        if heard is not None:
            link.close_code, link.close_reason = heard.code, without_nul(heard.reason)
        link.ready()

    def _answer(self) -> None:
        link = self._link
        self._note()
        self._outgoing.close(link.close_code, link.close_reason)
        self._give_time()

    def _fail(self) -> None:
        heard = self._heard
        if heard is not None:
            self._outgoing.close(heard.code, heard.reason)
        self._give_time()

    def _give_time(self) -> None:
        """Wait for as long as what is queued now may take."""
        self._link.wait_until(self._now + self._settings.close_timeout)
        self._link.ready()

    def _fail_and_tell(self) -> None:
        link = self._link
        link.failure = self._violation()
        link.close_code = -1
        link.tell(Ended(False, link.failure))
        self._fail()

    def _drop(self) -> None:
        self._outgoing.drop()

    def _abandon(self) -> None:
        self._link.abandon()

    def _end_clean(self) -> None:
        self._link.end(None)

    def _end_tls(self) -> None:
        self._link.end(Failure("tls", self._why))

    def _end_no_id(self) -> None:
        self._link.reach("handshake_timeout")
        self._link.end(no_id(self._settings.handshake_timeout))

    def _end_gone(self) -> None:
        link, why = self._link, self._why
        frames = self._outgoing.frames
        cut_off = frames is not None and frames.incomplete
        if link.settled and self._gone and self._settings.leaves_silently and not cut_off:
            link.end(Failure("left", "without a close frame, as Godot 4 does"))
        elif link.phase.ours:
            link.end(Failure("protocol", f"{why}, in the middle of the closing handshake"))
        elif not link.settled:
            link.end(Failure("id", f"{why}, before the session was up"))
        else:
            link.end(Failure("tcp", why))

    def _end_violated(self) -> None:
        self._link.end(self._violation())

    def _violation(self) -> Failure:
        return Failure("protocol", self._heard.reason if self._heard is not None else "")

    def _end_lost(self) -> None:
        why = self._why
        if self._link.phase is Phase.HEARD_MUTE:
            why = "the other side was gone before its close could be answered"
        self._link.end(Failure("tcp", why))

    def _end_unanswered(self) -> None:
        self._time_out("no answer to our close", self._settings.close_timeout)

    def _end_unsent(self) -> None:
        times = 2 if self._link.phase.ours else 1
        self._time_out("our close frame could not be sent", times * self._settings.close_timeout)

    def _time_out(self, what: str, seconds: float) -> None:
        self._link.reach("close_timeout")
        self._link.end(Failure("timeout", f"{what} within {seconds:g} s"))

    DO: ClassVar[dict[Action, Callable[[Closing], None]]] = {
        Action.SETTLE: _settle,
        Action.BEAT: _beat,
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
        Action.END_TLS: _end_tls,
        Action.END_NO_ID: _end_no_id,
        Action.END_GONE: _end_gone,
        Action.END_VIOLATED: _end_violated,
        Action.END_LOST: _end_lost,
        Action.END_UNANSWERED: _end_unanswered,
        Action.END_UNSENT: _end_unsent,
    }
