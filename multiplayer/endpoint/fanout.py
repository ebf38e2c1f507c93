"""What goes to many peers: encoded once, collected in one buffer, written once to each of them.

A *lane* collects the frames of everybody who gets the same bytes. Connections that have taken
everything so far *ride* in it: a frame for all costs one entry, however many they are. A
rider's *plan* notes, by place in the lane, what it does not get (its own packets) and what it gets
alone (targeted packets), so that each peer gets frames in the order in which they were queued. A
connection that does not ride (its outbox is blocked, or it is closing) gets every frame into its
outbox, where transfer modes and limits apply.

Nothing is copied for a rider: it is sent slices of the one buffer. For one whose messages may have
to be written again (``Outbox.ring``), one entry holds what one write took: the lane's frames, which
all share, and its plan.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterator, Sequence

    from multiplayer.addressing import TransferMode

    from .channel import Channel
    from .pressure import Account


class Queued(NamedTuple):
    """A frame, the length of the packet in it, its transfer mode, and who is charged for it."""

    frame: bytes
    size: int
    mode: TransferMode
    origin: Account | None = None


_Cut = tuple[int, int, Queued | None]
"""Where a rider's stream differs from its lane: from one byte to another, something is left out.

If there is a frame, it is inserted there, and nothing is left out. (A named tuple takes longer, and
one is made for each packet of each peer.)
"""


class Plan:
    """How one rider's share of a lane differs from the whole.

    Attributes:
        start: the byte from which it rides.
        index: the frame from which it rides.
        cuts: what it does not get, and what it gets alone, ascending.
        octets: how many bytes on the wire its share is longer than the lane; negative if it is
            shorter.
        packets: the same, counted in packets.
        payload: the same, counted in bytes of packets.
    """

    __slots__ = ("cuts", "index", "octets", "packets", "payload", "start")

    def __init__(self) -> None:
        self.start = 0
        self.index = 0
        self.cuts: list[_Cut] = []
        self.octets = 0
        self.packets = 0
        self.payload = 0

    def leave_out(self, start: int, end: int, size: int) -> None:
        """Note that the frame from ``start`` to ``end``, of a packet of ``size``, is not for it."""
        self.octets -= end - start
        self.packets -= 1
        self.payload -= size
        cuts = self.cuts
        if cuts and cuts[-1][1:] == (start, None):
            cuts[-1] = (cuts[-1][0], end, None)  # one slice less
        else:
            cuts.append((start, end, None))

    def recover(self, frames: list[Queued], octets: int) -> None:
        """Recount, after an interrupt, what the cuts make of a lane's frames."""
        while self.cuts and self.cuts[-1][1] > octets:
            self.cuts.pop()  # that of a frame that never came
        mine = [*_frames_of(frames, self)]
        self.octets = sum(len(each.frame) for each in mine) - octets
        self.packets = len(mine) - len(frames)
        self.payload = sum(each.size for each in mine) - sum(each.size for each in frames)

    def insert(self, at: int, extra: Queued) -> None:
        """Note a frame only for it."""
        self.octets += len(extra[0])
        self.packets += 1
        self.payload += extra[1]
        self.cuts.append((at, at, extra))


class Written:
    """What one write took of a lane, for a ring; see ``replay_ring.Run``.

    Attributes:
        messages: how many frames that was.
        octets: how many bytes they have.
    """

    __slots__ = ("_frames", "_plan", "messages", "octets")

    def __init__(self, frames: list[Queued], plan: Plan | None, octets: int) -> None:
        self._frames = frames
        self._plan = plan
        self.messages = len(frames) + (0 if plan is None else plan.packets)
        self.octets = octets

    def __iter__(self) -> Iterator[tuple[bytes, TransferMode]]:
        for frame, _, mode, _ in _frames_of(self._frames, self._plan):
            yield frame, mode


