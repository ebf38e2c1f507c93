"""What a child of ``fork()`` does with the peers that it inherited; ``forks.py`` is the program."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from peers import WebSocketClient, WebSocketServer
from peers.testing import Pair
from tests.driving import Recorder
from tests.peers.forks import CHILDREN, KINDS
from tests.programs import started

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# From 3.12 on Python warns of forks where there are threads.
FORKS = ("-W", "ignore::DeprecationWarning", "-m", "tests.peers.forks")


def ends_well(how: str, *kinds: str) -> None:
    with started(*FORKS, how, *kinds) as program:
        assert program.rest() == ["fine"]
        assert program.status() == 0


@pytest.mark.parametrize("how", [*CHILDREN, "forget"])
def test_a_child_leaves_what_its_parent_has_as_it_was(how: str) -> None:
    ends_well(how, *KINDS)


def test_a_child_that_leaves_a_poll_sends_nothing_twice() -> None:
    ends_well("in_a_listener", "gd_mp", "godot4", "tls")


def test_a_child_closes_what_its_parent_runs_under_trio() -> None:
    ends_well("under_trio", "gd_mp")


def test_a_look_up_ends_in_the_parent_and_begins_anew_in_the_child() -> None:
    ends_well("look_up", "gd_mp")


@pytest.mark.parametrize("how", ["daemon", "daemon_run"])
def test_a_child_that_polls_goes_on_as_a_daemon(how: str) -> None:
    with started(*FORKS, how, "gd_mp") as program:
        port = program.until(r"port (\d+)")[1]
        first, second = WebSocketClient(), WebSocketClient()
        at_first = Recorder(first)
        first.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
        both = Pair(first, second)
        both.until(lambda: first.get_connection_status() == first.CONNECTION_CONNECTED)
        assert program.status() == 0  # the parent is gone
        echo(both, first, b"to whom?")
        second.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
        both.until(lambda: second.get_connection_status() == second.CONNECTION_CONNECTED)
        echo(both, second, b"and I?")
        echo(both, first, b"again")
        echo(both, first, b"stop")
        both.until(lambda: "connection_closed" in at_first)
        assert first.get_peer(1).get_close_code() == 1000
        assert at_first.of("connection_closed") == [(True,)]
        both.until(lambda: second.get_connection_status() == second.CONNECTION_DISCONNECTED)
        assert program.rest() == ["fine"]


def echo(
    both: Pair[WebSocketClient, WebSocketClient], client: WebSocketClient, text: bytes
) -> None:
    client.set_target_peer(1)
    client.put_packet(text)
    both.until(client.get_available_packet_count)
    assert client.get_packet() == text


def test_a_client_that_a_child_polls_goes_on_as_well() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    with started(*FORKS, "daemon_client", url) as program:
        idle = WebSocketClient()
        both = Pair(server, idle)
        both.until(server.get_available_packet_count)
        assert server.get_packet() == b"from the child"
        assert program.status() == 0  # the parent is gone
        at_server = Recorder(server)
        server.disconnect_peer(server.get_peers()[0])
        both.until(lambda: "client_disconnected" in at_server)
        assert at_server.of("client_disconnected")[0][1] is True
        assert program.rest() == ["fine"]
    server.stop()


MASKS = """
import os
import subprocess
import sys
from peers.websocket.frames import Frames

frames = Frames(client=True, max_message=1000)
keys = lambda: {frames.message(b"x", text=False)[2:6] for _ in range(8)}
keys()
out, into = os.pipe()
if os.fork() == 0:
    os.write(into, b"".join(keys()))
    os._exit(0)
theirs = os.read(out, 32)
os.wait()
print(len(theirs), len(keys() & {theirs[at : at + 4] for at in range(0, 32, 4)}))
"""


def test_a_child_does_not_mask_with_the_keys_of_its_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MASKS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["32", "0"]
