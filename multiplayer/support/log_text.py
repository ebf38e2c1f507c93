"""Text that a peer may have chosen a part of, as it may stand in one line of a log."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 250
"""Characters, unless told otherwise: what is ours in a sentence, and enough of a peer's path."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return ``text`` without its middle if it is long, and with escapes for what is not printable.

    So nobody fills a log, or begins a line of it that looks like one of ours. Both ends stay: what
    we say about a path or a name stands before and after it.

    Args:
        text: what to show.
        longest: how many characters to return at most.
    """
    text = _cut(text, longest)  # before it is looked at: it may be as long as a packet
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _cut("".join(shown), longest)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return f"{text[: longest - 1 - end]}…{text[-end:]}"
