"""``SeedPeer``: what the two classes of Godot 3's protocol have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from multiplayer import Error, MultiplayerError
from multiplayer.wire.envelopes import godot3 as gd_mp

from .websocket_multiplayer_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tls_options import TLSOptions


class SeedPeer(WebSocketMultiplayerPeer):
    """A peer with the gd_mp envelope, or in plain mode: client or server."""

    _begins_with: ClassVar[tuple[str, str]]
    """The name of the class, and the method that it has instead of those of Godot 4."""

    _headers_instead: ClassVar[str]
    _protocols_instead: ClassVar[str]

    @property
    def handshake_headers(self) -> Sequence[str]:
        """Nothing: setting it raises ``ERR_UNAVAILABLE`` and names what this class has instead."""
        return ()

    @handshake_headers.setter
    def handshake_headers(self, lines: Sequence[str]) -> None:
        if lines:
            raise self._instead("handshake_headers", self._headers_instead)

    @property
    def supported_protocols(self) -> Sequence[str]:
        """Nothing: see :attr:`handshake_headers`."""
        return ()

    @supported_protocols.setter
    def supported_protocols(self, protocols: Sequence[str]) -> None:
        if protocols:
            raise self._instead("supported_protocols", self._protocols_instead)

    def _instead(self, name: str, instead: str) -> MultiplayerError:
        message = f"{name} is for create_client() and create_server(); {instead}"
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> None:
        """Raise ``ERR_UNAVAILABLE``: this class does not speak Godot 4's protocol."""
        del url, tls_client_options
        raise self._not_godot4()

    def create_server(
        self,
        port: int,
        bind_address: str = "*",
        tls_server_options: TLSOptions | None = None,
    ) -> None:
        """Raise ``ERR_UNAVAILABLE``: see :meth:`create_client`."""
        del port, bind_address, tls_server_options
        raise self._not_godot4()

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have; the envelope is longer on other channels."""
        size = super().get_max_packet_size(channel)
        if self._mp_mode and self._max_packet:
            size -= gd_mp.header_size(channel)
        return max(size, 0)

    def _not_godot4(self) -> MultiplayerError:
        name, how = self._begins_with
        message = (
            f"{name} speaks Godot 3's protocol: use {how}, or "
            "WebSocketMultiplayerPeer for Godot 4's"
        )
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def is_server_relay_supported(self) -> bool:
        """Return False: with the gd_mp envelope the peer itself announces and relays."""
        return False
