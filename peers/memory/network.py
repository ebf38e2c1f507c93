"""``MemoryNetwork``: peers of one process, connected in memory, in a time given from outside."""

from __future__ import annotations

import math
import socket
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar, cast

from multiplayer import Error, MultiplayerError
from multiplayer.support.number_setting import check_number
from multiplayer.testing.simulation.chance import Chance
from multiplayer.testing.simulation.virtual_time import VirtualTime
from peers.rooms.room_server import RoomServer
from peers.sockets.endpoint_sockets import EndpointSockets
from peers.sockets.system import System
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

from .chopping import Chopping
from .selector import MemorySelector
from .stream import MemorySocket, Wires

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers.sockets.name_lookup import Address

    from .chopping import Chop

BUFFER_SIZE: Final = 65536
"""How many bytes may be under way in each direction of a connection, at first."""

Peer = WebSocketMultiplayerPeer | RoomServer
"""What lives in a network."""

P = TypeVar("P", bound="Peer")


_Other = Peer | None


class Polled(Protocol):
    """What polls a peer, like ``SceneMultiplayer``."""

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do, on the network's clock."""
        ...


class MemoryNetwork(VirtualTime):
    """A network without sockets, and the clock of all that is in it.

    A peer that was added is used as ever: ``listen``, ``connect_to_url``, ``create_server``,
    ``create_client``, whatever host the URL names; TLS works, too. All of it is the real thing but
    for the bytes, which go from one peer to the other without the system, and for the time, which
    stands still until :meth:`advance`. So minutes take milliseconds, and one seed gives one run::

        network = MemoryNetwork(seed=1)
        server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
        server.listen(9080, gd_mp_api=True)
        client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
        network.settle()
        server.put_packet(b"hello")
        network.advance(0.1)
        assert client.get_packet() == b"hello"

    Args:
        seed: of the ids that peers draw.
        buffer_size: how many bytes may be under way in each direction of a connection: what a
            sender is blocked by whose receiver does not poll.
        chop: how reads and writes of the peers are cut: ``""`` not at all, ``"bytes"`` one byte at
            a time, ``"random"`` anywhere, and differently for each seed.

    Attributes:
        most_rounds: how often :meth:`settle` polls everybody before it gives up.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense.
    """

    def __init__(self, *, seed: int = 0, buffer_size: int = BUFFER_SIZE, chop: Chop = "") -> None:
        super().__init__()
        self._chance = Chance(seed)
        check_number("buffer_size", buffer_size, above_zero=True)
        self._wires = Wires(buffer_size, Chopping(chop, Chance(seed)) if chop else None)
        self._peers: list[_Added] = []
        self._paused = weakref.WeakSet[Peer]()

    def add(self, peer: P, *, polled_by: Polled | None = None, address: str = "127.0.0.1") -> P:
        """Let a peer live in this network, and return it.

        Args:
            peer: one that has not connected or listened yet.
            polled_by: what is to be polled instead of it, a ``SceneMultiplayer``. The network keeps
                neither alive.
            address: what others see as its IP address.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the peer is in use, or in a network;
                ``ERR_INVALID_PARAMETER``: it is not a peer of this package.
        """
        if not isinstance(peer, Peer):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{peer!r} is not a WebSocket peer; add the peer, with polled_by= for its API"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        system = MemorySystem(self, self._wires, self._chance, address, _wake_of(peer))
        peer.live_in(system)
        driver = None if polled_by is None else weakref.ref(polled_by)
        self._peers.append(_Added(weakref.ref(peer), system, driver))
        return peer

    def pause(self, peer: Peer) -> None:
        """Do not poll a peer any more, as if its process stood still; its connections stay.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: the network follows a clock, and polls nobody.
        """
        self._require_own_time("pause")
        self._paused.add(peer)

    def resume(self, peer: Peer) -> None:
        """Poll a peer again that was paused."""
        self._paused.discard(peer)

    def hold(self, peer: Peer, other: _Other = None) -> None:
        """Stall what others send to a peer: nothing of it comes before :meth:`release`.

        Args:
            peer: who hears nothing. What it sends arrives: hold the others for both directions.
            other: whose bytes are stalled; None for everybody's.
        """
        for sock in self._sockets(peer, other):
            sock.hold(on=True)

    def release(self, peer: Peer, other: _Other = None) -> None:
        """Let everything come that :meth:`hold` has stalled, in order and at once."""
        for sock in self._sockets(peer, other):
            sock.hold(on=False)

    def reset(self, peer: Peer, other: _Other = None) -> None:
        """Reset a peer's connections, as a router does that has forgotten them.

        Both sides can still read what has come, and learn of it by the next call after that.

        Args:
            peer: whose.
            other: those to this one only; None for all.
        """
        for sock in self._sockets(peer, other):
            for end in (sock, sock.other):
                if end is not None:
                    end.be_reset()

    def half_close(self, peer: Peer, other: _Other = None) -> None:
        """End one direction of a peer's connections: others see the end of what it sends.

        Args:
            peer: who can send nothing any more, and is not told until it tries.
            other: towards this one only; None for everybody.
        """
        for sock in self._sockets(peer, other):
            sock.shutdown(socket.SHUT_WR)

    @staticmethod
    def _sockets(peer: Peer, other: _Other) -> list[MemorySocket]:
        """Return a peer's ends of its connections, or of those to another."""
        ends = _ends(peer)
        if other is None:
            return ends
        others = {id(end) for end in _ends(other)}
        return [end for end in ends if id(end.other) in others]

    def poll(self) -> None:
        """Poll every peer once that is not paused, in the order in which they were added."""
        for peer, added in self._here():
            (added.driven_by(peer) or peer).poll()

    def flush(self) -> None:
        """Have every peer that is not paused send what was put since its last poll."""
        for peer, _ in self._here():
            peer.flush()

    def settle(self) -> None:
        """Poll until nothing is under way; the time stands still.

        Raises:
            MultiplayerError: ``ERR_TIMEOUT``: something is under way all the time, as between two
                peers of which each answers whatever the other sends; ``ERR_UNAVAILABLE``: the
                network follows a clock.
        """
        self._require_own_time("settle")
        self._calm()

    def _look_at_all(self) -> None:
        """Do nothing: each round polls everybody."""

    def _stir(self) -> None:
        self.poll()

    def _here(self) -> list[tuple[Peer, _Added]]:
        """Return the peers that are still there and not paused; forget those that are gone."""
        self._peers = [added for added in self._peers if added.peer() is not None]
        here = [(added.peer(), added) for added in self._peers]
        paused = self._paused
        return [(peer, added) for peer, added in here if peer is not None and peer not in paused]

    def _due(self) -> float:
        """Return when somebody has something to do; minus infinity for now."""
        due = math.inf
        for peer, added in self._here():
            due = min(due, peer.endpoint.next_deadline())
            driver = added.driven_by(peer)
            if driver is not None:
                due = min(due, driver.next_deadline())
        return due

    def _under_way(self) -> str:
        stirring = sum(added.system.stirs for _, added in self._here())
        return f"bytes for {stirring} of {len(self._here())} peers wait to be read or written"


