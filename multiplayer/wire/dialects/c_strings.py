"""Text in Godot's packets: UTF-8, ended by a NUL or by the end of the packet."""

from __future__ import annotations

from multiplayer.errors import DecodeError, Error, MultiplayerError


def c_string(text: str) -> bytes:
    """Return ``text`` with its NUL.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it contains a NUL or a lone surrogate.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        message = f"{text!r} has a lone surrogate, which cannot be written as UTF-8; rename it"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
    if 0 in data:
        message = f"{text!r} has a NUL, where Godot would cut it; rename it"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return data + b"\0"


def read_text(packet: bytes, start: int) -> str:
    """Return the text at ``start``; without a NUL it extends to the end, as in the engines.

    Raises:
        DecodeError: it is not UTF-8.
    """
    end = packet.find(0, start)
    return _decoded(packet, start, len(packet) if end < 0 else end)


def read_c_string(packet: bytes, start: int) -> tuple[str, int]:
    """Return the text at ``start`` and the offset after its NUL.

    Raises:
        DecodeError: it is not UTF-8, or there is no NUL.
    """
    end = packet.find(0, start)
    if end < 0:
        reason = "an unterminated name"
        raise DecodeError(reason, start)
    return _decoded(packet, start, end), end + 1


def _decoded(packet: bytes, start: int, end: int) -> str:
    try:
        return packet[start:end].decode()
    except UnicodeDecodeError as error:
        reason = "a name that is not UTF-8"
        raise DecodeError(reason, start + error.start) from None
