"""A room for engines, for workers: it answers what it is called with, and says in which process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import peers
from multiplayer import Dialect
from tests.interop.scene.ours import Game

if TYPE_CHECKING:
    from collections.abc import Mapping


class Answering(Game):
    def took(self, method: str, *args: Any) -> None:
        if method == "any_one":
            asker = self.api.get_remote_sender_id()
            self.api.rpc(asker, self, "any_two", [args[0], os.getpid()])


class Meeting(peers.Room):
    capacity = 4
    dialect = Dialect.GODOT_4
    grace = 30.0

    def opened(self, options: Mapping[str, str]) -> None:
        self.api.add("Main/Game", Answering(self.api))
