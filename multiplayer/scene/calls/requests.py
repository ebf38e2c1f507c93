"""Calls that ask for an answer: ``node.method.call_id(peer, …)``, on both sides.

Our own addition, in dialects that have packets for it (``docs/protocol/native.md``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from multiplayer.addressing import check_id
from multiplayer.errors import DecodeError, Error, MultiplayerError, RemoteError, divided
from multiplayer.multiplayer_peer import TransferMode
from multiplayer.scene.methods.argument_types import answer_check
from multiplayer.scene.methods.type_checks import WrongTypeError
from multiplayer.scene.pending_calls import OpenRequests, PendingCall, requested_too_late
from multiplayer.scene.rejections import RejectReason
from multiplayer.scene.subsystem import Subsystem
from multiplayer.support.log_text import one_line
from multiplayer.wire.dialects.api_packets import ErrorResponse, Request, Response

from .error_responses import LONGEST_KIND, LONGEST_TEXT, error_that_fits, told_of
from .incoming_calls import Rejected
from .outgoing_calls import method_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.peers import Peers
    from multiplayer.scene.subsystem import MemberPackets
    from multiplayer.scene.transport import Transport

    from .incoming_calls import IncomingCalls, Ready
    from .outgoing_calls import OutgoingCalls
    from .runner import Runner


class _Asker(NamedTuple):
    """The peer that waits for an answer, and since when."""

    peer: int
    request_id: int
    """Its number."""
    session: int
    """See ``MultiplayerPeer.sessions``."""
    times_cleared: int
    times_renewed: int
    """How often the peer had begun anew when it asked."""


class Requests(Subsystem):
    """The requests of one session, ours and theirs.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        outgoing: sends calls.
        incoming: checks whether calls may run.
        runner: runs methods.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        outgoing: OutgoingCalls,
        incoming: IncomingCalls,
        runner: Runner,
    ) -> None:
        self._transport = transport
        self._peers = peers
        self._outgoing = outgoing
        self._incoming = incoming
        self._runner = runner
        self._places = state.objects.places
        self._settings = state.settings
        self._handlers = state.handlers
        self._rejections = state.rejections
        self._statistics = state.statistics
        self._open_requests = OpenRequests(state.handlers)
        self._times_cleared = 0
        self._times_renewed: Counter[int] = Counter()

    def member_packets(self) -> MemberPackets:
        """Return requests, and both kinds of answers."""
        return {
            Request: self._receive,
            Response: self._receive_response,
            ErrorResponse: self._receive_error,
        }

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Tell those who wait for a peer that has left."""
        if not present:
            self._open_requests.left(peer)
            self._times_renewed.pop(peer, None)

    def peer_renewed(self, peer: int, *, by_us: bool) -> None:
        """Tell those who wait for a peer that begins anew; it is answered no old question."""
        del by_us
        self._times_renewed[peer] += 1
        self._open_requests.began_anew(peer)

    def reset(self) -> None:
        """The session is over: tell those who wait."""
        self._times_renewed.clear()
        self._times_cleared += 1
        self._open_requests.everybody_left()

    # ---------------------------------------------------------------- asking

    def send(
        self, peer: int, member: object, name: str, arguments: Sequence[object]
    ) -> PendingCall[Any]:
        """Ask one peer; see ``SceneMultiplayer.call_id``."""
        wire = self._transport.wire
        if not wire.responds:
            message = "Godot has no calls with answers; use Dialect.NATIVE for them"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        check_id(peer)
        place = self._places.of(member)
        method = method_for(place, name, len(arguments))
        if self._settings.validate:
            answer_check(method)  # raises if it cannot be checked

        def fit(value: object) -> object:
            return answer_check(method).fit(value)

        what = f"{place.path}: {name}()"
        position = self._outgoing.number_of(place, name)
        if self._peers.drops(peer):
            wire.request(0, name, position, arguments)  # raises for what cannot be sent to anybody
            return requested_too_late(peer, what)
        if peer not in self._peers:
            message = f"there is no peer {peer} to ask; get_peers() lists who is there"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        number, pending = self._open_requests.open(peer, what, fit)
        try:
            packet = wire.request(number, name, position, arguments)
            # Reliable, whatever the method says: nobody would answer a dropped question.
            config = replace(method.config, transfer_mode=TransferMode.TRANSFER_MODE_RELIABLE)
            self._outgoing.send(peer, place, packet, [peer], config)
        except BaseException:
            self._open_requests.forget(peer, number)
            raise
        return pending

    def _receive_response(self, sender: int, response: Response) -> None:
        """Handle a peer's answer."""
        request = self._open_requests.get(sender, response.request_id)
        if request is None:
            self._reject_answer(sender)
            return
        try:
            value = self._transport.wire.read_value(
                response.value, self._transport.peer.limits.max_nesting_depth
            )
        except DecodeError as error:
            why = one_line(f"the answer cannot be decoded: {error}", LONGEST_TEXT)
            refused = RemoteError("DecodeError", why)
            reason, detail = RejectReason.UNDECODABLE_ARGUMENTS, f"an answer: {error}"
            self._rejections.reject(sender, reason, detail)
            self._open_requests.fail(sender, response.request_id, refused)
            return
        if self._settings.validate:
            try:
                value = request.fit(value)
            except (WrongTypeError, MultiplayerError) as error:
                detail = f"{request.call.what}: {error}"
                self._fail(sender, response.request_id, error, detail)
                return
        self._open_requests.answer(sender, response.request_id, value)

    def _fail(self, sender: int, request_id: int, error: Exception, detail: str) -> None:
        """End a request whose answer has not the type that our method says."""
        wrong = isinstance(error, WrongTypeError)
        reason = RejectReason.WRONG_TYPE if wrong else RejectReason.UNCHECKABLE
        self._rejections.reject(sender, reason, detail)
        self._open_requests.fail(sender, request_id, RemoteError(reason, detail))

    def _receive_error(self, sender: int, response: ErrorResponse) -> None:
        """Handle a peer's refusal to answer."""
        error = RemoteError(
            one_line(response.kind, LONGEST_KIND), one_line(response.text, LONGEST_TEXT)
        )
        if not self._open_requests.fail(sender, response.request_id, error):
            self._reject_answer(sender)

    def _reject_answer(self, sender: int) -> None:
        detail = "it answers a question that is not open: too late, or never asked"
        self._rejections.reject(sender, RejectReason.UNEXPECTED_ANSWER, detail)

    # ---------------------------------------------------------------- answering

    def _receive(self, sender: int, request: Request) -> None:
        """Handle a peer's question: run the method, and send what it returns or raises.

        Raises:
            BaseException: one that is not an ``Exception``, such as SystemExit, once the peer was
                told.
        """
        asker = _Asker(
            sender,
            request.request_id,
            self._transport.peer.sessions,
            self._times_cleared,
            self._times_renewed[sender] if self._times_renewed else 0,
        )
        ready = self._incoming.prepare(sender, request.call)
        if isinstance(ready, Rejected):
            self._rejections.reject(sender, *ready)
            self._respond_error(asker, ready.reason, ready.detail)
            return
        self._statistics.calls_received += 1
        if ready.method.is_async:
            answer = partial(self._answer_later, asker)
            where = ready.place.where(ready.method)
            try:
                self._runner.start(sender, where, answer, ready)
            except Exception as error:  # of the function that starts tasks
                self._tell_failure(asker, ready, error)
            except BaseException as error:
                self._respond_error(asker, *told_of(error))
                self._handlers.passes()
                raise
        else:
            self._runner.call_as(sender, self._answer_now, asker, ready)

    def turned_away(self, sender: int, packet: object) -> None:
        """Refuse a question from a peer that is connected but not, or no longer, in the session."""
        if isinstance(packet, Request) and sender in self._transport.peer.get_peers():
            text = "the session does not know this peer"
            self._send_error(sender, packet.request_id, RejectReason.UNKNOWN_PEER, text)

    def _answer_now(self, asker: _Asker, ready: Ready) -> None:
        try:
            value = ready.method.function(ready.place.member, *ready.arguments)
        except Exception as error:  # goes to who asked
            self._tell_failure(asker, ready, error)
        except BaseException as error:  # goes there too
            self._respond_error(asker, *told_of(error))
            self._handlers.passes()
            raise
        else:
            self._respond(asker, ready, value)

    async def _answer_later(self, asker: _Asker, ready: Ready) -> None:
        try:
            value = await ready.method.function(ready.place.member, *ready.arguments)
        except GeneratorExit:  # a coroutine that is thrown away, on whatever thread
            raise
        except BaseException as error:
            failure, passing = divided(error)
            if failure is not None:  # goes to who asked
                self._tell_failure(asker, ready, failure)
            else:  # Ctrl-C, or a task that is cancelled
                self._respond_error(asker, *told_of(error))
            if passing is not None:
                raise passing from passing.__cause__
        else:
            self._respond(asker, ready, value)

    def _is_over(self, asker: _Asker) -> bool:
        """Return whether the session in which somebody asked has ended.

        In another one, the number of the request means another one.
        """
        transport = self._transport
        return not transport.is_up or transport.peer.sessions != asker.session

    def _is_there(self, asker: _Asker) -> bool:
        """Return whether the asker can be answered.

        The method may have ended the session, or forgotten it (``clear``) while the connection goes
        on.
        """
        if self._is_over(asker) or self._times_renewed.get(asker.peer, 0) != asker.times_renewed:
            return False
        if asker.times_cleared == self._times_cleared:
            return asker.peer in self._peers
        transport = self._transport
        return asker.peer in transport.peer.get_peers() or transport.wraps(asker.peer)

    def _tell_failure(self, asker: _Asker, ready: Ready, error: Exception) -> None:
        where = ready.place.where(ready.method)
        if self._is_over(asker):
            self._handlers.failed(asker.peer, where, error)
        else:
            self._respond_error(asker, *told_of(error))
            self._handlers.answered(asker.peer, where, error)

    def _respond(self, asker: _Asker, ready: Ready, value: object) -> None:
        if not self._is_there(asker):
            return
        try:
            self._transport.put(asker.peer, self._transport.wire.response(asker.request_id, value))
        except Exception as error:  # such a value cannot be sent, or is too large
            kind, text = told_of(error)
            if isinstance(error, MultiplayerError):
                text = error.message
            self._respond_error(asker, kind, text)
            where = f"sending the answer of {ready.place.where(ready.method)}"
            self._handlers.answered(asker.peer, where, error)

    def _respond_error(self, asker: _Asker, kind: str, text: str) -> None:
        if self._is_there(asker):
            self._send_error(asker.peer, asker.request_id, kind, text)

    def _send_error(self, peer: int, request_id: int, kind: str, text: str) -> None:
        transport = self._transport
        room = transport.room(peer)
        transport.answer(peer, error_that_fits(transport.wire, request_id, kind, text, room))
