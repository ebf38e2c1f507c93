"""``Attempts``: how often an address may try, such as codes of rooms, or making rooms.

One bucket of tokens for each address, in a table of bounded size. Whoever has none left is answered
as if the try had failed, in the same words and without looking anything up, so that nobody learns
by it whether it would have.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from multiplayer.errors import Error, MultiplayerError

_MOST: Final = 10_000


class Attempts:
    """What each address has left.

    Args:
        rate: how many tries a second an address gets back; 0 for as many as it likes.
        burst: how many it may make at once; at least 1.
        most: how many addresses are remembered. Beyond that, the one that has not tried for longest
            begins anew.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a number is less than that.
    """

    def __init__(self, rate: float, burst: int, *, most: int = _MOST) -> None:
        if not (rate >= 0 and burst >= 1 and most >= 1):
            message = f"Attempts({rate}, {burst}, most={most}): needs a rate from 0, a burst from 1"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._rate = rate
        self._burst = float(burst)
        self._most = most
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when; least recent first

    def __len__(self) -> int:
        return len(self._left)

    def is_spent(self, address: str, now: float) -> bool:
        """Return whether an address has no try left.

        Args:
            address: its IP address; of IPv6 the network of 64 bits counts. "" may always try.
            now: the time, in seconds.
        """
        return not self.rest(address, now) >= 1.0

    def rest(self, address: str, now: float) -> float:
        """Return how many tries an address has left."""
        known = self._left.get(network_of(address)) if address else None
        if known is None or not self._rate:
            return self._burst
        tokens, before = known
        return min(self._burst, tokens + max(now - before, 0.0) * self._rate)

    def spend(self, address: str, now: float) -> bool:
        """Take one try from an address; return False if it had none left."""
        if not address or not self._rate:
            return True
        tokens = self.rest(address, now)
        key = network_of(address)
        self._left.pop(key, None)
        allowed = tokens >= 1.0
        # One who goes on trying without a token gets none back the sooner for it, nor later.
        self._left[key] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._left) > self._most:
            del self._left[next(iter(self._left))]
        return allowed

    def wait(self, address: str, now: float) -> float:
        """Return in how many seconds an address has a try again; 0.0 if it has one."""
        missing = 1.0 - self.rest(address, now)
        return missing / self._rate if missing > 0 and self._rate else 0.0


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the first 64 bits, which one customer has."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else parsed.packed[:8].hex()
