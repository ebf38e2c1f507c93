"""GDScript as text: values, and scripts of nodes whose RPCs are recorded."""

from __future__ import annotations

import json
import re

Value = None | bool | int | float | str | bytes | list["Value"] | dict[str, "Value"]
"""What a test can hand over to GDScript."""

DECLARATION = re.compile(
    r"(?P<rpc>@rpc(\(.*?\))?) (?P<name>\w+)\((?P<args>[\w, ]*)\)(: (?P<body>.+))?"
)


def literal(value: Value) -> str:
    """A value as an expression; bytes become a PackedByteArray."""
    match value:
        case None:
            return "null"
        case bool() | int() | float() | str():
            return json.dumps(value, ensure_ascii=False)
        case bytes():
            return f'"{value.hex()}".hex_decode()' if value else "PackedByteArray()"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            pairs = (f"{json.dumps(key)}: {literal(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"


def script(*declarations: str) -> str:
    """The script of a node that records each call of its RPCs.

    A declaration is GDScript in one line: ``'@rpc("any_peer", "call_local") any_one(x)'``. What
    stands after a colon is done after the call is recorded; it can ask ``sender()``:
    ``'@rpc("any_peer") echo(x): result.rpc_id(sender(), x)'``.
    """
    lines = ['extends "res://recorder.gd"']
    for declaration in declarations:
        found = DECLARATION.fullmatch(declaration)
        assert found, f"not of the form '@rpc(…) name(arguments)': {declaration}"
        name, args = found["name"], found["args"]
        lines += [
            found["rpc"],
            f"func {name}({args}) -> void:",
            f'\trecord("{name}", [{args}])',
            *([f"\t{found['body']}"] if found["body"] else []),
        ]
    return "\n".join([*lines, ""])


GAME = script(
    '@rpc("any_peer") any_none()',
    '@rpc("any_peer") any_one(x)',
    '@rpc("any_peer", "reliable") any_two(x, y)',
    "@rpc auth_one(x)",
    '@rpc("any_peer", "call_remote", "unreliable_ordered", 2) chan_one(x)',
    '@rpc("any_peer", "call_local", "unreliable") local_one(x)',
)
"""The script of ``Main/Game``. Its methods are those of the recorded scene_multiplayer.json: their
ids are 0 any_none, 1 any_one, 2 any_two, 3 auth_one, 4 chan_one, 5 local_one."""
