"""``Unique``: an object that exists once, such as a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, SupportsIndex

if TYPE_CHECKING:
    from typing import Self


class Unique:
    """Something that cannot exist twice: it has connections, or a place in a session.

    Copying an object that refers to it keeps the reference, as with a ``logging.Logger``. It cannot
    be pickled.
    """

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> Never:
        message = f"{type(self).__name__} cannot be pickled: it exists once, in this program"
        raise TypeError(message)
