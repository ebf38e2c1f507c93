"""Peers whose wire is a list in memory, with a clock that the test moves."""

from __future__ import annotations

import sys
from collections import deque
from functools import partial
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
        in_order: peers emit peer_packet for each packet, in order with joins and leaves, as ours
            do. Else their packets wait to be fetched, as Godot's do.
        log: every packet, in order.
    """

    def __init__(self, *, relays: bool = False, in_order: bool = False) -> None:
        self.in_order = in_order
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
                self.peers[receiver].arrive(arrived)

    def clients_in_view(self) -> list[LoopbackPeer]:
        """The clients that are linked and not held, in order of joining."""
        held = self.peers[1].held
        return [peer for peer in self.peers.values() if peer.linked and peer.own_id not in held]

    @property
    def waiting(self) -> bool:
        """Whether a peer's poll has something to do."""
        return any(peer.inbox or peer.pending for peer in self.peers.values())


class LoopbackPeer(MultiplayerPeer):
    """A peer of a :class:`Network`; connected from the beginning, linked when told to be."""

    def __init__(self, network: Network, own_id: int) -> None:
        super().__init__()
        self.on_error = "raise"
        self.network = network
        self.own_id = own_id
        self.inbox: deque[_Arrived] = deque()
        self.status = ConnectionStatus.CONNECTION_CONNECTED
        self.pending: deque[Callable[[], object]] = deque()
        self.expelled: list[tuple[int, str]] = []
        self.held: set[int] = set()
        self.goodbyes: dict[int, bool | None] = {}
        self.introduced: set[int] = set()
        self._drawn = 0
        self.max_packet_size = sys.maxsize
        network.peers[own_id] = self

    def arrive(self, arrived: _Arrived) -> None:
        """Take a packet from the wire."""
        if not self.network.in_order:
            self.inbox.append(arrived)
            return

        def happen() -> None:
            self.inbox.append(arrived)
            self.peer_packet.emit(arrived.source)

        self.pending.append(happen)

    def link(self) -> None:
        """Be introduced to the server, and where peers relay, to the other clients."""
        server = self.network.peers[1]
        self.linked = True
        if self.network.relays and server.holds_new_peers:
            server.held.add(self.own_id)
        server.peer_connected.emit(self.own_id)
        self.peer_connected.emit(1)
        may_be_told = self.own_id in self.network.peers and self.own_id not in server.held
        if self.network.relays and may_be_told:
            self._introduce()

    def _introduce(self) -> None:
        for other in self.network.clients_in_view():
            if other is not self and self.own_id not in other.introduced:
                other.introduced.add(self.own_id)
                self.introduced.add(other.own_id)
                other.peer_connected.emit(self.own_id)
                self.peer_connected.emit(other.own_id)

    linked = False

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        if id in self.held:
            self.held.remove(id)
            self.network.peers[id]._introduce()

    def get_peers(self) -> list[int]:
        if self.own_id == 1:
            return sorted(peer.own_id for peer in self.network.peers.values() if peer.linked)
        return sorted({1, *self.introduced}) if self.linked else []

    def drop(self) -> None:
        """End this client's connection; told at the next polls."""
        network = self.network
        if network.peers.pop(self.own_id, None) is None:
            return
        for other in network.peers.values():
            if other.own_id == 1 or self.own_id in other.introduced:
                other.introduced.discard(self.own_id)
                other.pending.append(partial(other.peer_disconnected.emit, self.own_id))
        network.peers[1].held.discard(self.own_id)
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

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - Godot's name
        return self.goodbyes.get(id)

    def get_connection_status(self) -> ConnectionStatus:
        return self.status

    def get_unique_id(self) -> int:
        return self.own_id

    def is_server_relay_supported(self) -> bool:
        return not self.network.relays

    def get_max_packet_size(self, channel: int = 0) -> int:
        del channel
        return self.max_packet_size

    def put_packet(self, buffer: bytes) -> None:
        if len(buffer) > self.max_packet_size:
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, f"{len(buffer)} bytes")
        network, target = self.network, self._target_peer
        if self.own_id not in network.peers:
            return  # the connection is gone, which this program has not been told
        if network.relays:
            seen = [1, *(peer.own_id for peer in network.clients_in_view())]
            if self.own_id in network.peers[1].held:
                seen = [1]
            everybody = [peer for peer in seen if peer not in (self.own_id, -target)]
            receivers = [target] if target > 0 else everybody
            if target > 0 and self.own_id != 1 and target not in seen:
                receivers = []
            sent = self._sent(target, buffer)
            network.on_sent(sent)
            network.deliver(sent, *receivers)
            return
        receivers = [1]
        if self.own_id == 1:
            linked = [i for i, peer in network.peers.items() if peer.linked and i != -target]
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
