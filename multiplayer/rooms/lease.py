"""What a node knows of its lease: for how long the rooms it has are its own, by its own clock.

A directory forgets a node from which it has heard nothing for a while, and lets others take its
rooms. The node has to know before the directory does, even when no answer comes any more. So it
counts from *before* it sent the request that was answered, and stops ``margin`` seconds early: two
clocks that run for one lease may differ by that much.

Nothing here waits or looks at a clock: times are seconds on a clock that only goes forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from multiplayer.errors import Error, MultiplayerError


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTerms:
    """How long a lease is, and how often it is renewed; the same for all nodes of a directory.

    Attributes:
        duration: for how many seconds the directory believes in a node after it has heard it.
        beat: every so many seconds a node renews its lease.
        margin: so many seconds before the directory a node itself stops believing.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a number is not above 0, or there is no time
            for a second try when one beat is lost.
    """

    duration: float = 3.0
    beat: float = 1.0
    margin: float = 0.5

    def __post_init__(self) -> None:
        for name in ("duration", "beat", "margin"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 < value < math.inf):
                message = f"{name} is {value!r}; give it a number of seconds above 0"
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if 2 * self.beat > self.duration - self.margin:
            message = (
                f"a beat of {self.beat} s leaves no second try in a lease of {self.duration} s "
                f"less {self.margin} s; beat more often or lease for longer"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


class Policy(Enum):
    """What becomes of a room when its node cannot reach the directory any more.

    Attributes:
        KEEP: it plays on; nobody gets in, and nothing is saved. If another node has taken it over
            by the time the directory is back, this copy is closed, and its players go there.
        FENCE: it closes at once, so that no room is ever played in two places.
    """

    KEEP = "keep"
    FENCE = "fence"


class What(Enum):
    """What a node has to do with a room.

    Attributes:
        ISOLATED: let nobody in and save nothing; it plays on.
        REJOINED: all that is allowed again.
        FENCED: close it at once: the policy says so.
        YIELDED: close it: it belongs to another node.
    """

    ISOLATED = "isolated"
    REJOINED = "rejoined"
    FENCED = "fenced"
    YIELDED = "yielded"


class Change(NamedTuple):
    """What has changed for one room.

    Attributes:
        code: its code.
        what: what to do with it.
        epoch: by which the node has had it, if it may have it still in the directory; else 0.
    """

    code: str
    what: What
    epoch: int = 0


class _Tenure:
    """A room of this node."""

    __slots__ = ("epoch", "isolated", "policy", "sure")

    def __init__(self, epoch: int, policy: Policy, *, sure: bool) -> None:
        self.epoch = epoch
        self.policy = policy
        self.sure = sure  # the directory has said so since the lease last was in doubt
        self.isolated = False


class Lease:
    """The lease of one node, and its rooms.

    Call :meth:`ask` before each request that renews it and :meth:`answer` or :meth:`fail` after;
    :meth:`check` whenever :meth:`next_deadline` has come; and claim each of :attr:`doubtful` again.

    Args:
        terms: how long it is.
    """

    def __init__(self, terms: LeaseTerms) -> None:
        self.terms = terms
        self._tenures: dict[str, _Tenure] = {}
        self._asked = -math.inf
        self._until = -math.inf  # when we stop believing in it
        self._next_beat = -math.inf
        self._held = False
        self._doubted = -math.inf  # when the lease was in doubt last

    def is_held(self, now: float) -> bool:
        """Return whether the directory believes in this node, for all we know."""
        return now < self._until

    @property
    def until(self) -> float:
        """When the node stops believing in its lease; in the past if it does not now."""
        return self._until

    def ask(self, now: float) -> None:
        """Note that a request to renew the lease is about to be sent."""
        self._asked = now
        self._next_beat = now + self.terms.beat

    def answer(self, now: float, *, known: bool) -> None:
        """Note that the directory has renewed the lease.

        Args:
            now: the time.
            known: the directory knew the node still. If not, others may have its rooms by now, and
                all of them are in doubt.
        """
        if not known:
            self._doubt(now)
        self._until = max(self._until, self._asked + self.terms.duration - self.terms.margin)
        self._held = self._held or self.is_held(now)

    def fail(self, now: float) -> None:
        """Note that no answer came; the next try comes sooner than a beat would."""
        self._next_beat = min(self._next_beat, now + self.terms.beat / 4)

    def check(self, now: float) -> list[Change]:
        """Return what has become of rooms because no answer has come for too long."""
        if not self._held or self.is_held(now):
            return []
        self._held = False
        self._doubt(now)
        changes: list[Change] = []
        for code, tenure in [*self._tenures.items()]:
            if tenure.policy is Policy.FENCE:
                del self._tenures[code]
                changes.append(Change(code, What.FENCED, tenure.epoch))
            elif not tenure.isolated:
                tenure.isolated = True
                changes.append(Change(code, What.ISOLATED))
        return changes

    @property
    def doubtful(self) -> list[str]:
        """The codes of rooms that have to be claimed again before they are surely ours."""
        return [code for code, tenure in self._tenures.items() if not tenure.sure]

    def claimed(self, code: str, epoch: int | None, asked: float, now: float) -> Change | None:
        """Note what the directory answered to claiming a room of ours again.

        Args:
            code: the room's code.
            epoch: its epoch from now on; None if another node has it.
            asked: when the request was sent.
            now: the time.

        Returns:
            What changes for the room; None for nothing.
        """
        tenure = self._tenures.get(code)
        if tenure is None:
            return None
        if epoch is None:
            del self._tenures[code]
            return Change(code, What.YIELDED)
        tenure.epoch = epoch
        if not self._is_sure(asked, now):
            return None
        tenure.sure = True
        if not tenure.isolated:
            return None
        tenure.isolated = False
        return Change(code, What.REJOINED)

    def add(
        self, code: str, epoch: int, asked: float, now: float, policy: Policy = Policy.KEEP
    ) -> None:
        """Note that a room is ours: it was claimed, or taken over.

        Args:
            code: the room's code.
            epoch: by which we have it.
            asked: when the request was sent.
            now: the time.
            policy: what becomes of it when the directory cannot be reached.
        """
        self._tenures[code] = _Tenure(epoch, policy, sure=self._is_sure(asked, now))

    def adopt(self, code: str, policy: Policy = Policy.KEEP) -> None:
        """Note that a room was opened without asking: it is isolated until it is claimed."""
        tenure = self._tenures[code] = _Tenure(0, policy, sure=False)
        tenure.isolated = True

    def doubt(self, code: str) -> None:
        """Note that a write to a room was refused: somebody else may have it."""
        if code in self._tenures:
            self._tenures[code].sure = False

    def remove(self, code: str) -> None:
        """Note that a room is gone."""
        self._tenures.pop(code, None)

    def owns(self, code: str, now: float) -> bool:
        """Return whether a room is surely ours; only then may anybody join or anything be saved."""
        tenure = self._tenures.get(code)
        return tenure is not None and tenure.sure and self.is_held(now)

    def epoch(self, code: str) -> int | None:
        """Return the epoch by which we have a room; None if we do not have it."""
        tenure = self._tenures.get(code)
        return None if tenure is None else tenure.epoch

    @property
    def codes(self) -> list[str]:
        """The codes of all rooms of this node, those in doubt as well."""
        return [*self._tenures]

    def next_deadline(self) -> float:
        """Return when to renew the lease or to call :meth:`check`, whichever comes first.

        It may change whenever another method is called.
        """
        return min(self._next_beat, self._until) if self._held else self._next_beat

    @property
    def next_beat(self) -> float:
        """When to renew the lease."""
        return self._next_beat

    def is_due(self, now: float) -> bool:
        """Return whether it is time to renew the lease."""
        return now >= self._next_beat

    def _is_sure(self, asked: float, now: float) -> bool:
        # If the lease was in doubt after that was asked, the room may be another's by now.
        return self.is_held(now) and asked >= self._doubted

    def _doubt(self, now: float) -> None:
        self._doubted = now
        for tenure in self._tenures.values():
            tenure.sure = False
