"""A server of ours that grants seats, and engines and clients of ours at it."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from peers import Resume, WebSocketMultiplayerPeer
from tests.driving import until
from tests.interop.native.resuming.scripted import join
from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours

if TYPE_CHECKING:
    from tests.interop.godot4.gdscript import Value
    from tests.interop.native.resuming.cable import Cable
    from tests.interop.scene.member import Member, Said
    from tests.interop.scene.session import Session

GRACE = 20.0
KEY = "an-unguessable-key-of-at-least-128-bits"


class Seats:
    """The session.

    Attributes:
        server: the server.
        cable: between it and its clients; one of them only, if the test cuts it.
        members: the server and its clients, in order of joining.
    """

    def __init__(self, session: Session, server: Member, cable: Cable) -> None:
        assert isinstance(server, Ours)
        server.peer.grace = GRACE
        self._session = session
        self.server = server
        self.cable = cable
        self.members: list[Member] = [server]

    async def resuming(self, *, by_cable: bool = True, **settings: Value) -> Engine:
        """An engine with ``resuming_peer.gd`` that has joined."""
        engine = await self.engine()
        await join(engine.godot, self.cable.url if by_cable else self._session.url, **settings)
        await self._joined(engine)
        return engine

    async def with_key(self, key: str, *, by_cable: bool = True) -> Engine:
        """An engine as it is that has joined, with a seat key."""
        engine = await self.engine()
        await self.join_with_key(engine, key, by_cable=by_cable)
        await self._joined(engine)
        return engine

    async def join_with_key(self, engine: Engine, key: str, *, by_cable: bool = True) -> None:
        """Let an engine make a new peer, with its key."""
        base = self.cable.url if by_cable else self._session.url
        await engine.begin_to_join(f"{base}/?seat_key={key}")

    async def ours(self, *, by_cable: bool = False) -> Ours:
        """A client of ours that comes back."""
        ours = await self._session.member("P")
        assert isinstance(ours, Ours)
        peer = WebSocketMultiplayerPeer()
        peer.resume = Resume()
        peer.create_client(self.cable.url if by_cable else self._session.url)
        ours.api.multiplayer_peer = peer
        await until(lambda: "connected_to_server" in ours.recorder)
        ours.id = ours.api.get_unique_id()
        await self._joined(ours)
        return ours

    async def engine(self) -> Engine:
        """An engine that has not joined."""
        engine = await self._session.member("E")
        assert isinstance(engine, Engine)
        return engine

    async def _joined(self, client: Member) -> None:
        others = [("peer_connected", each.id) for each in self.members]
        said = await client.signals(1 + len(others))
        assert said == [("connected_to_server",), *others]
        if isinstance(client, Engine):
            client.id = await client.godot.id()
        for each in self.members:
            assert await each.signals(1) == [("peer_connected", client.id)]
        self.members.append(client)

    async def all_round(self) -> None:
        """Everybody calls everybody, twice, and it arrives."""
        for word in ("first", "again"):
            for caller, called in permutations(self.members, 2):
                await caller.call("any_one", called.id, word)
            for called in self.members:
                others = [each for each in self.members if each is not called]
                assert sorted(await called.calls(len(others)), key=str) == sorted(
                    [("any_one", [word], each.id) for each in others], key=str
                )

    async def suspended(self, client: Member) -> None:
        """Wait until the server knows that a client has lost its connection."""
        await self.server_said(("peer_suspended", client.id))
        assert self.server.api.get_suspended_peers() == [client.id]
        assert client.id in self.server.api.get_peers()

    async def server_said(self, *expected: Said) -> None:
        """Expect just these signals of the server."""
        assert await self.server.signals(len(expected)) == [*expected]

    def check(self) -> None:
        """Fail if anybody has dropped something."""
        for each in self.members:
            each.check_nothing_rejected()
