"""``SpaceInterest``: what filters of visibility by place have in common.

Positions are two numbers or three: a ``Vector2``, a ``Vector3``, a tuple. What is at NAN or at an
infinite place is nowhere: nobody sees it, and a peer there sees nothing. So is what follows a
property that is no position, as one that another peer sets may be.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.methods.replicated_property import marks_of, replicated_properties

from .declared import synchronizer_of
from .interest import Filtered, Interest, check_ours, check_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

Position = tuple[float, ...]


class SpaceInterest(Interest):
    """What both kinds have in common.

    Args:
        api: see :class:`Interest`.
    """

    def __init__(self, api: MultiplayerAPI | None = None) -> None:
        super().__init__(api)
        self._followed: dict[Filtered | int, _Followed] = {}
        self._moved: dict[Filtered | int, None] = {}

    def follow(
        self,
        member: object,
        property: str = "position",  # noqa: A002 - Godot's name
        synchronizer: Filtered | None = None,
    ) -> None:
        """Decide who sees ``member``, which is where one of its ``replicated()`` properties says.

        Setting that property moves it, at the next :meth:`update`; so does a value that arrives.
        Call it before a node is added to a spawner's, or all peers see the node for a moment.

        Args:
            member: a node, or an object for ``SceneMultiplayer.add``.
            property: its name.
            synchronizer: the one to show and hide; None, the default, for that of ``member`` (see
                ``synchronizer_of``). Where a client is its authority, give one of the server's.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: its class does not declare it;
                ``ERR_UNAUTHORIZED``: another peer is the synchronizer's authority.
        """
        followed = _Followed(member, property)
        if synchronizer is None:
            synchronizer = synchronizer_of(member)
        check_ours(synchronizer)
        self._follow(synchronizer, followed)
        self.add(synchronizer, followed.position())

    def follow_peer(self, peer: int, member: object, property: str = "position") -> None:  # noqa: A002
        """Let ``peer`` look from where a property of ``member`` says; see :meth:`follow`.

        Raises:
            MultiplayerError: as there; ``ERR_INVALID_PARAMETER``: not the id of one peer.
        """
        followed = _Followed(member, property)
        self.place_peer(peer, followed.position())
        self._follow(peer, followed)

    def update(self) -> None:
        """Move what is followed and has moved. Call it once a tick, before ``poll()``.

        All of it moves at once: a peer that jumps far away goes on to see what jumps with it, its
        own node for instance.

        Raises:
            Exception: what a listener of ``visibility_changed`` raised; those that have not been
                looked at are next time.
        """
        moved = self._moved
        try:
            while moved:
                key = next(iter(moved))
                try:
                    self._look_at(key)
                except Exception:
                    moved.pop(key, None)  # it would fail again; an interrupt would not
                    raise
                moved.pop(key, None)
        finally:
            if self._to_update:
                self._flush()

    def _look_at(self, key: Filtered | int) -> None:
        followed = self._followed.get(key)
        if followed is None:
            return
        position = tuple(followed.position())
        if isinstance(key, int):
            self._place_peer(key, position)
        else:
            self._check_added(key)
            self._place(key, position)

    def _follow(self, key: Filtered | int, followed: _Followed) -> None:
        self._let_go(key)
        followed.begin(partial(self._moved.__setitem__, key, None))
        self._followed[key] = followed

    def _let_go(self, key: Filtered | int) -> None:
        followed = self._followed.pop(key, None)
        if followed is not None:
            followed.end()
        self._moved.pop(key, None)

    def remove(self, synchronizer: Filtered) -> None:
        """Decide no more who sees ``synchronizer``; harmless if it was not added."""
        self._let_go(synchronizer)
        super().remove(synchronizer)

    def remove_peer(self, peer: int) -> None:
        """Forget a peer; from now on it sees nothing that this interest decides on."""
        self._let_go(peer)
        super().remove_peer(peer)

    def add(self, synchronizer: Filtered, position: Iterable[float]) -> None:
        """Decide who sees ``synchronizer``, which is at ``position``.

        If it was added before, it moves there.

        Raises:
            MultiplayerError: ``ERR_UNAUTHORIZED``: another peer is its authority;
                ``ERR_INVALID_PARAMETER``: it is no synchronizer, or that is no position.
        """
        if synchronizer in self._filters:
            self.move(synchronizer, position)
            return
        check_ours(synchronizer)
        self._place(synchronizer, _place_of(position))
        self._begin(synchronizer)

    def move(self, synchronizer: Filtered, position: Iterable[float]) -> None:
        """Note that ``synchronizer`` is at ``position`` now.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added; ``ERR_INVALID_PARAMETER``:
                that is no position.
        """
        self._check_added(synchronizer)
        self._place(synchronizer, _place_of(position))
        if self._to_update:
            self._flush()

    def place_peer(self, peer: int, position: Iterable[float]) -> None:
        """Note that ``peer`` looks from ``position`` now.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not the id of one peer, or no position.
        """
        self._place_peer(check_peer(peer), _place_of(position))
        self._flush()

    @abstractmethod
    def _place(self, synchronizer: Filtered, position: Position) -> None:
        """Note for whom a new place changes something, and keep it."""

    @abstractmethod
    def _place_peer(self, peer: int, position: Position) -> None:
        """Note what appears or vanishes for a peer at a new place, and keep that."""


def _place_of(position: Iterable[float]) -> Position:
    try:
        return tuple([float(number) for number in position])
    except (TypeError, ValueError, OverflowError) as error:
        message = f"a position is two or three numbers, as in Vector2(3, 4), not {position!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error


class _Followed:
    """A property that says where something is."""

    def __init__(self, member: object, name: str) -> None:
        if name not in replicated_properties(type(member)):
            message = (
                f"{type(member).__name__} does not declare {name} with replicated(); call move() "
                "or place_peer() where it changes instead"
            )
            raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
        self._member = member
        self._name = name
        self._mark: Callable[[], object] | None = None

    def position(self) -> Position:
        """Return where it is; nowhere for what is no position, which another peer may have sent."""
        value = getattr(self._member, self._name)
        try:
            position: tuple[object, ...] = tuple(value)
        except TypeError:
            return ()
        numbers = [each for each in position if isinstance(each, int | float)]
        return tuple(numbers) if len(numbers) == len(position) else ()

    def begin(self, mark: Callable[[], object]) -> None:
        self._mark = mark
        marks_of(self._member).add(self._name, mark)

    def end(self) -> None:
        if self._mark is not None:
            marks_of(self._member).remove(self._name, self._mark)
