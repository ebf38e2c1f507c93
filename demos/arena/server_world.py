"""The arena's nodes in the server's program, one for each session: they hand over to the match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import rpc

from .world import Calls, World

if TYPE_CHECKING:
    from .match import Match


class Desk(Calls):
    """Where players' calls come in.

    Anybody may send anything at all. The API compares it with the annotations (``validate``), and
    whoever sends it is who it says: the id is the connection's, and never an argument.
    """

    match: Match

    @rpc("any_peer")
    def introduce(self, nick: str) -> None:
        """See ``Calls.introduce``."""
        self.match.introduce(self.multiplayer.get_remote_sender_id(), nick)

    @rpc("any_peer")
    def set_ready(self, ready: bool) -> None:
        """See ``Calls.set_ready``."""
        self.match.set_ready(self.multiplayer.get_remote_sender_id(), ready)

    @rpc("any_peer", "unreliable_ordered")
    def steer(self, inputs: list[list[object]]) -> None:
        """See ``Calls.steer``."""
        self.match.steer(self.multiplayer.get_remote_sender_id(), inputs)

    @rpc("any_peer", "unreliable")
    def ask_time(self, sent: float) -> None:
        """Answer at once."""
        asker = self.multiplayer.get_remote_sender_id()
        self.tell_time.rpc_id(asker, sent, self.match.time())


class ServerWorld(Desk, World):
    """The arena in a session that replicates: ``NATIVE`` and ``GODOT_4``.

    Args:
        match: the game.
    """

    def __init__(self, match: Match) -> None:
        super().__init__()
        self.match = match
