"""``OfflineMultiplayerPeer``: a session of one. Mirrors the Godot class."""

from __future__ import annotations

from typing import NoReturn

from .addressing import check_id
from .errors import Error, MultiplayerError
from .multiplayer_peer import ConnectionStatus, MultiplayerPeer
from .support.sealed import unavailable

_LCG_FACTOR = 6364136223846793005
_LCG_STEP = 1442695040888963407


class OfflineMultiplayerPeer(MultiplayerPeer):
    """Always connected, always the server (id 1), always alone: single-player, no special cases.

    Packets reach nobody. There is neither a clock nor randomness: :meth:`now` stands still, and
    :meth:`randbits` gives the same sequence in every program.
    """

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0

    def now(self) -> float:
        """Return 0.0: there is nobody to wait for."""
        return 0.0

    def randbits(self, bits: int) -> int:
        """Return the next number of a fixed sequence; it has ``bits`` bits (at most 63)."""
        self._drawn = (self._drawn * _LCG_FACTOR + _LCG_STEP) % 2**64
        return self._drawn >> (64 - bits)

    def poll(self) -> None:
        """Do nothing: nothing ever happens."""

    def close(self) -> None:
        """Do nothing: there is no connection."""

    @unavailable
    def disconnect_peer(self, peer: int, force: bool = False) -> NoReturn:
        """Raise: there are no peers.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``, always.
        """
        del force
        check_id(peer)
        message = f"there is no peer {peer}: an offline session has no peers"
        raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)

    def get_connection_status(self) -> ConnectionStatus:
        """Return ``CONNECTION_CONNECTED``."""
        return ConnectionStatus.CONNECTION_CONNECTED

    def get_unique_id(self) -> int:
        """Return 1."""
        return 1

    def get_available_packet_count(self) -> int:
        """Return 0."""
        return 0

    def put_packet(self, buffer: bytes) -> None:
        """Send to nobody."""

    @unavailable
    def get_packet_peer(self) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: no packet ever arrives."""
        self._take_packet()

    @unavailable
    def get_packet_channel(self) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: no packet ever arrives."""
        self._take_packet()

    @unavailable
    def get_packet_mode(self) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: no packet ever arrives."""
        self._take_packet()

    def is_server_relay_supported(self) -> bool:
        """Return False: there is nobody to relay to."""
        return False

    def _take_packet(self) -> NoReturn:
        raise MultiplayerError(Error.ERR_UNAVAILABLE, "an offline session receives no packets")
