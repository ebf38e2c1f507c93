"""``PolledPeer``: polling, the queue of packets, limits and counters of a peer over sockets."""

from __future__ import annotations

import secrets
import time
import weakref
from abc import abstractmethod
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple, TypeVarTuple

from multiplayer import (
    ConnectionStatus,
    Error,
    MultiplayerError,
    MultiplayerPeer,
    PacketPeer,
    TransferMode,
)
from multiplayer.addressing import check_channel, check_id, check_mode
from multiplayer.support.number_setting import NumberSetting, check_number
from multiplayer.support.unfinished import count_running

from .sockets.engine import Reactor
from .statistics import Statistics
from .websocket.frames import Message
from .websocket.link import Link
from .websocket.settings import DEFAULT_BUFFER_SIZE, DEFAULT_UNRELIABLE_ORDERED, LinkSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import BoundSignal
    from multiplayer.api_hooks import Arrived
    from multiplayer.handlers import Handlers

    from .failure import Failure
    from .websocket.events import LinkEvent
    from .websocket_peer import WebSocketPeer

Ts = TypeVarTuple("Ts")

_SENDING = {"put_packet", "set_target_peer", "transfer_mode", "transfer_channel"}


class Queued(NamedTuple):
    """A packet that waits to be fetched."""

    link: Link
    source: int
    payload: bytes
    size: int
    """Of the message that it came in, in bytes."""
    mode: TransferMode
    channel: int


