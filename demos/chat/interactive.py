"""The chat for people: what is typed is said, what is heard is printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import trio

from demos.chat.room import Room
from peers import connect, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELP = "Say something, or: /to NAME text, /but NAME text, /who, /quit"


async def host(port: int) -> int:
    """Run the server, until ``/quit`` or Ctrl-C; return the exit status."""
    room = entered(Room("Server"))
    async with serve(port, api=room.api, stop_on_signals=True) as server:
        say(f"The chat is open at ws://127.0.0.1:{server.get_local_port()}")
        if await talk(room) == "end of input":
            await trio.sleep_forever()  # nobody types, as in the background: serve all the same
        room.leave()
    return 0


async def join(url: str, name: str) -> int:
    """Take part as a client, until ``/quit`` or the end of the input; return the exit status."""
    room = entered(Room(name))
    connected = trio.CancelScope()
    room.api.connected_to_server.connect(lambda: say(f"Welcome, {name}! {HELP}"))
    room.api.server_disconnected.connect(connected.cancel)
    async with connect(url, api=room.api):
        with connected:
            await talk(room)
            room.leave()
    if connected.cancelled_caught:
        say("* The server has gone.")
        return 1
    return 0


def entered(room: Room) -> Room:
    """Print whatever happens in the room from now on."""
    room.joined.connect(lambda name: say(f"* {name} is here."))
    room.left.connect(lambda name: say(f"* {name} has left."))
    room.heard.connect(lambda name, text, to: say(f"{name} to {room.describe(to)}: {text}"))
    return room


async def talk(room: Room) -> str:
    """Say and do what is typed; return why that ended: "quit" or "end of input"."""
    async for line in typed_lines():
        match line.split(maxsplit=2):
            case []:
                pass
            case ["/quit"]:
                return "quit"
            case ["/who"]:
                say("* Here: " + ", ".join([f"{room.owner} (you)", *room.names.values()]))
            case ["/to" | "/but" as command, name, text]:
                whom = room.find(name)
                if whom is None:
                    say(f"* Nobody is called {name}.")
                else:
                    room.say(text, whom if command == "/to" else -whom)
            case [word, *_] if word.startswith("/"):
                say(f"* {HELP}")
            case _:
                room.say(line)
    return "end of input"


async def typed_lines() -> AsyncIterator[str]:
    """Yield the lines of standard input."""
    stdin = standard_input()
    # In a thread, because reading waits; one that can be abandoned, because nobody may ever type.
    while line := await trio.to_thread.run_sync(stdin.readline, abandon_on_cancel=True):
        yield line.strip()


def standard_input() -> TextIO:
    """Return a file of our own; ``sys.stdin`` cannot be closed while a thread still reads it."""
    return open(0, encoding=sys.stdin.encoding, errors="replace", closefd=False)


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)