def _ends(peer: Peer) -> list[MemorySocket]:
    """Return a peer's ends of the connections that it has in a network."""
    socks: list[object] = []
    for endpoint in peer.endpoints():
        engine = endpoint.engine
        assert isinstance(engine, EndpointSockets)
        socks += [each.sock for each in engine.connections.values()]
    return [sock for sock in socks if isinstance(sock, MemorySocket) and sock.other is not None]


class _Added(NamedTuple):
    """A peer, its computer, and what polls it if that is not itself."""

    peer: weakref.ref[Peer]
    system: MemorySystem
    driver: weakref.ref[Polled] | None

    def driven_by(self, peer: Peer) -> Polled | None:
        """Return what polls it, if that is still there and has not been given another peer."""
        driver = self.driver() if self.driver is not None else None
        polled: object = getattr(driver, "multiplayer_peer", peer)
        inner: object = getattr(polled, "inner", None)  # of one on a bad network
        return driver if polled is peer or inner is peer else None


def _wake_of(peer: Peer) -> Callable[[], None]:
    """Return what wakes whoever waits for a peer, without keeping that alive."""
    reference = weakref.ref(peer)

    def wake() -> None:
        alive = reference()
        if alive is not None and alive.endpoint.on_wake is not None:
            alive.endpoint.on_wake()

    return wake


class MemorySystem(System):
    """What a peer in a network has instead of a computer.

    Args:
        network: whose time it has.
        wires: what its sockets are connected by.
        chance: what its ids come from.
        host: its address.
        wake: called when something has come, for a driver that waits instead of polling.
    """

    __slots__ = ("_chance", "_host", "_network", "_selector", "_wake", "_wires")

    def __init__(
        self,
        network: MemoryNetwork,
        wires: Wires,
        chance: Chance,
        host: str,
        wake: Callable[[], None],
    ) -> None:
        self._network = network
        self._wires = wires
        self._chance = chance
        self._host = host
        self._wake = wake
        self._selector: MemorySelector | None = None

    @property
    def stirs(self) -> bool:
        """Whether something has come that a poll would take, or there is room for what waits."""
        return self._selector is not None and self._selector.ready

    def now(self) -> float:
        """Return the network's time."""
        return self._network.now

    def wall_time(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return the network's time, in seconds."""
        return self.now()

    def randbits(self, bits: int) -> int:
        """Return the network's next bits."""
        return self._chance.bits(bits)

    def selector(self) -> MemorySelector:
        """Return what waits for sockets in memory."""
        self._selector = MemorySelector(self._wake)
        return self._selector

    def socket(self, family: socket.AddressFamily) -> socket.socket:
        """Return a socket in memory."""
        del family
        return cast("socket.socket", MemorySocket(self._wires, self._host, self._wires.chopping))

    def listener(self, host: str, port: int) -> socket.socket:
        """Return one that listens.

        Raises:
            OSError: ``EADDRINUSE``.
        """
        del host
        sock = MemorySocket(self._wires, self._host, self._wires.chopping)
        sock.listen(port)
        return cast("socket.socket", sock)

    def address(self, host: str, port: int) -> Address:
        """Return the network's one address: it has every name."""
        return socket.AF_INET, (host, port)
