"""What is kept in memory of what is replicated: of nodes, of synchronizers, and of each peer."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from multiplayer.errors import Error, MultiplayerError

from .config import ReplicationMode
from .marking import UNKNOWN, Marking
from .properties import Properties
from .watch import Received, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .budget import Budget
    from .config import SceneReplicationConfig
    from .spawner import MultiplayerSpawner
    from .synchronizer import MultiplayerSynchronizer

_ALWAYS = ReplicationMode.REPLICATION_MODE_ALWAYS
_ON_CHANGE = ReplicationMode.REPLICATION_MODE_ON_CHANGE
_TIMES: Final = 0xFFFF


class Tracked:
    """A node that has been spawned, or whose properties are synchronized.

    A node that is spawned again has another one.

    Attributes:
        node: the node; any object whose properties are synchronized.
        spawner: which has spawned it, here or by order of a peer; None if none has.
        scene: its place in the spawner's list of scenes; None for ``spawn_function``.
        data: what ``spawn_function`` was given.
        sources: its synchronizers, in order of entering the tree.
        number: its number in packets; 0 for none.
        origin: the peer that spawned it; 0 if this program did.
        shown: this program has spawned it, and it has been ready.
        failed: it was never ready, so that no peer has it.
        fault: why its SPAWN could not be written, as it was reported; "" if it could.
    """

    __slots__ = (
        "data",
        "failed",
        "fault",
        "node",
        "number",
        "origin",
        "scene",
        "shown",
        "sources",
        "spawner",
    )

    def __init__(self, node: object) -> None:
        self.node: Any = node
        self.spawner: MultiplayerSpawner | None = None
        self.scene: int | None = None
        self.data: object = None
        self.sources: dict[Source, None] = {}
        self.number = 0
        self.origin = 0
        self.shown = False
        self.failed = False
        self.fault = ""


_NONE = Properties(())
_NO_STEP: Final[tuple[int, tuple[int, ...], bytes]] = 0, (-1,), b""


class Source:
    """A synchronizer in the tree, and its properties.

    Attributes:
        synchronizer: the node.
        root: the object that has the properties.
        tracked: the same with what is known of it.
        number: its number in packets of spawns; 0 for none.
        by_path: it is known to others by its path, not by its number.
        path_id: the id of its path, if it is.
        feeds: the peers that see it, if this program is its authority.
        always, watched, spawned: the properties that are sent always, on change, and in a spawn.
        watches: what each of the watched was at the last look.
        versions: how often each had changed then.
        deltas: what was encoded for peers that have other versions, by its id and those.
        step: the last of these: the id, the versions, and what was encoded.
        seen: the watched values at the last look, if none of them can change; None if some can.
        looked: when a change was found last, in seconds of the peer's clock.
        due: what has changed may be sent at this tick, as far as ``delta_interval`` goes.
        element: what it says in the SYNC of the present tick; b"" for nothing.
        tick: the tick for which that was made.
        slot: its place among those of all that are seen; -1 if it has none.
        interval, delta_interval: those of the synchronizer; see ``Lineup``.
        sent_at: when it last said something in a SYNC.
        heard: whose session the last SYNC that was taken is of, and its time; None if none was.
        learned: whose number for it this program has from a SPAWN, and which; None if nobody's.
        faults: what was reported lately, so that it is reported once.
        always_marking, watched_marking: whether those properties have been set since.
        state: the encoded values of those that are always sent.
        state_count: which count of the marking that is for; likewise ``looked_count``.
        bases: the lists and dictionaries that came last for watched properties, by their places.
        odd: it was said that a value of another type came, or none can be told.
        asked: all of it was asked for again, and has not come yet.
    """

    __slots__ = (
        "_config",
        "_version",
        "always",
        "always_marking",
        "asked",
        "bases",
        "by_path",
        "delta_interval",
        "deltas",
        "due",
        "element",
        "faults",
        "feeds",
        "heard",
        "interval",
        "learned",
        "looked",
        "looked_count",
        "number",
        "odd",
        "path_id",
        "root",
        "seen",
        "sent_at",
        "slot",
        "spawned",
        "state",
        "state_count",
        "step",
        "synchronizer",
        "tick",
        "tracked",
        "versions",
        "watched",
        "watched_marking",
        "watches",
    )

    def __init__(
        self, synchronizer: MultiplayerSynchronizer, root: object, tracked: Tracked
    ) -> None:
        self.synchronizer = synchronizer
        self.root = root
        self.tracked = tracked
        self.number = 0
        self.by_path = False
        self.path_id = 0
        self.feeds: dict[Feed, None] = {}
        self._config: SceneReplicationConfig | None = None
        self._version = -1
        self.always = self.watched = self.spawned = _NONE
        self.watches: tuple[Watch, ...] = ()
        self.seen: Sequence[object] | None = None
        self.versions: tuple[int, ...] = ()
        self.deltas: dict[tuple[int, tuple[int, ...]], bytes] = {}
        self.step = _NO_STEP
        self.element = b""
        self.tick = self.slot = -1
        self.interval = self.delta_interval = 0.0
        self.sent_at = self.looked = float("-inf")
        self.due = True
        self.heard: tuple[object, int] | None = None
        self.learned: tuple[Feed, int] | None = None
        self.faults: set[str] = set()
        self.bases: dict[int, Received] = {}
        self.asked = False
        self.odd = False
        self.always_marking = self.watched_marking = Marking(root, None)
        self.state = b""
        self.state_count = self.looked_count = UNKNOWN

    def begin_session(self) -> None:
        """Forget what only the last session knew: numbers, and what was encoded with them."""
        self.number, self.by_path, self.path_id = 0, False, 0
        self.feeds = {}
        self.forget_deltas()
        self.tick, self.slot, self.element = -1, -1, b""
        self.heard = None

    def is_current(self) -> bool:
        """Return whether :meth:`refresh` has nothing to do."""
        config = self._config
        if self.synchronizer.replication_config is not config:
            return False
        return config is None or config.changes() == self._version

    def refresh(self, *, by_element: bool) -> None:
        """Find out about the properties anew, since the configuration has changed.

        Args:
            by_element: whether changes inside of lists and dictionaries can be sent.
        """
        config = self.synchronizer.replication_config
        properties = [] if config is None else config.properties()
        self.always = Properties([each.path for each in properties if each.mode == _ALWAYS])
        self.watched = Properties([each.path for each in properties if each.mode == _ON_CHANGE])
        self.spawned = Properties([each.path for each in properties if each.spawn])
        self.watches = tuple(Watch(by_element=by_element) for _ in self.watched.paths)
        self.versions = ()
        self.seen = None
        self.forget_deltas()
        self.bases = {}
        self.end()
        self.always_marking = Marking(self.root, self.always.names)
        self.watched_marking = Marking(self.root, self.watched.names)
        self.state_count = self.looked_count = UNKNOWN
        self._config, self._version = config, -1 if config is None else config.changes()

    def forget_deltas(self) -> None:
        """Encode anew what peers lack: it is something else now."""
        self.deltas = {}
        self.step = _NO_STEP

    def end(self) -> None:
        """Note that the synchronizer is not in the tree any more."""
        self.always_marking.end()
        self.watched_marking.end()

    def require_config(self) -> None:
        """Raise unless the synchronizer has a configuration.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``.
        """
        if self.synchronizer.replication_config is None:
            message = f"{self.synchronizer!r} has no replication_config; set one"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)


class View:
    """Synchronizers whose elements some peers are sent, in order.

    Attributes:
        sources: the synchronizers.
        members: the place of each.
        get: takes their elements out of those of all, by their slots; None for fewer than two.
        feeds: how many peers see just these, in this order.
        tick: the tick for which :attr:`bodies` was made.
        bodies: the elements of that tick, cut into packets.
    """

    __slots__ = ("bodies", "feeds", "get", "members", "sources", "tick")

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources
        self.members = {source: place for place, source in enumerate(sources)}
        self.get: Callable[[list[bytes]], tuple[bytes, ...]] | None = None
        if len(sources) > 1:  # else it returns no tuple
            self.get = itemgetter(*[source.slot for source in sources])
        self.feeds = 0
        self.tick = -1
        self.bodies: list[bytes] = []


class Feed:
    """One peer.

    Attributes:
        peer: its id.
        here: it is in the session.
        visit: stands for its time in the session, from joining to leaving.
        spawned: the nodes whose SPAWN was given to the peer below, in order, and their numbers.
        failed: what should have been spawned, and could not be written.
        tries_at: when that is tried again, in seconds of the peer's clock.
        queue: what is to be spawned (True) or despawned (False) once there is room, in order.
        visible: the synchronizers that the peer may see, in order.
        listed: those of them whose numbers the peer has from a SPAWN.
        awaited: those that wait until the peer confirms a path id.
        view: those that can be sent now; None if that is to be found out.
        time: that of the last SYNC.
        waiting: how many bytes waited to be sent when the present tick began.
        given: how many bytes of reliable packets it has got at this tick.
        behind: the synchronizers that owe the peer a delta.
        odd: what it lacks is not just what the last look for changes has found.
        lags: it will not be told of something that it lacks, since that cannot be written.
        budget: what is to be sent, if there is not room for all at each tick: synchronizers, and
            whether it is their delta.
        budgeted: the view whose synchronizers take part in that.
        sent: the versions that the peer has of each.
        received: the nodes that the peer has spawned here, by its numbers.
        heard: the synchronizers that the peer has listed, by its numbers.
        wanted: the ids of those that it has asked for again since the last tick.
        copied: how many elements were copied since then, to apply changes that it has sent.
        to_ask: those that it is to be asked for again, by its ids, once there is room.
    """

    __slots__ = (
        "awaited",
        "behind",
        "budget",
        "budgeted",
        "copied",
        "failed",
        "given",
        "heard",
        "here",
        "lags",
        "listed",
        "odd",
        "peer",
        "queue",
        "received",
        "sent",
        "spawned",
        "time",
        "to_ask",
        "tries_at",
        "view",
        "visible",
        "visit",
        "waiting",
        "wanted",
    )

    def __init__(self, peer: int) -> None:
        self.peer = peer
        self.visit = object()  # refers to nothing: who keeps it keeps nothing of the peer
        self.waiting = 0
        self.given = 0
        self.here = True
        self.spawned: dict[Tracked, int] = {}
        self.failed: dict[Tracked, None] = {}
        self.tries_at = 0.0
        self.queue: dict[Tracked, bool] = {}
        self.visible: dict[Source, None] = {}
        self.listed: dict[Source, None] = {}
        self.awaited: dict[int, Source] = {}
        self.view: View | None = None
        self.time = 0
        self.behind: dict[Source, None] = {}
        self.odd = True
        self.lags = False
        self.budget: Budget[tuple[Source, bool]] | None = None
        self.budgeted: View | None = None
        self.sent: dict[Source, tuple[int, ...]] = {}
        self.received: dict[int, Tracked] = {}
        self.heard: dict[int, Source] = {}
        self.wanted: set[int] = set()
        self.copied = 0
        self.to_ask: dict[int, Source] = {}

    def next_time(self) -> int:
        """Count a tick in which the peer may see something."""
        self.time = (self.time + 1) & _TIMES
        return self.time

    def show(self, source: Source) -> None:
        """Note that the peer may see a synchronizer now."""
        source.feeds[self] = None
        self.owe_all(source)
        self.visible[source] = None  # last: after an interrupt it is done again

    def owe(self, source: Source) -> None:
        """Note that something of a synchronizer has changed."""
        if self.budget is not None:  # first: an interrupt must not leave it out
            self.budget.add((source, True))
        self.behind[source] = None

    def owe_all(self, source: Source) -> None:
        """Note that the peer is to get all of a synchronizer again."""
        self.odd = True  # first, as in owe()
        self.sent.pop(source, None)
        self.owe(source)

    def hide(self, source: Source) -> None:
        """Note that the peer may not see a synchronizer any more."""
        self.visible.pop(source, None)
        self.behind.pop(source, None)
        self.sent.pop(source, None)
        source.feeds.pop(self, None)
