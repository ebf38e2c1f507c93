"""What can go wrong: Godot's ``Error`` numbers, and the exceptions.

Mirrors ``core/error/error_list.h`` of the engine. Where a Godot method returns an error code, ours
raises :class:`MultiplayerError` with that code and a sentence that says what to do.
"""

from __future__ import annotations

from enum import IntEnum
from typing import cast


class Error(IntEnum):
    """Godot's global ``Error`` enum, with the engine's names and numbers."""

    OK = 0
    FAILED = 1
    ERR_UNAVAILABLE = 2
    ERR_UNCONFIGURED = 3
    ERR_UNAUTHORIZED = 4
    ERR_PARAMETER_RANGE_ERROR = 5
    ERR_OUT_OF_MEMORY = 6
    ERR_FILE_NOT_FOUND = 7
    ERR_FILE_BAD_DRIVE = 8
    ERR_FILE_BAD_PATH = 9
    ERR_FILE_NO_PERMISSION = 10
    ERR_FILE_ALREADY_IN_USE = 11
    ERR_FILE_CANT_OPEN = 12
    ERR_FILE_CANT_WRITE = 13
    ERR_FILE_CANT_READ = 14
    ERR_FILE_UNRECOGNIZED = 15
    ERR_FILE_CORRUPT = 16
    ERR_FILE_MISSING_DEPENDENCIES = 17
    ERR_FILE_EOF = 18
    ERR_CANT_OPEN = 19
    ERR_CANT_CREATE = 20
    ERR_QUERY_FAILED = 21
    ERR_ALREADY_IN_USE = 22
    ERR_LOCKED = 23
    ERR_TIMEOUT = 24
    ERR_CANT_CONNECT = 25
    ERR_CANT_RESOLVE = 26
    ERR_CONNECTION_ERROR = 27
    ERR_CANT_ACQUIRE_RESOURCE = 28
    ERR_CANT_FORK = 29
    ERR_INVALID_DATA = 30
    ERR_INVALID_PARAMETER = 31
    ERR_ALREADY_EXISTS = 32
    ERR_DOES_NOT_EXIST = 33
    ERR_DATABASE_CANT_READ = 34
    ERR_DATABASE_CANT_WRITE = 35
    ERR_COMPILATION_FAILED = 36
    ERR_METHOD_NOT_FOUND = 37
    ERR_LINK_FAILED = 38
    ERR_SCRIPT_FAILED = 39
    ERR_CYCLIC_LINK = 40
    ERR_INVALID_DECLARATION = 41
    ERR_DUPLICATE_SYMBOL = 42
    ERR_PARSE_ERROR = 43
    ERR_BUSY = 44
    ERR_SKIP = 45
    ERR_HELP = 46
    ERR_BUG = 47
    ERR_PRINTER_ON_FIRE = 48


class MultiplayerError(Exception):
    """A call that cannot be carried out, and the base of everything that the library raises.

    The class itself is for misuse, which a program can avoid. What peers do raises a subclass, and
    only where a program asks for it: :class:`DecodeError` from ``get_var``, :class:`RemoteError`
    and :class:`PeerLeft` from the result of a :class:`PendingCall`.

    Two exceptions are Python's own: the ``TimeoutError`` of ``peers.reply``, and what Godot's types
    raise where Python's would, such as ``TypeError`` for ``Vector2("x", 1)``.

    Attributes:
        code: Godot's error code for the situation, for instance ``Error.ERR_UNCONFIGURED``.
        message: what is wrong and what to do, in words.
    """

    def __init__(self, code: Error, message: str) -> None:
        super().__init__(code, message)  # both, so that the exception can be pickled
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


class RemoteError(MultiplayerError):
    """The method that a peer was asked to run raised there, or could not be called.

    The peer chose ``kind`` and ``text``. Both are cut, the text to 1000 characters, and unprintable
    characters are escaped, line breaks included.

    Attributes:
        code: always ``Error.FAILED``.
        kind: the name of the exception's type there, or in one word why it was not called.
        text: what it said.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(Error.FAILED, f"{kind}: {text}")
        self.args = (kind, text)  # a copy is made from these
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.message


class PeerLeft(MultiplayerError):  # noqa: N818 - what happened, and nobody's fault
    """The peer that was asked has left, so there will be no answer.

    Attributes:
        code: always ``Error.ERR_DOES_NOT_EXIST``.
        peer: its id.
    """

    def __init__(self, peer: int, message: str) -> None:
        super().__init__(Error.ERR_DOES_NOT_EXIST, message)
        self.args = (peer, message)
        self.peer = peer

    def __str__(self) -> str:
        return self.message


class DecodeError(MultiplayerError, ValueError):
    """Bytes that do not hold what they should.

    Attributes:
        code: always ``Error.ERR_INVALID_DATA``.
        reason: what is wrong, in words.
        offset: where in the input, in bytes from its start.
    """

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(Error.ERR_INVALID_DATA, f"{reason} (at byte {offset})")
        self.args = (reason, offset)
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        return self.message


def divided(error: BaseException) -> tuple[Exception | None, BaseException | None]:
    """Split ``error`` into a program's exceptions, and what must propagate: Ctrl-C, a cancellation.

    One of the two is None, except for a group of both: say, what a task raised on its way out
    together with the cancellation that sent it there.
    """
    if isinstance(error, Exception):
        return error, None
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return group.split(Exception)
    return None, error


def one_error(errors: list[Exception], what: str) -> Exception:
    """Return the only exception of a list, or a group of several that says ``what``."""
    return errors[0] if len(errors) == 1 else ExceptionGroup(what, errors)
