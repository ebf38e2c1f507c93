"""One WebSocket connection without I/O: TLS, HTTP upgrade, messages, the closing handshake.

Bytes and times go in; entries for the owner's queue and bytes for the socket come out. A link never
answers a close frame or a violation by itself: it queues them, in their place among the messages,
and its owner answers when their turn has come. Only pongs leave at once.

How a connection ends stands in ``closing.py``. After ``fail()`` and ``refuse()`` a link
*lingers*: for the owner it is CLOSED, but its last bytes still leave, and what comes is thrown away
until the other side closes or ``close_timeout`` is over.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer import TransferMode
from peers.failure import Failure
from peers.outbox import Outbox
from peers.statistics import Statistics

from . import broken_off
from .close_codes import POLICY_VIOLATION, TOO_SLOW
from .closing import LAST_WORD, Closing, Phase
from .events import (
    Ended,
    Failed,
    HttpAsked,
    HttpEnded,
    HttpRequested,
    Opened,
    ReadyState,
    Requested,
)
from .frames import Broken, CloseReceived, Frames, Message, Ping, Pong
from .heartbeat import PING, Beat, ControlRoom, Heartbeat
from .http_head import END_OF_HEAD, HttpRefusedError
from .ledger import Ledger
from .secure_channel import ClearChannel, SecureChannel
from .settings import DEFAULT_BUFFER_SIZE
from .tls import ALERT, HANDSHAKE, RECORD_VERSION
from .upgrade import ClientUpgrade, ServerUpgrade, UpgradeRequest

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    from multiplayer.support.log_once import Faults
    from peers.failure import Stage
    from peers.pressure import Account

    from .events import LinkEvent
    from .http_exchange import HttpExchange, HttpResponse
    from .secure_channel import Channel
    from .settings import LinkSettings

_UNBOUNDED: Final = 1 << 62

# How many times `outbound_buffer_size` unreliable_ordered packets may take; many large ones
# must not pile up, as many small ones do not.
_STALE_BUFFERS: Final = 16

_TOO_MUCH_OF_NOTHING: Final = "too many records of TLS without content"

_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_DROPPED: Final = {
    TransferMode.TRANSFER_MODE_UNRELIABLE: "unreliable",
    TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED: "unreliable_ordered",
}


class Owner(Protocol):
    """What a link needs of whoever moves its bytes."""

    entries: deque[tuple[Link, LinkEvent]]
    faults: Faults
    slice: int
    """How many messages a link may decode at once; what is left comes with the next poll."""
    origin: Account | None
    """Who is charged for what is sent now: whoever sent the message that is being handled."""

    def output_ready(self, link: Link) -> None:
        """Note that ``link.to_send()`` has something, or that ``link`` is over."""

    def deadline_changed(self, link: Link) -> None:
        """Note that ``link.deadline`` has a new value."""

    def room_made(self, link: Link) -> None:
        """Note that ``link`` is not paused any more."""

    def goes_on(self, link: Link) -> None:
        """Note that ``link`` has more to decode than its slice."""

    def settle(self, link: Link, now: float) -> None:
        """Note that the account of ``link`` has something to settle."""


class Ride(Protocol):
    """A place among those who are sent what is for all: what waits there, and how to leave it."""

    @property
    def waiting(self) -> int:
        """How many bytes wait, frame headers included."""
        ...

    @property
    def packets(self) -> int:
        """How many packets those are."""
        ...

    @property
    def payload(self) -> int:
        """How many bytes the packets have together."""
        ...

    def catch_up(self) -> None:
        """Move what waits into the outbox, because something else is to follow it."""

    def get_on(self) -> None:
        """Get what follows in passing."""

    def get_off(self) -> None:
        """Get what waits and what follows by the outbox."""


class Link:
    """One connection.

    Args:
        settings: limits and timeouts.
        owner: who moves the bytes.
        upgrade: which side of the upgrade we are.
        now: the time.
        awaits_id: keep the handshake's deadline after the upgrade, until :meth:`settle`.

    Attributes:
        peer_id: the owner's name for the other side; 0 at first.
        state: Godot's word for the phase (``peers/websocket/closing.py``).
        outbox: what waits to be sent, not encrypted yet.
        ride: on a server, where what is sent to everybody waits, behind the outbox.
        deadline: when :meth:`check` wants to be called, in seconds on the owner's clock.
        over: the socket can be closed, if the link is ``lingering`` as soon as nothing is
            ``waiting``.
        lingering: see the module's docstring.
        unfetched: messages that were queued and have not been fetched.
        unfetched_bytes: how many bytes those have.
        closed_by_us: we began the closing handshake.
        close_code: the code of the received close frame; -1 if none came.
        close_reason: its reason.
        failure: why it failed; None if it did not.
        protocol: the agreed sub-protocol, "" for none.
        dialect: the agreed version of ``docs/protocol/gdpeers.md``, 0 for none: Godot's bytes only.
        address, port: the other side's; "" and 0 until connected.
        account: of a server's client, what it has sent to others.
        behind: it has sent more than its slice; no more is read until that is decoded.
        held: see ``pressure``; the owner's to change.
        statistics: what has been counted.
    """

    __slots__ = (
        "_awaits_id",
        "_channel",
        "_client",
        "_closing",
        "_control_room",
        "_deaf",
        "_exchange",
        "_frames",
        "_head",
        "_heartbeat",
        "_ledger",
        "_owner",
        "_sends",
        "_settings",
        "_undecided",
        "_upgrade",
        "account",
        "address",
        "behind",
        "close_code",
        "close_reason",
        "closed_by_us",
        "deadline",
        "dialect",
        "failure",
        "held",
        "lingering",
        "outbox",
        "over",
        "peer_id",
        "port",
        "protocol",
        "ride",
        "state",
        "statistics",
        "unfetched",
        "unfetched_bytes",
    )

    def __init__(
        self,
        settings: LinkSettings,
        owner: Owner,
        upgrade: ClientUpgrade | ServerUpgrade,
        now: float,
        *,
        awaits_id: bool = False,
    ) -> None:
        self._settings = settings
        self._owner = owner
        self._upgrade: ClientUpgrade | ServerUpgrade | None = upgrade
        self._client = isinstance(upgrade, ClientUpgrade)
        self._awaits_id = awaits_id
        self._frames: Frames | None = None
        self._head = bytearray()
        self._exchange: HttpExchange | None = None  # the other side wants no WebSocket
        self._undecided = False  # the owner has not yet accepted or refused the upgrade
        self._deaf = False  # this one and the next: see `Phase`
        self._sends = False
        self._closing = Closing(self, settings)
        self._heartbeat = Heartbeat(settings.heartbeat_interval, now)
        self._control_room: ControlRoom | None = None
        self._ledger = Ledger(self, settings.envelope, owner.faults)
        self.statistics = self._ledger.statistics
        self.peer_id = 0
        self.state = ReadyState.STATE_CONNECTING
        size, most = settings.outbound_buffer_size, settings.limits.max_outbox_packets
        self.outbox = Outbox(
            settings.max_unreliable_ordered, _STALE_BUFFERS * size, size // most if most else 0
        )
        tls = settings.tls() if settings.tls is not None else None
        self._channel: Channel = (
            ClearChannel(self.outbox) if tls is None else SecureChannel(tls, self.outbox)
        )
        self.ride: Ride | None = None
        self.deadline: float | None = now + settings.handshake_timeout
        self.over = False
        self.lingering = False
        self.unfetched = 0
        self.unfetched_bytes = 0
        self.closed_by_us = False
        self.close_code = -1
        self.close_reason = ""
        self.failure: Failure | None = None
        self.protocol = ""
        self.dialect = 0
        self.address = ""
        self.port = 0
        self.account: Account | None = None
        self.behind = False
        self.held = False

    # ---------------------------------------------------------------- in

    @property
    def paused(self) -> bool:
        """Whether so much waits to be fetched that nothing more is to be read."""
        settings = self._settings
        return self.state is _OPEN and (
            self.unfetched >= settings.max_queued_packets
            or 0 < settings.limits.max_inbox_bytes <= self.unfetched_bytes
        )

    @property
    def reads(self) -> bool:
        """Whether more is to be read of the socket."""
        return not (self.behind or self.is_held or self.paused)

    @property
    def is_held(self) -> bool:
        """Whether it is held, and not closed by us in the meantime."""
        return self.held and self.state is _OPEN

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait to be sent; Godot's default where any number may."""
        return self._settings.outbound_buffer_size or DEFAULT_BUFFER_SIZE

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds to take how many bytes, for who is behind; 0 bytes for any time.

        A server may hold us for as long as that, for readers that it waits for.
        """
        if self._client:
            return 0.0, 0
        return self._settings.limits.stall_timeout, self._settings.outbound_buffer_size

    @property
    def is_ending(self) -> bool:
        """Whether all that is still to come of the other side is its end."""
        return self.lingering or self.state is _CLOSING

    def connected(self, address: str, port: int, now: float) -> None:
        """Note that the TCP connection is up."""
        self.address, self.port = address, port
        self._channel.start()
        if self._channel.is_up:
            self._ask_for_upgrade()
        self._owner.output_ready(self)
        self._heed(now)

    def _ask_for_upgrade(self) -> None:
        if isinstance(self._upgrade, ClientUpgrade):
            self.outbox.append(self._upgrade.request)
            self._owner.output_ready(self)

    @property
    def stage(self) -> Stage:
        """What a connection that is not open yet is busy with."""
        if not self.address:
            return "tcp"
        return "http" if self._channel.is_up else "tls"

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the network; ``b""`` to go on with what is here already."""
        if self._deaf:
            return
        channel = self._channel
        was_up = channel.is_up
        plaintext = channel.receive(data)
        if channel.has_news:
            self._look_at(channel, now)
        if channel.is_up:
            if not was_up:
                self._ask_for_upgrade()
            self._receive_plain(plaintext, now)
        if channel.has_news:
            self._heed(now)

    def _look_at(self, channel: Channel, now: float) -> None:
        """Do what more than plaintext takes, but for what ends the connection."""
        if channel.waiting:
            self._owner.output_ready(self)
        if channel.empty_records > 0:
            self._count_empty_records(channel, now)

    def _count_empty_records(self, channel: Channel, now: float) -> None:
        """Count records without content as pings and pongs are; before the upgrade all of them."""
        limit, room = self._settings.limits.max_control_frames, self._control_room
        if room is None:
            if 0 < limit < channel.empty_records:
                self.reach("max_control_frames")
                self._fail_tls(_TOO_MUCH_OF_NOTHING, now)
            return
        count = channel.empty_records
        channel.forget_empty_records()
        if not room.takes(count, now):
            broken = Broken(POLICY_VIOLATION, _TOO_MUCH_OF_NOTHING, "max_control_frames")
            self._closing.came(broken, now)

    def _heed(self, now: float) -> None:
        """Do what the end or the failure of TLS takes, when what came before has had its turn."""
        channel = self._channel
        if not (channel.error or channel.ended):
            return
        if self.paused or self.behind or self._deaf or self._undecided:
            return
        if channel.error:
            self._fail_tls(channel.error, now)
        else:
            self.receive_eof(broken_off.UNCLOSED)

    def _fail_tls(self, why: str, now: float) -> None:
        if self.over or self.lingering:
            return
        if self._frames is not None:
            self.end(Failure("tls", why))
        else:
            self.outbox.clear()  # only an alert can leave
            self._turn_away(Failure("tls", why), now)

    def _receive_plain(self, data: bytes, now: float) -> None:
        if self._undecided:
            self._head += data
            return
        if self._deaf:
            return
        self._heartbeat.heard = now
        if self._frames is not None:
            self._decode(self._frames, data, now)
        elif self._exchange is not None:
            self._receive_body(self._exchange, data, now)
        elif self._upgrade is not None:
            self._receive_head(data, now)

    @property
    def plain(self) -> bool:
        """Whether the messages belong to no session of Godot's."""
        return self._settings.envelope == "plain"

    @property
    def pending(self) -> bool:
        """Whether there has been no upgrade, or a refusal that has not left yet."""
        return self._frames is None and not self.over

    def give_way(self, now: float) -> None:
        """End a handshake that others wait for the end of."""
        if self.lingering:
            return
        self.reach("max_pending_handshakes")
        if self.stage == "http":
            self.refuse(503, "too many connections at once; try again", now)
        else:
            self.end(Failure(self.stage, "gave way to newer connections"))

    def receive_eof(self, why: str, *, gone: bool = True) -> None:
        """Note that nothing more will come.

        Args:
            why: in words, for the failure.
            gone: it is the other side that has ended it; else the network, or TLS.
        """
        if self.state == ReadyState.STATE_CONNECTING:
            self.end(Failure(self.stage, self._in_words(why)))
        elif not (self.lingering and self.waiting):  # it may say no more, and still read
            self._closing.eof(why, gone=gone)

    def _in_words(self, why: str) -> str:
        stage = self.stage
        if self._client:
            return broken_off.at_a_client(why, stage, *self._grounds())
        has_asked = bool(self._head) or self._exchange is not None
        return broken_off.at_a_server(why, stage, has_asked=has_asked)

    def _grounds(self) -> tuple[bool, bool, Sequence[str]]:
        """Return what a client guesses from: see ``broken_off.guess``."""
        channel, upgrade = self._channel, self._upgrade
        protocols = upgrade.protocols if isinstance(upgrade, ClientUpgrade) else ()
        has_answered = bool(self._head) if channel.is_up else channel.has_heard
        return has_answered, channel.encrypts, protocols

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more; what has arrived may still be read.

        Args:
            why: in words, for the failure.
            now: the time, from which on that is waited for; None if it is not.
        """
        if self._closing.by_both and self._channel.has_said_goodbye:
            self.end(None)  # who has both close frames may be gone before our TLS has said so
        else:
            self._closing.lost(why)
            if now is not None and self._closing.phase is Phase.MUTE:
                self.wait_until(now + self._settings.close_timeout)

    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come; see :meth:`receive_eof`."""
        self.lose_output(why)
        self.receive_eof(why, gone=gone)

    def _receive_head(self, data: bytes, now: float) -> None:
        self._head += data
        if not self._channel.encrypts and self._speaks_tls(bytes(self._head[:2]), now):
            return
        end = self._head.find(END_OF_HEAD) + len(END_OF_HEAD)
        complete = end >= len(END_OF_HEAD)
        limit = self._settings.limits.max_header_size
        skipped = self._upgrade.skipped if isinstance(self._upgrade, ClientUpgrade) else 0
        if skipped + (end if complete else len(self._head)) >= limit:
            self.reach("max_header_size")
            self._refuse_head(431, f"the HTTP head has {limit} bytes or more", now)
        elif complete:
            head, rest = bytes(self._head[:end]), bytes(self._head[end:])
            try:
                self._upgrade_with(head, rest, now)
            except HttpRefusedError as error:
                self._refuse_head(error.status, error.detail, now)

    def _speaks_tls(self, first: bytes, now: float) -> bool:
        """Note, if it is so, that the other side speaks TLS, and we do not."""
        if self._client and first in (ALERT + RECORD_VERSION, HANDSHAKE + RECORD_VERSION):
            self.end(Failure("tls", "the server speaks TLS; connect to a wss:// URL"))
        elif not self._client and first == HANDSHAKE + RECORD_VERSION:
            assert isinstance(self._upgrade, ServerUpgrade)
            why = "the client speaks TLS, this server does not"
            self.outbox.append(self._upgrade.refuse(400, f"{why}; connect to a ws:// URL"))
            self.statistics.violations["tls_on_plain_port"] += 1
            self._turn_away(Failure("tls", why), now)
        return self.over or self.lingering

    def _upgrade_with(self, head: bytes, rest: bytes, now: float) -> None:
        if isinstance(self._upgrade, ClientUpgrade):
            protocol = self._upgrade.receive(head, rest)
            if protocol is None:
                self._head = bytearray()
                self._receive_head(rest, now)
                return
            self.dialect = self._upgrade.dialect
            self._open(protocol, now)
            self._owner.entries.append((self, Opened(self.protocol)))
            self._receive_plain(rest, now)
        elif isinstance(self._upgrade, ServerUpgrade):
            asked = self._upgrade.receive(head)
            self._head = bytearray(rest)
            self._undecided = True
            is_upgrade = isinstance(asked, UpgradeRequest)
            event = Requested(asked) if is_upgrade else HttpAsked(asked)
            self._owner.entries.append((self, event))

    def _refuse_head(self, status: int, detail: str, now: float) -> None:
        if self._client:
            self.end(Failure("http", detail))
        else:
            self.refuse(status, detail, now)

    def accept(
        self,
        protocol: str,
        now: float,
        dialect: int = 0,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """Agree to the upgrade that was requested.

        Args:
            protocol: with this sub-protocol, "" for none.
            now: the time.
            dialect: with this version of ``docs/protocol/gdpeers.md``, 0 for none.
            headers: with these header fields besides.
        """
        assert isinstance(self._upgrade, ServerUpgrade)
        self.outbox.append(self._upgrade.accept(protocol, dialect, headers))
        self.dialect = dialect
        self._owner.output_ready(self)
        rest, self._undecided = bytes(self._head), False
        self._open(protocol, now)
        self._receive_plain(rest, now)
        self._heed(now)

    def refuse(self, status: int, detail: str, now: float) -> None:
        """Refuse the upgrade with an HTTP status and a line of text, then linger."""
        if self.over:
            return  # whoever decided has also stopped the server
        assert isinstance(self._upgrade, ServerUpgrade)
        self.outbox.append(self._upgrade.refuse(status, detail))
        self._turn_away(Failure("http", detail), now)

    def _turn_away(self, failure: Failure, now: float) -> None:
        self.failure = failure
        if self._exchange is None:
            self._owner.entries.append((self, Failed(failure)))
        self._linger(now)

    # ---------------------------------------------------------------- HTTP without an upgrade

    def turn_down(self, refusal: HttpRefusedError, now: float) -> None:
        """Refuse a request that asks for no upgrade: it is one for an upgrade that is wrong."""
        if refusal.status == HTTPStatus.UPGRADE_REQUIRED:
            self.statistics.violations["http_without_upgrade"] += 1
        self.refuse(refusal.status, refusal.detail, now)

    def read_body(self, exchange: HttpExchange, now: float) -> None:
        """Read the rest of a request that asks for no upgrade, then tell of it."""
        rest, self._undecided = bytes(self._head), False
        self._head = bytearray()
        self._exchange = exchange
        self._receive_body(exchange, rest, now)
        self._heed(now)

    def _receive_body(self, exchange: HttpExchange, data: bytes, now: float) -> None:
        try:
            reply = exchange.receive(data, self._settings.limits.max_body_size)
        except HttpRefusedError as error:
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                self.reach("max_body_size")
            self.refuse(error.status, error.detail, now)
            return
        if reply:
            self.outbox.append(reply)
            self._owner.output_ready(self)
        if exchange.complete:
            self._undecided = True
            self._owner.entries.append((self, HttpRequested(exchange.request)))

    def respond(self, response: HttpResponse, now: float) -> None:
        """Answer the request, then linger, for as long as the request could take."""
        assert self._exchange is not None
        for piece in self._exchange.answer(response):
            self.outbox.append(piece)
        self._linger(now)
        self.wait_until(now + self._settings.handshake_timeout)

    def _open(self, protocol: str, now: float) -> None:
        self.protocol = protocol
        self._upgrade = None
        self._head = bytearray()
        limits = self._settings.limits
        self._channel.forget_empty_records()  # what they may be is counted anew, for each second
        self._frames = Frames(
            client=self._client,
            max_message=self._settings.inbound_buffer_size,
            max_fragments=limits.max_fragments,
        )
        self._closing.enter(Phase.OPEN)
        self._control_room = ControlRoom(self._frames, limits.max_control_frames, now)
        if not self._awaits_id:
            self.settle(now)

    def settle(self, now: float) -> None:
        """End the handshake's deadline; from now on the heartbeat counts."""
        self._awaits_id = False
        if self.state == ReadyState.STATE_OPEN:
            self._heartbeat.start(now)
            self.wait_until(self._heartbeat.due)

    def _decode(self, frames: Frames, data: bytes, now: float) -> None:
        is_open = self.state is _OPEN
        room = _UNBOUNDED
        if is_open:
            room = min(self._settings.max_queued_packets - self.unfetched, self._owner.slice)
        entries = self._owner.entries
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
                if self._closing.may_pong:
                    self.put(frames.pong(event.payload))
                    self._owner.output_ready(self)
            elif isinstance(event, Pong):
                if event.payload == LAST_WORD:
                    self._closing.pong(now)
                else:
                    self._heartbeat.pong(event.payload, now)
            else:
                self._closing.came(event, now)
        account = self.account
        if account is not None and account.spent:
            self._owner.settle(self, now)
        if self.paused:
            self.behind = False
            full = self.unfetched >= self._settings.max_queued_packets
            self.reach("max_queued_packets" if full else "max_inbox_bytes")
            detail = f"{self.unfetched} of its packets wait; get_packet(), or discard_packets"
            self.note(logging.WARNING, "not_read_for_now", detail)
        else:
            self.behind = frames.cut_short
            if self.behind:
                self._owner.goes_on(self)

    def fetched(self, size: int) -> None:
        """Note that the owner has no use for one of the queued messages, of ``size`` bytes."""
        was_paused = self.paused
        self.unfetched -= 1
        self.unfetched_bytes -= size
        if was_paused and not self.paused:
            self._owner.room_made(self)

    # ---------------------------------------------------------------- out

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet, those that TLS adds not yet included."""
        return self.outbox.waiting + self._channel.waiting

    @property
    def buffered(self) -> int:
        """The same with what has not reached the outbox yet."""
        return self.waiting + (self.ride.waiting if self.ride is not None else 0)

    def to_send(self, *, last: bool = False) -> list[bytes | memoryview]:
        """Return what to write next, in order; nothing if there is nothing to write.

        Args:
            last: nothing will be queued after what is queued now.
        """
        channel = self._channel
        pieces = channel.pieces(last=last or self.lingering or self._closing.by_both)
        if channel.unsendable:
            self.lose(channel.unsendable)
            return []
        return pieces

    def sent(self, count: int) -> None:
        """Note that the socket took ``count`` bytes of :meth:`to_send`."""
        self._channel.taken(count)

    def written(self) -> None:
        """Note that the socket took what it takes for now."""
        blocked = self.waiting > 0
        if self.ride is not None:
            if blocked:
                self.ride.get_off()  # before modes begin to count: it was queued before
            elif self._sends:
                self.ride.get_on()
        self.outbox.blocked = blocked

    @property
    def encrypted(self) -> bool:
        """Whether what is sent has to be copied, through TLS."""
        return self._channel.encrypts

    def drop_output(self) -> None:
        """Drop what waits to be sent."""
        self.get_off()
        self.outbox.clear()
        self._channel.clear()

    def send(self, data: bytes, *, text: bool, mode: TransferMode = _RELIABLE) -> None:
        """Queue a message, or count it as dropped: see ``Outbox.append``, or we are closing."""
        if self._can_send() and self._frames is not None:
            frame, origin = self._frames.message(data, text=text), self._owner.origin
            if origin is not None:
                origin.note_sent(self.outbox, len(frame))
            self._queue(frame, len(data), mode, origin)

    def send_shared(
        self,
        frame: bytes,
        size: int,
        mode: TransferMode = _RELIABLE,
        origin: Account | None = None,
    ) -> None:
        """Queue what :func:`frames.message_frame` made of ``size`` bytes, on a server."""
        if self._can_send():
            self._queue(frame, size, mode, origin)

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together."""
        if packets and self._can_send():
            self._queue(frames, size, _RELIABLE)
            self.statistics.packets_sent += packets - 1

    @property
    def can_ride(self) -> bool:
        """Whether what is for all can be written without looking at this connection first."""
        return self._sends and not self.outbox.blocked

    def _can_send(self) -> bool:
        if self._frames is None:
            return False
        if not self._sends:
            self.drop("closing")
            return False
        return True

    def put(
        self, frame: bytes, mode: TransferMode = _RELIABLE, origin: Account | None = None
    ) -> int:
        """Queue a frame behind all others; see ``Outbox.append``."""
        if self.ride is not None:
            self.ride.catch_up()
        return self.outbox.append(frame, mode, origin)

    def get_off(self) -> None:
        """Move what waits in :attr:`ride` into the outbox, and get what follows there."""
        if self.ride is not None:
            self.ride.get_off()

    def _queue(
        self, frame: bytes, size: int, mode: TransferMode, origin: Account | None = None
    ) -> None:
        if dropped := self.put(frame, mode, origin):
            self.drop(_DROPPED[mode], dropped)
            if mode is TransferMode.TRANSFER_MODE_UNRELIABLE:
                return  # it was this one
        self.statistics.packets_sent += 1
        self.statistics.bytes_sent += size
        self._owner.output_ready(self)

    def overflow(self, now: float) -> None:
        """End a connection whose other side reads too slowly: close code 4013."""
        if self.state != ReadyState.STATE_OPEN:
            return
        settings = self._settings
        limit, too_much = "outbound_buffer_size", f"{settings.outbound_buffer_size} bytes"
        if not self._too_many_bytes:
            limit, too_much = "max_outbox_packets", f"{settings.limits.max_outbox_packets} packets"
        self._close_slow(limit, f"more than {too_much} waited to be sent", now)

    def stall(self, now: float) -> None:
        """End a connection whose other side makes no progress; see ``pressure``."""
        if self.state == ReadyState.STATE_OPEN:
            timeout, size = self.stall_terms
            self._close_slow("stall_timeout", f"less than {size} bytes in {timeout:g} s", now)

    def _close_slow(self, limit: str, why: str, now: float) -> None:
        self.statistics.drops["overflow"] += self.outbox.drop_unbegun()
        self.reach(limit)
        self.note(logging.WARNING, "reads_too_slowly", why)
        # Much of it is dropped already.
        self.close(TOO_SLOW, f"too slow: {why}", now, at_once=True)

    @property
    def overflowing(self) -> bool:
        """Whether more waits to be sent than may."""
        return self._too_many_bytes or (
            0 < self._settings.limits.max_outbox_packets < self.outbox.behind
        )

    @property
    def ought_to_leave(self) -> bool:
        """Whether so much waits that the socket should be tried before more comes."""
        outbox = self.outbox
        return not outbox.blocked and outbox.load > self._settings.outbound_buffer_size / 2

    @property
    def _too_many_bytes(self) -> bool:
        return 0 < self._settings.outbound_buffer_size < self.outbox.backlog

    # ---------------------------------------------------------------- closing

    def close(self, code: int, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin the closing handshake, unless it has begun; see ``Closing.close``.

        Messages that have arrived but whose turn in the queue has not come are not for the owner
        any more; see :attr:`closed_by_us`.
        """
        if self.state == ReadyState.STATE_CONNECTING:
            self.end(Failure(self.stage, "closed by ourselves while connecting"))
            return
        was_read = self.reads
        self._closing.close(code, reason, now, at_once=at_once)
        if not was_read:
            self._owner.room_made(self)  # pong and close frame may come behind what was not read

    def close_at_once(self, code: int) -> None:
        """Queue a close frame, if none has been sent, for a connection that ends now."""
        self._closing.say_goodbye(code)

    def answer_close(self, event: CloseReceived, now: float) -> None:
        """Answer the close frame whose turn in the queue has come."""
        self._closing.answer(event, now)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come, then linger."""
        self._closing.fail(event, now)

    def finish(self, now: float) -> None:
        """Note that nothing is waiting: our close frame, if there is one, has left."""
        self._closing.sent(now)

    def entered(self, phase: Phase) -> None:
        """Note a new phase (called by ``Closing``)."""
        self.state = phase.state
        self.lingering = phase is Phase.LINGERING
        self._deaf = phase.deaf
        self.behind = self.behind and not phase.deaf  # what comes is thrown away
        self._sends = phase.sends
        self.closed_by_us = self.closed_by_us or phase.ours

    @property
    def frames(self) -> Frames:
        """What makes and reads the frames; not before the upgrade."""
        assert self._frames is not None
        return self._frames

    @property
    def has_spoken(self) -> bool:
        """Whether messages have been sent."""
        return self.statistics.packets_sent > 0

    @property
    def awaits_id(self) -> bool:
        """Whether the session is not up yet."""
        return self._awaits_id

    def ready(self) -> None:
        """Note that there is something to send (called by ``Closing``)."""
        self._owner.output_ready(self)

    def tell(self, event: CloseReceived | Broken) -> None:
        """Queue what came last (called by ``Closing``)."""
        if isinstance(event, Broken) and event.limit:
            self.reach(event.limit)
        self._owner.entries.append((self, event))

    def tell_end(self, failure: Failure) -> None:
        """Tell the owner that the connection is over, whatever may still leave."""
        self.failure = failure
        self.close_code = -1
        self._owner.entries.append((self, Ended(False, failure)))

    def end(self, failure: Failure | None) -> None:
        """The connection is over; tell the owner."""
        if self.over:
            return
        self.failure = failure
        opened = self._frames is not None and not self._awaits_id
        event = Ended(failure is None, failure)
        if failure is not None and not opened:
            event = Failed(failure)
        elif failure is not None:
            self.close_code = -1
        was_http = self._exchange is not None
        self.abandon()
        if not was_http:
            self._owner.entries.append((self, event))

    def give_up(self, failure: Failure) -> None:
        """The connection cannot go on, whatever its state is."""
        if self.lingering:
            self.abandon()
        else:
            self.end(failure)

    def abandon(self) -> None:
        """The connection is over, and the owner knows."""
        if self._exchange is not None:
            self._exchange = None
            self._owner.entries.append((self, HttpEnded()))
        self.over = True
        self._undecided = False
        self._closing.enter(Phase.OVER)
        self.drop_output()
        self._ledger.close()
        # The buffers of TLS are large, and who asks for a departed peer needs none.
        self._channel = ClearChannel(self.outbox)
        self._head = bytearray()
        if self._frames is not None:
            self._frames.discard()
        self.wait_until(None)
        self._owner.output_ready(self)

    def leave(self, now: float) -> None:
        """End what has no upgrade; the last bytes of an answer have ``close_timeout`` to leave."""
        if self.lingering and self.waiting:
            self.wait_until(min(self.deadline or now, now + self._settings.close_timeout))
        else:
            self.abandon()

    def _linger(self, now: float) -> None:
        self._undecided = False
        self._closing.enter(Phase.LINGERING)
        self.wait_until(now + self._settings.close_timeout)
        self._owner.output_ready(self)

    # ---------------------------------------------------------------- time

    def check(self, now: float, obstacle: str = "no upgrade") -> None:
        """Do what is due; to be called when :attr:`deadline` has come.

        Args:
            now: the time.
            obstacle: what has kept a client from connecting, if it has not.
        """
        patience = self._settings.handshake_timeout
        if self.deadline is None or now < self.deadline:
            return
        if self.lingering and self._exchange is not None and self.waiting:
            self.reach("handshake_timeout")
        if self.state == ReadyState.STATE_CONNECTING:
            self.reach("handshake_timeout")
            if self.stage == "tls":
                detail = f"the TLS handshake was not complete within {patience:g} s"
                guess = broken_off.guess("tls", *self._grounds()) if self._client else ""
                self.end(Failure("tls", detail + guess))
            else:
                lacks = obstacle if self._exchange is None else "no whole request"
                self._time_out(f"{lacks} within {patience:g} s", now)
        elif self._closing.phase is Phase.MUTE and not self.reads:
            self.wait_until(now + self._settings.close_timeout)
        elif self.state is not _OPEN or self._deaf or self._closing.phase is Phase.MUTE:
            self._closing.timeout(now)
        elif self._awaits_id:
            self.reach("handshake_timeout")
            self.end(Failure("id", f"the server gave no peer id within {patience:g} s"))
        else:
            self._beat(now)

    def _time_out(self, detail: str, now: float) -> None:
        if self._client or not self.address:
            self.end(Failure("timeout", detail))
        else:
            self.refuse(408, detail, now)

    def _beat(self, now: float) -> None:
        """Do what the heartbeat calls for."""
        heartbeat = self._heartbeat
        beat = heartbeat.beat(now, reads=self.reads, sends=self._sends)
        if beat is Beat.GIVE_UP:
            self.reach("heartbeat_interval")
            silence = f"silent for {heartbeat.patience:g} s"
            self.end(Failure("timeout", f"{silence}, pings were not answered"))
            return
        self.wait_until(heartbeat.due)
        if beat is Beat.PING:
            self.put(self.frames.ping(PING))
            self._owner.output_ready(self)

    @property
    def round_trip_time(self) -> float | None:
        """How long the last ping and its pong took, in seconds; None before one."""
        return self._heartbeat.round_trip_time

    def wait_until(self, deadline: float | None) -> None:
        """Set the deadline."""
        self.deadline = deadline
        self._owner.deadline_changed(self)

    # ---------------------------------------------------------------- counting

    def snapshot(self) -> Statistics:
        """Return a copy of :attr:`statistics`, with what waits now."""
        copy = Statistics(
            packets_queued=self.unfetched,
            bytes_queued=self.buffered,
            round_trip_time=self.round_trip_time,
        )
        copy.add(self.statistics)
        copy.held = int(self.held)
        if self.ride is not None:
            copy.packets_sent += self.ride.packets
            copy.bytes_sent += self.ride.payload
        return copy

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere."""
        self._ledger.drop(reason, count)

    def violate(self, kind: str, detail: str = "") -> None:
        """Count something that must not come."""
        self._ledger.violate(kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self._ledger.reach(limit)

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""
        self._ledger.note(level, kind, detail)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every line of the log about this connection has, besides the peer's id."""
        return self._ledger.log_fields
