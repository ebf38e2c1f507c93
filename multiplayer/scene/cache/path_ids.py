"""The numbers that we give to paths, found again by path and by what is above it."""

from __future__ import annotations

from typing import Final

_ROOT: Final = "."


class PathNumbers:
    """Numbers paths from 1; a number is never given again before :meth:`clear`."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._below: dict[str, set[str]] = {}
        """What is directly below a path, where there is a number there or further below."""
        self._last = 0

    def get(self, path: str) -> int | None:
        """Return the number of ``path``; None if it has none."""
        return self._numbers.get(path)

    def path_of(self, number: int) -> str | None:
        """Return what a number stands for; None if for nothing, or nothing any more."""
        return self._paths.get(number)

    def give(self, path: str) -> int:
        """Return the number of ``path``; the next one if it has none."""
        number = self._numbers.get(path)
        if number is None:
            self._last += 1
            number = self._numbers[path] = self._last
            self._paths[number] = path
            self._hang(path)
        return number

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
        """Take back the numbers of ``path`` and of all below, and return them.

        Takes as long as there are such numbers, however many others there are.
        """
        taken: list[int] = []
        gone = [path]
        while gone:
            at = gone.pop()
            gone += self._below.pop(at, ())
            number = self._numbers.pop(at, None)
            if number is not None:
                taken.append(number)
                del self._paths[number]
        while path != _ROOT:  # leave nothing behind for those above that have no number themselves
            above = _above(path)
            siblings = self._below.get(above)
            if siblings is None:
                break
            siblings.discard(path)
            if siblings:
                break
            del self._below[above]
            if above in self._numbers:
                break
            path = above
        return taken

    def clear(self) -> None:
        """Begin at 1 again."""
        self._numbers.clear()
        self._paths.clear()
        self._below.clear()
        self._last = 0


def _above(path: str) -> str:
    return path.rpartition("/")[0] or _ROOT
