"""The frame boundary: bytes after the upgrade become messages, and messages become bytes.

Whole text and binary frames, nearly all that ever travels, are read and written here. Everything
else (control frames, fragments, whatever is wrong) goes to wsproto, byte for byte, so that RFC 6455
is its business. Both work on the same stream, which takes knowing where each frame ends: this
module, and no other, reads frame headers. wsproto is driven through its public API only.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from wsproto import events as ws
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.frame_protocol import CloseReason

from multiplayer.addressing import TransferMode
from multiplayer.endpoint.events import Broken, CloseReceived, Message
from multiplayer.endpoint.long_frame import Frame, LongFrame
from multiplayer.runs import Run

from .common_frames import (
    HEAD_SIZE,
    LONGEST_COMMON,
    MASKED_SIZE,
    read_masked,
    read_unmasked,
    write_masked,
)
from .control_room import ControlRoom
from .masking import LongPayload, draw_keys, masked, spare_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

_FIN: Final = 0x80
_RSV: Final = 0x70
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F

_CONTINUATION: Final = 0
_TEXT: Final = 1
_BINARY: Final = 2
_CLOSE: Final = 8
_CONTROL: Final = 8
_OPCODES: Final = frozenset({0, 1, 2, 8, 9, 10})

# Registered with IANA; to wsproto it is unknown, and so a protocol error.
_BAD_GATEWAY: Final = 1014

_UINT16: Final = struct.Struct("!H")
_MEDIUM_HEAD: Final = struct.Struct("!BBH")
_UINT32: Final = struct.Struct("!I")
_UINT64: Final = struct.Struct("!Q")

_WHOLE_BINARY: Final = _FIN | _BINARY
_SHORT_HEADS: Final = tuple(bytes((_WHOLE_BINARY, size)) for size in range(126))
_LONG: Final = 1 << 12
"""From how many bytes on the mask of a frame is taken off before the frame is whole."""

# Longer than any stream: wsproto gets all that follows a frame that it is bound to refuse.
_FOR_EVER: Final = 1 << 64


class Ping(NamedTuple):
    """A ping, to be answered with a pong of the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """A pong."""

    payload: bytes


ControlEvent = Ping | Pong | CloseReceived | Broken
FrameEvent = bytes | Run | Message | ControlEvent
"""What comes. Bytes are a binary message that came alone: of the common kind, as in a run."""


def message_frame(data: bytes, *, text: bool) -> bytes:
    """Return ``data`` as one unmasked frame: what a server sends, the same to every client."""
    return _header(len(data), text, mask_bit=0) + data


def binary_frame(data: bytes, mode: TransferMode = _RELIABLE, *, text: bool = False) -> bytes:
    """Return the same of a packet of a session, whatever its mode, or of a word, which is text."""
    del mode
    size = len(data)
    if not text:  # without a call: one is made for each packet and peer
        if size < 126:
            return _SHORT_HEADS[size] + data
        if size < 1 << 16:
            return _MEDIUM_HEAD.pack(_FIN | _BINARY, 126, size) + data
    return _header(size, text, mask_bit=0) + data


def payload_of(frame: bytes) -> bytes:
    """Return the payload of a frame that :func:`message_frame` or :meth:`Frames.message` made."""
    length = frame[1] & _LENGTH
    at = 2 if length < 126 else 4 if length == 126 else 10
    if frame[1] & _MASKED:
        return masked(frame[at + 4 :], frame[at : at + 4])
    return frame[at:]


def _header(length: int, text: bool, mask_bit: int) -> bytes:
    first = _FIN | (_TEXT if text else _BINARY)
    if length < 126:
        return bytes((first, mask_bit | length))
    if length < 1 << 16:
        return bytes((first, mask_bit | 126)) + _UINT16.pack(length)
    return bytes((first, mask_bit | 127)) + _UINT64.pack(length)


