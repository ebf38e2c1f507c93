"""``RoomKeeper``: has the rooms of one node claimed, saved and forgotten in a directory."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.errors import DecodeError
from multiplayer.rooms.directory_entries import RoomState
from multiplayer.rooms.lease import Change, Lease, LeaseTerms, Policy, What
from multiplayer.rooms.room_codes import draw_code
from multiplayer.rooms.snapshot import unpack

from .directory import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multiplayer.rooms.directory_entries import NodeEntry, Taken
    from peers.rooms.room import Room
    from peers.rooms.room_server import RoomServer

    from .directory import Directory

_log = logging.getLogger(__name__)

RETRY: Final = "retry=1"
"""What close frames say to players who are to come back: in a second."""

_PAUSE: Final = 0.1
"""How long to wait between two rounds of work, in seconds, so that changes are saved together."""

_DRAINING: Final = 10.0
"""How long to wait for players to go once all rooms are given away, in seconds."""

_DRAWS: Final = 8
"""How often to draw another code for a new room if other nodes have had the same ones."""


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
        self._opening: set[str] = set()  # codes of rooms that are ours before they are open
        self._unsure: dict[str, trio.Event] = {}  # set once a room that was opened is claimed
        self._dirty: dict[str, None] = {}
        self._written: dict[str, tuple[RoomState, bytes]] = {}
        self._gone: dict[str, tuple[str, int]] = {}  # kind and epoch of what is to be forgotten
        self._renewed = trio.Event()
        self._work = trio.Event()
        self._doubts = trio.Event()
        self._closed = trio.Event()
        self._beaten = False
        self._in_trouble = False

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
        if self._in_trouble:
            self._in_trouble = False
            _log.info("the directory answers again")
        self._beaten = True
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
            self._forget(change.code)
            room.close(change.what.value, code=CloseCode.MOVED, reason=RETRY)

    def _tell_trouble(self, error: DirectoryError) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            _log.warning("the directory cannot be used; rooms go on, without new ones: %s", error)

    # ---------------------------------------------------------------- what rooms do

    def opened(self, room: Room) -> None:
        """Take note of a room that has been opened."""
        if room.kind not in self._server.kinds or room.code in self._opening:
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
                self._dirty |= dict.fromkeys(self.lease.codes)
            try:
                await self._forget_gone()
                await self._write_dirty()
                if self._beaten:
                    self._beaten = False
                    await self._take_orphans()
            except DirectoryError as error:
                self._tell_trouble(error)
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

    async def _forget_gone(self) -> None:
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
        except MultiplayerError as error:
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

    # ---------------------------------------------------------------- new rooms

    @property
    def takes_rooms(self) -> bool:
        """Whether this node may have another room."""
        server = self._server
        full = 0 < server.max_rooms <= len(server.rooms)
        return self.lease.is_held(trio.current_time()) and not self.draining and not full

    async def open_new(self, kind: str, options: Mapping[str, str], creator: str) -> Room | None:
        """Open a new room, by a code that no other node has; return None if that is not possible.

        Raises:
            DirectoryError: it is not known whether the code is free.
            Exception: what the room's ``opened`` raised.
        """
        for _ in range(_DRAWS):
            if not self.takes_rooms:
                return None
            server = self._server
            count = 8 * len(server.rooms)  # others have some, too
            code = draw_code(server.front.randbits, self._is_taken, count)
            capacity = server.kinds[kind].capacity
            asked = trio.current_time()
            self._opening.add(code)
            try:
                try:
                    epoch = await self._directory.claim(
                        code, kind, self._node.incarnation, RoomState(0, capacity)
                    )
                except BaseException:
                    self._gone[code] = (kind, 0)
                    raise
                if epoch:
                    return self._open(code, kind, options, epoch, asked, creator)
            finally:
                self._opening.discard(code)
        return None

    def _is_taken(self, code: str) -> bool:
        return code in self._opening or code in self._gone or self._server.find(code) is not None

    def _open(
        self,
        code: str,
        kind: str,
        options: Mapping[str, str],
        epoch: int,
        asked: float,
        creator: str = "",
    ) -> Room:
        try:
            room = self._server.create(kind, code=code, options=options, creator=creator)
        except BaseException:
            self._gone[code] = (kind, epoch)
            self._work.set()
            raise
        self.lease.add(code, epoch, asked, trio.current_time(), self._policy(kind))
        self._note(code)
        return room

    # ---------------------------------------------------------------- rooms of others

    async def take(self, code: str, kind: str) -> Room | None:
        """Take over a room that no living node has; return None if that is not possible.

        Raises:
            DirectoryError: it is not known.
        """
        room = self._server.find(code)
        if room is not None or not self.takes_rooms or kind not in self._server.kinds:
            return room
        asked = trio.current_time()
        taken = await self._directory.take(code, self._node.incarnation)
        if taken is None or taken.kind not in self._server.kinds:
            return None
        room = self._server.find(code)  # another task may have been quicker
        return self._restore(code, taken, asked) if room is None else room

    def _restore(self, code: str, taken: Taken, asked: float) -> Room | None:
        self._opening.add(code)
        self._gone.pop(code, None)
        try:
            room = self._restored(code, taken)
            if room is None:
                return self._open(code, taken.kind, {}, taken.epoch, asked)
        except Exception as error:
            _log.warning("room %s could not be opened again: %s", code, type(error).__name__)
            return None
        finally:
            self._opening.discard(code)
        self.lease.add(code, taken.epoch, asked, trio.current_time(), self._policy(taken.kind))
        self._note(code)
        _log.info("room %s: taken over", code)
        return room

    def _restored(self, code: str, taken: Taken) -> Room | None:
        """Return the room as it was saved; None if nothing was, or it cannot be read."""
        if not taken.snapshot:
            return None
        try:
            saved = unpack(taken.snapshot)
            if (saved.code, saved.kind) != (code, taken.kind):
                _log.warning("the snapshot of room %s is of another one; it opens fresh", code)
                return None
            return self._server.restore(taken.snapshot)
        except DecodeError as error:
            _log.warning("the snapshot of room %s is none (%s); it opens fresh", code, error)
            return None

    async def _take_orphans(self) -> None:
        if not self.takes_rooms:
            return
        for code, kind in await self._directory.orphans():
            await self.take(code, kind)

    # ---------------------------------------------------------------- giving rooms away

    async def drain(self, seconds: float) -> None:
        """Give all rooms away, and wait until they are closed; see ``Node.drain``."""
        self.draining = True
        codes = self.lease.codes
        for number, code in enumerate(codes):
            while True:
                try:
                    await self.hand_over(code)
                except DirectoryError as error:
                    self._tell_trouble(error)
                    await trio.sleep_until(self.lease.next_beat)
                else:
                    break
            if number + 1 < len(codes):
                await trio.sleep(seconds / len(codes))
        with trio.move_on_after(_DRAINING):
            while any(session.kind in self._server.kinds for session in self._server.table.all):
                await self._closed.wait()

    async def hand_over(self, code: str) -> None:
        """Save a room, give it away, and close it here; its players are to come back.

        Raises:
            DirectoryError: it may be ours still.
        """
        room = self._server.find(code)
        if room is None:
            return
        room.joins_held = True
        await self.save(code)
        epoch = self.lease.epoch(code)
        if epoch is not None:
            await self._directory.release(code, epoch)
        self._forget(code)
        room.close("drained", code=CloseCode.MOVED, reason=RETRY)


def state_of(room: Room, base: str) -> RoomState:
    """Return what of a room the directory is told.

    Args:
        room: the room.
        base: where clients reach it directly.
    """
    metadata = json.dumps(dict(room.metadata), default=str, separators=(",", ":"))
    locked = room.locked or room.joins_held
    return RoomState(len(room.seats), room.capacity, room.private, locked, metadata, base)
