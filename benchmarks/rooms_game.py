"""A room that answers: what the benchmarks of rooms play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import peers
from multiplayer import Node, rpc

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answering(Node):
    """What is called: the server's and the clients'."""

    @rpc("any_peer")
    def echo(self, number: int) -> int:
        return number


class Echo(peers.Room):
    """A room that is as empty as can be."""

    capacity = 2

    def opened(self, options: Mapping[str, str]) -> None:
        del options
        self.root.add_child(Answering("Echo"))
