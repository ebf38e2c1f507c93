"""``ClientRole``: what makes a peer a client, connected to a server."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.log_line import write_line
from multiplayer.support.log_text import one_line

from .events import (
    Broken,
    CloseReceived,
    Drained,
    Ended,
    Failed,
    Message,
    Opened,
)
from .failure import Failure
from .inbox import no_session
from .packets import check_packet

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode

    from .cause import Cause
    from .client_envelope import ClientEnvelope, ClientHost
    from .commons import Commons
    from .face import Face, FaceOwner
    from .peer_channel import PeerChannel
    from .statistics import Statistics

_log = logging.getLogger("peers.client_role")

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_NO_FAULT: Final = (-1, 1000, 1001, 1005)
"""Close codes that say nothing, or that the server has ended."""


class ClientRole:
    """A client's connection to its server, and what is left of it once it has ended.

    Args:
        host: the object that users hold.
        commons: what it works with.
        envelope: what messages mean.
        face: the connection as users see it; there is one, even before connecting.

    Attributes:
        status: the client's status.
        link: the connection; None while disconnected.
    """

    serves = False
    leaving = False

    def __init__(
        self, host: ClientHost, commons: Commons, envelope: ClientEnvelope, face: Face
    ) -> None:
        self._host = host
        self._endpoint = commons.endpoint
        self._agenda = commons.agenda
        self._past = commons.past
        self._not_admitted: Failure | None = None
        self.envelope = envelope
        self.face = face
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED
        self.link: PeerChannel | None = None
        self.max_packet = 0  # the longest message to send, in bytes; 0 for any

    @property
    def id(self) -> int:
        """Our own id; 0 until the server has sent it."""
        return self.envelope.id

    # ---------------------------------------------------------------- beginning and ending

    def begin(self, link: PeerChannel, max_packet: int, owner: FaceOwner) -> None:
        """Begin to connect.

        Args:
            link: the connection.
            max_packet: the longest message to send, in bytes; 0 for any.
            owner: the object that users hold.
        """
        link.peer_id = SERVER_ID
        self.link, self.max_packet = link, max_packet
        self.status = ConnectionStatus.CONNECTION_CONNECTING
        self.face.attach(link, self._endpoint, max_packet, owner)

    def close(self, code: int | Cause, reason: str) -> None:
        """Begin to close the connection, if there is one."""
        if self.link is not None:
            self._endpoint.begin_closing(self.link, code, reason)

    def begin_leaving(self, code: int, reason: str = "") -> None:
        """Do the same."""
        self.close(code, reason)

    def end(self, *, silently: bool = False) -> None:
        """Become disconnected; keep what can still be asked for.

        Args:
            silently: log nothing; a client never does.
        """
        del silently
        if self.link is not None:
            self._past.add(self.link.statistics)
        self.face.detach()
        self.link = None
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED

    def came_up(self, link: PeerChannel) -> None:
        """Note that the session is up."""
        self.status = _CONNECTED
        link.settle(self._endpoint.clock())

    def end_of_server(self, failure: Failure | None, *, clean: bool) -> None:
        """Report that the connection is over, and forget it.

        Args:
            failure: why; None if it was closed properly.
            clean: close frames went both ways.
        """
        was_up = self.status is _CONNECTED
        if failure is None and not was_up:
            code, reason = self.face.get_close_code(), self.face.get_close_reason()
            with_reason = f" {reason!r}" if reason else ""
            failure = Failure("id", f"closed with {code}{with_reason} before the session was up")
        forget = partial(self._forget, self.link, failure, was_up=was_up)
        self._agenda.then(forget, *self.envelope.words_of_the_end(was_up=was_up, clean=clean))

    def _forget(self, link: PeerChannel | None, failure: Failure | None, *, was_up: bool) -> None:
        if link is not self.link:
            return
        self._host.failure = self._not_admitted or failure
        if was_up and not self.face.closed_by_us:
            self._note_why_closed()
        self.end()
        if not was_up:
            why = one_line(str(failure))
            write_line(_log, logging.INFO, "never connected: %s", why, fields={})

    def _note_why_closed(self) -> None:
        """Log what the server found fault with, if it did."""
        code, reason = self.face.get_close_code(), self.face.get_close_reason()
        if code not in _NO_FAULT:
            said = f" {one_line(reason)!r}" if reason else ""
            write_line(_log, logging.INFO, "the server closed with %s%s", code, said, fields={})

    def note_not_admitted(self, why: str) -> None:
        """Make the failure say that the API above did not get into the session.

        Args:
            why: in words; "" if the server ended the connection.
        """
        failure = self._host.failure
        if why:
            self._host.failure = self._not_admitted = Failure("authentication", why)
        elif self.link is None and failure is None:
            face = self.face
            if not face.closed_by_us:
                code, reason = face.get_close_code(), face.get_close_reason()
                said = f" {reason!r}" if reason else ""
                sentence = f"the server closed with {code}{said}"
                self._host.failure = Failure("authentication", sentence)
        elif self.link is None and failure is not None and failure.stage == "left":
            detail = f"the server ended the connection {failure.detail}"
            self._host.failure = Failure("authentication", detail)

    # ---------------------------------------------------------------- what happens

    def handle(self, link: PeerChannel, event: object) -> None:
        """Handle one event."""
        if link is not self.link:
            return  # an earlier connection that still lingers
        if type(event) is Message:
            self.envelope.take(self, link, event)
        elif isinstance(event, Opened):
            self.envelope.opened(self, link)
        elif isinstance(event, CloseReceived):
            self.envelope.told_to_close(event)
            self._agenda.then(partial(self._answer_close, link, event))
        elif isinstance(event, Broken):
            link.blame(event)
            link.fail(event, self._endpoint.clock())
            self.end_of_server(link.failure, clean=False)
        elif isinstance(event, Failed):
            self.end_of_server(event.failure, clean=False)
        elif isinstance(event, Ended):
            self.end_of_server(event.failure, clean=event.clean)
        elif isinstance(event, Drained) and self.status is _CONNECTED:
            self._agenda.then_emit(self._host.peer_drained, SERVER_ID, SERVER_ID)

    def lane(self, link: PeerChannel) -> int:
        """Return the server while its packets may go straight; 0 before and after."""
        return SERVER_ID if link is self.link and self.status is _CONNECTED else 0

    def _answer_close(self, link: PeerChannel, event: CloseReceived) -> None:
        if link is self.link:
            link.answer_close(event, self._endpoint.clock())

    def keep_time(self, now: float) -> None:
        """Do what is due."""
        del now
        self._endpoint.alarm = math.inf

    def recover(self) -> list[PeerChannel]:
        """Return the connection if it is over, and nobody has been told."""
        return [] if self.link is None or not self.link.over else [self.link]

    # ---------------------------------------------------------------- packets

    def put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        """Send a packet; see ``MultiplayerPeer.put_packet``."""
        envelope = self.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        data, most = packet, self.max_packet
        if type(data) is not bytes or (0 < most < len(data) + size):
            data = check_packet(packet, most, envelope=size)
        if not data:
            return
        link = self.link
        if link is None or self.status is not _CONNECTED or not envelope.in_session:
            raise self._not_up()
        message = envelope.message(data, target, mode, channel)
        if message:
            link.send(message, text=False, mode=mode)
            self._endpoint.look_at(link)
        else:
            link.drop("departed")

    def _not_up(self) -> MultiplayerError:
        failure = self._host.failure
        if self.status is ConnectionStatus.CONNECTION_CONNECTING:
            message = "the session is not up yet; wait for connection_succeeded"
        elif self.status is _CONNECTED:
            return no_session("put_packet")
        elif failure is not None:
            message = f"not connected: the last attempt failed ({failure}); connect again"
        else:
            message = "not connected; connect first, and wait for connection_succeeded"
        code = Error.FAILED if self.envelope.in_session else Error.ERR_UNCONFIGURED
        return MultiplayerError(code, message)

    # ---------------------------------------------------------------- who is there

    def peers(self) -> list[int]:
        """Return the peers that the client knows of, ascending."""
        return self.envelope.others() if self.status is _CONNECTED else []

    def find(self, peer_id: int) -> Face:
        """Return the connection to the server, through which a client hears of everybody."""
        del peer_id
        return self.face

    def get_peer(self, peer_id: int) -> Face:
        """Return the connection to the server, for id 1.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: any other id.
        """
        if check_id(peer_id) != SERVER_ID:
            message = f"a client is connected only to the server (1), not to {peer_id}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return self.face

    def link_of(self, peer_id: int) -> PeerChannel:
        """Return the connection to the server while there is one.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none, or another id than 1.
        """
        self.get_peer(peer_id)
        if self.link is None:
            message = "this client has no connection to the server; connect first"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return self.link

    def backlog(self, peer_id: int) -> int:
        """Return how many bytes wait for the server, through which everything goes."""
        del peer_id
        return self.link.buffered if self.link is not None else 0

    def disconnect(self, peer_id: int, code: int, reason: str, *, force: bool) -> None:
        """Close the connection to the server.

        Args:
            peer_id: its id, 1.
            code: the close code.
            reason: the reason.
            force: forget it at once; the caller then ends everything.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: any other id.
        """
        self.get_peer(peer_id)
        if not force:
            self.close(code, reason)

    def left_silently(self, peer_id: int) -> bool | None:
        """Return whether the server left by itself and without a close frame."""
        del peer_id
        return self.face.left_silently

    def faces(self) -> list[Face]:
        """Return what packets of the connection can be fetched from."""
        return [self.face]

    def snapshots(self) -> list[Statistics]:
        """Return what is counted of the connection, if there is one."""
        return [] if self.link is None else [self.link.snapshot()]

    def links(self) -> list[PeerChannel]:
        """Return the connection, if there is one."""
        return [] if self.link is None else [self.link]
