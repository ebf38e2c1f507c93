"""The packets of our own dialect, which ``docs/protocol/native.md`` describes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import DecodeError
from multiplayer.variant.encoder import DEFAULT_MAX_DEPTH

from .api_packets import (
    MOST_ARGUMENTS,
    AddPeer,
    Announce,
    ApiWire,
    Authenticate,
    Call,
    DelPeer,
    ErrorResponse,
    Forget,
    OutgoingCall,
    Raw,
    Relay,
    Request,
    Response,
    Unsupported,
)
from .argument_lists import check_count
from .array_of_values import array_of
from .call_forms import NATIVE_CALLS
from .encoded import Encoded
from .native_replication import (
    NativeReplication,
    codec_of,
    read_delta,
    read_despawn,
    read_resend,
    read_spawn,
    read_sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .api_packets import ApiPacket

_CALL: Final = 0
_ANNOUNCE: Final = 1
_RAW: Final = 2
_AUTH: Final = 3
_AUTH_COMPLETE: Final = 4
_ADD_PEER: Final = 5
_DEL_PEER: Final = 6
_RELAY: Final = 7
_REQUEST: Final = 8
_RESPONSE: Final = 9
_ERROR_RESPONSE: Final = 10
_FORGET: Final = 11

_NUMBER: Final = struct.Struct("<BI")
_PEER: Final = struct.Struct("<Bi")
_CALLED: Final = struct.Struct("<IH")
_CALLED_IN_CALL: Final = 1
_CALLED_IN_REQUEST: Final = _NUMBER.size


_values: Final = codec_of(DEFAULT_MAX_DEPTH)
_lists: Final = codec_of(DEFAULT_MAX_DEPTH + 1)
"""For values inside a list of ours, which may be as deep as any others."""


class _NativeCall(OutgoingCall):
    """A call; ``head`` comes before the node's number, ``tail`` after it."""

    def __init__(self, head: bytes, tail: bytes) -> None:
        self._head = head
        self._tail = tail

    def by_number(self, node: int, *, shortest: bool) -> bytes:  # noqa: ARG002 - it has one form
        return self._head + node.to_bytes(4, "little") + self._tail


class NativeWire(ApiWire):
    """What Python programs write to each other and read."""

    confirms = False
    spreads = True
    methods_by = "sender"
    authenticates = True
    assigns = False
    responds = True
    forgets = True
    call_form = NATIVE_CALLS
    relay_head = bytes((_RELAY,))
    replication = NativeReplication()

    def read(self, packet: bytes) -> ApiPacket:
        """Return what ``packet`` says.

        Raises:
            DecodeError: it makes no sense.
        """
        if not packet:
            reason = "an empty packet"
            raise DecodeError(reason)
        kind = packet[0]
        return _READERS[kind](packet) if kind < len(_READERS) else Unsupported(f"kind {kind}")

    def read_arguments(
        self, arguments: Encoded, max_depth: int = DEFAULT_MAX_DEPTH
    ) -> list[object]:
        """Return the arguments of a call.

        Raises:
            DecodeError: they are not a msgpack array of at most :data:`MOST_ARGUMENTS` values.
        """
        values = _read_list(arguments.buffer, arguments.start, arguments.end, max_depth + 1)
        if len(values) > MOST_ARGUMENTS:
            reason = f"{len(values)} arguments; a call takes at most {MOST_ARGUMENTS}"
            raise DecodeError(reason, arguments.start)
        return values

    def read_value(self, value: Encoded, max_depth: int = DEFAULT_MAX_DEPTH) -> object:
        """Return the value of an answer.

        Raises:
            DecodeError: it cannot be decoded.
        """
        return codec_of(max_depth).decode(value.buffer[value.start : value.end])

    def call(self, name: str, number: int, arguments: Sequence[object]) -> OutgoingCall:  # noqa: ARG002
        """Encode a call by the method's number in the announced list."""
        return _NativeCall(bytes((_CALL,)), _method_and_arguments(number, arguments))

    def ready_call(
        self,
        name: str,  # noqa: ARG002 - called by number
        number: int,
        node: int,
    ) -> Callable[[Sequence[object]], bytes]:
        """Return what encodes calls of one method of one node."""
        head = bytes((_CALL,)) + _CALLED.pack(node, number)
        encode_list = _lists.encode

        def encode(arguments: Sequence[object]) -> bytes:
            return array_of(head, arguments) or head + encode_list(list(arguments))

        return encode

    def request(
        self,
        request_id: int,
        name: str,  # noqa: ARG002 - called by number
        number: int,
        arguments: Sequence[object],
    ) -> OutgoingCall:
        """Encode a call that asks for an answer."""
        tail = _method_and_arguments(number, arguments)
        return _NativeCall(_NUMBER.pack(_REQUEST, request_id), tail)

    def response(self, request_id: int, value: object) -> bytes:
        """Encode what the method that was asked returned."""
        return _NUMBER.pack(_RESPONSE, request_id) + _values.encode(value)

    def error_response(self, request_id: int, kind: str, text: str) -> bytes:
        """Encode why there is no answer."""
        return _NUMBER.pack(_ERROR_RESPONSE, request_id) + _lists.encode([_text(kind), _text(text)])

    def announce(self, node: int, path: str, methods: Sequence[str]) -> bytes:
        """Encode an announcement with the names of the methods."""
        return _NUMBER.pack(_ANNOUNCE, node) + _lists.encode(
            [_text(path), [_text(name) for name in methods]]
        )

    def forget(self, nodes: Sequence[int]) -> bytes:
        """Encode which numbers will not be used again."""
        return bytes((_FORGET,)) + b"".join(node.to_bytes(4, "little") for node in nodes)

    def raw(self, payload: bytes) -> bytes:
        """Encode the game's own bytes."""
        return bytes((_RAW,)) + payload

    def authenticate(self, data: bytes) -> bytes:
        """Encode credentials; empty for "this side has seen enough"."""
        return bytes((_AUTH if data else _AUTH_COMPLETE,)) + data

    def add_peer(self, peer: int) -> bytes:
        """Encode that a peer is there."""
        return _PEER.pack(_ADD_PEER, peer)

    def del_peer(self, peer: int) -> bytes:
        """Encode that a peer has left."""
        return _PEER.pack(_DEL_PEER, peer)

    def relay(self, peer: int, packet: bytes) -> bytes:
        """Encode a packet between two clients."""
        return _PEER.pack(_RELAY, peer) + packet


