"""``Interest``: what all ready-made filters of visibility have in common.

Godot asks every filter of a synchronizer for every peer at every frame. An interest knows what has
changed, and has only those pairs of synchronizer and peer looked at again: it costs O(changes), not
O(peers * nodes). It is a filter like any other: whoever is to see a synchronizer must pass all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError

from .synchronizer import MultiplayerSynchronizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

ALL_PEERS: Final = 0

Key = TypeVar("Key")
One = TypeVar("One")
Value = TypeVar("Value")


class Filtered(Protocol):
    """What an interest needs of a ``MultiplayerSynchronizer``."""

    def add_visibility_filter(self, filter: Callable[[int], bool]) -> None:  # noqa: A002 - Godot's name
        """Ask ``filter`` for each peer."""
        ...

    def remove_visibility_filter(self, filter: Callable[[int], bool]) -> None:  # noqa: A002 - Godot's name
        """Ask it no more."""
        ...

    def update_visibility(self, for_peer: int = 0) -> None:
        """Ask the filters again, for one peer or for all."""
        ...


class Interest(ABC):
    """Decides which peers see which synchronizers; see the classes that derive from it.

    The synchronizers need no ``visibility_update_mode`` but ``NONE``, which :meth:`add` of the
    derived classes sets. Use it where the authority of the synchronizers is.

    Args:
        api: forget peers when they leave its session; without it, call :meth:`remove_peer`.
    """

    def __init__(self, api: MultiplayerAPI | None = None) -> None:
        self._filters: dict[Filtered, Callable[[int], bool]] = {}
        self._to_update: dict[tuple[Filtered, int], None] = {}
        if api is not None:
            api.peer_disconnected.connect(self.remove_peer)

    @abstractmethod
    def sees(self, peer: int, synchronizer: Filtered) -> bool:
        """Return whether, for this interest alone, ``peer`` sees ``synchronizer``."""

    @abstractmethod
    def _forget(self, synchronizer: Filtered) -> None:
        """Forget where a synchronizer is."""

    @abstractmethod
    def _forget_peer(self, peer: int) -> None:
        """Forget where a peer is."""

    @abstractmethod
    def _seen_by_peer(self, peer: int) -> Iterable[Filtered]:
        """Return what a peer sees only because of where it is."""

    @property
    def synchronizers(self) -> list[Filtered]:
        """What was added, in that order; a copy."""
        return [*self._filters]

    def remove(self, synchronizer: Filtered) -> None:
        """Decide no more who sees ``synchronizer``; harmless if it was not added."""
        asked = self._filters.get(synchronizer)
        if asked is None:
            return
        self._note([(synchronizer, ALL_PEERS)])
        synchronizer.remove_visibility_filter(asked)
        self._forget(synchronizer)
        del self._filters[synchronizer]
        self._flush()

    def remove_peer(self, peer: int) -> None:
        """Forget a peer; from now on it sees nothing that this interest decides on."""
        self._note([(synchronizer, peer) for synchronizer in self._seen_by_peer(peer)])
        self._forget_peer(peer)
        self._flush()

    def _begin(self, synchronizer: Filtered) -> None:
        """Become a filter of a synchronizer, whose place is known."""
        self._note([(synchronizer, ALL_PEERS)])
        if synchronizer not in self._filters:
            asked = _Asked(self, synchronizer)
            _stop_asking_at_each_frame(synchronizer)
            synchronizer.add_visibility_filter(asked)
            self._filters[synchronizer] = asked
        self._flush()

    def _check_added(self, synchronizer: Filtered) -> None:
        if synchronizer not in self._filters:
            message = f"{synchronizer!r} was not added to this {type(self).__name__}; add() it"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)

    def _note(self, pairs: Iterable[tuple[Filtered, int]]) -> None:
        """Note for whom something is about to change.

        First of all: an interrupt in what follows leaves a pair too many to look at, and none too
        few.
        """
        self._to_update.update(dict.fromkeys(pairs))

    def _flush(self) -> None:
        """Have what was noted looked at again, also by a call that was interrupted.

        Raises:
            Exception: the first that a listener of ``visibility_changed`` raised; the others have
                been called as well.
        """
        waiting = self._to_update
        failed: Exception | None = None
        while waiting:
            synchronizer, peer = pair = next(iter(waiting))
            try:
                synchronizer.update_visibility(peer)
            except Exception as error:  # a listener of the program may raise anything
                failed = failed or error
            waiting.pop(pair, None)
        if failed is not None:
            raise failed


class _Asked:
    """The filter of one synchronizer; equal to any other of the same interest."""

    __slots__ = ("_interest", "_synchronizer")

    def __init__(self, interest: Interest, synchronizer: Filtered) -> None:
        self._interest = interest
        self._synchronizer = synchronizer

    def __call__(self, peer: int) -> bool:
        return self._interest.sees(peer, self._synchronizer)

    def _both(self) -> tuple[int, int]:
        return id(self._interest), id(self._synchronizer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and other._both() == self._both()

    def __hash__(self) -> int:
        return hash(self._both())


def check_peer(peer: int) -> int:
    """Return ``peer`` if it is the id of one peer.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if check_id(peer) <= 0:
        message = f"a peer's id is above 0, unlike {peer}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return peer


def check_ours(synchronizer: Filtered) -> None:
    """Check that this program is the authority of a synchronizer, if that is in a tree already.

    Raises:
        MultiplayerError: ``ERR_UNAUTHORIZED``: another peer is; ``ERR_INVALID_PARAMETER``: it is
            no synchronizer.
    """
    if not callable(getattr(synchronizer, "add_visibility_filter", None)):
        message = (
            f"{synchronizer!r} is not a MultiplayerSynchronizer; give that of a node, which "
            "synchronizer_of(node) returns"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(synchronizer, MultiplayerSynchronizer) or not synchronizer.is_inside_tree():
        return
    if not synchronizer.is_multiplayer_authority():
        message = (
            f"peer {synchronizer.get_multiplayer_authority()} is the authority of "
            f"{synchronizer!r}, and alone decides who sees it; add another synchronizer of this "
            "peer's to the node, and use that"
        )
        raise MultiplayerError(Error.ERR_UNAUTHORIZED, message)


def take_out(table: dict[Key, dict[One, Value]], key: Key | None, one: One) -> None:
    """Take ``one`` out of one of the tables in ``table``, which goes with its last entry."""
    if key is not None and (members := table.get(key)) is not None:
        members.pop(one, None)
        if not members:
            del table[key]


def _stop_asking_at_each_frame(synchronizer: Filtered) -> None:
    none = getattr(synchronizer, "VISIBILITY_PROCESS_NONE", None)
    if none is not None:
        synchronizer.visibility_update_mode = none  # pyright: ignore[reportAttributeAccessIssue]
