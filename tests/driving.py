"""Drives peers in each way that there is, so that the same test runs in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import pytest
import trio

from multiplayer import ConnectionStatus, MultiplayerPeer, Signal
from multiplayer.testing import PRESETS, SimulatedNetwork
from tests.drivers import Way, guest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing.simulation.virtual_time import VirtualTime
    from peers.memory.chopping import Chop

Peer = TypeVar("Peer", bound=MultiplayerPeer)

under_asyncio = pytest.mark.trio(run=guest_of("asyncio"))
"""For tests that run peers under asyncio beside themselves."""

PATIENCE = 10.0
"""How long anything may take, in seconds."""


async def pause() -> None:
    """Let a millisecond go by, between two looks at whether what is waited for is there."""
    with trio.move_on_after(0.001):
        await trio.sleep_forever()


async def until(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
    """Wait until ``condition()`` is true; fail if it does not become so."""
    with trio.move_on_after(timeout) as scope:
        while not condition():
            await pause()
    assert not scope.cancelled_caught, f"did not come true within {timeout} s"


_STEP: Final = 0.01
"""How much time passes in a network in memory between two looks at it, in seconds."""

_STEP_IN_A_BOX: Final = 0.05
"""The same in a simulated one, whose packets take their time."""

DRIVES: Final = ["polled", "run", pytest.param("asyncio", marks=under_asyncio)]
"""The parameters of the fixture ``drive``: polled, under trio's ``run``, and under asyncio's."""


MEMORIES: Final[dict[str, Chop]] = {
    "memory": "",
    "memory, byte by byte": "bytes",
    "memory, cut anywhere": "random",
}
"""Networks in memory that peers are driven in, and how those cut what they carry."""

CHOPPED: Final = [name for name, chop in MEMORIES.items() if chop]
"""Those that cut it; the first byte by byte."""


BOXES: Final = {f"box, {name}": name for name in PRESETS}
"""Simulated networks that peers are driven in, and the presets of their conditions."""

everywhere = pytest.mark.parametrize("drive", [*DRIVES, *MEMORIES], indirect=True)
"""For tests of sessions, in terms of peers only: they run in networks in memory, too."""

in_boxes_too = pytest.mark.parametrize("drive", [*DRIVES, *MEMORIES, *BOXES], indirect=True)
"""For those that make their peers by ``tests.peers.joined``: also under every preset."""


class Drive:
    """Drives peers in the background of a test, from :meth:`add` to the end of the test.

    Args:
        how: one of :data:`DRIVES`, :data:`MEMORIES` or :data:`BOXES`.
        nursery: for what drives them.
        network: where all of them live, if not on sockets.
        box: the same, if it is a simulated one.

    Attributes:
        way: the library that runs them; None where they are polled.
    """

    def __init__(self, how: str, nursery: trio.Nursery, network: VirtualTime | None = None) -> None:
        self.how = how
        self._network = network
        if network is not None:
            nursery.start_soon(self._pass_time, network)
        self.box = network if isinstance(network, SimulatedNetwork) else None
        polled = how == "polled" or network is not None
        self.way = None if polled else Way("asyncio" if how == "asyncio" else "trio")
        self._nursery = nursery

    def add(self, peer: Peer) -> Peer:
        if self._network is not None:
            return peer  # it is driven since it is there
        if self.way is None:
            self._nursery.start_soon(self._poll, peer)
        else:
            self._nursery.start_soon(self._run, peer, self.way)
        return peer

    async def _pass_time(self, network: VirtualTime) -> None:
        step = _STEP if self.box is None else _STEP_IN_A_BOX
        while True:
            network.advance(step)
            await pause()

    async def _poll(self, peer: MultiplayerPeer) -> None:
        while True:
            peer.poll()
            await pause()

    async def _run(self, peer: MultiplayerPeer, way: Way) -> None:
        while True:
            if peer.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
                await way.run(peer)
            peer.poll()
            await pause()


class Recorder:
    """Notes every signal that a peer emits: ``[("peer_connected", 1), …]``."""

    def __init__(self, peer: object, *, without: tuple[str, ...] = ()) -> None:
        self.log: list[tuple[object, ...]] = []
        for name in dir(type(peer)):
            if isinstance(getattr(type(peer), name), Signal) and name not in without:
                getattr(peer, name).connect(self._listener(name))

    def _listener(self, name: str) -> Callable[..., None]:
        return lambda *args: self.log.append((name, *args))

    def names(self) -> list[object]:
        return [entry[0] for entry in self.log]

    def of(self, name: str) -> list[tuple[object, ...]]:
        """The arguments of each emission of one signal."""
        return [entry[1:] for entry in self.log if entry[0] == name]

    def __contains__(self, name: str) -> bool:
        return name in self.names()
