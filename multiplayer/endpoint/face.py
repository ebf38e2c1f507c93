"""``Face``: one connection of a client or server, as its users see it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from multiplayer.errors import Error, MultiplayerError
from multiplayer.packet_peer import DEFAULT_VALUE_LIMIT, PacketPeer
from multiplayer.support.internal import internal

from .packets import check_packet
from .statistics import Statistics

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from multiplayer.codecs import Codec

    from .events import Message
    from .failure import Failure
    from .peer_channel import PeerChannel, PeerEndpoint


_NOTHING: Final[deque[Any]] = deque(maxlen=0)
"""What a face has until something waits in it: a deque takes 760 bytes, and most need none."""


class FaceOwner(Protocol):
    """Whose settings a connection's packets have, unless it has others."""

    @property
    def codec(self) -> Codec:
        """See ``MultiplayerPeer``."""
        ...

    @property
    def encode_buffer_max_size(self) -> int:
        """See ``MultiplayerPeer``."""
        ...


class Face(PacketPeer):
    """One connection of a client or server, as ``get_peer()`` returns it.

    In plain mode, this sends and receives. Otherwise packets go through the client or server
    object, and this one only describes the connection. It outlives the connection, and shows
    another one when that carries the same member.
    """

    # Not set for each object: most are those of a server's clients, in a session.
    _link: PeerChannel | None = None
    _endpoint: PeerEndpoint | None = None
    _max_packet = 0
    _ended = True
    _drops: Counter[str] | None = None
    _why_dropped = "departed"
    _inbox: deque[Message] = _NOTHING
    _was_string = False
    _given_codec = PacketPeer.codec
    _given_size = DEFAULT_VALUE_LIMIT

    def __repr__(self) -> str:
        link: PeerChannel | None = vars(self).get("_link")
        if link is None:
            return f"<{type(self).__name__}, without a connection>"
        state = "ended" if self._ended else "open" if link.is_open else "not open"
        where = f" {self.address}" if self.address else ""
        return f"<{type(self).__name__}{where}, {state}>"

    # ---------------------------------------------------------------- for client and server

    @internal
    def attach(
        self, link: PeerChannel, endpoint: PeerEndpoint, max_packet: int, owner: FaceOwner
    ) -> None:
        """Become the face of a new connection (called by the client or server).

        Args:
            link: the connection.
            endpoint: what has it.
            max_packet: the longest packet to send, in bytes; 0 for any.
            owner: its ``codec`` and ``encode_buffer_max_size`` apply, unless others have been set
                here.
        """
        codec, size = owner.codec, owner.encode_buffer_max_size
        if self.codec is self._given_codec is not codec:
            self.codec = self._given_codec = codec
        if self.encode_buffer_max_size == self._given_size != size:
            self.encode_buffer_max_size = self._given_size = size
        put = object.__setattr__  # our own do not check the names of these
        put(self, "_link", link)
        put(self, "_endpoint", endpoint)
        put(self, "_max_packet", max_packet)
        put(self, "_ended", False)
        self._inbox.clear()

    @internal
    def move_to(self, link: PeerChannel) -> None:
        """Be the face of another connection, which carries the same member from now on."""
        self._link = link
        self._drops = None

    @internal
    def lose(self, drops: Counter[str]) -> None:
        """Note that no connection carries the member; see ``adrift.py``.

        Args:
            drops: the member's counters, for what is put here meanwhile.
        """
        self._drops, self._why_dropped = drops, "adrift"

    @internal
    def detach(self, drops: Counter[str] | None = None) -> None:
        """Note that the end of the connection was reported (called by the client or server).

        Args:
            drops: a server's counters, for what is put here too late; None on a client, which then
                has nobody to send to.
        """
        self._ended = True
        self._drops, self._why_dropped = drops, "departed"

    @internal
    def sizes(self) -> list[int]:
        """Return how long each packet is that waits to be fetched."""
        return [len(message.data) for message in self._inbox]

    def stored(self) -> Iterator[tuple[PeerChannel, int]]:
        """Yield the connection and the size of each packet that waits to be fetched."""
        if self._link is not None:
            for message in self._inbox:
                yield self._link, len(message.data)

    @internal
    def store(self, message: Message) -> None:
        """Queue a message to be fetched (called by the client or server)."""
        if self._inbox is _NOTHING:
            self._inbox = deque()
        self._inbox.append(message)

    @internal
    @property
    def closed_as_done(self) -> bool:
        """Whether the other side has closed it as done, and gave no reason."""
        return self._link is not None and self._link.closed_as_done

    @internal
    @property
    def left_silently(self) -> bool:
        """Whether the other side has left by itself and without a close."""
        if self.closed_by_us:
            return False
        return self.failure is not None and self.failure.stage in ("tcp", "left")

    # ---------------------------------------------------------------- packets

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in gd_mp mode."""
        return len(self._inbox)

    def _take_packet(self) -> bytes:
        if not self._inbox:
            message = "no packet waits; check get_available_packet_count() first"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        message = self._inbox.popleft()
        data = message.data
        if message.text is not self._was_string:
            self._was_string = message.text
        link = self._link
        if link is not None and self._endpoint is not None:
            link.fetched(len(data))
            if link.resumed:
                self._endpoint.wake()
        return data

    def was_string_packet(self) -> bool:
        """Return whether the last packet fetched came as text."""
        return self._was_string

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` as one binary message.

        Never blocks. An empty buffer sends nothing (as in Godot). While the connection is closing,
        and after a server's client has left, packets are dropped and counted.

        Raises:
            MultiplayerError: ``FAILED``: there is no open connection; ``ERR_OUT_OF_MEMORY``: longer
                than ``outbound_buffer_size``; ``ERR_INVALID_PARAMETER``: not bytes.
        """
        most = self._max_packet
        if type(buffer) is not bytes or 0 < most < len(buffer):
            buffer = check_packet(buffer, most)
        if buffer:
            self._send(buffer, text=False)

    def _send(self, data: bytes, *, text: bool) -> None:
        if self._drops is not None:
            self._drops[self._why_dropped] += 1
            return
        link, endpoint = self._link, self._endpoint
        # If the network has ended it since the last poll, that is not the caller's mistake.
        if endpoint is None or link is None or self._ended or link.opening:
            why = "wait until it is established" if self.failure is None else str(self.failure)
            sentence = f"there is no open connection to send on; {why}"
            raise MultiplayerError(Error.FAILED, sentence)
        endpoint.send(link, data, text=text)

    # ---------------------------------------------------------------- the connection

    @property
    def address(self) -> str:
        """The other side's IP address, even after it has left; "" if there was none."""
        return self._link.address if self._link is not None else ""

    @property
    def closed_by_us(self) -> bool:
        """Whether this program began to close the connection."""
        return self._link is not None and self._link.closed_by_us

    def get_close_code(self) -> int:
        """Return the code that the connection was closed with; -1 if it was not, or not cleanly."""
        return self._link.close_code if self._link is not None else -1

    def get_close_reason(self) -> str:
        """Return the reason that came with :meth:`get_close_code`."""
        return self._link.close_reason if self._link is not None else ""

    def get_current_outbound_buffered_amount(self) -> int:
        """Return how many bytes wait to be sent, frame headers included."""
        return self._link.buffered if self._link is not None else 0

    @property
    def failure(self) -> Failure | None:
        """Why the connection failed; None if it did not, or was closed properly."""
        return self._link.failure if self._link is not None else None

    @property
    def statistics(self) -> Statistics:
        """A copy of this connection's counts."""
        return self._link.snapshot() if self._link is not None else Statistics()

    @property
    def round_trip_time(self) -> float | None:
        """The time from the last heartbeat's ping to its pong, in seconds; None before one."""
        return self._link.round_trip_time if self._link is not None else None
