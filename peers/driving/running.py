"""``run``: waiting until a peer has something to do, instead of calling ``poll()`` in a loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.endpoint.close_codes import GOING_AWAY
from multiplayer.handlers import check_on_error
from multiplayer.support.number_setting import check_number

from .drivable import (
    HasDeadlines,
    Spawns,
    is_peer_of,
    leaving_patience,
    peer_of,
    readiness_of,
)
from .errors import setting_on_error, taker_for
from .holders import Holder, check_not_run
from .stop_signals import heed, received

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.handlers import OnError

    from .drivable import Drivable, Pollable
    from .errors import Taker
    from .library import Group, Library

    What = Drivable | Pollable


class Running:
    """Has ``run``, for one library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def run(
        self,
        *pollables: Drivable | Pollable,
        hz: float | None = None,
        on_error: OnError | None = None,
        stop_on_signals: bool = False,
    ) -> None:
        """Drive peers until all of them are disconnected.

        Call ``connect_to_url()`` or ``listen()`` first: there is nothing to run for a disconnected
        peer, and ``run`` returns at once. Or use :func:`connect` and :func:`serve`, which do both.

        A pollable that is given another peer goes on with that one. The previous peer, also if it
        was removed (``multiplayer_peer = None``), is closed with code 1001.

        Each is polled whenever something has arrived, was put or is due. When cancelled, peers that
        are connected get a close frame 1001 if the socket takes it, and everything is closed at
        once: the last packets may be lost.

        Tasks that a pollable spawns begin in the order of the calls, each with the context
        variables of its call. They are cancelled when the pollable is no longer run.

        Args:
            *pollables: peers, or what polls one (``SceneMultiplayer``).
            hz: poll this many times a second instead, to handle what arrives in ticks. Then
                everything waits for the next tick, including deadlines and ``close()``.
            on_error: the ``on_error`` of the pollables and their peers, for as long as they are
                run; None leaves it alone. Pollables other than peers and ``SceneMultiplayer`` have
                none: what their ``poll`` and tasks raise ends ``run``, unless this argument takes
                or logs it.
            stop_on_signals: at SIGTERM and Ctrl-C (on Windows also Ctrl-Break) close all
                connections with code 1000, wait for the answers, at most twice the
                ``close_timeout``, and return. A second signal ends it at once. Only in the main
                thread, and once in a program.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: one is already being run;
                ``ERR_INVALID_PARAMETER``: ``hz`` is not positive and finite, ``on_error`` is not
                valid, or one has no peer to run; ``ERR_UNAVAILABLE``: ``stop_on_signals`` in
                another thread.
            Exception: what a handler raised, with ``on_error="raise"``.
        """
        if on_error is not None:
            check_on_error(on_error)
        if hz is not None:
            check_number("hz", hz, above_zero=True)
        for pollable in pollables:
            if peer_of(pollable) is None:
                message = (
                    f"{pollable!r} has no peer to run; set its multiplayer_peer first, to one that "
                    "is a peers.Drivable (others can be polled, and not run)"
                )
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        check_not_run(*pollables)
        with received(self._library, wanted=stop_on_signals) as signals:
            if signals is None:
                await self._run_all(pollables, hz, on_error)
                return
            async with self._library.group() as group:
                group.start_soon(heed, signals, partial(_leave, pollables, group), group.cancel)
                await self._run_all(pollables, hz, on_error)
                group.cancel()

    async def _run_all(
        self, pollables: Sequence[What], hz: float | None, on_error: OnError | None
    ) -> None:
        if len(pollables) == 1:
            await self._run_one(pollables[0], hz, on_error)
        else:
            async with self._library.group() as group:
                for pollable in pollables:
                    group.start_soon(self._run_one, pollable, hz, on_error)
        # Who has nothing to run for has not waited; a loop around `run` must let others go on.
        await self._library.checkpoint()

    async def _run_one(self, pollable: What, hz: float | None, on_error: OnError | None) -> None:
        check_not_run(pollable)  # since the task began, which has waited
        peer = peer_of(pollable)
        if peer is None:  # for the same reason
            return
        take = taker_for(pollable, on_error)
        with setting_on_error(pollable, on_error):
            if not isinstance(pollable, Spawns):
                await self._run_peers(pollable, peer, hz, on_error, take)
                return
            async with self._library.group() as group:
                pollable.spawn = starter = self._library.starter(group, take)
                try:
                    await self._run_peers(pollable, peer, hz, on_error, take)
                finally:
                    if pollable.spawn is starter:  # else whoever has taken the peer over has one
                        pollable.spawn = None
                group.cancel()

    async def _run_peers(
        self,
        pollable: What,
        peer: Drivable,
        hz: float | None,
        on_error: OnError | None,
        take: Taker | None,
    ) -> None:
        """Run a peer, and then the one that a pollable has been given instead of it."""
        library = self._library
        following: Drivable | None = peer
        while following is not None:
            peer = following
            holder = Holder(peer, library.gone())
            holder.take()
            try:
                with setting_on_error(peer, on_error):
                    if hz is None:
                        await self._poll_when_ready(pollable, peer, take)
                    else:
                        await self._poll_at_a_rate(pollable, peer, hz, take)
            finally:
                library.call_to_the_end(partial(holder.let_go, GOING_AWAY))
            following = peer_of(pollable)
            if following is peer:
                return

    async def _poll_when_ready(self, pollable: What, peer: Drivable, take: Taker | None) -> None:
        readiness = readiness_of(peer)
        above = pollable if pollable is not peer and isinstance(pollable, HasDeadlines) else None
        with self._library.watch(readiness) as watch:
            while self._poll(pollable, peer, take):
                due = readiness.next_deadline()
                if above is not None:
                    due = min(due, above.next_deadline())
                await watch.wait(due - peer.now())

    async def _poll_at_a_rate(
        self, pollable: What, peer: Drivable, hz: float, take: Taker | None
    ) -> None:
        library = self._library
        tick = library.current_time()
        while self._poll(pollable, peer, take):
            # Ticks that were missed are left out, not made up for.
            tick = max(tick + 1 / hz, library.current_time())
            await library.sleep_until(tick)

    def _poll(self, pollable: What, peer: Drivable, take: Taker | None) -> bool:
        """Poll; return whether to go on with this peer."""
        try:
            # With Ctrl-C held back until the next checkpoint, so that no state is half changed.
            self._library.call(pollable.poll)
        except Exception as error:
            if take is None:
                raise
            take(error)
        disconnected = ConnectionStatus.CONNECTION_DISCONNECTED
        return peer.get_connection_status() != disconnected and is_peer_of(pollable, peer)


def _leave(pollables: Sequence[What], group: Group) -> None:
    """Begin to disconnect all peers; cancel what then still runs."""
    peers = [peer for peer in map(peer_of, pollables) if peer is not None]
    for peer in peers:
        peer.begin_leaving()
    group.cancel_after(max(map(leaving_patience, peers), default=0.0))
