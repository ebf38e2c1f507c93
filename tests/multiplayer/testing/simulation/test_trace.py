"""Traces: what they say, in charts and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, Error, MultiplayerError, TransferMode
from multiplayer.testing import MOBILE_3G, WIFI_BAD, SimulatedNetwork, Trace
from tests.multiplayer.testing.simulation.games import call, game

if TYPE_CHECKING:
    from pathlib import Path


def played(envelope: str = "gd_mp", dialect: Dialect = NATIVE) -> SimulatedNetwork:
    network = SimulatedNetwork(seed=3, conditions=MOBILE_3G)
    server, one, other = game(network, 2, envelope, dialect)
    call(one, "say", 0, "hi")
    call(server, "move", other.id, [1, 2.5])
    one.arena.double.call_id(1, 21)
    network.settle()
    one.api.send_bytes(b"raw", 1)
    other.peer.close()
    network.settle()
    return network


@pytest.mark.parametrize(("envelope", "dialect"), [("gd_mp", NATIVE), ("godot4", NATIVE)])
def test_calls_are_named_with_their_arguments(envelope: str, dialect: Dialect) -> None:
    trace = played(envelope, dialect).trace()
    said = trace.calls("say", "sent")
    assert [(event.source, event.target) for event in said] == [
        ("client 1", "server"),
        ("server", "client 2"),
    ]
    assert {(event.call, event.arguments) for event in said} == {("Arena.say", ("hi",))}
    (moved,) = trace.calls("Arena.move")
    assert (moved.source, moved.target, moved.arguments) == ("server", "client 2", ([1, 2.5],))
    assert moved.mode.name == "TRANSFER_MODE_UNRELIABLE"
    texts = [event.text for event in trace]
    for beginning in ("answer to 1: 42", "Arena.double(21), asked as 1", "3 bytes 726177"):
        assert any(text.startswith(beginning) for text in texts)
    assert "close 1000" in texts


def test_what_engines_number_is_named_by_the_receivers_methods() -> None:
    network = SimulatedNetwork(seed=3)
    server, client = game(network, 1, "godot4", GODOT_4)
    call(client, "say", 1, "hi")
    call(server, "aim", client.id, 7)
    network.settle()
    calls = [(event.call, event.arguments) for event in network.trace().calls()]
    assert calls == [("Arena.say", ("hi",)), ("Arena.aim", (7,))]


def test_it_lists_what_happened_to_each_packet() -> None:
    network = SimulatedNetwork(seed=5, conditions=WIFI_BAD)
    server, client = game(network, 1)
    for number in range(300):
        call(server, "move", 0, number)
        network.advance(0.02)
    network.settle()
    trace = network.trace()
    sent, lost, delivered = (trace.calls("move", what) for what in ("sent", "lost", "delivered"))
    doubled = trace.calls("move", "doubled")
    assert len(sent) == 300
    assert len(lost) > 1
    assert len(delivered) == 300 - len(lost)
    heard = [what for _, what in client.arena.heard]
    assert len(heard) == len(delivered) + len(doubled)
    order = sorted([*delivered, *doubled])
    assert heard == [event.arguments[0] for event in order]
    times = [event.time for event in trace]
    assert times == sorted(times)


def test_what_is_lost_at_once_has_been_sent_before() -> None:
    """Also where the receiver's number is the lower one, and so its acts come first."""
    network = SimulatedNetwork(seed=5)
    client = network.create_client(network.create_server())
    network.settle()
    network.conditions = WIFI_BAD.changed(loss=0.9)
    for _ in range(50):
        client.send_packet(b"up", 1, TransferMode.TRANSFER_MODE_UNRELIABLE)
        network.advance(0.001)
    trace = network.trace()
    lost = [place for place, event in enumerate(trace) if event.what == "lost"]
    assert len(lost) > 30
    for place in lost:
        before = [event for event in trace[:place] if event.source == "client 1"]
        assert before[-1].serial >= trace[place].serial


def test_one_seed_gives_one_trace_and_another_another() -> None:
    assert played().trace() == played().trace()
    assert played().trace().digest() == played().trace().digest()
    network = SimulatedNetwork(seed=4, conditions=MOBILE_3G)
    game(network, 2)
    assert network.trace() != played().trace()


def test_a_trace_goes_through_a_file(tmp_path: Path) -> None:
    trace = played().trace()
    trace.save(tmp_path / "a.trace")
    read = Trace.load(tmp_path / "a.trace")
    assert read == trace
    assert (read.seed, read.peers) == (3, trace.peers)
    assert [*read] == [*trace]
    assert read.chart() == trace.chart()
    assert str(read) == str(trace)


@pytest.mark.parametrize(
    "written",
    [b"", b"something else", b"gdpeers trace 1\n{}\n", b"gdpeers trace 1\nno json\n"],
)
def test_what_is_no_trace(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "b.trace"
    path.write_bytes(written)
    with pytest.raises(MultiplayerError, match=r"b\.trace is not a trace") as caught:
        Trace.load(path)
    assert caught.value.code == Error.ERR_FILE_UNRECOGNIZED


def test_a_trace_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "c.trace"
    played().trace().save(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(MultiplayerError, match="is cut off"):
        Trace.load(path)


def test_a_chart_has_a_column_for_each_peer_and_a_line_for_each_event() -> None:
    network = SimulatedNetwork(seed=1)
    server = network.create_server()
    client = network.create_client(server)
    network.advance(1)
    network.partition(client, server)
    client.put_packet(b"one")
    server.put_packet(b"two")
    network.settle()
    lines = network.trace().chart(5).splitlines()
    assert [line.rstrip() for line in lines] == [
        "     seconds   server   client 1",
        "    1.000000      *         |     server: nothing gets here from client 1",
        "    1.000000      o- - - - >|     #4 3 bytes 74776f for all",
        "    1.000000      |< - - - -o     #2 3 bytes 6f6e65 for all",
        "    1.000001      |x - - - -|     #2 held: 3 bytes 6f6e65 for all",
        "    1.000001      |-------->|     #4 3 bytes 74776f for all",
    ]
    assert network.trace().chart(0).strip() == "seconds"


def test_a_story_has_what_a_failed_test_needs() -> None:
    network = played()
    story = network.story(4).splitlines()
    assert story[0].startswith("seed 3, at ")
    assert story[1] == "faults: no schedule"
    assert len(story) == 2 + 1 + 4
