"""Probes of ``limits`` and its fields."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import trio

from multiplayer import (
    GODOT_4,
    NATIVE,
    Limits,
    MultiplayerSpawner,
    Node,
    SceneMultiplayer,
    rpc,
)
from multiplayer.wire.dialects.choice import wire_of
from peers import WebSocketServer
from peers.testing import Pair, connected_pair
from tests.driving import pause, until
from tests.peers.sessions import fenced
from tests.raw import CONT, PING, request

from .bench import NOTHING
from .probes import block, shows

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from .bench import Bench


def code_of(body: bytes) -> int:
    """The close code in a close frame."""
    return int.from_bytes(body[:2])


async def refused_as(bench: Bench) -> str:
    """The status of the answer to one client more."""
    raw = await bench.dialled()
    await raw.send(request(bench.peer.get_local_port()))
    return (await raw.read_head()).split()[1]


@shows("limits")
async def _(bench: Bench) -> None:
    """Those that are set later hold for the next session, and some at once."""
    raw = await bench.open(limits=Limits(max_fragments=2))
    await raw.send_frame(b"", fin=False)
    await raw.send(raw.frame(b"", CONT, fin=False) * 3)
    assert code_of(await raw.receive_close()) == 1009


@shows("limits.max_header_size")
async def _(bench: Bench) -> None:
    await bench.set(limits=Limits(max_header_size=300)).begin()
    raw = await bench.dialled()
    if bench.serving:
        await raw.send(b"GET /" + b"x" * 300)
        assert (await raw.read_head()).startswith("HTTP/1.1 431 ")
    else:
        await raw.accept(further=["X: " + "x" * 300])
        await until(lambda: bench.peer.failure)
    assert bench.peer.statistics.limits_reached == {"max_header_size": 1}


@shows("limits.max_body_size")
async def _(bench: Bench) -> None:
    bench.set(limits=Limits(max_body_size=10))
    await bench.set(http_callback=lambda request: None).begin()
    raw = await bench.dialled()
    await raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n" + bytes(11))
    assert (await raw.read_head()).startswith("HTTP/1.1 413 ")


@shows("limits.max_fragments")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(max_fragments=2))
    await raw.send_frame(b"", fin=False)
    await raw.send(raw.frame(b"", CONT, fin=False) * 3)
    assert code_of(await raw.receive_close()) == 1009


@shows("limits.max_inbox_bytes")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(max_inbox_bytes=1000))
    for _ in range(3):
        await raw.send_frame(bench.message(bytes(800)))
    await until(lambda: bench.peer.statistics.limits_reached["max_inbox_bytes"])
    for _ in range(3):
        await until(bench.waiting)
        bench.fetch()


@shows("limits.max_outbox_packets")
async def _(bench: Bench) -> None:
    limits = Limits(max_outbox_packets=20)
    await bench.open(limits=limits, outbound_buffer_size=0)
    with trio.fail_after(10):
        while not bench.peer.statistics.limits_reached["max_outbox_packets"]:
            bench.put(bytes(60_000))
            await trio.lowlevel.checkpoint()


@shows("limits.max_peers")
async def _(bench: Bench) -> None:
    await bench.open(limits=Limits(max_peers=1))
    assert await refused_as(bench) == "503"


@shows("limits.max_peers_per_address")
async def _(bench: Bench) -> None:
    await bench.open(limits=Limits(max_peers_per_address=1))
    assert await refused_as(bench) == "429"


@shows("limits.max_pending_handshakes")
async def _(bench: Bench) -> None:
    await bench.set(limits=Limits(max_pending_handshakes=1)).begin()
    oldest = await bench.dialled()
    await until(lambda: bench.peer.endpoint.links)
    await bench.dialled()
    assert (await oldest.read_head()).startswith("HTTP/1.1 503 ")


@shows("limits.max_control_frames")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(max_control_frames=5))
    await raw.send(raw.frame(b"", PING) * 60)
    assert code_of(await raw.receive_close()) == 1008


VIOLATION = b""
"""What must not come in either kind of session."""


@shows("limits.max_violations")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(max_violations=2))
    for _ in range(2):
        await raw.send_frame(VIOLATION)
    assert code_of(await raw.receive_close()) == 1008


@shows("max_violations")
async def _(bench: Bench) -> None:
    raw = await bench.open(max_violations=2)
    for _ in range(2):
        await raw.send_frame(VIOLATION)
    assert code_of(await raw.receive_close()) == 1008


@shows("limits.violation_window")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(violation_window=1000.0), heartbeat_interval=0)
    for _ in range(8):
        await raw.send_frame(VIOLATION)
    await fenced(raw)
    await bench.pass_time(900.0)  # at first, violations are forgotten after 60
    for _ in range(8):
        await raw.send_frame(VIOLATION)
    assert code_of(await raw.receive_close()) == 1008


@shows("limits.packets_per_second")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(packets_per_second=1))
    await raw.send(raw.frame(bench.message(b"x")) * 10)
    await until(lambda: bench.peer.statistics.limits_reached["packets_per_second"])


@shows("limits.bytes_per_second")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(bytes_per_second=20))
    await raw.send(raw.frame(bench.message(bytes(10))) * 10)
    await until(lambda: bench.peer.statistics.limits_reached["bytes_per_second"])


@shows("limits.relayed_bytes_per_second")
async def _(bench: Bench) -> None:
    raw = await bench.open(limits=Limits(relayed_bytes_per_second=1000))
    message = bench.message(b"x")
    if bench.serving:
        await bench.meet()  # another one, whom the server sends something because of the first
    told = bench.peer.peer_packet
    if isinstance(bench.peer, WebSocketServer):
        told = bench.peer.data_received if bench.mode == "plain" else told

    def answer(*_: object) -> None:
        bench.put(bytes(5000))

    told.connect(answer)
    with trio.fail_after(10):
        while not bench.peer.statistics.times_held:
            await raw.send_frame(message)
            await pause()


@shows("limits.stall_timeout")
async def _(bench: Bench) -> None:
    limits = Limits(stall_timeout=1000.0, max_outbox_packets=0)
    await bench.open(limits=limits, outbound_buffer_size=1_000_000, heartbeat_interval=0)
    await block(bench, waiting=600_000)
    await bench.pass_time(900.0)
    assert bench.connection.is_connected_to_host()
    assert not bench.peer.statistics.limits_reached["stall_timeout"]
    await bench.pass_time(99.5)  # the rest by itself: what comes late gets some grace
    await until(lambda: bench.peer.statistics.limits_reached["stall_timeout"])


@shows("limits.max_log_lines")
async def _(bench: Bench) -> None:
    await bench.open(limits=Limits(max_log_lines=5))
    assert not all(bench.peer.may_log(bench.id, logging.INFO) for _ in range(6))
    assert bench.peer.statistics.limits_reached["max_log_lines"]


class Game:
    """Has an RPC, for the limits of those."""

    def __init__(self) -> None:
        self.got: list[object] = []

    @rpc("any_peer")
    def take(self, value: object) -> None:
        self.got.append(value)


async def call(
    bench: Bench, limits: Limits, calls: Callable[[SceneMultiplayer], object], *, reason: str
) -> None:
    """See that our peer's API drops what another one calls, for a reason."""
    bench.set(limits=limits)
    if bench.mode == "plain":  # which has no API
        await bench.open()
    ours, theirs = SceneMultiplayer(), SceneMultiplayer()
    reasons: list[str] = []
    ours.invalid_packet.connect(lambda peer, reason, detail: reasons.append(reason))
    with connected(bench) as (server, client):
        ours.multiplayer_peer, theirs.multiplayer_peer = (
            (server, client) if bench.serving else (client, server)
        )
        ours.add("Game", Game())
        calls(theirs)
        await until(lambda: (client.poll(), server.poll(), reason in reasons)[2])


