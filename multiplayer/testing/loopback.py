"""``LoopbackPeer``: a peer of a session within one process, without I/O.

For tests that are not about connections, and as an example: a complete ``MultiplayerPeer`` that
passes :func:`multiplayer.testing.check_multiplayer_peer`.
"""

# ruff: noqa: SLF001 - server and client have one class, and are each other's wire

from __future__ import annotations

import sys
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.departed import Departed
from multiplayer.errors import Error, MultiplayerError
from multiplayer.multiplayer_peer import ConnectionStatus, MultiplayerPeer, TransferMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.api_hooks import Arrived
    from multiplayer.handlers import Handlers

_LCG_FACTOR: Final = 6364136223846793005
_LCG_STEP: Final = 1442695040888963407


class Sent(NamedTuple):
    """A packet as it was put: from whom, for whom (0 all, n one, -n all but one) and what."""

    source: int
    target: int
    mode: TransferMode
    channel: int
    payload: bytes


class LoopbackNetwork:
    """What the peers of one session share: the time, and who is there.

    Args:
        relays: clients know and reach each other, as in a gd_mp session; otherwise only the server,
            as with Godot 4's protocol, where the API above announces and relays.
        emits_packets: peers emit ``peer_packet`` for each packet, in order with joins and leaves.
            Otherwise packets wait to be fetched, like those of a Godot engine.

    Attributes:
        time: in seconds; what the peers' ``now()`` returns. Yours to change.
        server: the server, or None.
        on_sent: called with each packet that is put.
    """

    def __init__(self, *, relays: bool = True, emits_packets: bool = True) -> None:
        self.relays = relays
        self.emits_packets = emits_packets
        self.time = 0.0
        self.server: LoopbackPeer | None = None
        self.on_sent: Callable[[Sent], object] | None = None
        self._drawn = 0

    def randbits(self, bits: int) -> int:
        """Return the next number of a fixed sequence, of ``bits`` bits (at most 63)."""
        self._drawn = (self._drawn * _LCG_FACTOR + _LCG_STEP) % 2**64
        return self._drawn >> (64 - bits)


class _Line:
    """A connection between a client and its server.

    Attributes:
        id: the client's.
        open: the client hears what the server does.
        held: nobody else is told of the client.
    """

    def __init__(self, client: LoopbackPeer, peer: int) -> None:
        self.client = client
        self.id = peer
        self.open = True
        self.held = False

    def then(self, step: Callable[[], object]) -> None:
        """Let something happen at the client's next poll, unless the connection is over."""
        if self.open:
            self.client.then(step)