class Share(NamedTuple):
    """What to send to one rider: ``size`` bytes in ``pieces``, in order."""

    rider: Rider
    frames: list[Queued]
    payload: int
    plan: Plan | None
    pieces: list[bytes | memoryview]
    size: int

    def sent(self) -> None:
        """Count all of it as sent."""
        statistics = self.rider.channel.statistics
        plan = self.plan
        if plan is None:
            statistics.packets_sent += len(self.frames)
            statistics.bytes_sent += self.payload
        else:
            statistics.packets_sent += len(self.frames) + plan.packets
            statistics.bytes_sent += self.payload + plan.payload

    def written(self) -> None:
        """Count all of it as sent, and tell whoever may have to write it again."""
        self.sent()
        ring = self.rider.channel.outbox.ring
        if ring is not None:
            ring.left_run(Written(self.frames, self.plan, self.size))

    def to_outbox(self, taken: int = 0) -> None:
        """Count it, and put into the rider's outbox what follows the first ``taken`` bytes."""
        self.sent()
        outbox = self.rider.channel.outbox
        ring = outbox.ring
        for frame, _, mode, origin in _frames_of(self.frames, self.plan):
            if taken >= len(frame):
                taken -= len(frame)
                if ring is not None:
                    ring.left(frame, mode)
                continue
            outbox.append(frame, mode, origin)
            if taken:
                outbox.taken(taken)
                taken = 0


def _frames_of(frames: list[Queued], plan: Plan | None) -> Iterator[Queued]:
    if plan is None:
        yield from frames
        return
    index, at = plan.index, plan.start
    for start, end, extra in plan.cuts:
        while at < start:
            yield frames[index]
            at += len(frames[index].frame)
            index += 1
        while at < end:
            at += len(frames[index].frame)
            index += 1
        if extra is not None:
            yield extra
    yield from islice(frames, index, None)


def _pieces_of(data: bytes, view: memoryview, plan: Plan | None) -> list[bytes | memoryview]:
    if plan is None:
        return [data]
    pieces: list[bytes | memoryview] = []
    at = plan.start
    for start, end, extra in plan.cuts:
        if at < start:
            pieces.append(view[at:start])
        if extra is not None:
            pieces.append(extra.frame)
        at = end
    if at < len(view):
        pieces.append(view[at:])
    return pieces


class Lane:
    """The frames for all who get the same bytes, since frames last left.

    Args:
        owner: told that something waits.
    """

    __slots__ = (
        "_leaving",
        "altered",
        "frames",
        "octets",
        "owner",
        "payload",
        "riders",
        "stragglers",
    )

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self._leaving: list[Share] | None = None  # of what waits, until all of that is forgotten
        self.frames: list[Queued] = []
        self.octets = 0
        self.payload = 0
        self.riders: dict[Rider, None] = {}
        self.stragglers: dict[Rider, None] = {}
        self.altered: dict[Rider, None] = {}  # those with a plan

    def broadcast(self, queued: Queued, excluded: Sequence[Rider]) -> None:
        """Queue a frame for all but ``excluded``."""
        frame, size, mode, origin = queued
        if self.riders:
            start = self.octets
            end = start + len(frame)
            try:
                for rider in excluded:
                    if rider.riding and rider.lane is self:
                        (rider.plan or rider.new_plan()).leave_out(start, end, size)
                self.frames.append(queued)  # only once nobody can get it who should not
                self.octets = end
                self.payload += size
            except BaseException:  # the next frame must not be left out in place of this one
                self.recover()
                raise
        if self.stragglers:
            left_out = frozenset(excluded)
            for rider in list(self.stragglers):
                if rider not in left_out:
                    rider.channel.send_shared(frame, size, mode, origin)
                    self.owner.queued(rider.channel)
        if self.frames:  # not before the stragglers: one that becomes a straggler has this frame
            self.owner.shared_queued(self.octets, len(self.frames))

    @property
    def is_pending(self) -> bool:
        """Whether something waits, or has not quite left."""
        return bool(self.frames or self.altered or self._leaving)

    def shares(self) -> list[Share]:
        """Return what to send to each rider."""
        frames, octets, payload = self.frames, self.octets, self.payload
        data = b"".join([queued.frame for queued in frames])
        view = memoryview(data)
        shares: list[Share] = []
        # Without frames for all, only those with frames of their own get something.
        for rider in self.riders if frames else self.altered:
            plan = rider.plan
            size = octets if plan is None else octets + plan.octets
            if size:
                pieces = _pieces_of(data, view, plan)
                shares.append(Share(rider, frames, payload, plan, pieces, size))
        return shares

    def unload(self, shares: deque[Share]) -> None:
        """Move what waits to ``shares``, or go on with that where an interrupt has ended it."""
        if self._leaving is None:
            self._leaving = self.shares()  # from here on, all can be done again
            shares.extend(self._leaving)
        else:
            here = {id(share) for share in shares}
            shares.extend(share for share in self._leaving if id(share) not in here)
        for rider in self.altered:
            rider.plan = None
        self.octets, self.payload, self.altered = 0, 0, {}
        self.frames = []
        self._leaving = None

    def recover(self, shares: deque[Share] | None = None) -> None:
        """Repair what an interrupt has left.

        Args:
            shares: where what was leaving goes; None if nothing was.
        """
        if shares is not None and self._leaving is not None:
            self.unload(shares)
        self.octets = sum(len(each.frame) for each in self.frames)
        self.payload = sum(each.size for each in self.frames)
        self.altered = {rider: None for rider in self.riders if rider.plan is not None}
        for rider in self.altered:
            if rider.plan is not None:
                rider.plan.recover(self.frames, self.octets)


