"""``python -m peers serve-rooms --redis``: nodes as programs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from peers import RoomServer
from peers.__main__ import main
from peers.cli.serve_node import NodeOptions, serve_node
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import until
from tests.peers.cluster.machines import Duel, Player, add, joined, machine, program
from tests.programs import started

if TYPE_CHECKING:
    from pathlib import Path

    from peers.cluster.redis_directory import RedisDirectory
    from tests.peers.cluster.redis_server import RedisServer

COMMAND = ("-m", "peers", "serve-rooms", "tests.peers.cluster.machines:Duel")


@pytest.mark.redis
async def test_two_programs_share_their_rooms(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    with program(redis.url, "a") as (a, at_a), program(redis.url, "b") as (b, at_b):
        first = await joined(nursery, f"ws://127.0.0.1:{at_a}/duel/new")
        (room,) = (await directory.page("duel")).rooms
        second = await joined(nursery, f"ws://127.0.0.1:{at_b}/duel/{room.code}")
        await add(second, 5, 5)
        await until(lambda: 5 in first.world.told)
        first.peer.close()
        second.peer.close()
        for each in (a, b):
            each.process.send_signal(signal.SIGTERM)
            assert await trio.to_thread.run_sync(each.status) == 0
    assert await directory.find(room.code) is not None  # for whoever comes next


@pytest.mark.redis
async def test_who_comes_before_the_node_has_joined_waits(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    server = RoomServer({"duel": Duel})
    server.listen(0, "127.0.0.1")
    player = Player(f"ws://127.0.0.1:{server.get_local_port()}/duel/new")
    nursery.start_soon(peers.run, player.api)
    await until(lambda: player.peer.get_peer(1))
    nursery.start_soon(
        serve_node, server, NodeOptions(redis=redis.url, name="a"), "here", lambda line: None
    )
    await until(lambda: player.is_in)
    (room,) = (await directory.page("duel")).rooms
    assert room.code == server.rooms[0].code


@pytest.mark.redis
async def test_what_was_given_away_waits_for_a_node(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    """A deploy of the only node."""
    with program(redis.url, "a") as (a, port):
        player = await joined(nursery, f"ws://127.0.0.1:{port}/duel/new")
        await add(player, 5, 5)
        (room,) = (await directory.page("duel")).rooms
        a.process.send_signal(signal.SIGTERM)
        assert await trio.to_thread.run_sync(a.status) == 0
    async with machine(directory, "b") as b:
        await until(lambda: b.codes == [room.code])
        assert b.server.rooms[0].world.sum == 5  # type: ignore[attr-defined]


@pytest.mark.redis
async def test_tls_ends_before_the_nodes(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery, tmp_path: Path
) -> None:
    """So a room of another node is reached though both are encrypted."""
    leaf = certificate("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(chain_of(leaf))
    key.write_bytes(key_of(leaf))
    tls = ("--tls-cert", str(chain), "--tls-key", str(key))
    with program(redis.url, "a", *tls) as (a, at_a), program(redis.url, "b", *tls) as (_, at_b):
        first = Player(f"wss://127.0.0.1:{at_a}/duel/new", trusted=anchor())
        nursery.start_soon(peers.run, first.api)
        await until(lambda: first.is_in)
        (room,) = (await directory.page("duel")).rooms
        second = Player(f"wss://127.0.0.1:{at_b}/duel/{room.code}", trusted=anchor())
        nursery.start_soon(peers.run, second.api)
        await until(lambda: second.is_in)
        await add(second, 5, 5)
        await until(lambda: 5 in first.world.told)
        a.process.send_signal(signal.SIGTERM)
        await until(lambda: first.is_out and second.is_out)
        assert first.closed_with == second.closed_with == (4012, "retry=1")
        assert await trio.to_thread.run_sync(a.status) == 0


async def test_a_signal_ends_it_though_there_is_no_redis() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:  # never answers
        url = f"redis://127.0.0.1:{listener.socket.getsockname()[1]}"
        with started(*COMMAND, "--port", "0", "--redis", url, "--node", "a") as node:
            assert await trio.to_thread.run_sync(node.line) == f"waiting for {url}"
            node.process.send_signal(signal.SIGTERM)
            assert await trio.to_thread.run_sync(node.status) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--redis", "redis://x"), "belong together"),
        (("--node", "a"), "belong together"),
        (("--redis", "redis://x", "--node", "a", "--workers", "2"), "takes one process"),
        (("--redis", "redis://x", "--node", "a", "--keep", "k"), "keeps the rooms"),
        (("--redis", "http://x", "--node", "a"), "begins with redis://"),
        (("--redis", "redis://x", "--node", "a b"), "cannot name a node"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main([*COMMAND[2:], "--port", "0", *arguments])
    except SystemExit as ended:
        status = ended.code
    assert status in (1, 2)
    output = capsys.readouterr()
    assert why in " ".join(f"{output.out} {output.err}".split())
