"""``ProcessFaults``: what can happen to the processes in a simulated network."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

from .link_faults import LinkFaults

if TYPE_CHECKING:
    from .resident import Resident
    from .simulated_peers import SimulatedPeer


class ProcessFaults(LinkFaults):
    """The part of a ``SimulatedNetwork`` that is about processes."""

    @abstractmethod
    def _make_again(self, before: Resident) -> SimulatedPeer:
        """Return a new peer in the place of one whose process has gone."""

    def pause(self, peer: SimulatedPeer) -> None:
        """Stop a process: it is not polled, and what comes for it waits.

        When it goes on its clock has jumped, as after a debugger or a suspended laptop.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the peer is of another network;
                ``ERR_UNAVAILABLE``: ``run``, or whoever has the clock that the network follows,
                polls it, not the network.
        """
        resident = self.resident(peer)
        if resident.is_driven or self._ether.clock is not None:
            message = f"{peer!r} is polled by what runs it, not by the network; hold its links"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        self._note(resident.number, "paused")
        resident.paused = True

    def resume(self, peer: SimulatedPeer) -> None:
        """Let a process go on that was stopped.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the peer is of another network.
        """
        resident = self.resident(peer)
        if resident.paused:
            self._note(resident.number, "goes on")
            resident.paused = False
            resident.stir()

    def slow_reader(self, peer: SimulatedPeer, bytes_per_second: int | None = 0) -> None:
        """Let a peer read slowly, so that the buffers of those who send to it fill.

        Args:
            peer: the peer.
            bytes_per_second: how many bytes it reads a second; 0 for none, None for all at once
                again.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network, or the number
                makes no sense.
        """
        resident = self.resident(peer)
        if bytes_per_second is not None:
            check_number("bytes_per_second", bytes_per_second, whole=True)
        speed = "at full speed" if bytes_per_second is None else f"{bytes_per_second} bytes/s"
        self._note(resident.number, f"reads {speed}")
        resident.engine.rate = bytes_per_second
        resident.stir()

    def kill(self, peer: SimulatedPeer, *, silently: bool = False) -> None:
        """End a process at once: none of its signals is emitted, what waits to be sent is lost.

        Args:
            peer: the peer; it is disconnected, and not polled any more.
            silently: nobody is told, as when the power fails; else its system tells the others that
                their connections are over.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network.
        """
        resident = self.resident(peer)
        if resident.gone:
            return
        self._note(resident.number, "killed, and nobody is told" if silently else "killed")
        resident.gone, resident.driver = True, None
        engine = resident.engine
        engine.vanish(silently=silently)
        port = engine.local_port
        peer.end_at_once(1000)
        if silently and port:
            self._ether.listeners[port] = engine  # whoever connects hears nothing

    def restart(self, peer: SimulatedPeer) -> SimulatedPeer:
        """Start a process again: return a new peer in the place of one, which is killed first.

        It has the same settings and conditions. A server listens at the same port, a client
        connects to its server. Give it a new API: the old one went with its process.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is of another network;
                ``ERR_ALREADY_EXISTS``: another has its place since it was started again.
        """
        resident = self.resident(peer)
        if resident.successor is not None:
            message = f"{peer!r} was started again: {resident.latest.peer!r} has its place now"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        self.kill(peer)
        if self._ether.listeners.get(resident.port) is resident.engine:
            del self._ether.listeners[resident.port]
        return self._make_again(resident)
