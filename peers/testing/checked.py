"""``CheckedTest``: what a test of the plugin has, and what must hold when it is over."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

from multiplayer import Dialect, MultiplayerError, Node
from multiplayer.testing import Conditions, SimulatedNetwork
from multiplayer.testing.simulation.given import check_seed
from multiplayer.testing.simulation.presets import check_conditions

from .connecting import PATIENCE
from .leaks import OpenSockets, running_tasks, tables_with
from .pair import Pair, connected_pair
from .simulated_session import SimulatedSession
from .websocket_session import WebSocketSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from .games import GameSession

_HEALING = 120.0
"""How long a server may take to notice that its clients have gone, in seconds of its network."""


class CheckedTest:
    """The networks, sessions and pairs of one test.

    Args:
        seed: of its network.
        conditions: of its links, by name or as ``Conditions``; None for good ones.

    Raises:
        MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such preset;
            ``ERR_INVALID_PARAMETER``: an argument makes no sense.
    """

    def __init__(self, seed: int, conditions: Conditions | str | None) -> None:
        self._seed = check_seed(seed)
        self._conditions = check_conditions(conditions)
        self._network: SimulatedNetwork | None = None
        self._sessions: list[GameSession[Any]] = []
        self._stack = ExitStack()
        self._sockets = OpenSockets()
        self._handler_log = self._stack.enter_context(_HandlerLog())

    # ---------------------------------------------------------------- what the test gets

    @property
    def network(self) -> SimulatedNetwork:
        """Its network in a box; always the same."""
        if self._network is None:
            self._network = SimulatedNetwork(self._seed, self._conditions)
        return self._network

    def simulated_session(
        self,
        clients: int = 2,
        dialect: Dialect = Dialect.NATIVE,
        root: Callable[[], Node] = Node,
    ) -> SimulatedSession[Any]:
        """Return a session in its network."""
        session = SimulatedSession[Any](self.network, clients, dialect, root)
        self._note(session)
        return session

    def websocket_session(
        self,
        clients: int = 2,
        dialect: Dialect = Dialect.NATIVE,
        root: Callable[[], Node] = Node,
    ) -> WebSocketSession[Any]:
        """Return a session over sockets."""
        session = WebSocketSession[Any](clients, dialect, root)
        self._note(session)
        return session

    def pair(self) -> Pair[Any, Any]:
        """Return a connected pair."""
        return self._stack.enter_context(connected_pair())

    def _note(self, session: GameSession[Any]) -> None:
        self._sessions.append(session)
        self._stack.callback(session.close)

    # ---------------------------------------------------------------- its end

    def finish(self) -> list[str]:
        """End a test that has passed; return in words what must not be."""
        faults = self._handler_log.failures[:]
        at_rest: list[GameSession[Any]] = []
        for session in self._sessions:
            apis = (session.server, *session.clients)
            running = [each for api in apis for each in running_tasks(api, api.multiplayer_peer)]
            faults += running
            if not running:  # else two would poll one peer, perhaps in two threads
                at_rest.append(session)
        for session in at_rest:
            faults += self._ended(session)
        self.close()
        return faults + self._sockets.left()

    def close(self) -> None:
        """Close everything; what handlers raise then is not about the test."""
        for session in self._sessions:
            session.silence()
        self._stack.close()

    def story(self) -> str:
        """Return what led to a failure in the network, to print; empty without a network."""
        if self._network is None:
            return ""
        return f"{self._network.story()}\nto run it again: --simulation-seed={self._seed}"

    def _ended(self, session: GameSession[Any]) -> list[str]:
        """Let all clients leave, and return what the server has kept of them."""
        server, peer = session.server, session.server.multiplayer_peer
        session.silence()
        if self._network is not None:
            self._network.quiet()
        for api in session.clients:
            api.multiplayer_peer.close()
        patience = _HEALING if isinstance(session, SimulatedSession) else PATIENCE
        # Where nobody looks after silent clients, they may be there for ever: that is no leak.
        with suppress(MultiplayerError, TimeoutError):
            session.until(lambda: not server.get_peers(), patience)
            if self._network is not None:
                self._network.settle()
        gone = {*session.ids} - {*server.get_peers()}
        # What a network knows is not the server's, and that has the ids of all.
        ether = vars(peer).get("_ether")
        return tables_with(server, peer, sorted(gone), self._network, ether, session)


class _HandlerLog(logging.Handler):
    """Notes, inside of a ``with``, which handlers are logged to have failed.

    Attributes:
        failures: in words, in order.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.failures: list[str] = []
        self._log = logging.getLogger("multiplayer.handlers")

    def emit(self, record: logging.LogRecord) -> None:
        if not record.__dict__.get("answered", True):
            self.failures.append(f"a handler failed: {record.getMessage()}")

    def __enter__(self) -> Self:
        self._log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