class Rider:
    """One connection's place in a lane. Made with :meth:`Fanout.join`.

    Attributes:
        lane: whose frames it gets.
        channel: the connection.
        plan: how its share differs from the lane; None if it gets all of it.
        riding: it gets its frames by the lane, and not by its outbox.
        moving: it is about to change that, or frames are on the way from here to there.
    """

    __slots__ = ("channel", "lane", "moving", "plan", "riding")

    def __init__(self, lane: Lane, channel: Channel) -> None:
        self.lane = lane
        self.channel = channel
        self.plan: Plan | None = None
        self.riding = False
        self.moving = False

    @property
    def waiting(self) -> int:
        """How many bytes wait in the lane."""
        if not self.riding:
            return 0
        return self.lane.octets + (self.plan.octets if self.plan is not None else 0)

    @property
    def packets(self) -> int:
        """How many packets wait in the lane."""
        if not self.riding:
            return 0
        return len(self.lane.frames) + (self.plan.packets if self.plan is not None else 0)

    @property
    def payload(self) -> int:
        """How many bytes those packets have together."""
        if not self.riding:
            return 0
        return self.lane.payload + (self.plan.payload if self.plan is not None else 0)

    def new_plan(self) -> Plan:
        """Return a plan of its own, made just now."""
        self.lane.altered[self] = None  # first: a plan that is not noted there is never forgotten
        self.plan = plan = Plan()
        return plan

    def catch_up(self) -> None:
        """Move what waits in the lane into the outbox, because something else follows it."""
        lane, was_moving = self.lane, self.moving
        if lane.owner.interrupted:
            lane.owner.settle()
        if not self.riding or not (lane.frames or self.plan is not None):
            return
        self.moving = True
        Share(self, lane.frames, lane.payload, self.plan, [], self.waiting).to_outbox()
        self._start_here()
        self.moving = was_moving

    def _start_here(self) -> None:
        """Ride from the lane's end on."""
        lane = self.lane
        lane.altered.pop(self, None)
        self.plan = None
        if lane.frames:
            plan = self.new_plan()
            plan.start, plan.index = lane.octets, len(lane.frames)
            plan.octets, plan.packets, plan.payload = -lane.octets, -plan.index, -lane.payload

    def get_on(self) -> None:
        """Get what follows through the lane."""
        if not self.riding:
            self.moving = True
            self.riding = True
            self.lane.stragglers.pop(self, None)
            self.lane.riders[self] = None
            self._start_here()
            self.moving = False

    def stay_behind(self) -> None:
        """Get everything through the outbox, from the beginning."""
        self.lane.stragglers[self] = None

    def get_off(self) -> None:
        """Get what follows through the outbox, along with what waits in the lane."""
        if self.riding:
            self.moving = True
            self.catch_up()
            self.riding = False
            self.plan = None
            self.lane.altered.pop(self, None)
            self.lane.riders.pop(self, None)
            self.lane.stragglers[self] = None
            self.moving = False

    def leave(self) -> None:
        """Get nothing more; what waits is in the outbox."""
        self.get_off()
        self.lane.stragglers.pop(self, None)


class Owner(Protocol):
    """What a fan-out needs of whoever moves the bytes.

    Attributes:
        shared: something waits for the next flush.
        interrupted: a flush has ended early: :meth:`settle` comes before anything is queued.
        most_shared: if more bytes than that wait for somebody, that is to be noted at once.
        most_shared_packets: likewise with packets.
    """

    shared: bool
    interrupted: bool
    most_shared: float
    most_shared_packets: float

    def settle(self) -> None:
        """Queue what an interrupted flush has not written, each packet where it is to leave."""

    def shared_queued(self, octets: int, packets: int) -> None:
        """Note that something has been queued; this much waits for somebody now."""

    def queued(self, channel: Channel) -> None:
        """Note that something has been queued on ``channel`` alone."""


