"""Faults that recur are logged once per peer and kind, then only counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .log_error import describe_error, error_fields
from .log_line import write_line
from .log_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


_MOST_KINDS: Final = 64
"""How many kinds are told apart per peer. Each handler is a kind, and nodes come and go."""

_OTHER_KINDS: Final = "further kinds"

MayLog = Callable[[int, int, "Mapping[str, object]"], bool]
"""Returns whether a line may be written, given the peer, the level and the fields."""


def _always(peer: int, level: int, fields: Mapping[str, object]) -> bool:
    del peer, level, fields
    return True


class LogOnce:
    """Logs each peer's first fault of each kind and, when the peer leaves, how many there were.

    So a peer that does the same thing a million times costs two lines. Kinds are our own words;
    a peer must never choose one. If a peer has many kinds, the last ones count as one.

    Args:
        log: the logger.
        may_log: bounds how many lines peers that keep coming back can cause.
    """

    def __init__(self, log: logging.Logger, may_log: MayLog = _always) -> None:
        self._log = log
        self._may_log = may_log
        self._counts: dict[int, Counter[str]] = {}

    def note(
        self,
        peer: int,
        kind: str,
        detail: str = "",
        *,
        level: int = logging.WARNING,
        fields: Mapping[str, object] | None = None,
        error: BaseException | None = None,
    ) -> bool:
        """Count a fault; log it if it is the peer's first of that kind.

        Args:
            peer: the peer's id.
            kind: what it is, in one word of ours.
            detail: what else the line should say, cut and escaped; no payload.
            level: the line's level.
            fields: attributes of the log record besides ``peer_id`` and ``kind``.
            error: an exception that ``kind`` raised; the line and those below it describe it, cut
                and escaped, and the field ``error_type`` has its type's name. The record has no
                ``exc_info``, which would be printed as it is.

        Returns:
            Whether it was the first.
        """
        counts = self._counts.setdefault(peer, Counter())
        if len(counts) >= _MOST_KINDS and kind not in counts:
            kind, detail = _OTHER_KINDS, f"{kind}: {detail}" if detail else kind
        counts[kind] += 1
        if counts[kind] > 1:
            return False
        if not self._may_write(peer, level, fields):
            return True
        extra = {**(fields or {}), "peer_id": peer, "kind": kind}
        what = one_line(f"{kind}: {detail}" if detail else kind)
        if error is None:
            words = "peer %s: %s (further ones are counted)"
            write_line(self._log, level, words, peer, what, fields=extra)
        else:
            extra |= error_fields(error)
            head, end, rest = describe_error(error).partition("\n")
            words = "peer %s: %s raised %s (further ones are counted)%s"
            write_line(self._log, level, words, peer, what, head, end + rest, fields=extra)
        return True

    def is_new(self, peer: int, kind: str) -> bool:
        """Return whether a peer has had no fault of that kind yet."""
        return kind not in self._counts.get(peer, ())

    def end(self, peer: int, *, fields: Mapping[str, object] | None = None) -> None:
        """Forget a peer, and log how often each fault occurred that came more than once."""
        counts = self._counts.pop(peer, None)
        for kind, count in counts.items() if counts else ():
            if count > 1 and self._may_write(peer, logging.INFO, fields):
                extra = {**(fields or {}), "peer_id": peer, "kind": kind, "count": count}
                shown = one_line(kind)
                words = "peer %s: %s, %s times in all"
                write_line(self._log, logging.INFO, words, peer, shown, count, fields=extra)

    def end_all(self, *, fields: Mapping[str, object] | None = None) -> None:
        """Forget all peers, as :meth:`end` does for each."""
        for peer in list(self._counts):
            self.end(peer, fields=fields)

    def _may_write(self, peer: int, level: int, fields: Mapping[str, object] | None) -> bool:
        return self._log.isEnabledFor(level) and self._may_log(peer, level, fields or {})