def connected(bench: Bench) -> AbstractContextManager[Pair[Any, Any]]:
    """Our peer and another one of ours, in a session."""
    role = "server" if bench.serving else "client"
    peer: Any = bench.peer
    if bench.mode == "godot4":
        return connected_pair(godot4=True, **{role: peer})
    return connected_pair(**{role: peer})


@shows("limits.max_nesting_depth")
async def _(bench: Bench) -> None:
    def calls(api: SceneMultiplayer) -> None:
        game = Game()
        api.add("Game", game)
        api.rpc(0, game, "take", [[[[[]]]]])

    await call(bench, Limits(max_nesting_depth=2), calls, reason="undecodable_arguments")


@shows("limits.max_spawned_nodes")
async def _(bench: Bench) -> str | None:
    bench.set(limits=Limits(max_spawned_nodes=2))
    if bench.mode == "plain":  # which has no API
        await bench.open()
    dialect = GODOT_4 if bench.mode == "godot4" else NATIVE
    if wire_of(dialect).replication is None:
        return NOTHING
    ours, theirs = (SceneMultiplayer(Node("root"), dialect) for _ in range(2))
    reasons: list[str] = []
    ours.invalid_packet.connect(lambda peer, reason, detail: reasons.append(reason))
    with connected(bench) as (server, client):
        ours.multiplayer_peer, theirs.multiplayer_peer = (
            (server, client) if bench.serving else (client, server)
        )
        await until(lambda: (client.poll(), server.poll(), theirs.get_peers())[2])
        for api in (ours, theirs):
            spawner = MultiplayerSpawner("Spawner")
            spawner.spawn_path = ".."
            spawner.add_spawnable_scene("node", Node)
            spawner.set_multiplayer_authority(theirs.get_unique_id())
            assert api.root is not None
            api.root.add_child(spawner)
        for number in range(3):
            theirs.root.add_child(Node(f"Node{number}"))
        await until(lambda: (client.poll(), server.poll(), "too_many_nodes" in reasons)[2])
    return None


@shows("limits.max_rpc_paths")
async def _(bench: Bench) -> None:
    def calls(api: SceneMultiplayer) -> None:
        for number in range(3):
            game = Game()
            api.add(f"Game{number}", game)
            api.rpc(0, game, "take", [1])

    await call(bench, Limits(max_rpc_paths=2), calls, reason="too_many_paths")
