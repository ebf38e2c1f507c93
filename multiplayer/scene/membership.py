"""Which ``SceneMultiplayer`` an object belongs to, so that ``object.method.rpc()`` finds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast
from weakref import WeakValueDictionary

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from multiplayer.multiplayer_peer import MultiplayerPeer

    from .multiplayer_api import MultiplayerAPI


class Member(ABC):
    """An object that knows by itself which API it belongs to: a ``Node``."""

    @abstractmethod
    def _find_api(self) -> MultiplayerAPI | None: ...

    @abstractmethod
    def _was_removed(self) -> bool:
        """Whether it has been in a tree of an API, and is in none."""


_apis: WeakValueDictionary[int, MultiplayerAPI] = WeakValueDictionary()
"""By the ``id()`` of objects that were added to an API, which keeps them alive meanwhile."""


def enter(member: object, api: MultiplayerAPI) -> None:
    """Note that ``member`` was added to ``api``.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: it was added already.
    """
    if id(member) in _apis:
        message = (
            f"{member!r} was already added to a SceneMultiplayer; remove() it there first (one "
            "that was dropped lets go at gc.collect(), if its peer is no longer in use)"
        )
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
    _apis[id(member)] = api


def leave(member: object) -> None:
    """Note that ``member`` was removed from its API."""
    _apis.pop(id(member), None)


_carried: WeakValueDictionary[int, MultiplayerAPI] = WeakValueDictionary()
"""By the ``id()`` of their peers, which they keep alive meanwhile."""


def check_free(peer: MultiplayerPeer) -> None:
    """Raise if a peer carries the session of an API.

    Two APIs would each take part of its packets.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: it does.
    """
    if id(peer) in _carried:
        message = (
            "another SceneMultiplayer has this peer; set multiplayer_peer = None there first, and "
            "then the peer here"
        )
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)


def carry(peer: MultiplayerPeer, api: MultiplayerAPI | None) -> None:
    """Note that ``peer`` carries the session of ``api``, or no longer of any."""
    if api is None:
        _carried.pop(id(peer), None)
    else:
        _carried[id(peer)] = api


def api_of(member: object) -> MultiplayerAPI:
    """Return the API that ``member`` belongs to.

    Raises:
        MultiplayerError: ``ERR_UNCONFIGURED``: to none.
    """
    if Member in type(member).__mro__:  # isinstance() asks ABCMeta, for each call
        api = cast("Member", member)._find_api()  # pyright: ignore[reportPrivateUsage] # noqa: SLF001 - ours
    else:
        api = _apis.get(id(member))
    if api is None:
        message = (
            f"{member!r} belongs to no SceneMultiplayer: add its root as SceneMultiplayer(root=…), "
            "or the object with api.add(path, object)"
        )
        if isinstance(member, Member) and member._was_removed():  # pyright: ignore[reportPrivateUsage] # noqa: SLF001 - ours
            message = (
                f"{member!r} was removed from the tree of its SceneMultiplayer; ask "
                "is_inside_tree() where a node may be gone, or add_child() it again"
            )
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
    return api
