"""Members of a gd_mp session, ours and Godot's, behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Drive, Recorder, until
from tests.interop.godot3.engine import Godot3, parcel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer import TransferMode
    from tests.interop.conftest import Launch

Said = tuple[object, ...]
LARGEST_ID = 2**31 - 1


class Member(Protocol):
    """A server or client of a session.

    What each of the two implementations should tell stands here in the words of the documented
    signals; ``joins`` and ``leaves`` are what the one at hand makes of them.
    """

    id: int

    async def told(self, *expected: Said) -> None:
        """Expect exactly these signals since the last call."""

    async def put(self, payload: bytes, to: int) -> None:
        """Send a packet."""

    async def got(self, *expected: tuple[int, bytes]) -> None:
        """Expect exactly these packets (source, payload) since the last call."""

    def joins(self, peer: int) -> list[Said]:
        """The signals that say that somebody is there."""
        ...

    def leaves(self, peer: int) -> list[Said]:
        """The signals that say that somebody is gone."""
        ...

    def connects(self, others: Sequence[int]) -> list[Said]:
        """The signals of becoming a client of a session in which there are others."""
        ...


class Ours:
    """A peer of ours; its packets are fetched as they come."""

    def __init__(self, peer: WebSocketMultiplayerPeer) -> None:
        self.peer = peer
        self.id = 0
        self.signals = Recorder(peer, without=("peer_packet",))
        self.packets: list[tuple[int, bytes]] = []
        self.marks: list[tuple[TransferMode, int]] = []  # mode and channel of each
        peer.peer_packet.connect(self._fetch)

    def _fetch(self, source: int) -> None:
        assert self.peer.get_packet_peer() == source
        self.marks.append((self.peer.get_packet_mode(), self.peer.get_packet_channel()))
        self.packets.append((source, self.peer.get_packet()))

    async def told(self, *expected: Said) -> None:
        await until(lambda: len(self.signals.log) >= len(expected))
        assert self.signals.log == [*expected]
        self.signals.log.clear()

    async def put(self, payload: bytes, to: int) -> None:
        self.peer.set_target_peer(to)
        self.peer.put_packet(payload)

    async def got(self, *expected: tuple[int, bytes]) -> None:
        await until(lambda: len(self.packets) >= len(expected))
        assert self.packets == [*expected]
        self.packets.clear()

    def joins(self, peer: int) -> list[Said]:
        if isinstance(self.peer, WebSocketServer):
            return [("client_connected", peer, "", "/"), ("peer_connected", peer)]
        return [("peer_connected", peer)]

    def leaves(self, peer: int) -> list[Said]:
        return [("peer_disconnected", peer)]

    def connects(self, others: Sequence[int]) -> list[Said]:
        return [
            ("connection_established", ""),
            ("peer_connected", 1),
            ("connection_succeeded",),
            *(("peer_connected", other) for other in others),
        ]


class Theirs:
    """An engine; with ``tree`` its SceneTree polls, without it the script, which sees packets."""

    def __init__(self, godot: Godot3, *, tree: bool) -> None:
        self.godot = godot
        self.id = 0
        self.tree = tree

    async def told(self, *expected: Said) -> None:
        await self.godot.told(*expected)

    async def put(self, payload: bytes, to: int) -> None:
        await self.godot.put_packet(payload, to)

    async def got(self, *expected: tuple[int, bytes]) -> None:
        await self.godot.got(*(parcel(source, payload) for source, payload in expected))

    def both(self, name: str, in_tree: str, *args: object) -> list[Said]:
        """A signal of the peer; the SceneTree's own comes before it."""
        of_peer: list[Said] = [("sig", name, *args)]
        return [("tree", in_tree, *args), *of_peer] if self.tree else of_peer

    def joins(self, peer: int) -> list[Said]:
        return self.both("peer_connected", "network_peer_connected", peer)

    def leaves(self, peer: int) -> list[Said]:
        return self.both("peer_disconnected", "network_peer_disconnected", peer)

    def connects(self, others: Sequence[int]) -> list[Said]:
        return [
            *self.joins(1),
            *self.both("connection_succeeded", "connected_to_server"),
            *(said for other in others for said in self.joins(other)),
        ]

    def loses(self) -> list[Said]:
        """The signals of losing the session: the engine has no other than these."""
        return self.both("connection_failed", "connection_failed")


class Session:
    """A session of members who join one by one; each joining is compared on all sides."""

    def __init__(
        self,
        drive: Drive,
        launch: Launch,
        *,
        tree: bool = True,
        outbound_buffer_size: int = 65535,
    ) -> None:
        self._drive = drive
        self._launch = launch
        self._tree = tree
        self._outbound_buffer_size = outbound_buffer_size  # of our peers
        self.members: list[Member] = []
        self.port = 0

    async def serve(self, kind: str) -> None:
        """Begin with a server: "ours" or "theirs"."""
        if kind == "ours":
            server = WebSocketServer()
            server.bind_ip = "127.0.0.1"
            server.outbound_buffer_size = self._outbound_buffer_size
            server.listen(0, gd_mp_api=True)
            self.port = server.get_local_port()
            self.members = [Ours(self._drive.add(server))]
        else:
            godot = await self._launch()
            self.port = await godot.listen(tree=self._tree)
            self.members = [Theirs(godot, tree=self._tree)]
        self.members[0].id = 1

    async def join(self, kind: str) -> Member:
        """Add a client, "ours" or "theirs"."""
        url = f"ws://127.0.0.1:{self.port}"
        newcomer: Member
        if kind == "ours":
            client = WebSocketClient()
            client.outbound_buffer_size = self._outbound_buffer_size
            newcomer = Ours(client)
            client.connect_to_url(url, gd_mp_api=True)
            self._drive.add(client)
        else:
            godot = await self._launch()
            newcomer = Theirs(godot, tree=self._tree)
            await godot.connect_to_url(url, tree=self._tree)
        others = sorted(member.id for member in self.members[1:])
        await newcomer.told(*newcomer.connects(others))
        if isinstance(newcomer, Ours):
            newcomer.id = newcomer.peer.get_unique_id()
        elif isinstance(newcomer, Theirs):
            newcomer.id = await newcomer.godot.id()
        assert 2 <= newcomer.id <= LARGEST_ID
        for member in self.members:
            await member.told(*member.joins(newcomer.id))
        self.members.append(newcomer)
        return newcomer
