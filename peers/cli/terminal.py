"""A peer for people and pipes, which ``python -m peers join`` runs: it sends what is typed."""

from __future__ import annotations

import io
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TextIO

import trio

from multiplayer import ConnectionStatus, MultiplayerError, TransferMode
from multiplayer.endpoint.resume_words import without_secrets
from multiplayer.wire.envelopes.godot3 import ADVICE_FOR_GODOT_4
from multiplayer.wire.envelopes.godot4 import ADVICE_FOR_GODOT_3
from peers.driving.stop_signals import STOP_SIGNALS

from .speakers import Godot3, Plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from multiplayer.testing.simulation.conditions import Conditions

    from .speakers import Speaker

COMMANDS: Final = (
    "/to ID text, /but ID text, /mode [reliable|unreliable|ordered], /channel [N], /peers, /quit"
)
PLAIN_COMMANDS: Final = "/quit"

_MAX_DIGITS: Final = 10  # of the largest peer id

_MODES: Final = {
    "reliable": TransferMode.TRANSFER_MODE_RELIABLE,
    "unreliable": TransferMode.TRANSFER_MODE_UNRELIABLE,
    "ordered": TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
    "unreliable_ordered": TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
}
_DRAIN_PAUSE: Final = 0.01


class Ending(IntEnum):
    """How it ended: the exit status."""

    LEFT = 0
    NEVER_CONNECTED = 1
    LOST = 3  # 2 is wrong usage


