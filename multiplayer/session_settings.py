"""``SessionSettings``: what users set on a peer of a session, and what they may not set."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from .connection_status import ConnectionStatus
from .endpoint.channel_settings import (
    DEFAULT_BUFFER_SIZE,
    DEFAULT_UNRELIABLE_ORDERED,
    SESSION_HEARTBEAT,
    ChannelSettings,
)
from .endpoint.seat_keys import SeatKeys
from .endpoint.seats import DEFAULT_REPLAY_BYTES, DEFAULT_REPLAY_PACKETS, SeatSettings
from .errors import Error, MultiplayerError
from .multiplayer_peer import MultiplayerPeer
from .resume import check_resume
from .setting_checks import (
    check_limits,
    check_settings,
    not_in_plain_mode,
    only_for_clients,
    only_for_servers,
)
from .support.internal import internal
from .support.number_setting import NumberSetting, check_number

if TYPE_CHECKING:
    from .limits import Limits
    from .resume import Resume


class SessionSettings(MultiplayerPeer):
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
    max_replay_bytes = NumberSetting[int](DEFAULT_REPLAY_BYTES, above_zero=True)
    max_replay_packets = NumberSetting[int](DEFAULT_REPLAY_PACKETS, above_zero=True)

    def __init__(self) -> None:
        super().__init__()
        self._heartbeat_interval: float | None = None
        self._resume: Resume | None = None
        self._discard_packets = False
        self._grace = 0.0
        self._seat_keys: SeatKeys | None = None

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
        of_sessions = {
            "discard_packets": self._discard_packets,
            "holds_new_peers": self._holds_new_peers,
            "server_relay": not self.server_relay,
            "max_unreliable_ordered": self.max_unreliable_ordered != DEFAULT_UNRELIABLE_ORDERED,
            "resume": self._resume is not None,
        }
        if serving and self._resume is not None:
            raise only_for_clients("resume")
        of_seats = {
            "grace": self._grace > 0,
            "max_replay_bytes": self.max_replay_bytes != DEFAULT_REPLAY_BYTES,
            "max_replay_packets": self.max_replay_packets != DEFAULT_REPLAY_PACKETS,
            "seat_keys": self._seat_keys is not None,
        }
        of_servers = self._of_servers() | of_seats
        of_sessions |= of_seats
        check_settings(of_servers, of_sessions, serving=serving, mp_mode=in_session)

    def _of_servers(self) -> dict[str, bool]:
        """Return the settings that only servers have, and whether they are set."""
        return {}

    @property
    def resume(self) -> Resume | None:
        """How a client comes back by itself once it has lost its connection; None for not at all.

        It applies from the next session on, see ``docs/coming-back.md``. A server that gives no
        seats (its ``grace`` is 0), and a Godot one, makes it have no effect; that is logged.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is no ``Resume``; ``ERR_UNAVAILABLE``:
                on a server, or in plain mode.
        """
        return self._resume

    @resume.setter
    def resume(self, resume: Resume | None) -> None:
        check_resume(resume)
        if resume is not None and self._is_server:
            raise only_for_clients("resume")
        if resume is not None and self._is_in_plain_mode:
            raise not_in_plain_mode("resume")
        self._resume = resume

    def _channel_settings(self, envelope: str) -> ChannelSettings:
        """Return the settings of connections that carry messages in that envelope."""
        return ChannelSettings(
            inbound_buffer_size=self.inbound_buffer_size,
            outbound_buffer_size=self.outbound_buffer_size,
            max_queued_packets=self.max_queued_packets,
            handshake_timeout=self.handshake_timeout,
            close_timeout=self.close_timeout,
            heartbeat_interval=self._heartbeat,
            max_unreliable_ordered=self.max_unreliable_ordered,
            limits=self.limits,
            envelope=envelope,
        )

    @property
    def _heartbeat(self) -> float:
        """After how many seconds of silence to ping; 0 for never."""
        if self._heartbeat_interval is None and self._resume is not None:
            return SESSION_HEARTBEAT  # a connection that is silently gone is to be noticed
        return self._heartbeat_interval or 0.0

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

    def _check_seats(self, name: str) -> None:
        """Raise if no seats can be granted here, for which that setting is."""
        if self._is_server is False:
            raise only_for_servers(name)
        if self._is_in_plain_mode:
            raise not_in_plain_mode(name)

    @property
    def grace(self) -> float:
        """For how many seconds the seat of a client waits that has lost its connection (0).

        0 for no seats: then a client that has lost its connection has left. Seats are given to
        clients that ask for one, which ours do with ``resume``, and any with a ``seat_key`` in its
        URL: ``docs/protocol/resume.md``. A change holds for those who lose their connections after
        it.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a time; ``ERR_UNAVAILABLE``: on a
                client, or in plain mode.
        """
        return self._grace

    @grace.setter
    def grace(self, seconds: float) -> None:
        seconds = check_number("grace", seconds)
        if seconds:
            self._check_seats("grace")
        self._grace = seconds
        self._tell_session()

    @property
    def seat_keys(self) -> SeatKeys | None:
        """What makes the tokens with which clients come back; None for a secret of its own.

        Servers that go on with the seats of each other have the same secret. Set it before
        listening.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a ``SeatKeys``;
                ``ERR_UNAVAILABLE``: on a client, or in plain mode; ``ERR_ALREADY_IN_USE``: while it
                listens.
        """
        return self._seat_keys

    @seat_keys.setter
    def seat_keys(self, keys: SeatKeys | None) -> None:
        if not isinstance(keys, SeatKeys | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"seat_keys must be a SeatKeys, not {type(keys).__name__}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if keys is not None:
            self._check_seats("seat_keys")
        if self.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "seat_keys cannot change while clients may have tokens; set it before"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._seat_keys = keys

    @internal
    @property
    def seat_settings(self) -> SeatSettings:
        """What is granted to those who come from now on."""
        return SeatSettings(
            self._grace, self.max_replay_bytes, self.max_replay_packets, self._seat_keys
        )

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


def _longest_packet(kib: int) -> int:
    return (1 << (kib * 1024 - 1).bit_length()) - 1
