"""Who belongs to the session: joining, authentication, leaving, and telling the others.

Mirrors the system commands of Godot 4's ``SceneMultiplayer`` (WIRE4 B.4). If the peer below
announces by itself (gd_mp), only credentials are sent.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID, check_id, check_one
from multiplayer.departed import Departed
from multiplayer.errors import Error, MultiplayerError
from multiplayer.members import Members
from multiplayer.multiplayer_peer import TransferMode
from multiplayer.support.log_error import kind_of, text_of
from multiplayer.support.log_line import write_line
from multiplayer.wire.dialects.api_packets import AddPeer, Authenticate, DelPeer

from .authentication import Authentication
from .rejections import RejectReason
from .subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.api_hooks import Arrived
    from multiplayer.signals import BoundSignal

    from .api_state import ApiState
    from .authentication import Lateness
    from .subsystem import NeighbourPackets
    from .transport import Transport

_log = logging.getLogger(__name__)

_RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE


class Peers(Subsystem):
    """The peers of one session.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        changed: called for each peer that joins or leaves: ``Session.peer_changed``.
        renew: called for each that has authenticated once more, having come back.
        peer_authenticating: the signal.
        peer_authentication_failed: the signal.

    Attributes:
        members: who has been admitted.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        changed: Callable[[int, bool], object],
        renew: Callable[[int], object],
        peer_authenticating: BoundSignal[int],
        peer_authentication_failed: BoundSignal[int],
    ) -> None:
        self.members = Members()
        self._transport = transport
        self._changed = changed
        self._renew = renew
        self._settings = state.settings
        self._rejections = state.rejections
        self._handlers = state.handlers
        self._api = state.api
        self._peer_authenticating = peer_authenticating
        self._peer_authentication_failed = peer_authentication_failed
        self._admitted = self.members.ids
        self._departed = Departed()
        self._authentication = Authentication()
        self.work = self._authentication.pending
        self._taken_over: set[int] = set()
        self._early: list[int] = []  # announced by the peer below before the server was admitted
        self._returning: dict[int, None] = {}  # members that have to authenticate once more
        self._unconfirmed: dict[int, None] | None = None  # by the server, since we came back

    def neighbour_packets(self) -> NeighbourPackets:
        """Return credentials, and what a server says about others."""
        return {Authenticate: self._receive, AddPeer: self._add, DelPeer: self._delete}

    @property
    def ids(self) -> list[int]:
        """The admitted ids, in order of joining; the last are those that authenticate again."""
        return [*self._admitted, *self._returning]

    @property
    def authenticating(self) -> list[int]:
        """The ids that are connected but not admitted, in order of connecting."""
        return self._authentication.peers

    def __contains__(self, peer: int) -> bool:
        return peer in self._admitted

    def knows(self, peer: int) -> bool:
        """Return whether ``peer`` is connected, admitted or not."""
        return (
            peer in self._admitted
            or peer in self._authentication
            or peer in self._returning
            or peer in self._early
        )

    def differences(self, below: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return who has come and who has gone without our hearing of it, because of an interrupt.

        Args:
            below: the peers that the peer below is connected to.
        """
        came = [peer for peer in below if not (self.knows(peer) or peer in self._departed)]
        neighbours = not self._transport.relays or self._transport.is_server
        known = [*self.ids, *self._authentication.peers, *self._early]
        here = {*below}
        gone = [p for p in known if p not in here and (neighbours or p == SERVER_ID)]
        return came, gone

    def is_authenticating(self, peer: int) -> bool:
        """Return whether ``peer`` is connected but not admitted."""
        return peer in self._authentication

    def drops(self, peer: int) -> bool:
        """Return whether ``peer`` has left; if so, count what was for it and goes nowhere."""
        if peer not in self._departed:
            return False
        self._rejections.drop("departed")
        return True

    def receivers(self, target: int) -> list[int]:
        """Return the peers that ``target`` means: 0 all, n that one, -n all but that one.

        None of them if it is one that has left.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: n has never joined, or is not an id.
        """
        if check_id(target) == 0:
            return list(self._admitted)
        peer = abs(target)
        known = peer in self._admitted or peer == self._transport.own_id
        if not known and peer not in self._departed:
            message = f"there is no peer {peer} in the session; get_peers() lists who is"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if target > 0:
            return [target] if target in self._admitted else []
        return [peer for peer in self._admitted if peer != -target]

    def is_meant(self, peer: int) -> bool:
        """Return whether one peer, or this program, is in the session; False if it has left.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it has never joined, or is not an id.
        """
        if peer in self._admitted or check_one(peer) == self._transport.own_id:
            return True
        self.receivers(peer)  # which raises
        return False

    def send(
        self, target: int, packet: bytes, mode: TransferMode = _RELIABLE, channel: int = 0
    ) -> None:
        """Send one packet to all that ``target`` means and that are admitted.

        Raises:
            MultiplayerError: as the peer's ``put_packet``.
        """
        transport = self._transport
        direct = self.direct(target)
        if direct is not None:
            transport.put_directly(direct, packet, mode, channel)
        elif transport.serves:
            excluded = (-target,) if target else ()
            transport.peer.send_to_members(packet, self.members, excluded, mode, channel)
        elif self._settings.server_relay:
            transport.put(target, packet, mode, channel)

    def direct(self, target: int) -> int | None:
        """Return whom the peer below is to send what is for ``target``, if that is all to be done.

        None if it is to be wrapped, is for members only, or reaches nobody.
        """
        transport = self._transport
        if target <= 0 and transport.serves:
            return None
        if not self._settings.server_relay and not transport.is_server:
            return SERVER_ID if target != -SERVER_ID else None  # a client reaches nobody else
        return None if transport.wraps(target) else target

    def check(self, target: int, packet: bytes, channel: int = 0) -> None:
        """Raise if :meth:`send` would not take so long a packet.

        Raises:
            MultiplayerError: ``ERR_OUT_OF_MEMORY``: it is too long.
        """
        if not self._settings.server_relay and not self._transport.is_server:
            target = SERVER_ID
        self._transport.check(target, packet, channel)

    # ---------------------------------------------------------------- joining

    def connected(self, peer: int) -> None:
        """Handle the word of the peer below that ``peer`` is there."""
        if not self._belongs(peer):
            return
        self._departed.discard(peer)
        do, emission = self._handlers.do, self._handlers.emission
        if peer in self._taken_over:  # it was there before the peer below could say so
            told = emission(self._api.peer_connected, peer, peer)
            do(partial(self._taken_over.discard, peer), told)
        elif self.knows(peer):
            return  # an interrupt made us find out by ourselves
        elif self._authenticates(peer):
            now, timeout = self._transport.peer.now(), self._settings.auth_timeout
            told = emission(self._peer_authenticating, peer, peer)
            do(partial(self._authentication.begin, peer, now, timeout), told)
        elif SERVER_ID in self._authentication:
            self._early.append(peer)
        else:
            self._admit(peer)

    def _belongs(self, peer: int) -> bool:
        """Whether a client takes in a peer that the peer below announces."""
        return peer == SERVER_ID or self._settings.server_relay or self._transport.is_server

    def _authenticates(self, peer: int) -> bool:
        between_neighbours = peer == SERVER_ID or self._transport.is_server
        return self._settings.auth_callback is not None and between_neighbours

    def take_over(self, peers: Sequence[int]) -> None:
        """Silently admit those who are there, since the session was up before we came.

        If they must authenticate, that begins now. Clients hear of each other if the API tells
        them.
        """
        suspended = self._transport.peer.get_suspended_peers()
        self.members.suspended.update(suspended)
        for peer in peers:
            if self._settings.auth_callback is not None and peer in suspended:
                self.take_in_suspended(peer)
            elif self._settings.auth_callback is not None:
                self.connected(peer)
            elif self._belongs(peer):
                self._departed.discard(peer)
                self._introduce(peer)
                self.members.add(peer)
                self._changed(peer, True)
                self._taken_over.add(peer)

    def _introduce(self, peer: int) -> None:
        """Tell the others about a client, and it about them, if the peer below does not."""
        transport = self._transport
        if transport.serves and self._settings.server_relay:
            transport.pass_on(peer, transport.wire.add_peer(peer), self.members)
            self._tell_roster(peer)

    def _tell_roster(self, peer: int) -> None:
        transport = self._transport
        for other in self.ids:
            if other != peer:
                transport.answer(peer, transport.wire.add_peer(other))

    def _admit(self, peer: int) -> None:
        if peer in self._admitted:
            return
        if peer in self._returning:
            self._handlers.do(partial(self._take_in_again, peer), partial(self._renew, peer))
            return
        emission = self._handlers.emission
        steps: list[Callable[[], object]] = [
            partial(self._introduce, peer),
            partial(self._take_in, peer),
            partial(self._changed, peer, True),
        ]
        if peer == SERVER_ID:
            steps.append(emission(self._api.connected_to_server, peer))
        steps.append(emission(self._api.peer_connected, peer, peer))
        if peer == SERVER_ID:
            steps.append(self._admit_early)
        self._handlers.do(*steps)

    def _take_in(self, peer: int) -> None:
        transport = self._transport
        if transport.is_server and not transport.relays:
            transport.peer.admit_peer(peer)
        self.members.add(peer)

    def _admit_early(self) -> None:
        while self._early:
            self._admit(self._early[0])
            self._early = [peer for peer in self._early if peer not in self._admitted]

    def _add(self, arrived: Arrived, packet: AddPeer) -> None:
        """Handle the server's word that a peer is there."""
        source = arrived.source
        if not self._may_announce(source):
            return
        peer = packet.peer
        if self._unconfirmed and peer in self._unconfirmed:
            del self._unconfirmed[peer]
            return
        if peer <= SERVER_ID or peer == self._transport.own_id or peer in self._admitted:
            detail = f"it says that peer {peer} has joined, which cannot be"
            self._rejections.reject(source, RejectReason.IMPOSSIBLE_ID, detail)
            return
        self._departed.discard(peer)
        told = self._handlers.emission(self._api.peer_connected, peer, peer)
        self._handlers.do(partial(self.members.add, peer), partial(self._changed, peer, True), told)

    # ---------------------------------------------------------------- leaving

    def disconnected(self, peer: int) -> None:
        """Handle the word of the peer below that ``peer`` has left."""
        self._taken_over.discard(peer)
        do, emission = self._handlers.do, self._handlers.emission
        if peer in self._returning:
            told = emission(self._api.peer_disconnected, peer, peer)
            do(partial(self._remove, peer), told)
        elif peer in self._authentication:
            told = emission(self._peer_authentication_failed, peer, peer)
            do(partial(self._end_authentication, peer), self._note_not_admitted, told)
        elif peer in self._early:
            self._departed.add(peer)
            self._early.remove(peer)
        elif peer in self._admitted:
            told = emission(self._api.peer_disconnected, peer, peer)
            do(partial(self._remove, peer), told)

    def _end_authentication(self, peer: int) -> None:
        self._departed.add(peer)
        self._authentication.end(peer)

    def _delete(self, arrived: Arrived, packet: DelPeer) -> None:
        """Handle the server's word that a peer has left."""
        source = arrived.source
        if not self._may_announce(source):
            return
        peer = packet.peer
        if self._unconfirmed is not None and peer == self._transport.own_id:
            gone, self._unconfirmed = self._unconfirmed, None
            self._handlers.do(*(partial(self._lose, each) for each in gone))
            return
        if peer == SERVER_ID or peer not in self._admitted:
            detail = f"it says that peer {peer} has left, which was not there"
            self._rejections.reject(source, RejectReason.IMPOSSIBLE_ID, detail)
            return
        if self._unconfirmed is not None:
            self._unconfirmed.pop(peer, None)
        self._lose(peer)

    def _lose(self, peer: int) -> None:
        """Report that a peer has left, on a client that was told so."""
        told = self._handlers.emission(self._api.peer_disconnected, peer, peer)
        self._handlers.do(partial(self._depart, peer), told, partial(self._gone_for_good, peer))

    def _gone_for_good(self, peer: int) -> None:
        if peer not in self._admitted:  # a listener may have ended the session, and begun one
            self._changed(peer, False)

    def _depart(self, peer: int) -> None:
        self._departed.add(peer)
        self.members.remove(peer)

    def expelled(self, peer: int) -> None:
        """Forget ``peer`` at once, because we end its connection; tell only the others."""
        if peer in self._returning:
            self._remove(peer)
        elif peer in self._authentication:
            self._end_authentication(peer)
        elif peer in self._admitted:
            self._remove(peer)

    def _remove(self, peer: int) -> None:
        transport = self._transport
        self._returning.pop(peer, None)
        self._authentication.end(peer)
        self._depart(peer)
        if transport.serves and self._settings.server_relay:
            transport.pass_on(peer, transport.wire.del_peer(peer), self.members)

    # ---------------------------------------------------------------- coming back

    def is_returning(self, peer: int) -> bool:
        """Return whether a member has to authenticate once more, or is doing so."""
        return peer in self._returning

    def take_in_suspended(self, peer: int) -> None:
        """Let a peer be of the session that was before: its seat was restored, or we are new.

        If it must authenticate, it does so when it comes.
        """
        if self._authenticates(peer):
            self._departed.add(peer)
            self._returning[peer] = None
        else:
            self._departed.discard(peer)
            self.members.add(peer)
            self._changed(peer, True)

    def authenticates_again(self, peer: int) -> bool:
        """Let a peer that begins anew authenticate, if it must; return whether it must.

        Once it has, ``renew`` is called with its id. Meanwhile it is sent nothing else.
        """
        if not self._authenticates(peer):
            return False
        if not self._authentication.end(peer):
            self._returning[peer] = None
            self._depart(peer)
        now, timeout = self._transport.peer.now(), self._settings.auth_timeout
        told = self._handlers.emission(self._peer_authenticating, peer, peer)
        self._handlers.do(partial(self._authentication.begin, peer, now, timeout), told)
        return True

    def _take_in_again(self, peer: int) -> None:
        self._departed.discard(peer)
        self._take_in(peer)
        self._returning.pop(peer, None)

    def introduce_again(self, peer: int) -> None:
        """Tell a client that begins anew of the others, and them to forget what it knew of them.

        Those that speak the words of coming back are told by the peer below; the others hear that
        it has left, and joined.
        """
        transport = self._transport
        if not (transport.serves and self._settings.server_relay):
            return
        wire, told = transport.wire, transport.peer.tell_renewed(peer)
        for packet in (wire.del_peer(peer), wire.add_peer(peer)):
            transport.pass_on(peer, packet, self.members, {peer, *told})
        self._tell_roster(peer)
        if peer in told:  # so that it can tell who has left meanwhile
            transport.answer(peer, wire.del_peer(peer))

    def expect_roster(self) -> None:
        """On a client that has come back: the server is about to say who is still there."""
        if self._transport.relays and self._settings.server_relay:
            self._unconfirmed = dict.fromkeys(each for each in self._admitted if each != SERVER_ID)

    def _may_announce(self, source: int) -> bool:
        if source == SERVER_ID and self._settings.server_relay and self._transport.relays:
            return True
        detail = "only the server says who joins and leaves, and only where the peers do not"
        self._rejections.reject(source, RejectReason.SYSTEM_PACKET_FROM_CLIENT, detail)
        return False

    # ---------------------------------------------------------------- authentication

    def _receive(self, arrived: Arrived, packet: Authenticate) -> None:
        """Handle credentials, or the word that they suffice."""
        source = arrived.source
        if source not in self._authentication:
            # One that was admitted meanwhile may still say that it has seen enough.
            if packet.data:
                detail = "it sends credentials but is already admitted"
                self._rejections.reject(source, RejectReason.UNEXPECTED_AUTHENTICATION, detail)
        elif not packet.data:
            self._authentication.they_complete(source)
            self._admit_if_complete(source)
        elif self._settings.auth_callback is not None:
            self._authentication.heard(source)
            try:
                self._settings.auth_callback(source, packet.data)
            except Exception as error:  # the program's own code: anything
                if source in self._authentication:  # a peer that cannot be judged stays out
                    why = f"this client's auth_callback raised {kind_of(error)}: {text_of(error)}"
                    self._fail(source, "its credentials cannot be checked", why)
                self._handlers.failed(source, "auth_callback", error)
            except BaseException:
                self._handlers.passes()
                raise

    def send_auth(self, peer: int, data: bytes) -> None:
        """See ``SceneMultiplayer.send_auth``."""
        if not data:
            message = "credentials cannot be empty"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if not self._is_pending(peer) or self._authentication.is_done(peer):
            if peer not in self._departed:
                self._rejections.drop("authenticated")
            return
        self._transport.put_directly(peer, self._transport.wire.authenticate(data))

    def complete_auth(self, peer: int) -> None:
        """See ``SceneMultiplayer.complete_auth``."""
        if not self._is_pending(peer) or self._authentication.have_completed(peer):
            return
        self._transport.put_directly(peer, self._transport.wire.authenticate(b""))
        self._authentication.we_complete(peer)
        self._admit_if_complete(peer)

    def _admit_if_complete(self, peer: int) -> None:
        if self._authentication.is_complete(peer):
            end = partial(self._authentication.end, peer)
            self._handlers.do(end, partial(self._admit, peer))

    def _is_pending(self, peer: int) -> bool:
        """Return False if a peer is admitted, or has left: that is nobody's mistake.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it never had to authenticate.
        """
        if check_id(peer) in self._authentication:
            return True
        if self.drops(peer):
            return False
        is_neighbour = peer == SERVER_ID or self._transport.is_server
        if peer in self._admitted and is_neighbour and self._transport.wire.authenticates:
            return False
        message = f"peer {peer} is not being authenticated; see get_authenticating_peers()"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def process(self, now: float) -> None:
        """Disconnect those that have taken too long to authenticate."""
        for peer in self._authentication.late(now) if self._authentication.pending else ():
            lateness = self._authentication.lateness(peer)
            told = lateness.to_other_side(is_server=self._transport.is_server)
            self._log_late(peer, lateness)
            self._fail(peer, told, lateness.to_program())

    def _log_late(self, peer: int, lateness: Lateness) -> None:
        if _log.isEnabledFor(logging.INFO) and self._transport.peer.may_log(peer, logging.INFO):
            is_server = self._transport.is_server
            why = lateness.to_log() if is_server else lateness.to_program()
            write_line(_log, logging.INFO, "peer %s: %s", peer, why, fields={"peer_id": peer})

    def _fail(self, peer: int, told: str, why: str) -> None:
        """Send away a peer that is not admitted.

        Args:
            peer: its id.
            told: the reason for the peer.
            why: the reason for this program, if it is a client.
        """
        steps: list[Callable[[], object]] = [partial(self._end_authentication, peer)]
        if not self._transport.is_server:
            steps.append(partial(self._transport.peer.note_not_admitted, why))
        steps.append(partial(self._send_away, peer, told))
        failed = self._handlers.emission(self._peer_authentication_failed, peer, peer)
        self._handlers.do(*steps, failed)

    def _note_not_admitted(self) -> None:
        if not self._transport.is_server:
            self._transport.peer.note_not_admitted()

    def _send_away(self, peer: int, told: str) -> None:
        with suppress(MultiplayerError):  # it may have gone by itself
            self._transport.peer.expel_peer(peer, told)

    def next_deadline(self) -> float:
        """Return when :meth:`process` has something to do, in seconds of the peer's clock."""
        return self._authentication.next_deadline()

    def reset(self) -> None:
        """Forget everybody and tell nobody: the session is over."""
        self.members.clear()
        self._authentication.clear()
        self._early.clear()
        self._returning.clear()
        self._unconfirmed = None
        self._taken_over.clear()
        self._departed.clear()
