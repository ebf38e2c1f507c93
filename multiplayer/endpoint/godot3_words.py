"""What Godot 3's client and server report in both of their modes, in a session and without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID

from .events import without_nul

if TYPE_CHECKING:
    from .agenda import Step
    from .commons import Commons
    from .events import CloseReceived
    from .face import Face
    from .member import Member
    from .signals_of_peers import Godot3ClientSignals, Godot3ServerSignals


class Godot3Client:
    """What a ``WebSocketClient`` reports in both of its modes.

    Args:
        signals: report it.
        commons: what the client works with.
    """

    def __init__(self, signals: Godot3ClientSignals, commons: Commons) -> None:
        self._signals = signals
        self._agenda = commons.agenda
        self._handlers = commons.handlers

    def told_to_close(self, event: CloseReceived) -> None:
        """Report that the server is closing; the answer goes out after that."""
        signal, reason = self._signals.server_close_request, without_nul(event.reason)
        self._agenda.then_emit(signal, SERVER_ID, event.code, reason)


class Godot3Server:
    """What a ``WebSocketServer`` reports in both of its modes.

    Args:
        signals: report it.
        commons: what the server works with.
    """

    sends_to_members = False

    def __init__(self, signals: Godot3ServerSignals, commons: Commons) -> None:
        self._signals = signals
        self._agenda = commons.agenda
        self._handlers = commons.handlers

    def _words_of_coming(self, member: Member, resource: str) -> tuple[Step, Step]:
        told = (member.id, member.last.protocol, resource)
        emission = self._handlers.emission(self._signals.client_connected, member.id, *told)
        return member.note_told, emission

    def told_to_close(self, member: Member, event: CloseReceived) -> None:
        """Report that a client is closing; the answer goes out after that."""
        signal, reason = self._signals.client_close_request, without_nul(event.reason)
        self._agenda.then_emit(signal, member.id, member.id, event.code, reason)

    def words_of_leaving(self, peer_id: int, *, clean: bool) -> list[Step]:
        """Return the signals for a client that is gone."""
        signal = self._signals.client_disconnected
        return [self._handlers.emission(signal, peer_id, peer_id, clean)]

    def is_ordinary(self, face: Face) -> bool:
        """Return whether a client closed as done, without a reason, as all do, even lost engines.

        A Godot 4 client does so at once if it does not understand this server.
        """
        return face.closed_as_done
