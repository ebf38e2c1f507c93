"""The packets that Godot 4.6 sent in the recordings, each with the words that tell of it there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from tests.multiplayer.recorded_values import from_expression

VECTORS = Path(__file__).parents[2] / "vectors" / "godot4"

GAME = ("any_none", "any_one", "any_two", "auth_one", "chan_one", "local_one")
BROWSER_GAME = ("any_none", "any_one", "any_two", "chan_one", "sync", "unsync")
SERVER_GAME = ("call_all", "echo", "kick_me", "nothing", "result", "tell")
"""The methods with ``@rpc`` in the scripts that were recorded, in the order of their numbers."""


class Told(NamedTuple):
    """A call as the recording tells of it; a ``send_bytes`` has the bytes as only argument."""

    node: str
    method: str
    arguments: list[Any]


class Record(NamedTuple):
    """A packet.

    Attributes:
        source: whose it is, for a relayed one the first sender.
        kinds: what it is, outside in: ``[("RELAY", 1001), ("RAW", None)]``.
        where: the recording, and its part.
        methods: the names of the game's methods there, in the order of their numbers.
        told: the calls that caused it or came shortly before.
    """

    data: bytes
    source: int
    kinds: list[tuple[str, int | None]]
    where: tuple[str, str]
    methods: tuple[str, ...]
    told: list[Told]


def kinds_of(text: str) -> list[tuple[str, int | None]]:
    """``SYS/RELAY(1001)/RAW`` in parts."""
    found: list[tuple[str, int | None]] = []
    for part in text.removeprefix("SYS/").split("/"):
        match = re.fullmatch(r"([A-Z_]+)(?:\((-?\d+)\))?", part)
        assert match
        found.append((match[1], None if match[2] is None else int(match[2])))
    return found


def loaded(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def on_one_wire() -> list[Record]:
    records: list[Record] = []
    for step in loaded("scene_multiplayer.json")["steps"]:
        told: list[Told] = []
        for line in step["lines"]:
            if "call" in line:
                call = line["call"]
                if call["method"] == "send_bytes":
                    arguments: list[Any] = [bytes.fromhex(call["args"][0])]
                else:
                    arguments = [from_expression(text) for text in call["args"]]
                told.append(Told(call.get("node", ""), call["method"], arguments))
            elif "packet" in line:
                packet = line["packet"]
                kinds, source = kinds_of(packet["kind"]), packet["from"]
                if kinds[0][0] == "RELAY" and source == 1:
                    source = kinds[0][1]
                where = ("scene_multiplayer", step["stage"])
                records.append(
                    Record(bytes.fromhex(packet["hex"]), source, kinds, where, GAME, told)
                )
    return records


def browser(method: str, *arguments: Any) -> Told:
    return Told("Main/Game", method, list(arguments))


BROWSER_STEPS = {
    "call to the server, first time": [browser("any_one", 5)],
    "call to the server, path confirmed": [browser("any_one", 5)],
    "no arguments; bytes only; several": [
        browser("any_none"),
        browser("any_one", b"\1\2\3"),
        browser("any_two", "text", [1, 2.5, {"k": None}]),
    ],
    "call to one other client, first time": [browser("any_one", "hi")],
    "call to one other client, path confirmed": [browser("any_one", "hi")],
    "call to all": [browser("any_one", "all")],
    "call to all but the other client": [browser("any_one", "not you")],
    "unreliable, channel 2": [browser("chan_one", 1)],
    "a long text: 2000 characters": [browser("any_one", 2000 * "x")],
    "a synchronizer whose authority this client is": [browser("sync", 2002), browser("unsync")],
    **{
        f"raw bytes to {to}": [Told("", "send_bytes", [b"\xde\xad"])] for to in (0, 1001, -1001, -1)
    },
    "closing": [],
}


def in_browsers() -> list[Record]:
    """Each step begins with raw bytes that name it."""
    records: list[Record] = []
    recording = loaded("websocket.json")
    for part in ("relay", "auth"):
        told: list[Told] = []
        for line in recording[part]:
            if line["kind"] in ("request", "id", "gone"):
                continue
            if "step" in line:
                name = Told("", "send_bytes", [b"STEP " + line["step"].encode()])
                told = [name, *BROWSER_STEPS[line["step"]]]
            kinds = kinds_of(line["kind"])
            source = 1 if line["dir"] == "server" else line["peer"]
            if kinds[0][0] == "RELAY" and source == 1:
                source = kinds[0][1]
            assert source is not None
            data = bytes.fromhex(line["hex"])
            records.append(Record(data, source, kinds, ("websocket", part), BROWSER_GAME, told))
    return records


ENGINE_SERVER_CALLS = [
    browser("echo", 5),
    browser("result", 5),
    browser("echo", 6),
    browser("result", 6),
    browser("call_all", 7),
    browser("tell", 7),
    browser("kick_me"),
    Told("", "send_bytes", [b"hey"]),
]


def of_the_server() -> list[Record]:
    records: list[Record] = []
    for line in loaded("engine_server.json")["wire"]:
        if line["kind"] in ("id", "close"):
            continue
        kinds = kinds_of(line["kind"])
        source = 1 if line["dir"] == "server" else {"A": 1001, "B": 2002}[line["client"]]
        if kinds[0][0] == "RELAY" and source == 1:
            source = kinds[0][1]
        assert source is not None
        where = ("engine_server", line.get("note", ""))
        data = bytes.fromhex(line["hex"])
        records.append(Record(data, source, kinds, where, SERVER_GAME, ENGINE_SERVER_CALLS))
    return records


RECORDS = [*on_one_wire(), *in_browsers(), *of_the_server()]


def credentials() -> list[bytes]:
    """What ``auth_callback`` was told in the recordings, and nothing."""
    text = "".join(
        (VECTORS / name).read_text("utf-8") for name in ("scene_multiplayer.json", "websocket.json")
    )
    found = re.findall(r'"auth_callback",\s*"args":\s*\[\s*\d+,\s*"([0-9a-f]+)"', text)
    return [b"", *map(bytes.fromhex, sorted(set(found)))]
