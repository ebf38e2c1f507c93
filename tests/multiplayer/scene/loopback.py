"""Peers whose wire is a list in memory, with a clock that the test moves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from multiplayer import ConnectionStatus, Error, MultiplayerError, MultiplayerPeer, TransferMode

if TYPE_CHECKING:
    from collections.abc import Callable


class _Arrived(NamedTuple):
    source: int
    payload: bytes
    mode: TransferMode
    channel: int


class Sent(NamedTuple):
    """A packet as it was put on the wire."""

    source: int
    target: int
    mode: TransferMode
    channel: int
    payload: bytes


class Network:
    """The peers of one session, by id; the server is 1.

    Attributes:
        peers: by id; one that has gone is not among them.
        time: in seconds; what the peers' ``now()`` says.
        relays: gd_mp if True: the peers announce each other and reach each other. Else as Godot 4:
            clients reach the server only.
        log: every packet, in order.
    """

    def __init__(self, *, relays: bool = False) -> None:
        self.peers: dict[int, LoopbackPeer] = {}
        self.time = 0.0
        self.relays = relays
        self.log: list[Sent] = []
        self.on_sent: Callable[[Sent], object] = self.log.append

    def deliver(self, sent: Sent, *receivers: int) -> None:
        """Put a packet into the inboxes of those of ``receivers`` that are there."""
        for receiver in receivers:
            if receiver in self.peers:
                arrived = _Arrived(sent.source, sent.payload, sent.mode, sent.channel)
                self.peers[receiver].inbox.append(arrived)


class LoopbackPeer(MultiplayerPeer):
    """A peer of a :class:`Network`; connected from the beginning, linked when told to be."""

    def __init__(self, network: Network, own_id: int) -> None:
        super().__init__()
        self.network = network
        self.own_id = own_id
        self.inbox: deque[_Arrived] = deque()
        self.status = ConnectionStatus.CONNECTION_CONNECTED
        self.pending: deque[Callable[[], object]] = deque()
        self.expelled: list[tuple[int, str]] = []
        self._drawn = 0
        network.peers[own_id] = self

    def link(self) -> None:
        """Be introduced to the server, and where peers relay, to the other clients."""
        others = [peer for peer in self.network.peers.values() if peer.linked and peer is not self]
        self.network.peers[1].peer_connected.emit(self.own_id)
        self.peer_connected.emit(1)
        self.linked = True
        if self.network.relays:
            for other in others:
                other.peer_connected.emit(self.own_id)
                self.peer_connected.emit(other.own_id)

    linked = False

    def drop(self) -> None:
        """End this client's connection; told at the next polls."""
        if self.network.peers.pop(self.own_id, None) is None:
            return
        server = self.network.peers[1]
        server.pending.append(lambda: server.peer_disconnected.emit(self.own_id))
        self.pending.append(self._end)

    def _end(self) -> None:
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED
        self.peer_disconnected.emit(1)

    def now(self) -> float:
        return self.network.time

    def randbits(self, bits: int) -> int:
        self._drawn += 1
        return self._drawn % (1 << bits)

    def poll(self) -> None:
        while self.pending:
            self.pending.popleft()()

    def close(self) -> None:
        self.drop()

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        del force
        if self.own_id != 1:
            self.drop()
        elif peer in self.network.peers:
            self.network.peers[peer].drop()
        else:
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, f"no peer {peer}")

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        self.expelled.append((id, reason))
        super().expel_peer(id, reason)

    def get_connection_status(self) -> ConnectionStatus:
        return self.status

    def get_unique_id(self) -> int:
        return self.own_id

    def is_server_relay_supported(self) -> bool:
        return not self.network.relays

    def put_packet(self, buffer: bytes) -> None:
        network, target = self.network, self._target_peer
        if network.relays:
            everybody = [peer for peer in network.peers if peer not in (self.own_id, -target)]
            receivers = [target] if target > 0 else everybody
            sent = self._sent(target, buffer)
            network.on_sent(sent)
            network.deliver(sent, *receivers)
            return
        receivers = [1]
        if self.own_id == 1:
            linked = [peer for peer in network.peers if peer not in (1, -target)]
            receivers = [target] if target > 0 else linked
        for receiver in receivers:
            sent = self._sent(receiver, buffer)
            network.on_sent(sent)
            network.deliver(sent, receiver)

    def _sent(self, target: int, payload: bytes) -> Sent:
        return Sent(self.own_id, target, self.transfer_mode, self.transfer_channel, payload)

    def get_available_packet_count(self) -> int:
        return len(self.inbox)

    def _take_packet(self) -> bytes:
        return self.inbox.popleft().payload

    def get_packet_peer(self) -> int:
        return self.inbox[0].source

    def get_packet_channel(self) -> int:
        return self.inbox[0].channel

    def get_packet_mode(self) -> TransferMode:
        return self.inbox[0].mode
