"""``SimulatedChannel``: one connection of a simulated network, from the first word to the last.

It follows the rules of a WebSocket connection: who closes says so and waits for the answer, whose
turn in the queue comes; who is silent is pinged; who reads too slowly is closed. Its frames are its
own, see ``frames``.
"""

from __future__ import annotations

import logging
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from multiplayer.addressing import TransferMode
from multiplayer.endpoint.cause import Cause
from multiplayer.endpoint.channel_settings import DEFAULT_BUFFER_SIZE
from multiplayer.endpoint.close_codes import NORMAL, code_of
from multiplayer.endpoint.events import Broken, CloseReceived, Ended, Failed, Message, Opened
from multiplayer.endpoint.failure import Failure
from multiplayer.endpoint.heartbeat import PING, Beat, Heartbeat
from multiplayer.endpoint.ledger import Ledger
from multiplayer.endpoint.sending import Sending

from .frames import LAST_MESSAGE, Kind, close_frame, frame, message_frame, read_close

if TYPE_CHECKING:
    from multiplayer.endpoint.channel import Ride
    from multiplayer.endpoint.channel_settings import ChannelSettings
    from multiplayer.endpoint.peer_channel import PeerNotices
    from multiplayer.endpoint.pressure import Account
    from multiplayer.endpoint.statistics import Statistics

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_UNBOUNDED: Final = 1 << 62
_TOO_LONG: Final = 1009  # RFC 6455 section 7.4.1

_UNCLOSED: Final = "the other side ended the connection without closing it"


class Incoming(Protocol):
    """The way on which frames come, as their receiver knows it."""

    def read(self, size: int) -> None:
        """Note that so many bytes are not under way any more."""

    def close(self) -> None:
        """Swallow what arrives from now on."""


class Asked(NamedTuple):
    """A client asks to be let in; it knows that version of ``docs/protocol/gdpeers.md``."""

    version: int


class Phase(Enum):
    """How far a connection has come."""

    OPENING = auto()
    """Nobody has been let in."""
    JOINING = auto()
    """It is open, and a client waits for its id."""
    OPEN = auto()
    CLOSING = auto()
    """We have said that we close."""
    HEARD = auto()
    """The other side has said so, and it has not been answered."""
    ANSWERED = auto()
    """Our answer, or a refusal, leaves."""
    FAILED = auto()
    """We have said what is wrong; the session knows."""
    OVER = auto()


_UP: Final = (Phase.JOINING, Phase.OPEN)
_ENDING: Final = (Phase.CLOSING, Phase.HEARD, Phase.ANSWERED, Phase.FAILED)


