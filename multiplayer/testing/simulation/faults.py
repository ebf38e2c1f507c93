"""``Faults``: what a simulated network can do to its peers and their links, and when."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

from .chance import Chance
from .link_model import SECOND
from .presets import MOBILE_3G, TERRIBLE, WIFI_BAD, check_conditions
from .process_faults import ProcessFaults
from .schedule import BOTH, DOWN, HEALING, UP, Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .conditions import Conditions
    from .pipe import Way
    from .resident import Resident
    from .simulated_peers import SimulatedPeer

_OF_SCHEDULES: Final = 3  # which branch of the seed they are drawn from


class Faults(ProcessFaults):
    """The part of a ``SimulatedNetwork`` that breaks things.

    Attributes:
        on_restart: called with the old and the new peer when a schedule has started a process
            again: to give the new one an API, say.
    """

    seed: int

    def __init__(self) -> None:
        super().__init__()
        self.on_restart: Callable[[SimulatedPeer, SimulatedPeer], object] | None = None
        self._schedules: list[tuple[float, Schedule]] = []
        self._before: dict[Way, Conditions] = {}  # what a schedule has changed

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
                not have, or an argument makes no sense; ``ERR_UNAVAILABLE``: it pauses one, and
                the network follows a clock, so that others poll the peers. (None is drawn then.)
        """
        follows = self._ether.clock is not None
        if schedule is None:
            clients = [each.number for each in self._residents_here() if not each.serves]
            seed = Chance(self.seed).branch(_OF_SCHEDULES, len(self._schedules)).word()
            bad = (WIFI_BAD, MOBILE_3G, TERRIBLE)
            faults = [kind for kind in faults if not (follows and kind == "pause")]
            schedule = Schedule.random(
                seed, clients, seconds=seconds, count=count, faults=faults, conditions=bad
            )
        elif not isinstance(schedule, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = (
                f"give a Schedule((Fault(…), …)), or nothing to have one drawn; not {schedule!r}"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        for fault in schedule:
            self._check_fault(fault)
            if follows and fault.kind == "pause":
                message = f"{fault}: whoever has the clock polls the peers; hold links instead"
                raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
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
                way.conditions = check_conditions(fault.conditions)

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
