"""``ReturningRole``: a client that comes back by itself when it has lost its connection.

The client's half of ``docs/protocol/resume.md``. To all above it the session goes on meanwhile.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import MultiplayerError
from multiplayer.support.log_line import write_line

from . import backoff
from .arrivals import Arrivals
from .cause import Cause
from .client_role import ClientRole
from .close_code import is_retried
from .close_codes import INTERNAL_ERROR
from .events import Broken, CloseReceived, Drained, Ended, Failed, Message, Opened
from .failure import Failure
from .packets import check_packet
from .replay_ring import ReplayRing
from .resume_words import (
    Ack,
    Greeting,
    NewSeat,
    Renewed,
    Return,
    RosterEnd,
    read_word,
    write_wish,
    write_word,
)
from .statistics import Statistics

if TYPE_CHECKING:
    from multiplayer.resume import Resume

    from .client_envelope import ClientEnvelope, ReturningHost
    from .commons import Commons
    from .face import Face
    from .peer_channel import PeerChannel

_log = logging.getLogger("peers.client_role")

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

FIRST_QUERY: Final = write_wish(NewSeat())
"""What a client adds to its URL's query when it connects for the first time."""

_LOOKS: Final = 16
"""After how many packets that were put behind others it is seen whether too much waits."""

_UNKNOWN_WORD: Final = "unknown_word"


class Redial(Protocol):
    """Connects once more to where a client has connected."""

    def __call__(self, query: str) -> PeerChannel:
        """Begin to connect.

        Args:
            query: what is added to the query of the URL.

        Raises:
            MultiplayerError: it cannot even begin.
        """
        ...


class Stage(Enum):
    """What a client does that may come back."""

    ASKING = auto()
    """It connects for the first time, and has not heard whether the server knows of all this."""
    HERE = auto()
    """The server has given it a seat, and it is connected."""
    AWAY = auto()
    """It has no connection, and waits before the next attempt."""
    DIALLING = auto()
    """An attempt is under way."""
    WITHOUT = auto()
    """The server does not know of this, or the session is over: it is as any client."""


