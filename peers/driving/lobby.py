"""``Lobby``: what ``async with peers.lobby(url)`` gives: a lobby whose answers can be awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from multiplayer.rooms.listing import RoomPage, RoomRow
    from multiplayer.rooms.tickets import RoomPlace
    from peers.rooms.lobby_client import LobbyClient

    from .waiting import Waiting


class Lobby:
    """A lobby, under trio or asyncio; ``LobbyClient`` has the same for programs that poll.

    Every method may raise ``LobbyRefusedError``, whose ``status`` and ``text`` say why, and
    ``PeerLeft`` if the connection ends before the answer.

    Args:
        client: asks.
        answers: waits for answers.
    """

    def __init__(self, client: LobbyClient, answers: Waiting) -> None:
        self._client = client
        self._answers = answers

    @property
    def client(self) -> LobbyClient:
        """What asks; its ``peer`` and ``api`` have the connection."""
        return self._client

    async def list(
        self,
        kind: str = "",
        *,
        free: bool = False,
        metadata: Mapping[str, object] | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> RoomPage:
        """Return a page of rooms, the newest first; see ``LobbyClient.list``."""
        call = self._client.list(kind, free=free, metadata=metadata, cursor=cursor, limit=limit)
        return await self._answers.reply(call)

    async def rooms(
        self,
        kind: str = "",
        *,
        free: bool = False,
        metadata: Mapping[str, object] | None = None,
    ) -> AsyncGenerator[RoomRow]:
        """Go through all rooms, page by page: ``async for room in lobby.rooms("duel")``."""
        cursor = ""
        while True:
            page = await self.list(kind, free=free, metadata=metadata, cursor=cursor)
            for row in page.rooms:
                yield row
            cursor = page.cursor
            if not cursor:
                return

    async def create(
        self,
        kind: str,
        *,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> RoomPlace:
        """Make a room, and return a place in it; see ``LobbyClient.create``."""
        call = self._client.create(kind, private=private, metadata=metadata, options=options)
        return await self._answers.reply(call)

    async def join(self, code: str) -> RoomPlace:
        """Return a place in the room of a code; see ``LobbyClient.join``."""
        return await self._answers.reply(self._client.join(code))

    async def match(
        self, kind: str, *, party: int = 1, rating: float = 0.0
    ) -> tuple[RoomPlace, ...]:
        """Wait for a match, and return a place for each of the party.

        Who is cancelled while it waits, waits no more there, either. See ``LobbyClient.match``.
        """
        return await self._answers.reply(self._client.match(kind, party=party, rating=rating))

    async def change(
        self,
        place: RoomPlace,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Change a room that one has made; see ``LobbyClient.change``."""
        call = self._client.change(place, locked=locked, private=private, metadata=metadata)
        await self._answers.reply(call)

    async def kick(self, place: RoomPlace, peer: int) -> None:
        """Send a player away from a room that one has made; see ``LobbyClient.kick``."""
        await self._answers.reply(self._client.kick(place, peer))
