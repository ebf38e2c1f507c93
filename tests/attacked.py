"""Runs a program, as it is printed in a page, while strangers attack the server that is in it.

``python -m tests.attacked PROGRAM DIALECT stays|leaves SEED [ARGUMENT …]``: as soon as the program
listens, one stranger for each message connects and sends it, together with its upgrade, before the
program has polled once: un-asked, early, repeated, and late where it leaves at once.
"""

from __future__ import annotations

import random
import runpy
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from multiplayer import Color, MsgpackCodec, NodePath, Plane, Vector2
from multiplayer.errors import MultiplayerError
from multiplayer.wire.dialects.choice import Dialect, wire_of
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketMultiplayerPeer, WebSocketServer
from peers.gate import Gate
from tests.raw import frame, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from multiplayer.endpoint.server_role import ServerRole
    from multiplayer.wire.dialects.api_packets import ApiWire
    from peers.websocket.link import Link
    from peers.websocket.upgrade import UpgradeRequest

_FIRST_ID: Final = 1_000
_MASK: Final = b"mask"

METHODS: Final = (
    ("Shop", ("price",)),
    ("Guess", ("guess", "answer")),
    ("Dice", ("roll", "rolled")),
    ("Main", ("say", "said")),
    ("Room", ("introduce", "hear")),
    (".", ("say", "show")),
    (".", ("switch",)),
    (".", ("moved", "step")),
    ("Chat", ("enter", "said", "say")),
    ("Hall", ("greet", "greeted")),
    ("1007", ("steer",)),  # a stranger's own player
    ("Nobody", ("there",)),
)
"""What the programs of the pages have, by path, and what none has."""

VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    0,
    -1,
    2**63 - 1,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "axe",
    "\u0390" * 8_000,  # three times as long when it is upper-cased
    "x" * 60_000,
    "line\nWARNING forged \x1b[2J",
    b"",
    b"\xff\x00",
    [],
    [[[]]],
    {},
    {"a": [1, {"b": None}]},
    {1: 2},
    Vector2(1, 2),
    Color(1, 0, 0),
    Plane(),
    NodePath("a/b:c"),
)


def arguments(chance: random.Random) -> Iterator[list[object]]:
    """Lists of arguments: each value alone, none, and some mixtures."""
    yield []
    for value in VALUES:
        yield [value]
    for _ in range(12):
        yield chance.choices(VALUES, k=chance.randrange(2, 6))


def packets(wire: ApiWire, chance: random.Random) -> Iterator[list[bytes]]:
    """What one stranger sends, one after the other: API packets, and what is none."""
    for garbage in (b"", b"\0", b"\xff" * 40, bytes(range(256)), b"\x93\x01\x02"):
        yield [garbage]
    yield [chance.randbytes(chance.randrange(1, 60)) for _ in range(8)]
    if wire.authenticates:
        for credentials in (b"the password", b"", b"\xff", b"wrong", b"x" * 50_000):
            yield [wire.authenticate(credentials)]
            yield [wire.authenticate(credentials)] * 3
        yield [wire.authenticate(b""), wire.authenticate(b"the password"), wire.authenticate(b"")]
    yield [wire.raw(b"any bytes"), wire.raw(b"any bytes")]
    for path, methods in METHODS:
        announcement = wire.announce(1, path, methods)
        yield [announcement, announcement]
        for position, method in enumerate(methods):
            for values in arguments(chance):
                try:
                    call = wire.call(method, position, values)
                except MultiplayerError:
                    continue  # this dialect has no such value
                once = [call.by_number(1, shortest=False)]
                yield [announcement, *once * 2]
                if wire.confirms:  # else nothing is called by its path
                    yield [call.by_path(path)]
                if wire.responds:
                    question = wire.request(1, method, position, values)
                    yield [announcement, question.by_number(1, shortest=False)]
    if wire.responds:
        yield [wire.response(1, "un-asked"), wire.error_response(1, "Un", "asked")]


def messages_of(dialect: str, own: int, sent: list[bytes]) -> list[bytes]:
    """Packets as WebSocket messages of the envelope that the dialect's programs use here."""
    if dialect == "GODOT_4":
        return sent
    targets = (1, 0, -2, own, 77)
    return [gd_mp.packet(own, target, each) for each in sent for target in targets[: 1 + own % 5]]


def values_of(dialect: str, chance: random.Random) -> Iterator[list[bytes]]:
    """What strangers send to a program, whatever its dialect."""
    if dialect == "VALUES":
        codec = MsgpackCodec()
        for value in VALUES:
            yield [codec.encode(value)]
        for _ in range(30):
            yield [chance.randbytes(chance.randrange(1, 40))]
        return
    yield from packets(wire_of(Dialect[dialect]), chance)


class Attack:
    """The strangers; their connections stay as long as this object."""

    def __init__(self, dialect: str, *, leaves: bool, seed: int) -> None:
        self._dialect = dialect
        self._leaves = leaves
        self._chance = random.Random(seed)
        self._connections: list[socket.socket] = []
        self.count = 0

    def begin(self, port: int) -> None:
        """Let all strangers connect and send."""
        sent = list(values_of(self._dialect, self._chance))
        self._chance.shuffle(sent)
        for number, each in enumerate(sent[:100]):
            own = _FIRST_ID + number
            messages = messages_of(self._dialect, own, each)
            connection = socket.create_connection(("127.0.0.1", port))
            frames = b"".join(frame(message, mask=_MASK) for message in messages)
            connection.setblocking(False)
            connection.send(request(port, path=f"/game?stranger={own}") + frames)
            self._connections.append(connection)
            self.count += 1
        if self._leaves:
            for connection in self._connections:
                connection.close()


def patch(attack: Attack) -> None:
    """Let the attack begin when something listens; strangers get the ids that they reckon with."""
    asked: list[str] = []
    decide: Callable[..., None] = Gate._decide
    draw: Callable[..., int] = WebSocketMultiplayerPeer.generate_unique_id

    def deciding(self: Gate, role: ServerRole, link: Link, request: UpgradeRequest) -> None:
        asked[:] = [request.query]
        decide(self, role, link, request)

    def drawing(self: WebSocketMultiplayerPeer) -> int:
        name, _, number = asked.pop().partition("=") if asked else ("", "", "")
        return int(number) if name == "stranger" else draw(self)

    Gate._decide = deciding  # type: ignore[method-assign]
    WebSocketMultiplayerPeer.generate_unique_id = drawing  # type: ignore[method-assign]
    for owner, name in ((WebSocketServer, "listen"), (WebSocketMultiplayerPeer, "create_server")):
        original: Callable[..., None] = getattr(owner, name)

        def listening(
            self: Any, port: int, *args: Any, original: Any = original, **named: Any
        ) -> None:
            del port  # programs of the pages want theirs, which may be taken here
            original(self, 0, *args, **named)
            attack.begin(self.get_local_port())
            print(f"attacked by {attack.count} at {self.get_local_port()}", flush=True)

        setattr(owner, name, listening)


if __name__ == "__main__":
    program, dialect, manner, seed, *rest = sys.argv[1:]
    patch(Attack(dialect, leaves=manner == "leaves", seed=int(seed)))
    sys.argv = [program, *rest]
    runpy.run_path(program, run_name="__main__")
