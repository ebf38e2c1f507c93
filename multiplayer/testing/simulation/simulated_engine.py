"""``SimulatedEngine``: moves the frames of one peer's connections through the ether."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from multiplayer.endpoint.engine import Written
from multiplayer.endpoint.failure import Failure
from multiplayer.errors import Error, MultiplayerError

from .frames import Kind
from .link_model import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from multiplayer.endpoint.engine import Engine, Host
    from multiplayer.endpoint.peer_channel import PeerChannel

    from .ether import Ether
    from .pipe import Pipe
    from .simulated_channel import SimulatedChannel

_CALMLY: Final = Written.CALMLY
_NOTHING: Final = Written.NOTHING
_VERSION: Final = 1  # of docs/protocol/gdpeers.md
_FIRST_PORT: Final = 49152


class SimulatedEngine:
    """The engine of one peer; see ``Engine``.

    Args:
        ether: what carries the frames.
        number: the peer's.
        on_stir: called when a poll has something to do.

    Attributes:
        number: see above.
        address: what others see as the peer's address.
        gone: its process is: nothing is sent or taken any more.
        rate: how many bytes it reads a second at most; None for any.
    """

    inherited = False

    def __init__(self, ether: Ether, number: int, on_stir: Callable[[], None]) -> None:
        self._ether = ether
        self.number = number
        self._on_stir = on_stir
        self.address = f"10.0.{number >> 8}.{number & 255}"
        self.gone = False
        self._pipes: dict[SimulatedChannel, Pipe] = {}
        self._stirred: dict[SimulatedChannel, None] = {}
        self._writable: dict[SimulatedChannel, None] = {}
        self._knocking: deque[tuple[Pipe, deque[tuple[int, bytes, int]]]] = deque()
        self._port = 0
        self.rate: int | None = None
        self._unread: deque[tuple[Pipe, int, bytes, int]] = deque()  # while it reads slowly
        self._reads_on = 0  # when it reads the next of these, in microseconds

    def begin(self, host: Host[PeerChannel]) -> None:
        """Work for an endpoint."""
        self._host = host

    # ---------------------------------------------------------------- who is there

    @property
    def channels(self) -> list[PeerChannel]:
        """All that have been connected or accepted, and not dropped."""
        return [*self._pipes]

    @property
    def idle(self) -> bool:
        """Whether it neither listens nor has channels."""
        return not (self._port or self._pipes)

    @property
    def local_port(self) -> int:
        """The port that it listens at; 0 if it does not."""
        return self._port

    def listen(self, host: str, port: int) -> None:
        """Accept connections.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the port is taken.
        """
        del host
        self._port = self._ether.listen(port, self)

    def stop_listening(self) -> None:
        """Accept no more; channels stay."""
        if self._port:
            del self._ether.listeners[self._port]
            self._port = 0

    def connect(self, host: str, port: int, channel: PeerChannel) -> None:
        """Connect a channel to the server at a port."""
        mine = cast("SimulatedChannel", channel)
        pipe = self._ether.dial(self, port, mine)
        if pipe is None:
            failure = Failure("tcp", f"nobody listens at port {port} of this network")
            self._host.failures.append((channel, failure))
            return
        mine.connected(host, port, self._ether.seconds)
        self._pipes[mine] = pipe
        mine.say_hello(_VERSION)

    def take(self, channel: PeerChannel, other: Engine[PeerChannel]) -> NoReturn:
        """Raise: in a simulated network a connection stays where it is.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``.
        """
        del channel, other
        message = "connections of a simulated network are not handed over; use a MemoryNetwork"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def obstacle(self, channel: PeerChannel) -> str:
        """Return what keeps a channel from connecting: nothing special."""
        del channel
        return ""

    # ---------------------------------------------------------------- what comes

    def deliver(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        """Take a frame that has arrived (called by the ether)."""
        if self.rate is not None or self._unread:
            self._unread.append((pipe, kind, content, size))
            self._on_stir()
        else:
            self._take(pipe, kind, content, size)

    def _take(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        channel = pipe.channel
        if channel is None:
            self._be_knocked_at(pipe, kind, content, size)
            return
        channel.arrived.append((kind, content, size))
        self._stirred[channel] = None
        self._on_stir()

    def _be_knocked_at(self, pipe: Pipe, kind: int, content: bytes, size: int) -> None:
        for knocking, arrived in self._knocking:
            if knocking is pipe:
                arrived.append((kind, content, size))
                return
        self._knocking.append((pipe, deque([(kind, content, size)])))
        self._on_stir()

    def has_room(self, channel: SimulatedChannel) -> None:
        """Note that a pipe takes more that was full (called by the pipe)."""
        if channel in self._pipes:
            self._writable[channel] = None
            self._on_stir()

    def wake(self) -> None:
        """Tell whoever waits for the peer that something will arrive (called by the ether)."""
        self._on_stir()

    def serve(self, now: float) -> None:
        """Accept, read what has arrived, and have those written to that have room."""
        self._ether.catch_up()
        if self._unread:
            self._read_slowly()
        while self._knocking:
            self._accept(now)
        host = self._host
        if self._stirred:
            stirred, self._stirred = self._stirred, {}
            for channel in stirred:
                if channel in self._pipes:
                    host.at_work = channel
                    channel.receive(b"", now, host.slice)
                    host.at_work = None
        if self._writable:
            writable, self._writable = self._writable, {}
            for channel in writable:
                if channel in self._pipes:
                    host.write(channel)

    def _accept(self, now: float) -> None:
        up, arrived = self._knocking[0]
        down = up.back
        assert down is not None
        if not self._port:
            self._knocking.popleft()
            up.close()
            down.put_one(Kind.END)
            return
        host = self._host
        channel = cast("SimulatedChannel", host.begin_accepting(now))
        self._knocking.popleft()
        up.channel = down.origin = channel
        channel.incoming = up
        channel.arrived.extend(arrived)
        self._pipes[channel] = down
        self._stirred[channel] = None
        dialler = up.source
        channel.connected(dialler.address, _FIRST_PORT + dialler.number, now)
        host.accepted(channel, now)

    def _read_slowly(self) -> None:
        now = self._ether.now
        if self.rate is None:
            self._reads_on = 0
        while self._unread and self._reads_on <= now and self.rate != 0:
            pipe, kind, content, size = self._unread.popleft()
            if self.rate is not None:
                self._reads_on = max(self._reads_on, now) + max(size, 1) * SECOND // self.rate
            self._take(pipe, kind, content, size)

    # ---------------------------------------------------------------- what leaves

    def write(self, channel: PeerChannel) -> Written:
        """Write what a channel has to send, as far as it is taken."""
        pipe = self._pipes.get(cast("SimulatedChannel", channel))
        if pipe is None or self.gone:
            return _NOTHING
        while pieces := channel.to_send():
            taken = pipe.put(pieces)
            if not (channel.sent(taken) and not pipe.full):
                break
        return _CALMLY

    def write_pieces(self, channel: PeerChannel, pieces: list[bytes | memoryview]) -> int:
        """Write this, past what the channel has to send; return how many bytes were taken."""
        pipe = self._pipes.get(cast("SimulatedChannel", channel))
        return 0 if pipe is None or self.gone else pipe.put(pieces)

    def watch(self, channel: PeerChannel) -> None:
        """See again whether a channel takes what has arrived."""
        mine = cast("SimulatedChannel", channel)
        if mine.arrived and mine.reads and mine in self._pipes:
            self._stirred[mine] = None
            self._on_stir()

    def shut(self, channel: PeerChannel) -> None:
        """Do nothing: there is no end of one direction alone."""

    def farewell(self, channel: PeerChannel) -> None:
        """Write what is taken of what a channel has to send last."""
        self.write(channel)

    def drop(self, channel: PeerChannel) -> None:
        """Forget a channel; the other side is told."""
        mine = cast("SimulatedChannel", channel)
        pipe = self._pipes.pop(mine, None)
        self._stirred.pop(mine, None)
        self._writable.pop(mine, None)
        if mine.incoming is not None:
            mine.incoming.close()
        if pipe is not None and not self.gone:
            pipe.put_one(Kind.END)

    def set_no_delay(self, channel: PeerChannel, *, enabled: bool) -> None:
        """Do nothing: nothing is gathered."""

    # ---------------------------------------------------------------- waiting

    def next_deadline(self) -> float:
        """Return when :meth:`serve` has something to do of its own accord; infinity for never."""
        if self._stirred or self._writable or self._knocking:
            return -math.inf
        due = math.inf
        if self._unread and self.rate != 0:
            due = self._reads_on / SECOND
        if self._ether.clock is not None:
            due = min(due, self._ether.due)
        return due

    def fileno(self) -> int | None:
        """Return None: nothing outside of this process can wait for it."""
        return None

    def watched(self) -> Iterator[tuple[int, int]]:
        """Yield nothing, for the same reason."""
        return iter(())

    # ---------------------------------------------------------------- the end

    def vanish(self, *, silently: bool) -> None:
        """Be gone: nothing is sent or taken any more.

        Args:
            silently: nobody is told, as when the power fails; else the system says that the
                connections are over.
        """
        self.gone = True
        for channel, pipe in self._pipes.items():
            if not silently:
                pipe.put_one(Kind.END)
            if channel.incoming is not None:
                channel.incoming.close()

    def fall_silent(self) -> None:
        """Let what its connections carry vanish, both ways, and tell nobody."""
        for channel, pipe in self._pipes.items():
            pipe.close()
            if channel.incoming is not None:
                channel.incoming.close()

    def take_over(self) -> None:
        """Do nothing: a child of a fork has a network of its own."""

    def recover(self) -> None:
        """Look at everybody after an interrupt."""
        self._stirred = dict.fromkeys(self._pipes)
        self._writable = dict.fromkeys(self._pipes)

    def resume(self) -> None:
        """Do nothing: all were looked at."""

    def rest(self) -> None:
        """Do nothing: it has nothing of the system's."""
