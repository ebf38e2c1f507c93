"""A session of Python and Godot 3.2.3 with the same nodes everywhere: who calls whom, and hears."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from multiplayer import (
    GODOT_3,
    ConnectionStatus,
    SceneMultiplayer,
    TransferMode,
)
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer, run
from tests.driving import Drive, Recorder, pause, until
from tests.interop.godot3.game import Game, Heard, raw, tree

if TYPE_CHECKING:
    from multiplayer import Reason
    from tests.interop.conftest import Launch
    from tests.interop.godot3.engine import Godot3


class Player(Protocol):
    """A member of the session. Nodes are named as seen from ``Main``."""

    id: int

    async def rpc(self, to: int, method: str, *arguments: Any, node: str = "Game") -> None:
        """Call a method: 0 all, n that one, -n all but that one."""

    async def rpc_unreliable(self, to: int, method: str, *arguments: Any) -> None:
        """Call a method of ``Game`` without guarantee."""

    async def rset(self, to: int, name: str, value: Any, *, node: str = "Game") -> None:
        """Set a property."""

    async def send_bytes(self, to: int, payload: bytes) -> None:
        """Send bytes of the game's own."""

    async def set_master(self, peer: int, node: str = "Game") -> None:
        """Say who decides about a node."""

    async def add(self, *names: str) -> None:
        """Add nodes below ``Main``."""

    async def remove(self, node: str) -> None:
        """Remove a node."""

    async def heard(self, *expected: Heard) -> None:
        """Expect exactly this since the last call, in this order."""

    async def peers(self) -> list[int]:
        """Whom it knows of, ascending."""
        ...

    async def leave(self) -> None:
        """End the connection to the server."""

    async def at_ease(self) -> None:
        """Expect that there was nothing to complain of."""


