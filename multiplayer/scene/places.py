"""Where an object is in the session, and what can be called there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .resolver import Resolver
    from .rpc_table import RpcTable


class Place(NamedTuple):
    """An object that peers can address.

    Attributes:
        path: from the root.
        member: the object.
        authority: the id of the peer that decides about it.
        table: what can be called on it.
    """

    path: str
    member: object
    authority: int
    table: RpcTable


class Places:
    """All objects that peers can address, whoever keeps them."""

    def __init__(self, resolvers: Sequence[Resolver]) -> None:
        self._resolvers = resolvers

    def at(self, path: str) -> Place | None:
        """Return what is at a path that a peer sent; None if nothing is."""
        for resolver in self._resolvers:
            member = resolver.find(path)
            if member is not None:
                return Place(path, member, resolver.authority_of(member), resolver.table_of(member))
        return None

    def of(self, member: object) -> Place:
        """Return where one of our own objects is.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: nowhere.
        """
        for resolver in self._resolvers:
            path = resolver.path_of(member)
            if path is not None:
                return Place(path, member, resolver.authority_of(member), resolver.table_of(member))
        message = f"{member!r} is not below the root of this SceneMultiplayer, and was not added"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
