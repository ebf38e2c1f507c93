"""``OnlyGodot3``: what classes of Godot 3's protocol inherit of Godot 4's, and cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from multiplayer import Error, MultiplayerError
from multiplayer.support.sealed import unavailable

if TYPE_CHECKING:
    from .tls_options import TLSOptions


class OnlyGodot3:
    """A client or a server of Godot 3's protocol, in front of the class that may become either."""

    _begins_by: ClassVar[tuple[str, str]]
    """The class, and what it has instead."""

    @unavailable
    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: that is Godot 4's protocol; this is a class of Godot 3's."""
        del url, tls_client_options
        raise self._speaks_godot3()

    @unavailable
    def create_server(
        self,
        port: int,
        bind_address: str = "*",
        tls_server_options: TLSOptions | None = None,
    ) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: that is Godot 4's protocol; this is a class of Godot 3's."""
        del port, bind_address, tls_server_options
        raise self._speaks_godot3()

    def _speaks_godot3(self) -> MultiplayerError:
        name, instead = self._begins_by
        message = (
            f"{name} speaks Godot 3's protocol: use {instead}, or WebSocketMultiplayerPeer for "
            "Godot 4's"
        )
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)
