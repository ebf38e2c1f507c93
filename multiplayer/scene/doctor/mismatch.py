"""What the other side's methods seem to be, if its checksum of them is not ours.

Godot 4 sends a checksum of the names, and says only that it failed. Adding names that this program
knows to ours, or removing some, may explain it.
"""

from __future__ import annotations

from bisect import bisect
from hashlib import md5
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.support.log_text import one_line
from multiplayer.wire.dialects.c_strings import c_string
from multiplayer.wire.dialects.godot4_common import rpc_checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MOST_BYTES: Final = 8 * 1024 * 1024
"""How much one search may hash, each try counting :data:`BYTES_PER_TRY` more: some 15 ms."""

BYTES_PER_TRY: Final = 2048
"""A try takes as long as hashing this many bytes, besides those of the names."""

_MOST_SHOWN: Final = 40
_LONGEST_SHOWN: Final = 64
_LONGEST_CHECKSUM: Final = 32  # hex digits; but it is whatever the peer sent

_NOTHING: Final = rpc_checksum((), ())


class RpcMismatch(NamedTuple):
    """Two sides have different RPCs on a node; ``SceneMultiplayer.rpc_mismatch`` reports it.

    Attributes:
        peer: the peer whose node differs.
        path: the node's path.
        our_checksum: the MD5 of our names, 32 hex digits.
        their_checksum: the same for theirs; None if they have not sent it.
        our_methods: our names, in the order of their numbers.
        peer_lacks: the names that the peer seems not to have.
        peer_has: the names that the peer seems to have, and we do not.
        explained: whether ``peer_lacks`` and ``peer_has`` account for their checksum.
    """

    peer: int
    path: str
    our_checksum: str
    their_checksum: str | None
    our_methods: tuple[str, ...]
    peer_lacks: tuple[str, ...] = ()
    peer_has: tuple[str, ...] = ()
    explained: bool = False

    def __str__(self) -> str:
        ours = _listed(self.our_methods) or "none"
        theirs = one_line(self.their_checksum or "unknown", _LONGEST_CHECKSUM)
        guess = ""
        if self.explained:
            lacks = f" lack {_listed(self.peer_lacks)}" if self.peer_lacks else ""
            has = f" have {_listed(self.peer_has)} as well" if self.peer_has else ""
            link = " and to" if lacks and has else ""
            guess = f"; the peer seems to{lacks}{link}{has}"
        path = one_line(self.path)
        return (
            f"the RPCs of {path} differ from those of peer {self.peer}: checksum here "
            f"{self.our_checksum}, there {theirs}; ours are {ours}{guess}"
        )


def _listed(names: Sequence[str]) -> str:
    """Return names for people: not too many, and nothing a peer made up to confuse a log."""
    shown = [_shown(name) for name in names[:_MOST_SHOWN]]
    if len(names) > _MOST_SHOWN:
        shown.append(f"{len(names) - _MOST_SHOWN} more")
    return ", ".join(shown)


def _shown(name: str) -> str:
    if len(name) > _LONGEST_SHOWN:
        return f"{name[:_LONGEST_SHOWN]!r}…"
    return name if name.isidentifier() else repr(name)


class _Edit(NamedTuple):
    """A change to the names: the part from ``start`` to ``end`` becomes ``text``.

    It counts bytes of all names one after the other. Edits sort by position, and additions at one
    position by code points, as UTF-8 does.
    """

    start: int
    end: int
    text: bytes


def explain(
    configured: Sequence[str],
    scripted: Sequence[str],
    their_checksum: str,
    known: Iterable[str],
    may_hash: Callable[[int], bool] = lambda _: True,
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return which names the other side lacks, and which it has in addition; None if unknown.

    At most two names are added or removed, or all.

    Args:
        configured: our names that were configured on the node.
        scripted: our names of its class.
        their_checksum: what the other side computed.
        known: names that it may have, likeliest first.
        may_hash: called before each try with its cost; False ends the search.
    """
    if their_checksum == _NOTHING:
        return (*configured, *scripted), ()
    ours = sorted(scripted)
    names = b"".join(_encoded(name) for name in sorted(configured))
    removals: dict[str, _Edit] = {}
    places = [len(names)]
    for name in ours:
        text = _encoded(name)
        removals[name] = _Edit(len(names), len(names) + len(text), b"")
        names += text
        places.append(len(names))
    additions: dict[str, _Edit] = {}
    for name in dict.fromkeys(known):
        if name not in removals:
            at = places[bisect(ours, name)]
            additions[name] = _Edit(at, at, _encoded(name))
    left = MOST_BYTES
    for lacks, has in _changes([*removals], [*additions]):
        edits = [removals[name] for name in lacks] + [additions[name] for name in has]
        tried = _edited(names, edits)
        cost = len(tried) + BYTES_PER_TRY
        left -= cost
        if left < 0 or not may_hash(cost):
            return None
        if md5(tried, usedforsecurity=False).hexdigest() == their_checksum:
            return lacks, has
    return None


def _encoded(name: str) -> bytes:
    return c_string(name)[:-1]


def _edited(names: bytes, edits: list[_Edit]) -> bytes:
    if len(edits) == 1:
        ((start, end, text),) = edits
        return names[:start] + text + names[end:]
    first, second = sorted(edits)
    between = names[first.end : second.start]
    return names[: first.start] + first.text + between + second.text + names[second.end :]


def difference(
    ours: Sequence[str], theirs: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of our names the other side lacks, and which it has in addition."""
    known, told = set(ours), set(theirs)
    lacks = tuple(name for name in ours if name not in told)
    return lacks, tuple(name for name in theirs if name not in known)


def _changes(
    ours: list[str], others: list[str]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield possible removals and additions, simplest and likeliest first."""
    for name in ours:
        yield (name,), ()
    for name in others:
        yield (), (name,)
    for pair in combinations(ours, 2):
        yield pair, ()
    for has in others:
        for lacks in ours:
            yield (lacks,), (has,)
    for last, name in enumerate(others):
        for likelier in others[:last]:
            yield (), (likelier, name)
