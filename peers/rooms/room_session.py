"""``RoomSession``: what a room stands on: a session server without a port, an API, seats, time."""

from __future__ import annotations

import contextlib
import math
import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.close_codes import check_close
from multiplayer.endpoint.resume_words import KeyedSeat, read_wish
from multiplayer.endpoint.seat_keys import SeatKeys, hash_of
from multiplayer.endpoint.seats import GONE, SavedSeat
from multiplayer.errors import one_error
from multiplayer.rooms.addresses import Wish
from multiplayer.rooms.reservations import Reservations
from multiplayer.rooms.snapshot import SeatRow, Snapshot
from multiplayer.support.number_setting import check_number
from peers.websocket.events import Requested
from peers.websocket.handshake_headers import handshake_fields
from peers.websocket.upgrade_policy import Accept, Refuse

from .front import NO_ROOM, RoomRequest
from .room_peer import RoomPeer, new_peer
from .room_time import RoomTime
from .seat import Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from multiplayer.handlers import Handlers
    from peers.sockets.hall import Hall
    from peers.websocket.link import Link
    from peers.websocket.upgrade import UpgradeRequest
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

    from .front import Front
    from .room_time import Timer
    from .sides import Game, Keeper

_EPOCH_BITS: Final = 48
"""How many random bits say which of all rooms that had a code one is."""

FULL: Final = {
    "max_peers": "this server is full",
    "max_peers_per_address": "too many connections from your address",
}

_COPIED: Final = (
    "close_timeout",
    "heartbeat_interval",
    "inbound_buffer_size",
    "outbound_buffer_size",
    "max_unreliable_ordered",
    "max_queued_packets",
    "max_replay_bytes",
    "max_replay_packets",
    "supported_protocols",
)
"""The settings that rooms have of their server."""


