"""One of our peers in a role and a mode, and a raw other side, to see what a setting does."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, MultiplayerError
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer
from tests.driving import Drive, pause, until
from tests.gd_mp_rows import JOINED, SELF, game
from tests.peers.sessions import fenced, payloads
from tests.raw import Raw, RawServer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack
    from typing import Self

    import trio

WORKS = "works"
NOTHING = "no effect"
AT_ONCE = "raises when set"
AT_START = "raises when it begins"
RAISES = "raises"

MODES = ("plain", "gd_mp", "godot4")
ENVELOPE = 9
"""How many bytes stand before a packet in gd_mp mode."""


@dataclass(frozen=True)
class Situation:
    """A mode and a role."""

    mode: str
    serving: bool

    @property
    def role(self) -> str:
        return "server" if self.serving else "client"

    def __str__(self) -> str:
        return f"{self.mode}-{self.role}"


SITUATIONS = [Situation(mode, serving) for mode in MODES for serving in (False, True)]


class Refused(Exception):  # noqa: N818 - no error: it is what is looked for
    """We refused a setting; ``verdict`` says when."""

    def __init__(self, verdict: str, error: MultiplayerError) -> None:
        super().__init__(verdict, error)
        self.verdict = verdict
        self.error = error


class _Client(WebSocketClient):
    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class _Server(WebSocketServer):
    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class _Godot4(WebSocketMultiplayerPeer):
    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Bench:
    """A peer that is configured, begins, and meets a raw other side.

    Attributes:
        peer: ours; what it is late by, ``ahead`` of its clock, can be set.
        raw: the other side, when it is there.
        id: by which ours knows the other side.
    """

    def __init__(self, situation: Situation, nursery: trio.Nursery, stack: AsyncExitStack) -> None:
        self.mode, self.serving = situation.mode, situation.serving
        self.peer: _Client | _Server | _Godot4
        if self.mode == "godot4":
            self.peer = _Godot4()
        else:
            self.peer = _Server() if self.serving else _Client()
        self.raw: Raw
        self.id = 1
        self.url = "ws://127.0.0.1"
        self._listener: RawServer | None = None
        self._drive = Drive("polled", nursery)
        self._stack = stack
        if isinstance(self.peer, WebSocketServer):
            self.peer.bind_ip = "127.0.0.1"
            self.peer.client_connected.connect(self._joined)
        elif self.serving:
            self.peer.peer_connected.connect(self._joined)

    def _joined(self, peer: int, *_: object) -> None:
        self.id = peer

    # ---------------------------------------------------------------- beginning

    def set(self, **settings: object) -> Self:
        """Set attributes of the peer."""
        for name, value in settings.items():
            try:
                setattr(self.peer, name, value)
            except MultiplayerError as error:
                raise Refused(AT_ONCE, error) from error
        return self

    async def begin(self) -> None:
        """Listen, or begin to connect to a raw server."""
        peer, gd_mp = self.peer, self.mode == "gd_mp"
        if not self.serving:
            self._listener = await RawServer.listen()
            self._stack.push_async_callback(self._listener.close)
            scheme = self.url.partition("://")[0]
            self.url = f"{scheme}://127.0.0.1:{self._listener.port}"
        try:
            if isinstance(peer, WebSocketServer):
                peer.listen(0, gd_mp_api=gd_mp)
            elif isinstance(peer, WebSocketClient):
                peer.connect_to_url(self.url, gd_mp_api=gd_mp)
            elif self.serving:
                peer.create_server(0, "127.0.0.1")
            else:
                peer.create_client(self.url)
        except MultiplayerError as error:
            raise Refused(AT_START, error) from error
        self._stack.callback(peer.close)
        self._drive.add(peer)

    async def dialled(self) -> Raw:
        """A TCP connection to or from our peer, before any upgrade."""
        if self._listener is not None:
            raw = await self._listener.dialled()
        else:
            raw = await Raw.dial(self.peer.get_local_port())
        self._stack.push_async_callback(raw.close)
        return raw

    async def meet(self, headers: Sequence[str] = ()) -> Raw:
        """The other side, after the upgrade and with a greeting."""
        if self._listener is not None:
            raw = await self._listener.upgraded(headers)
            self._stack.push_async_callback(raw.close)
            greeting = {
                "plain": (),
                "gd_mp": JOINED,
                "godot4": (struct.pack("<i", SELF),),
            }[self.mode]
            for message in greeting:
                await raw.send_frame(message)
            connected = ConnectionStatus.CONNECTION_CONNECTED
            await until(lambda: self.peer.get_connection_status() == connected)
        else:
            raw = await Raw.connect(self.peer.get_local_port(), headers=headers)
            self._stack.push_async_callback(raw.close)
            await payloads(raw)
        return raw

    async def open(self, **settings: object) -> Raw:
        """Set, begin and meet."""
        self.set(**settings)
        await self.begin()
        self.raw = await self.meet()
        return self.raw

    # ---------------------------------------------------------------- packets

    @property
    def connection(self) -> WebSocketPeer:
        """The face of the connection to the other side."""
        return self.peer.get_peer(self.id)

    def message(self, payload: bytes) -> bytes:
        """What the other side sends to hand ``payload`` to us."""
        if self.mode != "gd_mp":
            return payload
        return game(self.id, 1, payload) if self.serving else game(1, SELF, payload)

    async def hear(self, *packets: bytes) -> None:
        """Let the other side send packets to us, and wait until we have handled them."""
        for payload in packets:
            await self.raw.send_frame(self.message(payload))
        await fenced(self.raw)

    def waiting(self) -> int:
        """How many packets wait to be fetched."""
        peer = self.connection if self.mode == "plain" else self.peer
        return peer.get_available_packet_count()

    def fetch(self) -> bytes:
        """The next of them."""
        return (self.connection if self.mode == "plain" else self.peer).get_packet()

    def put(self, payload: bytes) -> None:
        """Send a packet to the other side."""
        if self.mode == "plain":
            self.connection.put_packet(payload)
        else:
            self.peer.set_target_peer(self.id if self.serving else 1)
            self.peer.put_packet(payload)
        self.peer.flush()

    def put_var(self, value: object) -> None:
        """Send a value to the other side."""
        (self.connection if self.mode == "plain" else self.peer).put_var(value)
        self.peer.flush()

    async def heard(self) -> list[bytes]:
        """The payloads of all that we have sent so far."""
        skipped = ENVELOPE if self.mode == "gd_mp" else 0
        return [payload[skipped:] for payload in await payloads(self.raw)]

    async def pass_time(self, seconds: float) -> None:
        """Let the peer's clock go on, and what is due happen."""
        self.peer.ahead += seconds
        self.peer.wake()
        for _ in range(5):
            await pause()
