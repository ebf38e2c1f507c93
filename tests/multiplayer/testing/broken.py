"""A peer for each check that does everything right but what that check is about."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.addressing import check_channel
from multiplayer.testing import LoopbackPeer, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing.loopback import _Line

BROKEN: dict[str, type[LoopbackPeer]] = {}
"""By the name of the check."""


def breaks(check: str) -> Callable[[type[LoopbackPeer]], type[LoopbackPeer]]:
    def note(class_: type[LoopbackPeer]) -> type[LoopbackPeer]:
        assert check not in BROKEN
        BROKEN[check] = class_
        return class_

    return note


class Base(LoopbackPeer):
    @property
    def serves(self) -> bool:
        return self._own_id == 1

    @property
    def is_up(self) -> bool:
        return self._status == ConnectionStatus.CONNECTION_CONNECTED


# ---------------------------------------------------------------- joining


@breaks("joining")
class AcceptsNobody(Base):
    def _decide(self, line: _Line) -> None: ...


@breaks("status")
class ConnectedWithTheFirstClient(Base):
    def get_connection_status(self) -> ConnectionStatus:
        if self.serves and not self._lines:
            return ConnectionStatus.CONNECTION_CONNECTING
        return super().get_connection_status()


@breaks("ids")
class HasAnIdWithTheFirstClient(Base):
    def get_unique_id(self) -> int:
        return 0 if self.serves and not self._lines else super().get_unique_id()


@breaks("signals_of_joining")
class SucceedsBeforeItIsConnected(Base):
    def _come_up(self, own_id: int) -> None:
        self._own_id, self._status = own_id, ConnectionStatus.CONNECTION_CONNECTED
        self._known.add(1)
        self.connection_succeeded.emit()
        self.peer_connected.emit(1)


@breaks("peers")
class ListsItself(Base):
    def get_peers(self) -> list[int]:
        known = super().get_peers()
        return [*known, self._own_id] if known and not self.serves else known


@breaks("before_joining")
class FailsWithoutConnecting(Base):
    def poll(self) -> None:
        if not self.sessions:
            self.connection_failed.emit()
        super().poll()


@breaks("sending_before_joining")
class SendsIntoTheVoidAtFirst(Base):
    def put_packet(self, buffer: bytes) -> None:
        if self._status != ConnectionStatus.CONNECTION_CONNECTING:
            super().put_packet(buffer)


@breaks("refusing")
class RefusesNobody(Base):
    def _decide(self, line: _Line) -> None:
        before, self.refuse_new_connections = self.refuse_new_connections, False
        super()._decide(line)
        self.refuse_new_connections = before


@breaks("chance")
class DrawsTooLargeNumbers(Base):
    def randbits(self, bits: int) -> int:
        return super().randbits(bits + (bits < 10))


@breaks("clock")
class RunsBackwards(Base):
    def now(self) -> float:
        return -super().now()


# ---------------------------------------------------------------- packets


@breaks("order")
class LosesOneOfMany(Base):
    arrived = 0

    def _arrive(self, sent: Sent) -> None:
        self.arrived += 1
        if self.arrived != 150:
            super()._arrive(sent)


@breaks("senders")
class DoesNotKnowItsServer(Base):
    def get_packet_peer(self) -> int:
        sender = super().get_packet_peer()
        return 0 if sender == 1 else sender


@breaks("modes")
class TellsNoModes(Base):
    def get_packet_mode(self) -> TransferMode:
        super().get_packet_mode()
        return TransferMode.TRANSFER_MODE_RELIABLE


@breaks("channels")
class TellsNoChannels(Base):
    def get_packet_channel(self) -> int:
        return super().get_packet_channel() * 0


@breaks("signals_of_packets")
class EmitsNothingForPackets(Base):
    def _arrive(self, sent: Sent) -> None:
        self._inbox.append(sent)


@breaks("counting")
class CountsToOne(Base):
    def get_available_packet_count(self) -> int:
        return min(super().get_available_packet_count(), 1)


@breaks("no_packet")
class TellsTheModeOfNothing(Base):
    def get_packet_mode(self) -> TransferMode:
        return super().get_packet_mode() if self._inbox else TransferMode.TRANSFER_MODE_RELIABLE


@breaks("packet_errors")
class AlwaysOK(Base):
    def get_packet_error(self) -> Error:
        return Error.OK


@breaks("values")
class SendsTextForValues(Base):
    def put_var(self, var: object, full_objects: bool = False) -> None:
        super().put_var(str(var), full_objects)


@breaks("empty_packets")
class SendsNothingAsSomething(Base):
    def put_packet(self, buffer: bytes) -> None:
        if buffer == b"":
            mode, channel = self.transfer_mode, self.transfer_channel
            self._send(Sent(self._own_id, self._target_peer, mode, channel, b""))
        super().put_packet(buffer)


@breaks("large_packets")
class SendsMoreThanItSays(Base):
    def get_max_packet_size(self, channel: int = 0) -> int:
        return 50_000


@breaks("own_copies")
class KeepsTheBuffer(Base):
    def put_packet(self, buffer: bytes) -> None:
        if isinstance(buffer, bytearray):
            mode, channel = self.transfer_mode, self.transfer_channel
            self._send(Sent(self._own_id, self._target_peer, mode, channel, buffer))
        else:
            super().put_packet(buffer)

    def _take_packet(self) -> bytes:
        return bytes(super()._take_packet())


# ---------------------------------------------------------------- targets


@breaks("target_everybody")
class SendsToNobodyAtFirst(Base):
    def create_server(self) -> None:
        super().create_server()
        self._addressing.target = 1


@breaks("target_one")
class SendsToAllForOne(Base):
    def _receivers(self, target: int) -> list[_Line]:
        return super()._receivers(0 if target in self._lines else target)


@breaks("target_all_but_one")
class SendsToNobodyButOne(Base):
    def _receivers(self, target: int) -> list[_Line]:
        return [] if target < 0 else super()._receivers(target)


@breaks("target_server")
class SendsToAllForItself(Base):
    def _receivers(self, target: int) -> list[_Line]:
        return super()._receivers(0 if target == 1 else target)


@breaks("target_unknown")
class SendsToAnybody(Base):
    def _receivers(self, target: int) -> list[_Line]:
        return [] if target > 1 and target not in self._lines else super()._receivers(target)


@breaks("target_departed")
class KnowsNoneThatHaveLeft(Base):
    def _receivers(self, target: int) -> list[_Line]:
        if target > 1 and target not in self._lines:
            raise MultiplayerError(Error.FAILED, "who is that?")
        return super()._receivers(target)


@breaks("targets_of_clients")
class TakesAllForTheServers(Base):
    def _arrive(self, sent: Sent) -> None:
        super()._arrive(sent if self.serves else sent._replace(source=1))


@breaks("other_clients")
class DoesNotHearOfThoseThatLeave(Base):
    def _hear_no_more_of(self, peer: int) -> None:
        self._known.discard(peer)


@breaks("sending_beside_the_user")
class ForgetsWhatWasSet(Base):
    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        self.set_target_peer(target)
        self.transfer_mode, self.transfer_channel = mode, channel
        self.put_packet(packet)


@breaks("target_arguments")
class TakesTrueForOne(Base):
    def set_target_peer(self, id: int) -> None:  # noqa: A002
        super().set_target_peer(int(id) if isinstance(id, bool) else id)


@breaks("transfer_settings")
class HasAnyChannel(Base):
    @property
    def transfer_channel(self) -> int:
        return self._transfer_channel

    @transfer_channel.setter
    def transfer_channel(self, channel: int) -> None:
        self._addressing.channel = 255 if channel == 256 else check_channel(channel)


@breaks("packet_arguments")
class SendsText(Base):
    def put_packet(self, buffer: Any) -> None:
        super().put_packet(buffer.encode() if isinstance(buffer, str) else buffer)


@breaks("backlog")
class OwesBytes(Base):
    def get_backlog(self, peer: int) -> int:
        return super().get_backlog(peer) - 1


# ---------------------------------------------------------------- leaving


@breaks("client_leaves")
class LeavesTwice(Base):
    def close(self) -> None:
        server, own = self.network.server, self._own_id
        left = server is not None and not self.serves and own > 1
        super().close()
        if left and server is not None:
            signal = server.peer_disconnected
            server._steps.append(partial(server.handlers.emit, signal, own, own))


class NotesHow(Base):
    """Whether a client's session ends because its server has closed."""

    server_closed = False

    def close(self) -> None:
        lines = [*self._lines.values()]
        super().close()
        for line in lines:
            assert isinstance(line.client, NotesHow)
            line.client.server_closed = True


