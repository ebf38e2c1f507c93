"""``Resident``: what a simulated network knows of one of its peers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from multiplayer.scene.tree.node import Node
from multiplayer.scene.tree.resolvers import NodeTree
from multiplayer.wire.dialects.choice import Dialect, wire_of

if TYPE_CHECKING:
    from multiplayer.endpoint.peer_channel import PeerEndpoint

    from .simulated_engine import SimulatedEngine
    from .simulated_peers import SimulatedPeer


class Driver(Protocol):
    """What polls a peer."""

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do."""
        ...


class Resident:
    """A peer, and what drives it.

    Args:
        number: in the order in which peers were made.
        name: what traces call it.
        serves: it is a server.

    Attributes:
        number: see above.
        name: see above.
        serves: see above.
        peer: the peer.
        engine: what moves its frames.
        driver: the API that is polled instead of it; None for none.
        due: when it has something to do, as it was when it was polled last.
        paused: it is not polled.
        gone: its process is.
        port: a server's.
        server: a client's server, if it is known.
        settings: those that it was made with.
        generation: how often its process has been started.
        successor: the peer that has its place since it was started again.
    """

    __slots__ = (
        "_endpoint",
        "_stirred",
        "driver",
        "due",
        "engine",
        "generation",
        "gone",
        "name",
        "number",
        "paused",
        "peer",
        "port",
        "server",
        "serves",
        "settings",
        "successor",
    )

    peer: SimulatedPeer
    engine: SimulatedEngine
    settings: dict[str, object]
    _endpoint: PeerEndpoint

    def __init__(self, number: int, name: str, *, serves: bool) -> None:
        self.number = number
        self.name = name
        self.serves = serves
        self.driver: Driver | None = None
        self.due = -math.inf
        self.paused = False
        self.gone = False
        self.port = 0
        self.server: Resident | None = None
        self.generation = 1
        self.successor: Resident | None = None
        self._stirred: dict[Resident, None] | None = None

    def move_in(
        self,
        peer: SimulatedPeer,
        engine: SimulatedEngine,
        stirred: dict[Resident, None],
        settings: dict[str, object],
    ) -> None:
        """Begin to drive a peer.

        Args:
            peer: the peer.
            engine: what moves its frames.
            stirred: takes this resident whenever it has something to do.
            settings: those that it was made with.
        """
        self.peer, self.engine, self.settings = peer, engine, settings
        self._stirred = stirred
        self._endpoint = peer.endpoint
        self._endpoint.on_wake = self.stir
        self.stir()

    def attach(self, driver: Driver) -> None:
        """Poll something else instead of the peer."""
        self.driver = driver
        self.stir()

    @property
    def latest(self) -> Resident:
        """The peer that has its place now."""
        return self if self.successor is None else self.successor.latest

    @property
    def is_driven(self) -> bool:
        """Whether somebody else polls it, such as ``peers.run``."""
        return self._endpoint.awaited

    @property
    def runs(self) -> bool:
        """Whether it is polled: nobody else drives it, and its process is there and not stopped."""
        return not (self.paused or self.gone or self._endpoint.awaited)

    def stir(self) -> None:
        """Note that it has something to do."""
        if self._stirred is None:
            return  # it is not there yet
        self._stirred[self] = None
        endpoint = self._endpoint
        # Whoever has begun to drive it, and does not wait yet, polls before waiting.
        if endpoint.awaited and endpoint.on_wake != self.stir:
            endpoint.wake()

    def poll(self) -> None:
        """Poll it, and note when it has something to do again."""
        self.take_turn()
        self.due = self._endpoint.next_deadline()
        driver = self.driven_by
        if driver is not None:
            self.due = min(self.due, driver.next_deadline())

    @property
    def driven_by(self) -> Driver | None:
        """What polls it; None once that has been given another peer, or none."""
        driver = self.driver
        if driver is None or getattr(driver, "multiplayer_peer", self.peer) is self.peer:
            return driver
        return None

    def take_turn(self) -> None:
        """Poll it; when it has something to do again is to be found out later."""
        if self._endpoint.on_wake is None:
            self._endpoint.on_wake = self.stir  # whoever has driven it is done
        (self.driven_by or self.peer).poll()
        self.due = -math.inf

    @property
    def dialect(self) -> str:
        """The name of the dialect of its API; "" if there is none."""
        dialect = getattr(self.driver, "dialect", None)
        return dialect.value if isinstance(dialect, Dialect) else ""

    def methods(self) -> dict[str, dict[int, str]] | None:
        """Return the names of its API's methods by path and number, where packets have numbers."""
        dialect, root = self.dialect, getattr(self.driver, "root", None)
        if not isinstance(root, Node) or wire_of(Dialect(dialect)).methods_by != "receiver":
            return None
        tree, found = NodeTree(root), dict[str, dict[int, str]]()
        nodes = [root]
        while nodes:
            node = nodes.pop()
            nodes += node.children
            table, path = tree.table_of(node), tree.path_of(node)
            if table.names and path is not None:
                found[path] = {table.number_of(name): name for name in table.names}
        return found
