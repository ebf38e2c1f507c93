"""``PeerSettings``: what users set on a peer over WebSockets besides that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.session_peer import SessionPeer
from multiplayer.setting_checks import only_for_servers
from multiplayer.support.callbacks import check_callback

from .websocket.settings import LinkSettings
from .websocket.upgrade_policy import check_origins

if TYPE_CHECKING:
    from collections.abc import Collection

    from .websocket.http_exchange import HttpCallback
    from .websocket.upgrade_policy import UpgradeCallback


class PeerSettings(SessionPeer):
    """A peer that raises if a setting makes no sense, or has no effect.

    It raises at once if the setting can have no effect in the peer's role or mode, otherwise when
    it connects or listens. Its attributes are those of ``WebSocketMultiplayerPeer``, and described
    there.
    """

    _allowed_origins: Collection[str] | None = None
    _upgrade_callback: UpgradeCallback | None = None
    _http_callback: HttpCallback | None = None

    def _of_servers(self) -> dict[str, bool]:
        return {
            "allowed_origins": self._allowed_origins is not None,
            "upgrade_callback": self._upgrade_callback is not None,
            "http_callback": self._http_callback is not None,
        }

    def _link_settings(self, envelope: str) -> LinkSettings:
        """Return the settings of connections that carry messages in that envelope."""
        settings = self._channel_settings(envelope)
        return LinkSettings(**{name: getattr(settings, name) for name in settings.__slots__})

    # ---------------------------------------------------------------- of servers

    def _require_server(self, name: str, value: object) -> None:
        if value is not None and self._is_server is False:
            raise only_for_servers(name)

    @property
    def allowed_origins(self) -> Collection[str] | None:
        """The origins of the web pages whose browsers a server accepts; None for any.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one is not an origin; ``ERR_UNAVAILABLE``:
                on a client.
        """
        return self._allowed_origins

    @allowed_origins.setter
    def allowed_origins(self, origins: Collection[str] | None) -> None:
        check_origins(origins)
        self._require_server("allowed_origins", origins)
        self._allowed_origins = origins

    @property
    def upgrade_callback(self) -> UpgradeCallback | None:
        """Decides about each client that would be accepted; None accepts all.

        Raises (when it is set):
            MultiplayerError: ``ERR_UNAVAILABLE``: on a client; ``ERR_INVALID_PARAMETER``: it cannot
                be called, or is ``async``.
        """
        return self._upgrade_callback

    @upgrade_callback.setter
    def upgrade_callback(self, callback: UpgradeCallback | None) -> None:
        check_callback("upgrade_callback", callback)
        self._require_server("upgrade_callback", callback)
        self._upgrade_callback = callback

    @property
    def http_callback(self) -> HttpCallback | None:
        """Answers requests that ask for no upgrade; None answers with 426.

        Raises (when it is set):
            MultiplayerError: ``ERR_UNAVAILABLE``: on a client; ``ERR_INVALID_PARAMETER``: it cannot
                be called, or is ``async``.
        """
        return self._http_callback

    @http_callback.setter
    def http_callback(self, callback: HttpCallback | None) -> None:
        check_callback("http_callback", callback)
        self._require_server("http_callback", callback)
        self._http_callback = callback
