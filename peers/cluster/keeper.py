"""``RoomKeeper``: has the rooms of one node claimed, saved and forgotten in a directory."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

import trio

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.rooms.directory_entries import RoomState
from multiplayer.rooms.lease import Change, Lease, LeaseTerms, Policy, What

from .directory import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from multiplayer.rooms.directory_entries import NodeEntry
    from peers.rooms.room import Room
    from peers.rooms.room_server import RoomServer

    from .directory import Directory

_log = logging.getLogger(__name__)

RETRY: Final = "retry=1"
"""What close frames say to players who are to come back: in a second."""

_PAUSE: Final = 0.1
"""How long to wait between two rounds of work, in seconds, so that changes are saved together."""


class RoomKeeper:
    """Keeps the rooms of a node.

    Args:
        server: has the rooms.
        directory: knows of them.
        node: how others reach this node.
        terms: how long its lease is.
        policies: what becomes of rooms when the directory cannot be reached, by kind.
        save_every: rooms are saved when somebody has come or gone, and every so many seconds.

    Attributes:
        lease: which rooms are surely ours.
        draining: the node gives its rooms away and takes no others.
        opening: the codes of rooms that are ours before they are open.
        remind: tells the directory again what it may have lost besides rooms.
    """

    def __init__(
        self,
        server: RoomServer,
        directory: Directory,
        node: NodeEntry,
        *,
        terms: LeaseTerms,
        policies: Mapping[str, Policy],
        save_every: float,
    ) -> None:
        self._server = server
        self._directory = directory
        self._node = node
        self._policies = policies
        self._save_every = save_every
        self.lease = Lease(terms)
        self.draining = False
        self.opening: set[str] = set()
        self._unsure: dict[str, trio.Event] = {}  # set once a room that was opened is claimed
        self._dirty: dict[str, None] = {}
        self._written: dict[str, tuple[RoomState, bytes]] = {}
        self._gone: dict[str, tuple[str, int]] = {}  # kind and epoch of what is to be forgotten
        self._given: dict[str, int] = {}  # epochs of what is to be given away
        self._renewed = trio.Event()
        self._work = trio.Event()
        self._doubts = trio.Event()
        self._closed = trio.Event()
        self._in_trouble = False
        self._forgotten = False
        self.remind: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint

    # ---------------------------------------------------------------- the lease

    async def beat(self) -> bool:
        """Renew the lease; return whether the directory has answered."""
        lease = self.lease
        lease.ask(trio.current_time())
        try:
            known = await self._directory.beat(self._node, lease.terms.duration)
        except DirectoryError as error:
            lease.fail(trio.current_time())
            self._tell_trouble(error)
            return False
        lease.answer(trio.current_time(), known=known)
        self._forgotten = self._forgotten or not known
        if self._forgotten:  # it may have lost what all nodes share
            try:
                await self.remind()
            except DirectoryError as error:
                self._tell_trouble(error)  # the next beat is another try
            else:
                self._forgotten = False
        if self._in_trouble:
            self._in_trouble = False
            _log.info("the directory answers again")
        self._doubts.set()
        self._renewed.set()
        self._renewed = trio.Event()
        self._work.set()
        return True

    async def beat_once(self) -> None:
        """Renew the lease, as soon as the directory can be reached."""
        answered = await self.beat()
        while not answered:
            await trio.sleep_until(self.lease.next_beat)
            answered = await self.beat()

    async def beat_forever(self) -> None:
        """Renew the lease, again and again."""
        while True:
            await trio.sleep_until(self.lease.next_beat)
            await self.beat()

    async def watch_forever(self) -> None:
        """See that rooms are isolated in time when the lease is over."""
        while True:
            if self.lease.is_held(trio.current_time()):
                await trio.sleep_until(self.lease.until)
            else:
                for change in self.lease.check(trio.current_time()):
                    self._apply(change)
                await self._renewed.wait()

    def _apply(self, change: Change) -> None:
        room = self._server.find(change.code)
        self._settle(change.code)
        _log.info("room %s: %s", change.code, change.what.value)
        if room is None:
            return
        if change.what is What.ISOLATED:
            room.joins_held = True
        elif change.what is What.REJOINED:
            room.joins_held = False
            self._note(change.code)
        else:
            if change.epoch:  # if the directory has not noticed anything, nobody would take it
                self._given[change.code] = change.epoch
            self._forget(change.code)
            room.close(change.what.value, code=CloseCode.MOVED, reason=RETRY)

    def _tell_trouble(self, error: DirectoryError) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            _log.warning("the directory cannot be used; rooms go on, without new ones: %s", error)

    # ---------------------------------------------------------------- what rooms do

    def opened(self, room: Room) -> None:
        """Take note of a room that has been opened."""
        if room.kind not in self._server.kinds or room.code in self.opening:
            return
        # Somebody has opened it without asking; who wants to join waits until it is ours.
        self.lease.adopt(room.code, self._policy(room.kind))
        self._unsure[room.code] = trio.Event()
        self._doubts.set()

    def changed(self, room: Room) -> None:
        """Take note of a room that others may see otherwise now."""
        self._note(room.code)

    def closed(self, room: Room, why: str) -> None:
        """Take note of a room that is closed."""
        del why
        self._closed.set()
        self._closed = trio.Event()
        epoch = self.lease.epoch(room.code)
        if epoch is not None and self._server.find(room.code) is None:
            self._forget(room.code)
            self._gone[room.code] = (room.kind, epoch)
            self._work.set()

    def is_unsure(self, code: str) -> bool:
        """Return whether a room has been opened here, and not claimed yet."""
        return code in self._unsure

    async def wait_until_sure(self, code: str) -> None:
        """Wait until a room that was opened here is claimed, or gone."""
        if code in self._unsure:
            await self._unsure[code].wait()

    def _settle(self, code: str) -> None:
        if code in self._unsure:
            self._unsure.pop(code).set()

    def _note(self, code: str) -> None:
        if self.lease.epoch(code) is not None:
            self._dirty[code] = None
            self._work.set()

    def _forget(self, code: str) -> None:
        self.lease.remove(code)
        self._settle(code)
        self._dirty.pop(code, None)
        self._written.pop(code, None)

    def _policy(self, kind: str) -> Policy:
        return self._policies.get(kind, Policy.KEEP)

    # ---------------------------------------------------------------- what is written

    async def work_forever(self) -> None:
        """Tell the directory what it has to know."""
        saved = trio.current_time()
        while True:
            with trio.move_on_at(saved + self._save_every):
                await self._work.wait()
            self._work = trio.Event()
            if trio.current_time() >= saved + self._save_every:
                saved = trio.current_time()
                self._dirty |= dict.fromkeys(self._played())
            try:
                await self._forget_gone()
                await self._write_dirty()
            except DirectoryError as error:
                self._tell_trouble(error)
            except Exception:
                _log.exception("rooms could not be saved")
            await trio.sleep(_PAUSE)

    async def claim_forever(self) -> None:
        """Claim what is in doubt, at once."""
        while True:
            await self._doubts.wait()
            self._doubts = trio.Event()
            try:
                await self._claim_doubtful()
            except DirectoryError as error:
                self._tell_trouble(error)  # the next beat that is answered brings it here again
            except Exception:
                _log.exception("rooms could not be claimed")

    async def _claim_doubtful(self) -> None:
        for code in self.lease.doubtful:
            room = self._server.find(code)
            if room is None:
                continue
            asked = trio.current_time()
            epoch = await self._directory.claim(
                code, room.kind, self._node.incarnation, state_of(room, self._node.url)
            )
            change = self.lease.claimed(code, epoch or None, asked, trio.current_time())
            if change is not None:
                self._apply(change)
            self._written.pop(code, None)  # the directory may have lost it
            self._note(code)

    def _played(self) -> list[str]:
        """Return the codes of rooms in which something may have changed without a word."""
        rooms = ((code, self._server.find(code)) for code in self.lease.codes)
        return [code for code, room in rooms if room is not None and room.seats]

    async def _forget_gone(self) -> None:
        for code, epoch in [*self._given.items()]:
            await self._directory.release(code, epoch)
            self._given.pop(code, None)
        for code, (kind, epoch) in [*self._gone.items()]:
            if not epoch:  # whether it was claimed at all is not known
                epoch = await self._directory.claim(code, kind, self._node.incarnation, RoomState())
            if epoch:
                await self._directory.drop(code, epoch)
            self._gone.pop(code, None)

    async def _write_dirty(self) -> None:
        for code in [*self._dirty]:
            self._dirty.pop(code, None)
            try:
                await self.save(code)
            except DirectoryError:
                self._note(code)
                raise

    async def save(self, code: str) -> None:
        """Save a room, if it is surely ours and has changed.

        Raises:
            DirectoryError: it may not have been saved.
        """
        room = self._server.find(code)
        epoch = self.lease.epoch(code)
        if room is None or epoch is None or not self.lease.owns(code, trio.current_time()):
            return
        state = state_of(room, self._node.url)
        old_state, old_bytes = self._written.get(code, (None, None))
        try:
            snapshot = self._server.save(room)
        except Exception as error:
            _log.warning("room %s cannot be saved: %s", code, error)
            snapshot = old_bytes or b""
        good = True
        if snapshot != old_bytes:
            good = await self._directory.save(code, epoch, snapshot)
        if good and state != old_state:
            good = await self._directory.change(code, epoch, state)
        if good:
            self._written[code] = (state, snapshot)
        else:
            self.lease.doubt(code)
            self._doubts.set()

    # ---------------------------------------------------------------- for opening and draining

    @property
    def takes_rooms(self) -> bool:
        """Whether this node may have another room."""
        server = self._server
        full = 0 < server.max_rooms <= len(server.rooms)
        return self.lease.is_held(trio.current_time()) and not self.draining and not full

    def is_taken(self, code: str) -> bool:
        """Return whether a code is one of this node's, for all it knows."""
        return code in self.opening or code in self._gone or self._server.find(code) is not None

    def add(self, room: Room, epoch: int, asked: float) -> None:
        """Take note of a room that was claimed before it was opened.

        Args:
            room: the room.
            epoch: by which it is ours.
            asked: when the request was sent.
        """
        self._gone.pop(room.code, None)
        self.lease.add(room.code, epoch, asked, trio.current_time(), self._policy(room.kind))
        self._note(room.code)

    def let_forget(self, code: str, kind: str, epoch: int = 0) -> None:
        """Have the directory forget a room that is not open; 0 if it may not be ours at all."""
        self._gone[code] = (kind, epoch)
        self._work.set()

    def let_give_away(self, code: str, epoch: int) -> None:
        """Have the directory give a room to others that is not open here."""
        self._given[code] = epoch
        self._work.set()

    async def hand_over(self, code: str) -> bool:
        """Save a room, and give it away; return whether the directory has answered."""
        room, epoch = self._server.find(code), self.lease.epoch(code)
        if room is None or epoch is None:
            return True
        room.joins_held = True
        try:
            await self.save(code)
            await self._directory.release(code, epoch)
        except DirectoryError as error:
            self._tell_trouble(error)
            return False
        return True

    def close(self, code: str) -> None:
        """Close a room that is another's from now on; its players are to come back there."""
        room = self._server.find(code)
        self._forget(code)
        if room is not None:
            room.close("drained", code=CloseCode.MOVED, reason=RETRY)

    async def wait_for_beat(self) -> None:
        """Wait until the lease is renewed."""
        await self._renewed.wait()

    async def wait_for_close(self) -> None:
        """Wait until a room is closed."""
        await self._closed.wait()


def state_of(room: Room, base: str) -> RoomState:
    """Return what of a room the directory is told.

    Args:
        room: the room.
        base: where clients reach it directly.
    """
    try:
        metadata = json.dumps(dict(room.metadata), default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        metadata = "{}"  # nothing that others could read
    locked = room.locked or room.joins_held
    return RoomState(len(room.seats), room.capacity, room.private, locked, metadata, base)
