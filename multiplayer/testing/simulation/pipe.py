"""Ways and pipes: a way is one direction between two peers, a pipe that of one connection."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from .frames import HEAD_SIZE, split
from .link_model import LinkModel
from .presets import check_conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .chance import Chance
    from .conditions import Conditions
    from .simulated_channel import SimulatedChannel

_REMEMBERED: Final = 64
"""How many unreliable packets a way remembers, for a late replay."""


class Flight(NamedTuple):
    """A frame under way.

    Those that arrive at one instant do so in the order of their senders' numbers, then of their
    own; nothing behind ``copy`` is ever compared.
    """

    time: int
    sender: int
    serial: int
    copy: int
    pipe: Pipe
    kind: int
    content: bytes
    size: int


class Transport(Protocol):
    """What carries frames: the ether.

    Attributes:
        now: the time in microseconds.
    """

    now: int

    def soon(self, action: Callable[[], object]) -> None:
        """Do something a microsecond later."""

    def send(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        """Put a frame on its way."""


class Station(Protocol):
    """An engine, as pipes and the ether know it.

    Attributes:
        number: the number of its peer.
        address: what others see as its address.
        gone: its process is.
    """

    number: int
    address: str
    gone: bool

    def deliver(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        """Take a frame that has arrived."""

    def wake(self) -> None:
        """Tell whoever waits for the peer that something will arrive."""

    def has_room(self, channel: SimulatedChannel) -> None:
        """Note that a pipe takes more that was full."""


class Way:
    """One direction between a client and its server, whatever connection there is.

    Args:
        sender: the number of who sends.
        receiver: of who receives.
        conditions: the conditions at first.
        chance: a stream of its own.

    Attributes:
        model: says when packets arrive.
        cut: there is a partition.
        held: what arrives waits for the release.
        waiting: what waits for that, or for the end of the partition.
        late_until: until when reliable packets wait for those that are sent again.
        recent: the last unreliable packets that have arrived.
    """

    __slots__ = ("cut", "held", "late_until", "model", "receiver", "recent", "sender", "waiting")

    def __init__(self, sender: int, receiver: int, conditions: Conditions, chance: Chance) -> None:
        self.sender = sender
        self.receiver = receiver
        self.model = LinkModel(conditions, chance)
        self.cut = False
        self.held = False
        self.waiting: list[Flight] = []
        self.late_until = 0
        self.recent: deque[Flight] = deque(maxlen=_REMEMBERED)

    @property
    def conditions(self) -> Conditions:
        """The conditions; new ones, or a preset's name, apply to what is put from then on.

        Raises (when they are set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: they are none; ``ERR_DOES_NOT_EXIST``:
                there is no such preset.
        """
        return self.model.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions | str) -> None:
        self.model.conditions = check_conditions(conditions)


class Pipe:
    """One direction of one connection.

    What its receiver reads makes room for its sender a microsecond later: so it does not matter who
    of the two has acted first at one instant.

    Args:
        way: where it leads.
        transport: carries its frames.
        source: whence it leads.

    Attributes:
        way: see above.
        source: see above.
        origin: the sending channel, once there is one.
        target: where it leads; None if nobody is there.
        channel: the receiving channel, once there is one.
        back: the other direction.
        under_way: how many bytes were put and not read.
        last_ordered: the serial of the last unreliable_ordered packet that has arrived.
        is_open: the receiver has not let go of it, and nothing swallows what is put.
    """

    __slots__ = (
        "_freed",
        "_freed_at",
        "_transport",
        "back",
        "channel",
        "full",
        "is_open",
        "last_ordered",
        "origin",
        "source",
        "target",
        "under_way",
        "way",
    )

    def __init__(self, way: Way, transport: Transport, source: Station, target: Station) -> None:
        self.way = way
        self._transport = transport
        self.source = source
        self.target = target
        self.origin: SimulatedChannel | None = None
        self.channel: SimulatedChannel | None = None
        self.back: Pipe | None = None
        self.under_way = 0
        self._freed = 0  # how much of that was read at the instant `_freed_at`
        self._freed_at = 0
        self.full = False
        self.last_ordered = 0
        self.is_open = True

    def put(self, pieces: list[bytes | memoryview]) -> int:
        """Take whole frames while there is room; return how many bytes were taken."""
        transport = self._transport
        most, taken = self.way.model.conditions.buffer, 0
        send = transport.send
        if self._freed and transport.now > self._freed_at:
            self.under_way -= self._freed
            self._freed = 0
        for kind, content in split(pieces):
            size = HEAD_SIZE + len(content)
            if self.under_way and self.under_way + size > most:
                self.full = True
                if self._freed:
                    transport.soon(self._tell_room)
                break
            taken += size
            self.under_way += size
            send(self, kind, content, size)
        return taken

    def put_one(self, kind: int, content: bytes = b"") -> None:
        """Take a frame, whether there is room or not: the system itself says something."""
        size = HEAD_SIZE + len(content)
        self.under_way += size
        self._transport.send(self, kind, content, size)

    def read(self, size: int) -> None:
        """Note that so many bytes are not under way any more."""
        now = self._transport.now
        if now > self._freed_at:
            self.under_way -= self._freed
            self._freed, self._freed_at = 0, now
        self._freed += size
        if self.full:
            self._transport.soon(self._tell_room)

    def _tell_room(self) -> None:
        if self.full:
            self.full = False
            if self.origin is not None:
                self.source.has_room(self.origin)

    def vanish(self, size: int) -> None:
        """Note that so many bytes have got nowhere, if they still count."""
        self.read(min(size, self.under_way - self._freed))

    def close(self) -> None:
        """Swallow what arrives from now on."""
        self.is_open = False
        self.read(self.under_way - self._freed)
