"""What goes wrong again and again is logged once per peer and kind, and counted."""

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
"""How many kinds of one peer are told apart. Handlers are kinds, and nodes come and go."""

_OTHER_KINDS: Final = "further kinds"

MayLog = Callable[[int, int, "Mapping[str, object]"], bool]
"""Tells whether a line may be written: about which peer, of which level, with which fields."""


def _always(peer: int, level: int, fields: Mapping[str, object]) -> bool:
    del peer, level, fields
    return True


class Faults:
    """Logs the first fault of each kind of each peer, and at the peer's end how many there were.

    So a peer that does the same thing a million times costs two lines. Kinds are our own words;
    nothing that a peer chose may be one. Of many kinds of one peer the last count as one.

    Args:
        log: where to.
        may_log: bounds what peers that come again and again can have logged.
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
        """Count a fault; log it if it is the first of its kind from that peer.

        Args:
            peer: the peer's id.
            kind: what it is, in one word of ours.
            detail: what else the line is to say, cut and escaped; no payload.
            level: of the line.
            fields: further attributes of the log record, besides ``peer_id`` and ``kind``.
            error: an exception that ``kind`` raised, to be described in the line and below it, cut
                and escaped; its type's name is a field, ``error_type``. The record has no
                ``exc_info``: that is printed as it is.

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
        """Return whether a peer has done nothing of that kind yet."""
        return kind not in self._counts.get(peer, ())

    def end(self, peer: int, *, fields: Mapping[str, object] | None = None) -> None:
        """Forget a peer, and log how often the faults were that came more than once."""
        for kind, count in self._counts.pop(peer, Counter[str]()).items():
            if count > 1 and self._may_write(peer, logging.INFO, fields):
                extra = {**(fields or {}), "peer_id": peer, "kind": kind, "count": count}
                shown = one_line(kind)
                words = "peer %s: %s, %s times in all"
                write_line(self._log, logging.INFO, words, peer, shown, count, fields=extra)

    def end_all(self, *, fields: Mapping[str, object] | None = None) -> None:
        """Forget all peers, as :meth:`end` does each."""
        for peer in list(self._counts):
            self.end(peer, fields=fields)

    def _may_write(self, peer: int, level: int, fields: Mapping[str, object] | None) -> bool:
        return self._log.isEnabledFor(level) and self._may_log(peer, level, fields or {})
