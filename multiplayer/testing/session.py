"""What a check works with: a server, a client that will join it, and what both emitted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from multiplayer.errors import Error, MultiplayerError
from multiplayer.multiplayer_peer import ConnectionStatus, MultiplayerPeer

if TYPE_CHECKING:
    from multiplayer.signals import AnySignal

T = TypeVar("T")

Steps = Generator[float, None, T]
"""A check, or part of it: yields how many seconds should pass, returns what it found."""

_SHORTEST: Final = 0.001
_LONGEST: Final = 0.05
"""How long to wait between two looks, in seconds: twice as long each time."""

_ROUNDS: Final = 6
"""How often everybody is polled before we conclude that nothing more comes."""

NOT_CONNECTED: Final = (Error.FAILED, Error.ERR_UNCONFIGURED)
"""The errors of sending without a connection: those of Godot's WebSocket and its ENet peers."""


class UnmetError(Exception):
    """A peer does not do what is expected.

    Attributes:
        expected: what it should do, in words.
        got: what it does.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got


@dataclass(frozen=True)
class Knobs:
    """How peers may differ; see ``check_multiplayer_peer``."""

    connect: Callable[[MultiplayerPeer, MultiplayerPeer], object] | None
    another: Callable[[MultiplayerPeer], MultiplayerPeer] | None
    modes: bool
    channels: bool
    patience: float


class Record:
    """Notes the signals of a peer, as ``("peer_connected", 1)``, in order.

    Attributes:
        log: those of ``MultiplayerPeer``, except ``peer_packet``.
        packets: the senders that ``peer_packet`` reported.
    """

    def __init__(self, peer: MultiplayerPeer) -> None:
        self.log: list[tuple[object, ...]] = []
        self.packets: list[int] = []
        for signal in (
            peer.peer_connected,
            peer.peer_disconnected,
            peer.connection_succeeded,
            peer.connection_failed,
            peer.server_disconnected,
        ):
            self._note(signal)
        peer.peer_packet.connect(self.packets.append)

    def _note(self, signal: AnySignal) -> None:
        signal.connect(lambda *args: self.log.append((signal.name, *args)))

    def of(self, name: str) -> list[tuple[object, ...]]:
        """Return the arguments of each emission of one signal."""
        return [entry[1:] for entry in self.log if entry[0] == name]

    def __len__(self) -> int:
        return len(self.log) + len(self.packets)


class Session:
    """A server and a client; the client has not joined yet.

    Attributes:
        server: the server.
        client: the client.
        at_server: what the server has emitted.
        at_client: what the client has emitted.
        knobs: how peers may differ.
    """

    def __init__(self, server: MultiplayerPeer, client: MultiplayerPeer, knobs: Knobs) -> None:
        self.server = server
        self.client = client
        self.knobs = knobs
        self.at_server = Record(server)
        self.at_client = Record(client)
        self._others: list[MultiplayerPeer] = []

    @property
    def id(self) -> int:
        """The client's id."""
        return self.client.get_unique_id()

    @property
    def relays(self) -> bool:
        """Whether the peers themselves announce clients to each other, and relay."""
        return not self.server.is_server_relay_supported()

    # ---------------------------------------------------------------- joining and leaving

    def connect(self, client: MultiplayerPeer | None = None) -> None:
        """Begin to connect a client, if that has not begun."""
        if self.knobs.connect is not None:
            self.knobs.connect(self.server, client or self.client)

    def join(self) -> Steps[None]:
        """Connect the client, and wait until both sides know."""
        known = len(self.at_server)
        self.connect()
        yield from self.until(
            lambda: self._is_up(self.client),
            "the client becomes CONNECTION_CONNECTED and gets an id",
        )
        yield from self.until(
            lambda: len(self.at_server) > known or self.server.get_peers(),
            "the server hears of its client",
        )
        yield from self.settle()

    def join_another(self, heard: list[int] | None = None) -> Steps[MultiplayerPeer]:
        """Let one more client join, and return it; ``heard`` gets whom it hears of."""
        assert self.knobs.another is not None
        other = self.knobs.another(self.server)
        if heard is not None:
            other.peer_connected.connect(heard.append)
        self._others.append(other)
        self.connect(other)
        yield from self.until(lambda: self._is_up(other), "one more client can join")
        yield from self.settle()
        return other

    @staticmethod
    def _is_up(client: MultiplayerPeer) -> bool:
        is_up = client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED
        return is_up and client.get_unique_id() != 0

    def client_gone(self, times: int = 1) -> Steps[None]:
        """Wait until the server knows that so many clients have left."""
        told = self.at_server
        yield from self.until(
            lambda: len(told.of("peer_disconnected")) >= times,
            "the server emits peer_disconnected for a client that has left",
        )

    def client_down(self) -> Steps[None]:
        """Wait until the client knows that its session has ended."""
        yield from self.until(
            lambda: self.client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED,
            "a client whose session has ended becomes CONNECTION_DISCONNECTED",
        )
        yield from self.settle()

    def end(self) -> None:
        """Close everybody."""
        for peer in (*self._others, self.client, self.server):
            with suppress(Exception):  # whether that works is for a check to say
                peer.close()

    # ---------------------------------------------------------------- waiting

    def until(self, condition: Callable[[], object], expected: str) -> Steps[None]:
        """Let time pass until ``condition()`` is true.

        Raises:
            UnmetError: it does not become so within the patience that there is.
        """
        waited, pause = 0.0, _SHORTEST
        while not condition():
            if waited >= self.knobs.patience:
                raise UnmetError(expected, f"not within {self.knobs.patience:g} s")
            yield pause
            waited += pause
            pause = min(2 * pause, _LONGEST)

    def settle(self) -> Steps[None]:
        """Let everybody be polled a few times."""
        for _ in range(_ROUNDS):
            yield _SHORTEST

    # ---------------------------------------------------------------- packets

    def to_client(self, *payloads: bytes) -> None:
        """Put packets on the server, for the client."""
        for payload in payloads:
            self.server.send_packet(payload, self.id)

    def to_server(self, *payloads: bytes) -> None:
        """Put packets on the client, for the server."""
        for payload in payloads:
            self.client.send_packet(payload, MultiplayerPeer.TARGET_PEER_SERVER)

    def receive(self, peer: MultiplayerPeer, count: int) -> Steps[list[bytes]]:
        """Wait for so many packets, and a little for more; return them."""
        found: list[bytes] = []

        def fetch() -> bool:
            while peer.get_available_packet_count():
                found.append(peer.get_packet())
            return len(found) >= count

        try:
            yield from self.until(fetch, f"{count} packets arrive")
        except UnmetError as unmet:
            raise UnmetError(unmet.expected, f"{len(found)} arrived: {short(found)}") from None
        yield from self.settle()
        fetch()
        return found


