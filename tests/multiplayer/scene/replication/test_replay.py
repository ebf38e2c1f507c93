"""What native Godot 4.6.3 sent and told, in every role: ours does the same, byte for byte.

The records have the beginning of each step. When in it its code ran is not among that, so it is
found out: it ran before the first or a later tick, and only one of these fits.
"""

from __future__ import annotations

from typing import Any

import pytest

from .replay import VECTORS, Case, Mismatch, Replay, differences, load

NO_ANSWER = "filter asked for 0"
LEAVING = "despawned when a peer leaves"
LOST_STATES = "one state costs one object"
NULL = "null is NIL"
BEYOND_64 = "more than 64 on change"
TYPES = "properties have no types"
NAMES = "a name that is taken"
EMPTY = "no empty packets"
NAN = "a NAN in an array"

CASES: dict[str, Case] = {
    "authority_too_late": Case(),
    "client_authority": Case(why=(LEAVING,)),
    "delta": Case({0: 2}, {2: ("Static/Sync",)}, why=(NAN,)),
    "late_joiner": Case(why=(LEAVING,)),
    "nested_spawners": Case(),
    "no_relay": Case(),
    "null_object": Case({0: 1}, {1: ("Static/Sync", "Static/Sync2")}, null=True, why=(NULL,)),
    "property_paths": Case({0: 1, 1: 7, 2: 10, 3: 12, 4: 16}),
    "property_types": Case({0: 1}, {1: ("Static/Sync",)}),
    "root_path": Case({0: 1}),
    "sizes": Case(
        {0: 1, 1: 12, 2: 18},
        {1: ("T0/Sync", "T1/Sync", "T2/Sync", "T3/Sync"), 12: ("D0/Sync", "D1/Sync", "D2/Sync")},
        until=18,
        why=(EMPTY, BEYOND_64),
    ),
    "spawn_custom": Case(),
    "spawn_limit": Case(),
    "spawn_paths": Case(),
    "spawn_scenes": Case(why=(NAMES,)),
    "state_that_cannot_be_applied": Case({0: 1}),
    "visibility_spawned": Case(),
    "visibility_static": Case(),
}

IN_ROLES: dict[tuple[str, str], Case] = {
    # When the server wrote into a property that A sends cannot be seen in bytes.
    ("client_authority", "server"): CASES["client_authority"]._replace(
        ignored=("synchronized /root/Home/of_886895025/Input",)
    ),
    # A null Object in place of a NIL is a change for engines.
    ("null_object", "server"): CASES["null_object"]._replace(unlike=b"\x16\2\0\0\x80"),
    # The receiver of the record fails at each null Object.
    ("null_object", "A"): CASES["null_object"]._replace(
        ignored=("tree 0", "synchronized", "delta_synchronized")
    ),
    ("property_paths", "A"): CASES["property_paths"]._replace(
        ignored=("synchronized /root/S7/Sync",), why=(TYPES,)
    ),
    ("state_that_cannot_be_applied", "A"): CASES["state_that_cannot_be_applied"]._replace(
        ignored=("synchronized", "delta_synchronized /root/N2/Sync"), why=(LOST_STATES,)
    ),
    ("visibility_spawned", "server"): Case(until=14, why=(NO_ANSWER,)),
}

MOST_TRIES = 100
DELAYS = (0, 1, 2, 3, -1, -2)


def roles() -> list[tuple[str, str]]:
    return [(name, role) for name in CASES for role in load(name)["ids"]]


def runs_code(step: Any, role: str) -> bool:
    return step["on"] == role or (isinstance(step["on"], list) and role in step["on"])


def replayed(name: str, role: str) -> Replay:
    """Play a role, and find out on the way when the code of each step ran."""
    record, case = load(name), IN_ROLES.get((name, role), CASES[name])
    steps = record["steps"]
    tried = [0] * len(steps)
    furthest: Mismatch | None = None
    for _ in range(MOST_TRIES):
        replay = Replay(record, role, case, [DELAYS[each] for each in tried])
        try:
            replay.play()
        except Mismatch as mismatch:
            if furthest is None or mismatch.step > furthest.step:
                furthest = mismatch
            candidates = [at for at in range(mismatch.step, -1, -1) if runs_code(steps[at], role)]
            for at in candidates[:3]:
                tried[at] = (tried[at] + 1) % len(DELAYS)
                if tried[at]:
                    tried[at + 1 :] = [0] * (len(steps) - at - 1)
                    break
            else:
                break
        else:
            return replay
    assert furthest is not None
    pytest.fail(f"{steps[furthest.step]['step']}: {furthest}")


def test_all_records_are_replayed() -> None:
    there = {path.stem for path in VECTORS.glob("*.json")}
    assert there - {*CASES} == {"slow_reader", "time_wrap"}  # which are results, not messages
    assert load("time_wrap")["around"] == [[65534, 65535, 0, 1, 2]]  # as in test_states.py


@pytest.mark.handlers_fail
@pytest.mark.parametrize(("name", "role"), roles())
def test_a_role(name: str, role: str) -> None:
    replay = replayed(name, role)
    ignored = IN_ROLES.get((name, role), CASES[name]).ignored
    assert differences(replay.events(), replay.expected(), ignored) == []
