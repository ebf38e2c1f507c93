"""Godot's ``Color``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .components import FloatComponents

if TYPE_CHECKING:
    from typing import Self

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class Color(FloatComponents):
    """Red, green, blue and alpha; screens show 0.0 to 1.0, but nothing is clamped."""

    __slots__ = ()

    def __init__(self, r: float = 0.0, g: float = 0.0, b: float = 0.0, a: float = 1.0) -> None:
        object.__setattr__(self, "components", (float(r), float(g), float(b), float(a)))

    @classmethod
    def html(cls, rgba: str) -> Self:
        """Return the colour of ``rgb``, ``rgba``, ``rrggbb`` or ``rrggbbaa`` in hex.

        A leading ``#`` is allowed. Alpha comes last, as in Godot 4; Godot 3 writes it first.

        Raises:
            ValueError: ``rgba`` is none of these.
        """
        digits = rgba.removeprefix("#")
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        if len(digits) not in (6, 8) or not _HEX_DIGITS.issuperset(digits):
            message = f"{rgba!r} is not a colour; write it like #336699 or #336699cc"
            raise ValueError(message)
        return cls(*(channel / 255 for channel in bytes.fromhex(digits)))

    def to_html(self, *, with_alpha: bool = True) -> str:
        """Return ``rrggbbaa`` (or ``rrggbb``) in hex, channels clamped to 0.0 … 1.0; NaN is 0."""
        channels = self.components if with_alpha else self.components[:3]
        return bytes(
            math.floor(min(max(0.0, channel), 1.0) * 255 + 0.5) for channel in channels
        ).hex()

    @property
    def r(self) -> float:
        """Red."""
        return self.components[0]

    @property
    def g(self) -> float:
        """Green."""
        return self.components[1]

    @property
    def b(self) -> float:
        """Blue."""
        return self.components[2]

    @property
    def a(self) -> float:
        """Alpha: 0.0 is transparent, 1.0 opaque."""
        return self.components[3]

    def lerp(self, to: Self, weight: float) -> Self:
        """Return the colour between this (``weight`` 0.0) and ``to`` (``weight`` 1.0)."""
        pairs = zip(self.components, to.components, strict=True)
        return self.from_components(tuple(a + (b - a) * weight for a, b in pairs))
