"""Drives a real Godot 4.6: GDScript goes in, results, signals and calls come out.

One engine serves many tests, since a start takes about two seconds: the fixture ``launch_godot4``
gives out engines that have been reset. A test::

    async def test_call_from_the_engine(launch_godot4, server_url):
        godot = await launch_godot4()
        me = await godot.join(server_url)                     # create_client, connected
        assert await godot.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
        assert await godot.rpc("Main/Game", "any_one", 1, "Vector2(1, 2)") == 0
        ...                                                   # our server answers with any_one(5)
        assert await godot.calls(1) == [("any_one", ["5"], 1)]

The script of ``Main/Game`` is ``GAME`` of ``gdscript.py``; ``add_node`` adds others.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import trio

from tests.interop import conformance
from tests.interop.godot4.browser import Browser
from tests.interop.godot4.gdscript import GAME, Value, literal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

PATIENCE = 10.0
"""How long anything may take, in seconds."""

STARTING = 30.0
"""How long an engine may take to start, in seconds."""

Said = tuple[object, ...]
Call = tuple[str, list[Any], int]


class Recorded(NamedTuple):
    """A call as the engine told of it."""

    node: str
    method: str
    args: list[str]
    encoded: list[bytes]
    sender: int


class Process(Protocol):
    """What an engine runs in."""

    @property
    def running(self) -> bool:
        """Has it not ended yet?"""
        ...

    @property
    def group(self) -> int:
        """The id of its process group."""
        ...

    def order(self, text: str) -> None:
        """Hand over an order to ``main.gd``."""

    def close(self) -> None:
        """End it and wait until it is gone."""


class ScriptError(Exception):
    """GDScript that does not compile, or an engine that has crashed."""


class Godot4:
    """One engine, reset for each test. A test gets it from the fixture ``launch_web4``.

    Godot's run-time script errors are silent in a release build: a function that fails returns
    null, and a call that cannot be made does nothing. What the engine itself complains of is in
    ``complaints``.
    """

    marker = "godot4"
    """That of tests which need such an engine."""

    def __init__(self, start: Callable[[Callable[[str, str], None]], Process] = Browser) -> None:
        self.version: dict[str, Any] = {}
        """``Engine.get_version_info()``."""
        self.complaints: list[str] = []
        """The engine's errors and warnings since the test began, one entry each."""
        self.output: list[str] = []
        """What has been printed since the test began."""
        self._lines: deque[tuple[str, str]] = deque()
        self._token: trio.lowlevel.TrioToken | None = None
        self._changed = trio.Event()
        self._crash: str | None = None
        self._orders = 0
        self._codes: dict[int, str] = {}
        self._results: dict[int, dict[str, Any]] = {}
        self._signals: list[Said] = []
        self._calls: list[Recorded] = []
        self.stands_still = False
        """It has told that it does, see ``wire.gd`` of the native engines."""
        self._process = start(self._tell)

    # ---------------------------------------------------------------- lending, for the fixture

    @property
    def running(self) -> bool:
        return self._crash is None and self._process.running

    @property
    def group(self) -> int:
        """The id of the process group in which the engine runs."""
        return self._process.group

    def close(self) -> None:
        """End the engine."""
        self._process.close()

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Self]:
        """Hear the engine in this event loop, after everything in it is as at its start."""
        self._token = trio.lowlevel.current_trio_token()
        try:
            self._deliver()
            await self.until(lambda: self.version, "start", STARTING)
            assert await self.do("return main.reset(args[0])", GAME) == "true"
            self._results.clear()
            for told in (self.complaints, self.output, self._signals, self._calls):
                told.clear()
            yield self
        finally:
            self._token = None

    # ---------------------------------------------------------------- hearing

    def _tell(self, kind: str, text: str) -> None:
        """Take a line, in the thread of an HTTP request."""
        self._lines.append((kind, text))
        if token := self._token:
            with suppress(trio.RunFinishedError):  # the test is over
                token.run_sync_soon(self._deliver)

    def _deliver(self) -> None:
        while self._lines:
            kind, text = self._lines.popleft()
            if kind == "told":
                self._hear(json.loads(text))
            elif kind == "crash":
                self._crash = text
            elif kind == "err":
                self.complaints.append(text)
            else:
                self.output.append(text)
        self._changed.set()
        self._changed = trio.Event()

    def _hear(self, told: dict[str, Any]) -> None:
        match told["what"]:
            case "ready":
                self.version = told["version"]
            case "result":
                self._results[told["id"]] = told
            case "stands still":
                self.stands_still = True
            case "signal":
                packet = () if told["packet"] is None else (bytes.fromhex(told["packet"]),)
                self._signals.append((told["name"], *told["args"], *packet))
            case "call":
                encoded = [bytes.fromhex(data) for data in told["bytes"]]
                self._calls.append(
                    Recorded(told["node"], told["method"], told["args"], encoded, told["sender"])
                )

    async def until(
        self, condition: Callable[[], object], what: str, patience: float = PATIENCE
    ) -> None:
        """Wait until the engine has told enough."""
        with trio.move_on_after(patience):
            while not condition():
                if self._crash is not None:
                    raise ScriptError(f"the engine crashed: {self._crash}")
                await self._changed.wait()
        assert condition(), "\n".join(
            [
                f"not within {patience} s: {what}",
                *map(str, self._signals),
                *map(str, self._calls),
                *self.complaints[-10:],
            ]
        )

    # ---------------------------------------------------------------- GDScript

    async def do(self, code: str, *args: Value) -> str:
        """Run GDScript as the body of a function; ``var_to_str`` of what it returns.

        It sees ``main`` (the node Main), ``multiplayer``, ``tree``, ``args``, and ``keep`` (a
        Dictionary that lasts for the test). It may await.

        Raises:
            ScriptError: it does not compile.
        """
        return await self.result_of(self.give_order(code, *args))

    def give_order(self, code: str, *args: Value) -> int:
        """Do as :meth:`do`, but do not wait; the order's number for :meth:`result_of`."""
        self._orders += 1
        order = {"id": self._orders, "args": literal(list(args)), "code": code}
        self._codes[self._orders] = code
        self._process.order(json.dumps(order))
        return self._orders

    async def result_of(self, number: int) -> str:
        """The result of an order, when it is there."""
        code = self._codes.pop(number)
        await self.until(lambda: number in self._results, f"result of {code!r}")
        result = self._results.pop(number)
        if "error" in result:
            raise ScriptError("\n".join([result["error"], code, *self.complaints[-8:]]))
        return result["value"]

    async def _number(self, code: str, *args: Value) -> int:
        return int(await self.do(code, *args))

    async def _succeed(self, code: str, *args: Value) -> None:
        assert await self.do(code, *args) == "true", f"failed: {code}; {self.complaints[-8:]}"

    async def frames(self, count: int = 2) -> None:
        """Let the engine process some frames; it polls its peer in each."""
        await self._succeed("for i in args[0]:\n\tawait tree.process_frame\nreturn true", count)

    # ---------------------------------------------------------------- records

    async def signals(self, count: int = 0) -> list[Said]:
        """All signals of SceneMultiplayer since the last call, when at least ``count`` have come.

        In order: ``("peer_connected", 2)``, ``("connected_to_server",)``,
        ``("peer_authenticating", 1)``, ``("peer_packet", 1, b"…")``, and so on; among them calls of
        the auth_callback: ``("auth_callback", 1, b"…")``. Two more frames are waited for, so that
        what is one too many shows.
        """
        await self.until(lambda: len(self._signals) >= count, f"{count} signals")
        await self.frames()
        found = [*self._signals]
        self._signals.clear()
        return found

    def told(self, name: str) -> int:
        """How often that signal has come since :meth:`signals` was called."""
        return [said[0] for said in self._signals].count(name)

    async def calls(self, count: int = 0, *, node: str = "Main/Game") -> list[Call]:
        """All calls of a node's RPCs since the last time, when at least ``count`` have come.

        ``("any_one", ['"text"'], 1)``: the method, ``var_to_str`` of its arguments, the sender's id
        (0 for a call that is no RPC). Two more frames are waited for.
        """
        return [(call.method, call.args, call.sender) for call in await self._taken(count, node)]

    async def encoded_calls(self, count: int = 0, *, node: str = "Main/Game") -> list[Call]:
        """Do as :meth:`calls`, with ``var_to_bytes`` of the arguments."""
        return [(call.method, call.encoded, call.sender) for call in await self._taken(count, node)]

    async def _taken(self, count: int, node: str) -> list[Recorded]:
        def of_node() -> list[Recorded]:
            return [call for call in self._calls if call.node == node]

        await self.until(lambda: len(of_node()) >= count, f"{count} calls of {node}")
        await self.frames()
        found = of_node()
        self._calls = [call for call in self._calls if call.node != node]
        return found

    async def complained(self, text: str) -> None:
        """Wait until the engine has complained of something that has this text in it."""
        await self.until(
            lambda: any(text in complaint for complaint in self.complaints), f"complaint {text!r}"
        )

    # ---------------------------------------------------------------- the connection

    async def create_client(self, url: str, *, protocols: Sequence[str] = ()) -> None:
        """Begin to connect, with a WebSocketMultiplayerPeer."""
        conformance.note(self.marker, "client")
        error = await self._number("return main.create_client(args[0], args[1])", url, [*protocols])
        assert error == 0, error

    async def join(self, url: str) -> int:
        """Connect, wait for ``connected_to_server``; its id. The signals are still to be taken."""
        await self.create_client(url)
        await self.until(lambda: ("connected_to_server",) in self._signals, "connected_to_server")
        return await self.id()

    async def create_server(self, bridge_url: str) -> None:
        """Become a server behind a bridge (``bridge.engine_url``, of the fixture ``bridge``)."""
        conformance.note(self.marker, "server")
        await self._succeed("return await main.create_server(args[0])", bridge_url)

    async def leave(self) -> None:
        """``multiplayer_peer.close()``."""
        await self._succeed("multiplayer.multiplayer_peer.close()\nreturn true")

    async def disconnect_peer(self, peer: int) -> None:
        """``SceneMultiplayer.disconnect_peer``."""
        await self._succeed("multiplayer.disconnect_peer(args[0])\nreturn true", peer)

    async def id(self) -> int:
        """``get_unique_id()``."""
        return await self._number("return multiplayer.get_unique_id()")

    async def peers(self) -> list[int]:
        """``get_peers()``, sorted."""
        found = await self.do("return Array(multiplayer.get_peers())")
        return sorted(json.loads(found))

    # ---------------------------------------------------------------- authentication

    async def set_auth(
        self,
        greeting: bytes | None = None,
        expects: bytes | None = None,
        *,
        at_once: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Ask for authentication: set ``auth_callback``. Call it before there is a peer.

        Args:
            greeting: sent with ``send_auth`` to each peer that is authenticating.
            expects: who sends these bytes is admitted (``complete_auth``), who sends others is
                disconnected; None: neither happens, see :meth:`complete_auth`.
            at_once: ``complete_auth`` as soon as a peer is authenticating, after the greeting.
            timeout: ``auth_timeout`` in seconds; None: as it is, 3.
        """
        await self._succeed(
            "return main.set_auth(args[0], args[1], args[2])", greeting, expects, at_once
        )
        if timeout is not None:
            await self._succeed("multiplayer.auth_timeout = args[0]\nreturn true", timeout)

    async def send_auth(self, peer: int, data: bytes) -> int:
        """``send_auth``; Godot's error code."""
        return await self._number("return multiplayer.send_auth(args[0], args[1])", peer, data)

    async def complete_auth(self, peer: int) -> int:
        """``complete_auth``; Godot's error code."""
        return await self._number("return multiplayer.complete_auth(args[0])", peer)

    # ---------------------------------------------------------------- nodes and calls

    async def add_node(self, name: str, script: str = GAME) -> None:
        """Add ``Main/<name>`` with a script (see :func:`tests.interop.godot4.gdscript.script`).

        A node of that name is replaced.
        """
        await self.remove_node(name)
        await self._succeed("return main.add_node(args[0], args[1])", name, script)

    async def remove_node(self, name: str) -> None:
        """Remove ``Main/<name>``, if it is there."""
        await self._succeed(
            "var node := main.get_node_or_null(args[0])\n"
            "if node:\n\tmain.remove_child(node)\n\tnode.free()\n"
            "return true",
            name,
        )

    async def set_authority(self, node: str, peer: int) -> None:
        """``set_multiplayer_authority`` of a node: "Main/Game"."""
        await self._succeed(
            "tree.root.get_node(args[0]).set_multiplayer_authority(args[1])\nreturn true",
            node,
            peer,
        )

    async def rpc(self, node: str, method: str, target: int, *arguments: str) -> int:
        """``node.rpc_id(target, method, …)``, with GDScript expressions as arguments.

        Target 0 is all (Godot's ``rpc``), -n all but n. Returns Godot's error code; that is 0 (OK)
        also for many a call that is not made, of which the engine complains.
        """
        inserted = "".join(f", {argument}" for argument in arguments)
        return await self._number(
            f"return tree.root.get_node(args[0]).rpc_id(args[1], args[2]{inserted})",
            node,
            target,
            method,
        )

    async def send_bytes(
        self, data: bytes, target: int = 0, *, mode: int = 2, channel: int = 0
    ) -> int:
        """``SceneMultiplayer.send_bytes``; Godot's error code."""
        return await self._number(
            "return multiplayer.send_bytes(args[0], args[1], args[2], args[3])",
            data,
            target,
            mode,
            channel,
        )
