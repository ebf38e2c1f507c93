"""``ApiHooks``: what only an API and the peer below it say to each other.

A peer of your own need not know any of it: what it inherits works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from .addressing import TransferMode, check_id
from .packet_peer import PacketPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .handlers import Handlers
    from .runs import RelayTaker, RunTaker


class Arrived(Protocol):
    """A packet that has arrived, and everything known about how."""

    @property
    def source(self) -> int:
        """The peer that sent it."""
        ...

    @property
    def payload(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def mode(self) -> TransferMode:
        """Its transfer mode."""
        ...

    @property
    def channel(self) -> int:
        """Its channel."""
        ...


class _Taken(NamedTuple):
    source: int
    payload: bytes
    mode: TransferMode
    channel: int


class ApiHooks(PacketPeer):
    """The part of a peer that only the API above it uses; no part of the public API.

    Attributes:
        handlers: calls what the program has connected or set, and takes what that raises; the
            API's own handlers stand on them.
        sessions: how many sessions this object has begun; it tells one from the next.
        on_forced_out: called with the id of a client that was disconnected by force, which no
            signal reports. None without an API.
    """

    handlers: Handlers
    sessions: int
    on_forced_out: Callable[[int], object] | None

    def __init__(self) -> None:
        super().__init__()
        self.sessions = 0
        self.on_forced_out = None
        self._is_id_elsewhere: Callable[[int], bool] | None = None
        self._holds_new_peers = False

    if TYPE_CHECKING:

        def get_packet_peer(self) -> int: ...  # noqa: D102 - of MultiplayerPeer
        def get_packet_mode(self) -> TransferMode: ...  # noqa: D102
        def get_packet_channel(self) -> int: ...  # noqa: D102
        def get_peers(self) -> list[int]: ...  # noqa: D102
        def _require_relay(self, name: str, instead: str) -> None: ...

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it, in one call; None if there is none.

        Args:
            handlers: the API's; their ``at_work`` becomes the sender before it is removed.
            asks_how: whether mode and channel matter.
        """
        if not self.get_available_packet_count():
            return None
        source, mode, channel = self.get_packet_peer(), TransferMode.TRANSFER_MODE_RELIABLE, 0
        if asks_how:
            mode, channel = self.get_packet_mode(), self.get_packet_channel()
        handlers.at_work = source
        return _Taken(source, self.get_packet(), mode, channel)

    def lead_straight_to(self, taker: RunTaker | None, relay: RelayTaker | None = None) -> None:
        """Give packets to an API in runs, if this peer can; it listens to ``peer_packet``, too.

        Args:
            taker: what takes them; None for nobody any more.
            relay: what of it passes packets on; None if it does not.
        """

    @property
    def api_is_polling(self) -> Callable[[], bool] | None:
        """Tells whether the API is in its own poll, for ours after an interrupt."""
        return self.handlers.let_through.api_is_polling

    @api_is_polling.setter
    def api_is_polling(self, is_polling: Callable[[], bool] | None) -> None:
        self.handlers.let_through.api_is_polling = is_polling

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""

    @property
    def is_id_elsewhere(self) -> Callable[[int], bool] | None:
        """Says whether somebody in another session of the same match has an id; None by default.

        A newcomer does not get such an id. See ``multiplayer.game.Bridge``.
        """
        return self._is_id_elsewhere

    @is_id_elsewhere.setter
    def is_id_elsewhere(self, is_elsewhere: Callable[[int], bool] | None) -> None:
        self._is_id_elsewhere = is_elsewhere

    def has_given_id(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client has an id, also one that no signal has reported yet.

        Args:
            id: any number.
        """
        return id in self.get_peers()

    def wake(self) -> None:
        """Make whoever waits for this peer, such as ``peers.run``, poll it at once."""

    def note_not_admitted(self, why: str = "") -> None:
        """Note that the API above did not get into the session; for a client that says why.

        Args:
            why: in words; "" if the server ended the connection, which this peer knows more about.
        """
        del why

    @property
    def holds_new_peers(self) -> bool:
        """Whether a server that announces and relays by itself does neither for newcomers (False).

        Those who join while it is True are known only to the server, until :meth:`admit_peer`:
        nobody else is told of them, nor they of anybody. For programs that check peers before they
        let them in.

        Raises (when it is set to True):
            MultiplayerError: ``ERR_UNAVAILABLE``: this peer announces nobody.
        """
        return self._holds_new_peers

    @holds_new_peers.setter
    def holds_new_peers(self, hold: bool) -> None:
        if hold:
            self._require_relay("holds_new_peers", "auth_callback")
        self._holds_new_peers = hold

    def tell_renewed(self, id: int) -> Collection[int]:  # noqa: A002 - Godot's name
        """Tell the others that a peer has come back and begins anew; return who need no more.

        That is all that have agreed on ``docs/protocol/resume.md``, the peer itself among them; the
        API tells the rest, in packets of its own. For servers over which it announces peers;
        elsewhere the peer below has told everybody.

        Args:
            id: the peer's id.
        """
        del id
        return ()

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a peer that is held (:attr:`holds_new_peers`) to the others, and them to it.

        A peer that is not held stays as it is; one that has left is left alone.

        Args:
            id: the peer's id.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: a server that holds peers never had this one.
        """
        check_id(id)
