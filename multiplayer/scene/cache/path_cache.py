"""Which id stands for which path, on both sides of every connection.

Mirrors the engines' path cache (WIRE3 3.1, WIRE4 B.5): each side numbers its own nodes from 1, the
same for all peers, and never uses an id again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .path_ids import PathIds

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.wire.dialects.api_packets import Announce

MOST_PATH_BYTES: Final = 1024 * 1024
"""How much text one peer may announce: paths and names of methods, in bytes of UTF-8.

Each counts 16 bytes extra, since even empty ones take memory.
"""

_BYTES_PER_TEXT: Final = 16
_MOST_LOOKED_AT: Final = 256
"""How many numbers :meth:`PathCache.make_room` skips at most."""


class Heard(NamedTuple):
    """What a peer has announced.

    Attributes:
        path: what it means by the id.
        methods: the names of the methods there, if it sent them.
        checksum: that of the methods, if it sent it.
    """

    path: str
    methods: tuple[str, ...]
    checksum: str | None = None


class PathCache:
    """The ids that we use, who has been told them, and those that others use.

    Attributes:
        version: changes whenever something does that a call to others depends on.
        heard_version: changes whenever what a peer has announced means something else.
        on_unheard: called then.
    """

    def __init__(self) -> None:
        self.version = 0
        self.heard_version = 0
        self.on_unheard: Callable[[], object] = _tell_nobody
        self._ids = PathIds()
        self._told: dict[int, dict[int, bool]] = {}  # peer -> id -> confirmed
        self._heard: dict[int, dict[int, Heard]] = {}
        self._heard_bytes: dict[int, int] = {}
        self._newest: dict[int, dict[str, int]] = {}  # peer -> path -> the last id heard

    # ---------------------------------------------------------------- ours

    def id_of(self, path: str) -> int:
        """Return our id for ``path``; the next free one if it has none."""
        return self._ids.give(path)

    def forget_path(self, path: str) -> dict[int, list[int]]:
        """Forget ``path`` and all below: what comes there later gets other ids.

        Returns:
            Which of its ids each peer had been told, ascending.
        """
        self.version += 1
        path_ids = sorted(self._ids.take_back(path))
        known: dict[int, list[int]] = {}
        for path_id in path_ids:
            for peer, told in self._told.items():
                if told.pop(path_id, None) is not None:
                    known.setdefault(peer, []).append(path_id)
        return known

    def has_told(self, peer: int, path_id: int) -> bool:
        """Return whether ``path_id`` was announced to ``peer``."""
        return path_id in self._told.get(peer, ())

    def has_told_path(self, peer: int, path: str) -> bool:
        """Return whether an id for ``path`` was announced to ``peer``."""
        return self.has_told(peer, self._ids.get(path) or 0)

    def tell(self, peer: int, path_id: int, *, confirmed: bool) -> None:
        """Note that ``path_id`` was announced to ``peer``."""
        self.version += 1
        self._told.setdefault(peer, {})[path_id] = confirmed

    def is_confirmed(self, peer: int, path_id: int) -> bool:
        """Return whether ``peer`` knows what ``path_id`` means."""
        return self._told.get(peer, {}).get(path_id, False)

    def confirm(self, peer: int, node: int | str) -> str | None:
        """Note that ``peer`` knows an id of ours; return its path, None if we never sent it."""
        path_id = self._ids.get(node) if isinstance(node, str) else node
        told = self._told.get(peer, {})
        if path_id is None or path_id not in told:
            return None
        if not told[path_id]:
            told[path_id] = True
            self.version += 1
        return self._ids.path_of(path_id)

    # ---------------------------------------------------------------- theirs

    def hear(self, peer: int, announce: Announce, *, most: int, replace: bool) -> bool | None:
        """Note what ``peer`` means by an id.

        Args:
            peer: the peer that announced it.
            announce: the announcement.
            most: how many numbers one peer may announce; 0 for any number.
            replace: it may give an id a new meaning.

        Returns:
            True if it is noted, False if the id had a meaning, None if there are too many.
        """
        heard = self._heard.setdefault(peer, {})
        told = announce.methods
        methods = told if isinstance(told, tuple) else ()
        known = heard.get(announce.node)
        if known is not None and not replace:
            return False
        size = _size(announce.path, methods)
        total = self._heard_bytes.get(peer, 0) + size
        if known is not None:
            total -= _size(known.path, known.methods)
        elif 0 < most <= len(heard):
            return None
        if total > MOST_PATH_BYTES:
            return None
        checksum = told if isinstance(told, str) else None
        if known is not None:
            self.unhear(peer, announce.node)
        heard[announce.node] = Heard(announce.path, methods, checksum)
        self._heard_bytes[peer] = total
        self._newest.setdefault(peer, {})[announce.path] = announce.node
        return True

    def unhear(self, peer: int, path_id: int) -> Heard | None:
        """Keep no longer what ``peer`` means by ``path_id``; return it, None for nothing."""
        known = self._heard.get(peer, {}).pop(path_id, None)
        if known is not None:
            self._unhear()
            self._heard_bytes[peer] -= _size(known.path, known.methods)
            newest = self._newest[peer]
            if newest.get(known.path) == path_id:
                del newest[known.path]
        return known

    def _unhear(self) -> None:
        self.heard_version += 1
        self.on_unheard()

    def make_room(self, peer: int, is_here: Callable[[str], bool]) -> Heard | None:
        """Give up the id that ``peer`` needs least; None if there is none at all.

        That is the oldest whose path is empty or has been given another id since. If there is
        none among the oldest 256, it is the oldest of the others.

        Args:
            peer: the peer that announced it.
            is_here: returns whether there is something at a path.
        """
        heard = self._heard.get(peer)
        if not heard:
            return None
        newest = self._newest[peer]
        for _ in range(min(len(heard), _MOST_LOOKED_AT)):
            path_id = next(iter(heard))
            path = heard[path_id].path
            if newest.get(path) != path_id or not is_here(path):
                return self.unhear(peer, path_id)
            heard[path_id] = heard.pop(path_id)  # so that it is not examined again so soon
        return self.unhear(peer, next(iter(heard)))

    def heard_from(self, peer: int, path_id: int) -> Heard | None:
        """Return what ``peer`` means by ``path_id``; None if it has not said."""
        return self._heard.get(peer, {}).get(path_id)

    def has_heard(self, peer: int) -> bool:
        """Return whether ``peer`` means anything by any number."""
        return bool(self._heard.get(peer))

    def checksum_heard(self, peer: int, path: str) -> str | None:
        """Return the checksum that ``peer`` announced for ``path``; None if it has not."""
        heard = self.heard_from(peer, self._newest.get(peer, {}).get(path, -1))
        return None if heard is None else heard.checksum

    # ---------------------------------------------------------------- endings

    def forget_peer(self, peer: int) -> None:
        """Forget a peer that has left."""
        self.version += 1
        self._unhear()
        self._told.pop(peer, None)
        self._heard.pop(peer, None)
        self._newest.pop(peer, None)
        self._heard_bytes.pop(peer, None)

    def clear(self) -> None:
        """Forget the session: ids begin at 1 again."""
        self.version += 1
        self._unhear()
        self._ids.clear()
        self._told.clear()
        self._heard.clear()
        self._newest.clear()
        self._heard_bytes.clear()


def _size(path: str, methods: tuple[str, ...]) -> int:
    texts = (path, *methods)
    return sum(len(text.encode()) + _BYTES_PER_TEXT for text in texts)


def _tell_nobody() -> None:
    pass
