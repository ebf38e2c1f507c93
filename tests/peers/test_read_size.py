"""How much is read at once: more while long messages fill what is read."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from typing import Any

import pytest

from peers.sockets import tcp
from peers.sockets.tcp import LONG_READ_SIZE, READ_SIZE, Connection


class Side:
    """A channel as far as it matters here."""

    missing = 0


@pytest.fixture
def connection() -> Connection[Any]:
    return Connection(Side(), None)


def in_a_long_message(connection: Connection[Any]) -> None:
    connection.channel.missing = 14
    connection.adapt_read_size(READ_SIZE, takes_more=True)
    connection.channel.missing = 0
    assert connection.read_size == LONG_READ_SIZE


def test_what_is_full_of_short_messages_is_no_reason_to_read_more(
    connection: Connection[Any],
) -> None:
    connection.adapt_read_size(READ_SIZE, takes_more=True)
    assert connection.read_size == READ_SIZE


def test_a_long_message_that_comes_slowly_is_no_reason_either(connection: Connection[Any]) -> None:
    connection.channel.missing = 1 << 20
    connection.adapt_read_size(READ_SIZE - 1, takes_more=True)
    assert connection.read_size == READ_SIZE


def test_more_is_read_as_long_as_much_comes(connection: Connection[Any]) -> None:
    in_a_long_message(connection)
    connection.adapt_read_size(READ_SIZE, takes_more=True)
    assert connection.read_size == LONG_READ_SIZE
    connection.adapt_read_size(READ_SIZE - 1, takes_more=True)
    assert connection.read_size == READ_SIZE


def test_no_more_than_usual_is_read_once_so_much_cannot_be_decoded_at_once(
    connection: Connection[Any],
) -> None:
    in_a_long_message(connection)
    connection.adapt_read_size(LONG_READ_SIZE, takes_more=False)
    assert connection.read_size == READ_SIZE


def test_memory_is_kept_as_soon_as_more_is_read(
    connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(tcp, "keep_memory", lambda: kept.append(connection.read_size))
    connection.adapt_read_size(READ_SIZE, takes_more=True)
    assert not kept
    in_a_long_message(connection)
    assert kept == [LONG_READ_SIZE]


MESSAGES = """
import resource
from peers.sockets.tcp import keep_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def message():
    pieces = [b"x" * (1 << 18) for _ in range(8)]
    return b"".join(pieces)

keep_memory()
message()
before = faults()
for _ in range(20):
    message()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_long_messages_take_the_memory_of_those_before_them() -> None:
    # Thresholds that somebody has set would stay as they are.
    theirs = ("MALLOC_", "GLIBC_TUNABLES")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    command = [sys.executable, "-c", MESSAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=ours)
    pages = 20 * 2 * 8 * (1 << 18) // 4096
    assert int(done.stdout) < pages / 20
