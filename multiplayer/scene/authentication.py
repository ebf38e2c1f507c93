"""Who is being authenticated, and how much longer that may take (WIRE4 B.4).

Pure bookkeeping: ``Peers`` sends and reports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass
class _Pending:
    deadline: float
    timeout: float
    heard: bool = False
    we_are_done: bool = False
    they_are_done: bool = False


class Lateness(NamedTuple):
    """Why an authentication was not complete in time."""

    timeout: float
    """How long it could have taken, in seconds."""
    silent: bool
    """The other side has sent nothing for it."""
    ours: bool
    """The other side has seen enough of us, but we have not said so of it."""

    def to_other_side(self, *, is_server: bool) -> str:
        """Return it in words for the other side, whose connection ends because of it.

        Args:
            is_server: we are the server.
        """
        took = f"authentication took longer than {self.timeout:g} s"
        if not self.silent:
            return took
        us, it = ("server", "client") if is_server else ("client", "server")
        return f"{took}: this {us} expects it; does this {it} set auth_callback?"

    def to_log(self) -> str:
        """Return it in words for the log of a server."""
        took = f"its authentication took longer than {self.timeout:g} s"
        if self.ours:
            return f"{took}: auth_callback has not called complete_auth()"
        return f"{took}: it sent nothing; does it set auth_callback?" if self.silent else took

    def to_program(self) -> str:
        """Return it in words for the program on this side, a client's."""
        if self.ours:
            return f"this client did not call complete_auth() within {self.timeout:g} s"
        if self.silent:
            return f"no answer within {self.timeout:g} s; does the server set auth_callback?"
        return f"the server did not call complete_auth() within {self.timeout:g} s"


class Authentication:
    """The peers that are connected but not yet admitted.

    Attributes:
        pending: what is known of each, by id; change it with the methods only.
    """

    def __init__(self) -> None:
        self.pending: dict[int, _Pending] = {}

    @property
    def peers(self) -> list[int]:
        """Their ids, in the order in which they connected."""
        return list(self.pending)

    def __bool__(self) -> bool:
        return bool(self.pending)

    def __contains__(self, peer: int) -> bool:
        return peer in self.pending

    def begin(self, peer: int, now: float, timeout: float) -> None:
        """Note that ``peer`` has connected.

        Args:
            peer: its id.
            now: the time on the peer's clock.
            timeout: how long it may take, in seconds; 0 for ever.
        """
        self.pending[peer] = _Pending(now + timeout if timeout > 0 else math.inf, timeout)

    def end(self, peer: int) -> bool:
        """Forget ``peer``; return whether it was pending."""
        return self.pending.pop(peer, None) is not None

    def is_done(self, peer: int) -> bool:
        """Return whether either side has seen enough, so that credentials cannot be sent."""
        pending = self.pending[peer]
        return pending.we_are_done or pending.they_are_done

    def have_completed(self, peer: int) -> bool:
        """Return whether we have seen enough of ``peer``."""
        return self.pending[peer].we_are_done

    def we_complete(self, peer: int) -> None:
        """Note that we have seen enough of ``peer``."""
        self.pending[peer].we_are_done = True

    def they_complete(self, peer: int) -> None:
        """Note that ``peer`` has seen enough of us."""
        self.pending[peer].they_are_done = True

    def heard(self, peer: int) -> None:
        """Note that ``peer`` has sent credentials."""
        self.pending[peer].heard = True

    def lateness(self, peer: int) -> Lateness:
        """Return what ``peer``, whose time is up, was late with."""
        pending = self.pending[peer]
        return Lateness(
            pending.timeout,
            silent=not (pending.heard or pending.they_are_done),
            ours=pending.they_are_done,
        )

    def is_complete(self, peer: int) -> bool:
        """Return whether both sides have seen enough."""
        pending = self.pending[peer]
        return pending.we_are_done and pending.they_are_done

    def late(self, now: float) -> list[int]:
        """Return the peers whose time is up."""
        return [peer for peer, pending in self.pending.items() if pending.deadline <= now]

    def next_deadline(self) -> float:
        """Return when the first peer's time is up; ``math.inf`` if nobody is pending."""
        return min((pending.deadline for pending in self.pending.values()), default=math.inf)

    def clear(self) -> None:
        """Forget everybody."""
        self.pending.clear()
