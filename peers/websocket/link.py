"""One WebSocket connection without I/O: bytes and times in, events and bytes out.

Entries for the endpoint's queue and bytes for the engine come out. A link never answers a close
frame or a violation by itself: it queues them, in their place among the messages, and whoever takes
the entries answers when their turn has come. Only pongs leave at once.

This module handles what comes, and what others can tell a link to do. ``link_state.py`` has what a
link is and tells, ``link_output.py`` and ``outgoing.py`` what leaves, ``phases.py`` how far a
connection has come, ``handshake.py`` how it begins, and ``closing.py`` how it ends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from multiplayer.endpoint.cause import Cause
from multiplayer.endpoint.close_codes import POLICY_VIOLATION, code_of
from multiplayer.endpoint.events import Broken, Ended, Failed, Message, Opened
from multiplayer.endpoint.failure import Failure
from multiplayer.endpoint.heartbeat import Heartbeat
from multiplayer.runs import Run

from . import broken_off
from .client_handshake import ClientHandshake
from .closing import LAST_WORD, Closing
from .events import HttpEnded, ReadyState
from .frames import Frames, Ping, Pong
from .link_output import LinkOutput
from .phases import Phase
from .server_handshake import ServerHandshake
from .upgrade import ClientUpgrade

if TYPE_CHECKING:
    from multiplayer.endpoint.events import CloseReceived
    from multiplayer.endpoint.peer_channel import PeerNotices
    from multiplayer.endpoint.statistics import Statistics

    from .events import LinkEvent
    from .frames import ControlEvent
    from .settings import LinkSettings
    from .upgrade import ServerUpgrade


_UNBOUNDED: Final = 1 << 62

_TOO_MUCH_OF_NOTHING: Final = "too many TLS records without content"

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN


def _heartbeat(settings: LinkSettings, now: float) -> Heartbeat | None:
    interval = settings.heartbeat_interval
    return Heartbeat(interval, now) if interval else None


class Link(LinkOutput):
    """One connection.

    Args:
        settings: limits and timeouts.
        notices: where to report what happens.
        upgrade: our side of the upgrade.
        now: the time.
        awaits_id: keep the handshake's deadline after the upgrade, until :meth:`settle`.

    Attributes:
        behind: it sent more than its slice; no more is read until that is decoded.
    """

    __slots__ = (
        "_awaits_id",
        "_closing",
        "_frames",
        "_handshake",
        "_heartbeat",
        "_slice",
        "_turned_away",
        "behind",
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
        super().__init__(settings, notices, now, client=isinstance(upgrade, ClientUpgrade))
        self._slice = _UNBOUNDED  # how many messages to decode at once
        self._awaits_id = awaits_id
        parts = self, self._outgoing, settings
        self._handshake: ClientHandshake | ServerHandshake | None = (
            ClientHandshake(*parts, upgrade)
            if isinstance(upgrade, ClientUpgrade)
            else ServerHandshake(*parts, upgrade)
        )
        self._heartbeat = _heartbeat(settings, now)
        self._closing = Closing(*parts, self._heartbeat)
        self._frames: Frames | None = None
        self._turned_away = False
        self.behind = False

    @property
    def _beginning(self) -> ClientHandshake | ServerHandshake:
        """What reads until the upgrade; not kept any longer."""
        assert self._handshake is not None
        return self._handshake

    def use_settings(self, settings: LinkSettings, now: float) -> None:
        """Have the settings of a server that is to decide about it; before the upgrade only."""
        self._settings = settings
        self.bound_by(settings)
        self._beginning.use_settings(settings)
        self._outgoing.use_settings(settings)
        self.rename_envelope(settings.envelope)
        self._heartbeat = _heartbeat(settings, now)
        self._closing.use_settings(settings, self._heartbeat)

    # ---------------------------------------------------------------- what comes

    @property
    def pending(self) -> bool:
        """Whether there has been no upgrade, or a refusal that has not left yet."""
        return (self._frames is None or self._turned_away) and not self.over

    @property
    def paused(self) -> bool:
        """Whether so much waits to be fetched that nothing more should be read."""
        return self.phase.state is _OPEN and self.is_full

    @property
    def is_held(self) -> bool:
        """Whether it is held, and we have not closed it meanwhile."""
        return self.held and self.phase.state is _OPEN

    @property
    def reads(self) -> bool:
        """Whether more should be read from the socket."""
        phase = self.phase
        if self.behind and not phase.deaf:
            return False
        return phase.state is not _OPEN or not (self.held or self.is_full)

    @property
    def missing(self) -> int:
        """How many bytes are still to come of a message of which many have; 0 if there is none."""
        return 0 if self._frames is None else self._frames.missing

    def connected(self, address: str, port: int, now: float) -> None:
        """Note that the TCP connection is up."""
        self.address, self.port = address, port
        if self._handshake is not None:
            self._handshake.connected(now)
        self.heed(now)

    def receive(self, data: bytes, now: float, most: int = _UNBOUNDED) -> bool:
        """Take bytes from the network; ``b""`` to go on with what is here already.

        Args:
            data: the bytes.
            now: the time.
            most: how many messages to decode; the rest waits here, and :attr:`behind` says so.

        Returns:
            Whether it is open, and takes more.
        """
        self._slice = most
        self.resumed = False
        if self.phase.deaf:
            self.behind = False  # nobody decodes the rest
            return False
        channel = self._outgoing.channel
        if channel.encrypts:
            data = channel.receive(data)
        if channel.has_news:
            self._look_at_tls(now)
            if self.phase.deaf:
                self.behind = False
                return False
        if self._frames is not None:
            takes_more = self._decode(self._frames, data, now)
        else:
            self._beginning.receive(data, now)
            takes_more = False
        if channel.has_news:
            self.heed(now)
            return False
        return takes_more

    def _look_at_tls(self, now: float) -> None:
        """Send what TLS says by itself, and count records without content like pings."""
        channel, frames = self._outgoing.channel, self._frames
        if channel.waiting:
            self.ready()
        count = channel.empty_records
        if frames is None:  # before the upgrade, all of them
            if 0 < self._settings.limits.max_control_frames < count:
                self.reach("max_control_frames")
                self._fail_tls(_TOO_MUCH_OF_NOTHING, now)
        elif count > 0:
            channel.forget_empty_records()
            if not frames.takes_controls(count, now):
                broken = Broken(POLICY_VIOLATION, _TOO_MUCH_OF_NOTHING, "max_control_frames")
                self._closing.came(broken, now)

    def heed(self, now: float) -> None:
        """Handle the end or failure of TLS, once what came before has had its turn."""
        channel, phase = self._outgoing.channel, self.phase
        if not (channel.error or channel.ended) or phase.deaf or phase.keeps:
            return
        if self.paused or self.behind:
            return
        if channel.error:
            self._fail_tls(channel.error, now)
        else:
            self.receive_eof()

    def _fail_tls(self, why: str, now: float) -> None:
        if self.phase.state is _CONNECTING:
            self._beginning.fail_tls(why, now)
        else:
            self._closing.fail_tls(why)

    def _decode(self, frames: Frames, data: bytes, now: float) -> bool:
        """Take decrypted bytes after the upgrade; return whether it is open, and takes more."""
        heartbeat, settings = self._heartbeat, self._settings
        if heartbeat is not None:
            heartbeat.heard = now
        is_open = self.phase.state is _OPEN
        room = _UNBOUNDED
        if is_open:
            room = settings.max_queued_packets - self.unfetched
            if room > self._slice:
                room = self._slice
        entries = self._entries
        statistics = self.statistics
        if now >= frames.control_due:
            frames.make_control_room(now)
        for event in frames.receive(data, room):
            if isinstance(event, bytes):
                count, size = 1, len(event)
            elif isinstance(event, Run):
                count, size = len(event.packets), event.size
            elif isinstance(event, Message):
                count, size = 1, len(event.data)
            else:
                self._heed_control(event, now)
                continue
            statistics.packets_received += count
            statistics.bytes_received += size
            if is_open:
                self.unfetched += count
                self.unfetched_bytes += size
                entries.append((self, event))
            else:
                self.drop("closing", count)
        account = self.account
        if account is not None and account.spent:
            self._touched[self] = None
        is_open = self.phase.state is _OPEN
        if is_open and (
            self.unfetched >= self.calm_unfetched
            or self.unfetched_bytes >= self.calm_unfetched_bytes
        ):
            self.behind = False
            self._note_full()
            return False
        self.behind = frames.cut_short and not self.phase.deaf
        if self.behind:
            self._touched[self] = None
            return False
        return is_open and not self.held

    def _heed_control(self, event: ControlEvent, now: float) -> None:
        """Do what something else than a message asks for."""
        if isinstance(event, Ping):
            if self._outgoing.pong(event.payload):
                self.ready()
        elif isinstance(event, Pong):
            if event.payload == LAST_WORD:
                self._closing.pong(now)
            elif self._heartbeat is not None:
                self._heartbeat.pong(event.payload, now)
        else:
            self._closing.came(event, now)

    def _note_full(self) -> None:
        """Note that so much waits to be fetched that nothing more is read."""
        full = self.unfetched >= self._settings.max_queued_packets
        self.reach("max_queued_packets" if full else "max_inbox_bytes")
        detail = f"{self.unfetched} of its packets wait; get_packet(), or discard_packets"
        self.note(logging.WARNING, "not_read_for_now", detail)

    def fetched(self, size: int, count: int = 1) -> None:
        """Note that some of the queued messages, of ``size`` bytes together, have been fetched."""
        was_full = (
            self.unfetched >= self.calm_unfetched
            or self.unfetched_bytes >= self.calm_unfetched_bytes
        )
        self.unfetched -= count
        self.unfetched_bytes -= size
        if was_full and not self.is_full and self.phase.state is _OPEN:
            self.resume()

    def receive_eof(self, why: str = broken_off.UNCLOSED, *, gone: bool = True) -> None:
        """Note that nothing more will come.

        Args:
            why: in words, for the failure.
            gone: the other side ended it; otherwise the network, or TLS.
        """
        phase = self.phase
        if phase.state is _CONNECTING:
            self._beginning.eof(why)
        elif not (phase.lingers and self.waiting):  # it may say no more, and still read
            self._closing.eof(why, gone=gone)

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more; what has arrived may still be read.

        Args:
            why: in words, for the failure.
            now: the time from which to wait for it; None not to wait.
        """
        if self.phase is Phase.CLOSED_BY_BOTH and self._outgoing.channel.has_said_goodbye:
            self.end(None)  # who has both close frames may be gone before our TLS has said so
            return
        self._closing.lost(why)
        if now is not None and self.phase is Phase.MUTE:
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
        if not self.lingering and self._handshake is not None:
            self.asked.give_way(now)

    def turn_away(self, code: int, reason: str, now: float) -> None:
        """Refuse a request for the upgrade by a close frame, which engines and pages can see."""
        self._turned_away = True
        self.asked.accept_anyway(now)
        self.close(code, reason, now, at_once=True)
        self.tell(Failed(Failure("http", f"it was refused: {code} {reason}")))

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
        if not self._turned_away:  # else it may have to give way still
            self._handshake = None
        frames.bound_controls(limits.max_control_frames, now)
        if not self._awaits_id:
            self.settle(now)
        if self._client:
            self.tell(Opened(protocol))
        if self._heartbeat is not None:
            self._heartbeat.heard = now
        if rest:
            self._decode(frames, rest, now)

    def settle(self, now: float) -> None:
        """End the handshake's deadline: the session is up, and the heartbeat counts."""
        self._closing.settle(now)

    # ---------------------------------------------------------------- the end

    def close(self, code: int | Cause, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin the closing handshake, unless it has begun; see ``Closing.close``.

        Messages that have arrived but whose turn in the queue has not come are thrown
        away; see :attr:`closed_by_us`.
        """
        if self.state is _CONNECTING:
            self._beginning.close()
            return
        was_read = self.reads
        self._closing.close(code_of(code), reason, now, at_once=at_once)
        if not was_read:
            self.resume()  # pong and close frame may come behind what was not read

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
        dropped = self.outbox.drop_unbegun()
        if self.outbox.ring is None:  # else they wait for the next connection
            self.count_drops("overflow", dropped)
        self.reach(limit)
        self.note(logging.WARNING, "reads_too_slowly", why)
        self.too_slow = True
        # Much of it is dropped already.
        self.close(Cause.TOO_SLOW, f"too slow: {why}", now, at_once=True)

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
        if failure is not None and not self.settled:
            event = Failed(failure)
        elif failure is not None:
            self.close_code = -1
        was_http = self.phase.http
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
        was_http = self.phase.http
        self.enter(Phase.OVER)
        if was_http:
            self.tell(HttpEnded())
        self._outgoing.end()
        self.sum_up()
        if self._handshake is not None:
            self._handshake.forget()
        self.behind = False
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
        phase = self.phase
        if phase.state is _CONNECTING:
            self._beginning.timeout(now, obstacle)
        elif phase is Phase.MUTE and not self.reads:
            self.wait_until(now + self._settings.close_timeout)
        else:
            self._closing.timeout(now)

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        heartbeat = self._heartbeat
        return None if heartbeat is None else heartbeat.round_trip_time

    def snapshot(self) -> Statistics:
        """Return a copy of :attr:`statistics`, with what waits now."""
        self.settle_run()
        copy = self.counts(self.round_trip_time)
        copy.packets_queued, copy.bytes_queued = self.unfetched, self.buffered
        copy.held = int(self.held)
        if self.ride is not None:
            copy.packets_sent += self.ride.packets
            copy.bytes_sent += self.ride.payload
        return copy
