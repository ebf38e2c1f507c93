"""``SimulatedNetwork``: peers of one process on a bad network, in a time that stands still."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from multiplayer.errors import Error, MultiplayerError

from .chance import Chance
from .ether import Ether
from .faults import Faults
from .given import check_name, check_seed, give
from .packet_text import PeerInfo
from .presets import check_conditions
from .resident import Resident
from .simulated_engine import SimulatedEngine
from .simulated_peers import SimulatedClient, SimulatedPeer, SimulatedServer
from .trace import Trace
from .trace_log import TraceLog
from .virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conditions import Conditions

MOST_STEPS: Final = 100_000
"""After how many instants :meth:`SimulatedNetwork.settle` gives up, at first."""

_STORY: Final = 40
"""How many events the end of the chart shows that a failed test prints."""

_OF_PEERS: Final = 1  # which branch of the seed the ids of peers are drawn from

P = TypeVar("P", bound=SimulatedPeer)


class Api(Protocol):
    """What polls a peer, like ``SceneMultiplayer``."""

    @property
    def multiplayer_peer(self) -> object:
        """The peer below."""
        ...

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do, on the network's clock."""
        ...


ApiT = TypeVar("ApiT", bound=Api)


class SimulatedNetwork(Faults, VirtualTime):
    """A network in a box: its peers, what it does to their packets, and their time.

    Its peers follow the rules of the peers over WebSockets: the same sessions, envelopes, signals,
    limits, heartbeats and close codes. Nothing waits and nothing is left to chance but what the
    seed says, so minutes take milliseconds, and one seed gives one run::

        network = SimulatedNetwork(seed=1, conditions=WIFI_BAD)
        server = network.create_server()
        client = network.create_client(server)
        network.settle()
        server.put_packet(b"hello")
        network.advance(0.5)
        assert client.get_packet() == b"hello"

    Each direction of each link has conditions of its own, see :meth:`link`; faults can be set off
    one by one, or by a :meth:`schedule`.

    Args:
        seed: what chance is drawn from; any int.
        conditions: of all links, in both directions: ``Conditions``, or the name of a preset.
        trace: keep what happens, for :meth:`trace` and :meth:`story`.

    Attributes:
        seed: see above.
        most_rounds: how often peers are polled at one instant before that is given up.
        most_steps: after how many instants :meth:`settle` gives up.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such preset;
            ``ERR_INVALID_PARAMETER``: these are no conditions, or that is no seed.
    """

    def __init__(
        self, seed: int = 0, conditions: Conditions | str | None = None, *, trace: bool = True
    ) -> None:
        super().__init__()
        self.seed = check_seed(seed)
        self.most_steps = MOST_STEPS
        self._log = TraceLog() if trace else None
        self._ether = Ether(seed, check_conditions(conditions), self._log)
        self._chance = Chance(seed)
        self._residents: list[Resident] = []
        self._stirred: dict[Resident, None] = {}

    # ---------------------------------------------------------------- who is there

    def create_server(
        self, port: int = 0, *, envelope: str = "gd_mp", name: str = "", **settings: object
    ) -> SimulatedServer:
        """Return a server that listens.

        Args:
            port: where, within the network; 0 for a free one.
            envelope: what packets travel in: "gd_mp" (Godot 3's; ``WebSocketServer``), "godot4"
                (``WebSocketMultiplayerPeer``) or "plain".
            name: what traces call it; by default "server", "server 2" and so on.
            settings: attributes to set before it listens, such as ``heartbeat_interval=1.0``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: another has the port;
                ``ERR_INVALID_PARAMETER``: there is no such envelope or setting, or another peer has
                the name.
        """
        self._ether.check_port(port)
        server = self._add(SimulatedServer, envelope, name, settings)
        resident = self.resident(server)
        server.listen(port)
        resident.port = server.get_local_port()
        return server

    def create_client(
        self,
        server: SimulatedServer | int | None,
        *,
        conditions: Conditions | str | None = None,
        envelope: str = "",
        name: str = "",
        **settings: object,
    ) -> SimulatedClient:
        """Return a client that has begun to connect; let time pass until it is there.

        Args:
            server: the server, or its port; None to connect later (``connect_to_server``).
            conditions: of its link to the server, in both directions; None for the network's.
            envelope: see :meth:`create_server`; by default the server's.
            name: what traces call it; by default "client 1", "client 2" and so on.
            settings: attributes to set before it connects.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the server is of another network, these are
                no conditions, or as for :meth:`create_server`; ``ERR_DOES_NOT_EXIST``: there is no
                such preset.
        """
        wanted = None if conditions is None else check_conditions(conditions)
        found = self.server_at(server) if isinstance(server, int) else server
        if found is not None:
            self.resident(found)  # raises for one of another network
        envelope = envelope or (found.envelope if found is not None else "gd_mp")
        client = self._add(SimulatedClient, envelope, name, settings)
        resident = self.resident(client)
        if found is not None:
            resident.server = self.resident(found)
            if wanted is not None:
                self.link(client).conditions = wanted
        if server is not None:
            client.connect_to_server(server)
        return client

    def _add(self, kind: type[P], envelope: str, name: str, settings: dict[str, object]) -> P:
        serves = kind is SimulatedServer
        word = "server" if serves else "client"
        count = 1 + sum(each.serves is serves for each in self._residents)
        name = name or (word if serves and count == 1 else f"{word} {count}")
        check_name(name)
        if any(each.name == name for each in self._residents):
            message = f"another peer is called {name!r}; choose another name"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        number = len(self._residents)
        resident = Resident(number, name, serves=serves)
        engine = SimulatedEngine(self._ether, number, resident.stir)
        chance = self._chance.branch(_OF_PEERS, number)
        peer = kind(self._ether, engine, chance, envelope, name)
        for setting, value in settings.items():
            give(peer, word, setting, value)
        resident.move_in(peer, engine, self._stirred, settings)
        self._ether.add()
        self._residents.append(resident)
        return peer

    def attach(self, api: ApiT) -> ApiT:
        """Poll an API instead of its peer, and return it.

        Args:
            api: a ``SceneMultiplayer`` or the like, whose ``multiplayer_peer`` is one of this
                network. Its dialect lets traces say what its packets mean.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: its peer is of another network, or none.
        """
        peer = getattr(api, "multiplayer_peer", None)
        if not isinstance(peer, SimulatedPeer):
            message = f"the peer of {api!r} is {peer!r}; set one of this network first"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self.resident(peer).attach(api)
        return api

    def resident(self, peer: SimulatedPeer) -> Resident:
        """Return what the network knows of a peer.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network.
        """
        number = getattr(peer, "number", -1)
        if 0 <= number < len(self._residents) and self._residents[number].peer is peer:
            return self._residents[number]
        message = f"{peer!r} is not a peer of this network; use one that it has created"
        if hasattr(peer, "multiplayer_peer"):
            message = f"{peer!r} is an API, and not a peer; give its multiplayer_peer"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def server_at(self, port: int) -> SimulatedServer | None:
        """Return the server that listens at a port; None if there is none."""
        engine = self._ether.listeners.get(port)
        peer = None if engine is None else self._residents[engine.number].peer
        return peer if isinstance(peer, SimulatedServer) else None

    def _residents_here(self) -> list[Resident]:
        return self._residents

    def _make_again(self, before: Resident) -> SimulatedPeer:
        """Return a new peer in the place of one whose process has gone."""
        start, old = before.generation + 1, before.peer
        bare, taken = before.name, {each.name for each in self._residents}
        if before.generation > 1:
            bare = bare.rpartition(" (")[0]
        name = next(
            name for count in itertools.count(start) if (name := f"{bare} ({count})") not in taken
        )
        if isinstance(old, SimulatedServer):
            peer = self._add(SimulatedServer, old.envelope, name, before.settings)
        else:
            peer = self._add(SimulatedClient, old.envelope, name, before.settings)
        after = self._residents[-1]
        after.generation, after.port = before.generation + 1, before.port
        after.server = before.server
        before.successor = after
        self._ether.move(before.number, after.number)
        if isinstance(peer, SimulatedServer):
            peer.listen(before.port)
        elif before.server is not None:
            peer.connect_to_server(before.server.port)
        return peer

    @property
    def peers(self) -> list[SimulatedPeer]:
        """All peers, in the order in which they were made."""
        return [each.peer for each in self._residents]

    # ---------------------------------------------------------------- time

    @property
    def now(self) -> float:
        """The time in seconds, 0 at first; whole microseconds while it stands still."""
        return self._ether.seconds

    def follow(self, clock: Callable[[], float] | None) -> None:
        """Have the time of a clock from now on, as trio's; see ``VirtualTime.follow``.

        Whoever drives the peers is woken when something arrives for them.
        """
        self._ether.go_to(self.now)
        super().follow(clock)
        self._ether.clock = clock

    def poll(self) -> None:
        """Poll every peer once that is not paused, in the order in which they were made."""
        for resident in self._residents:
            if resident.runs:
                resident.take_turn()

    def flush(self) -> None:
        """Have every peer that is not paused send what was put since its last poll."""
        for resident in self._residents:
            if resident.runs:
                resident.peer.flush()

    def settle(self) -> None:
        """Let time pass until no packet is under way any more, and all that came is handled.

        Timers are not waited for: no heartbeat, no timeout; those that come while packets are
        under way happen. What a fault holds back is not waited for either.

        Raises:
            MultiplayerError: ``ERR_TIMEOUT``: packets are under way all the time, as between peers
                that answer whatever comes, or a game that sends at each tick, as ``replicated()``
                properties with the mode ``"always"`` do: use :meth:`advance` or :meth:`run_until`
                there; ``ERR_UNAVAILABLE``: the network follows a clock.
        """
        self._require_own_time("settle")
        self._look_at_all()
        self._calm()
        for _ in range(self.most_steps):
            if self._ether.arrival == math.inf:
                return
            self._go_to(max(self._due(), self.now))
            self._calm()
        message = (
            f"the network does not settle: after {self.most_steps} steps, at {self.now:g} s, "
            f"something is still under way: {self._under_way()}. What sends at every tick, as "
            "properties that are always sent do, never settles: use advance() or run_until()"
        )
        raise MultiplayerError(Error.ERR_TIMEOUT, message)

    def _go_to(self, time: float) -> None:
        self._ether.go_to(time)

    def _stir(self) -> None:
        stirred = self._stirred
        if self._ether.due <= self.now:  # a fault that begins at once
            self._ether.go_to(self.now)
        if self._until_due <= self.now:
            for resident in self._residents:
                if resident.due <= self.now:
                    stirred[resident] = None
        if not stirred:
            return
        for resident in sorted(stirred, key=_number_of):
            del stirred[resident]
            if resident.runs:
                resident.poll()

    def _look_at_all(self) -> None:
        self._stirred.update(dict.fromkeys(self._residents))

    @property
    def _until_due(self) -> float:
        return min((each.due for each in self._residents if each.runs), default=math.inf)

    def _due(self) -> float:
        if any(resident.runs for resident in self._stirred):
            return -math.inf
        return min(self._until_due, self._ether.due)

    def _under_way(self) -> str:
        flights = sorted(self._ether.moving())
        reader = self._names
        shown = [
            f"#{each.serial} from {reader(each.sender)} to {reader(each.pipe.way.receiver)}"
            for each in flights[:5]
        ]
        more = f" and {len(flights) - 5} more" if len(flights) > 5 else ""
        held = sum(len(way.waiting) for way in self._ether.ways.values())
        rest = f"; {held} held back by faults" if held else ""
        return (", ".join(shown) + more or "no packet") + rest

    def _names(self, number: int) -> str:
        return self._residents[number].name

    # ---------------------------------------------------------------- what happened

    def trace(self) -> Trace:
        """Return what has happened until now.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: the network was made with ``trace=False``.
        """
        if self._log is None:
            message = "this network keeps no trace; make it with trace=True"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        peers = [
            PeerInfo(each.name, each.serves, each.peer.envelope, each.dialect, each.methods())
            for each in self._residents
        ]
        return Trace(self.seed, peers, self._log.finished())

    def story(self, last: int = _STORY) -> str:
        """Return what a failed test prints: the seed, the faults, and the end of the chart.

        Args:
            last: how many events of the chart.
        """
        lines = [f"seed {self.seed}, at {self.now:.6f} s", f"faults: {self._schedule_text()}"]
        if self._log is not None:
            lines.append(self.trace().chart(last))
        return "\n".join(lines)


def _number_of(resident: Resident) -> int:
    return resident.number
