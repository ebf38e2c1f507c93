"""``Faults``: what a simulated network can do to its peers and their links."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

from .chance import Chance
from .link_model import SECOND
from .presets import MOBILE_3G, TERRIBLE, WIFI_BAD, check_conditions
from .schedule import BOTH, DOWN, HEALING, UP, Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .conditions import Conditions
    from .ether import Ether
    from .pipe import Way
    from .resident import Resident
    from .simulated_peers import SimulatedPeer
    from .trace_log import TraceLog

_OF_SCHEDULES = 3  # which branch of the seed they are drawn from


class Link(NamedTuple):
    """The two directions between a client and its server.

    Attributes:
        up: from the client to the server; its ``conditions`` can be set.
        down: from the server to the client.
    """

    up: Way
    down: Way

    @property
    def conditions(self) -> Conditions:
        """Those of :attr:`up`; setting them sets both."""
        return self.up.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions | str) -> None:
        checked = check_conditions(conditions)
        self.up.conditions = self.down.conditions = checked


class Faults(ABC):
    """The part of a ``SimulatedNetwork`` that breaks things.

    Attributes:
        on_restart: called with the old and the new peer when a schedule has started a process
            again: to give the new one an API, say.
    """

    _ether: Ether
    _log: TraceLog | None
    seed: int

    def __init__(self) -> None:
        super().__init__()
        self.on_restart: Callable[[SimulatedPeer, SimulatedPeer], object] | None = None
        self._schedules: list[tuple[float, Schedule]] = []
        self._before: dict[Way, Conditions] = {}  # what a schedule has changed

    @abstractmethod
    def resident(self, peer: SimulatedPeer) -> Resident:
        """Return what the network knows of a peer."""

    @abstractmethod
    def _residents_here(self) -> list[Resident]:
        """Return what it knows of all, in the order of their numbers."""

    @abstractmethod
    def _make_again(self, before: Resident) -> SimulatedPeer:
        """Return a new peer in the place of one whose process has gone."""

    # ---------------------------------------------------------------- links

    @property
    def conditions(self) -> Conditions:
        """Those of new links; setting them sets those of all links, in both directions.

        Raises (when they are set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: they are none; ``ERR_DOES_NOT_EXIST``:
                there is no such preset.
        """
        return self._ether.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions | str) -> None:
        checked = self._ether.conditions = check_conditions(conditions)
        for way in self._ether.ways.values():
            way.conditions = checked

    def link(self, peer: SimulatedPeer, other: SimulatedPeer | None = None) -> Link:
        """Return the link between a client and a server, in whichever order.

        Args:
            peer: one of them.
            other: the other one; None for the server that the client was made for.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one is of another network, or they are two
                clients, or two servers.
        """
        one = self.resident(peer)
        two = one.server if other is None else self.resident(other)
        if two is None or one.serves is two.serves:
            message = (
                f"{peer!r} and {other!r} have no link: there is one between each client and its "
                "server, which packets between clients take twice"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        client, server = (two, one) if one.serves else (one, two)
        ether = self._ether
        up, down = (client.number, server.number), (server.number, client.number)
        return Link(ether.way(*up), ether.way(*down))

    def _way(self, source: SimulatedPeer, target: SimulatedPeer) -> Way:
        link = self.link(source, target)
        return link.down if self.resident(source).serves else link.up

    def partition(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Let nothing get from one peer to another: one direction only.

        Unreliable packets are lost, reliable ones arrive after :meth:`heal`, as sent again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        way = self._way(source, target)
        self._cut(way)

    def heal(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """End a :meth:`partition`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._heal(self._way(source, target))

    def hold(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Keep back all that would get from one peer to another, until :meth:`release`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._hold(self._way(source, target))

    def release(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Deliver what a :meth:`hold` has kept back, in its order, at once.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._release(self._way(source, target))

    def replay_late(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Deliver an old unreliable packet once more; the oldest of the last 64 that arrived.

        One that is unreliable_ordered is dropped by its receiver, which has had a later one.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none has arrived; ``ERR_INVALID_PARAMETER``:
                as for :meth:`link`.
        """
        if not self._ether.replay(self._way(source, target)):
            message = f"no unreliable packet from {source!r} to {target!r} can come again"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)

    def half_open(self, client: SimulatedPeer) -> None:
        """Let the connection of a client die without anybody being told.

        What both sides send vanishes, as when a router forgets a connection. Each finds out by
        itself, by heartbeats or when it closes. The client can connect again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network, or a server.
        """
        resident = self.resident(client)
        if resident.serves:
            message = f"{client!r} is a server with a connection to each client; name the client"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._note(resident.number, "half-open: what it sends and is sent vanishes")
        resident.engine.fall_silent()

    def _cut(self, way: Way) -> None:
        self._note(way.receiver, f"nothing gets here from {self._name(way.sender)}")
        way.cut = True

    def _heal(self, way: Way) -> None:
        if way.cut:
            self._note(way.receiver, f"what {self._name(way.sender)} sends gets here again")
            self._ether.heal(way)

    def _hold(self, way: Way) -> None:
        self._note(way.receiver, f"what comes from {self._name(way.sender)} is held")
        way.held = True

    def _release(self, way: Way) -> None:
        if way.held:
            self._note(way.receiver, f"what has come from {self._name(way.sender)} is released")
            self._ether.release(way)

    # ---------------------------------------------------------------- processes

    def pause(self, peer: SimulatedPeer) -> None:
        """Stop a process: it is not polled, and what comes for it waits.

        When it goes on its clock has jumped, as after a debugger or a suspended laptop.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the peer is of another network.
        """
        resident = self.resident(peer)
        self._note(resident.number, "paused")
        resident.paused = True

    def resume(self, peer: SimulatedPeer) -> None:
        """Let a process go on that was stopped.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the peer is of another network.
        """
        resident = self.resident(peer)
        if resident.paused:
            self._note(resident.number, "goes on")
            resident.paused = False
            resident.stir()

    def slow_reader(self, peer: SimulatedPeer, bytes_per_second: int | None = 0) -> None:
        """Let a peer read slowly, so that the buffers of those who send to it fill.

        Args:
            peer: the peer.
            bytes_per_second: how many bytes it reads a second; 0 for none, None for all at once
                again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network, or the number
                makes no sense.
        """
        resident = self.resident(peer)
        if bytes_per_second is not None:
            check_number("bytes_per_second", bytes_per_second, whole=True)
        speed = "at full speed" if bytes_per_second is None else f"{bytes_per_second} bytes/s"
        self._note(resident.number, f"reads {speed}")
        resident.engine.rate = bytes_per_second
        resident.stir()

    def kill(self, peer: SimulatedPeer, *, silently: bool = False) -> None:
        """End a process at once: none of its signals is emitted, what waits to be sent is lost.

        Args:
            peer: the peer; it is disconnected, and not polled any more.
            silently: nobody is told, as when the power fails; else its system tells the others that
                their connections are over.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network.
        """
        resident = self.resident(peer)
        if resident.gone:
            return
        self._note(resident.number, "killed, and nobody is told" if silently else "killed")
        resident.gone, resident.driver = True, None
        engine = resident.engine
        engine.vanish(silently=silently)
        port = engine.local_port
        peer.end_at_once(1000)
        if silently and port:
            self._ether.listeners[port] = engine  # whoever connects hears nothing

    def restart(self, peer: SimulatedPeer) -> SimulatedPeer:
        """Start a process again: return a new peer in the place of one, which is killed first.

        It has the same settings and conditions. A server listens at the same port, a client
        connects to its server. Give it a new API: the old one went with its process.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network.
        """
        resident = self.resident(peer)
        self.kill(peer)
        if self._ether.listeners.get(resident.port) is resident.engine:
            del self._ether.listeners[resident.port]
        return self._make_again(resident)

    # ---------------------------------------------------------------- schedules

    def schedule(
        self,
        schedule: Schedule | None = None,
        *,
        seconds: float = 10.0,
        count: int = 8,
        faults: Collection[str] = HEALING,
    ) -> Schedule:
        """Let faults come as a schedule says, from now on; return it.

        Args:
            schedule: the schedule; None to draw one from the network's seed.
            seconds: within which time the faults of a drawn one begin.
            count: how many it has.
            faults: which kinds it has.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it concerns a peer that the network does
                not have, or an argument makes no sense.
        """
        if schedule is None:
            clients = [each.number for each in self._residents_here() if not each.serves]
            seed = Chance(self.seed).branch(_OF_SCHEDULES, len(self._schedules)).word()
            bad = (WIFI_BAD, MOBILE_3G, TERRIBLE)
            schedule = Schedule.random(
                seed, clients, seconds=seconds, count=count, faults=faults, conditions=bad
            )
        for fault in schedule:
            self._check_fault(fault)
        self._schedules.append((self._ether.seconds, schedule))
        for fault in schedule:
            begin, end = partial(self._begin, fault), partial(self._end, fault)
            now = self._ether.now
            self._ether.at(now + round(fault.at * SECOND), begin)
            if fault.lasts:
                self._ether.at(now + round(fault.end * SECOND), end)
        return schedule

    def _check_fault(self, fault: Fault) -> None:
        residents = self._residents_here()
        if fault.peer >= len(residents):
            message = f"{fault}: there is no peer {fault.peer}; there are {len(residents)}, from 0"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        of_processes = ("pause", "slow_reader", "kill", "restart")
        if residents[fault.peer].serves and fault.kind not in of_processes:
            message = f"{fault}: {fault.peer} is a server; name the client whose link it is"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def quiet(self, conditions: Conditions | str | None = None) -> None:
        """End all faults, and those of schedules that have not come yet: all may heal now.

        Args:
            conditions: of all links from now on; None for what they were before the schedules.
        """
        self._ether.cancel_all()
        self._note(0, "quiet")
        for way in self._ether.ways.values():
            self._heal(way)
            self._release(way)
        for way, before in self._before.items():
            way.conditions = before
        self._before.clear()
        for resident in self._residents_here():
            self.resume(resident.peer)
            if resident.engine.rate is not None:
                self.slow_reader(resident.peer, None)
        if conditions is not None:
            self.conditions = check_conditions(conditions)

    def _ways_of(self, fault: Fault, resident: Resident) -> list[Way]:
        server = resident.server
        if server is None:
            return []
        number, other = resident.number, server.latest.number
        pairs = {UP: [(number, other)], DOWN: [(other, number)]}
        pairs[BOTH] = pairs[UP] + pairs[DOWN]
        return [self._ether.way(*pair) for pair in pairs[fault.way]]

    def _begin(self, fault: Fault) -> None:
        resident = self._residents_here()[fault.peer].latest
        peer, kind = resident.peer, fault.kind
        if kind == "pause":
            self.pause(peer)
        elif kind == "slow_reader":
            self.slow_reader(peer, fault.bytes_per_second)
        elif kind == "half_open":
            self.half_open(peer)
        elif kind == "kill":
            self.kill(peer)
        elif kind == "restart":
            after = self.restart(peer)
            if self.on_restart is not None:
                self.on_restart(peer, after)
        for way in self._ways_of(fault, resident):
            if kind == "partition":
                self._cut(way)
            elif kind == "hold":
                self._hold(way)
            elif kind == "replay_late":
                self._ether.replay(way)
            elif kind == "conditions" and fault.conditions is not None:
                self._before.setdefault(way, way.conditions)
                self._note(way.receiver, f"other conditions from {self._name(way.sender)}")
                way.conditions = fault.conditions

    def _end(self, fault: Fault) -> None:
        resident = self._residents_here()[fault.peer].latest
        if fault.kind == "pause":
            self.resume(resident.peer)
        elif fault.kind == "slow_reader":
            self.slow_reader(resident.peer, None)
        for way in self._ways_of(fault, resident):
            if fault.kind == "partition":
                self._heal(way)
            elif fault.kind == "hold":
                self._release(way)
            elif fault.kind == "conditions" and way in self._before:
                way.conditions = self._before[way]

    def _schedule_text(self) -> str:
        if not self._schedules:
            return "no schedule"
        texts = [f"from {start:.6f} s on:\n{schedule}" for start, schedule in self._schedules]
        return "\n".join(texts)

    def _name(self, number: int) -> str:
        return self._residents_here()[number].name

    def _note(self, number: int, sentence: str) -> None:
        if self._log is not None:
            self._log.fault(self._ether.now, number, f"{self._name(number)}: {sentence}")
