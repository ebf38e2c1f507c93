"""``WebSocketPeer``: one WebSocket connection. Mirrors the Godot class."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer import Error, MultiplayerError, PacketPeer
from multiplayer.endpoint.statistics import Statistics
from multiplayer.misplaced import LIMITS, misplace
from multiplayer.support.internal import internal

from .websocket.close_codes import check_close
from .websocket.events import ReadyState

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from multiplayer.codecs import Codec
    from multiplayer.endpoint.events import Message
    from multiplayer.endpoint.failure import Failure

    from .websocket.link import Link, LinkEndpoint
    from .websocket.upgrade import UpgradeRequest


class WriteMode(IntEnum):
    """Godot's ``WebSocketPeer.WriteMode``."""

    WRITE_MODE_TEXT = 0
    WRITE_MODE_BINARY = 1


_CONNECTING: Final = ReadyState.STATE_CONNECTING


class FaceOwner(Protocol):
    """Whose settings a connection's packets have, unless it has others."""

    @property
    def codec(self) -> Codec:
        """See ``WebSocketMultiplayerPeer``."""
        ...

    @property
    def encode_buffer_max_size(self) -> int:
        """See ``WebSocketMultiplayerPeer``."""
        ...


class WebSocketPeer(PacketPeer):
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

    def __init__(self) -> None:
        super().__init__()
        self.userdata: object = None
        self.request: UpgradeRequest | None = None
        self._link: Link | None = None
        self._reactor: LinkEndpoint | None = None
        self._max_packet = 0
        self._ended = True
        self._drops: Counter[str] | None = None
        self._write_mode = WriteMode.WRITE_MODE_BINARY
        self._inbox: deque[Message] = deque()
        self._was_string = False
        self._given_codec = self.codec
        self._given_size = self.encode_buffer_max_size

    # ---------------------------------------------------------------- for client and server

    @internal
    def attach(self, link: Link, reactor: LinkEndpoint, max_packet: int, owner: FaceOwner) -> None:
        """Become the face of a new connection (called by the client or server).

        Args:
            link: the connection.
            reactor: what moves its bytes.
            max_packet: the longest packet to send, in bytes; 0 for any.
            owner: its ``codec`` and ``encode_buffer_max_size`` apply, unless others have been set
                here.
        """
        if self.codec is self._given_codec:
            self.codec = self._given_codec = owner.codec
        if self.encode_buffer_max_size == self._given_size:
            self.encode_buffer_max_size = self._given_size = owner.encode_buffer_max_size
        self._link, self._reactor, self._max_packet = link, reactor, max_packet
        self._ended = False
        self._inbox.clear()

    @internal
    def move_to(self, link: Link) -> None:
        """Be the face of another connection, which carries the same member from now on."""
        self._link = link

    @internal
    def detach(self, drops: Counter[str] | None = None) -> None:
        """Note that the end of the connection was reported (called by the client or server).

        Args:
            drops: a server's counters, for what is put here too late; None on a client, which then
                has nobody to send to.
        """
        self._ended = True
        self._drops = drops

    @property
    def address(self) -> str:
        """The other side's IP address, even after it has left; "" if there was none."""
        return self._link.address if self._link is not None else ""

    @property
    def closed_by_us(self) -> bool:
        """Whether this program began to close the connection."""
        return self._link is not None and self._link.closed_by_us

    @internal
    def sizes(self) -> list[int]:
        """Return how long each packet is that waits to be fetched."""
        return [len(message.data) for message in self._inbox]

    def stored(self) -> Iterator[tuple[Link, int]]:
        """Yield the connection and the size of each packet that waits to be fetched."""
        if self._link is not None:
            for message in self._inbox:
                yield self._link, len(message.data)

    @internal
    def store(self, message: Message) -> None:
        """Queue a message to be fetched (called by the client or server)."""
        self._inbox.append(message)

    # ---------------------------------------------------------------- packets

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in gd_mp mode."""
        return len(self._inbox)

    def _take_packet(self) -> bytes:
        if not self._inbox:
            message = "no packet waits; check get_available_packet_count() first"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        data, self._was_string = self._inbox.popleft()
        if self._link is not None and self._reactor is not None:
            self._reactor.fetched(self._link, len(data))
        return data

    def was_string_packet(self) -> bool:
        """Return whether the last packet fetched came as text."""
        return self._was_string

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` as one message, text or binary as :meth:`set_write_mode` says.

        Never blocks. An empty buffer sends nothing (as in Godot). While the connection is closing,
        and after a server's client has left, packets are dropped and counted.

        Raises:
            MultiplayerError: as :meth:`send`.
        """
        if check_packet(buffer, self._max_packet):
            self.send(buffer, self._write_mode)

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
        if self._drops is not None:
            self._drops["departed"] += 1
            return
        link, reactor = self._link, self._reactor
        # If the network has ended it since the last poll, that is not the caller's mistake.
        if reactor is None or link is None or self._ended or link.state == _CONNECTING:
            sentence = "there is no open connection to send on; wait until it is established"
            raise MultiplayerError(Error.FAILED, sentence)
        reactor.send(link, data, text=text)

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
        code, reason = check_close(code, reason, plain=self._link is None or self._link.plain)
        if self._link is not None and self._reactor is not None:
            self._reactor.begin_closing(self._link, code, reason)

    def is_connected_to_host(self) -> bool:
        """Return whether the connection is open; one that is closing is still open."""
        return self._link is not None and self._is_up(self._link)

    def get_ready_state(self) -> ReadyState:
        """Return the state of the connection; ``STATE_CLOSED`` without one."""
        return self._link.state if self._link is not None else ReadyState.STATE_CLOSED

    def get_close_code(self) -> int:
        """Return the code that the connection was closed with; -1 if it was not, or not cleanly.

        1005 stands for a close frame without a code (RFC 6455 section 7.1.5).
        """
        return self._link.close_code if self._link is not None else -1

    def get_close_reason(self) -> str:
        """Return the reason that came with :meth:`get_close_code`."""
        return self._link.close_reason if self._link is not None else ""

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
        if self._link is None or not self._is_up(self._link):
            message = "there is no connection; check is_connected_to_host() first"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return self._link

    def get_current_outbound_buffered_amount(self) -> int:
        """Return how many bytes wait to be sent, frame headers included."""
        return self._link.buffered if self._link is not None else 0

    def set_no_delay(self, enabled: bool) -> None:
        """Set TCP_NODELAY: send small packets at once (on by default)."""
        if self._link is not None and self._reactor is not None:
            self._reactor.set_no_delay(self._link, enabled=enabled)

    @property
    def failure(self) -> Failure | None:
        """Why the connection failed; None if it did not, or was closed properly."""
        return self._link.failure if self._link is not None else None

    @property
    def statistics(self) -> Statistics:
        """A copy of this connection's counts."""
        return self._link.snapshot() if self._link is not None else Statistics()

    @property
    def round_trip_time(self) -> float | None:
        """The time from the last heartbeat's ping to its pong, in seconds; None before one."""
        return self._link.round_trip_time if self._link is not None else None