class Fanout:
    """Everybody who gets what is sent to all.

    Args:
        owner: who moves the bytes.
    """

    __slots__ = ("_lanes", "_owner", "_riders")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._lanes: list[Lane] = []
        self._riders: dict[Channel, Rider] = {}

    @property
    def pending(self) -> bool:
        """Whether something waits to be sent."""
        return any(lane.is_pending for lane in self._lanes)

    def join(self, channel: Channel, lane: int = 0) -> None:
        """Send ``channel`` what is for all from now on, in the encoding of that number."""
        while lane >= len(self._lanes):
            self._lanes.append(Lane(self._owner))
        channel.ride = self._riders[channel] = rider = Rider(self._lanes[lane], channel)
        if channel.can_ride:
            rider.get_on()
        else:
            rider.stay_behind()

    def leave(self, channel: Channel) -> None:
        """Send ``channel`` nothing any more but what has been queued."""
        rider = self._riders.get(channel)
        if rider is not None:
            rider.leave()
            channel.ride = None
            del self._riders[channel]  # last: until then it can be done again

    def __len__(self) -> int:
        return len(self._riders)

    def clear(self) -> None:
        """Forget everybody: the connections are gone."""
        for channel in self._riders:
            channel.ride = None
        self._riders.clear()
        self._lanes.clear()

    def broadcast(self, encodings: Sequence[Queued], excluded: Sequence[Channel] = ()) -> None:
        """Queue a packet for all but ``excluded``.

        Args:
            encodings: its frame in each encoding.
            excluded: who does not get it.
        """
        if self._owner.interrupted:
            self._owner.settle()
        frame, _, _, origin = encodings[0]
        if origin is not None:
            origin.sent_to_all += len(frame)
            origin.spent += len(frame) * len(self._riders)
        riders: list[Rider] = []
        for channel in excluded:
            if channel in self._riders:
                riders.append(self._riders[channel])  # noqa: PERF401 - quicker for one
        for lane, queued in zip(self._lanes, encodings, strict=False):
            lane.broadcast(queued, riders)

    def send(self, channel: Channel, queued: Queued) -> None:
        """Queue a packet for ``channel`` alone, in its place among those for all."""
        if self._owner.interrupted:
            self._owner.settle()
        frame, _, _, origin = queued
        if origin is not None:
            origin.note_sent(channel.outbox, len(frame))
        rider = self._riders.get(channel)
        if rider is not None and rider.riding:
            lane, plan = rider.lane, rider.plan or rider.new_plan()
            plan.insert(lane.octets, queued)
            self._owner.shared_queued(lane.octets + plan.octets, len(lane.frames) + plan.packets)
        else:
            channel.send_shared(*queued)
            self._owner.queued(channel)

    def send_each(self, several: Sequence[tuple[Channel, Queued]]) -> None:
        """Queue packets, each for one channel, as :meth:`send` does, with fewer calls for each."""
        owner, riders = self._owner, self._riders
        if owner.interrupted:
            owner.settle()
        octets = packets = 0
        owner.shared = True  # first: an interrupt may come before all are queued
        for channel, queued in several:
            rider = riders.get(channel)
            frame, size, _, origin = queued
            if rider is None or not rider.riding or origin is not None:
                self.send(channel, queued)
                continue
            lane, plan = rider.lane, rider.plan or rider.new_plan()
            plan.octets += len(frame)
            plan.packets += 1
            plan.payload += size
            at = lane.octets
            plan.cuts.append((at, at, queued))  # last: an interrupt leaves the packet out
            octets, packets = at + plan.octets, len(lane.frames) + plan.packets
            if octets > owner.most_shared or packets > owner.most_shared_packets:
                owner.shared_queued(octets, packets)
        if packets:
            owner.shared_queued(octets, packets)

    def unload(self, shares: deque[Share]) -> None:
        """Empty all lanes; add what to send to each rider. After an interrupt it goes on."""
        for lane in self._lanes:
            if lane.is_pending:
                lane.unload(shares)

    def recover(self, shares: deque[Share]) -> list[Channel]:
        """Repair what an interrupt has left; return the links of which nobody knows what they got.

        Args:
            shares: those that :meth:`unload` added and that were not sent; it adds the rest.
        """
        known = {rider for channel, rider in self._riders.items() if channel.ride is rider}
        for lane in self._lanes:
            mine = [rider for rider in self._riders.values() if rider.lane is lane]
            lane.riders = {rider: None for rider in mine if rider.riding}
            lane.stragglers = {rider: None for rider in mine if not rider.riding}
            lane.recover(shares)
        return [
            channel for channel, rider in self._riders.items() if rider.moving or rider not in known
        ]
