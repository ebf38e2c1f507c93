"""One WebSocket connection without I/O: bytes and times in, events and bytes out.

Entries for the endpoint's queue and bytes for the engine come out. A link never answers a close
frame or a violation by itself: it queues them, in their place among the messages, and whoever takes
the entries answers when their turn has come. Only pongs leave at once.

This module handles what comes, and what others can tell a link to do. ``phases.py`` has how far a
connection has come, ``handshake.py`` how it begins, ``outgoing.py`` what leaves, and ``closing.py``
how it ends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from multiplayer import TransferMode
from multiplayer.endpoint.cause import Cause
from multiplayer.endpoint.channel_settings import DEFAULT_BUFFER_SIZE
from multiplayer.endpoint.close_codes import NORMAL, POLICY_VIOLATION, code_of
from multiplayer.endpoint.events import Broken, Ended, Failed, Message, Opened
from multiplayer.endpoint.heartbeat import Heartbeat
from multiplayer.endpoint.ledger import Ledger

from . import broken_off
from .client_handshake import ClientHandshake
from .closing import LAST_WORD, Closing
from .control_room import ControlRoom
from .events import HttpEnded, ReadyState
from .frames import Frames, Ping, Pong
from .outgoing import Outgoing
from .phases import Life, Phase
from .server_handshake import ServerHandshake
from .upgrade import ClientUpgrade

if TYPE_CHECKING:
    from multiplayer.endpoint.channel import Ride
    from multiplayer.endpoint.events import CloseReceived
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.peer_channel import PeerNotices
    from multiplayer.endpoint.pressure import Account
    from multiplayer.endpoint.statistics import Statistics

    from .events import LinkEvent
    from .settings import LinkSettings
    from .upgrade import ServerUpgrade


_UNBOUNDED: Final = 1 << 62

_TOO_MUCH_OF_NOTHING: Final = "too many TLS records without content"

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Link:
    """One connection.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        upgrade: our side of the upgrade.
        now: the time.
        awaits_id: keep the handshake's deadline after the upgrade, until :meth:`settle`.

    Attributes:
        peer_id: the id that the other side has in the session; initially 0.
        outbox: what waits to be sent, not yet encrypted.
        deadline: when :meth:`check` wants to be called, in seconds on the endpoint's clock.
        unfetched: messages that were queued but not fetched.
        unfetched_bytes: how many bytes they have.
        close_code: the code of the received close frame; -1 if none came.
        close_reason: its reason.
        failure: why it failed; None if it did not.
        protocol: the agreed sub-protocol, "" for none.
        gdpeers_version: the agreed version of ``docs/protocol/gdpeers.md``, 0 for none: Godot's
            bytes only.
        address, port: the other side's; "" and 0 until connected.
        account: for a server's client, what it has sent to others.
        held: see ``pressure``; the endpoint's to change.
        resumed: there is room again for what was not decoded or read; :meth:`receive` takes it.
        statistics: the counts.
    """

    __slots__ = (
        "_awaits_id",
        "_client",
        "_closing",
        "_control_room",
        "_cut_short",
        "_entries",
        "_frames",
        "_handshake",
        "_heartbeat",
        "_ledger",
        "_life",
        "_outgoing",
        "_settings",
        "_slice",
        "_touched",
        "account",
        "address",
        "close_code",
        "close_reason",
        "deadline",
        "failure",
        "gdpeers_version",
        "held",
        "outbox",
        "peer_id",
        "port",
        "protocol",
        "resumed",
        "statistics",
        "unfetched",
        "unfetched_bytes",
    )

    def __init__(
        self,
        settings: LinkSettings,
        notices: PeerNotices,
        upgrade: ClientUpgrade | ServerUpgrade,
        now: float,
        *,
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
        self.deadline: float | None = now + settings.handshake_timeout
        self._settings = settings
        self._entries, self._touched, faults = notices
        self._slice = _UNBOUNDED  # how many messages to decode at once
        self._client = isinstance(upgrade, ClientUpgrade)
        self._awaits_id = awaits_id
        self._life = life = Life()
        self._ledger = ledger = Ledger(self, settings.envelope, faults)
        self.statistics = ledger.statistics
        self._outgoing = outgoing = Outgoing(settings, life, ledger)
        self.outbox = outgoing.outbox
        parts = self, life, outgoing, ledger, settings
        self._handshake: ClientHandshake | ServerHandshake = (
            ClientHandshake(*parts, upgrade)
            if isinstance(upgrade, ClientUpgrade)
            else ServerHandshake(*parts, upgrade)
        )
        self._heartbeat = Heartbeat(settings.heartbeat_interval, now)
        self._closing = Closing(*parts, self._heartbeat)
        self._control_room: ControlRoom | None = None
        self._frames: Frames | None = None
        self._cut_short = False  # more was decoded than a slice holds

    # ---------------------------------------------------------------- how far it has come

    @property
    def phase(self) -> Phase:
        """How far it has come."""
        return self._life.phase

    @property
    def state(self) -> ReadyState:
        """Godot's word for the phase."""
        return self._life.phase.state

    @property
    def over(self) -> bool:
        """Whether the socket can be closed."""
        return self._life.phase is Phase.OVER

    @property
    def lingering(self) -> bool:
        """Whether it is over for its endpoint, and its last bytes still leave.

        That is so after :meth:`fail`, and when a server has refused or answered a request. What
        comes is thrown away until the other side closes, or the deadline comes.
        """
        return self._life.phase.lingers

    @property
    def is_open(self) -> bool:
        """Whether messages may come, and nobody has begun to close it, as far as is known."""
        return self._life.phase.state is _OPEN

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is expected from the other side than its end."""
        phase = self._life.phase
        return phase.lingers or phase.state is _CLOSING

    @property
    def pending(self) -> bool:
        """Whether there has been no upgrade, or a refusal that has not left yet."""
        return self._frames is None and not self.over

    @property
    def opening(self) -> bool:
        """Whether there has been no upgrade, and nothing has ended it."""
        return self._life.phase.state is _CONNECTING

    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it with 1000, and gave no reason."""
        return self.close_code == NORMAL and not self.close_reason

    @property
    def closed_by_us(self) -> bool:
        """Whether we began the closing handshake."""
        return self._life.closed_by_us

    @property
    def plain(self) -> bool:
        """Whether the messages do not belong to a Godot session."""
        return self._settings.envelope == "plain"

    # ---------------------------------------------------------------- what comes

    @property
    def paused(self) -> bool:
        """Whether so much waits to be fetched that nothing more should be read."""
        return self._life.phase.state is _OPEN and self._is_full

    @property
    def _is_full(self) -> bool:
        settings = self._settings
        return (
            self.unfetched >= settings.max_queued_packets
            or 0 < settings.limits.max_inbox_bytes <= self.unfetched_bytes
        )

    @property
    def behind(self) -> bool:
        """Whether it sent more than its slice; no more is read until that is decoded."""
        return self._cut_short and not self._life.phase.deaf

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        return self.held and self._life.phase.state is _OPEN

    @property
    def reads(self) -> bool:
        """Whether more should be read from the socket."""
        phase = self._life.phase
        if self._cut_short and not phase.deaf:
            return False
        return phase.state is not _OPEN or not (self.held or self._is_full)

    def connected(self, address: str, port: int, now: float) -> None:
        """Note that the TCP connection is up."""
        self.address, self.port = address, port
        self._handshake.connected(now)
        self.heed(now)

    def receive(self, data: bytes, now: float, most: int = _UNBOUNDED) -> None:
        """Take bytes from the network; ``b""`` to go on with what is here already.

        Args:
            data: the bytes.
            now: the time.
            most: how many messages to decode; the rest waits here, and :attr:`behind` says so.
        """
        self._slice = most
        self.resumed = False
        life = self._life
        if life.phase.deaf:
            return
        channel = self._outgoing.channel
        plaintext = channel.receive(data)
        if channel.has_news:
            self._look_at_tls(now)
            if life.phase.deaf:
                return
        if self._frames is not None:
            self._decode(self._frames, plaintext, now)
        else:
            self._handshake.receive(plaintext, now)
        if channel.has_news:
            self.heed(now)

    def _look_at_tls(self, now: float) -> None:
        """Send what TLS says by itself, and count records without content like pings."""
        channel, room = self._outgoing.channel, self._control_room
        if channel.waiting:
            self.ready()
        count = channel.empty_records
        if room is None:  # before the upgrade, all of them
            if 0 < self._settings.limits.max_control_frames < count:
                self.reach("max_control_frames")
                self._fail_tls(_TOO_MUCH_OF_NOTHING, now)
        elif count > 0:
            channel.forget_empty_records()
            if not room.takes(count, now):
                broken = Broken(POLICY_VIOLATION, _TOO_MUCH_OF_NOTHING, "max_control_frames")
                self._closing.came(broken, now)

    def heed(self, now: float) -> None:
        """Handle the end or failure of TLS, once what came before has had its turn."""
        channel, phase = self._outgoing.channel, self._life.phase
        if not (channel.error or channel.ended) or phase.deaf or phase.keeps:
            return
        if self.paused or self.behind:
            return
        if channel.error:
            self._fail_tls(channel.error, now)
        else:
            self.receive_eof()

    def _fail_tls(self, why: str, now: float) -> None:
        if self._life.phase.state is _CONNECTING:
            self._handshake.fail_tls(why, now)
        else:
            self._closing.fail_tls(why)

    def _decode(self, frames: Frames, data: bytes, now: float) -> None:
        self._heartbeat.heard = now
        is_open = self._life.phase.state is _OPEN
        room = _UNBOUNDED
        if is_open:
            room = min(self._settings.max_queued_packets - self.unfetched, self._slice)
        entries = self._entries
        statistics = self.statistics
        if self._control_room is not None and now >= self._control_room.due:
            self._control_room.make(now)
        for event in frames.receive(data, room):
            if isinstance(event, Message):
                statistics.packets_received += 1
                statistics.bytes_received += len(event[0])
                if is_open:
                    self.unfetched += 1
                    self.unfetched_bytes += len(event[0])
                    entries.append((self, event))
                else:
                    self.drop("closing")
            elif isinstance(event, Ping):
                if self._outgoing.pong(event.payload):
                    self.ready()
            elif isinstance(event, Pong):
                if event.payload == LAST_WORD:
                    self._closing.pong(now)
                else:
                    self._heartbeat.pong(event.payload, now)
            else:
                self._closing.came(event, now)
        account = self.account
        if account is not None and account.spent:
            self._touched[self] = None
        if self._life.phase.state is _OPEN and self._is_full:
            self._cut_short = False
            full = self.unfetched >= self._settings.max_queued_packets
            self.reach("max_queued_packets" if full else "max_inbox_bytes")
            detail = f"{self.unfetched} of its packets wait; get_packet(), or discard_packets"
            self.note(logging.WARNING, "not_read_for_now", detail)
        else:
            self._cut_short = frames.cut_short
            if self._cut_short:
                self._touched[self] = None

    def fetched(self, size: int) -> None:
        """Note that one of the queued messages, of ``size`` bytes, has been fetched."""
        was_paused = self.paused
        self.unfetched -= 1
        self.unfetched_bytes -= size
        if was_paused and not self.paused:
            self._resume()

    def receive_eof(self, why: str = broken_off.UNCLOSED, *, gone: bool = True) -> None:
        """Note that nothing more will come.

        Args:
            why: in words, for the failure.
            gone: the other side ended it; otherwise the network, or TLS.
        """
        phase = self._life.phase
        if phase.state is _CONNECTING:
            self._handshake.eof(why)
        elif not (phase.lingers and self.waiting):  # it may say no more, and still read
            self._closing.eof(why, gone=gone)

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more; what has arrived may still be read.

        Args:
            why: in words, for the failure.
            now: the time from which to wait for it; None not to wait.
        """
        life = self._life
        if life.phase is Phase.CLOSED_BY_BOTH and self._outgoing.channel.has_said_goodbye:
            self.end(None)  # who has both close frames may be gone before our TLS has said so
            return
        self._closing.lost(why)
        if now is not None and life.phase is Phase.MUTE:
            self.wait_until(now + self._settings.close_timeout)

    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come; see :meth:`receive_eof`."""
        self.lose_output(why)
        self.receive_eof(why, gone=gone)

    # ---------------------------------------------------------------- what a server decides

    @property
    def asked(self) -> ServerHandshake:
        """Where a server answers what it is asked: for the upgrade, or something else."""
        assert isinstance(self._handshake, ServerHandshake)
        return self._handshake

    def give_way(self, now: float) -> None:
        """End a handshake for whose end others wait."""
        if not self.lingering:
            self.asked.give_way(now)

    def open(self, protocol: str, version: int, rest: bytes, now: float) -> None:
        """Begin with frames (called by ``Handshake``).

        Args:
            protocol: the agreed sub-protocol.
            version: the agreed ``gdpeers_version``.
            rest: what has come after the upgrade.
            now: the time.
        """
        self.protocol, self.gdpeers_version = protocol, version
        settings, limits = self._settings, self._settings.limits
        outgoing = self._outgoing
        # What they may be is counted afresh each second.
        outgoing.channel.forget_empty_records()
        self._frames = outgoing.frames = frames = Frames(
            client=self._client,
            max_message=settings.inbound_buffer_size,
            max_fragments=limits.max_fragments,
        )
        self._control_room = ControlRoom(frames, limits.max_control_frames, now)
        if not self._awaits_id:
            self.settle(now)
        if self._client:
            self.tell(Opened(protocol))
        self._decode(frames, rest, now)

    def settle(self, now: float) -> None:
        """End the handshake's deadline: the session is up, and the heartbeat counts."""
        self._closing.settle(now)

    # ---------------------------------------------------------------- what leaves

    @property
    def ride(self) -> Ride | None:
        """Where, on a server, what is sent to everybody waits, after the outbox."""
        return self._outgoing.ride

    @ride.setter
    def ride(self, ride: Ride | None) -> None:
        self._outgoing.ride = ride

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this connection first."""
        return self._outgoing.can_ride

    @property
    def encrypted(self) -> bool:
        """Whether what is sent has to be copied, through TLS."""
        return self._outgoing.channel.encrypts

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet, those that TLS adds not yet included."""
        outgoing = self._outgoing
        return outgoing.outbox.waiting + outgoing.channel.waiting

    @property
    def buffered(self) -> int:
        """The same, including what has not reached the outbox yet."""
        return self._outgoing.buffered

    @property
    def crowded(self) -> bool:
        """Whether much waits; else it does not overflow, nor ought anything to leave."""
        outgoing, outbox = self._outgoing, self.outbox
        return outbox.waiting > outgoing.calm_bytes or len(outbox) > outgoing.calm_frames

    @property
    def overflowing(self) -> bool:
        """Whether more waits to be sent than may."""
        return self._outgoing.overflows

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that the socket should be tried before more comes."""
        return self._outgoing.ought_to_leave

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait to be sent; Godot's default if any number may."""
        return self._settings.outbound_buffer_size or DEFAULT_BUFFER_SIZE

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds a slow reader has to take how many bytes; 0 bytes for any time.

        A server may hold us for that long, for readers that it waits for.
        """
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
        """Queue a message, or count it as dropped: see ``Outbox.append``; or we are closing."""
        if self._outgoing.message(data, text, mode, origin):
            self._touched[self] = None

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue what :func:`frames.message_frame` made of ``size`` bytes, on a server."""
        if self._outgoing.may_send() and self._outgoing.queue(frame, size, mode, origin):
            self._touched[self] = None

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""
        if packets and self._outgoing.may_send():
            self._outgoing.queue(frames, size, _RELIABLE, None)
            self.statistics.packets_sent += packets - 1
            self.ready()

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next, in order; nothing if there is nothing to write.

        Args:
            last: nothing will be queued after what is queued now.
        """
        channel = self._outgoing.channel
        pieces = channel.pieces()
        if not pieces:
            if channel.unsendable:
                self.lose(channel.unsendable)
            elif last or self._life.phase.last:
                return channel.farewell()
        return pieces

    def sent(self, count: int) -> bool:
        """Note that the socket took ``count`` bytes of :meth:`to_send`; return whether to go on."""
        return self._outgoing.channel.taken(count) or self._life.phase.last

    def written(self) -> None:
        """Note that the socket took what it takes for now."""
        self._outgoing.written()

    def overflow(self, now: float) -> None:
        """End a connection whose other side reads too slowly: close code 4013."""
        self._close_slow(*self._outgoing.excess(), now)

    def stall(self, now: float) -> None:
        """End a connection whose other side makes no progress; see ``pressure``."""
        timeout, size = self.stall_terms
        self._close_slow("stall_timeout", f"less than {size} bytes in {timeout:g} s", now)

    def _close_slow(self, limit: str, why: str, now: float) -> None:
        if self.state is not _OPEN:
            return
        self.statistics.drops["overflow"] += self.outbox.drop_unbegun()
        self.reach(limit)
        self.note(logging.WARNING, "reads_too_slowly", why)
        # Much of it is dropped already.
        self.close(Cause.TOO_SLOW, f"too slow: {why}", now, at_once=True)

    # ---------------------------------------------------------------- the end

    def close(self, code: int | Cause, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin the closing handshake, unless it has begun; see ``Closing.close``.

        Messages that have arrived but whose turn in the queue has not come are thrown
        away; see :attr:`closed_by_us`.
        """
        if self.state is _CONNECTING:
            self._handshake.close()
            return
        was_read = self.reads
        self._closing.close(code_of(code), reason, now, at_once=at_once)
        if not was_read:
            self._resume()  # pong and close frame may come behind what was not read

    def close_at_once(self, code: int | Cause) -> None:
        """Queue a close frame, if none has been sent, for a connection that ends now."""
        self._closing.say_goodbye(code_of(code))

    def answer_close(self, event: CloseReceived, now: float) -> None:
        """Answer the close frame whose turn in the queue has come."""
        self._closing.answer(event, now)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come, then linger."""
        self._closing.fail(event, now)

    def finish(self, now: float) -> None:
        """Note that nothing is waiting: our close frame, if there is one, has left."""
        self._closing.sent(now)

    def leave(self, now: float) -> None:
        """End a connection without an upgrade; its last bytes have ``close_timeout`` to leave."""
        if self.lingering and self.waiting:
            self.wait_until(min(self.deadline or now, now + self._settings.close_timeout))
        else:
            self.abandon()

    def end(self, failure: Failure | None) -> None:
        """End the connection, and tell the endpoint."""
        if self.over:
            return
        self.failure = failure
        event: LinkEvent = Ended(failure is None, failure)
        if failure is not None and not self._life.settled:
            event = Failed(failure)
        elif failure is not None:
            self.close_code = -1
        was_http = self._life.phase.http
        self.abandon()
        if not was_http:
            self.tell(event)

    def give_up(self, failure: Failure) -> None:
        """End a connection that cannot go on, whatever its state."""
        if self.lingering:
            self.abandon()
        else:
            self.end(failure)

    def abandon(self) -> None:
        """End the connection; the endpoint knows."""
        was_http = self._life.phase.http
        self._life.enter(Phase.OVER)
        if was_http:
            self.tell(HttpEnded())
        self._outgoing.end()
        self._ledger.close()
        self._handshake.forget()
        if self._frames is not None:
            self._frames.discard()
        self.wait_until(None)
        self.ready()

    # ---------------------------------------------------------------- time

    def check(self, now: float, obstacle: str = "no upgrade") -> None:
        """Do what is due; to be called when :attr:`deadline` has come.

        Args:
            now: the time.
            obstacle: what has kept a client from connecting, if it has not connected.
        """
        if self.deadline is None or now < self.deadline:
            return
        phase = self._life.phase
        if phase.state is _CONNECTING:
            self._handshake.timeout(now, obstacle)
        elif phase is Phase.MUTE and not self.reads:
            self.wait_until(now + self._settings.close_timeout)
        else:
            self._closing.timeout(now)

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        return self._heartbeat.round_trip_time

    # ---------------------------------------------------------------- telling

    def tell(self, event: LinkEvent) -> None:
        """Queue what happened for the endpoint."""
        self._entries.append((self, event))

    def ready(self) -> None:
        """Note that there is something to send, or that it is over."""
        self._touched[self] = None

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self._touched[self] = None

    def _resume(self) -> None:
        """Note that there is room again."""
        self.resumed = True
        self._touched[self] = None

    def snapshot(self) -> Statistics:
        """Return a copy of :attr:`statistics`, with what waits now."""
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
        """Count a violation of RFC 6455, or of what it leaves to us."""
        self._ledger.violate(f"rfc6455_{event.code}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation."""
        self._ledger.violate(kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self._ledger.reach(limit)

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""
        self._ledger.note(level, kind, detail)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every log line about this connection has, besides the peer's id."""
        return self._ledger.log_fields
