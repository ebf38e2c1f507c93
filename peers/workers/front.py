"""``Front``: starts the workers, knows which has which room, and sees that there are enough."""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING, Final

import trio

from multiplayer.errors import DecodeError
from multiplayer.rooms.placement import Facts, Placement
from multiplayer.rooms.snapshot import unpack
from multiplayer.rooms.supervision import Gone, Kill, Serve, Start, State, Supervision
from multiplayer.support.log_error import describe_error
from multiplayer.support.log_text import one_line

from . import messages
from .failovers import Failovers
from .live_worker import CannotStart, LiveWorker
from .messages import MOVED
from .pipe import CAN_PASS_SOCKETS
from .processes import start

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from multiplayer.rooms.placement import PlacedRoom

    from .messages import Message

_log = logging.getLogger("peers.workers.front")

_LAST_WORDS: Final = 0.02
"""How long to read what a dead worker has said last, in seconds."""

DRAIN: Final = 10.0
"""Over how many seconds connections are closed when all of it ends."""

_SECRET_BYTES: Final = 32

_OVERTIME: Final = 10.0
"""How much longer than it was told to a worker may take for its end, in seconds."""


def _end(take: messages.Take, sock: socket.socket) -> None:
    del take
    sock.close()


class Front:
    """The workers of one port, and their rooms.

    Args:
        command: what starts a worker; see :mod:`~peers.workers.processes`.
        workers: how many are to serve.
        placement: the rooms.
        supervision: who serves; None for one with its own defaults.
        passes: sockets are passed to workers; otherwise bytes are.
        secret: what seats' tokens are signed with, the same in all workers.

    Attributes:
        placement: see above.
        secret: see above.
        kinds: how many players a room of each kind takes, once a worker has been ready.
        left_over: takes a connection whose worker has died before it took it.
        listeners: called with ``"opened"``, ``"changed"``, ``"moved"`` (to another worker, which
            is going to restore it) or ``"closed"``, and the room.
        kept: of a front that has ended, what is left of the rooms that were open, by code.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        *,
        placement: Placement | None = None,
        supervision: Supervision | None = None,
        passes: bool = CAN_PASS_SOCKETS,
        secret: bytes | None = None,
    ) -> None:
        self._command = command
        self._supervision = supervision or Supervision(workers)
        self._passes = passes and CAN_PASS_SOCKETS
        self.secret = secret or secrets.token_bytes(_SECRET_BYTES)
        self._live: dict[int, LiveWorker] = {}
        self._nursery: trio.Nursery | None = None
        self._changed = trio.Event()
        self._recheck = trio.Event()
        self._draining: float | None = None
        self._failovers = Failovers()
        self._failure: CannotStart | None = None
        self.placement = placement or Placement()
        self.kinds: dict[str, int] = {}
        self.left_over: Callable[[messages.Take, socket.socket], object] = _end
        self.listeners: list[Callable[[str, PlacedRoom], object]] = []
        self.kept: dict[str, bytes] = {}

    # ---------------------------------------------------------------- for connections

    def worker_of(self, room: PlacedRoom) -> LiveWorker | None:
        """Return who has a room, if it can be spoken to."""
        worker = None if room.worker is None else self._live.get(room.worker)
        return None if worker is None or worker.condemned else worker

    @property
    def draining(self) -> bool:
        """Whether it is about to end, and takes nobody any more."""
        return self._draining is not None

    @property
    def has_spare(self) -> bool:
        """Whether a worker waits to take the place of one that dies."""
        return self._supervision.has_spare

    @property
    def serves(self) -> bool:
        """Whether there is a worker that takes rooms."""
        return bool(self.placement.workers)

    async def change(self) -> None:
        """Wait until something has changed that connections may have waited for."""
        await self._changed.wait()

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def create(
        self,
        kind: str,
        code: str,
        *,
        options: Mapping[str, str] | None = None,
        creator: str = "",
        private: bool = False,
        owner: int = 0,
        metadata: Mapping[str, object] | None = None,
    ) -> PlacedRoom | None:
        """Have a room opened; None if no worker is there for it, or there are too many.

        What is sent to its worker from now on, sockets included, comes after that.
        """
        placement = self.placement
        if code in placement.rooms or not placement.may_create(creator):
            return None
        room = placement.create(kind, code, creator=creator, options=options, private=private)
        worker = None if room is None else self.worker_of(room)
        if room is None or worker is None:
            return None
        told = messages.Open(kind, code, dict(options or {}), private, owner, dict(metadata or {}))
        worker.pipe.send(told)
        room.facts = room.facts._replace(
            capacity=self.kinds.get(kind, 0), owner=owner, metadata=dict(metadata or {})
        )
        self._emit("opened", room)
        return room

    def tell(self, room: PlacedRoom, message: Message) -> bool:
        """Say something to the worker of a room; return whether there is one."""
        worker = self.worker_of(room)
        if worker is not None:
            worker.pipe.send(message)
        return worker is not None

    # ---------------------------------------------------------------- all of it

    async def run(self) -> None:
        """Keep the workers alive, until :meth:`drain` has ended them.

        Raises:
            CannotStart: a worker ended before any of them was ever ready.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._supervision.begin(trio.current_time())
            try:
                self._carry_out()
                await self._watch()
            finally:
                for worker in self._live.values():
                    worker.process.kill()
                nursery.cancel_scope.cancel()
        for code, room in self.placement.rooms.items():  # those of workers that took too long
            if room.snapshot is not None:
                self.kept.setdefault(code, room.snapshot)
        if self._failure is not None:
            raise self._failure

    def take_in(self, snapshots: Iterable[bytes]) -> int:
        """Go on with rooms that were kept, as soon as there are workers; return how many.

        What is not a snapshot is left out, and logged.
        """
        count = 0
        for data in snapshots:
            try:
                kept = unpack(data)
            except DecodeError as error:
                _log.warning("a room that was kept is left out: %s", error.reason)
                continue
            facts = Facts(
                kept.kind,
                kept.code,
                private=kept.private,
                locked=kept.locked,
                owner=kept.owner,
                metadata=kept.metadata,
            )
            self.placement.add_homeless(facts, data)
            room = self.placement.find(kept.code)
            if room is not None:
                self._emit("opened", room)
            count += 1
        return count

    def _stop(self, why: CannotStart) -> None:
        assert self._nursery is not None
        self._failure = why
        self._nursery.cancel_scope.cancel()

    async def _watch(self) -> None:
        supervision = self._supervision
        while not supervision.over:
            due = min(supervision.next_deadline(), self._draining or math.inf)
            pause = due - trio.current_time()
            with trio.move_on_after(max(pause, 0.0) if pause < math.inf else math.inf):
                await self._recheck.wait()
            self._recheck = trio.Event()
            if self._draining is not None and trio.current_time() >= self._draining:
                for worker in self._live.values():
                    worker.process.kill()
                self._draining = math.inf
            supervision.check(trio.current_time())
            self._carry_out()

    def drain(self, seconds: float = DRAIN) -> None:
        """Take nobody any more; close all connections with 4012 over so many seconds, and end."""
        if self._draining is not None:
            return
        self._draining = trio.current_time() + seconds + _OVERTIME
        self._supervision.drain()
        for worker in self._live.values():
            worker.pipe.send(messages.Drain(seconds))
        self._note_change()
        self._recheck.set()

    def end_at_once(self) -> None:
        """End all processes now."""
        self.drain(0.0)
        for worker in self._live.values():
            worker.process.kill()

    # ---------------------------------------------------------------- orders

    def _carry_out(self) -> None:
        now = trio.current_time()
        supervision, placement = self._supervision, self.placement
        while supervision.orders:
            order = supervision.orders.popleft()
            if isinstance(order, Start):
                assert self._nursery is not None
                self._nursery.start_soon(self._live_through, order.worker)
            elif isinstance(order, Serve):
                placement.serve(order.worker)
                self._note_change()
            elif isinstance(order, Gone):
                for room in placement.lose(order.worker, now, contained=order.contained):
                    _log.warning(
                        "room %s is lost: nothing of it was kept, or it ended two workers",
                        room.facts.code,
                    )
                    self._failovers.settle(room.facts.code, now)
                    self._emit("closed", room)
            else:
                self._kill(order)
        self._rehouse(now)

    def _kill(self, order: Kill) -> None:
        _log.warning("worker %s %s; it is ended", order.worker, order.why)
        worker = self._live.get(order.worker)
        if worker is not None:
            worker.condemned = True
            worker.process.kill()

    def _rehouse(self, now: float) -> None:
        moves = self.placement.rehouse(now)
        for room, fresh in moves:
            snapshot = room.snapshot or b""
            if fresh:
                _log.warning(
                    "room %s opens fresh: workers that restored it have died", room.facts.code
                )
            self.tell(room, messages.Restore(room.facts.code, snapshot, fresh))
            self._emit("moved", room)
        if moves:
            self._note_change()

    # ---------------------------------------------------------------- one worker

    async def _live_through(self, number: int) -> None:
        """Start a worker, and be there for it until it is dead."""
        try:
            started = await start(self._command, passes=self._passes)
        except OSError as error:
            _log.warning("worker %s cannot be started: %s", number, error)
            self._bury(number, None, trio.current_time())
            return
        process, pipe = started.process, started.pipe
        worker = self._live[number] = LiveWorker(number, started)
        ended = math.inf
        try:
            if self.draining or self._supervision.state(number) is State.KILLED:
                process.kill()
            async with trio.open_nursery() as nursery:
                heard_all = trio.Event()
                nursery.start_soon(self._hear, worker, heard_all)
                nursery.start_soon(pipe.write_on)
                pipe.send(messages.Hello(self.secret))
                await process.wait()
                ended = trio.current_time()
                with trio.move_on_after(_LAST_WORDS):
                    await heard_all.wait()
                nursery.cancel_scope.cancel()
        finally:
            del self._live[number]
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            unsent = pipe.unsent()
            pipe.close()
        self._bury(number, process.returncode, ended)
        for take, sock in unsent:
            self.left_over(take, sock)

    def _bury(self, number: int, status: int | None, ended: float) -> None:
        if not self.draining:
            words = "could not be started" if status is None else f"has ended with {status}"
            _log.warning("worker %s %s", number, words)
            if not self.kinds:
                self._stop(CannotStart(number, words))
                return
        self._supervision.died(number, trio.current_time())
        homes = [room.facts.code for room in self.placement.rooms.values() if room.worker == number]
        self._failovers.begin(homes, ended)
        self._carry_out()
        self._recheck.set()

    async def _hear(self, worker: LiveWorker, heard_all: trio.Event) -> None:
        try:
            while said := await worker.pipe.receive():
                for message, sock in said:
                    if sock is not None:
                        sock.close()
                    self._take(worker, message)
        except DecodeError as error:
            why = f"talks nonsense: {one_line(error.reason)}"
            self._supervision.condemn(worker.number, why)
            self._carry_out()
        heard_all.set()

    def _take(self, worker: LiveWorker, message: Message) -> None:
        number, placement, now = worker.number, self.placement, trio.current_time()
        self._supervision.beat(number, now)
        if isinstance(message, messages.Told):
            room = placement.told(number, Facts(*message))
            if room is not None:
                self._failovers.settle(message.code, now)
                self._emit("changed", room)
        elif isinstance(message, messages.Kept):
            placement.kept(number, message.code, message.snapshot)
        elif isinstance(message, messages.Closed):
            room = placement.find(message.code)
            if self.draining and message.why == MOVED and room is not None and room.snapshot:
                self.kept[message.code] = room.snapshot
            placement.closed(number, message.code)
            self._failovers.settle(message.code, now)
            if room is not None and message.code not in placement.rooms:
                self._emit("closed", room)
        elif isinstance(message, messages.Restoring):
            placement.restoring(number, message.code)
        elif isinstance(message, messages.Ready):
            worker.port = message.port
            self.kinds = {kind: most for kind, most in message.kinds.items() if type(most) is int}
            self._supervision.ready(number, now)
            self._carry_out()
            self._recheck.set()
            self._note_change()

    def _emit(self, what: str, room: PlacedRoom) -> None:
        for listener in self.listeners:
            try:
                listener(what, room)
            except Exception as error:
                words = describe_error(error)
                _log.warning("the lobby was not told of room %s: %s", room.facts.code, words)

    # ---------------------------------------------------------------- for those who ask

    @property
    def moved(self) -> list[float]:
        """How long failovers took, in seconds; see ``Failovers.taken``."""
        return self._failovers.taken
