"""Where an object is in the session, and what can be called there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.methods.table import RpcTable

    from .resolvers import Resolver


class Place:
    """An object that peers can address.

    Attributes:
        path: its path from the root.
        member: the object.
        table: what can be called on it.
    """

    __slots__ = ("_resolver", "member", "path", "table")

    def __init__(self, path: str, member: object, resolver: Resolver) -> None:
        self.path = path
        self.member = member
        self.table: RpcTable = resolver.table_of(member)
        self._resolver = resolver

    @property
    def authority(self) -> int:
        """The id of the peer that is in charge of it now."""
        return self._resolver.authority_of(self.member)

    def where(self, method: RpcMethod[..., Any]) -> str:
        """Return the name of one of its methods for people: ``Main/Shop: price()``."""
        return f"{self.path}: {method.name}()"


class Places:
    """All objects that peers can address, wherever they are kept.

    Attributes:
        version: changes whenever something has another place, or other methods.
        on_change: called then, and when somebody else is in charge of something.
    """

    def __init__(self, resolvers: Sequence[Resolver]) -> None:
        self._resolvers = resolvers
        self.version = 0
        self.on_change: Callable[[], object] = _tell_nobody
        self._found: dict[str, Place] = {}

    def at(self, path: str) -> Place | None:
        """Return what is at a path that a peer sent; None if nothing is."""
        place = self._found.get(path)
        if place is not None:
            return place
        for resolver in self._resolvers:
            member = resolver.find(path)
            if member is not None:
                place = self._found[path] = Place(path, member, resolver)
                return place
        return None

    def of(self, member: object) -> Place:
        """Return where one of our own objects is.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: nowhere.
        """
        for resolver in self._resolvers:
            path = resolver.path_of(member)
            if path is not None:
                return Place(path, member, resolver)
        message = f"{member!r} is not below the root of this SceneMultiplayer, and was not added"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)

    def forget(self) -> None:
        """Forget all places: something has moved, or has other methods."""
        self.version += 1
        self._found.clear()
        self.on_change()


def _tell_nobody() -> None:
    pass
