"""The ids that we give to paths, found again by path and by what is above it."""

from __future__ import annotations

from typing import Final

_ROOT: Final = "."


class PathIds:
    """Numbers paths from 1; it never reuses an id before :meth:`clear`."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._below: dict[str, set[str]] = {}
        """What is directly below a path, if there is an id there or further below."""
        self._last = 0

    def get(self, path: str) -> int | None:
        """Return the id of ``path``; None if it has none."""
        return self._ids.get(path)

    def path_of(self, path_id: int) -> str | None:
        """Return what an id stands for; None if it stands for nothing, or no longer does."""
        return self._paths.get(path_id)

    def give(self, path: str) -> int:
        """Return the id of ``path``; the next one if it has none."""
        path_id = self._ids.get(path)
        if path_id is None:
            self._last += 1
            path_id = self._ids[path] = self._last
            self._paths[path_id] = path
            self._hang(path)
        return path_id

    def _hang(self, path: str) -> None:
        while path != _ROOT:
            above = _above(path)
            siblings = self._below.get(above)
            if siblings is not None:
                siblings.add(path)
                return
            self._below[above] = {path}
            path = above

    def take_back(self, path: str) -> list[int]:
        """Withdraw the ids of ``path`` and of all below, and return them.

        The time this takes depends on how many they are, not on how many others there are.
        """
        taken: list[int] = []
        gone = [path]
        while gone:
            at = gone.pop()
            gone += self._below.pop(at, ())
            path_id = self._ids.pop(at, None)
            if path_id is not None:
                taken.append(path_id)
                del self._paths[path_id]
        while path != _ROOT:  # leave nothing behind in those above without an id of their own
            above = _above(path)
            siblings = self._below.get(above)
            if siblings is None:
                break
            siblings.discard(path)
            if siblings:
                break
            del self._below[above]
            if above in self._ids:
                break
            path = above
        return taken

    def clear(self) -> None:
        """Begin at 1 again."""
        self._ids.clear()
        self._paths.clear()
        self._below.clear()
        self._last = 0


def _above(path: str) -> str:
    return path.rpartition("/")[0] or _ROOT
