"""What packets of replication say, and how a dialect writes and reads them.

Replication is what ``MultiplayerSpawner`` and ``MultiplayerSynchronizer`` do. States stay encoded
until their receiver knows that the sender may set them, and how many values they should have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.addressing import TransferMode

    from .encoded import Encoded

PATH_ID: Final = 0x8000_0000
"""Set in the id of a synchronizer that no :class:`Spawn` listed: the rest is its path's id."""


class Spawn(NamedTuple):
    """Make a node below the one at which a spawner puts its nodes.

    Attributes:
        scene: what to make: the place in the sender's list of scenes, or the scene's name in
            dialects that say so; None for what ``spawn_function`` makes of :attr:`data`.
        spawner: the sender's path id of the spawner.
        node: the node's number at the sender.
        synchronizers: the numbers of its synchronizers.
        name: the node's name.
        data: for ``spawn_function``; one value.
        state: the values that the synchronizers have, one after the other.
    """

    scene: int | str | None
    spawner: int
    node: int
    synchronizers: tuple[int, ...]
    name: str
    data: Encoded | None
    state: Encoded


class Despawn(NamedTuple):
    """The node with this number is no longer there, or no longer to be seen."""

    node: int


class Element(NamedTuple):
    """What one synchronizer says.

    Attributes:
        id: its number, or with :data:`PATH_ID` that of its path.
        bits: in a :class:`Delta`, which of the properties that are sent on change; the lowest bit
            is the first.
        state: the values.
    """

    id: int
    bits: int
    state: Encoded


class Sync(NamedTuple):
    """The properties that are always sent.

    Attributes:
        time: counts the sender's ticks, 16 bits; None in dialects without it.
        elements: by synchronizer.
        fault: what is wrong behind the last element; "" for nothing.
    """

    time: int | None
    elements: tuple[Element, ...]
    fault: str = ""


class Delta(NamedTuple):
    """Properties that have changed; see :class:`Sync`."""

    elements: tuple[Element, ...]
    fault: str = ""


class Resend(NamedTuple):
    """The receiver lacks what changes are about: send all properties of these synchronizers again.

    Attributes:
        ids: as in :class:`Element`, the numbers of the one who is asked.
    """

    ids: tuple[int, ...]


class ReplicationWire(ABC):
    """How one dialect writes the packets above, and reads the values in them.

    What is in packets apart from values is read by :meth:`ApiWire.read`. It is written in pieces,
    so that a state is encoded once, whoever sees it.

    Attributes:
        sync_mode: how a :class:`Sync` travels; the others are reliable.
        timed: a :class:`Sync` has a time of its own for each receiver.
        names_scenes: a :class:`Spawn` has a scene's name, not its place in a list.
        most_scenes: how many scenes a spawner may have.
        by_element: a change of a list or dictionary may be written as what has changed in it.
        resends: there are packets that ask for all properties again.
        sync_overhead: how long a :class:`Sync` without elements is, in bytes.
        delta_overhead: how long a :class:`Delta` without elements is, in bytes.
    """

    sync_mode: ClassVar[TransferMode]
    timed: ClassVar[bool]
    names_scenes: ClassVar[bool]
    most_scenes: ClassVar[int]
    by_element: ClassVar[bool]
    resends: ClassVar[bool] = False
    sync_overhead: ClassVar[int]
    delta_overhead: ClassVar[int]

    # ---------------------------------------------------------------- writing

    @abstractmethod
    def state(self, values: Sequence[object]) -> bytes:
        """Encode the values of a :class:`Sync` or a :class:`Spawn`, or its data.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a value has no counterpart.
        """

    def delta_state(self, values: Sequence[object]) -> bytes:
        """Encode the values of a :class:`Delta`.

        Raises:
            MultiplayerError: as for :meth:`state`.
        """
        return self.state(values)

    @abstractmethod
    def spawn(
        self,
        scene: int | str | None,
        spawner: int,
        node: int,
        synchronizers: Sequence[int],
        name: str,
        data: bytes | None,
        state: bytes,
    ) -> bytes:
        """Encode a :class:`Spawn`; ``data`` and ``state`` are what :meth:`state` returned.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the name cannot be written.
        """

    @abstractmethod
    def despawn(self, node: int) -> bytes:
        """Encode a :class:`Despawn`."""

    @abstractmethod
    def sync_element(self, id: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode one element of a :class:`Sync`."""

    @abstractmethod
    def delta_element(self, id: int, bits: int, state: bytes) -> bytes:  # noqa: A002 - as in Element
        """Encode one element of a :class:`Delta`."""

    @abstractmethod
    def sync(self, time: int, elements: bytes) -> bytes:
        """Encode a :class:`Sync` from its elements, one after the other."""

    @abstractmethod
    def delta(self, elements: bytes) -> bytes:
        """Encode a :class:`Delta` from its elements, one after the other."""

    def resend(self, ids: Sequence[int]) -> bytes:
        """Encode a :class:`Resend` of at least one id, if :attr:`resends`."""
        raise NotImplementedError

    # ---------------------------------------------------------------- reading

    @abstractmethod
    def read_state(
        self, state: Encoded, count: int, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> tuple[list[object], Encoded]:
        """Return the first ``count`` values of a state, and the rest of it.

        Raises:
            DecodeError: it has fewer, or one cannot be decoded.
        """

    def read_delta_state(
        self, state: Encoded, count: int, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> tuple[list[object], Encoded]:
        """Return the values of a delta, as :meth:`read_state` does.

        Raises:
            DecodeError: as there.
        """
        return self.read_state(state, count, max_depth)

    def read_data(self, data: Encoded, max_depth: int = DEFAULT_MAX_DEPTH) -> object:
        """Return the data of a :class:`Spawn`.

        Raises:
            DecodeError: it cannot be decoded.
        """
        return self.read_state(data, 1, max_depth)[0][0]
