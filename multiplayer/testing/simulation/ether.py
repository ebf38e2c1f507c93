"""``Ether``: what carries the frames of a simulated network, and its time in microseconds."""

from __future__ import annotations

import heapq
import math
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

from .chance import Chance
from .frames import MODES, Kind
from .link_model import SECOND
from .pipe import Flight, Pipe, Way
from .trace_log import What

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conditions import Conditions
    from .pipe import Station
    from .simulated_channel import SimulatedChannel
    from .trace_log import TraceLog

_RELIABLE: Final = int(Kind.RELIABLE)
_ORDERED: Final = int(Kind.UNRELIABLE_ORDERED)
_FIRST_PORT: Final = 49152  # the first that RFC 6335 leaves for everybody
_LAST_PORT: Final = 65535
_OF_WAYS: Final = 2  # which branch of the seed ways draw from


class Ether:
    """Carries frames.

    Args:
        seed: what chance is drawn from.
        conditions: those of new links.
        log: takes what happens; None to keep nothing.

    Attributes:
        conditions: see above.
        log: see above.
        now: the time in microseconds.
        flights: what is under way, what arrives first first.
        ways: by the numbers of sender and receiver.
        listeners: by port.
        clock: the clock that is followed, if one is, in seconds.
    """

    def __init__(self, seed: int, conditions: Conditions, log: TraceLog | None) -> None:
        self._chance = Chance(seed)
        self.conditions = conditions
        self.log = log
        self.now = 0
        self.flights: list[Flight] = []
        self.ways: dict[tuple[int, int], Way] = {}
        self.listeners: dict[int, Station] = {}
        self.clock: Callable[[], float] | None = None
        self._serials: list[int] = []
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._order = count()
        self._soon: deque[tuple[int, Callable[[], object]]] = deque()

    # ---------------------------------------------------------------- who is there

    def add(self) -> None:
        """Note that there is one peer more; peers are numbered from 0."""
        self._serials.append(0)

    def way(self, sender: int, receiver: int) -> Way:
        """Return the way from one peer to another; it is made when it is needed."""
        way = self.ways.get((sender, receiver))
        if way is None:
            chance = self._chance.branch(_OF_WAYS, sender, receiver)
            way = Way(sender, receiver, self.conditions, chance)
            self.ways[sender, receiver] = way
        return way

    def move(self, before: int, after: int) -> None:
        """Give the ways of a peer the conditions of those of one that has gone."""
        for (sender, receiver), way in [*self.ways.items()]:
            if before in (sender, receiver):
                pair = (after if each == before else each for each in (sender, receiver))
                self.way(*pair).conditions = way.conditions

    def listen(self, port: int, engine: Station) -> int:
        """Let somebody listen at a port, 0 for a free one; return which.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: somebody listens there.
        """
        if not port:
            port = next(
                each for each in range(_FIRST_PORT, _LAST_PORT + 1) if each not in self.listeners
            )
        self.check_port(port)
        self.listeners[port] = engine
        return port

    def check_port(self, port: int) -> None:
        """Raise unless somebody may listen at a port.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: somebody listens there;
                ``ERR_INVALID_PARAMETER``: it is no port.
        """
        check_number("port", port, whole=True)
        if port > _LAST_PORT:
            message = f"{port} is not a port; use 1 to {_LAST_PORT}, or 0 for a free one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if port in self.listeners:
            message = f"a server of this network listens at port {port}; choose another, or 0"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def address_of(self, port: int) -> str:
        """Return the address of whoever listens at a port; "" if nobody does."""
        server = self.listeners.get(port)
        return "" if server is None else server.address

    def dial(self, client: Station, port: int, channel: SimulatedChannel) -> Pipe | None:
        """Return the way to whoever listens at a port; None if nobody does."""
        server = self.listeners.get(port)
        if server is None:
            return None
        up = Pipe(self.way(client.number, server.number), self, client, server)
        down = Pipe(self.way(server.number, client.number), self, server, client)
        up.back, down.back = down, up
        up.origin = down.channel = channel
        channel.incoming = down
        up.is_open = not server.gone
        return up

    # ---------------------------------------------------------------- time

    @property
    def seconds(self) -> float:
        """The time in seconds."""
        return self.now / SECOND if self.clock is None else self.clock()

    @property
    def due(self) -> float:
        """When the next frame arrives or fault comes, in seconds; infinity for never."""
        due = self.arrival
        return min(due, self._agenda[0][0] / SECOND) if self._agenda else due

    @property
    def arrival(self) -> float:
        """When the next frame arrives, or its sender hears of room; infinity if none is under way.

        In seconds.
        """
        flights, soon = self.flights, self._soon
        due = flights[0][0] / SECOND if flights else math.inf
        return min(due, soon[0][0] / SECOND) if soon else due

    def soon(self, action: Callable[[], object]) -> None:
        """Do something a microsecond later."""
        self._soon.append((self.now + 1, action))

    def at(self, time: int, action: Callable[[], object]) -> None:
        """Do something at a time, in microseconds, before what arrives then."""
        heapq.heappush(self._agenda, (time, next(self._order), action))

    def cancel_all(self) -> None:
        """Do nothing of what was to be done."""
        self._agenda.clear()

    def go_to(self, seconds: float) -> None:
        """Let it be that time, and deliver what has arrived by then."""
        now = round(seconds * SECOND)
        if now / SECOND < seconds:
            now += 1
        while self._agenda and self._agenda[0][0] <= now:
            time, _, action = heapq.heappop(self._agenda)
            self._deliver(time)
            action()
        self._deliver(now)

    def _deliver(self, now: int) -> None:
        flights, soon = self.flights, self._soon
        while True:
            if soon and soon[0][0] <= now and not (flights and flights[0][0] < soon[0][0]):
                time, action = soon.popleft()
                self.now = max(self.now, time)
                action()
            elif flights and flights[0][0] <= now:
                flight = heapq.heappop(flights)
                self.now = max(self.now, flight.time)
                self._arrive(flight)
            else:
                break
        self.now = max(self.now, now)

    def catch_up(self) -> None:
        """Do so for the time of the clock that is followed."""
        if self.clock is not None:
            self.go_to(self.clock())

    # ---------------------------------------------------------------- frames

    def send(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        """Put a frame on its way."""
        way = pipe.way
        sender = way.sender
        serial = self._serials[sender] = self._serials[sender] + 1
        if self.clock is not None:
            self.catch_up()
        now, log = self.now, self.log
        if log is not None:
            log.sent(now, kind, sender, way.receiver, serial, content)
        arrivals = way.model.arrivals(now, size, MODES[kind])
        if not arrivals:
            if log is not None:
                log.befell(now, What.LOST, kind, sender, way.receiver, serial)
            pipe.read(size)
            return
        flights = self.flights
        flight = Flight(arrivals[0], sender, serial, 0, pipe, kind, content, size)
        heapq.heappush(flights, flight)
        if len(arrivals) > 1:
            heapq.heappush(flights, flight._replace(time=arrivals[1], copy=1, size=0))
        if self.clock is not None:
            pipe.target.wake()

    def _arrive(self, flight: Flight) -> None:
        _, sender, serial, copy, pipe, kind, content, size = flight
        way = pipe.way
        if not pipe.is_open:
            self._befell(What.VANISHED, flight)
            pipe.vanish(size)
            return
        if way.held or (way.cut and kind >= _RELIABLE):
            way.waiting.append(flight)
            self._befell(What.HELD, flight)
            return
        if way.cut:
            self._befell(What.CUT, flight)
            pipe.read(size)
            return
        if kind >= _RELIABLE:
            if self.now < way.late_until:
                heapq.heappush(self.flights, flight._replace(time=way.late_until))
                return
        elif kind == _ORDERED and serial <= pipe.last_ordered:
            self._befell(What.OVERTAKEN, flight)
            pipe.read(size)
            return
        else:
            way.recent.append(flight)
            if kind == _ORDERED:
                pipe.last_ordered = serial
        log = self.log
        if log is not None:
            what = What.DOUBLED if copy else What.DELIVERED
            log.befell(self.now, what, kind, sender, way.receiver, serial)
        pipe.target.deliver(pipe, kind, content, size)

    def _befell(self, what: What, flight: Flight) -> None:
        if self.log is not None:
            _, sender, serial, _, pipe, kind, _, _ = flight
            self.log.befell(self.now, what, kind, sender, pipe.way.receiver, serial)

    # ---------------------------------------------------------------- faults

    def release(self, way: Way) -> None:
        """Deliver what a way holds, in its order, at once."""
        way.held = False
        self._send_again(way, self.now + 1)

    def heal(self, way: Way) -> None:
        """End a partition: what was reliable is sent again."""
        way.cut = False
        if way.waiting:
            self._send_again(way, way.model.late_arrival(self.now))

    def _send_again(self, way: Way, time: int) -> None:
        if way.cut or way.held or not way.waiting:
            return
        time = max(time, way.late_until)  # not before those that were sent again earlier
        for flight in way.waiting:
            heapq.heappush(self.flights, flight._replace(time=time))
        way.waiting.clear()
        way.late_until = time
        self._wake_all()

    def replay(self, way: Way) -> bool:
        """Deliver the oldest unreliable packet once more; return whether there is one."""
        while way.recent:
            flight = way.recent.popleft()
            pipe = flight.pipe
            if pipe.is_open and not (way.cut or way.held):
                is_old = flight.kind == _ORDERED
                self._befell(What.OVERTAKEN if is_old else What.REPLAYED, flight)
                if not is_old:
                    pipe.target.deliver(pipe, flight.kind, flight.content, 0)
                return True
        return False

    def _wake_all(self) -> None:
        if self.clock is not None:
            for flight in self.flights:
                flight.pipe.target.wake()

    def moving(self) -> Iterator[Flight]:
        """Yield what is under way and will arrive."""
        yield from self.flights
