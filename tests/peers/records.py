"""The recorded games: what each connection of a real server and its real clients carried."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from tests.peers.http_heads import recorded
from tests.raw import BINARY, CLOSE

SERVER = "server"


@dataclass(frozen=True)
class Said:
    """What one side of one connection said: a frame, or that it ends.

    Attributes:
        connection: c1, c2 or c3.
        by: which side.
        op: the opcode; None for the end of the TCP connection.
        body: the frame's payload, unmasked.
    """

    connection: str
    by: Literal["server", "client"]
    op: int | None
    body: bytes

    @property
    def is_game(self) -> bool:
        """Whether it is a packet of the game."""
        return self.op == BINARY and self.body[0] == 0

    @property
    def source(self) -> int:
        return int.from_bytes(self.body[1:5], "little", signed=True)

    @property
    def target(self) -> int:
        return int.from_bytes(self.body[5:9], "little", signed=True)

    @property
    def payload(self) -> bytes:
        return self.body[9:]


@dataclass(frozen=True)
class Step:
    """One call in the recorded game and all that it made the sides say.

    Attributes:
        name: the record's name.
        ids: who is there, by connection.
        said: in order.
    """

    name: str
    ids: dict[str, int]
    said: list[Said] = field(default_factory=list)


def _said(record: dict[str, Any]) -> Said:
    by: Literal["server", "client"] = (
        "server" if record["direction"].startswith("server") else "client"
    )
    if "tcp" in record:
        return Said(record["conn"], by, None, b"")
    op = {"binary": BINARY, "close": CLOSE}[record["frame"]["op"]]
    return Said(record["conn"], by, op, bytes.fromhex(record["hex"]))


def steps() -> list[Step]:
    """The recorded game; calls after which nobody said anything are left out."""
    spoken = [record for record in recorded("packets") if record["direction"]]
    game: list[Step] = []
    for name, records in groupby(spoken, key=lambda record: record["name"]):
        rows = list(records)
        ids = {peer: id_ for peer, id_ in rows[-1]["peers"].items() if peer != SERVER}
        game.append(Step(name, ids, [_said(row) for row in rows]))
    return game
