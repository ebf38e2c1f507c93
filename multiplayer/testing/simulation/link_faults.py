"""``LinkFaults``: the links of a simulated network, and what can happen to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from multiplayer.errors import Error, MultiplayerError

from .presets import check_conditions

if TYPE_CHECKING:
    from .conditions import Conditions
    from .ether import Ether
    from .pipe import Way
    from .resident import Resident
    from .simulated_peers import SimulatedPeer
    from .trace_log import TraceLog


class Link(NamedTuple):
    """The two directions between a client and its server.

    Attributes:
        up: from the client to the server; its ``conditions`` can be set.
        down: from the server to the client.
    """

    up: Way
    down: Way

    @property
    def conditions(self) -> Conditions:
        """Those of :attr:`up`; setting them sets both."""
        return self.up.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions | str) -> None:
        checked = check_conditions(conditions)
        self.up.conditions = self.down.conditions = checked


class LinkFaults(ABC):
    """The part of a ``SimulatedNetwork`` that is about links."""

    _ether: Ether
    _log: TraceLog | None

    @abstractmethod
    def resident(self, peer: SimulatedPeer) -> Resident:
        """Return what the network knows of a peer."""

    @abstractmethod
    def _residents_here(self) -> list[Resident]:
        """Return what it knows of all, in the order of their numbers."""

    @property
    def conditions(self) -> Conditions:
        """Those of new links; setting them sets those of all links, in both directions.

        Raises (when they are set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: they are none; ``ERR_DOES_NOT_EXIST``:
                there is no such preset.
        """
        return self._ether.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions | str) -> None:
        checked = self._ether.conditions = check_conditions(conditions)
        for way in self._ether.ways.values():
            way.conditions = checked

    def link(self, peer: SimulatedPeer, other: SimulatedPeer | None = None) -> Link:
        """Return the link between a client and a server, in whichever order.

        Args:
            peer: one of them.
            other: the other one; None for the server that the client was made for.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one is of another network, or they are two
                clients, or two servers.
        """
        one = self.resident(peer)
        two = one.server if other is None else self.resident(other)
        if two is None or one.serves is two.serves:
            message = (
                f"{peer!r} and {other!r} have no link: there is one between each client and its "
                "server, which packets between clients take twice"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        client, server = (two, one) if one.serves else (one, two)
        ether = self._ether
        up, down = (client.number, server.number), (server.number, client.number)
        return Link(ether.way(*up), ether.way(*down))

    def _way(self, source: SimulatedPeer, target: SimulatedPeer) -> Way:
        link = self.link(source, target)
        return link.down if self.resident(source).serves else link.up

    def partition(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Let nothing get from one peer to another: one direction only.

        Unreliable packets are lost, reliable ones arrive after :meth:`heal`, as sent again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        way = self._way(source, target)
        self._cut(way)

    def heal(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """End a :meth:`partition`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._heal(self._way(source, target))

    def hold(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Keep back all that would get from one peer to another, until :meth:`release`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._hold(self._way(source, target))

    def release(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Deliver what a :meth:`hold` has kept back, in its order, at once.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :meth:`link`.
        """
        self._release(self._way(source, target))

    def replay_late(self, source: SimulatedPeer, target: SimulatedPeer) -> None:
        """Deliver an old unreliable packet once more; the oldest of the last 64 that arrived.

        One that is unreliable_ordered is dropped by its receiver, which has had a later one.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none has arrived; ``ERR_INVALID_PARAMETER``:
                as for :meth:`link`.
        """
        if not self._ether.replay(self._way(source, target)):
            message = f"no unreliable packet from {source!r} to {target!r} can come again"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)

    def half_open(self, client: SimulatedPeer) -> None:
        """Let the connection of a client die without anybody being told.

        What both sides send vanishes, as when a router forgets a connection. Each finds out by
        itself, by heartbeats or when it closes. The client can connect again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network, or a server.
        """
        resident = self.resident(client)
        if resident.serves:
            message = f"{client!r} is a server with a connection to each client; name the client"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._note(resident.number, "half-open: what it sends and is sent vanishes")
        resident.engine.fall_silent()

    def _cut(self, way: Way) -> None:
        self._note(way.receiver, f"nothing gets here from {self._name(way.sender)}")
        way.cut = True

    def _heal(self, way: Way) -> None:
        if way.cut:
            self._note(way.receiver, f"what {self._name(way.sender)} sends gets here again")
            self._ether.heal(way)

    def _hold(self, way: Way) -> None:
        self._note(way.receiver, f"what comes from {self._name(way.sender)} is held")
        way.held = True

    def _release(self, way: Way) -> None:
        if way.held:
            self._note(way.receiver, f"what has come from {self._name(way.sender)} is released")
            self._ether.release(way)

    def _name(self, number: int) -> str:
        return self._residents_here()[number].name

    def _note(self, number: int, sentence: str) -> None:
        if self._log is not None:
            self._log.fault(self._ether.now, number, f"{self._name(number)}: {sentence}")
