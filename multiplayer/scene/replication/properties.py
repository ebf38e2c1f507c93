"""``Properties``: some properties of an object, read together."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from .property_paths import own_attribute, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.variant.names import NodePath


class Properties:
    """Some properties of a configuration, read together.

    Attributes:
        paths: where they are.
        names: the same as attributes of the root itself; None if one is something else.
    """

    __slots__ = ("_get", "_get_one", "names", "paths")

    def __init__(self, paths: Sequence[NodePath]) -> None:
        self.paths = tuple(paths)
        names = [own_attribute(path) for path in paths]
        own = [name for name in names if name is not None]
        self.names = own if len(own) == len(names) else None
        self._get: Callable[[Any], tuple[Any, ...]] | None = None
        self._get_one: Callable[[Any], Any] | None = None
        if self.names and len(own) == 1:
            self._get_one = attrgetter(*own)
        elif self.names:
            self._get = attrgetter(*own)

    def read(self, root: object) -> Sequence[object]:
        """Return their values.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: one is not there.
            Exception: what a property of the program raised.
        """
        try:
            if self._get_one is not None:
                return (self._get_one(root),)
            if self._get is not None:
                return self._get(root)
        except AttributeError:
            pass  # read() says which
        return [read(root, path) for path in self.paths]
