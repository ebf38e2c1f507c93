"""``Absences``: members that lose their connections, and what happens when they come back.

The peer below keeps their seats (``docs/protocol/resume.md``). If nothing was lost, all goes on;
otherwise the member begins anew under its id: it is told all that a newcomer is, and nobody hears
that it has left.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from multiplayer.addressing import SERVER_ID

from .subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from multiplayer.signals import BoundSignal

    from .api_state import ApiState
    from .peers import Peers
    from .transport import Transport


class AbsenceSignals(NamedTuple):
    """The signals of ``SceneMultiplayer`` that tell of it."""

    peer_suspended: BoundSignal[int]
    peer_resumed: BoundSignal[int, bool]
    session_suspended: BoundSignal[()]
    session_resumed: BoundSignal[bool]


class Absences(Subsystem):
    """Follows what the peer below says of lost connections, and tells the other subsystems.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        subsystems: all of the session.
        signals: report it.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        subsystems: Sequence[Subsystem],
        signals: AbsenceSignals,
    ) -> None:
        self._handlers = state.handlers
        self._transport = transport
        self._peers = peers
        self._subsystems = subsystems
        self._signals = signals
        self._suspended = peers.members.suspended

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Forget a peer that has left."""
        if not present:
            self._suspended.discard(peer)

    def missed(self, below: Iterable[int]) -> list[int]:
        """Return who has come back without our hearing of it, because of an interrupt.

        Args:
            below: who is suspended, as the peer below says.
        """
        if not self._transport.is_server:
            return []
        return [
            peer
            for peer in self._suspended.difference(below)
            if not self._peers.is_authenticating(peer)
        ]

    # ---------------------------------------------------------------- on a server

    def peer_suspended(self, peer: int) -> None:
        """Handle the word of the peer below that a client has lost its connection."""
        if peer in self._suspended:
            return  # it was on its way back: it had not authenticated again
        self._suspended.add(peer)
        if self._peers.is_authenticating(peer) and peer not in self._peers.ids:
            return  # it is not in the session yet
        steps: list[Callable[[], object]] = []
        if peer not in self._peers.ids:
            steps.append(partial(self._peers.take_in_suspended, peer))
        told = self._handlers.emission(self._signals.peer_suspended, peer, peer)
        self._handlers.do(*steps, told)

    def peer_resumed(self, peer: int, replayed: bool) -> None:
        """Handle the word of the peer below that somebody is back.

        On a client: that another client is, and knows nothing of what we have sent it.
        """
        if replayed:
            self._handlers.do(*self._go_on(peer))
        elif self._transport.is_server and not self._peers.knows(peer):
            self._handlers.do(
                partial(self._suspended.discard, peer), partial(self._peers.connected, peer)
            )
        elif not (self._transport.is_server and self._peers.authenticates_again(peer)):
            self.renew(peer)

    def _go_on(self, peer: int) -> list[Callable[[], object]]:
        if self._peers.is_returning(peer):
            return []
        steps: list[Callable[[], object]] = [partial(self._suspended.discard, peer)]
        if peer in self._peers:
            steps.append(self._handlers.emission(self._signals.peer_resumed, peer, peer, True))
        return steps

    def renew(self, peer: int) -> None:
        """Let a peer that has come back begin anew, having authenticated if it must."""
        if peer == SERVER_ID:
            self._renew_all()
            return
        if peer not in self._peers:
            return
        told = self._handlers.emission(self._signals.peer_resumed, peer, peer, False)
        self._handlers.do(
            *(partial(each.peer_renewed, peer, by_us=False) for each in self._subsystems),
            partial(self._suspended.discard, peer),
            partial(self._peers.introduce_again, peer),
            partial(self._begin, peer),
            told,
        )

    def _begin(self, peer: int) -> None:
        if peer in self._peers:
            for subsystem in self._subsystems:
                subsystem.peer_changed(peer, present=True)

    # ---------------------------------------------------------------- on a client

    def session_suspended(self) -> None:
        """Handle the word of the peer below that our connection is lost."""
        self._suspended.update(self._peers.ids)
        self._handlers.emit(self._signals.session_suspended, SERVER_ID)

    def session_resumed(self, replayed: bool) -> None:
        """Handle the word of the peer below that our connection is back."""
        if not replayed:
            self._peers.expect_roster()
            if not self._peers.authenticates_again(SERVER_ID):
                self._renew_all()
            return
        told = self._handlers.emission(self._signals.session_resumed, SERVER_ID, True)
        self._handlers.do(self._suspended.clear, told)

    def _renew_all(self) -> None:
        """Begin anew with everybody, since nobody knows anything of us."""
        steps: list[Callable[[], Any]] = [
            partial(each.peer_renewed, peer, by_us=True)
            for peer in self._peers.ids
            for each in self._subsystems
        ]
        steps.append(self._suspended.clear)
        steps += [partial(self._begin, peer) for peer in self._peers.ids]
        steps.append(self._handlers.emission(self._signals.session_resumed, SERVER_ID, False))
        self._handlers.do(*steps)
