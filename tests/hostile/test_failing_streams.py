"""Each send and receive call of a session fails once: nothing leaks, nothing hangs.

In memory, where nothing depends on when the system delivers; ``test_interrupted`` does the same
to all calls of real sockets.
"""

from __future__ import annotations

import gc
import logging
import os
import random
from typing import TYPE_CHECKING
from unittest import mock
from weakref import WeakSet

import pytest

from peers.memory.stream import MemorySocket
from tests.hostile.failing_calls import REASONS, Calls, calls_of
from tests.hostile.interrupted import session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers.memory.chopping import Chopping
    from peers.memory.stream import Wires

RUNS = 8
"""How many failing calls are tried for each kind of session."""

FULL = "GDPEERS_FULL" in os.environ
"""Try each call, with each reason, instead: some minutes."""

KINDS: dict[str, dict[str, bool]] = {
    "gd_mp": {},
    "godot4": {"godot4": True},
    "plain": {"plain": True},
}


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """What fails here is to fail, and a session logs much of it."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def sockets() -> Iterator[WeakSet[MemorySocket]]:
    """All sockets in memory that are made, but those that nobody holds any more."""
    made = WeakSet[MemorySocket]()
    begin = MemorySocket.__init__

    def note(self: MemorySocket, wires: Wires, host: str, chopping: Chopping | None = None) -> None:
        begin(self, wires, host, chopping)
        made.add(self)

    with mock.patch.object(MemorySocket, "__init__", note):
        yield made


def chosen(names: list[str], dice: random.Random) -> list[tuple[int, str]]:
    """Which calls fail, from 1, and why; all are as likely to."""
    failing = [(at, reason) for at, name in enumerate(names, 1) for reason in REASONS[name]]
    if FULL:
        return failing
    calls = dice.sample(range(1, len(names) + 1), min(RUNS, len(names)))
    return [(at, dice.choice(REASONS[names[at - 1]])) for at in sorted(calls)]


@pytest.mark.timeout(7200 if FULL else 60)
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "TLS"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("subject", ["server", "client"])
def test_a_call_that_fails_leaves_nothing_half_done(
    subject: str, kind: str, secure: bool, sockets: WeakSet[MemorySocket]
) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    options = {**KINDS[kind], "memory": True, "secure": secure}
    names = calls_of(subject, **options)
    assert {*names} == {"recv", "send"}
    wrong: list[str] = []
    for at, reason in chosen(names, dice):
        faults = session(Calls(at, reason, memory=True), subject, **options)
        gc.collect()
        if left := sum(sock.is_open for sock in sockets):
            faults.append(f"{left} sockets are left open")
        if faults:
            wrong.append(f"{reason} at call {at}, {names[at - 1]}: {'; '.join(faults)}")
    assert not wrong, f"seed {seed}"


def test_the_same_calls_are_made_each_time() -> None:
    """Else an index would mean nothing; with TLS records have lengths that chance decides."""
    for kind in KINDS.values():
        assert calls_of("server", **kind, memory=True) == calls_of("server", **kind, memory=True)
