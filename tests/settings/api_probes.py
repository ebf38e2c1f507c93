"""Probes of what ``SceneMultiplayer`` can be told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from multiplayer import (
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
)
from peers import WebSocketMultiplayerPeer

from .api_bench import Game
from .bench import NOTHING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .api_bench import ApiBench

    Probe = Callable[[ApiBench], Awaitable[str | None]]

API_PROBES: dict[str, Probe] = {}
"""For each row of the second table."""


def shows(name: str) -> Callable[[Probe], Probe]:
    """Let a function be the probe of a setting."""

    def note(probe: Probe) -> Probe:
        API_PROBES[name] = probe
        return probe

    return note


async def runs(bench: ApiBench) -> None:
    """See that a call of theirs runs here."""
    bench.call("take", 3)
    await bench.until(lambda: bench.ours.game.got == [3])


class NodeOfGame(Game, Node):
    """The same methods, as a node."""

    def __init__(self) -> None:
        Node.__init__(self, "Game")
        Game.__init__(self)


@shows("root")
async def _(bench: ApiBench) -> None:
    root, main = Node("root"), NodeOfGame()
    root.add_child(main)
    bench.added = False
    await bench.set(root=root).meet()
    bench.call("take", 3)
    await bench.until(lambda: main.got == [3])


@shows("root_path")
async def _(bench: ApiBench) -> None:
    root, below, main = Node("root"), Node("Below"), NodeOfGame()
    root.add_child(below)
    below.add_child(main)
    bench.added = False
    await bench.set(root=root, root_path="/root/Below").meet()
    bench.call("take", 3)
    await bench.until(lambda: main.got == [3])


@shows("dialect")
async def _(bench: ApiBench) -> None:
    assert bench.api.dialect is bench.setting.dialect
    await bench.meet()
    await runs(bench)


@shows("multiplayer_peer")
async def _(bench: ApiBench) -> None:
    await bench.meet()
    assert bench.api.multiplayer_peer in bench.peers
    await runs(bench)


@shows("validate")
async def _(bench: ApiBench) -> None:
    await bench.set(validate=True).meet()
    bench.call("take", "three")
    await bench.until(lambda: "wrong_type" in bench.ours.reasons)
    await runs(bench)


@shows("confirm_with_path")
async def _(bench: ApiBench) -> None:
    await bench.make(confirm_with_path=True).meet()
    answered: list[bytes] = []
    peer = bench.theirs.api.multiplayer_peer
    get = peer.get_packet

    def note() -> bytes:
        answered.append(get())
        return answered[-1]

    vars(peer)["get_packet"] = note
    bench.call("take", 3)
    await bench.until(lambda: any(b"Game" in packet for packet in answered))


@shows("discard_packets")
async def _(bench: ApiBench) -> None:
    await bench.set(discard_packets=True).meet()
    bench.call("take", 3)
    await bench.until(lambda: bench.api.statistics.discarded)
    assert bench.ours.game.got == []


@shows("on_error")
async def _(bench: ApiBench) -> None:
    seen: list[Exception] = []
    await bench.set(on_error=seen.append).meet()
    bench.call("fail")
    await bench.until(lambda: seen)
    assert [type(error) for error in seen] == [ZeroDivisionError]


@shows("spawn")
async def _(bench: ApiBench) -> None:
    spawned: list[object] = []

    def spawn(function: object, *arguments: object) -> None:
        spawned.append((function, arguments))

    await bench.set(spawn=spawn).meet()
    bench.call("wait")
    await bench.until(lambda: spawned)


@shows("auth_callback")
async def _(bench: ApiBench) -> None:
    await bench.set(auth_callback=lambda peer, data: None).meet(wait=False)
    await bench.until(bench.api.get_authenticating_peers)
    assert bench.api.get_peers() == []


@shows("auth_timeout")
async def _(bench: ApiBench) -> None:
    bench.set(auth_timeout=1000.0)
    await bench.set(auth_callback=lambda peer, data: None).meet(wait=False)
    await bench.until(bench.api.get_authenticating_peers)
    peer = bench.api.multiplayer_peer
    now = peer.now
    vars(peer)["now"] = lambda: now() + 900
    bench.poll()
    assert bench.api.get_authenticating_peers()
    vars(peer)["now"] = lambda: now() + 1100
    await bench.until(lambda: not bench.api.get_authenticating_peers())


class Labelled(Node):
    """Says so much that two of them fit into no packet of 200 bytes."""

    text = "x" * 150


def labelled(authority: int, mode: ReplicationMode, got: list[str]) -> Node:
    """A tree with two of them."""
    root = Node("root")
    for name in ("One", "Two"):
        node, synchronizer = Labelled(name), MultiplayerSynchronizer("Sync")
        config = synchronizer.replication_config = SceneReplicationConfig()
        config.add_property(".:text")
        config.property_set_replication_mode(".:text", mode)
        synchronizer.set_multiplayer_authority(authority)
        for signal in (synchronizer.synchronized, synchronizer.delta_synchronized):
            signal.connect(partial(got.append, name))
        node.add_child(synchronizer)
        root.add_child(node)
    return root


async def _splits(bench: ApiBench, mode: ReplicationMode) -> None:
    """What does not fit into one packet leaves as two."""
    await bench.meet()
    peer = bench.api.multiplayer_peer
    sizes: list[int] = []
    send = peer.send_packet

    def note(packet: bytes, *rest: Any) -> None:
        sizes.append(len(packet))
        send(packet, *rest)

    vars(peer)["send_packet"] = note
    got: list[str] = []
    authority = bench.api.get_unique_id()
    bench.theirs.api.root = labelled(authority, mode, got)
    bench.api.root = labelled(authority, mode, [])
    await bench.until(lambda: {*got} == {"One", "Two"})
    assert max(sizes) <= 220


@shows("max_sync_packet_size")
async def _(bench: ApiBench) -> None:
    bench.set(max_sync_packet_size=200)
    await _splits(bench, ReplicationMode.REPLICATION_MODE_ALWAYS)


@shows("max_delta_packet_size")
async def _(bench: ApiBench) -> None:
    bench.set(max_delta_packet_size=200)
    await _splits(bench, ReplicationMode.REPLICATION_MODE_ON_CHANGE)


@shows("replication_budget")
async def _(bench: ApiBench) -> None:
    bench.set(replication_budget=128)
    await bench.meet()
    peer = bench.api.multiplayer_peer
    sizes: list[int] = []
    send = peer.send_packet

    def note(packet: bytes, *rest: Any) -> None:
        sizes.append(len(packet))
        send(packet, *rest)

    vars(peer)["send_packet"] = note
    got: list[str] = []
    authority, mode = bench.api.get_unique_id(), ReplicationMode.REPLICATION_MODE_ALWAYS
    bench.theirs.api.root = labelled(authority, mode, got)
    bench.api.root = labelled(authority, mode, [])
    await bench.until(lambda: {*got} == {"One", "Two"})
    sizes.clear()
    for _ in range(40):
        bench.poll()
    assert sum(sizes) / 40 < 2 * 128 < 2 * 160  # to the two others at most


@shows("server_relay")
async def _(bench: ApiBench) -> None:
    setting = bench.setting
    bench.set(server_relay=False)
    if setting.godot4 and setting.serving:  # where clients must not ask for relays
        bench.theirs.api.server_relay = False
    await bench.meet()
    recluse = bench.theirs if setting.serving else bench.ours
    server = bench.ours if setting.serving else bench.theirs
    await bench.until(lambda: len(server.api.get_peers()) == 2)
    recluse.api.rpc(0, recluse.game, "take", [3])
    await bench.until(lambda: server.game.got == [3])
    server.api.rpc(0, server.game, "take", [4])
    await bench.until(lambda: bench.third.game.got[-1:] == [4])
    assert recluse.api.get_peers() == [1]
    assert bench.third.game.got == [4]


@shows("refuse_new_connections")
async def _(bench: ApiBench) -> str | None:
    bench.set(refuse_new_connections=True)
    await bench.meet(wait=False)
    assert bench.api.multiplayer_peer.refuse_new_connections
    if not bench.setting.serving:
        await bench.until(bench.api.get_peers)
        return NOTHING
    refused = bench.theirs.api.multiplayer_peer
    assert isinstance(refused, WebSocketMultiplayerPeer)
    await bench.until(lambda: refused.failure)
    assert "403" in str(refused.failure)
    return None
