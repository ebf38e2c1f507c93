"""A conversation between a server and three clients that checks itself."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack

import trio

from demos.chat.room import EVERYBODY, Room
from peers import connect, serve

PATIENCE = 5.0


async def play() -> None:
    """Play the conversation and print it.

    Raises:
        LookupError: somebody did not notice something that was meant for them, or noticed
            something that was not.
    """
    host = Room("Server")
    audience = Audience()
    audience.admit(host)
    async with serve(0, api=host.api) as server, AsyncExitStack() as clients:
        url = f"ws://127.0.0.1:{server.get_local_port()}"

        async def join(name: str) -> Room:
            room = Room(name)
            present = audience.names
            audience.admit(room)
            await clients.enter_async_context(connect(url, api=room.api))
            print(f"{name} joins.")
            await audience.notices(
                *((other, f"{name} joins") for other in present),
                *((name, f"{other} joins") for other in present),
            )
            return room

        async def say(speaker: Room, text: str, to: int, *hearers: Room) -> None:
            print(f"{speaker.owner} to {speaker.describe(to)}: {text}")
            speaker.say(text, to)
            names = [room.owner for room in hearers]
            await audience.notices(*((name, f"{speaker.owner} says: {text}") for name in names))
            print(f"    heard by {', '.join(names)}")

        ada, bob, cyd = await join("Ada"), await join("Bob"), await join("Cyd")
        ids = {room: room.api.get_unique_id() for room in (host, ada, bob, cyd)}
        await say(ada, "Hello! Who is here?", EVERYBODY, host, bob, cyd)
        await say(bob, "Me. Whose birthday is it, Cyd's?", ids[ada], ada)
        await say(ada, "Yes. Cake at eight, not a word to Cyd!", -ids[cyd], host, bob)
        await say(cyd, "Why is everybody so quiet?", EVERYBODY, host, ada, bob)
        await say(host, "This room closes in a moment.", EVERYBODY, ada, bob, cyd)
        for room in (cyd, bob, ada):
            audience.dismiss(room)
            room.leave()
            room.api.disconnect_peer(ids[host])
            print(f"{room.owner} leaves.")
            await audience.notices(*((other, f"{room.owner} leaves") for other in audience.names))

    total = server.statistics
    print(
        f"Everything arrived. The server received {total.packets_received} packets "
        f"({total.bytes_received} bytes) and sent {total.packets_sent} ({total.bytes_sent} bytes)."
    )


class Audience:
    """Notes what everybody in the audience notices."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._note, self._noted = trio.open_memory_channel[tuple[str, str]](math.inf)

    def admit(self, room: Room) -> None:
        """Note what ``room`` notices."""

        def note(what: str) -> None:
            if room.owner in self.names:
                self._note.send_nowait((room.owner, what))

        self.names = [*self.names, room.owner]
        room.joined.connect(lambda name: note(f"{name} joins"))
        room.left.connect(lambda name: note(f"{name} leaves"))
        room.heard.connect(lambda name, text, _: note(f"{name} says: {text}"))

    def dismiss(self, room: Room) -> None:
        """Note no more of what ``room`` notices."""
        self.names = [name for name in self.names if name != room.owner]

    async def notices(self, *expected: tuple[str, str]) -> None:
        """Wait until each of these pairs of who and what has been noted, and nothing else."""
        missing = set(expected)
        with trio.move_on_after(PATIENCE):
            while missing:
                noted = await self._noted.receive()
                if noted not in missing:
                    raise LookupError("{} noticed what was not for them: {}".format(*noted))
                missing.remove(noted)
        for lost in missing:
            raise LookupError("{} did not notice: {}".format(*lost))
