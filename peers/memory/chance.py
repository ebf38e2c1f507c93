"""Chance that is the same on every machine.

xorshift64* (Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators,
scrambled"), seeded by one step of SplitMix64.
"""

from __future__ import annotations

from typing import Final

_WORD: Final = (1 << 64) - 1


class Chance:
    """A stream of bits.

    Args:
        seed: which one; any int.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        state = (seed + 0x9E3779B97F4A7C15) & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        self._state = (state ^ state >> 31) or 1  # 0 would stay 0

    def bits(self, count: int) -> int:
        """Return the next ``count`` bits."""
        found, have = 0, 0
        while have < count:
            found |= self._word() << have
            have += 64
        return found & ((1 << count) - 1)

    def _word(self) -> int:
        state = self._state
        state ^= state >> 12
        state ^= state << 25 & _WORD
        state ^= state >> 27
        self._state = state
        return state * 0x2545F4914F6CDD1D & _WORD
