"""All Autobahn cases against server and client, and the table of docs/topics/tests.md of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import trio

from peers import Limits, WebSocketClient, WebSocketPeer, WebSocketServer, WriteMode, fired
from tests.conformance import autobahn
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from peers import WebSocketMultiplayerPeer
    from tests.conformance.autobahn import Verdict
    from tests.driving import Drive

PAGE = (ROOT / "docs" / "topics" / "tests.md").read_text(encoding="utf-8")

NO_RULE = {"7.1.6", "7.13.1", "7.13.2"}
"""The cases that show what happens where RFC 6455 leaves it open: they are INFORMATIONAL."""

COMPRESSION = ("12.", "13.")
"""The groups that test permessage-deflate, which nobody here agrees to: they are UNIMPLEMENTED."""

pytestmark = pytest.mark.timeout(autobahn.TIME_LIMIT + 30)


def roomy(peer: WebSocketMultiplayerPeer) -> None:
    """Let ``peer`` take and send the largest messages of the cases, in any number of fragments."""
    peer.limits = Limits(max_fragments=0, max_inbox_bytes=0)
    peer.inbound_buffer_size = peer.outbound_buffer_size = autobahn.LARGEST


def echo(peer: WebSocketPeer) -> None:
    """Send the packet that has come back as it came; empty ones too."""
    packet = peer.get_packet()
    text = peer.was_string_packet()
    peer.send(packet, WriteMode.WRITE_MODE_TEXT if text else WriteMode.WRITE_MODE_BINARY)


def check(verdicts: dict[str, Verdict], row: str) -> None:
    """Check every verdict, and that the table of docs/topics/tests.md says the same."""
    expected = {
        case: "UNIMPLEMENTED"
        if case.startswith(COMPRESSION)
        else ("INFORMATIONAL" if case in NO_RULE else "OK")
        for case in verdicts
    }
    assert {case: verdict.messages for case, verdict in verdicts.items()} == expected
    ends = {case: verdict.closing for case, verdict in verdicts.items()}
    assert {case for case, end in ends.items() if end != "OK"} <= NO_RULE
    assert {ends[case] for case in NO_RULE} <= {"OK", "INFORMATIONAL"}
    counted = Counter(expected.values())
    assert table_row(row) == [
        counted["OK"],
        counted["INFORMATIONAL"],
        0,  # NON-STRICT
        0,  # FAILED
        counted["UNIMPLEMENTED"],
    ]


def table_row(name: str) -> list[int]:
    """The numbers in one row of the page's table."""
    found = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", PAGE, re.MULTILINE)
    assert found, f"the page has no row {name!r}"
    return [int(cell) for cell in found[1].split("|")]


async def test_the_server_passes_every_case(drive: Drive, tmp_path: Path) -> None:
    server = WebSocketServer()
    roomy(server)
    server.bind_ip = "127.0.0.1"
    server.data_received.connect(lambda peer: echo(server.get_peer(peer)))
    server.listen(0)
    drive.add(server)
    await autobahn.drive_server(f"ws://127.0.0.1:{server.get_local_port()}", tmp_path)
    check(autobahn.report(tmp_path), f"server, {drive.how}")


async def test_the_client_passes_every_case(drive: Drive, tmp_path: Path) -> None:
    async with autobahn.serving(tmp_path) as url:
        async with trio.open_nursery() as nursery:
            cases = iter(range(1, await case_count(drive, url) + 1))
            for _ in range(autobahn.PARALLEL):
                nursery.start_soon(run_cases, cases, drive, url)
        await visit(new_client(drive), f"{url}/updateReports?agent=gdpeers")
    check(autobahn.report(tmp_path), f"client, {drive.how}")


def new_client(drive: Drive) -> WebSocketClient:
    client = WebSocketClient()
    roomy(client)
    return drive.add(client)


async def case_count(drive: Drive, url: str) -> int:
    client = new_client(drive)
    await visit(client, f"{url}/getCaseCount")
    return int(client.get_peer(1).get_packet())


async def run_cases(cases: Iterator[int], drive: Drive, url: str) -> None:
    """Run one case after another, as long as there are any that nobody else has begun."""
    client = new_client(drive)
    client.data_received.connect(lambda: echo(client.get_peer(1)))
    for case in cases:
        await visit(client, f"{url}/runCase?case={case}&agent=gdpeers")


async def visit(client: WebSocketClient, url: str) -> None:
    """Connect, and wait until the server has closed the connection."""
    client.connect_to_url(url)
    with trio.fail_after(autobahn.TIME_LIMIT):
        await fired(client.connection_closed, client.connection_error)
