"""``PeerSettings``: what users set on a peer, and what they may not set."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError, MultiplayerPeer
from multiplayer.support.callbacks import check_callback
from multiplayer.support.number_setting import NumberSetting, check_number

from .setting_checks import check_limits, check_settings, not_in_plain_mode, only_for_servers
from .websocket.settings import DEFAULT_BUFFER_SIZE, DEFAULT_UNRELIABLE_ORDERED, LinkSettings
from .websocket.upgrade_policy import check_origins

if TYPE_CHECKING:
    from collections.abc import Collection

    from multiplayer import Limits

    from .websocket.http_exchange import HttpCallback
    from .websocket.upgrade_policy import UpgradeCallback


class PeerSettings(MultiplayerPeer):
    """A peer that raises if a setting makes no sense, or has no effect.

    It raises at once if the setting can have no effect in the peer's role or mode, otherwise when
    it connects or listens. Its attributes are those of ``WebSocketMultiplayerPeer``, and described
    there.
    """

    handshake_timeout = NumberSetting[float](3.0, above_zero=True, finite=False)
    close_timeout = NumberSetting[float](3.0, above_zero=True)
    inbound_buffer_size = NumberSetting[int](DEFAULT_BUFFER_SIZE, above_zero=True)
    outbound_buffer_size = NumberSetting[int](DEFAULT_BUFFER_SIZE)
    max_unreliable_ordered = NumberSetting[int](DEFAULT_UNRELIABLE_ORDERED)
    max_queued_packets = NumberSetting[int](4096, above_zero=True)

    def __init__(self) -> None:
        super().__init__()
        self._heartbeat_interval: float | None = None
        self._discard_packets = False
        self._allowed_origins: Collection[str] | None = None
        self._upgrade_callback: UpgradeCallback | None = None
        self._http_callback: HttpCallback | None = None

    @property
    @abstractmethod
    def _is_server(self) -> bool | None:
        """Whether this is a server; None while it may still become either."""

    @property
    @abstractmethod
    def _is_in_plain_mode(self) -> bool:
        """Whether it is connected or listening in plain mode."""

    @abstractmethod
    def _tell_session(self) -> None:
        """Apply those settings that apply at once to the session that is under way."""

    def _check_settings(self, *, serving: bool, in_session: bool) -> None:
        """Raise if a setting has no effect in the session that is about to begin."""
        check_limits(self._limits, serving=serving, mp_mode=in_session)
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
        check_settings(of_servers, of_sessions, serving=serving, mp_mode=in_session)

    def _link_settings(self, envelope: str) -> LinkSettings:
        """Return the settings of connections that carry messages in that envelope."""
        return LinkSettings(
            inbound_buffer_size=self.inbound_buffer_size,
            outbound_buffer_size=self.outbound_buffer_size,
            max_queued_packets=self.max_queued_packets,
            handshake_timeout=self.handshake_timeout,
            close_timeout=self.close_timeout,
            heartbeat_interval=self.heartbeat_interval or 0.0,
            max_unreliable_ordered=self.max_unreliable_ordered,
            limits=self.limits,
            envelope=envelope,
        )

    # ---------------------------------------------------------------- of all

    @property
    def heartbeat_interval(self) -> float | None:
        """After how many seconds of silence to ping; None for the default of the mode.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a time.
        """
        return self._heartbeat_interval

    @heartbeat_interval.setter
    def heartbeat_interval(self, seconds: float | None) -> None:
        if seconds is not None:
            seconds = check_number("heartbeat_interval", seconds)
        self._heartbeat_interval = seconds

    def set_buffers(
        self,
        input_buffer_size_kb: int,
        input_max_packets: int,
        output_buffer_size_kb: int,
        output_max_packets: int,
    ) -> None:
        """Set the limits as Godot 3 does.

        Args:
            input_buffer_size_kb: KiB, rounded up to a power of two; the longest message to accept
                is one byte less.
            input_max_packets: see ``max_queued_packets``, which becomes the larger of the two.
            output_buffer_size_kb: the same for ``outbound_buffer_size``.
            output_max_packets: see ``input_max_packets``.

        Raises:
            MultiplayerError: ``FAILED``: already connected or listening;
                ``ERR_INVALID_PARAMETER``: a number is not positive.
        """
        if self.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "call set_buffers() before connecting or listening"
            raise MultiplayerError(Error.FAILED, message)
        for name, number in (
            ("input_buffer_size_kb", input_buffer_size_kb),
            ("input_max_packets", input_max_packets),
            ("output_buffer_size_kb", output_buffer_size_kb),
            ("output_max_packets", output_max_packets),
        ):
            check_number(name, number, whole=True, above_zero=True)
        self.inbound_buffer_size = _longest_packet(input_buffer_size_kb)
        self.outbound_buffer_size = _longest_packet(output_buffer_size_kb)
        self.max_queued_packets = max(input_max_packets, output_max_packets)

    @property
    def limits(self) -> Limits:
        """The limits that Godot does not have; set another ``Limits`` to change them.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a ``Limits``;
                ``ERR_UNAVAILABLE``: it sets a limit that this peer can never reach.
        """
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._check_limits(limits)
        self._limits = limits
        self._tell_session()

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

    # ---------------------------------------------------------------- of sessions

    @property
    def discard_packets(self) -> bool:
        """Whether packets for this program are dropped (False): for a server that only relays.

        Raises (when it is set to True):
            MultiplayerError: ``ERR_UNAVAILABLE``: in plain mode.
        """
        return self._discard_packets

    @discard_packets.setter
    def discard_packets(self, discard: bool) -> None:
        if discard and self._is_in_plain_mode:
            raise not_in_plain_mode("discard_packets")
        self._discard_packets = discard
        self._tell_session()

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


def _longest_packet(kib: int) -> int:
    return (1 << (kib * 1024 - 1).bit_length()) - 1