class LoopbackPeer(MultiplayerPeer):
    """One peer of a :class:`LoopbackNetwork`; it hears what others do at its next poll.

    Attributes:
        max_packet_size: the longest packet to send, in bytes.
    """

    network: LoopbackNetwork
    max_packet_size: int

    def __init__(self, network: LoopbackNetwork) -> None:
        super().__init__()
        self.network = network
        self.max_packet_size = sys.maxsize
        self._own_id = 0
        self._status = ConnectionStatus.CONNECTION_DISCONNECTED
        self._inbox: deque[Sent] = deque()
        self._steps: deque[Sent | Callable[[], object]] = deque()  # packets, and what happens
        self._polling = False
        self._line: _Line | None = None  # a client's
        self._known: set[int] = set()  # whom a client was told of
        self._lines: dict[int, _Line] = {}  # a server's, by id
        self._left = Departed()

    # ---------------------------------------------------------------- beginning

    def create_server(self) -> None:
        """Begin to be the server of the network.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use, or there is a server.
        """
        self._begin()
        if self.network.server is not None:
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, "the network already has a server")
        self.network.server = self
        self._own_id, self._status = SERVER_ID, ConnectionStatus.CONNECTION_CONNECTED

    def create_client(self, peer: int = 0) -> None:
        """Begin to connect to the network's server; signals report how it went.

        Args:
            peer: the id to get; 0 for one that the server draws.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use.
        """
        self._begin()
        self._status = ConnectionStatus.CONNECTION_CONNECTING
        self._line = line = _Line(self, peer)
        server = self.network.server
        if server is None:
            line.then(self._fail)
        else:
            server._steps.append(partial(server._decide, line))

    def _begin(self) -> None:
        if self._status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this peer is in use; close() it first, or make another"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self.sessions += 1
        self._inbox.clear()
        self._steps.clear()
        self._left.clear()
        self.handlers.clear()

    # ---------------------------------------------------------------- what happens

    def poll(self) -> None:
        """Handle what others have done.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``.
        """
        if self._polling:
            message = "a listener called poll(); return from it, and the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        self._polling = True
        try:
            with self.handlers.let_through:
                while self._steps:
                    step = self._steps.popleft()
                    if not isinstance(step, Sent):
                        step()
                    elif self._own_id != SERVER_ID or step.source in self._lines:
                        self._arrive(step)  # else it was forced out
        finally:
            self._polling = False

    def then(self, step: Callable[[], object]) -> None:
        """Let something happen at the next poll."""
        self._steps.append(step)

    @property
    def waiting(self) -> bool:
        """Whether a poll has something to do, or packets wait to be fetched."""
        return bool(self._steps or self._inbox)

    def _arrive(self, sent: Sent) -> None:
        self._inbox.append(sent)
        if self.network.emits_packets:
            self.handlers.emit(self.peer_packet, sent.source, sent.source)

    # ---------------------------------------------------------------- on a server

    def _decide(self, line: _Line) -> None:
        """Accept a client, or refuse it."""
        client = line.client
        if client._line is not line:
            return  # it has given up
        if self.refuse_new_connections or self._own_id != SERVER_ID:
            line.then(client._fail)
            return
        elsewhere = self.is_id_elsewhere
        while not line.id or line.id in self._lines:
            drawn = self.generate_unique_id()
            taken = drawn in self._left or (elsewhere is not None and elsewhere(drawn))
            line.id = 0 if taken else drawn
        line.held = self.holds_new_peers
        self._lines[line.id] = line
        self._left.discard(line.id)
        line.then(partial(client._come_up, line.id))
        self.handlers.emit(self.peer_connected, line.id, line.id)
        if not line.held and line.open:
            self._introduce(line)

    def _introduce(self, line: _Line) -> None:
        for other in self._others_of(line):
            other.then(partial(other.client._hear_of, line.id))
            line.then(partial(line.client._hear_of, other.id))

    def _others_of(self, line: _Line) -> list[_Line]:
        """Return the clients that a client is told of, and they of it."""
        if not (self.network.relays and self.server_relay) or line.held:
            return []
        return [each for each in self._lines.values() if each is not line and not each.held]

    def _lose(self, line: _Line) -> None:
        """Note that a client has left, and report it."""
        if self._forget(line):
            self.handlers.emit(self.peer_disconnected, line.id, line.id)
            self.handlers.forget(line.id)

    def _forget(self, line: _Line) -> bool:
        """Note that a client has left; return False if that is already known."""
        if self._lines.get(line.id) is not line:
            return False
        del self._lines[line.id]
        line.open = False
        self._left.add(line.id)
        for other in self._others_of(line):
            other.then(partial(other.client._hear_no_more_of, line.id))
        return True

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a held client to the others, and them to it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        line = self._line_to(id)
        if line is not None and line.held:
            line.held = False
            self._introduce(line)

    def _line_to(self, peer: int) -> _Line | None:
        """Return the connection to a client; None if it has left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        line = self._lines.get(check_id(peer))
        if line is None and peer not in self._left:
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, f"there is no peer {peer}")
        return line

    # ---------------------------------------------------------------- on a client

    def _come_up(self, own_id: int) -> None:
        self._own_id, self._status = own_id, ConnectionStatus.CONNECTION_CONNECTED
        self._known.add(SERVER_ID)
        self.handlers.emit(self.peer_connected, SERVER_ID, SERVER_ID)
        if self._status == ConnectionStatus.CONNECTION_CONNECTED:  # else a listener has left
            self.handlers.emit(self.connection_succeeded, SERVER_ID)

    def _hear_of(self, peer: int) -> None:
        self._known.add(peer)
        self.handlers.emit(self.peer_connected, peer, peer)

    def _hear_no_more_of(self, peer: int) -> None:
        self._known.discard(peer)
        self._left.add(peer)
        self.handlers.emit(self.peer_disconnected, peer, peer)
        self.handlers.forget(peer)

    def _fail(self) -> None:
        self._hang_up()
        self.handlers.emit(self.connection_failed, SERVER_ID)

    def _end(self) -> None:
        """Note that the connection is gone: everybody has left, the server last."""
        known = sorted(self._known - {SERVER_ID})
        self._hang_up()
        for peer in (*known, SERVER_ID):
            self.handlers.emit(self.peer_disconnected, peer, peer)
        self.handlers.emit(self.server_disconnected, SERVER_ID)

    def _hang_up(self) -> None:
        self._line = None
        self._known.clear()
        self._own_id, self._status = 0, ConnectionStatus.CONNECTION_DISCONNECTED

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """End at once and silently; the others hear of it at their next polls."""
        line, server = self._line, self.network.server
        if line is not None and server is not None:
            server._steps.append(partial(server._lose, line))
            line.open = False
        if server is self:
            self.network.server = None
            for each in self._lines.values():
                each.then(each.client._end)
                each.open = False
                self._left.add(each.id)
            self._lines.clear()
        self._steps.clear()
        self._hang_up()

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """End the connection to a peer; what was put before arrives.

        Args:
            peer: its id.
            force: forget the peer at once, without emitting ``peer_disconnected`` for it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        line = self._line_to(peer) if self._own_id == SERVER_ID else self._server_line(peer)
        if line is None or not line.open:
            return
        line.then(line.client._end)
        line.open = False
        server = self.network.server
        if server is None:
            return
        if not (force and server is self):
            server._steps.append(partial(server._lose, line))
        elif self._forget(line) and self.on_forced_out is not None:
            self.on_forced_out(line.id)

    def _server_line(self, peer: int) -> _Line:
        if check_id(peer) != SERVER_ID or self._line is None:
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, f"there is no peer {peer} to leave")
        return self._line

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target; an empty one goes nowhere.

        Raises:
            MultiplayerError: ``FAILED``: not connected, or there never was such a target;
                ``ERR_OUT_OF_MEMORY``: longer than :attr:`max_packet_size`;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        try:
            payload = buffer if type(buffer) is bytes else bytes(memoryview(buffer))
        except TypeError:
            message = f"a packet must be bytes, not {type(buffer).__name__}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
        if len(payload) > self.max_packet_size:
            message = f"a packet of {len(payload)} bytes; {self.max_packet_size} may be sent"
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
        if self._status != ConnectionStatus.CONNECTION_CONNECTED:
            raise MultiplayerError(Error.FAILED, "not connected; wait for connection_succeeded")
        if payload:
            mode, channel = self.transfer_mode, self.transfer_channel
            self._send(Sent(self._own_id, self._target_peer, mode, channel, payload))

    def _send(self, sent: Sent) -> None:
        line, server = self._line, self.network.server
        if line is None:
            receivers = self._receivers(sent.target)
        elif server is None or not line.open:
            return  # the server is gone, but this program has not been told
        else:
            if not self.network.relays or sent.target in (0, SERVER_ID) or sent.target < -SERVER_ID:
                server._steps.append(sent)
            others = server._others_of(line)
            receivers = [each for each in others if sent.target in (0, each.id)]
            if sent.target < 0:
                receivers = [each for each in others if each.id != -sent.target]
        if self.network.on_sent is not None:
            self.network.on_sent(sent)
        for receiver in receivers:
            if receiver.open:
                receiver.client._steps.append(sent)

    def _receivers(self, target: int) -> list[_Line]:
        """Return whom a server's packet goes to.

        Raises:
            MultiplayerError: ``FAILED``: there never was such a client.
        """
        if target in self._lines:
            return [self._lines[target]]
        if target > SERVER_ID:
            if target in self._left:
                return []
            raise MultiplayerError(Error.FAILED, f"there is no peer {target}")
        if target == SERVER_ID:
            return []
        return [each for each in self._lines.values() if each.id != -target]

    def _next(self) -> Sent:
        if not self._inbox:
            message = "no packet waits; check get_available_packet_count() first"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        return self._inbox[0]

    def _take_packet(self) -> bytes:
        payload = self._next().payload
        self._inbox.popleft()
        return payload

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it; None if there is none."""
        del asks_how
        if not self._inbox:
            return None
        handlers.at_work = self._inbox[0].source
        return self._inbox.popleft()

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched."""
        return len(self._inbox)

    def get_packet_peer(self) -> int:
        """Return who sent the next packet.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """
        return self._next().source

    def get_packet_channel(self) -> int:
        """Return the channel of the next packet.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """
        return self._next().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the transfer mode of the next packet.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits.
        """
        return self._next().mode

    # ---------------------------------------------------------------- state

    def now(self) -> float:
        """Return the network's time."""
        return self.network.time

    def randbits(self, bits: int) -> int:
        """Return the next number of the network's."""
        return self.network.randbits(bits)

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether this peer is disconnected, connecting or connected."""
        return self._status

    def get_unique_id(self) -> int:
        """Return our own id; 0 without a session."""
        return self._own_id

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending."""
        return sorted(self._lines or self._known)

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return :attr:`max_packet_size`."""
        del channel
        return self.max_packet_size

    def is_server_relay_supported(self) -> bool:
        """Return whether the API above has to announce and relay."""
        return not self.network.relays
