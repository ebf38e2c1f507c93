"""``Unique``: what there is one of, such as a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, SupportsIndex

if TYPE_CHECKING:
    from typing import Self


class Unique:
    """Something that cannot be there twice: it has connections, or is one's turn in a session.

    A copy of what refers to it refers to the same, as with a ``logging.Logger``. It cannot be
    pickled.
    """

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        message = f"{type(self).__name__} cannot be pickled: there is one of it, in this program"
        raise TypeError(message)
