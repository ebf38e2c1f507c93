"""``RoleSettings``: the settings of a peer that have a meaning in some roles and modes only."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus
from multiplayer.support.callbacks import check_callback

from .polled_peer import PolledPeer
from .setting_checks import check_limits, check_settings, not_in_plain_mode, only_for_servers
from .websocket.settings import DEFAULT_UNRELIABLE_ORDERED
from .websocket.upgrade_policy import check_origins

if TYPE_CHECKING:
    from collections.abc import Collection

    from multiplayer import Limits

    from .websocket.http_exchange import HttpCallback
    from .websocket.upgrade_policy import UpgradeCallback


class RoleSettings(PolledPeer):
    """A peer that raises if something is set that has no effect in its role or mode.

    At once if it cannot have any effect, else when it connects or listens. Its attributes are those
    of ``WebSocketMultiplayerPeer``, and told there.
    """

    def __init__(self, *, eager: bool) -> None:
        super().__init__(eager=eager)
        self._allowed_origins: Collection[str] | None = None
        self._upgrade_callback: UpgradeCallback | None = None
        self._http_callback: HttpCallback | None = None

    @property
    @abstractmethod
    def _is_server(self) -> bool | None:
        """Whether this is a server; None while it may still become either."""

    @property
    def _is_in_plain_mode(self) -> bool:
        """Whether it is connected or listens in plain mode."""
        if self._mp_mode or self._is_server is None:
            return False
        return self.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED

    def _check_settings(self, *, serving: bool, mp_mode: bool) -> None:
        """Raise if something is set that has no effect in the session that is to begin."""
        check_limits(self._limits, serving=serving, mp_mode=mp_mode)
        of_servers = {
            "allowed_origins": self._allowed_origins is not None,
            "upgrade_callback": self._upgrade_callback is not None,
            "http_callback": self._http_callback is not None,
        }
        of_sessions = {
            "discard_packets": self._discard_packets,
            "holds_new_peers": self._holds_new_peers,
            "server_relay": not self.server_relay,
            "max_unreliable_ordered": self.max_unreliable_ordered != DEFAULT_UNRELIABLE_ORDERED,
        }
        check_settings(of_servers, of_sessions, serving=serving, mp_mode=mp_mode)

    def _require_server(self, name: str, value: object) -> None:
        if value is not None and self._is_server is False:
            raise only_for_servers(name)

    # ---------------------------------------------------------------- of servers

    @property
    def allowed_origins(self) -> Collection[str] | None:
        """The origins of the web pages whose browsers a server accepts; None for any.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one is no origin; ``ERR_UNAVAILABLE``: on a
                client.
        """
        return self._allowed_origins

    @allowed_origins.setter
    def allowed_origins(self, origins: Collection[str] | None) -> None:
        check_origins(origins)
        self._require_server("allowed_origins", origins)
        self._allowed_origins = origins

    @property
    def upgrade_callback(self) -> UpgradeCallback | None:
        """What decides about each client that would be accepted; None accepts all.

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
        """What answers requests that ask for no upgrade; None answers with 426.

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

    # ---------------------------------------------------------------- of sessions

    @property
    def discard_packets(self) -> bool:
        """Whether packets for ourselves are dropped (False): for a server that only relays.

        Raises (when it is set to True):
            MultiplayerError: ``ERR_UNAVAILABLE``: in plain mode.
        """
        return self._discard_packets

    @discard_packets.setter
    def discard_packets(self, discard: bool) -> None:
        if discard and self._is_in_plain_mode:
            raise not_in_plain_mode("discard_packets")
        self._discard_packets = discard

    # ---------------------------------------------------------------- of either

    def _check_limits(self, limits: Limits) -> None:
        super()._check_limits(limits)
        check_limits(limits, serving=self._is_server, mp_mode=not self._is_in_plain_mode)

    @property
    def max_violations(self) -> int:
        """The same as ``limits.max_violations``; setting it sets that."""
        return self.limits.max_violations

    @max_violations.setter
    def max_violations(self, limit: int) -> None:
        self.limits = replace(self.limits, max_violations=limit)
