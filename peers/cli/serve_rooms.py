"""``python -m peers serve-rooms``: rooms behind one port, in this process or in several."""

from __future__ import annotations

import errno
import logging
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.rooms.placement import Placement
from multiplayer.rooms.supervision import BEAT_PATIENCE, Supervision
from multiplayer.support.log_error import describe_error
from peers.certificates import server_context
from peers.cluster.tls_end import TlsEnd
from peers.driving.drivable import leaving_patience
from peers.driving.stop_signals import STOP_SIGNALS
from peers.rooms.room_server import RoomServer
from peers.sockets.tcp import open_listener
from peers.tls_options import TLSOptions
from peers.trio import run
from peers.workers.desk import Desk
from peers.workers.front import Front
from peers.workers.kept_rooms import take_rooms, write_rooms
from peers.workers.kinds import load_kinds, load_setup
from peers.workers.live_worker import CannotStart
from peers.workers.reception import Reception, ReceptionSettings
from peers.workers.routing import Routing

from .collector import nothing_new
from .serve_node import NodeOptions, serve_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from multiplayer.rooms.placement import PlacedRoom
    from peers.workers.kept_rooms import KeptRooms


_log = logging.getLogger("peers.cli.serve_rooms")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomsOptions:
    """What the command line says.

    Attributes:
        kinds: what is to be imported; see ``load_kinds``.
        host: the address to listen on, "*" for every interface.
        port: the TCP port; 0 for a free one.
        workers: how many processes have the rooms; 0 or 1 for this one.
        certificate: path of the TLS certificate, with its chain; None for none.
        key: path of its private key.
        save_every: how often workers save rooms that nobody has joined or left, in seconds.
        patience: a worker without a sign of life for so many seconds is replaced.
        drain: over how many seconds connections are closed at the end.
        quiet: say nothing of rooms.
        keep: a file for the rooms that are open when the server ends, which go on when it begins
            again; None for none.
        setup: ``MODULE:FUNCTION``, called with each server before it begins; "" for none.
        node: share the rooms with other nodes; None not to.
    """

    kinds: Sequence[str]
    host: str = "127.0.0.1"
    port: int = 9080
    workers: int = 0
    certificate: Path | None = None
    key: Path | None = None
    save_every: float = 5.0
    patience: float = BEAT_PATIENCE
    drain: float = 1.0
    quiet: bool = False
    setup: str = ""
    keep: Path | None = None
    node: NodeOptions | None = None

    @property
    def scheme(self) -> str:
        """What URLs begin with."""
        return "ws" if self.certificate is None else "wss"

    def where(self, port: int) -> str:
        """Return what is said when it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{port}"


def serve_rooms(options: RoomsOptions, say: Callable[[str], object]) -> None:
    """Serve until a signal asks to stop.

    Args:
        options: the command line.
        say: takes each line for the terminal.

    Raises:
        MultiplayerError: it cannot begin, for one of the reasons of ``load_kinds`` and
            ``RoomServer.listen``, or a worker cannot.
    """
    if options.workers > 1:
        trio.run(_serve_by_workers, options, say)
    else:
        server = RoomServer(load_kinds(options.kinds))
        if options.setup:
            load_setup(options.setup)(server)
        with nothing_new():
            trio.run(serve_here, server, options, say)


# ---------------------------------------------------------------- in this process


async def serve_here(
    server: RoomServer, options: RoomsOptions, say: Callable[[str], object]
) -> None:
    """Serve rooms in this process until a signal asks to stop.

    Args:
        server: has not begun yet.
        options: the command line.
        say: takes each line for the terminal.

    Raises:
        MultiplayerError: as for ``RoomServer.listen``.
    """
    tls = None
    if options.certificate is not None and options.key is not None:
        tls = TLSOptions.server(options.key, options.certificate)
    if not options.quiet:
        server.room_opened.connect(lambda room: say(f"/{room.kind}/{room.code} is open"))
        server.room_closed.connect(
            lambda room, why: say(f"/{room.kind}/{room.code} is closed: {why}")
        )
    if options.node is not None:
        end = None if options.certificate is None else _tls_end(server, options)
        if end is None:
            server.listen(options.port, options.host)
        port = server.get_local_port() if end is None else end.local_port
        await serve_node(server, options.node, options.where(port), say, end)
        return
    server.listen(options.port, options.host, tls)
    if options.keep is not None and (kept := take_rooms(options.keep)) is not None:
        server.secret = kept.secret
        _restore(server, kept)
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        say(f"listening on {options.where(server.get_local_port())}")
        async with trio.open_nursery() as nursery:
            ended = trio.Event()

            async def drive() -> None:
                await run(server)
                ended.set()

            nursery.start_soon(drive)
            await anext(signals)
            if options.keep is not None:
                _write(options.keep, server.secret, [*map(server.save, server.rooms)])
            server.begin_leaving(CloseCode.MOVED, "retry=1")
            nursery.start_soon(_at_next_signal, signals, nursery.cancel_scope)
            with trio.move_on_after(leaving_patience(server)):
                await ended.wait()
            nursery.cancel_scope.cancel()


def _tls_end(server: RoomServer, options: RoomsOptions) -> TlsEnd:
    """Have TLS end before the server, so that connections can be passed on to other nodes."""
    assert options.certificate is not None
    assert options.key is not None
    context = server_context(options.key, options.certificate, None)
    try:
        listener = open_listener(options.host, options.port)
    except OSError as error:
        raise _cannot_listen(options, error) from error
    server.open()
    return TlsEnd(server, listener, context)


def _cannot_listen(options: RoomsOptions, error: OSError) -> MultiplayerError:
    code = Error.ERR_CANT_CREATE
    if error.errno == errno.EADDRINUSE:
        code = Error.ERR_ALREADY_IN_USE
    why = error.strerror or error
    message = f"cannot listen on {options.host}, port {options.port}: {why}"
    return MultiplayerError(code, message)


def _restore(server: RoomServer, kept: KeptRooms) -> None:
    for data in kept.snapshots:
        try:
            server.restore(data)
        except Exception as error:  # whatever the game raises
            _log.warning("a room that was kept cannot be restored: %s", describe_error(error))


def _write(path: Path, secret: bytes, snapshots: list[bytes]) -> None:
    try:
        write_rooms(path, secret, snapshots)
    except OSError as error:
        _log.error("rooms cannot be kept in %s: %s", path, error.strerror or error)


async def _at_next_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    await anext(signals)
    scope.cancel()


# ---------------------------------------------------------------- in several


def front_of(options: RoomsOptions) -> tuple[Front, Reception, Desk]:
    """Return the front of several workers, its port, which is taken, and its lobby.

    Raises:
        MultiplayerError: the certificate makes no sense, or the address cannot be had.
    """
    context = None
    if options.certificate is not None and options.key is not None:
        context = server_context(options.key, options.certificate, None)
    command = [
        *(sys.executable, "-m", "peers.workers"),
        *("--save-every", str(options.save_every)),
        *(("--setup", options.setup) if options.setup else ()),
        *options.kinds,
    ]
    server = RoomServer({})
    if options.setup:
        load_setup(options.setup)(server)
    placement = Placement(
        max_rooms=server.max_rooms, max_rooms_per_address=server.max_rooms_per_address
    )
    supervision = Supervision(options.workers, beat_patience=options.patience)
    front = Front(command, options.workers, placement=placement, supervision=supervision)
    desk = Desk(front, server)
    settings = ReceptionSettings(
        limits=server.limits, handshake_timeout=server.handshake_timeout, context=context
    )
    routing = Routing(front, secrets.randbits, desk.attempts)
    reception = Reception(front, routing, settings, desk.take)
    try:
        reception.listen(options.host, options.port)
    except OSError as error:
        raise _cannot_listen(options, error) from error
    if options.keep is not None and (kept := take_rooms(options.keep)) is not None:
        front.secret = kept.secret
        front.take_in(kept.snapshots)
    return front, reception, desk


async def _serve_by_workers(options: RoomsOptions, say: Callable[[str], object]) -> None:
    front, reception, desk = front_of(options)
    if not options.quiet:

        def tell(what: str, room: PlacedRoom) -> None:
            if what == "moved":
                say(f"/{room.facts.kind}/{room.facts.code} goes on in worker {room.worker}")
            elif what != "changed":
                say(f"/{room.facts.kind}/{room.facts.code} is {what}")

        front.listeners.append(tell)
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        failure: list[CannotStart] = []
        async with trio.open_nursery() as nursery:

            async def drive() -> None:
                try:
                    await front.run()
                except CannotStart as error:
                    failure.append(error)
                nursery.cancel_scope.cancel()

            nursery.start_soon(drive)
            nursery.start_soon(reception.run)
            nursery.start_soon(desk.run)
            nursery.start_soon(_stop_at_signals, signals, front, reception, options.drain)
            while not front.serves:
                await front.change()
            say(f"listening on {options.where(reception.local_port)}, {options.workers} workers")
    reception.stop()
    if options.keep is not None:
        _write(options.keep, front.secret, [*front.kept.values()])
    if failure:
        message = f"{failure[0]}; what it has said is above"
        raise MultiplayerError(Error.ERR_CANT_CREATE, message)


async def _stop_at_signals(
    signals: AsyncIterator[int], front: Front, reception: Reception, drain: float
) -> None:
    await anext(signals)
    reception.stop()
    front.drain(drain)
    await anext(signals)
    front.end_at_once()
