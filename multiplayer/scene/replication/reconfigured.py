"""``Reconfigured``: whether anything that says what synchronizers send has been changed.

To look at each synchronizer of a large world for that, at every tick, takes longer than most of
them need for what they send.
"""

from __future__ import annotations


class Reconfigured:
    """Stands for all configurations and synchronizers of this process.

    Attributes:
        last: another object after each change: who keeps one sees whether there has been another.
    """

    last: object = object()

    @classmethod
    def note(cls) -> None:
        """Note a change. Call it before the change: an interrupt then leaves nothing unnoticed."""
        cls.last = object()
