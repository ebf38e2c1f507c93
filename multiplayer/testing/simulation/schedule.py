"""``Schedule``: which faults come when; drawn from a seed, or written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

from .chance import Chance
from .given import check_seed
from .presets import check_conditions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .conditions import Conditions

UP: Final = "up"
"""From a client to its server."""
DOWN: Final = "down"
"""From a server to its client."""
BOTH: Final = "both"

WAYS: Final = (UP, DOWN, BOTH)

HEALING: Final = ("partition", "hold", "pause", "slow_reader", "conditions", "replay_late")
"""The faults after which a session goes on by itself."""

FAULTS: Final = (*HEALING, "half_open", "kill", "restart")
"""All faults; after the others a program has to connect again."""

_MOST_MILLISECONDS: Final = 3000


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a schedule.

    Attributes:
        kind: one of :data:`FAULTS`: the name of the ``SimulatedNetwork``'s method, or
            ``"conditions"`` for other ones for a while.
        at: when it begins, in seconds since the schedule did.
        peer: whom it concerns, by number in the order in which the network's peers were made. For
            what happens to a link, it is the client's number.
        lasts: after how many seconds it ends; 0 where it has no end, and for what is over at once.
        way: which direction of the link it concerns: :data:`UP`, :data:`DOWN` or :data:`BOTH`.
        bytes_per_second: how fast a slow reader reads.
        conditions: those of ``"conditions"``; the name of a preset will do.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a value makes no sense;
            ``ERR_DOES_NOT_EXIST``: there is no such preset.
    """

    kind: str
    at: float
    peer: int
    lasts: float = 0.0
    way: str = BOTH
    bytes_per_second: int = 0
    conditions: Conditions | str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            message = f"there is no fault {self.kind!r}; choose one of {', '.join(FAULTS)}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if self.way not in WAYS:
            message = f"{self.way!r} is no way; choose one of {', '.join(WAYS)}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if (self.kind == "conditions") is not (self.conditions is not None):
            message = "a fault has conditions if its kind is 'conditions', and only then"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if self.conditions is not None:
            object.__setattr__(self, "conditions", check_conditions(self.conditions))
        for name in ("at", "lasts", "bytes_per_second"):
            check_number(name, getattr(self, name))
        check_number("peer", self.peer, whole=True)

    @property
    def end(self) -> float:
        """When it is over, in seconds since the schedule began."""
        return self.at + self.lasts

    def __str__(self) -> str:
        text = f"{self.at:.3f} s: {self.kind} {self.peer}"
        if self.kind in ("partition", "hold", "replay_late", "conditions") and self.way != BOTH:
            text += f" {self.way}"
        if self.kind == "slow_reader":
            text += f" at {self.bytes_per_second} bytes/s"
        return f"{text} for {self.lasts:.3f} s" if self.lasts else text


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults in the order in which they begin.

    Attributes:
        faults: the faults.
    """

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        for fault in self.faults:
            if not isinstance(fault, Fault):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = (
                    f"a schedule consists of faults, such as Fault('pause', 0.5, 1), not {fault!r}"
                )
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        ordered = sorted(self.faults, key=lambda fault: fault.at)
        object.__setattr__(self, "faults", tuple(ordered))

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __len__(self) -> int:
        return len(self.faults)

    @property
    def seconds(self) -> float:
        """When the last fault is over."""
        return max((fault.end for fault in self.faults), default=0.0)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults)) or "no faults"

    @classmethod
    def random(
        cls,
        seed: int,
        peers: Collection[int],
        *,
        seconds: float = 10.0,
        count: int = 8,
        faults: Collection[str] = HEALING,
        conditions: Collection[Conditions] = (),
    ) -> Schedule:
        """Draw a schedule: the same for the same arguments, everywhere.

        Args:
            seed: what it is drawn from.
            peers: the numbers of the clients that faults happen to.
            seconds: within which time they begin; they last 3 s at most.
            count: how many.
            faults: which kinds.
            conditions: those that ``"conditions"`` chooses from; without any there is none.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense.
        """
        kinds = [kind for kind in faults if conditions or kind != "conditions"]
        who = sorted(peers)
        if not who or not kinds:
            message = "a schedule needs somebody that faults can happen to, and kinds of faults"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        check_number("count", count, whole=True)
        milliseconds = round(check_number("seconds", seconds) * 1000)
        chance = Chance(check_seed(seed))
        found: list[Fault] = []
        for _ in range(count):
            kind = chance.pick(kinds)
            at, lasts = chance.below(milliseconds + 1), 1 + chance.below(_MOST_MILLISECONDS)
            peer, way = chance.pick(who), chance.pick(WAYS)
            rate = 100 << chance.below(6)
            other = chance.pick([*conditions]) if kind == "conditions" else None
            is_over = kind in ("replay_late", "half_open", "kill", "restart")
            lasting = 0.0 if is_over else lasts / 1000
            slow = rate if kind == "slow_reader" else 0
            found.append(Fault(kind, at / 1000, peer, lasting, way, slow, other))
        return cls(tuple(found))
