"""What waits to be sent on one connection."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from multiplayer.addressing import TransferMode

from .long_frame import LONG, LongFrame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .long_frame import Frame
    from .pressure import Account
    from .replay_ring import Run

# How many pieces one write takes; below the IOV_MAX of every system.
_PIECES_PER_WRITE: Final = 64

# If frames have fewer bytes than this, on average, many of them are copied into one piece.
_SMALL: Final = 256
_PIECES_IN_ONE: Final = 1024

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_ORDERED: Final = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
_UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE

_NONE: Final[deque[Any]] = deque(maxlen=0)
"""What an outbox has until it needs one of its own: each takes 760 bytes, and most never do."""

_LITTLE: Final = 4096
"""Of whom no more bytes have been taken does without between two frames, as an idle one does."""


class Leaving(Protocol):
    """What is told of each frame of an outbox: that it has left, or never will."""

    def left(self, frame: bytes, mode: TransferMode) -> None:
        """Note that a frame has left whole."""

    def left_run(self, run: Run) -> None:
        """Note that several messages have left, one after another."""

    def cut_off(self, frames: Iterable[tuple[bytes, TransferMode]]) -> None:
        """Note that these will not leave, in their order, and have not left whole."""

    def put(self, frame: bytes, mode: TransferMode) -> None:
        """Note that one will not leave, since nothing more can be sent here."""

    def tear(self) -> None:
        """Note that something is lost."""


class Outbox:
    """Frames in the order in which they leave, whatever their modes.

    A frame that the engine has begun to take is always finished; only the frames after it can still
    be dropped. While it is :attr:`blocked`, that depends on their modes: see
    :meth:`append`.

    Args:
        max_ordered: how many unreliable_ordered frames may wait while it is blocked.
        max_bytes: how many bytes of frames that are not reliable may wait then, unless it is only
            one frame; 0 for any number.
        least: the least number of bytes that a frame counts, for :attr:`load` and ``charged``.

    Attributes:
        blocked: the engine did not take everything at the last write. The writer sets it.
        charged: for how many bytes of the frames here somebody is charged (``pressure``). Only
            reliable ones are charged: the others cannot pile up.
        charged_to: how many peers are charged.
        sent: how many bytes have been taken.
        waiting: how many the engine has not taken yet.
        frames: what waits, the first to leave first. Others look at it only.
        begun: how many bytes of the first frame have been taken.
        calm_bytes, calm_frames: how much may wait before anybody has to look closer; any at first.
        spared: how many of the bytes that wait do not count for :attr:`backlog`.
        spared_frames: how many of the frames that wait do not count for :attr:`behind`.
        ring: what is told of each frame, where more than one connection may carry it; mostly None.
    """

    __slots__ = (
        "_gone",
        "_least",
        "_max_bytes",
        "_max_ordered",
        "_modes",
        "_ordered",
        "_origins",
        "_unreliable",
        "begun",
        "blocked",
        "calm_bytes",
        "calm_frames",
        "charged",
        "charged_to",
        "frames",
        "ring",
        "sent",
        "spared",
        "spared_frames",
        "waiting",
    )

    def __init__(self, max_ordered: int = 64, max_bytes: int = 0, least: int = 0) -> None:
        self.bound(max_ordered, max_bytes, least)
        self.blocked = False
        self.charged = 0
        self.charged_to = 0
        self.sent = 0
        self.calm_bytes = self.calm_frames = math.inf
        self.ring: Leaving | None = None
        self.frames: deque[Frame] = _NONE
        # One for each frame, or none at all while every frame is reliable: the common case.
        self._modes: deque[TransferMode] = _NONE
        # Who is charged for each frame, or none at all while nobody is.
        self._origins: deque[Account | None] = _NONE
        # The unreliable_ordered frames, by how many frames had come before each: all that have left
        # came before those that are here, so an index is that number minus `_gone`.
        self._ordered: deque[int] = _NONE
        self._gone = 0  # how many frames have left, sent or dropped, with `_modes` in use
        self.begun = 0
        self.waiting = 0
        self.spared = 0
        self.spared_frames = 0
        self._unreliable = 0  # bytes of all frames that are not reliable, begun or not

    def bound(self, max_ordered: int, max_bytes: int, least: int) -> None:
        """Have other bounds; see ``Outbox``."""
        self._max_ordered, self._max_bytes, self._least = max_ordered, max_bytes, least

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def backlog(self) -> int:
        """How much a peer that reads too slowly has let pile up: one more frame may wait.

        So it excludes what is left of the first frame, or the last one, whichever is more. While
        it is blocked, only reliable frames count; the others are few in any case.
        """
        frames = self.frames
        if len(frames) < 2:
            return 0
        first, last = len(frames[0]) - self.begun, len(frames[-1])
        if self.spared:
            return max(0, self._reliable - self.spared - last)
        if not (self.blocked and self._unreliable):
            return self.waiting - max(first, last)
        first = first if self._modes[0] is _RELIABLE else 0
        last = last if self._modes[-1] is _RELIABLE else 0
        return self._reliable - max(first, last)

    @property
    def _reliable(self) -> int:
        """How many bytes of reliable frames the engine has not taken yet."""
        if not self._unreliable:
            return self.waiting
        begun = self.begun if self._modes[0] is not _RELIABLE else 0
        return self.waiting + begun - self._unreliable

    @property
    def behind(self) -> int:
        """How many frames wait behind the first, not counting the unreliable_ordered ones.

        Those have a limit of their own.
        """
        frames = self.frames
        if not frames:
            return 0
        first_is_ordered = bool(self._ordered) and self._ordered[0] == self._gone
        counted = len(frames) - 1 - (len(self._ordered) - first_is_ordered)
        return max(0, counted - self.spared_frames) if self.spared_frames else counted

    @property
    def load(self) -> int:
        """How much waits for a peer that should make progress, in bytes: what is reliable."""
        return max(self._reliable, self.behind * self._least)

    def append(
        self, frame: Frame, mode: TransferMode = _RELIABLE, origin: Account | None = None
    ) -> int:
        """Queue a frame; return how many frames of its mode were dropped for it.

        While it is blocked, an unreliable frame is dropped at once; for an
        unreliable_ordered one, the oldest of those that wait is, if there are too many. No frame
        goes before one that was queued earlier.

        Args:
            frame: the frame.
            mode: its packet's mode.
            origin: charged for it while it waits, if it is reliable.
        """
        if mode is not _RELIABLE:
            origin = None
            if self.blocked and mode is _UNRELIABLE:
                return 1
            self._note(mode, len(frame))
        elif self._modes:
            self._modes.append(mode)
        if origin is not None or self._origins:
            self._note_origin(origin)
        if self.frames is _NONE:
            self.frames = deque()
        self.frames.append(frame)
        self.waiting += len(frame)
        if origin is not None:
            origin.charge(self, max(len(frame), self._least))
        return self._drop_oldest() if self.blocked and mode is _ORDERED else 0

    def _note_origin(self, origin: Account | None) -> None:
        """Note who is charged for the next frame."""
        if not self._origins:
            if self._origins is _NONE:
                self._origins = deque()
            self._origins.extend(repeat(None, len(self.frames)))
        self._origins.append(origin)

    def _discharge(self, origin: Account | None, size: int) -> None:
        """Stop charging for a frame that has left."""
        if origin is not None:
            origin.discharge(self, max(size, self._least))

    def _note(self, mode: TransferMode, size: int) -> None:
        """Note the mode of the next frame, which is not reliable."""
        if not self._modes:
            if self._modes is _NONE:
                self._modes = deque()
            self._modes.extend(repeat(_RELIABLE, len(self.frames)))
        self._modes.append(mode)
        self._unreliable += size
        if mode is _ORDERED:
            if self._ordered is _NONE:
                self._ordered = deque()
            self._ordered.append(self._gone + len(self.frames))

    def _drop_oldest(self) -> int:
        """Drop unreliable_ordered frames until no more wait than may."""
        # One that has begun to leave no longer waits: it is finished.
        begun = 1 if self.begun and self._ordered[0] == self._gone else 0
        dropped = 0
        while len(self._ordered) > self._max_ordered + begun or (
            0 < self._max_bytes < self._unreliable and len(self._ordered) > 1 + begun
        ):
            index = self._ordered[begun] - self._gone
            size = len(self.frames[index])
            del self.frames[index], self._modes[index], self._ordered[begun]
            if self._origins:
                del self._origins[index]  # nobody is charged for it
            self._gone += 1
            self.waiting -= size
            self._unreliable -= size
            dropped += 1
        if begun:
            self._ordered[0] = self._gone  # the one frame that was before those that have left
        return dropped

    def spare(self) -> None:
        """Let what waits now count for nothing: it has been written before, and may be much.

        A connection that takes it too slowly stalls, as ever.
        """
        self.spared, self.spared_frames = self.waiting, len(self.frames)

    def pieces(self) -> list[bytes | memoryview]:
        """Return what to write next, in order."""
        begun = self.begun
        if self.waiting + begun >= LONG:
            return self._pieces_of_some()
        frames = cast("deque[bytes]", self.frames)
        pieces: list[bytes | memoryview] = [*islice(frames, _PIECES_PER_WRITE)]
        if len(pieces) == _PIECES_PER_WRITE and self.waiting < _SMALL * len(frames):
            pieces = [b"".join(islice(frames, _PIECES_IN_ONE))]  # sooner done than another write
        if begun:
            pieces[0] = memoryview(pieces[0])[begun:]
        return pieces

    def _pieces_of_some(self) -> list[bytes | memoryview]:
        """Return what to write next if there may be long frames, which are two pieces each."""
        pieces: list[bytes | memoryview] = []
        begun = self.begun
        for frame in islice(self.frames, _PIECES_PER_WRITE // 2):
            if type(frame) is LongFrame:
                pieces += frame.after(begun) if begun else (frame.head, frame.payload)
            else:
                whole = cast("bytes", frame)
                pieces.append(memoryview(whole)[begun:] if begun else whole)
            begun = 0
        return pieces

    def taken(self, count: int) -> bool:
        """Note that the engine took ``count`` bytes of :meth:`pieces`; return whether more wait."""
        self.waiting -= count
        self.sent += count
        if self.spared:
            self.spared = max(0, self.spared - count)
        count += self.begun
        noted = self._modes or self._origins or self.spared_frames
        if not (self.waiting or noted) and self.ring is None:
            self.frames.clear()  # all of them have left, and nobody wants to know of each
            count = 0
        while self.frames and count >= len(self.frames[0]):
            frame = self.frames.popleft()
            size = len(frame)
            if self.spared_frames:
                self.spared_frames -= 1
            count -= size
            if self.ring is not None:
                self.ring.left(bytes(frame), self._modes[0] if self._modes else _RELIABLE)
            if self._modes:
                self._note_leaving(size)
            if self._origins:
                self._discharge(self._origins.popleft(), size)
        self.begun = count
        if self.frames:
            return True
        if self.sent < _LITTLE:
            self.frames = _NONE
        return False

    def _note_leaving(self, size: int) -> None:
        """Forget the mode of the first frame, which has left."""
        if self._modes.popleft() is not _RELIABLE:
            self._unreliable -= size
            if self._ordered and self._ordered[0] == self._gone:
                self._ordered.popleft()
        self._gone += 1

    def recover(self) -> bool:
        """Recount what waits, after an interrupt; return False if that is impossible.

        A frame exists once it is among the frames, which is the last step of adding it.
        """
        frames, modes = self.frames, self._modes
        for notes in (modes, self._origins):
            if len(notes) == len(frames) + 1:
                notes.pop()
            if notes and len(notes) != len(frames):
                return False
        if self.begun and (not frames or self.begun >= len(frames[0])):
            return False
        self.waiting = sum(map(len, frames)) - self.begun
        pairs = zip(frames, modes, strict=False)
        self._unreliable = sum(len(frame) for frame, mode in pairs if mode is not _RELIABLE)
        places = enumerate(modes, self._gone)
        self._ordered = deque(place for place, mode in places if mode is _ORDERED)
        return True

    def forget_charges(self) -> None:
        """Make those who are charged for something forget all charges, here and elsewhere."""
        self.charged = self.charged_to = 0
        for origin in {*self._origins}:
            if origin is not None:
                origin.begin_anew()

    def charge_anew(self) -> None:
        """Charge those whose frames wait, once all have forgotten all charges."""
        for frame, origin in zip(self.frames, self._origins, strict=False):
            if origin is not None:
                origin.charge(self, max(len(frame), self._least))

    def let_off(self) -> None:
        """Charge nobody any more for what waits."""
        for frame in self.frames:
            if not self._origins:
                return
            self._discharge(self._origins.popleft(), len(frame))

    def another(self) -> Outbox:
        """Return an empty one with the same limits."""
        return Outbox(self._max_ordered, self._max_bytes, self._least)

    def pour_into(self, other: Outbox, *, charged: bool = True) -> int:
        """Move all frames behind those of another outbox; return how many were dropped for that.

        A frame that has begun to leave is moved whole: the other's connection is another one.

        Args:
            other: the other one.
            charged: who is charged for a frame is so there, too.
        """
        modes = self._modes or repeat(_RELIABLE)
        origins = (charged and self._origins) or repeat(None)
        frames = zip(self.frames, modes, origins, strict=False)
        dropped = sum(other.append(frame, mode, origin) for frame, mode, origin in frames)
        self._empty()
        return dropped

    def drop_unbegun(self) -> int:
        """Drop all frames of which nothing has been sent; return how many those were."""
        keep = 1 if self.begun else 0
        dropped = len(self.frames) - keep
        if self.ring is not None:
            self.ring.cut_off(islice(self._with_modes(), keep, None))
        while len(self.frames) > keep:
            size = len(self.frames.pop())
            self.waiting -= size
            if self._modes and self._modes.pop() is not _RELIABLE:
                self._unreliable -= size
            if self._origins:
                self._discharge(self._origins.pop(), size)
        while self._ordered and self._ordered[-1] >= self._gone + keep:
            self._ordered.pop()
        return dropped

    def cut_off(self) -> None:
        """Let what waits leave elsewhere, and tell of nothing more.

        What has begun to leave is finished here, too: the other side is to understand what comes
        behind it.
        """
        ring, self.ring = self.ring, None
        if ring is not None:
            ring.cut_off(self._with_modes())
        self.drop_unbegun()

    def clear(self) -> None:
        """Drop everything: the connection is gone."""
        if self.ring is not None and self.frames:
            self.ring.cut_off(self._with_modes())
        self._empty()

    def _with_modes(self) -> zip[tuple[bytes, TransferMode]]:
        return zip(map(bytes, self.frames), self._modes or repeat(_RELIABLE), strict=False)

    def _empty(self) -> None:
        while self._origins:
            self._discharge(self._origins.popleft(), len(self.frames.popleft()))
        self.frames.clear()
        self._modes.clear()
        self._ordered.clear()
        self.blocked = False
        self.begun = 0
        self.waiting = self.spared = self.spared_frames = 0
        self._unreliable = 0
