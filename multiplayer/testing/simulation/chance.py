"""Chance that is the same on every machine and Python: integers alone, and tables of them.

xorshift64* (Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators,
scrambled"), seeded by one step of SplitMix64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_WORD: Final = (1 << 64) - 1

MILLION: Final = 1_000_000
"""What probabilities are counted in."""

EXPONENTIAL_MEAN: Final = 1024
"""The mean of :data:`EXPONENTIAL`, but for the tail that a table of 256 does not have."""

EXPONENTIAL: Final = (
    2, 6, 10, 14, 18, 22, 26, 30, 35, 39, 43, 47,
    51, 55, 60, 64, 68, 73, 77, 81, 85, 90, 94, 99,
    103, 107, 112, 116, 121, 125, 130, 134, 139, 144, 148, 153,
    158, 162, 167, 172, 176, 181, 186, 191, 196, 200, 205, 210,
    215, 220, 225, 230, 235, 240, 245, 250, 255, 260, 266, 271,
    276, 281, 287, 292, 297, 303, 308, 313, 319, 324, 330, 335,
    341, 347, 352, 358, 364, 369, 375, 381, 387, 392, 398, 404,
    410, 416, 422, 428, 434, 441, 447, 453, 459, 465, 472, 478,
    484, 491, 497, 504, 510, 517, 524, 530, 537, 544, 551, 558,
    565, 572, 579, 586, 593, 600, 607, 614, 622, 629, 636, 644,
    651, 659, 667, 674, 682, 690, 698, 706, 714, 722, 730, 738,
    746, 755, 763, 772, 780, 789, 797, 806, 815, 824, 833, 842,
    851, 860, 870, 879, 889, 898, 908, 917, 927, 937, 947, 957,
    968, 978, 988, 999, 1010, 1020, 1031, 1042, 1054, 1065, 1076, 1088,
    1099, 1111, 1123, 1135, 1147, 1160, 1172, 1185, 1197, 1210, 1224, 1237,
    1250, 1264, 1278, 1292, 1306, 1321, 1335, 1350, 1365, 1380, 1396, 1412,
    1428, 1444, 1460, 1477, 1494, 1512, 1529, 1547, 1565, 1584, 1603, 1622,
    1642, 1662, 1683, 1704, 1725, 1747, 1769, 1792, 1815, 1839, 1863, 1888,
    1914, 1940, 1967, 1995, 2023, 2052, 2082, 2113, 2145, 2179, 2213, 2248,
    2285, 2322, 2362, 2403, 2445, 2490, 2537, 2585, 2637, 2690, 2747, 2808,
    2872, 2940, 3013, 3092, 3177, 3270, 3373, 3487, 3615, 3762, 3933, 4138,
    4395, 4740, 5263, 6388,
)  # fmt: skip
"""-ln(1 - p) for p = 1/512, 3/512 …, times 1024: written out, because ``log`` is the platform's."""


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

    def word(self) -> int:
        """Return the next 64 bits."""
        state = self._state
        state ^= state >> 12
        state ^= state << 25 & _WORD
        state ^= state >> 27
        self._state = state
        return state * 0x2545F4914F6CDD1D & _WORD

    def bits(self, count: int) -> int:
        """Return the next ``count`` bits."""
        found, have = 0, 0
        while have < count:
            found |= self.word() << have
            have += 64
        return found & ((1 << count) - 1)

    def below(self, bound: int) -> int:
        """Return a number from 0 to ``bound - 1``, each about as likely (``bound`` < 2³²)."""
        return (self.word() >> 32) * bound >> 32

    def happens(self, millionths: int) -> bool:
        """Return whether something happens that is so likely."""
        return millionths > 0 and (self.word() >> 32) * MILLION >> 32 < millionths

    def exponential(self, mean: int) -> int:
        """Return a number whose mean is about ``mean``: small ones often, at most 6.3 times it."""
        return EXPONENTIAL[self.word() >> 56] * mean // EXPONENTIAL_MEAN

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``, which are not empty."""
        return choices[self.below(len(choices))]

    def branch(self, *labels: int) -> Chance:
        """Return another stream: always the same for the same labels, whatever was drawn here."""
        state = self._state
        for label in labels:
            state = Chance(state ^ label * 0x9E3779B97F4A7C15 & _WORD).word()
        return Chance(state)