class PolledPeer(MultiplayerPeer):
    """What ``WebSocketMultiplayerPeer`` is made of, whoever it is connected to, and how.

    Its attributes are those of ``WebSocketMultiplayerPeer``, and told there.

    Args:
        eager: see ``Reactor``.
    """

    handshake_timeout = NumberSetting[float](3.0, above_zero=True, finite=False)
    close_timeout = NumberSetting[float](3.0, above_zero=True)
    inbound_buffer_size = NumberSetting[int](DEFAULT_BUFFER_SIZE, above_zero=True)
    outbound_buffer_size = NumberSetting[int](DEFAULT_BUFFER_SIZE)
    max_unreliable_ordered = NumberSetting[int](DEFAULT_UNRELIABLE_ORDERED)
    max_queued_packets = NumberSetting[int](4096, above_zero=True)

    _puts_in_one_call = False

    def __init_subclass__(cls) -> None:
        """Note whether a class below sends in a way of its own: each packet has to go that way."""
        if _SENDING & vars(cls).keys():
            cls._puts_in_one_call = "_put" in vars(cls)

    def __init__(self, *, eager: bool) -> None:
        super().__init__()
        self._heartbeat_interval: float | None = None
        self._discard_packets = False
        self.failure: Failure | None = None
        self._mp_mode = False  # packets go through this object, not through those of get_peer
        self._max_packet = 0  # the longest message to send, in bytes; 0 for any
        self._inbox: deque[Queued] = deque()
        self._let_through = self.handlers.let_through
        self._passes = self.handlers.passes
        self._steps: deque[Callable[[], object]] = deque()
        self._whole = True  # no poll was interrupted since the last one
        self._tried: Callable[[], object] | None = None  # the step that has failed last
        self._past = Statistics()  # of connections that are gone
        self._reactor = Reactor(_clock_of(self), eager=eager)
        self.handlers.recovery = _weakly(self._make_whole)
        # The reactor does not know us, so that the last reference to us is the user's.
        weakref.finalize(self, self._reactor.close)

    # ---------------------------------------------------------------- time and chance

    def now(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def randbits(self, bits: int) -> int:
        """Return ``secrets.randbits(bits)``."""
        return secrets.randbits(bits)

    # ---------------------------------------------------------------- polling

    @property
    def reactor(self) -> Reactor:
        """The I/O engine, for whoever drives this peer."""
        return self._reactor

    def poll(self) -> None:
        """Do all I/O that is possible now, emit the signals of what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, when everything has had its
                turn: one exception as itself, several as an ``ExceptionGroup``.
        """
        reactor = self._reactor
        if reactor.polling and count_running(PolledPeer.poll, self) > 1:
            message = "poll() was called by a listener; return from it, the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        if not self._whole or reactor.writing:
            self._recover()
        self._whole = False
        let_through = self._let_through
        try:
            let_through.depth += 1
            reactor.polling = True
            goes_on = True
            while goes_on:
                try:
                    reactor.service(self.now())
                    while self._steps or reactor.entries:
                        self._dispatch()
                        reactor.flush()
                    reactor.flush()
                    goes_on = False
                except Exception as error:  # a mistake of ours, or the system has no memory
                    goes_on = self._recover(error)
        except BaseException as error:
            let_through.interrupt(error)
            raise
        finally:
            reactor.polling = False
            reactor.origin = None
        self._whole = True
        let_through.leave()

    def _dispatch(self) -> None:
        """Take what has happened, one thing at a time."""
        reactor, steps, handlers = self._reactor, self._steps, self.handlers
        entries = reactor.entries
        while True:
            if steps:
                handlers.at_work = None
                self._do_steps()
            reactor.origin = None
            if not entries:
                handlers.at_work = None
                return
            link, event = entries[0]
            handlers.at_work = link
            entries.popleft()
            if link.held and reactor.keep(link, event):
                continue
            if type(event) is Message:
                if link.closed_by_us:
                    link.fetched(len(event.data))
                    link.drop("closing")
                    continue
                if reactor.pressing and reactor.has_to_wait(link, event):
                    handlers.at_work = None
                    continue
                reactor.origin = link.account
            self._handle(link, event)

    def _do_steps(self) -> None:
        steps = self._steps
        while steps:
            step = steps[0]
            step()
            if steps and steps[0] is step:  # it may have ended everything
                steps.popleft()

    def _then(self, *steps: Callable[[], object]) -> None:
        """Do ``steps`` next. What keeps one from being done lets it be begun again."""
        self._steps.extend(steps)

    # ---------------------------------------------------------------- interrupted

    def _recover(self, error: Exception | None = None) -> bool:
        """Make whole what a poll has left that was interrupted; see ``docs/interrupted.md``.

        Args:
            error: what ended it, if we go on all the same.

        Returns:
            Whether there is reason to believe that it goes better next time.
        """
        at_work, failures = self.handlers.at_work, self.handlers
        suspect = at_work if isinstance(at_work, Link) else None
        if isinstance(at_work, Queued):
            suspect = at_work.link
            if self._inbox and self._inbox[-1] is at_work:  # nobody was told of it
                self._inbox.pop()
        step = self._steps[0] if self._steps else None
        if error is not None and step is not None and step is self._tried:
            self._steps.popleft()  # it fails each time
        self._tried = step if error is not None else None
        given_up = self._reactor.recover(suspect, "handling what it sent was interrupted")
        self._recount()
        self._see_who_ended()
        if error is None:
            failures.let_through.recover()
            self._reactor.polling = False
        failures.at_work = None
        self._whole = True
        if error is not None:
            peer = given_up[0].peer_id if given_up else 0
            failures.failed(peer, "handling what it sent" if given_up else "poll", error)
        return bool(given_up) or step is not None

    def _make_whole(self) -> None:
        """Do after an interrupted poll what the next one would do first."""
        if not (self._whole or count_running(PolledPeer.poll, self)):
            self._recover()

    def _recount(self) -> None:
        """Count anew which messages of each connection wait."""
        waiting = Counter[Link]()
        octets = Counter[Link]()
        for link, event in self._reactor.waiting_entries():
            if isinstance(event, Message):
                waiting[link] += 1
                octets[link] += len(event.data)
        for queued in self._inbox:
            waiting[queued.link] += 1
            octets[queued.link] += queued.size
        for peer in self._readable_peers():
            for link, size in peer.stored():
                waiting[link] += 1
                octets[link] += size
        for link in self._reactor.links:
            link.unfetched, link.unfetched_bytes = waiting[link], octets[link]

    @abstractmethod
    def _see_who_ended(self) -> None:
        """Queue again the end of those connections that nobody has been told of."""

    @abstractmethod
    def _handle(self, link: Link, event: LinkEvent) -> None:
        """Do what one event of one connection takes.

        What may be interrupted comes last, or as steps.
        """

    def _then_emit(self, signal: BoundSignal[*Ts], peer: int, *args: *Ts) -> None:
        """Emit a signal next, which tells of something that ``peer`` did."""
        self._steps.append(self.handlers.emission(signal, peer, *args))

    @abstractmethod
    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code."""

    @abstractmethod
    def begin_leaving(self, code: int = 1000) -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED."""

    def wake(self) -> None:
        """Let ``peers.run``, if it runs this peer, poll it at once."""
        self._reactor.wake()

    def flush(self) -> None:
        """Send now what has been put, instead of at the end of the next :meth:`poll`."""
        self._reactor.flush()

    def close(self) -> None:
        """End at once and silently: peers get a close frame 1000, no signal is emitted.

        Nothing is waited for, so the last packets may be lost: of those that the socket does not
        take, and of those that a Godot 4 engine reads together with the close frame. For the last
        word to arrive, use ``disconnect_peer`` or :meth:`begin_leaving` and keep polling, or leave
        the block of ``peers.serve`` or ``peers.connect``.
        """
        self.end_at_once(1000)

    # ---------------------------------------------------------------- packets

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in plain mode."""
        return len(self._inbox)

    def _take_packet(self) -> bytes:
        self._next_packet()
        queued = self._inbox.popleft()
        self._reactor.fetched(queued.link, queued.size)
        return queued.payload

    def _next_packet(self) -> Queued:
        if self._inbox:
            return self._inbox[0]
        self._require_mp_mode("get_packet")
        message = "no packet waits; look at get_available_packet_count() first"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def _require_mp_mode(self, method: str) -> None:
        if not self._mp_mode:
            message = (
                f"not connected, or in plain mode, where packets belong to one connection: use "
                f"get_peer(id).{method}(), or connect and listen with gd_mp_api=True"
            )
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)

    def _receive(
        self,
        link: Link,
        source: int,
        payload: bytes,
        size: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Queue a packet for ourselves, from a message of ``size`` bytes, and tell."""
        if self._discard_packets:
            link.fetched(size)
            return
        queued = Queued(link, source, payload, size, mode, channel)
        self.handlers.at_work = queued
        self._inbox.append(queued)
        # As handlers.emit, for each packet.
        for error in self.peer_packet.call_all(source, passes=self._passes):
            self.handlers.failed(source, "a listener of peer_packet", error)

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it with all that is known of it; see ``ApiHooks``."""
        if not self._inbox:
            return None
        if type(self).get_packet is not PacketPeer.get_packet or "get_packet" in self.__dict__:
            return super().take_arrived(handlers, asks_how=asks_how)
        queued = self._inbox[0]
        handlers.at_work = queued.source
        self._inbox.popleft()
        queued.link.fetched(queued.size)
        return queued

    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet without regard to what ``set_target_peer`` and its like have set.

        Raises:
            MultiplayerError: as these, and as :meth:`put_packet`.
        """
        if self._puts_in_one_call and "put_packet" not in self.__dict__:
            self._put(packet, check_id(target), check_mode(mode), check_channel(channel))
        else:
            super().send_packet(packet, target, mode, channel)

    @abstractmethod
    def _put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        """Do what :meth:`put_packet` does, with everything set."""

    def get_packet_peer(self) -> int:
        """Return who sent the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits; ``ERR_UNCONFIGURED``: in plain
                mode.
        """
        return self._next_packet().source

    def get_packet_channel(self) -> int:
        """Return the ``transfer_channel`` of the packet that :meth:`get_packet` returns next.

        Always 0 if Godot sent or relayed it, and with Godot 4's envelope: engines tell no channel
        over WebSocket.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the ``transfer_mode`` of the packet that :meth:`get_packet` returns next.

        Always ``TRANSFER_MODE_RELIABLE`` if Godot sent or relayed it, and with Godot 4's envelope.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().mode

    # ---------------------------------------------------------------- settings

    @property
    def heartbeat_interval(self) -> float | None:
        """After how many seconds of silence to ping; None for what the mode has by itself.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is no time.
        """
        return self._heartbeat_interval

    @heartbeat_interval.setter
    def heartbeat_interval(self, seconds: float | None) -> None:
        if seconds is not None:
            seconds = check_number("heartbeat_interval", seconds)
        self._heartbeat_interval = seconds

    def set_buffers(
        self,
        input_buffer_size_kb: int,
        input_max_packets: int,
        output_buffer_size_kb: int,
        output_max_packets: int,
    ) -> None:
        """Set the limits as Godot 3 does.

        Args:
            input_buffer_size_kb: KiB, rounded up to a power of two; the longest message to accept
                is one byte less.
            input_max_packets: see ``max_queued_packets``, which becomes the larger of the two.
            output_buffer_size_kb: the same for ``outbound_buffer_size``.
            output_max_packets: see ``input_max_packets``.

        Raises:
            MultiplayerError: ``FAILED``: connected or listening already;
                ``ERR_INVALID_PARAMETER``: a number is not positive.
        """
        if self.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "set_buffers() must come before connecting or listening"
            raise MultiplayerError(Error.FAILED, message)
        for name, number in (
            ("input_buffer_size_kb", input_buffer_size_kb),
            ("input_max_packets", input_max_packets),
            ("output_buffer_size_kb", output_buffer_size_kb),
            ("output_max_packets", output_max_packets),
        ):
            check_number(name, number, whole=True, above_zero=True)
        self.inbound_buffer_size = _longest_packet(input_buffer_size_kb)
        self.outbound_buffer_size = _longest_packet(output_buffer_size_kb)
        self.max_queued_packets = max(input_max_packets, output_max_packets)

    def _settings(self) -> LinkSettings:
        self._reactor.log_bounds.most = self.limits.max_log_lines
        return LinkSettings(
            inbound_buffer_size=self.inbound_buffer_size,
            outbound_buffer_size=self.outbound_buffer_size,
            max_queued_packets=self.max_queued_packets,
            handshake_timeout=self.handshake_timeout,
            close_timeout=self.close_timeout,
            heartbeat_interval=self.heartbeat_interval or 0.0,
            max_unreliable_ordered=self.max_unreliable_ordered,
            limits=self.limits,
        )

    # ---------------------------------------------------------------- counting

    @property
    def statistics(self) -> Statistics:
        """A copy of what all connections together have counted, those that are gone included."""
        total = Statistics()
        total.add(self._past)
        for link in self._counted_links():
            total.add(link.snapshot())
        if left_out := self._reactor.log_bounds.left_out:
            total.limits_reached["max_log_lines"] = left_out
        # Not the sum of the links: what those that are gone have sent can still be fetched.
        in_plain_mode = sum(peer.get_available_packet_count() for peer in self._readable_peers())
        total.packets_queued = len(self._inbox) + in_plain_mode
        total.handler_errors = self.handlers.failures
        return total

    @abstractmethod
    def _counted_links(self) -> list[Link]:
        """Return the links whose counters are not in ``_past`` yet."""

    @abstractmethod
    def _readable_peers(self) -> list[WebSocketPeer]:
        """Return the connections that packets can be fetched from, those that are gone included."""


def _clock_of(peer: PolledPeer) -> Callable[[], float]:
    """Return ``peer.now`` without keeping the peer alive."""
    reference = weakref.ref(peer)

    def clock() -> float:
        alive = reference()
        return alive.now() if alive is not None else 0.0

    return clock


def _weakly(method: Callable[[], object]) -> Callable[[], None]:
    """Return a method without keeping whose it is alive."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call


def _longest_packet(kib: int) -> int:
    return (1 << (kib * 1024 - 1).bit_length()) - 1