def _text(text: str) -> str:
    """Return ``text`` as a plain str: a ``StringName`` would become an extension type."""
    return str.__str__(text)


def _method_and_arguments(number: int, arguments: Sequence[object]) -> bytes:
    check_count(arguments)
    return number.to_bytes(2, "little") + _lists.encode(list(arguments))


def _read_call(packet: bytes) -> Call:
    return _read_called(packet, _CALLED_IN_CALL)


def _read_request(packet: bytes) -> Request:
    called = _read_called(packet, _CALLED_IN_REQUEST)
    return Request(_NUMBER.unpack_from(packet)[1], called)


def _read_called(packet: bytes, at: int) -> Call:
    start = at + _CALLED.size
    _check_size(packet, start + 1)
    node, method = _CALLED.unpack_from(packet, at)
    return Call(node, method, Encoded(packet, start, len(packet), -1))


def _read_announcement(packet: bytes) -> Announce:
    _check_size(packet, _NUMBER.size + 1)
    path, names = _read_two(packet, _NUMBER.size)
    if not (type(path) is str and path and isinstance(names, list)):
        reason = "an announcement must hold a path and a list of names"
        raise DecodeError(reason, _NUMBER.size)
    methods = cast("list[object]", names)
    if any(type(name) is not str for name in methods):
        reason = "a method's name is not text"
        raise DecodeError(reason, _NUMBER.size)
    return Announce(_NUMBER.unpack_from(packet)[1], path, tuple(cast("list[str]", methods)))


def _read_raw(packet: bytes) -> Raw:
    _check_size(packet, 2)
    return Raw(packet[1:])


def _read_credentials(packet: bytes) -> Authenticate:
    _check_size(packet, 2)
    return Authenticate(packet[1:])


def _read_completion(packet: bytes) -> Authenticate:
    _check_size(packet, 1, exactly=True)
    return Authenticate(b"")


def _read_arrival(packet: bytes) -> AddPeer:
    _check_size(packet, _PEER.size, exactly=True)
    return AddPeer(_PEER.unpack(packet)[1])


def _read_departure(packet: bytes) -> DelPeer:
    _check_size(packet, _PEER.size, exactly=True)
    return DelPeer(_PEER.unpack(packet)[1])


def _read_relay(packet: bytes) -> Relay:
    _check_size(packet, _PEER.size + 1)
    return Relay(_PEER.unpack_from(packet)[1], packet[_PEER.size :])


def _read_response(packet: bytes) -> Response:
    _check_size(packet, _NUMBER.size + 1)
    value = Encoded(packet, _NUMBER.size, len(packet), 1)
    return Response(_NUMBER.unpack_from(packet)[1], value)


def _read_error_response(packet: bytes) -> ErrorResponse:
    _check_size(packet, _NUMBER.size + 1)
    kind, text = _read_two(packet, _NUMBER.size)
    if not (type(kind) is str and type(text) is str):
        reason = "a refusal must hold two texts"
        raise DecodeError(reason, _NUMBER.size)
    return ErrorResponse(_NUMBER.unpack_from(packet)[1], kind, text)


def _read_farewell(packet: bytes) -> Forget:
    _check_size(packet, _NUMBER.size)
    count, rest = divmod(len(packet) - 1, 4)
    if rest:
        reason = f"numbers of four bytes each, with {rest} left over"
        raise DecodeError(reason, len(packet) - rest)
    return Forget(struct.unpack_from(f"<{count}I", packet, 1))


_READERS: Final[tuple[Callable[[bytes], ApiPacket], ...]] = (
    _read_call,
    _read_announcement,
    _read_raw,
    _read_credentials,
    _read_completion,
    _read_arrival,
    _read_departure,
    _read_relay,
    _read_request,
    _read_response,
    _read_error_response,
    _read_farewell,
    read_spawn,
    read_despawn,
    read_sync,
    read_delta,
    read_resend,
)
"""By kind."""


def _check_size(packet: bytes, size: int, *, exactly: bool = False) -> None:
    if len(packet) < size or (exactly and len(packet) > size):
        reason = f"a packet of kind {packet[0]} needs {'' if exactly else 'at least '}{size} bytes"
        raise DecodeError(reason, min(size, len(packet)))


def _read_list(
    packet: bytes, start: int, end: int, max_depth: int = DEFAULT_MAX_DEPTH + 1
) -> list[object]:
    value = codec_of(max_depth).decode(packet[start:end])
    if type(value) is not list:
        reason = "expected a list"
        raise DecodeError(reason, start)
    return cast("list[object]", value)


def _read_two(packet: bytes, start: int) -> list[object]:
    values = _read_list(packet, start, len(packet))
    if len(values) != 2:
        reason = f"expected a list of two, not of {len(values)}"
        raise DecodeError(reason, start)
    return values