class Terminal:
    """A client that sends lines of text and shows what happens.

    Args:
        report: called with each line to show.
        complain: called with each sentence about what cannot be done.
        kind: what it speaks: a session of Godot 3 or 4, or plain WebSocket.
        conditions: what the network does to packets; None for nothing. Not for plain WebSocket.

    Attributes:
        client: the peer.
        ending: how it went so far.
    """

    def __init__(
        self,
        report: Callable[[str], object],
        complain: Callable[[str], object],
        kind: Callable[[Terminal, Conditions | None], Speaker] = Godot3,
        conditions: Conditions | None = None,
    ) -> None:
        self._report = report
        self._complain = complain
        self._plain = kind is Plain
        self._url = ""
        self._typing = trio.CancelScope()
        self._others: set[int] = set()
        self._closed_by_server = ""
        self._clean = False
        self._finished = False
        self.ending = Ending.NEVER_CONNECTED
        self._speaker = kind(self, conditions)
        self.client = self._speaker.client

    def trust(self, certificate: Path | None) -> None:
        """Trust only servers with this certificate, or of it; None for any server."""
        self._speaker.trust(certificate)

    async def run(self, url: str) -> Ending:
        """Connect, send what is typed until that ends, and leave; return how it went."""
        self._url = url
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._heed, signals, nursery.cancel_scope)
                await self._take_part()
                nursery.cancel_scope.cancel()
            if not self._finished:
                self._complain("interrupted")
        return self.ending

    async def _take_part(self) -> None:
        try:
            async with self._speaker.connect(self._url):
                self.ending = Ending.LEFT
                with self._typing:
                    await self._talk()
                    await self._sent()
        except MultiplayerError as error:
            self._complain(_for_a_command_line(error.message))
        else:
            self._judge()
        self._finished = True

    async def _heed(self, signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
        """Leave at the first signal; at the second, or while still connecting, give up."""
        async for _ in signals:
            if self._is_up() and not self._typing.cancel_called:
                self._typing.cancel()
            else:
                everything.cancel()

    def _judge(self) -> None:
        if self._closed_by_server:
            self._report(self._closed_by_server)
            self.ending = Ending.LOST
        elif not self._clean:
            self._report(f"the connection was lost: {self.client.failure}")
            self.ending = Ending.LOST

    def _is_up(self) -> bool:
        return self.client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED

    # ---------------------------------------------------------------- what is typed

    async def _talk(self) -> None:
        """Do what is typed, until ``/quit`` or the end of the input."""
        typed = standard_input()
        # In a thread, because reading waits, on every system for whatever standard input is; one
        # that can be abandoned, because nobody may ever type.
        while line := await trio.to_thread.run_sync(self._next_line, typed, abandon_on_cancel=True):
            if line.strip() == "/quit":
                return
            try:
                self._do(line.rstrip("\r\n"))
            except MultiplayerError as error:
                self._complain(error.message)
            # A pipe may bring lines faster than the server takes them: then that has to wait.
            await self._sent()

    def _next_line(self, typed: TextIO) -> str:
        try:
            return typed.readline()
        except OSError as error:  # as under nohup, where it is open for writing only
            self._complain(f"nothing can be typed: {error.strerror or error}")
            return ""

    async def _sent(self) -> None:
        """Wait until the socket has taken what was put."""
        self.client.flush()
        connection = self._speaker.connection()
        while connection.get_current_outbound_buffered_amount():  # noqa: ASYNC110 - nobody tells
            await trio.sleep(_DRAIN_PAUSE)

    def _do(self, line: str) -> None:
        commands = PLAIN_COMMANDS if self._plain else COMMANDS
        match line.split(maxsplit=2):
            case []:
                pass
            case [word, *_] if not word.startswith("/"):
                self._speaker.send(line, 0)
            case [word, *_] if word.startswith("//"):
                self._speaker.send(line.lstrip()[1:], 0)
            case _ if self._plain:
                self._complain(f"with --plain the only command is {commands}")
            case ["/to" | "/but" as command, peer, text]:
                whom = self._peer(peer)
                if whom is not None:
                    self._speaker.send(text, whom if command == "/to" else -whom)
            case ["/peers"]:
                own = self._speaker.own_id()
                here = sorted({*self._others, own})
                self._report(
                    "peers: " + ", ".join(f"{n} (us)" if n == own else str(n) for n in here)
                )
            case ["/mode"]:
                self._report(f"mode: {self._mode()}")
            case ["/mode", name] if name in _MODES:
                self.client.transfer_mode = _MODES[name]
                self._report(f"mode: {self._mode()}")
            case ["/channel"]:
                self._report(f"channel: {self.client.transfer_channel}")
            case ["/channel", number] if number.isdecimal() and len(number) <= _MAX_DIGITS:
                self.client.transfer_channel = int(number)
                self._report(f"channel: {self.client.transfer_channel}")
            case _:
                self._complain(f"not understood: {shown(line)}; the commands are {commands}")

    def _mode(self) -> str:
        return next(name for name, mode in _MODES.items() if mode == self.client.transfer_mode)

    def _peer(self, word: str) -> int | None:
        if word.isdecimal() and len(word) <= _MAX_DIGITS and (peer := int(word)) in self._others:
            return peer
        self._complain(f"there is no peer {shown(word)}; /peers lists who is here")
        return None

    # ---------------------------------------------------------------- what happens

    def came_up(self, own_id: int) -> None:
        """Show that we are connected."""
        self._report(
            f"connected to {without_secrets(self._url)}" + (f" as {own_id}" if own_id else "")
        )

    def joined(self, peer: int) -> None:
        """Show that a peer is here; that the server is goes without saying."""
        self._others.add(peer)
        if peer != self.client.TARGET_PEER_SERVER:
            self._report(f"{peer} joined")

    def left(self, peer: int) -> None:
        """Show that a peer has left, unless it is we who have gone."""
        self._others.discard(peer)
        if self._is_up() and peer != self.client.TARGET_PEER_SERVER:
            self._report(f"{peer} left")

    def said(self, peer: int, what: str | bytes) -> None:
        """Show a packet or a message."""
        source = "server" if self._plain else str(peer)
        text = printable(what) if isinstance(what, bytes) and not self._plain else what
        if isinstance(text, str):
            self._report(f"{source}: {shown(text)}")
        elif isinstance(what, bytes):
            self._report(f"{source} ({len(what)} bytes): {what.hex(' ')}")

    def server_closes(self, code: int, reason: str) -> None:
        """Note what the server closes the connection with."""
        said = f" {reason!a}" if reason else ""
        self._closed_by_server = f"the server closed the connection with {code}{said}"

    def ended(self, *, clean: bool) -> None:
        """Note that the connection is over, and type no more."""
        self._clean = clean
        self._typing.cancel()


def _for_a_command_line(message: str) -> str:
    """Return ``message`` with advice that is about options, instead of classes."""
    message = message.replace(ADVICE_FOR_GODOT_4, "join it with --godot4")
    return message.replace(ADVICE_FOR_GODOT_3, "join it without --godot4")


def standard_input() -> TextIO:
    """Return what is typed; at its end already if standard input is closed."""
    if sys.stdin is None:  # its descriptor may be a socket of ours by now
        return io.StringIO()
    # A file of our own: sys.stdin cannot be closed at exit while a thread still reads it.
    return open(0, encoding=sys.stdin.encoding, errors="replace", closefd=False)


def printable(packet: bytes) -> str | None:
    """Return the text in ``packet``; None if it is not UTF-8, or not fit to be shown."""
    try:
        text = packet.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def shown(text: str) -> str:
    """Return ``text`` with what a terminal would obey, or could not show, as escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