class RoomSession:
    """What a room stands on.

    Args:
        keeper: the server.
        hall: where its sockets are looked at.
        room: the room.
        kind: the name of its kind.
        code: its code.

    Attributes:
        room: see above, as kind and code.
        kind: see there.
        code: see there.
        private: see ``Room``, also for the next five.
        locked: see there.
        joins_held: see there.
        metadata: see there.
        owner: see there.
        seats: see there.
        reservations: places that are kept for those who are about to come.
        epoch: which room of that code it is.
        due: when it has something to do; infinity for never.
        serving: it is being polled.
        is_open: nobody has begun to close it.
        announced: its server has opened it, and told of it.
        why: why it is closed.
        settings: what its connections are made with.
        counted: how many seats the server knows of.
        arrived: how many players have come, those who have left since too.
        creator: the address of who opened it by a URL; "" if nobody did.
        below: its peer, if it has one yet.
        api: its API.
    """

    __slots__ = (
        "__weakref__",
        "_expected",
        "_front",
        "_hall",
        "_handlers",
        "_idle_at",
        "_keeper",
        "_leaves_with",
        "_owner_comes",
        "_secret",
        "_time",
        "announced",
        "api",
        "arrived",
        "below",
        "code",
        "counted",
        "creator",
        "due",
        "epoch",
        "is_open",
        "joins_held",
        "kind",
        "locked",
        "metadata",
        "owner",
        "private",
        "reservations",
        "room",
        "seats",
        "serving",
        "settings",
        "why",
    )

    def __init__(
        self, keeper: Keeper[RoomSession], hall: Hall, room: Game[RoomSession], kind: str, code: str
    ) -> None:
        self._keeper = keeper
        self.room = room
        self.kind = kind
        self.code = code
        self.private = self.locked = self.joins_held = False
        self.metadata: Mapping[str, object] = {}
        self.owner = 0
        self.reservations = Reservations()
        self.seats: dict[int, Seat] = {}
        self.epoch = 0
        self.due = math.inf
        self.serving = False
        self.is_open = True
        self.announced = False
        self.why = ""
        self.creator = ""
        self.counted = self.arrived = 0
        # Who was brought here and has not been decided about; by the identity of the request.
        self._expected: dict[int, tuple[Link, RoomRequest]] = {}
        self._owner_comes: tuple[str, int] | None = None
        self._time = RoomTime()
        self._idle_at: float | None = None
        # With which code and reason it is closed, until all of that is done.
        self._leaves_with: tuple[int, str] | None = None
        self._hall = hall
        self.below = RoomPeer()
        self.api = SceneMultiplayer(Node(), room.dialect)
        room.attach(self)

    def begin(self, front: Front, handlers: Handlers, secret: bytes) -> None:
        """Be ready for players.

        Args:
            front: whose settings it has.
            handlers: what treats exceptions, where the room does not say otherwise.
            secret: what makes the tokens of its seats.
        """
        self._front, self._handlers, self._secret = front, handlers, secret
        api, room = self.api, self.room
        api.multiplayer_peer.handlers.heed(handlers)
        if not room.relays:
            api.server_relay = False
        api.peer_connected.connect(self._joined)
        api.peer_disconnected.connect(self._left)
        self._plan(self._now())

    def _now(self) -> float:
        return self._front.now()

    @property
    def peer(self) -> WebSocketMultiplayerPeer:
        """The peer below the API; made, if there is none yet.

        Raises:
            MultiplayerError: a setting makes no sense.
        """
        made = self.below.made
        return self._make_peer() if made is None else made

    def make_sure(self) -> None:
        """Make the peer, so that a setting that makes no sense is told.

        Raises:
            MultiplayerError: there is one.
        """
        if self.below.made is None:
            self._make_peer()

    def _make_peer(self) -> WebSocketMultiplayerPeer:
        front, room = self._front, self.room
        peer = new_peer(room.dialect, self._hall, self)
        for name in _COPIED:
            setattr(peer, name, getattr(front, name))
        peer.limits = room.limits or front.limits
        peer.upgrade_callback = self._decide
        if not (room.relays or peer.is_server_relay_supported()):  # else it is the API's alone
            peer.server_relay = False
        if room.grace:
            self.epoch = self.epoch or front.randbits(_EPOCH_BITS)
            peer.grace = room.grace
            peer.seat_keys = SeatKeys(self._secret, self.code, self.epoch)
        self.settings = peer.begin_room(handshake_fields(front.handshake_headers))
        peer.handlers.heed(self._handlers)
        peer.endpoint.awaited = True
        peer.endpoint.on_wake = _waking(self)
        peer.peer_disconnected.connect(self._gone)
        self.api.multiplayer_peer = peer
        peer.on_forced_out = partial(self._forced_out, peer.on_forced_out)
        if room.grace:
            self.api.peer_suspended.connect(self._suspended)
            self.api.peer_resumed.connect(self._resumed)
        self.below.made = peer
        return peer

    # ---------------------------------------------------------------- who comes

    @property
    def players(self) -> int:
        """How many seats are taken, or about to be."""
        if self._expected:  # who comes back to a seat is a player already, and nobody decides
            self._expected = {
                who: each
                for who, each in self._expected.items()
                if each[0].opening and not each[0].over
            }
        return self.below.count() + len(self._expected)

    @property
    def has_place(self) -> bool:
        """Whether a new player could come in."""
        full = 0 < self.room.capacity <= self.players + self._held
        return self.is_open and not (self.locked or self.joins_held or full)

    @property
    def _held(self) -> int:
        return self.reservations.held(self._now()) if len(self.reservations) else 0

    def reserve(self, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place for whoever brings a token; see ``RoomBoard.reserve``."""
        if not self.has_place:
            return False
        kept = self.reservations.keep(token, self._now(), seconds, owns=owns)
        if kept:
            self.changed()
            self.call_later(seconds, self.changed)  # there is a place again
        return kept

    def bring(self, link: Link, request: RoomRequest, front: Front) -> None:
        """Take a connection of the front, and decide about it in the next poll."""
        request = replace(request, tried=request.tried + 1)
        endpoint = self.peer.endpoint
        link.use_settings(self.settings, self._now())
        endpoint.take(link, front.endpoint)
        self._expected[id(request)] = link, request  # not before: `close` gives it back
        endpoint.entries.append((link, Requested(request)))
        self._keeper.stir(self)

    def _decide(self, request: UpgradeRequest) -> Accept | Refuse:
        """Decide about a new player, for the gate of the peer."""
        link, _ = self._expected.pop(id(request), (None, None))
        assert isinstance(request, RoomRequest)
        room = self.room
        if link is not None and self._is_for_another(request):
            self._front.take_back(link, self.peer.endpoint, request)
            return Accept()  # that link is not the peer's any more: there is nothing to accept
        if not self.is_open:
            return Refuse(CloseCode.NO_SUCH_ROOM, NO_ROOM)
        if request.returns:  # its seat is not there any more, or there never was one
            return Refuse(CloseCode.SEAT_GONE, GONE)
        if self.joins_held:
            return Refuse(CloseCode.TRY_LATER, "the room takes no new players for now")
        promised = None
        if request.room.reservation:
            promised = self.reservations.take(request.room.reservation, self._now())
            if promised is None:
                return Refuse(CloseCode.NO_SUCH_ROOM, NO_ROOM)
        if self.locked and promised is None:
            return Refuse(CloseCode.TRY_LATER, "the room is locked")
        if promised is not None and promised.owns:
            self._owner_comes = (request.address, request.port)
        kept = self._held if promised is None else 0
        if 0 < room.capacity <= self.below.count() + kept:
            return Refuse(CloseCode.TRY_LATER, "the room is full")
        verdict = cast("object", room.may_join(request))
        if not self.is_open:  # it has closed itself there
            return Refuse(CloseCode.NO_SUCH_ROOM, NO_ROOM)
        if verdict is False:
            return Refuse(CloseCode.KICKED, "the room does not want you")
        if verdict is None or verdict is True:
            verdict = Accept()
        if isinstance(verdict, Refuse):
            return verdict
        if not isinstance(verdict, Accept):
            message = f"may_join must return a bool, None, Accept(…) or Refuse(…), not {verdict!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if limit := self._keeper.limit_reached(self, request.address):
            return Refuse(CloseCode.TRY_LATER, FULL[limit])
        lines = [f"{name.decode()}: {value.decode()}" for name, value in request.fields]
        userdata = request.userdata if verdict.userdata is None else verdict.userdata
        return Accept([*lines, *verdict.headers], userdata)

    def _is_for_another(self, request: RoomRequest) -> bool:
        """Return whether a player who wants any room was sent here, and there is no place now.

        There was one when it was sent; since then others have come, or the game has locked or
        closed the room. Whoever had it opened stays, or it would open one after the other.
        """
        address, most = request.room, self.room.capacity
        if address.wish is not Wish.ANY or address.reservation or request.opens:
            return False
        if self._front.is_leaving:
            return False
        is_full = 0 < most <= self.below.count() + self._held
        return is_full or self.locked or self.joins_held or not self.is_open

    def _joined(self, peer_id: int) -> None:
        face = self.peer.get_peer(peer_id)
        seat = self.seats.get(peer_id)
        if seat is None:
            seat = self.seats[peer_id] = Seat(self, peer_id, face.request, face.userdata)
            self.arrived += 1
        wish = read_wish(face.request.target) if self.room.grace and face.request else None
        if isinstance(wish, KeyedSeat):
            seat.has_key(hash_of(wish.key))
            self._keeper.keyed(self, seat.key_hash, there=True)
        self._idle_at = None
        request = face.request
        if isinstance(request, RoomRequest) and not self.owner:
            is_owner = request.opens or self._owner_comes == (request.address, request.port)
            self.owner = peer_id if is_owner else 0
        if seat.connected and seat.announce():
            self._call(peer_id, "joined", partial(self.room.joined, seat))
        self.changed()

    def _gone(self, peer_id: int) -> None:
        """Take note of a player that may not have got into the API's session."""
        self._keeper.gone(self, self.peer.get_peer(peer_id).address)

    def _forced_out(self, forget: Callable[[int], object] | None, peer_id: int) -> None:
        """Let a player leave of whom no signal tells, since it was disconnected by force."""
        if forget is not None:
            forget(peer_id)
        self.call_later(0.0, partial(self._left, peer_id))

    def _left(self, peer_id: int) -> None:
        seat = self.seats.pop(peer_id, None)
        if seat is None:
            return
        seat.connected = False
        if seat.key_hash:
            self._keeper.keyed(self, seat.key_hash, there=False)
        if self.owner == peer_id:
            self.owner = 0
        if self.is_open:  # the peer says nothing of whom it has forced out
            self._keeper.gone(self, self.peer.get_peer(peer_id).address)
        if seat.announced:  # otherwise the room never knew of it
            why = self._why_left(seat)
            self._call(peer_id, "left", partial(self.room.left, seat, why))
        self.changed()

    def _reconcile(self) -> None:
        """See who is there, after an interrupt that may have cost us a signal."""
        here = self.api.get_peers()
        for peer_id in {*self.seats} - {*here}:
            self._gone(peer_id)
            self._left(peer_id)
        if self.below.made is None:
            return
        away = {*self.peer.get_suspended_peers()}
        for peer_id in here:
            self._joined(peer_id)
            if peer_id in away:
                self._suspended(peer_id)
            elif not self.seats[peer_id].connected:
                self._resumed(peer_id, replayed=False)

    def _suspended(self, peer_id: int) -> None:
        seat = self.seats.get(peer_id)
        if seat is None or not seat.connected:
            return
        seat.connected = False
        self._keeper.gone(self, self.peer.get_peer(peer_id).address)
        self._call(peer_id, "suspended", partial(self.room.suspended, seat))
        self.changed()

    def _resumed(self, peer_id: int, replayed: bool) -> None:
        del replayed
        seat = self.seats.get(peer_id)
        if seat is None:
            return
        face = self.peer.get_peer(peer_id)
        seat.connected = True
        seat.request = face.request or seat.request
        self._keeper.visit(self, face.address)
        if seat.announce():  # a room that goes on without what it saved does not know it
            self._call(peer_id, "joined", partial(self.room.joined, seat))
        else:
            self._call(peer_id, "resumed", partial(self.room.resumed, seat))
        self.changed()

    def _why_left(self, seat: Seat) -> str:
        if seat.kicked:
            return "kicked"
        if not self.is_open:
            return "closed"
        face = self.peer.get_peer(seat.id)
        if face.closed_by_us:
            return "kicked"
        return "left" if face.get_close_code() >= 0 else "lost"

    def failed(self, name: str, error: Exception) -> None:
        """Treat an exception of the room as its ``on_error`` says."""
        self.api.handlers.failed(0, f"{type(self.room).__name__}.{name}", error)

    def _call(self, peer_id: int, name: str, hook: Callable[[], object]) -> None:
        where = f"{type(self.room).__name__}.{name}"
        self.api.handlers.call(peer_id, where, hook)

    # ---------------------------------------------------------------- for seats

    @staticmethod
    def check_close(code: int, reason: str) -> None:
        """Raise if a close code may not be sent.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``.
        """
        check_close(code, reason, plain=False)

    def disconnect(self, peer_id: int, code: int, reason: str) -> None:
        """Close the connection of a player, if it is still here."""
        if peer_id not in self.seats:
            return
        seat = self.seats[peer_id]
        if seat.connected:
            self.peer.get_peer(peer_id).close(code, reason)
        else:
            self.peer.disconnect_peer(peer_id)
        self._keeper.stir(self)

    def to_save(self, data: object, trouble: str) -> Snapshot:
        """Return what is to be saved, with what the game saves, or why it does not."""
        own = (self.private, self.locked, self.owner, self.metadata)
        seats = self.saved_seats()
        return Snapshot(self.kind, self.code, self.epoch, seats, *own, data, trouble)

    def take_up(self, snapshot: Snapshot) -> None:
        """Be the room that was saved; before :meth:`begin`."""
        self.epoch = snapshot.epoch
        self.private, self.locked = snapshot.private, snapshot.locked
        self.owner, self.metadata = snapshot.owner, snapshot.metadata

    def restore_seats(self, seats: tuple[SeatRow, ...], *, known: bool) -> None:
        """Let those players come back who had a seat when the room was saved.

        They are in the API's session afterwards, so that the room can put them into groups.

        Args:
            seats: theirs.
            known: the room knows them, by what it has saved. Otherwise they have yet to join.
        """
        if not (seats and self.room.grace):
            return
        self.peer.restore_seats([SavedSeat(*row) for row in seats])
        for row in seats:
            seat = self.seats[row.id] = Seat(self, row.id, None, None)
            seat.connected = False
            if known:
                seat.announce()
            seat.has_key(row.key_hash)
            if row.key_hash:
                self._keeper.keyed(self, row.key_hash, there=True)
        self.api.poll()

    def saved_seats(self) -> tuple[SeatRow, ...]:
        """Return what is needed to let the players come back elsewhere."""
        made = self.below.made
        return () if made is None or not self.room.grace else _rows(made.save_seats())

    # ---------------------------------------------------------------- what is told

    def changed(self) -> None:
        """Tell the server that something has changed that others may want to know."""
        self._keeper.changed(self)

    def wake(self) -> None:
        """Take note that something was put outside of a poll."""
        if not self.serving:
            with contextlib.suppress(ReferenceError):  # the program has forgotten the server
                self._keeper.stir(self)

    # ---------------------------------------------------------------- time

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """See ``Room.call_later``."""
        due = self._now() + check_number("seconds", seconds)
        timer = self._time.call_at(due, function)
        self._keeper.stir(self)
        return timer

    def poll(self) -> None:
        """Do what is due, and all I/O that is possible now.

        Raises:
            Exception: what handlers raised, with ``on_error="raise"``.
        """
        errors: list[Exception] = []
        was_interrupted, self.serving = self.serving, True  # still so after an interrupt
        try:
            for step in self._steps(self._now(), was_interrupted=was_interrupted):
                try:
                    step()
                except Exception as error:  # what is to be raised, once all is done
                    errors.append(error)
        except BaseException:
            self._keeper.stir(self)  # so that it is made whole
            raise
        self.serving = False
        if self.below.is_over or (self.below.made is None and not self.is_open):
            self.end()
        else:
            self._plan(self._now())
        if errors:
            raise one_error(errors, f"several handlers of {self.room!r} failed")

    def _steps(self, now: float, *, was_interrupted: bool) -> Iterator[Callable[[], object]]:
        tick_hz = self.room.tick_hz if self.is_open else 0.0
        if self._leaves_with is not None:
            yield partial(self._leave, *self._leaves_with)
        if was_interrupted:  # first, since what is sent before that may be lost with the rest
            yield self.api.poll
        ticks = False if tick_hz else None
        for name, function in self._time.passed(now, tick_hz, self.room.process):
            if name == "process":
                ticks = True
            yield partial(self._call, 0, name, function)
        self.api.follow_ticks(ticks)  # what is always sent goes once a tick
        yield self.api.poll
        if was_interrupted:
            yield self._reconcile

    def _plan(self, now: float) -> None:
        """Find out whether the room is to be closed for being idle."""
        if self.players or self._held or not self.is_open:
            self._idle_at = None
        elif self._idle_at is None:
            self._idle_at = now
        elif self.room.idle is not None and now >= self._idle_at + self.room.idle:
            self.close("idle", CloseCode.NORMAL, "")

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do at the latest."""
        idle = self.room.idle
        due = self._time.next(self.room.tick_hz if self.is_open else 0.0)
        if self.below.made is not None:  # without one, the API has no clock
            due = min(due, self.below.next_deadline(), self.api.next_deadline())
        elif not self.is_open:
            return -math.inf
        if self.is_open and self._idle_at is not None and idle is not None:
            due = min(due, self._idle_at + idle)
        return due

    # ---------------------------------------------------------------- the end

    def close(self, why: str, code: int, reason: str) -> None:
        """Begin to close the room; see ``Room.close``."""
        self.check_close(code, reason)
        if not self.is_open:
            return
        self.why, self._leaves_with = why, (code, reason)
        self._leave(code, reason)

    def _leave(self, code: int, reason: str) -> None:
        """Send everybody away; after an interrupt the next poll goes on with that."""
        self.is_open = False
        self._keeper.stir(self)
        while self._expected:
            _, (link, request) = self._expected.popitem()
            if link.opening and not link.over and self._is_for_another(request):
                self._front.take_back(link, self.peer.endpoint)
        self.below.begin_leaving(code, reason)
        self.changed()
        self._leaves_with = None

    def end_at_once(self, code: int) -> None:
        """Close the room now, without waiting for anybody."""
        if self.is_open:
            self.is_open, self.why = False, "stopped"
        self.below.end_at_once(code)
        self.end()

    def drop(self) -> None:
        """Forget a room that could not be opened."""
        self.is_open = False
        for seat in self.seats.values():  # those of a snapshot
            if seat.key_hash:
                self._keeper.keyed(self, seat.key_hash, there=False)
        self.below.end_at_once()
        self.below.release()

    def end(self) -> None:
        """Tell of the end: nobody is here any more."""
        self.is_open, self.why = False, self.why or "closed"
        for peer_id in [*self.seats]:
            self._left(peer_id)
        self._time.cancel_all()
        self.below.release()
        self._keeper.done(self)

    def tell_closed(self) -> None:
        """Call the room's ``closed``."""
        self._call(0, "closed", partial(self.room.closed, self.why))


def _waking(session: RoomSession) -> Callable[[], None]:
    """Return what wakes a room, without keeping it alive: the endpoint outlives its peer."""
    reference = weakref.ref(session)

    def wake() -> None:
        alive = reference()
        if alive is not None:
            alive.wake()

    return wake


def _rows(seats: Iterable[SavedSeat]) -> tuple[SeatRow, ...]:
    return tuple(SeatRow(*seat) for seat in seats)
