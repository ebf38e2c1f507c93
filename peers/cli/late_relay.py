"""A relay on a bad network: what clients send is passed on late, or never.

It delays what comes by what both directions of a link do: the way up and, since a relay says
nothing itself, the way down to the receivers. Nothing is doubled.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from multiplayer.endpoint.godot3_server import GdMpServer
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.testing.simulation.chance import Chance
from multiplayer.wire.envelopes.godot3 import Route
from peers.conditioned.way import Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.addressing import TransferMode
    from multiplayer.endpoint.events import Message
    from multiplayer.endpoint.member import Member
    from multiplayer.endpoint.peer_channel import PeerChannel
    from multiplayer.endpoint.server_envelope import ServerEnvelope, Serving
    from multiplayer.testing.simulation.conditions import Conditions
    from peers.websocket_server import WebSocketServer

    Passing = Callable[[], object]


class LateRelay:
    """Polls a server, and passes on what has arrived by then; for ``peers.run``.

    Args:
        server: the server.
        conditions: those of each direction of each link.
        seed: of the chance that loses and delays.
    """

    def __init__(self, server: WebSocketServer, conditions: Conditions, seed: int = 0) -> None:
        self.multiplayer_peer = server
        both = conditions.behind(conditions).changed(duplication=0.0)
        self._way: Way[Passing] = Way(both, Chance(seed))

    def take_over(self) -> None:
        """Let what clients of the session send be late; called when the server listens."""
        role = self.multiplayer_peer._role  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - ours
        assert isinstance(role, ServerRole)
        assert isinstance(role.envelope, GdMpServer)
        role.envelope = cast("ServerEnvelope", LateEnvelope(role.envelope, self))

    def poll(self) -> None:
        """Poll the server."""
        server = self.multiplayer_peer
        while (first := self._way.next(server.now())) is not None:
            self._way.remove(first)
            first.what()
        server.poll()

    def next_deadline(self) -> float:
        """Return when something arrives; infinity for never."""
        return self._way.due()

    def put(self, sender: int, size: int, mode: TransferMode, passing: Passing) -> bool:
        """Let a message be on its way; return whether it will arrive.

        Args:
            sender: who has sent it.
            size: in bytes.
            mode: how; what is not reliable may be lost.
            passing: passes it on; called when it arrives.
        """
        now = self.multiplayer_peer.now()
        return self._way.put(now, sender, size, mode, lambda: passing)

    def leave(self, sender: int) -> None:
        """Let all arrive at once that somebody has sent who leaves, and forget it."""
        for each in self._way.drain(sender):
            each.what()
        self._way.forget(sender, drop=True)


class LateEnvelope:
    """What clients of a gd_mp session mean, later.

    Args:
        envelope: what they mean.
        relay: what makes it late.
    """

    def __init__(self, envelope: GdMpServer, relay: LateRelay) -> None:
        self._envelope = envelope
        self._relay = relay

    def __getattr__(self, name: str) -> object:
        return getattr(self._envelope, name)

    def take(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Let a packet be on its way; a mistake is noticed at once."""
        envelope, data = self._envelope, message.data
        verdict = envelope.session.receive(member.id, data, agreed=link.gdpeers_version > 0)
        if not isinstance(verdict, Route):
            envelope.take(role, member, link, message)
            return
        passing = partial(self._pass, role, member, link, message)
        if not self._relay.put(member.id, len(data), verdict.mode, passing):
            link.fetched(len(data))

    def _pass(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        endpoint = self._relay.multiplayer_peer.endpoint
        origin, endpoint.origin = endpoint.origin, link.account
        self._envelope.take(role, member, link, message)
        endpoint.origin = origin

    def leaves(self, role: Serving, peer_id: int) -> None:
        """Let arrive what a client has sent that is gone, and then tell the others."""
        self._relay.leave(peer_id)
        self._envelope.leaves(role, peer_id)
