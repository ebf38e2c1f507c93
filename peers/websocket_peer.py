"""``WebSocketPeer``: one WebSocket connection. Mirrors the Godot class."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, cast

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_codes import check_close
from multiplayer.endpoint.face import Face
from multiplayer.endpoint.packets import check_packet
from multiplayer.misplaced import LIMITS, misplace

from .websocket.events import ReadyState

if TYPE_CHECKING:
    from .websocket.link import Link
    from .websocket.upgrade import UpgradeRequest


class WriteMode(IntEnum):
    """Godot's ``WebSocketPeer.WriteMode``."""

    WRITE_MODE_TEXT = 0
    WRITE_MODE_BINARY = 1


class WebSocketPeer(Face):
    """One connection of a ``WebSocketMultiplayerPeer``, as ``get_peer()`` returns it.

    In plain mode, this sends and receives. Otherwise packets go through the client or server
    object, and this one only describes the connection.

    Attributes:
        userdata: anything you like; initially what ``Accept(userdata=…)`` attached, or None. It is
            kept as long as ``get_peer`` finds this peer, even after it has left.
        request: on a server, the :class:`UpgradeRequest` that the client came with; None on a
            client.
    """

    WRITE_MODE_TEXT: Final = WriteMode.WRITE_MODE_TEXT
    WRITE_MODE_BINARY: Final = WriteMode.WRITE_MODE_BINARY

    STATE_CONNECTING: Final = ReadyState.STATE_CONNECTING
    STATE_OPEN: Final = ReadyState.STATE_OPEN
    STATE_CLOSING: Final = ReadyState.STATE_CLOSING
    STATE_CLOSED: Final = ReadyState.STATE_CLOSED

    userdata: object = None
    request: UpgradeRequest | None = None
    _write_mode = WriteMode.WRITE_MODE_BINARY

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` as one message, text or binary as :meth:`set_write_mode` says.

        Never blocks. An empty buffer sends nothing (as in Godot). While the connection is closing,
        and after a server's client has left, packets are dropped and counted.

        Raises:
            MultiplayerError: as :meth:`send`.
        """
        data = check_packet(buffer, self._max_packet)
        if data:
            text = self._write_mode is WriteMode.WRITE_MODE_TEXT
            if text:
                _check_text(data)
            self._send(data, text=text)

    def send(
        self, message: bytes, write_mode: WriteMode | int = WriteMode.WRITE_MODE_BINARY
    ) -> None:
        """Send ``message`` as one message; unlike :meth:`put_packet`, even an empty one.

        Raises:
            MultiplayerError: ``FAILED``: there is no open connection; ``ERR_INVALID_DATA``: text
                that is not UTF-8; ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes, or no such mode.
        """
        data = check_packet(message, self._max_packet)
        text = _write_mode(write_mode) == WriteMode.WRITE_MODE_TEXT
        if text:
            _check_text(data)
        self._send(data, text=text)

    def send_text(self, message: str) -> None:
        """Send ``message`` as one text message.

        Raises:
            MultiplayerError: as :meth:`send`.
        """
        if not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            sentence = f"send_text() takes a str, not {type(message).__name__}; send() takes bytes"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, sentence)
        self.send(message.encode("utf-8", "surrogatepass"), WriteMode.WRITE_MODE_TEXT)

    def get_write_mode(self) -> WriteMode:
        """Return whether :meth:`put_packet` sends text or binary messages."""
        return self._write_mode

    def set_write_mode(self, mode: WriteMode | int) -> None:
        """Choose whether :meth:`put_packet` sends text or binary messages (binary by default).

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: no such mode.
        """
        self._write_mode = _write_mode(mode)

    # ---------------------------------------------------------------- the connection

    @property
    def _websocket(self) -> Link | None:
        return cast("Link | None", self._link)

    @staticmethod
    def _is_up(link: Link) -> bool:
        return link.state in (ReadyState.STATE_OPEN, ReadyState.STATE_CLOSING)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake (RFC 6455 section 7.1.2); without a connection, do nothing.

        Keep polling until the connection has closed. See ``WebSocketClient.disconnect_from_host``
        for the arguments.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        link = self._websocket
        code, reason = check_close(code, reason, plain=link is None or link.plain)
        if link is not None and self._endpoint is not None:
            self._endpoint.begin_closing(link, code, reason)

    def is_connected_to_host(self) -> bool:
        """Return whether the connection is open; one that is closing is still open."""
        link = self._websocket
        return link is not None and self._is_up(link)

    def get_ready_state(self) -> ReadyState:
        """Return the state of the connection; ``STATE_CLOSED`` without one."""
        link = self._websocket
        return link.state if link is not None else ReadyState.STATE_CLOSED

    def get_close_code(self) -> int:
        """Return the code that the connection was closed with; -1 if it was not, or not cleanly.

        1005 stands for a close frame without a code (RFC 6455 section 7.1.5).
        """
        return super().get_close_code()

    def get_selected_protocol(self) -> str:
        """Return the sub-protocol that was agreed on, "" for none."""
        return self._link.protocol if self._link is not None else ""

    def get_connected_host(self) -> str:
        """Return the other side's IP address.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._connected_link().address

    def get_connected_port(self) -> int:
        """Return the other side's TCP port.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._connected_link().port

    def _connected_link(self) -> Link:
        link = self._websocket
        if link is None or not self._is_up(link):
            message = "there is no connection; check is_connected_to_host() first"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return link

    def set_no_delay(self, enabled: bool) -> None:
        """Set TCP_NODELAY: send small packets at once (on by default)."""
        if self._link is not None and self._endpoint is not None:
            self._endpoint.set_no_delay(self._link, enabled=enabled)


def _write_mode(mode: WriteMode | int) -> WriteMode:
    try:
        return WriteMode(mode)
    except ValueError:
        message = f"the write mode must be WRITE_MODE_TEXT or WRITE_MODE_BINARY, not {mode!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None


def _check_text(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        message = f"text must be UTF-8: {error}; use set_write_mode(WRITE_MODE_BINARY) for bytes"
        raise MultiplayerError(Error.ERR_INVALID_DATA, message) from None


misplace(
    WebSocketPeer,
    (
        *LIMITS,
        "limits",
        "handshake_headers",
        "supported_protocols",
        "handshake_timeout",
        "close_timeout",
        "heartbeat_interval",
        "inbound_buffer_size",
        "outbound_buffer_size",
        "max_queued_packets",
        "max_unreliable_ordered",
        "transfer_mode",
        "transfer_channel",
    ),
    "it is one setting for all connections of a client or server; set it there",
)