def _write_mode(mode: WriteMode | int) -> WriteMode:
    try:
        return WriteMode(mode)
    except ValueError:
        message = f"the write mode must be WRITE_MODE_TEXT or WRITE_MODE_BINARY, not {mode!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None


def left_silently(peer: WebSocketPeer) -> bool:
    """Return whether the other side has left by itself and without a close frame."""
    if peer.closed_by_us:
        return False
    return peer.failure is not None and peer.failure.stage in ("tcp", "left")


def check_packet(buffer: bytes, limit: int, *, envelope: int = 0) -> bytes:
    """Return a copy of ``buffer`` as bytes.

    Args:
        buffer: any bytes-like object.
        limit: the longest message to send, in bytes; 0 for any.
        envelope: how many bytes will be put before it.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not bytes; ``ERR_OUT_OF_MEMORY``: too long.
    """
    try:
        data = buffer if type(buffer) is bytes else bytes(memoryview(buffer))
    except TypeError:
        message = f"a packet must be bytes, not {type(buffer).__name__}; encode text with .encode()"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
    if 0 < limit < len(data) + envelope:
        message = (
            f"a packet of {len(data)} bytes is longer than outbound_buffer_size allows "
            f"({limit - envelope}); raise it, and the other side's inbound_buffer_size, before "
            "connecting (set_buffers)"
        )
        raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
    return data


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