# ---------------------------------------------------------------- what is expected


def expect(condition: object, expected: str, got: object) -> None:
    """Raise unless ``condition`` is true.

    Raises:
        UnmetError: it is not.
    """
    if not condition:
        raise UnmetError(expected, short(got))


def expect_equal(got: object, wanted: object, what: str) -> None:
    """Raise unless both are equal.

    Raises:
        UnmetError: they are not.
    """
    expect(got == wanted, f"{what}: {short(wanted)}", got)


def expect_error(
    codes: Error | Sequence[Error], what: str, function: Callable[..., object], *args: object
) -> None:
    """Raise unless a call raises a ``MultiplayerError`` with one of ``codes``.

    Raises:
        UnmetError: it does not.
    """
    codes = (codes,) if isinstance(codes, Error) else codes
    names = " or ".join(code.name for code in codes)
    expected = f"{what} raises MultiplayerError with {names}"
    try:
        got = function(*args)
    except MultiplayerError as error:
        expect(error.code in codes, expected, error)
        return
    except Exception as error:  # whatever else it may raise
        raise UnmetError(expected, f"{type(error).__name__}: {error}") from error
    raise UnmetError(expected, f"it returns {short(got)}")


def short(value: object) -> str:
    """Return a value in words of bounded length."""
    text = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
