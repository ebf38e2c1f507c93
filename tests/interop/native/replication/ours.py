"""A ``SceneMultiplayer`` of ours as a member."""

from __future__ import annotations

import logging
from typing import Any, Final

import trio

from multiplayer import Dialect, MultiplayerError, Node, SceneMultiplayer
from peers import WebSocketMultiplayerPeer
from tests.driving import until
from tests.interop.native.replication.member import Member
from tests.interop.native.replication.ours_world import World

FRAME: Final = 1 / 60
"""So many seconds lie between two polls, as between an engine's."""


class _Lines(logging.Handler):
    """Notes what is logged; of all members of ours in this process."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


class Ours(Member):
    """A ``SceneMultiplayer`` of ours, polled 60 times a second to the end of the test."""

    def __init__(self, nursery: trio.Nursery, outbound_buffer_size: int) -> None:
        super().__init__()
        self._outbound_buffer_size = outbound_buffer_size
        self.root = Node("root")
        self.api = SceneMultiplayer(self.root, Dialect.GODOT_4)
        self.world = World()
        main = Node("Main")
        self.root.add_child(main)
        main.add_child(self.world)
        self._complaints: list[str] = []
        self._polls = 0
        self._connected = False
        self.api.connected_to_server.connect(self._has_connected)
        self.api.invalid_packet.connect(self._complain)
        nursery.start_soon(self._poll)

    def _has_connected(self) -> None:
        self._connected = True

    def _complain(self, sender: int, reason: str, detail: str) -> None:
        self._complaints.append(f"{reason} from {sender}: {detail}")

    async def _poll(self) -> None:
        heard = _Lines(self._complaints)
        logging.getLogger("multiplayer").addHandler(heard)
        try:
            while True:
                self.api.poll()
                self._polls += 1
                with trio.move_on_after(FRAME):
                    await trio.sleep_forever()
        finally:
            logging.getLogger("multiplayer").removeHandler(heard)

    @property
    def peer(self) -> WebSocketMultiplayerPeer:
        peer = self.api.multiplayer_peer
        assert isinstance(peer, WebSocketMultiplayerPeer)
        return peer

    async def act(self, what: str, *args: Any) -> Any:
        await trio.lowlevel.checkpoint()
        try:
            return getattr(self.world, what)(*args)
        except MultiplayerError as error:
            if what != "spawn_custom":
                raise
            self._complaints.append(str(error))  # an engine complains, too, and returns null
            return ""

    async def turns(self, count: int = 3) -> None:
        enough = self._polls + count
        await until(lambda: self._polls >= enough)

    async def serve(self) -> str:
        peer = WebSocketMultiplayerPeer()
        peer.outbound_buffer_size = self._outbound_buffer_size
        peer.create_server(0, "127.0.0.1")
        self.api.multiplayer_peer = peer
        return f"ws://127.0.0.1:{peer.get_local_port()}"

    async def begin_to_join(self, url: str) -> None:
        self._connected = False
        peer = WebSocketMultiplayerPeer()
        peer.create_client(url)
        self.api.multiplayer_peer = peer

    async def joined(self) -> None:
        await until(lambda: self._connected)
        self.id = self.api.get_unique_id()

    async def leave(self) -> None:
        self.peer.close()

    async def peers(self) -> list[int]:
        await trio.lowlevel.checkpoint()
        return sorted(self.api.get_peers())

    async def switch_relay_off(self) -> None:
        self.api.server_relay = False

    async def complained(self, text: str) -> None:
        await until(lambda: any(text in each for each in self._complaints))
        await self.turns(2)
        self._complaints.clear()

    def forget_complaints(self) -> None:
        self._complaints.clear()

    def complaints(self) -> list[str]:
        return self._complaints
