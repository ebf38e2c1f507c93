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

from typing import TYPE_CHECKING, Any, Protocol

from .shares import Plan, Share, pieces_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    from .channel import Channel
    from .shares import Queued


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
                        plan = rider.plan or rider.new_plan()
                        plan.leave_out(start, end, size)
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
            if plan is None:
                if frames:  # else an interrupt has come before its plan was made
                    shares.append(Share(rider.channel, frames, payload, None, [data], octets))
            elif size := octets + plan.octets:
                pieces = pieces_of(view, plan)
                shares.append(Share(rider.channel, frames, payload, plan, pieces, size))
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
    """

    __slots__ = ("channel", "lane", "plan", "riding")

    def __init__(self, lane: Lane, channel: Channel) -> None:
        self.lane = lane
        self.channel = channel
        self.plan: Plan | None = None
        self.riding = False

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
        lane = self.lane
        if lane.owner.interrupted:
            lane.owner.settle()
        if not self.riding or not (lane.frames or self.plan is not None):
            return
        lane.owner.writing.append(self.channel)
        Share(self.channel, lane.frames, lane.payload, self.plan, [], self.waiting).to_outbox()
        self._start_here()
        lane.owner.writing.pop()

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
            lane = self.lane
            lane.owner.writing.append(self.channel)
            self.riding = True
            lane.stragglers.pop(self, None)
            lane.riders[self] = None
            self._start_here()
            lane.owner.writing.pop()

    def stay_behind(self) -> None:
        """Get everything through the outbox, from the beginning."""
        self.lane.stragglers[self] = None

    def get_off(self) -> None:
        """Get what follows through the outbox, along with what waits in the lane."""
        if self.riding:
            lane = self.lane
            lane.owner.writing.append(self.channel)
            self.catch_up()
            self.riding = False
            self.plan = None
            lane.altered.pop(self, None)
            lane.riders.pop(self, None)
            lane.stragglers[self] = None
            lane.owner.writing.pop()

    def leave(self) -> None:
        """Get nothing more; what waits is in the outbox."""
        self.get_off()
        self.lane.stragglers.pop(self, None)


class Owner(Protocol):
    """What a fan-out needs of whoever moves the bytes.

    Attributes:
        shared: something waits for the next flush.
        writing: those that are written to or moved; an interrupt leaves them there.
        interrupted: a flush has ended early: :meth:`settle` comes before anything is queued.
        most_shared: if more bytes than that wait for somebody, that is to be noted at once.
        most_shared_packets: likewise with packets.
    """

    writing: list[Any]
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
        return [channel for channel, rider in self._riders.items() if rider not in known]
