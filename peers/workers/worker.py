"""A worker: a ``RoomServer`` whose connections come through a pipe, or from the loopback interface.

It tells its front of each room that opens, changes or closes, and gives it what is to be kept. When
the front is gone, it ends, too.
"""

from __future__ import annotations

import hmac
import logging
import signal
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.errors import DecodeError
from multiplayer.rooms.addresses import Wish
from multiplayer.support.log_error import describe_error
from peers.driving.stop_signals import STOP_SIGNALS
from peers.rooms.room_server import RoomServer
from peers.sockets.listener import EXHAUSTED
from peers.trio import run

from . import messages
from .keeping import Keeping
from .messages import MOST, MessageReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from multiplayer.rooms.addresses import RoomAddress
    from peers.rooms.room import Room
    from peers.rooms.waiting import Waiting

    from .messages import Message
    from .pipe import Pipe

_log = logging.getLogger("peers.workers.worker")

BEAT: Final = 1.0
"""How often to give a sign of life, in seconds."""

_REST: Final = 0.1
"""How long nobody is accepted, in seconds, when the system has no descriptor left."""

_MOST_EXPECTED: Final = 1024
_PREAMBLE_PATIENCE: Final = 3.0


class Worker:
    """One worker process.

    Args:
        kinds: the kinds of rooms.
        pipe: to the front.
        secret: what connections from the loopback interface begin with; b"" if there are none.
        setup: sets the server up before it begins; None to leave it as it is.
        save_every: how often to save rooms in which nothing is known to have changed, in seconds.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``: the server was set up with what its front does.
    """

    def __init__(
        self,
        kinds: Mapping[str, type[Room]],
        pipe: Pipe,
        *,
        secret: bytes = b"",
        setup: Callable[[RoomServer], object] | None = None,
        save_every: float = 5.0,
    ) -> None:
        self._pipe = pipe
        self._secret = secret
        self.server = server = RoomServer(kinds)
        if setup is not None:
            setup(server)
            _check_setup(server)
        server.lobby = None  # the front has it
        server.max_rooms = server.max_rooms_per_address = 0  # the front counts them
        server.resolver = self._resolve
        server.room_opened.connect(self._tell)
        server.room_changed.connect(self._tell)
        server.room_closed.connect(self._tell_closed)
        self._keeping = Keeping(server, pipe, save_every)
        # For whom the front has opened which room: by address and port.
        self._expected: dict[tuple[str, int], str] = {}
        self._loopback: socket.socket | None = None
        self._emptied: trio.Event | None = None

    async def run(self) -> None:
        """Serve until the front says that it is over, or is gone."""
        pipe, server = self._pipe, self.server
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pipe.write_on)
            server.open()
            port = 0
            if self._secret:
                self._loopback = socket.create_server(("127.0.0.1", 0))
                self._loopback.setblocking(False)
                port = self._loopback.getsockname()[1]
                nursery.start_soon(self._accept)
            sizes = {name: kind.capacity for name, kind in server.kinds.items()}
            pipe.send(messages.Ready(dict(sizes), port))
            nursery.start_soon(run, server)
            nursery.start_soon(self._beat)
            nursery.start_soon(self._keeping.run)
            while said := await pipe.receive():
                for message, sock in said:
                    self._take(message, sock, nursery)
            nursery.cancel_scope.cancel()
        server.end_at_once(CloseCode.MOVED)

    async def _beat(self) -> None:
        while True:
            self._pipe.send(messages.Beat(sum(len(room.seats) for room in self.server.rooms)))
            await trio.sleep(BEAT)

    # ---------------------------------------------------------------- what the front says

    def _take(self, message: Message, sock: socket.socket | None, nursery: trio.Nursery) -> None:
        if isinstance(message, messages.Take):
            self._adopt(message, sock)
        elif isinstance(message, messages.Hello):
            self.server.secret = message.secret
        elif isinstance(message, messages.Open):
            self._open(message)
        elif isinstance(message, messages.Restore):
            self._restore(message)
        elif isinstance(message, messages.Drain):
            nursery.start_soon(self._drain, message.seconds, nursery)
        else:
            try:
                self._change(message)
            except Exception as error:
                _log.warning("a room could not be changed: %s", describe_error(error))

    def _adopt(self, take: messages.Take, sock: socket.socket | None) -> None:
        if sock is None:
            _log.warning("a connection got lost between processes: no descriptor was left for it")
            return
        address = take.address, take.port
        self._expected.pop(address, None)  # of one that had this port before, and never asked
        if take.code:
            while len(self._expected) >= _MOST_EXPECTED:
                del self._expected[next(iter(self._expected))]
            self._expected[address] = take.code
        try:
            self.server.adopt(sock, address, take.received)
        except MultiplayerError:  # it is stopping
            sock.close()

    def _resolve(self, address: RoomAddress, waiting: Waiting) -> bool:
        """Bring a client to the room that the front has had opened for it."""
        code = self._expected.pop(waiting.remote_address, "")
        if code:
            waiting.go_on(code)
        elif address.wish is not Wish.NAMED:
            waiting.refuse(CloseCode.TRY_LATER, "not now; try again")
        return bool(code) or address.wish is not Wish.NAMED

    def _open(self, message: messages.Open) -> None:
        options = {name: str(value) for name, value in message.options.items()}
        create = partial(
            self.server.create,
            message.kind,
            code=message.code,
            private=message.private,
            metadata=message.metadata,
            owner=message.owner,
            options=options,
        )
        self._try(message.code, create, "could not be opened")

    def _restore(self, message: messages.Restore) -> None:
        self._pipe.send(messages.Restoring(message.code))
        restore = partial(self.server.restore, message.snapshot, fresh=message.fresh)
        self._try(message.code, restore, "could not be restored")

    def _try(self, code: str, do: Callable[[], object], trouble: str) -> None:
        try:
            do()
        except Exception as error:
            _log.warning("room %s %s: %s", code, trouble, describe_error(error))
            room = self.server.find(code)
            if room is None:
                self._pipe.send(messages.Closed(code, trouble))
            else:  # it is here already
                self._tell(room)

    def _change(self, message: Message) -> None:
        room = None
        if isinstance(message, messages.Reserve):
            session = self.server.table.by_code.get(message.code)
            if session is not None:
                session.reserve(message.token, message.seconds, owns=message.owns)
        elif isinstance(message, messages.Change | messages.Kick | messages.Close):
            room = self.server.find(message.code)
        if room is None:
            return
        if isinstance(message, messages.Change):
            for name, value in message.what.items():
                if name == "metadata" and isinstance(value, dict):
                    room.metadata = value
                elif name in ("private", "locked"):
                    setattr(room, name, bool(value))
        elif isinstance(message, messages.Kick):
            seat = room.seats.get(message.id)
            if seat is not None:
                seat.kick(message.reason)
        elif isinstance(message, messages.Close):
            room.close("closed", reason=message.reason)

    # ---------------------------------------------------------------- what it says

    def _tell(self, room: Room) -> None:
        session = self.server.table.by_code.get(room.code)
        told = messages.Told(
            room.kind,
            room.code,
            len(room.seats),
            room.capacity,
            room.private,
            room.locked,
            room.owner,
            dict(room.metadata),
            0 if session is None else session.arrived,  # none comes to one that is being closed
        )
        try:
            self._pipe.send(told)
        except MultiplayerError as error:
            _log.warning("room %s has metadata that lists cannot show: %s", room.code, error)
            self._pipe.send(told._replace(metadata={}))
        self._keeping.note(room)

    def _tell_closed(self, room: Room, why: str) -> None:
        self._keeping.forget(room)
        self._pipe.send(messages.Closed(room.code, why))
        if self._emptied is not None and not self.server.rooms:
            self._emptied.set()

    # ---------------------------------------------------------------- the end

    async def _drain(self, seconds: float, nursery: trio.Nursery) -> None:
        """Close one room after the other with 4012, and end when all have gone."""
        server = self.server
        server.refuse_new_connections = True
        rooms = server.rooms
        pause = seconds / len(rooms) if rooms else 0.0
        for room in rooms:
            if room.is_open:
                self._keeping.keep(room)
                room.close(messages.MOVED, code=CloseCode.MOVED, reason=f"retry={pause:.3g}")
            await trio.sleep(pause)
        self._emptied = trio.Event()
        with trio.move_on_after(server.close_timeout):
            if server.rooms:
                await self._emptied.wait()
        nursery.cancel_scope.cancel()

    # ---------------------------------------------------------------- from the loopback interface

    async def _accept(self) -> None:
        assert self._loopback is not None
        with self._loopback as listener:
            async with trio.open_nursery() as nursery:
                while True:
                    await trio.lowlevel.wait_readable(listener)
                    try:
                        sock, _ = listener.accept()
                    except OSError as error:
                        if error.errno in EXHAUSTED:  # it stays readable
                            await trio.sleep(_REST)
                        continue
                    sock.setblocking(False)
                    nursery.start_soon(self._greet, sock)

    async def _greet(self, sock: socket.socket) -> None:
        """Read who it is, and what it has sent until now."""
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        take = None
        with trio.move_on_after(_PREAMBLE_PATIENCE), suppress(OSError, trio.BrokenResourceError):
            take = await _preamble(stream, self._secret)
        if take is None:
            sock.close()
        else:
            self._adopt(take, socket.socket(fileno=stream.socket.detach()))


def _check_setup(server: RoomServer) -> None:
    if server.resolver is not None:
        message = "the front of several workers says where rooms are; set no resolver"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
    if server.is_listening():
        message = "the front of several workers has the port; do not listen() in the setup"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)


async def _preamble(stream: trio.SocketStream, secret: bytes) -> messages.Take | None:
    """Read the secret, and a message, and no byte more; None if either is wrong."""
    if not hmac.compare_digest(await _exactly(stream, len(secret)), secret):
        return None
    length = await _exactly(stream, 4)
    size = int.from_bytes(length, "big")
    if size > MOST:
        return None
    with suppress(DecodeError):
        for message in MessageReader().receive(length + await _exactly(stream, size)):
            return message if isinstance(message, messages.Take) else None
    return None


async def _exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        some = await stream.receive_some(size - len(data))
        if not some:
            break
        data += some
    return data


def ignore_signals() -> None:
    """Let the front alone heed the signals that a terminal or a service manager sends to all."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
