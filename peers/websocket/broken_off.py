"""In words: how far a connection had come that ended before it was open, and what that may mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDED = "the other side ended the connection"

UNCLOSED = f"{ENDED} without closing it"


def at_a_server(why: str, stage: str, *, has_asked: bool) -> str:
    """Return what a server says of it.

    Args:
        why: how it ended.
        stage: as in ``Failure``.
        has_asked: a part of the client's request has come.
    """
    return f"{_bare(why)}, {_when(stage, has_asked, 'its request', 'anything was asked for')}"


def at_a_client(
    why: str, stage: str, has_answered: bool, encrypts: bool, protocols: Sequence[str]
) -> str:
    """Return what a client says of it.

    Args:
        why: how it ended.
        stage: as in ``Failure``.
        has_answered: something of what comes in that stage has come from the server.
        encrypts: we speak TLS.
        protocols: the sub-protocols that we asked for.
    """
    when = _when(stage, has_answered, "the server's answer", "the server had answered")
    return f"{_bare(why)}, {when}{guess(stage, has_answered, encrypts, protocols)}"


def guess(stage: str, has_answered: bool, encrypts: bool, protocols: Sequence[str]) -> str:
    """Return what it usually means that a server says nothing; see :func:`at_a_client`."""
    if has_answered:
        return ""
    if stage == "tls":
        return "; does the server speak TLS? If not, connect to a ws:// URL"
    guesses: list[str] = []
    if protocols:  # Godot's servers end it instead of answering no
        guesses.append(f"does the server speak one of our sub-protocols ({', '.join(protocols)})?")
    if not encrypts:
        guesses.append("does the server speak TLS? If so, connect to a wss:// URL")
    return f"; {' Or '.join(guesses)}" if guesses else ""


def _when(stage: str, has_begun: bool, message: str, beginning: str) -> str:
    if stage == "tls":
        return "in the middle of the TLS handshake"
    return f"in the middle of {message}" if has_begun else f"before {beginning}"


def _bare(why: str) -> str:
    return ENDED if why == UNCLOSED else why  # there was nothing to close
