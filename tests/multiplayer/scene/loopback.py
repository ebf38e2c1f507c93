"""``LoopbackPeer`` for tests that put packets in, and look at who is thrown out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus
from multiplayer.scene.calls.straight_calls import StraightCalls
from multiplayer.testing import LoopbackNetwork, Sent
from multiplayer.testing import LoopbackPeer as AnyLoopbackPeer
from multiplayer.testing.loopback import _Line

from . import straight_ahead

if TYPE_CHECKING:
    from multiplayer.runs import RelayTaker, RunTaker

SERVER = 1


class Network(LoopbackNetwork):
    """The peers of one session, by id.

    Attributes:
        peers: by id; one that has gone is not among them.
        log: every packet, in order.
    """

    def __init__(self, *, relays: bool = False, in_order: bool = False) -> None:
        super().__init__(relays=relays, emits_packets=in_order)
        self.peers: dict[int, LoopbackPeer] = {}
        self.log: list[Sent] = []
        self.on_sent = self.log.append

    def deliver(self, sent: Sent, *receivers: int) -> None:
        """Let a packet arrive at those of ``receivers`` that are there."""
        for receiver in receivers:
            if receiver in self.peers:
                peer = self.peers[receiver]
                peer._steps.append(partial(peer._arrive, sent))

    @property
    def waiting(self) -> bool:
        """Whether a peer's poll has something to do."""
        return any(peer.waiting for peer in self.peers.values())


class LoopbackPeer(AnyLoopbackPeer):
    """A peer with an id from the beginning, which is introduced to the others when told to be.

    Attributes:
        expelled: who was expelled, and why.
        goodbyes: who is said to have left silently.
    """

    network: Network

    def __init__(self, network: Network, own_id: int) -> None:
        super().__init__(network)
        self.on_error = "raise"
        self.own_id = own_id
        self.expelled: list[tuple[int, str]] = []
        self.goodbyes: dict[int, bool | None] = {}
        self.taker: RunTaker | None = None
        network.peers[own_id] = self
        if own_id == SERVER:
            self.create_server()
        else:
            self._own_id, self._status = own_id, ConnectionStatus.CONNECTION_CONNECTED

    def lead_straight_to(self, taker: RunTaker | None, relay: RelayTaker | None = None) -> None:
        del relay
        self.taker = taker if straight_ahead.STRAIGHT else None

    def _arrive(self, sent: Sent) -> None:
        taker = self.taker
        if (
            not isinstance(taker, StraightCalls)
            or self._inbox
            or [*self.peer_packet.listeners()] != [(taker.listener, False)]
            or not straight_ahead.go(taker, sent.source, sent.payload)
        ):
            super()._arrive(sent)

    @property
    def status(self) -> ConnectionStatus:
        return self._status

    @status.setter
    def status(self, status: ConnectionStatus) -> None:
        self._status = status

    def link(self) -> None:
        """Be introduced to the server, and where peers relay, to the other clients."""
        server = self.network.peers[SERVER]
        self._line = _Line(self, self.own_id)
        server._steps.append(partial(server._decide, self._line))
        server.poll()
        self.poll()

    def forget_arrived(self) -> None:
        """Forget what others have sent."""
        self._steps.clear()
        self._inbox.clear()

    def drop(self) -> None:
        """Lose the connection, which both sides hear of at their next polls."""
        line, server = self._line, self.network.server
        self.network.peers.pop(self.own_id, None)
        if line is not None and line.open and server is not None:
            line.then(self._end)
            line.open = False
            server._steps.append(partial(server._lose, line))

    def close(self) -> None:
        """Leave as an engine's peer does, which hears of its own end."""
        if self.own_id == SERVER:
            self.network.peers.pop(SERVER, None)
            super().close()
        else:
            self.drop()

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        if id in self._lines:  # else only a signal has told of it
            super().admit_peer(id)

    def _send(self, sent: Sent) -> None:
        """Note for each receiver what Godot 4's peer sends one by one."""
        if self.network.relays:
            super()._send(sent)
            if sent.target == self.own_id != SERVER:  # as a hostile server could
                self.network.deliver(sent, self.own_id)
        elif self.own_id != SERVER:
            super()._send(sent._replace(target=SERVER))
        else:
            for line in self._receivers(sent.target):
                super()._send(sent._replace(target=line.id))

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        self.expelled.append((id, reason))
        super().expel_peer(id, reason)

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - Godot's name
        return self.goodbyes.get(id)