@breaks("server_leaves")
class LosesItsServerBeforeItLeaves(NotesHow):
    def _end(self) -> None:
        if not self.server_closed:
            super()._end()
            return
        known = [*self._known]
        self._hang_up()
        self.server_disconnected.emit()
        for peer in sorted(known, reverse=True):
            self.peer_disconnected.emit(peer)


@breaks("server_leaves_several")
class ForgetsTheOthers(Base):
    def _end(self) -> None:
        self._known = {1}
        super()._end()


@breaks("throwing_out")
class TellsOfItTwice(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        there = peer in self._lines
        super().disconnect_peer(peer, force)
        if there and not force:
            self._steps.append(partial(self.peer_disconnected.emit, peer))

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002
        super().disconnect_peer(id)


@breaks("last_words")
class LosesTheLastWords(Base):
    def _end(self) -> None:
        self._inbox.clear()
        super()._end()


@breaks("throwing_out_by_force")
class KnowsNoForce(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        super().disconnect_peer(peer)


@breaks("leaving_properly")
class LeavesWithoutAWord(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        if peer == 1 and not self.serves:
            self.close()
        else:
            super().disconnect_peer(peer, force)


@breaks("expelling")
class ForgivesEverything(Base):
    def expel_peer(self, id: int, reason: str) -> None: ...  # noqa: A002


@breaks("throwing_out_nobody")
class ThrowsOutAnybody(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        if type(peer) is not int or peer in self._lines or peer <= 1 or peer > 2**31:
            super().disconnect_peer(peer, force)


@breaks("packets_of_the_departed")
class ForgetsTheirPackets(Base):
    def close(self) -> None:
        server = self.network.server
        super().close()
        if server is not None and server is not self:
            server._steps.append(server._inbox.clear)


@breaks("sending_after_leaving")
class SendsIntoTheVoidAtLast(Base):
    def put_packet(self, buffer: bytes) -> None:
        if self.is_up or not self.sessions or self._line is not None:
            super().put_packet(buffer)


@breaks("closing_twice")
class ClosesOnce(Base):
    def close(self) -> None:
        if self.sessions and self._status == ConnectionStatus.CONNECTION_DISCONNECTED:
            raise MultiplayerError(Error.ERR_UNCONFIGURED, "closed already")
        super().close()


@breaks("using_it_again")
class KeepsOldPackets(Base):
    def _begin(self) -> None:
        kept = deque(self._inbox)
        super()._begin()
        self._inbox.extend(kept)


# ---------------------------------------------------------------- listeners


@breaks("failing_listeners")
class GivesUpAtTheFirst(Base):
    def _arrive(self, sent: Sent) -> None:
        self._inbox.append(sent)
        for listener, _ in self.peer_packet.listeners():
            if not self.handlers.call(sent.source, "a listener", listener, sent.source):
                return


@breaks("sending_in_listeners")
class SendsNothingInPolls(Base):
    def put_packet(self, buffer: bytes) -> None:
        if not self._polling:
            super().put_packet(buffer)


@breaks("polling_in_listeners")
class PollsInPolls(Base):
    def poll(self) -> None:
        if not self._polling:
            super().poll()


@breaks("closing_in_listeners")
class ClosesLater(Base):
    def close(self) -> None:
        if self._polling:
            raise MultiplayerError(Error.ERR_BUSY, "polling")
        super().close()


@breaks("throwing_out_in_listeners")
class ThrowsOutNobodyInPolls(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        if not self._polling:
            super().disconnect_peer(peer, force)


@breaks("signals_in_polls_only")
class TellsAtOnce(Base):
    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        line = self._lines.get(peer)
        super().disconnect_peer(peer, force)
        if line is not None and not self._polling:
            line.client.poll()


@breaks("changes_in_polls_only")
class DeliversAtOnce(Base):
    def _send(self, sent: Sent) -> None:
        super()._send(sent)
        for line in self._lines.values():
            steps = line.client._steps
            while steps and isinstance(steps[-1], Sent):
                line.client._inbox.append(steps.pop())


@breaks("settings")
class IgnoresWrongSettings(Base):
    @property
    def on_error(self) -> Any:
        return super().on_error

    @on_error.setter
    def on_error(self, on_error: Any) -> None:
        if on_error != "ignore":
            self.handlers.on_error = on_error
