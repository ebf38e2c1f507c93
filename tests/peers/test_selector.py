"""``Selector``: what becomes of it in a child of a fork; ``test_fork.py`` has real forks."""

from __future__ import annotations

import selectors
import socket
from typing import TYPE_CHECKING

import pytest

from peers.sockets.selector import Selector

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def pair() -> Generator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_taking_over_fails_as_a_whole_or_not_at_all(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exhausted(selectors.SelectSelector):
        def register(
            self, fileobj: object, events: int, data: object = None
        ) -> selectors.SelectorKey:
            raise OSError(28, "no space left")

    ours, theirs = pair
    served: list[tuple[int, float]] = []
    selector = Selector()
    selector.register(ours, selectors.EVENT_READ, lambda mask, now: served.append((mask, now)))
    selector.inherited = True
    with monkeypatch.context() as patched:
        patched.setattr(selectors, "DefaultSelector", Exhausted)
        with pytest.raises(OSError, match="no space"):
            selector.take_over()
    assert selector.inherited
    selector.take_over()
    assert not selector.inherited
    theirs.send(b"x")
    selector.serve(7.0)
    assert served == [(selectors.EVENT_READ, 7.0)]
    selector.close()