class SimulatedChannel:
    """One end of a connection; see ``PeerChannel``.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        now: the time.
        client: it is a client's.
        awaits_id: keep the handshake's deadline until :meth:`settle`.

    Attributes:
        arrived: what has come and was not read: the kind of each frame, what is in it, and how many
            bytes it takes on its way.
        incoming: the way on which it has come; told when it is read.
    """

    __slots__ = (
        "_awaits_id",
        "_client",
        "_closed_by_us",
        "_entries",
        "_heartbeat",
        "_ledger",
        "_sending",
        "_settings",
        "_settled",
        "_touched",
        "account",
        "address",
        "arrived",
        "behind",
        "close_code",
        "close_reason",
        "deadline",
        "failure",
        "gdpeers_version",
        "held",
        "incoming",
        "outbox",
        "peer_id",
        "phase",
        "port",
        "protocol",
        "resumed",
        "statistics",
        "unfetched",
        "unfetched_bytes",
    )

    encrypted = False
    lingering = False

    def __init__(
        self,
        settings: ChannelSettings,
        notices: PeerNotices,
        now: float,
        *,
        client: bool,
        awaits_id: bool = False,
    ) -> None:
        self.peer_id = 0
        self.address = ""
        self.port = 0
        self.protocol = ""
        self.gdpeers_version = 0
        self.unfetched = 0
        self.unfetched_bytes = 0
        self.close_code = -1
        self.close_reason = ""
        self.failure: Failure | None = None
        self.account: Account | None = None
        self.held = False
        self.resumed = False
        self.behind = False
        self.deadline: float | None = now + settings.handshake_timeout
        self.phase = Phase.OPENING
        self.arrived: deque[tuple[int, bytes, int]] = deque()
        self.incoming: Incoming | None = None
        self._settings = settings
        self._entries, self._touched, faults = notices
        self._client = client
        self._awaits_id = awaits_id
        self._settled = False
        self._closed_by_us = False
        self._ledger = ledger = Ledger(self, settings.envelope, faults)
        self.statistics = ledger.statistics
        self._sending = sending = Sending(settings, ledger)
        self.outbox = sending.outbox
        self._heartbeat = Heartbeat(settings.heartbeat_interval, now)

    def report_to(self, notices: PeerNotices) -> None:
        """Put what happens from now on into these, which are another endpoint's."""
        self._entries, self._touched, faults = notices
        self._ledger.write_to(faults)

    # ---------------------------------------------------------------- how far it has come

    @property
    def over(self) -> bool:
        """Whether it is over altogether."""
        return self.phase is Phase.OVER

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        return self.phase in _UP

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        return self.phase in _ENDING

    @property
    def opening(self) -> bool:
        """Whether it has not been opened yet."""
        return self.phase is Phase.OPENING

    @property
    def pending(self) -> bool:
        """Whether nobody has been let in yet."""
        return self.phase is Phase.OPENING

    @property
    def closed_by_us(self) -> bool:
        """Whether this side began to close it."""
        return self._closed_by_us

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it with 1000, and gave no reason."""
        return self.close_code == NORMAL and not self.close_reason

    # ---------------------------------------------------------------- what comes

    @property
    def _is_full(self) -> bool:
        settings = self._settings
        return (
            self.unfetched >= settings.max_queued_packets
            or 0 < settings.limits.max_inbox_bytes <= self.unfetched_bytes
        )

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        return self.held and self.phase in _UP

    @property
    def reads(self) -> bool:
        """Whether it takes more of what has arrived."""
        if self.phase in _UP:
            return not (self.held or self.behind or self._is_full)
        return self.phase is not Phase.OVER

    def connected(self, address: str, port: int, now: float) -> None:
        """Note who the other side is."""
        self.address, self.port = address, port
        self._heartbeat.heard = now

    def receive(self, data: bytes, now: float, most: int = _UNBOUNDED) -> bool:
        """Read what has arrived, but not more messages than ``most``; return whether it reads."""
        del data
        self.resumed = self.behind = False
        arrived, incoming = self.arrived, self.incoming
        if arrived:
            self._heartbeat.heard = now
        read = 0
        while arrived:
            kind, content, size = arrived[0]
            if kind <= LAST_MESSAGE and self.phase in _UP:
                if self._is_full or self.held or not most:
                    break
                most -= 1
            arrived.popleft()
            read += size
            self._take(kind, content, now)
        if read and incoming is not None:
            incoming.read(read)
        account = self.account
        if account is not None and account.spent:
            self._touched[self] = None
        if arrived and self.phase in _UP:
            self._note_full()
        return self.reads

    def _note_full(self) -> None:
        """Note why not all was read."""
        if not self._is_full:
            self.behind = not self.held
            self._touched[self] = None
            return
        full = self.unfetched >= self._settings.max_queued_packets
        self.reach("max_queued_packets" if full else "max_inbox_bytes")
        detail = f"{self.unfetched} of its packets wait; get_packet(), or discard_packets"
        self.note(logging.WARNING, "not_read_for_now", detail)

    def _take(self, kind: int, content: bytes, now: float) -> None:
        if kind <= LAST_MESSAGE:
            self._take_message(content, text=kind == Kind.TEXT)
        elif kind == Kind.PING:
            if self.phase in _UP:
                self._put(frame(Kind.PONG, content))
        elif kind == Kind.PONG:
            self._heartbeat.pong(content, now)
        elif kind == Kind.CLOSE:
            self._take_close(*read_close(content))
        elif kind == Kind.END:
            self.receive_eof()
        elif self.phase is Phase.OPENING:
            self._take_beginning(kind, content, now)

    def _take_message(self, content: bytes, *, text: bool) -> None:
        statistics = self.statistics
        statistics.packets_received += 1
        statistics.bytes_received += len(content)
        if self.phase not in _UP:
            self.drop("closing")
            return
        most = self._settings.inbound_buffer_size
        if len(content) > most:
            reason = f"a message of {len(content)} bytes; {most} may come"
            self.phase = Phase.HEARD
            self.tell(Broken(_TOO_LONG, reason, "inbound_buffer_size"))
            return
        self.unfetched += 1
        self.unfetched_bytes += len(content)
        self._entries.append((self, Message(content, text)))

    def _take_beginning(self, kind: int, content: bytes, now: float) -> None:
        if kind == Kind.HELLO:
            self.tell(Asked(int.from_bytes(content, "little")))
        elif kind == Kind.REFUSAL:
            self.end(Failure("http", content.decode()))
        elif kind == Kind.WELCOME:
            self.gdpeers_version = int.from_bytes(content, "little")
            self._open(now)
            self.tell(Opened(""))

    def _open(self, now: float) -> None:
        self.phase = Phase.JOINING
        if not self._awaits_id:
            self.settle(now)

    def fetched(self, size: int) -> None:
        """Note that one of its messages, of ``size`` bytes, has been fetched."""
        was_full = self._is_full
        self.unfetched -= 1
        self.unfetched_bytes -= size
        if was_full and not self._is_full:
            self._resume()

    def _resume(self) -> None:
        self.resumed = True
        self.ready()

    def receive_eof(self) -> None:
        """Note that the other side has let go of the connection."""
        phase = self.phase
        if phase is Phase.OPENING:
            self.end(Failure("http", f"{_UNCLOSED}, before the server had answered"))
        elif phase is Phase.CLOSING:
            self.end(Failure("protocol", f"{_UNCLOSED}, in the middle of the closing handshake"))
        elif phase in _UP:
            self.end(self._unclosed())
        elif phase in (Phase.ANSWERED, Phase.FAILED):
            self.finish(0.0)

    def _unclosed(self) -> Failure:
        if not self._settled:
            return Failure("id", f"{_UNCLOSED}, before the session was up")
        if self._settings.leaves_silently:
            return Failure("left", "without a close frame, as Godot 4 does")
        return Failure("tcp", _UNCLOSED)

    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come."""
        del gone
        self.end(Failure("tcp", why))

    # ---------------------------------------------------------------- what leaves

    @property
    def waiting(self) -> int:
        """How many bytes the network has not taken yet."""
        return self.outbox.waiting

    @property
    def buffered(self) -> int:
        """The same, including what is for all and has not reached the outbox yet."""
        ride = self._sending.ride
        return self.outbox.waiting + (ride.waiting if ride is not None else 0)

    @property
    def ride(self) -> Ride | None:
        """Where, on a server, what is sent to everybody waits, after the outbox."""
        return self._sending.ride

    @ride.setter
    def ride(self, ride: Ride | None) -> None:
        self._sending.ride = ride

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this channel first."""
        return self.phase in _UP and not self.outbox.blocked

    @property
    def overflowing(self) -> bool:
        """Whether more waits to be sent than may."""
        return self._sending.overflows

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that it should be written before more comes."""
        return self._sending.ought_to_leave

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait to be sent; Godot's default if any number may."""
        return self._settings.outbound_buffer_size or DEFAULT_BUFFER_SIZE

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds a slow reader has to take how many bytes; 0 for any time."""
        if self._client:
            return 0.0, 0
        return self._settings.limits.stall_timeout, self._settings.outbound_buffer_size

    def send(
        self,
        data: bytes,
        *,
        text: bool,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message, charged to ``origin``, or count it as dropped."""
        if not self._may_send():
            return
        made = frame(Kind.TEXT, data) if text else message_frame(data, mode)
        if origin is not None:
            origin.note_sent(self.outbox, len(made))
        if self._sending.queue(made, len(data), mode, origin):
            self._touched[self] = None

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue a message of ``size`` bytes that is a frame already."""
        if self._may_send() and self._sending.queue(frame, size, mode, origin):
            self._touched[self] = None

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""
        if packets and self._may_send():
            self._sending.queue(frames, size, _RELIABLE, None)
            self.statistics.packets_sent += packets - 1
            self.ready()

    def _may_send(self) -> bool:
        if self.phase in _UP:
            return True
        if self.phase is not Phase.OPENING:
            self.drop("closing")
        return False

    def _put(self, made: bytes) -> None:
        """Queue what is no message."""
        self._sending.put(made)
        self.ready()

    def say_hello(self, version: int) -> None:
        """Ask to be let in (called by the engine, when it connects)."""
        self._put(frame(Kind.HELLO, version.to_bytes(2, "little")))

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next, in whole frames."""
        del last
        return self.outbox.pieces()

    def sent(self, count: int) -> bool:
        """Note that ``count`` bytes of :meth:`to_send` were taken; return whether to ask again."""
        return self.outbox.taken(count) and count > 0

    def written(self) -> bool:
        """Note that what could be taken for now was taken; return whether that was all."""
        outbox, ride = self.outbox, self._sending.ride
        blocked = outbox.waiting > 0
        if ride is not None:
            if blocked:
                ride.get_off()
            elif self.phase in _UP:
                ride.get_on()
        outbox.blocked = blocked
        return not blocked and self.phase in _UP

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more."""
        del now
        self.lose(why)

    def overflow(self, now: float) -> None:
        """End a connection whose other side reads too slowly: close code 4013."""
        self._close_slow(*self._sending.excess(), now)

    def stall(self, now: float) -> None:
        """End a connection whose other side makes no progress; see ``pressure``."""
        timeout, size = self.stall_terms
        self._close_slow("stall_timeout", f"less than {size} bytes in {timeout:g} s", now)

    def _close_slow(self, limit: str, why: str, now: float) -> None:
        if self.phase not in _UP:
            return
        self.statistics.drops["overflow"] += self.outbox.drop_unbegun()
        self.reach(limit)
        self.note(logging.WARNING, "reads_too_slowly", why)
        self.close(Cause.TOO_SLOW, f"too slow: {why}", now, at_once=True)

    # ---------------------------------------------------------------- what a server decides

    def accept(self, version: int, now: float) -> None:
        """Let a client in, with that version of ``docs/protocol/gdpeers.md``."""
        self.gdpeers_version = version
        self._put(frame(Kind.WELCOME, version.to_bytes(2, "little")))
        self._open(now)

    def refuse(self, why: str, now: float) -> None:
        """Turn a client away, in words."""
        self._put(frame(Kind.REFUSAL, why.encode()))
        self.failure = Failure("http", why)
        self.phase = Phase.ANSWERED
        self.wait_until(now + self._settings.close_timeout)

    def settle(self, now: float) -> None:
        """Note that the session is up, which has had a deadline until now."""
        self._settled = True
        if self.phase is Phase.JOINING:
            self.phase = Phase.OPEN
            self._heartbeat.start(now)
            self.wait_until(self._heartbeat.due)

    # ---------------------------------------------------------------- the end

    def close(self, code: int | Cause, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin to close it, unless that has begun."""
        del at_once
        if self.phase is Phase.OPENING:
            failure = Failure("http", "closed by us before the server had answered")
            self.end(failure if self._client else Failure("http", "closed by us"))
        if self.phase not in _UP:
            return
        was_read = self.reads
        self._sending.get_off()
        self._put(close_frame(code_of(code), reason))
        self.phase = Phase.CLOSING
        self._closed_by_us = True
        self.wait_until(now + 2 * self._settings.close_timeout)
        if not was_read:
            self._resume()

    def close_at_once(self, code: int | Cause) -> None:
        """Queue what says that it ends now."""
        if self.phase in _UP or self.phase is Phase.HEARD:
            self._sending.get_off()
            self._put(close_frame(code_of(code), ""))

    def _take_close(self, code: int, reason: str) -> None:
        if self.phase in _UP:
            self.phase = Phase.HEARD
            self.tell(CloseReceived(code, reason))
        elif self.phase is Phase.CLOSING:
            self.close_code, self.close_reason = code, reason
            self.end(None)

    def answer_close(self, event: CloseReceived, now: float) -> None:
        """Answer the close whose turn in the queue has come."""
        if self.phase is not Phase.HEARD:
            return
        self.close_code, self.close_reason = event.code, event.reason
        self._sending.get_off()
        self._put(close_frame(event.code, event.reason))
        self.phase = Phase.ANSWERED
        self.wait_until(now + self._settings.close_timeout)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come, and end."""
        if self.phase is not Phase.HEARD:
            return
        self.failure = Failure("protocol", event.reason)
        self._sending.get_off()
        self._put(close_frame(event.code, event.reason))
        self.phase = Phase.FAILED
        self.wait_until(now + self._settings.close_timeout)

    def finish(self, now: float) -> None:
        """Note, while it is closed, that nothing waits."""
        del now
        if self.phase is Phase.ANSWERED:
            self.end(self.failure)
        elif self.phase is Phase.FAILED:
            self.abandon()

    def give_way(self, now: float) -> None:
        """End what is pending: others wait for its place."""
        if self.phase is Phase.OPENING:
            self.reach("max_pending_handshakes")
            self.refuse("503: this server is busy", now)

    def leave(self, now: float) -> None:
        """End it before it carries anybody."""
        del now
        self.abandon()

    def end(self, failure: Failure | None) -> None:
        """It is over; tell the endpoint."""
        if self.over:
            return
        self.failure = failure
        if failure is not None and self._settled:
            self.close_code = -1
        self.abandon()
        if failure is not None and not self._settled:
            self.tell(Failed(failure))
        else:
            self.tell(Ended(failure is None, failure))

    def give_up(self, failure: Failure) -> None:
        """It cannot go on, whatever its state is."""
        self.end(failure)

    def abandon(self) -> None:
        """It is over, and the endpoint knows."""
        self.phase = Phase.OVER
        self._sending.get_off()
        self.outbox.clear()
        self.arrived.clear()
        self.behind = False
        self._ledger.close()
        self.wait_until(None)

    # ---------------------------------------------------------------- time

    def check(self, now: float, obstacle: str = "no answer") -> None:
        """Do what is due; ``obstacle`` is what has kept it from connecting, if it has not."""
        if self.deadline is None or now < self.deadline:
            return
        settings, phase = self._settings, self.phase
        if phase is Phase.OPEN:
            self._beat(now)
        elif phase is Phase.OPENING:
            self.reach("handshake_timeout")
            self.end(Failure("timeout", f"{obstacle} within {settings.handshake_timeout:g} s"))
        elif phase is Phase.JOINING:
            self.reach("handshake_timeout")
            patience = f"within {settings.handshake_timeout:g} s"
            self.end(Failure("id", f"the server gave no peer id {patience}"))
        elif phase is not Phase.OVER:
            self.reach("close_timeout")
            what = "no answer to our close" if phase is Phase.CLOSING else "our close was not sent"
            self.end(Failure("timeout", f"{what} within {settings.close_timeout:g} s"))

    def _beat(self, now: float) -> None:
        heartbeat = self._heartbeat
        beat = heartbeat.beat(now, reads=self.reads)
        if beat is Beat.GIVE_UP:
            self.reach("heartbeat_interval")
            silence = f"silent for {heartbeat.patience:g} s"
            self.end(Failure("timeout", f"{silence}, pings were not answered"))
            return
        self.wait_until(heartbeat.due)
        if beat is Beat.PING:
            self._put(frame(Kind.PING, PING))

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self._touched[self] = None

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        return self._heartbeat.round_trip_time

    # ---------------------------------------------------------------- telling

    def tell(self, event: object) -> None:
        """Queue what happened for the endpoint."""
        self._entries.append((self, event))

    def ready(self) -> None:
        """Note that something has changed."""
        self._touched[self] = None

    def snapshot(self) -> Statistics:
        """Return a copy of what was counted, with what waits now."""
        copy = self._ledger.copy(self.round_trip_time)
        copy.packets_queued, copy.bytes_queued = self.unfetched, self.buffered
        copy.held = int(self.held)
        if self.ride is not None:
            copy.packets_sent += self.ride.packets
            copy.bytes_sent += self.ride.payload
        return copy

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere."""
        self._ledger.drop(reason, count)

    def blame(self, event: Broken) -> None:
        """Count a violation of the connection's own protocol, as over WebSockets."""
        self._ledger.violate(f"rfc6455_{event.code}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation of the session's rules."""
        self._ledger.violate(kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self._ledger.reach(limit)

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this channel."""
        self._ledger.note(level, kind, detail)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about it has, besides the peer's id."""
        return self._ledger.log_fields
