"""Text that a peer may have chosen in part, made fit for one line of a log."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 250
"""Characters by default: enough for our own words in a sentence, and most of a peer's path."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Return ``text``, its middle cut out if it is long, its unprintable characters escaped.

    So nobody can fill a log, or forge a line that looks like one of ours. Both ends stay, because
    our own words come before and after a path or a name.

    Args:
        text: what to show.
        longest: how many characters to return at most.
    """
    text = _cut(text, longest)  # first of all: it may be as long as a packet
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _cut("".join(shown), longest)


def counted(count: int, thing: str) -> str:
    """Return how many there are, in words: "1 peer", "2 peers"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return f"{text[: longest - 1 - end]}…{text[-end:]}"
