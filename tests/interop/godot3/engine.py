"""Drives a real Godot 3: steps go out over a loopback connection, events come on its stdout."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from multiplayer import decode_variant
from tests.driving import until
from tests.interop import conformance
from tests.interop.godot3.game import Heard, raw
from tests.interop.native import whereabouts
from tests.interop.native.versions import note

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

PATIENCE = 10.0
"""How long anything may take, in seconds."""

LIFETIME = 50
"""After how many seconds the engine quits by itself, should nobody be left to end it."""

PROJECT = Path(__file__).parent / "project"

Event = dict[str, Any]
Said = tuple[object, ...]


def executable(marker: str = "godot3") -> str | None:
    """The path of a marker's engine; None without one.

    3.2.3 is ``$GODOT3``, or ``godot3-server`` on the ``PATH``.
    """
    if marker == "native3":
        return whereabouts.executable(marker)
    return shutil.which(os.environ.get("GODOT3", "godot3-server"))


def parcel(source: int, payload: bytes, **more: object) -> Event:
    """What the engine tells of a packet: of a long one not the bytes but what they hash to."""
    digest = hashlib.sha256(payload).hexdigest()
    return {"from": source, "len": len(payload), "sha256": digest, **more}


def _as_parcel(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("ev", "data")}


def _as_said(event: Event) -> Said:
    return (event["ev"], event["name"], *event["args"])


def _as_heard(event: Event) -> str:
    """What :class:`Heard` says of it; as text, which tells 1 from 1.0 and -0.0 from 0.0."""
    if event["ev"] == "raw":
        return repr(raw(event["from"], base64.b64decode(event["data"])))
    values = event["args"] if event["ev"] == "rpc" else [event["value"]]
    decoded = tuple(decode_variant(bytes.fromhex(value["hex"]), 3) for value in values)
    name = event["method"] if event["ev"] == "rpc" else event["prop"]
    return repr(Heard(event["node"].removeprefix("/root/Main/"), name, event["sender"], decoded))


class Godot3:
    """One engine process. Made with :meth:`launched`."""

    def __init__(self, process: trio.Process, control: trio.SocketStream, marker: str) -> None:
        self.process = process
        self._marker = marker
        self.errors: list[str] = []
        self._control = control
        self._events: list[Event] = []
        self._seen = 0  # how many of them event() has passed
        self._told = 0  # the same for told()
        self._got = 0  # the same for got()
        self._heard = 0  # the same for heard()
        self._steps = 0
        self._arrived = trio.Event()
        self._ended = False

    @classmethod
    @asynccontextmanager
    async def launched(
        cls, nursery: trio.Nursery, marker: str = "godot3"
    ) -> AsyncGenerator[Godot3]:
        """Start an engine and wait until its project runs; end it in any case."""
        path = executable(marker)
        assert path is not None, "there is no engine; the tests should have been skipped"
        with tempfile.TemporaryDirectory(prefix="godot3-") as home:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            async with listener:
                port: int = listener.socket.getsockname()[1]
                process = await trio.lowlevel.open_process(
                    [path, "--path", str(PROJECT)],
                    env={
                        "PATH": os.environ.get("PATH", ""),
                        "HOME": home,
                        "LANG": "en_US.UTF-8",
                        "GD_CTL": str(port),
                        "GD_LIFETIME": str(LIFETIME),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                try:
                    with trio.fail_after(PATIENCE):
                        control = await listener.accept()
                    control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    godot = cls(process, control, marker)
                    async with control:
                        nursery.start_soon(godot._read_events)
                        nursery.start_soon(godot._read_errors)
                        ready = await godot.event(ev="ready")
                        if marker == "godot3":
                            assert ready["version"].startswith("3.2.3"), ready
                        else:
                            note(marker, ready["version"])
                        yield godot
                finally:
                    process.kill()
                    with trio.CancelScope(shield=True):
                        await process.wait()

    # ---------------------------------------------------------------- reading

    @property
    def complaints(self) -> list[str]:
        """The engine's errors, without the one about its missing directories at the start."""
        wanted = ("ERROR", "WARNING", "SCRIPT ERROR")
        known = ("make_dir_recursive",)
        return [
            line
            for line in self.errors
            if line.startswith(wanted) and not any(word in line for word in known)
        ]

    async def _read_events(self) -> None:
        assert self.process.stdout is not None
        rest = b""
        async with self.process.stdout as stream:
            async for data in stream:
                *lines, rest = (rest + data).split(b"\n")
                self._events += [json.loads(line) for line in lines if line.startswith(b"{")]
                self._wake()
        self._ended = True
        self._wake()

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        rest = b""
        async with self.process.stderr as stream:
            async for data in stream:
                *lines, rest = (rest + data).split(b"\n")
                self.errors += [line.decode("utf-8", "replace") for line in lines]

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = trio.Event()

    async def _find(self, start: int, match: Event) -> int:
        """The place of the first event from ``start`` on that has all of ``match``."""
        at = start
        with trio.move_on_after(PATIENCE):
            while True:
                while at < len(self._events):
                    if match.items() <= self._events[at].items():
                        return at
                    at += 1
                if self._ended:
                    break
                await self._arrived.wait()
        happened = "\n".join(map(str, self._events[start:]))
        complaints = "\n".join(self.errors[-10:])
        raise AssertionError(f"the engine never told {match}, but:\n{happened}\n{complaints}")

    async def event(self, **match: object) -> Event:
        """The next event that has all of ``match``; what comes before it is skipped."""
        at = await self._find(self._seen, match)
        self._seen = at + 1
        return self._events[at]

    async def told(self, *expected: Said) -> None:
        """Wait for as many signals as expected, then compare: all since the last call, in order.

        They are ``("sig", name, …)`` of the peer and ``("tree", name, …)`` of the SceneTree.
        """
        self._told = await self._gather(self._told, ("sig", "tree"), expected, _as_said)

    async def got(self, *expected: Event) -> None:
        """Do the same for the packets that the script has fetched, as :func:`parcel` tells them."""
        self._got = await self._gather(self._got, ("packet", "raw"), expected, _as_parcel)

    async def heard(self, *expected: Heard) -> None:
        """Do the same for calls, sets and bytes that have come by the MultiplayerAPI."""
        kinds = ("rpc", "rset", "raw")
        self._heard = await self._gather(self._heard, kinds, tuple(map(repr, expected)), _as_heard)

    async def complained(self, text: str) -> None:
        """Wait for an error with this text in it; forget all that have come."""
        await until(lambda: any(text in line for line in self.errors))
        self.errors.clear()

    async def _gather(
        self,
        start: int,
        kinds: tuple[str, ...],
        expected: tuple[object, ...],
        read: Callable[[Event], object],
    ) -> int:
        """Compare the events of some kinds from ``start`` on; return where to go on."""
        with trio.move_on_after(PATIENCE):
            while not self._ended and self._count(start, kinds) < len(expected):
                await self._arrived.wait()
        if not self._ended:
            await self.step("state")  # so that what is one too many can show
        end = len(self._events)
        found = [read(event) for event in self._events[start:end] if event["ev"] in kinds]
        assert found == [*expected]
        return end

    def _count(self, start: int, kinds: tuple[str, ...]) -> int:
        return sum(event["ev"] in kinds for event in self._events[start:])

    # ---------------------------------------------------------------- steps

    async def step(self, op: str, **arguments: object) -> Any:
        """Have a step done; its result."""
        self._steps += 1
        # As UTF-8: of an escaped pair of surrogates this engine would make two characters.
        step = {"op": op, "n": self._steps, **arguments}
        line = json.dumps(step, ensure_ascii=False) + "\n"
        start = len(self._events)
        with trio.fail_after(PATIENCE):
            await self._control.send_all(line.encode())
        return self._events[await self._find(start, {"ev": "done", "n": self._steps})]["r"]

    async def put_packet(self, payload: bytes, to: int) -> None:
        data = base64.b64encode(payload).decode()
        assert await self.step("put_packet", data=data, to=to) == 0

    async def send_bytes(self, payload: bytes, to: int) -> int:
        """``MultiplayerAPI.send_bytes``; Godot's error code."""
        return await self.step("bytes", data=base64.b64encode(payload).decode(), to=to)

    async def peer_put(self, payload: bytes, *, to: int = 1, text: bool = False) -> None:
        """Send on one connection, in plain mode."""
        data = base64.b64encode(payload).decode()
        assert await self.step("peer_put", data=data, id=to, text=text) == 0

    async def connect_to_url(self, url: str, **options: object) -> None:
        conformance.note(self._marker, "client")
        assert await self.step("start", role="client", url=url, **options) == 0

    async def listen(self, **options: object) -> int:
        """Listen; the port. Godot cannot tell which port it got, so that we have to find one."""
        conformance.note(self._marker, "server")
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port: int = probe.getsockname()[1]
            if await self.step("start", role="server", port=port, **options) == 0:
                return port
        raise AssertionError("the engine could not listen at any of five free ports")

    async def id(self) -> int:
        """``get_unique_id()``."""
        return (await self.step("state"))["id"]

    @asynccontextmanager
    async def standing_still(self) -> AsyncGenerator[None]:
        """Let the whole game hang for the time of the ``with``, as at a breakpoint.

        Its sockets stay open, and nobody reads or answers.
        """
        self._steps += 1
        line = json.dumps({"op": "stand_still", "n": self._steps}) + "\n"
        with trio.fail_after(PATIENCE):
            await self._control.send_all(line.encode())
        await self.event(ev="stands_still")
        try:
            yield
        finally:
            await self.step("state")  # whatever comes lets it go on

    # ---------------------------------------------------------------- ending

    async def kill_9(self) -> None:
        """End without a word, as by ``kill -9``."""
        self.process.kill()
        with trio.fail_after(PATIENCE):
            await self.process.wait()

    async def quit(self) -> None:
        """End as an engine ends whose player leaves."""
        self._steps += 1
        with trio.fail_after(PATIENCE):
            await self._control.send_all(f'{{"op": "quit", "n": {self._steps}}}\n'.encode())
            await self.process.wait()
