"""What a client's role works with: its owner, and what messages mean to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode
    from multiplayer.connection_status import ConnectionStatus
    from multiplayer.signals import Signal

    from .agenda import Step
    from .cause import Cause
    from .events import CloseReceived, Message
    from .face import Face
    from .failure import Failure
    from .peer_channel import PeerChannel


class ClientHost(Protocol):
    """What a client's role needs of the object that users hold."""

    failure: Failure | None

    peer_drained: Signal[int]


class ReturningHost(ClientHost, Protocol):
    """What the role of a client that comes back needs of it."""

    peer_resumed: Signal[int, bool]
    session_suspended: Signal[()]
    session_resumed: Signal[bool]

    def randbits(self, bits: int) -> int:
        """Return random bits; see ``MultiplayerPeer``."""
        ...


class Connecting(Protocol):
    """A client's role, as an envelope knows it.

    Attributes:
        status: the client's status.
        face: the connection as users see it.
    """

    status: ConnectionStatus
    face: Face

    def came_up(self, link: PeerChannel) -> None:
        """Note that the session is up."""

    def close(self, code: int | Cause, reason: str) -> None:
        """Begin to close the connection."""

    def end_of_server(self, failure: Failure | None, *, clean: bool) -> None:
        """Report that the connection is over, and forget it."""


class ClientEnvelope(Protocol):
    """What messages mean to a client.

    Attributes:
        name: the envelope's name in settings and logs.
        in_session: packets go through the client, not through its connection.
        overhead: how many bytes longer a message is than its packet.
        channel_overhead: how many more bytes on channels other than 0.
        packet_at: where in a message the packet begins, mostly; -1 if none goes straight.
    """

    name: str
    in_session: bool
    overhead: int
    channel_overhead: int
    packet_at: int

    @property
    def id(self) -> int:
        """Our own id; 0 until the server has sent it."""
        ...

    def others(self) -> list[int]:
        """Return the peers that the client knows of while the session is up, ascending."""
        ...

    def opened(self, role: Connecting, link: PeerChannel) -> None:
        """Note that the server has agreed to the upgrade."""

    def take(self, role: Connecting, link: PeerChannel, message: Message) -> None:
        """Handle a message."""

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is an ordinary packet for this program, and nobody else."""
        ...

    def told_to_close(self, event: CloseReceived) -> None:
        """Report that the server is closing; the answer goes out after that."""

    def words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Step]:
        """Return the signals for a connection that is gone, or never came up."""
        ...

    def message(self, data: bytes, target: int, mode: TransferMode, channel: int) -> bytes:
        """Return the message for a packet that is not empty; b"" if its target has left."""
        ...

    def begin_anew(self) -> None:
        """Expect what the server says to a newcomer, our own id among it, once more."""

    def end_roster(self) -> None:
        """All who are there have been announced once more; report those who are gone."""
