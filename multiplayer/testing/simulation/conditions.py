"""``Conditions``: what a network does to the packets of one direction of one link."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from typing import Self

_TIMES: Final = ("latency", "jitter")
_PORTIONS: Final = ("loss", "duplication", "reordering")

_LONGEST: Final = 3600.0
"""The longest latency and jitter, in seconds: what takes longer is a mistake in the unit."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a network does to the packets of one direction of one link.

    Only packets that are not reliable are lost, doubled and overtaken. A reliable one that is lost
    comes late, as a retransmission makes it, and those behind it wait for it (RFC 6298; RFC 9002
    section 6).

    Attributes:
        latency: how long a packet takes at least, one way, in seconds.
        jitter: how much longer it takes on average, in seconds: often less, at most 6.3 times as
            much. Packets do not overtake each other for that.
        loss: the portion of packets that is lost, 0 to 1; less than 1, since reliable ones would
            never arrive.
        duplication: the portion of unreliable packets that arrives twice, 0 to 1.
        reordering: the portion of unreliable packets that is overtaken by those behind it, 0 to 1.
        bandwidth: how many bytes leave a second; ``math.inf`` for any number.
        buffer: how many bytes may be under way, sent and not read yet, before a sender has to wait:
            what a system's socket buffers and the routers hold together.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a value makes no sense.
    """

    latency: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    bandwidth: float = math.inf
    buffer: int = 262144

    def __post_init__(self) -> None:
        for name in _TIMES:
            seconds = check_number(name, getattr(self, name))
            if seconds > _LONGEST:
                message = f"{name} is {seconds} s, an hour is the most; it is in seconds"
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        for name in _PORTIONS:
            _check_portion(name, getattr(self, name), below_one=name == "loss")
        check_number("bandwidth", self.bandwidth, above_zero=True, finite=False)
        check_number("buffer", self.buffer, whole=True, above_zero=True)

    def changed(self, **changes: float) -> Self:
        """Return the same with other values.

        Args:
            changes: attributes and their values.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a value makes no sense, or there is no such
                attribute.
        """
        names = [field.name for field in fields(self)]
        for name in changes:
            if name not in names:
                message = f"conditions have no {name!r}; they have {', '.join(names)}"
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return replace(self, **changes)  # pyright: ignore[reportArgumentType] - checked there

    def behind(self, other: Conditions) -> Conditions:
        """Return what both do together, one behind the other: a bad Wi-Fi on a long way, say.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the other ones are none.
        """
        if not isinstance(other, Conditions):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{other!r} are no conditions; give Conditions(…), such as LAN"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return Conditions(
            latency=self.latency + other.latency,
            jitter=self.jitter + other.jitter,
            loss=_either(self.loss, other.loss),
            duplication=_either(self.duplication, other.duplication),
            reordering=_either(self.reordering, other.reordering),
            bandwidth=min(self.bandwidth, other.bandwidth),
            buffer=min(self.buffer, other.buffer),
        )


def _either(one: float, other: float) -> float:
    return one + other - one * other


def _check_portion(name: str, value: object, *, below_one: bool) -> None:
    portion = check_number(name, value)
    if portion > 1 or (below_one and portion == 1):
        bound = "from 0 to less than 1" if below_one else "from 0 to 1"
        message = f"{name} must be {bound}, not {value}: 0.02 is two packets of a hundred"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