class Frames(ControlRoom):
    """One side's view of the frames of one connection.

    Args:
        client: whether we are the client, whose frames are masked.
        max_message: the longest message to accept, in bytes.
        max_fragments: of how many frames it may be made; 0 for any number.

    Attributes:
        cut_short: the last :meth:`receive` has left something for want of room.
    """

    __slots__ = (
        "_between",
        "_buffer",
        "_client",
        "_ended",
        "_foreign",
        "_fragments",
        "_in_message",
        "_long",
        "_longest",
        "_max_fragments",
        "_max_message",
        "_message_size",
        "_overhead",
        "_pieces",
        "_read_common",
        "_wsproto",
        "cut_short",
    )

    def __init__(self, *, client: bool, max_message: int, max_fragments: int = 0) -> None:
        super().__init__()
        self._client = client
        self._read_common = read_unmasked if client else read_masked
        self._overhead = HEAD_SIZE if client else MASKED_SIZE
        self._longest = min(max_message, LONGEST_COMMON)
        self._max_message = max_message
        self._max_fragments = max_fragments
        self.cut_short = False
        self._wsproto: Connection | None = None  # not before it is needed: it is large
        self._buffer: bytearray | None = None  # what has come and is not decoded yet
        self._foreign = 0  # how many of the next bytes belong to a frame that wsproto reads
        self._long: LongPayload | None = None  # of the frame that comes, if that is long
        self._in_message = False  # wsproto has had the beginning of a message, not yet its end
        self._message_size = 0  # payload bytes announced for that message so far
        self._fragments = 0  # frames of that message so far
        self._pieces: list[bytes] | None = None
        self._ended = False
        self._between = True  # nothing of all this has begun

    def discard(self) -> None:
        """Forget what has come and is not decoded: the connection is over."""
        self._buffer = self._long = self._pieces = None
        self._wsproto = None
        self._ended = True
        self._between = False

    @property
    def can_pong(self) -> bool:
        """Whether pings may still be answered: until either side's close frame (section 5.5.2)."""
        return self._wsproto is None or self._wsproto.state is ConnectionState.OPEN

    @property
    def _connection(self) -> Connection:
        if self._wsproto is None:
            kind = ConnectionType.CLIENT if self._client else ConnectionType.SERVER
            self._wsproto = Connection(kind)
        return self._wsproto

    @property
    def pending(self) -> bool:
        """Whether bytes wait that :meth:`receive` left for want of room, or that are incomplete."""
        return bool(self._buffer) and not self._ended

    @property
    def incomplete(self) -> bool:
        """Whether a frame or a message has begun that has not come to its end."""
        begun = self._foreign > 0 or self._long is not None
        return begun or bool(self._buffer) or self._in_message

    @property
    def missing(self) -> int:
        """How many bytes are still to come of a long frame; 0 if there is none."""
        if self._long is not None:
            return self._long.missing
        return self._foreign if self._foreign < _FOR_EVER and not self._ended else 0

    # ---------------------------------------------------------------- in

    def receive(self, data: bytes, room: int) -> Sequence[FrameEvent]:
        """Take bytes from the network and return what they mean.

        Args:
            data: any number of bytes, cut anywhere; may be empty.
            room: stop after this many messages. The rest waits for the next call.
        """
        events: list[FrameEvent] = []
        at = 0
        if self._between:
            packets: list[bytes] = []
            size = len(data)
            at = self._read_common(data, 0, size, self._longest, room, packets)
            count = len(packets)
            run = packets if count < 2 else [Run(packets, at - count * self._overhead)]
            if at == size:  # nearly always
                self.cut_short = False
                return run
            events += run
            room -= count
        self._between = False
        source: bytes | bytearray = data
        buffer = self._buffer
        if buffer:
            buffer += data
            source = buffer
        while at < len(source) and room > 0 and not self._ended:
            if self._foreign:
                take = min(self._foreign, len(source) - at)
                self._foreign -= take
                room -= self._hand_over(bytes(source[at : at + take]), events)
                at += take
                continue
            if self._long is not None:
                stop = min(at + self._long.missing, len(source))
                if self._long.add(source[at:stop]):
                    events.append(Message(self._long.whole(), False))
                    self._long = None
                    room -= 1
                at = stop
                continue
            if not self._in_message:
                at, room = self._read_run(source, at, room, events)
                if not room or at == len(source):
                    break
            step = self._read_frame(source, at, events)
            if step is None:
                break
            at += step
            if step and self._long is None:
                room -= 1
        self.cut_short = room <= 0 and at < len(source) and not self._ended
        if buffer is not None and source is buffer:
            if at == len(source):
                self._buffer = None  # gives back what a long message took
            else:
                del buffer[:at]
        elif at < len(source):
            self._buffer = bytearray(source[at:])
        self._between = not (self.incomplete or self._ended)
        return events

    def _read_run(
        self, source: bytes | bytearray, at: int, room: int, events: list[FrameEvent]
    ) -> tuple[int, int]:
        """Read common frames; return where they end, and how much room they have left."""
        packets: list[bytes] = []
        end = self._read_common(source, at, len(source), self._longest, room, packets)
        count = len(packets)
        events += packets if count < 2 else [Run(packets, end - at - count * self._overhead)]
        return end, room - count

    def _read_frame(
        self, source: bytes | bytearray, at: int, events: list[FrameEvent]
    ) -> int | None:
        """Read the frame at ``at``, or settle that wsproto does.

        Returns:
            How many bytes were read; 0 if wsproto or nobody reads on; None to wait for more.
        """
        available = len(source) - at
        if available < 2:
            return None
        first, second = source[at], source[at + 1]
        opcode, short_length = first & _OPCODE, second & _LENGTH
        if (
            first & _RSV
            or opcode not in _OPCODES
            or (opcode & _CONTROL and (not first & _FIN or short_length > 125))
            or bool(second & _MASKED) == self._client
        ):
            self._foreign = _FOR_EVER
            return 0
        start, length = 2, short_length
        if short_length == 126:
            start = 4
            if available < start:
                return None
            (length,) = _UINT16.unpack_from(source, at + 2)
        elif short_length == 127:
            start = 10
            if available < start:
                return None
            (length,) = _UINT64.unpack_from(source, at + 2)
        if (start == 4 and length < 126) or (start == 10 and not 1 << 16 <= length < 1 << 63):
            self._foreign = _FOR_EVER  # not the shortest form of that length, or no length at all
            return 0
        size = length + (self._message_size if opcode == _CONTINUATION else 0)
        if not opcode & _CONTROL and size > self._max_message:
            reason = f"message too big: more than {self._max_message} bytes"
            self._break(CloseReason.MESSAGE_TOO_BIG, reason, events, "inbound_buffer_size")
            return 0
        body = start if self._client else start + 4
        if available < body:
            return None
        if not opcode & _CONTROL:
            self._message_size = size  # not before the header is complete: it is read once then
        whole = available >= body + length
        if opcode == _CLOSE and length >= _UINT16.size:
            return self._read_close(source[at : at + body + length], events) if whole else None
        if opcode not in (_TEXT, _BINARY) or not first & _FIN or self._in_message:
            self._foreign = body + length
            self._count(opcode, events)
            return 0
        if not whole:
            if opcode == _BINARY and length < _LONG:
                return None
            if opcode == _BINARY:
                self._long = LongPayload(length, bytes(source[at + start : at + body]))
                return body
            self._foreign = body + length  # wrong UTF-8 must fail before the frame is complete
            return 0
        payload = source[at + body : at + body + length]
        mask = source[at + start : at + body]
        payload = bytes(payload) if self._client else masked(payload, mask)
        if opcode == _TEXT and not _is_utf8(payload):
            self._foreign = body + length  # wsproto words the error
            return 0
        events.append(Message(payload, opcode == _TEXT))
        return body + length

    def _read_close(self, whole: bytes | bytearray, events: list[FrameEvent]) -> int:
        """Let wsproto read a close frame with a code; return how many bytes that was.

        1014 goes to it as 1013, which is the same to it but for the number.
        """
        start = 2 if self._client else 2 + 4
        mask = bytes(2) if self._client else whole[2:4]
        (code,) = _UINT16.unpack(masked(whole[start : start + 2], mask))
        if code != _BAD_GATEWAY:
            self._hand_over(bytes(whole), events)
            return len(whole)
        known = masked(_UINT16.pack(CloseReason.TRY_AGAIN_LATER), mask)
        self._hand_over(bytes(whole[:start]) + known + bytes(whole[start + 2 :]), events)
        if isinstance(events[-1], CloseReceived):  # else its reason is not UTF-8
            events[-1] = CloseReceived(code, events[-1].reason)
        return len(whole)

    def _count(self, opcode: int, events: list[FrameEvent]) -> None:
        """Count a frame that wsproto is to read, and refuse it if it is one too many."""
        if not opcode & _CONTROL:
            self._fragments = self._fragments + 1 if opcode == _CONTINUATION else 1
            if 0 < self._max_fragments < self._fragments:
                reason = f"message in more than {self._max_fragments} fragments"
                self._break(CloseReason.MESSAGE_TOO_BIG, reason, events, "max_fragments")
        elif opcode != _CLOSE and self.control_room is not None:
            self.control_room -= 1
            if self.control_room < 0:
                reason = "too many pings and pongs"
                self._break(CloseReason.POLICY_VIOLATION, reason, events, "max_control_frames")

    def _hand_over(self, chunk: bytes, events: list[FrameEvent]) -> int:
        """Let wsproto read ``chunk``; return how many messages it completed."""
        completed = 0
        self._connection.receive_data(chunk)
        for event in self._connection.events():
            if isinstance(event, ws.TextMessage):
                piece = event.data.encode()
                completed += self._add_piece(piece, event.message_finished, events, text=True)
            elif isinstance(event, ws.BytesMessage):
                piece = bytes(event.data)
                completed += self._add_piece(piece, event.message_finished, events, text=False)
            elif isinstance(event, ws.Ping):
                events.append(Ping(bytes(event.payload)))
            elif isinstance(event, ws.Pong):
                events.append(Pong(bytes(event.payload)))
            elif isinstance(event, ws.CloseConnection):
                # After a parse error wsproto's state stays as it was; a close frame changes it.
                closed = self._connection.state in (
                    ConnectionState.REMOTE_CLOSING,
                    ConnectionState.CLOSED,
                )
                if not closed:
                    self._break(event.code, event.reason or "", events)
                    break
                self._ended = True
                events.append(CloseReceived(int(event.code), event.reason or ""))
                break
        return completed

    def _add_piece(self, piece: bytes, last: bool, events: list[FrameEvent], *, text: bool) -> int:
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = []
        if piece:
            pieces.append(piece)
        self._in_message = not last
        if last:
            events.append(Message(b"".join(pieces), text))
            self._pieces = None
        return int(last)

    def _break(self, code: int, reason: str, events: list[FrameEvent], limit: str = "") -> None:
        self._ended = True
        self._pieces = None
        events.append(Broken(int(code), reason, limit))

    # ---------------------------------------------------------------- out

    def message(self, data: bytes, *, text: bool) -> bytes:
        """Return ``data`` as one frame. Not after our close frame (RFC 6455 section 5.5.1)."""
        if not self._client:
            return message_frame(data, text=text)
        try:
            key = spare_keys.pop()
        except IndexError:  # another thread may take the last one
            key = draw_keys()
        size = len(data)
        if size > 125 or text:
            mask = _UINT32.pack(key)
            return _header(size, text, _MASKED) + mask + masked(data, mask)
        return write_masked(data, key)

    def long_message(self, data: bytes, *, text: bool) -> Frame:
        """Return the same of much data, of which a server makes no copy for that."""
        if self._client:
            return self.message(data, text=text)
        return LongFrame(_header(len(data), text, mask_bit=0), data)

    def ping(self, payload: bytes) -> bytes:
        """Return a ping frame of at most 125 bytes. Not after a close frame of either side."""
        return bytes(self._connection.send(ws.Ping(payload)))

    def pong(self, payload: bytes) -> bytes:
        """Return the answer to a ping. Only while :attr:`can_pong`."""
        return bytes(self._connection.send(ws.Pong(payload)))

    def close(self, code: int, reason: str) -> bytes:
        """Return a close frame; code 1005 gives an empty body. At most once."""
        if code == CloseReason.NO_STATUS_RCVD:
            return bytes(self._connection.send(ws.CloseConnection(CloseReason.NO_STATUS_RCVD)))
        return bytes(self._connection.send(ws.CloseConnection(code, reason)))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
