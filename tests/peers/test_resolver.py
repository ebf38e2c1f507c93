"""Name look-ups: a few threads for all of them, and a line before these."""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus
from peers import WebSocketClient
from peers.sockets import name_lookup as resolver_module
from peers.sockets.name_lookup import MOST_THREADS, NameLookup

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0


class Names:
    """A name server that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def getaddrinfo(self, host: str, port: int, **kwargs: object) -> list[object]:
        self.asked.append(host)
        if not host.startswith("quick"):
            assert self.released.wait(PATIENCE)
        if host == "odd.invalid":
            raise ZeroDivisionError("what no system should do")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(resolver_module.socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.released.set()
    for thread in lookers():
        thread.join(PATIENCE)


def lookers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "look up names"]


def answered(lookup: NameLookup) -> NameLookup:
    """Wait for the answer."""
    lookup.waker.settimeout(PATIENCE)
    assert lookup.waker.recv(1) == b""
    return lookup


def test_look_ups_that_hang_share_a_few_threads_and_the_others_wait_in_line(names: Names) -> None:
    lookups = [NameLookup(f"name{number}.invalid", 80) for number in range(5 * MOST_THREADS)]
    assert len(lookers()) == MOST_THREADS
    assert "name0.invalid had no answer" in lookups[0].overdue
    assert lookups[-1].overdue == "8 other look-ups hang, and name39.invalid was not looked up"
    names.released.set()
    for lookup in lookups:
        assert answered(lookup).addresses == [(socket.AF_INET, ("127.0.0.1", 80))]
        lookup.close()
    assert sorted(names.asked) == sorted(f"name{n}.invalid" for n in range(5 * MOST_THREADS))


def test_who_is_abandoned_leaves_the_line_or_frees_the_thread_later(names: Names) -> None:
    hanging = [NameLookup(f"name{number}.invalid", 80) for number in range(MOST_THREADS)]
    waiting = [NameLookup(f"quick{number}.invalid", 80) for number in range(100)]
    for lookup in [*hanging, *waiting[1:]]:
        lookup.close()
    assert len(lookers()) == MOST_THREADS
    names.released.set()
    assert answered(waiting[0]).addresses
    waiting[0].close()
    assert [name for name in names.asked if name.startswith("quick")] == ["quick0.invalid"]


def test_a_look_up_that_fails_strangely_keeps_no_thread_busy(names: Names) -> None:
    names.released.set()
    for _ in range(2 * MOST_THREADS):
        lookup = answered(NameLookup("odd.invalid", 80))
        assert lookup.error == "odd.invalid cannot be resolved: what no system should do"
        lookup.close()
    lookup = answered(NameLookup("quick.invalid", 80))
    assert lookup.addresses
    lookup.close()


def test_a_client_whose_look_up_waits_in_line_is_told_so(names: Names) -> None:
    hanging = [NameLookup(f"name{number}.invalid", 80) for number in range(MOST_THREADS)]
    client = WebSocketClient()
    client.handshake_timeout = 0.05
    client.connect_to_url("ws://late.invalid")
    while client.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
        client.poll()
    told = "8 other look-ups hang, and late.invalid was not looked up within 0.05 s"
    assert client.failure is not None
    assert (client.failure.stage, client.failure.detail) == ("timeout", told)
    for lookup in hanging:
        lookup.close()


def test_without_another_thread_it_waits_for_those_there_are(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    first = NameLookup("name.invalid", 80)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        second = NameLookup("quick.invalid", 80)
    names.released.set()
    assert answered(first).addresses
    assert answered(second).addresses
    first.close()
    second.close()
    for thread in lookers():
        thread.join(PATIENCE)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(RuntimeError):
        NameLookup("quick.invalid", 80)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_has_threads_of_its_own(names: Names) -> None:
    hanging = [NameLookup(f"name{number}.invalid", 80) for number in range(MOST_THREADS)]
    sys.stdout.flush()
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if answered(NameLookup("quick.invalid", 80)).addresses else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for lookup in hanging:
        lookup.close()