class ReturningRole(ClientRole):
    """A client that comes back.

    Args:
        host: the object that users hold.
        commons: what it works with.
        envelope: what messages mean.
        face: the connection as users see it.
        resume: for how long it tries, and how much it keeps.
        redial: makes another connection.

    Attributes:
        stage: what it does.
        token: with what it comes back; "" before it has a seat. Whoever has it can take the seat.
    """

    def __init__(
        self,
        host: ReturningHost,
        commons: Commons,
        envelope: ClientEnvelope,
        face: Face,
        resume: Resume,
        redial: Redial,
    ) -> None:
        super().__init__(host, commons, envelope, face)
        self._owner = host
        self._framed = commons.framed
        self._emission = commons.handlers.emission
        self._inbox = commons.inbox
        self._resume = resume
        self._redial = redial
        self.stage = Stage.ASKING
        self.token = ""
        self._arrivals = Arrivals()
        self._ring: ReplayRing | None = None
        # What is to be written on the connection that is up, as soon as there is room.
        self._waiting: deque[tuple[bytes, TransferMode]] = deque()
        self._sure = True  # nothing is between two of these places
        self._lacks_one = False  # an interrupt may have cost a message that had come
        self._before: PeerChannel | None = None  # the connection that was up last
        self._version = 0  # of docs/protocol/gdpeers.md, which the session has agreed on
        self._attempts = 0
        self._dials_at = math.inf
        self._gives_up_at = math.inf
        self._leaves = False
        self._last_failure: Failure | None = None

    # ---------------------------------------------------------------- what happens

    def handle(self, link: PeerChannel, event: object) -> None:
        """Handle one event."""
        if link is not self.link:
            return  # an earlier connection that still lingers
        stage = self.stage
        if type(event) is Message:
            if stage is Stage.HERE and self._lacks_one:
                link.fetched(len(event.data))
            elif stage is Stage.HERE:
                self._take(link, event)
            elif stage is Stage.WITHOUT:
                self.envelope.take(self, link, event)
            else:
                self._take_first(link, event)
        elif stage in (Stage.WITHOUT, Stage.ASKING) or self.status is not _CONNECTED:
            super().handle(link, event)
        elif isinstance(event, Opened):
            pass  # the greeting follows
        elif isinstance(event, CloseReceived):
            retried = is_retried(event.code) or self.stage is Stage.DIALLING
            if retried:
                self._agenda.then(partial(self._answer_close, link, event))
            else:
                super().handle(link, event)
        elif isinstance(event, Broken):
            super().handle(link, event)
        elif isinstance(event, Failed):
            self._note_loss(link, event.failure)
        elif isinstance(event, Ended):
            self._handle_end(link, event)
        elif isinstance(event, Drained):
            if self._waiting:
                self._agenda.then(self._feed)
            else:
                super().handle(link, event)

    def lane(self, link: PeerChannel) -> int:
        """Return 0 if messages are counted, for the day that the client comes back."""
        return super().lane(link) if self.stage is Stage.WITHOUT else 0

    def _handle_end(self, link: PeerChannel, event: Ended) -> None:
        code = link.close_code
        retried = link.too_slow or is_retried(code)  # what waits is in the ring
        if self.stage is Stage.DIALLING:
            retried = retried or code == INTERNAL_ERROR  # which may not happen again
        by_us = link.closed_by_us and not link.too_slow
        if by_us or (event.failure is None and not retried):
            failure = event.failure
            if self.stage is Stage.DIALLING:
                said = f" {link.close_reason!r}" if link.close_reason else ""
                failure = failure or Failure("id", f"not let back: closed with {code}{said}")
                self.face.move_to(link)
            self.end_of_server(failure, clean=event.clean)
            return
        why = event.failure or Failure("left", f"the server closed with {code}")
        self._note_loss(link, why)

    # ---------------------------------------------------------------- messages and words

    def _take(self, link: PeerChannel, message: Message) -> None:
        """Handle what comes while it is here."""
        if not message.text:
            if message.counted:
                self._count(link, len(message.data))
            self.envelope.take(self, link, message)
            return
        word, size = read_word(message.data), len(message.data)
        link.fetched(size)
        ring = self._ring
        if isinstance(word, Ack) and ring is not None and ring.acknowledge(word.number):
            return
        if isinstance(word, Renewed):
            self._count(link, size)
            peer = word.peer
            self._agenda.then_emit(self._owner.peer_resumed, peer, peer, False)
        elif isinstance(word, RosterEnd):
            self._count(link, size)
            self.envelope.end_roster()
        else:
            link.violate(_UNKNOWN_WORD)

    def _count(self, link: PeerChannel, size: int) -> None:
        """Count a message that has come; acknowledge many."""
        arrivals, before = self._arrivals, self._arrivals.due
        if arrivals.came(size, self._endpoint.clock()):
            self._acknowledge(link)
        elif arrivals.due != before:
            self._set_alarm()

    def _acknowledge(self, link: PeerChannel) -> None:
        word = Ack(self._arrivals.acknowledge())
        self._endpoint.send(link, write_word(word), text=True)
        self._set_alarm()

    def _take_first(self, link: PeerChannel, message: Message) -> None:
        """Handle the first message of a connection: the greeting, if the server knows of it."""
        if not (message.text or message.counted):
            link.fetched(len(message.data))  # it was sent behind the greeting, and has overtaken it
            link.drop("unreliable")
            return
        if link.over and self.stage is Stage.DIALLING:
            link.fetched(len(message.data))  # its end follows, and nothing of it has been counted
            return
        word = read_word(message.data) if message.text else None
        if not isinstance(word, Greeting) or (self.stage is Stage.ASKING) is not (
            word.replayed is None
        ):
            self._be_without(link, message)
            return
        link.fetched(len(message.data))
        if self.stage is Stage.ASKING:
            self._take_seat(link, word)
            return
        ring = self._ring
        if link.gdpeers_version != self._version or ring is None:
            self._refuse(link, "the server does not speak as before")
            return
        if word.replayed and not ring.has_all_after(word.received):
            # What was put since we dialled was too much: the server has to know, and to begin anew.
            ring.tear()
            link.close(Cause.OURS, "", self._endpoint.clock())
            self._note_loss(link, Failure("protocol", "more was put than the ring holds"))
            return
        self._agenda.then(
            partial(self._go_on, link, word),
            self._emission(self._owner.session_resumed, SERVER_ID, bool(word.replayed)),
            self._feed,
        )

    def _take_seat(self, link: PeerChannel, word: Greeting) -> None:
        resume = self._resume
        ring = ReplayRing(link.numbered, resume.ring_bytes, resume.ring_packets)
        self.token, self._version = word.seat, link.gdpeers_version
        self._ring = link.outbox.ring = ring
        self._arrivals.go_on_at(word.next)
        self.stage = Stage.HERE

    def _be_without(self, link: PeerChannel, message: Message) -> None:
        """Go on without, as the server does; or end, if it did know of it before."""
        if self.stage is Stage.DIALLING:
            link.fetched(len(message.data))
            self._refuse(link, "the server does not know of the session any more")
            return
        self.stage = Stage.WITHOUT
        sentence = "%s gives no seats (grace is 0, or it is another program): resume has no effect"
        write_line(_log, logging.WARNING, sentence, link.address, fields={})
        self.envelope.take(self, link, message)

    def _refuse(self, link: PeerChannel, why: str) -> None:
        link.close(Cause.MISUNDERSTOOD, why, self._endpoint.clock())
        self.end_of_server(Failure("id", f"not let back: {why}"), clean=False)

    # ---------------------------------------------------------------- going and coming

    def _note_loss(self, link: PeerChannel, failure: Failure) -> None:
        """Go on without a connection, and say so if that is new."""
        is_new = self.stage is Stage.HERE
        self._agenda.then(partial(self._lose, link, failure))
        if is_new:
            self._agenda.then_emit(self._owner.session_suspended, SERVER_ID)

    def _lose(self, link: PeerChannel, failure: Failure) -> None:
        if link is not self.link:
            return
        ring, now = self._ring, self._endpoint.clock()
        assert ring is not None
        self._host.failure = self._last_failure = failure
        if failure.stage == "interrupted":
            ring.tear()
        if self.stage is Stage.HERE:
            self._before = link
            self._put_back(ring)
            self._gives_up_at = now + self._resume.give_up_after
        self.stage = Stage.AWAY
        self._lacks_one = False
        wait = backoff.delay(self._attempts, self._owner.randbits(backoff.BITS))
        self._attempts += 1
        self._dials_at = now + wait
        self._past.add(link.statistics)
        self.link = None
        self._set_alarm()

    def _put_back(self, ring: ReplayRing) -> None:
        """Give the ring what waits behind what it knows."""
        self._sure = False
        while self._waiting:
            ring.put(*self._waiting[0])
            self._waiting.popleft()
        self._sure = True

    def _dial(self) -> None:
        ring = self._ring
        assert ring is not None
        wish = Return(self.token, self._arrivals.received, ring.next, ring.lost)
        try:
            link = self._redial(write_wish(wish))
        except MultiplayerError as error:  # a certificate that is not there any more, say
            self._last_failure = self._host.failure = Failure("tcp", str(error))
            wait = backoff.delay(self._attempts, self._owner.randbits(backoff.BITS))
            self._attempts += 1
            self._dials_at = self._endpoint.clock() + wait
            return
        link.peer_id = SERVER_ID
        self.link = link
        self.stage = Stage.DIALLING
        self._dials_at = math.inf  # last: if the rest is interrupted, it dials again

    def _go_on(self, link: PeerChannel, word: Greeting) -> None:
        """Go on by a connection that the server has greeted."""
        if link is not self.link or self.stage is not Stage.DIALLING:
            return
        ring = self._ring
        assert ring is not None
        self._endpoint.writing.append(link)  # an interrupt here may cost it something
        link.settle(self._endpoint.clock())
        if self._before is not None:
            for size in self._inbox.relabel(self._before, link):
                link.unfetched += 1
                link.unfetched_bytes += size
        self.face.move_to(link)
        if word.replayed:
            self._waiting.extend((frame, _RELIABLE) for frame in ring.take_after(word.received))
        else:
            ring.begin_anew()
            self.envelope.begin_anew()
        link.outbox.ring = ring
        self._arrivals.go_on_at(word.next)
        self.token = word.seat
        self._host.failure = None
        self._attempts = 0
        self._dials_at = self._gives_up_at = math.inf
        self.stage = Stage.HERE
        self._endpoint.writing.pop()
        self._set_alarm()

    def _feed(self) -> None:
        """Queue of what waits as much as there is room for; the rest when that has left."""
        link, waiting = self.link, self._waiting
        if link is None or self.stage is not Stage.HERE or not waiting:
            return
        self._endpoint.writing.append(link)
        room = link.buffer_size / 2
        while waiting and link.is_open and link.outbox.waiting < room:
            frame, mode = waiting[0]
            link.send(link.payload_of(frame), text=False, mode=mode)
            waiting.popleft()
        self._endpoint.writing.pop()
        if waiting:
            self._endpoint.backlogs.full[link] = None  # so that we hear of it once it has left
        self._endpoint.look_at(link)

    # ---------------------------------------------------------------- time

    def keep_time(self, now: float) -> None:
        """Do what is due: acknowledge, try again, or give up."""
        stage, link = self.stage, self.link
        if stage is Stage.HERE and link is not None:
            if self._arrivals.due <= now:
                self._acknowledge(link)
        elif stage in (Stage.AWAY, Stage.DIALLING):
            if self._leaves:
                self._stop(Failure("tcp", f"left while away: {self._last_failure}"))
            elif self._gives_up_at <= now:
                patience = f"not back within {self._resume.give_up_after:g} s"
                self._stop(Failure("timeout", f"{patience}: {self._last_failure}"))
            elif stage is Stage.AWAY and self._dials_at <= now:
                self._dial()
        self._set_alarm()

    def _stop(self, failure: Failure) -> None:
        """Try no more."""
        if self.link is not None:
            self.link.close(Cause.DONE, "", self._endpoint.clock(), at_once=True)
        self.end_of_server(failure, clean=False)
        self._dials_at = self._gives_up_at = math.inf
        self._leaves = False

    def _set_alarm(self) -> None:
        alarm = math.inf
        if self.stage is Stage.HERE:
            alarm = self._arrivals.due
        elif self.stage in (Stage.AWAY, Stage.DIALLING):
            alarm = self._gives_up_at
            if self.stage is Stage.AWAY:
                alarm = min(alarm, self._dials_at)
            if self._leaves:
                alarm = -math.inf
        self._endpoint.alarm = alarm

    # ---------------------------------------------------------------- ending

    def close(self, code: int | Cause, reason: str) -> None:
        """Begin to close the connection; without one, try no more."""
        if self.stage in (Stage.AWAY, Stage.DIALLING):
            self._leaves = True
            self._set_alarm()
            self._endpoint.wake()
        else:
            super().close(code, reason)

    def end(self, *, silently: bool = False) -> None:
        """Become disconnected, and come back no more."""
        self._past.add(self._kept_counts())
        self.stage = Stage.WITHOUT
        self._ring = self._before = None
        self._waiting.clear()
        self._endpoint.alarm = math.inf
        super().end(silently=silently)

    def recover(self) -> list[PeerChannel]:
        """Repair what an interrupt has left; return the connection if it is over, untold."""
        if self._ring is not None:
            # Of a connection that is over nobody knows whether it was over before the interrupt.
            if not self._sure or (self.link is not None and self.link.over):
                self._sure = True
                self._waiting.clear()
                self._ring.tear()
                self._lacks_one = True
            self._endpoint.alarm = -math.inf  # it is found out anew what is due
        return super().recover()

    # ---------------------------------------------------------------- packets

    def put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        """Send a packet, or keep it for the next connection."""
        away = self.stage is Stage.AWAY or self.stage is Stage.DIALLING
        if not (away or self._waiting) or self.status is not _CONNECTED:
            super().put(packet, target, mode, channel)
            return
        envelope = self.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        data = check_packet(packet, self.max_packet, envelope=size)
        if not data:
            return
        message = envelope.message(data, target, mode, channel)
        if not message:
            self._past.drops["departed"] += 1
            return
        if away and mode is not _RELIABLE:
            self._past.drops["adrift"] += 1
            return
        frame = self._framed(message, mode)
        if away:
            assert self._ring is not None
            self._ring.put(frame, mode)
            return
        self._waiting.append((frame, mode))
        if self.link is not None and len(self._waiting) % _LOOKS == 0 and self._too_much_waits:
            self.link.overflow(self._endpoint.clock())

    @property
    def _too_much_waits(self) -> bool:
        most = self.max_packet + self._resume.ring_bytes
        return self.max_packet > 0 and sum(len(frame) for frame, _ in self._waiting) > most

    def backlog(self, peer_id: int) -> int:
        """Return how many bytes wait for the server, connected or not."""
        waiting = sum(len(frame) for frame, _ in self._waiting)
        if self._ring is not None and self.stage is not Stage.HERE:
            return waiting + self._ring.waiting
        return waiting + super().backlog(peer_id)

    def snapshots(self) -> list[Statistics]:
        """Return what is counted of the connection, and of what was put without one."""
        return [*super().snapshots(), self._kept_counts()]

    def _kept_counts(self) -> Statistics:
        counts = Statistics()
        if self._ring is not None and self._ring.dropped:
            counts.drops["adrift"] = self._ring.dropped
        return counts