class Tapped:
    """What an API has sent and received, without the envelope, in order."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.received: list[bytes] = []


class TappedClient(WebSocketClient):
    def __init__(self, tap: Tapped) -> None:
        super().__init__()
        self.tap = tap

    def put_packet(self, buffer: bytes) -> None:
        self.tap.sent.append(bytes(buffer))
        super().put_packet(buffer)

    def get_packet(self) -> bytes:
        self.tap.received.append(packet := super().get_packet())
        return packet


class TappedServer(WebSocketServer):
    def __init__(self, tap: Tapped) -> None:
        super().__init__()
        self.tap = tap

    def put_packet(self, buffer: bytes) -> None:
        self.tap.sent.append(bytes(buffer))
        super().put_packet(buffer)

    def get_packet(self) -> bytes:
        self.tap.received.append(packet := super().get_packet())
        return packet


class InPython:
    """Our server or client."""

    def __init__(self, game: type[Game] = Game) -> None:
        self.id = 0
        self.noted: list[Heard] = []
        self.rejected: list[tuple[int, Reason]] = []
        self.tap = Tapped()
        self.api = SceneMultiplayer(tree(self.noted, game), GODOT_3)
        self.signals = Recorder(self.api, without=("peer_packet", "invalid_packet"))
        self.api.peer_packet.connect(lambda peer, packet: self.noted.append(raw(peer, packet)))
        self.api.invalid_packet.connect(self._reject)
        self.details: list[str] = []

    def _reject(self, peer: int, reason: Reason, detail: str) -> None:
        self.rejected.append((peer, reason))
        self.details.append(detail)

    def listen(self) -> int:
        """Be the server; the port."""
        server = TappedServer(self.tap)
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
        self.api.multiplayer_peer = server
        self.id = 1
        return server.get_local_port()

    def connect_to(self, url: str) -> None:
        """Begin to be a client."""
        client = TappedClient(self.tap)
        client.connect_to_url(url, gd_mp_api=True)
        self.api.multiplayer_peer = client

    def node(self, path: str = "Game") -> Game:
        assert self.api.root is not None
        found = self.api.root.get_node(f"Main/{path}")
        assert isinstance(found, Game)
        return found

    async def rpc(self, to: int, method: str, *arguments: Any, node: str = "Game") -> None:
        self.node(node).rpc_id(to, method, *arguments)

    async def rpc_unreliable(self, to: int, method: str, *arguments: Any) -> None:
        declared = self.node().get_rpc_table().methods[method]
        assert declared.config.transfer_mode == TransferMode.TRANSFER_MODE_UNRELIABLE
        await self.rpc(to, method, *arguments)

    async def rset(self, to: int, name: str, value: Any, *, node: str = "Game") -> None:
        self.node(node).rset_id(to, name, value)

    async def send_bytes(self, to: int, payload: bytes) -> None:
        self.api.send_bytes(payload, to)

    async def set_master(self, peer: int, node: str = "Game") -> None:
        self.node(node).set_multiplayer_authority(peer)

    async def add(self, *names: str) -> None:
        assert self.api.root is not None
        for name in names:
            self.api.root.get_node("Main").add_child(Game(name, self.noted))

    async def remove(self, node: str) -> None:
        found = self.node(node)
        assert found.parent is not None
        found.parent.remove_child(found)

    async def heard(self, *expected: Heard) -> None:
        try:
            await until(lambda: len(self.noted) >= len(expected))
        finally:  # as text, which tells 1 from 1.0 and -0.0 from 0.0
            assert list(map(repr, self.noted)) == list(map(repr, expected)), self.details
        self.noted.clear()

    async def rejects(self, *expected: tuple[int, Reason]) -> None:
        """Expect that exactly these packets have been dropped since the last call."""
        try:
            await until(lambda: len(self.rejected) >= len(expected))
        finally:
            assert self.rejected == [*expected], self.details
        self.rejected.clear()
        self.details.clear()

    async def peers(self) -> list[int]:
        return sorted(self.api.get_peers())

    async def leave(self) -> None:
        client = self.api.multiplayer_peer
        assert isinstance(client, WebSocketClient)
        client.disconnect_from_host()
        await until(lambda: "server_disconnected" in self.signals)

    async def at_ease(self) -> None:
        assert self.rejected == [], self.details


def expression(value: Any) -> str:
    """A simple value in GDScript."""
    return json.dumps(value, ensure_ascii=False)


class InGodot:
    """An engine; its SceneTree has the API."""

    def __init__(self, godot: Godot3) -> None:
        self.godot = godot
        self.id = 0

    async def rpc(self, to: int, method: str, *arguments: Any, node: str = "Game") -> None:
        await self.say(to, method, *map(expression, arguments), node=node)

    async def say(
        self, to: int, method: str, *arguments: str, node: str = "Game", op: str = "rpc"
    ) -> None:
        """Call a method with GDScript expressions."""
        await self.godot.step(op, to=to, node=node, method=method, args=[*arguments])

    async def rpc_unreliable(self, to: int, method: str, *arguments: Any) -> None:
        await self.say(to, method, *map(expression, arguments), op="rpc_unreliable")

    async def rset(self, to: int, name: str, value: Any, *, node: str = "Game") -> None:
        await self.put(to, name, expression(value), node=node)

    async def put(self, to: int, name: str, value: str, *, node: str = "Game") -> None:
        """Set a property to the value of a GDScript expression."""
        await self.godot.step("rset", to=to, node=node, prop=name, value=value)

    async def send_bytes(self, to: int, payload: bytes) -> None:
        assert await self.godot.send_bytes(payload, to) == 0

    async def set_master(self, peer: int, node: str = "Game") -> None:
        await self.godot.step("master", node=node, id=peer)

    async def add(self, *names: str) -> None:
        await self.godot.step("add", names=[*names])

    async def remove(self, node: str) -> None:
        await self.godot.step("remove", node=node)

    async def heard(self, *expected: Heard) -> None:
        await self.godot.heard(*expected)

    async def peers(self) -> list[int]:
        return sorted(map(int, (await self.godot.step("state"))["peers"]))

    async def leave(self) -> None:
        await self.godot.step("disconnect")
        await self.godot.event(ev="tree", name="connection_failed")

    async def at_ease(self) -> None:
        assert self.godot.complaints == []


class Match:
    """A session; the players are in order of joining, the server first."""

    def __init__(self, drive: Drive, launch: Launch, game: type[Game] = Game) -> None:
        self._drive = drive
        self._launch = launch
        self._game = game
        self.players: list[Player] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def relay_is_ours(self) -> bool:
        return isinstance(self.players[0], InPython)

    async def serve(self, kind: str, *, relay: bool = True) -> Player:
        """Begin with a server: "python" or "engine". Without ``relay`` it has to be the former."""
        if kind == "python":
            python = InPython(self._game)
            python.api.server_relay = relay
            self.port = python.listen()
            self._begin(python)
            server: Player = python
        else:
            godot = await self._launch()
            self.port = await godot.listen()
            server = InGodot(godot)
            server.id = 1
        self.players = [server]
        return server

    async def join(self, kind: str) -> Player:
        """Add a client, and wait until everybody knows of everybody."""
        newcomer: Player = (
            InPython(self._game) if kind == "python" else InGodot(await self._launch())
        )
        if isinstance(newcomer, InPython):
            newcomer.connect_to(self.url)
            self._begin(newcomer)
        self.players.append(newcomer)
        await self.rejoin(newcomer)
        return newcomer

    async def rejoin(self, player: Player) -> None:
        """Connect one of the players, for the first time or again."""
        if isinstance(player, InPython):
            if player.api.multiplayer_peer.get_connection_status() == ConnectionStatus(0):
                player.connect_to(self.url)
            await until(lambda: player.signals.of("connected_to_server"))
            player.signals.log.clear()
            player.id = player.api.get_unique_id()
        elif isinstance(player, InGodot):
            await player.godot.connect_to_url(self.url)
            await player.godot.event(ev="tree", name="connected_to_server")
            player.id = await player.godot.id()
        await self.acquainted()

    async def acquainted(self) -> None:
        """Wait until everybody knows of everybody, and of nobody else."""
        ids = sorted(player.id for player in self.players)
        for player in self.players:
            others = [id_ for id_ in ids if id_ != player.id]
            await _comes_to_know(player, others)

    def _begin(self, player: InPython) -> None:
        self._drive._nursery.start_soon(self._run, player.api)

    async def _run(self, api: SceneMultiplayer) -> None:
        while True:
            peer = api.multiplayer_peer
            is_up = peer.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED
            if self._drive.how == "run" and is_up and isinstance(peer, WebSocketMultiplayerPeer):
                await run(api)
            api.poll()
            await pause()

    def others(self, player: Player) -> list[Player]:
        return [other for other in self.players if other is not player]

    def reached(self, sender: Player, to: int) -> list[Player]:
        """Whom a packet of ``sender`` reaches, by the engine's rules; ours differ in one case."""
        if to > 0:
            return [player for player in self.others(sender) if player.id == to]
        # The engine's server also takes what is for all but the server (not from itself).
        deaf = -to if to != -1 or self.relay_is_ours else 0
        return [player for player in self.others(sender) if player.id != deaf]

    async def settle(self) -> None:
        """Let everybody call everybody: whatever went astray would be heard before that."""
        for sender in self.players:
            await sender.rpc(0, "r1", "last")
            for player in self.others(sender):
                await player.heard(Heard("Game", "r1", sender.id, ("last",)))
        for player in self.players:
            await player.at_ease()


async def _comes_to_know(player: Player, others: list[int]) -> None:
    for _ in range(2000):
        if await player.peers() == others:
            return
        await pause()
    raise AssertionError(f"peer {player.id} knows {await player.peers()}, not {others}")
