"""The front with real workers and real clients: rooms, deaths, drains, TLS and splices."""

from __future__ import annotations

import json
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import Node, SceneMultiplayer, rpc
from multiplayer.rooms.snapshot import unpack
from multiplayer.rooms.supervision import Supervision
from peers import WebSocketClient
from peers.workers import messages
from tests.certificates import OURS, authority
from tests.peers.workers.fronts import GAME, HEAD, PATIENCE, serving, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.peers.workers.fronts import Running


class World(Node):
    @rpc("any_peer")
    def add(self, points: int) -> int: ...

    @rpc("any_peer")
    def who(self) -> list[int]: ...

    @rpc("any_peer")
    def times_saved(self) -> int: ...

    @rpc("any_peer")
    def options(self) -> dict[str, str]: ...

    @rpc("any_peer")
    def hang(self) -> None: ...

    @rpc("any_peer")
    def lock(self) -> None: ...


class Player:
    def __init__(self, world: World, client: WebSocketClient) -> None:
        self.world = world
        self.client = client

    async def ask(self, method: str, *args: Any) -> Any:
        return await peers.reply(getattr(self.world, method).call_id(1, *args), PATIENCE)


@asynccontextmanager
async def playing(running: Running, path: str, **more: Any) -> AsyncGenerator[Player]:
    root = Node()
    world = World("World")
    root.add_child(world)
    api = SceneMultiplayer(root)
    client = WebSocketClient()
    for name, value in more.items():
        setattr(client, name, value)
    if running.encrypted:
        client.trusted_tls_certificate = authority(OURS).cert_pem.bytes()
    scheme = "wss" if running.encrypted else "ws"
    url = f"{scheme}://localhost:{running.reception.local_port}{path}"
    async with peers.connect(url, peer=client, api=api):
        yield Player(world, client)


def only_code(running: Running) -> str:
    (code,) = running.front.placement.rooms
    return code


async def test_two_players_meet_in_a_room_of_a_worker() -> None:
    async with (
        serving(command=GAME) as running,
        playing(running, "/duel/new?map=caves") as first,
    ):
        assert await first.ask("options") == {"map": "caves"}
        async with playing(running, f"/duel/{only_code(running)}") as second:
            ids = {player.client.get_unique_id() for player in (first, second)}
            pid, *seats = await second.ask("who")
            assert {*seats} == ids
            assert pid != os.getpid()
            room = running.front.placement.rooms[only_code(running)]
            await until(lambda: room.facts.players == 2)
            async with playing(running, "/duel/any") as third:
                assert (await third.ask("who"))[0] != pid  # the first room is full
        await until(lambda: room.facts.players == 1)
        await first.ask("lock")
        await until(lambda: room.facts.locked and room.facts.metadata == {"locked": "yes"})


async def test_a_room_that_cannot_be_opened_is_not_there() -> None:
    async with serving(1, command=GAME) as running:
        with pytest.raises(Exception, match="no such room"):
            async with playing(running, "/duel/new?refuse=1") as player:
                await player.ask("who")
        await until(lambda: not running.front.placement.rooms)
        async with playing(running, "/duel/new") as player:
            assert len(await player.ask("who")) == 2


async def test_a_killed_worker_is_replaced_and_its_room_goes_on() -> None:
    async with serving(command=GAME) as running:
        async with playing(running, "/duel/new") as player:
            pid, _ = await player.ask("who")
            await player.ask("add", 5)
            await player.ask("lock")
            code = only_code(running)
            room = running.front.placement.rooms[code]
            await until(lambda: room.facts.locked)
            before = room.snapshot
            await until(lambda: room.snapshot != before)
            os.kill(pid, signal.SIGKILL)
            with trio.fail_after(PATIENCE):
                await peers.fired(player.client.server_disconnected)
        await until(lambda: running.front.moved and room.facts.locked)
        running.front.tell(room, messages.Change(code, {"locked": False}))
        async with playing(running, f"/duel/{code}") as player:
            assert (await player.ask("who"))[0] != pid
            assert await player.ask("add", 2) == 7


@pytest.mark.parametrize("path", ["/duel/new", "/duel/any"])
async def test_a_player_is_back_in_its_room_under_its_id_after_its_worker_was_killed(
    path: str,
) -> None:
    async with (
        serving(command=GAME) as running,
        playing(running, path, resume=peers.Resume()) as player,
        peers.emissions(player.client.session_resumed) as resumed,
    ):
        pid, me = await player.ask("who")
        code = only_code(running)
        room = running.front.placement.rooms[code]
        await player.ask("add", 5)
        await until(lambda: room.snapshot and unpack(room.snapshot).data == {"score": 5})
        for _ in range(2):  # any number of times
            os.kill(pid, signal.SIGKILL)
            with trio.fail_after(PATIENCE):
                assert await anext(resumed) == (False,)
            before, (pid, same) = pid, await player.ask("who")
            assert pid != before
            assert same == me == player.client.get_unique_id()
            await until(lambda: room.snapshot and unpack(room.snapshot).seats)
        assert await player.ask("add", 1) == 6
        assert only_code(running) == code


async def test_a_player_is_back_after_its_worker_hung() -> None:
    supervision = Supervision(1, beat_patience=2.5)
    async with (
        serving(1, supervision, command=GAME) as running,
        playing(running, "/duel/new", resume=peers.Resume()) as player,
        peers.emissions(player.client.session_resumed) as resumed,
    ):
        pid, me = await player.ask("who")
        room = running.front.placement.rooms[only_code(running)]
        await until(lambda: room.snapshot and unpack(room.snapshot).seats)
        player.world.hang.rpc_id(1)
        with trio.fail_after(PATIENCE):
            await anext(resumed)
        again, same = await player.ask("who")
        assert again != pid
        assert same == me


async def test_a_seat_that_is_gone_is_gone_in_every_path() -> None:
    async with serving(1, command=GAME) as running:
        forged = "resume=1&received=0&next=1&lost=0&seat="
        for path in ("/duel/new?", "/duel/any?"):
            stream = await running.dial()
            await stream.send_all(HEAD.format(f"{path}{forged}NONE.{'A' * 70}").encode())
            answer = b""
            with trio.fail_after(PATIENCE):
                while b"\x0f\xa3" not in answer:  # 4003
                    answer += await stream.receive_some(4096)
        assert not running.front.placement.rooms


async def test_draining_closes_with_4012() -> None:
    async with serving(1, command=GAME) as running, playing(running, "/duel/new") as player:
        await player.ask("who")
        running.front.drain(0.1)
        with trio.fail_after(PATIENCE):
            await peers.fired(player.client.server_disconnected)
        assert player.client.get_peer(1).get_close_code() == 4012


@pytest.mark.parametrize("encrypted", [False, True])
async def test_where_sockets_cannot_be_passed_bytes_are(encrypted: bool) -> None:
    async with (
        serving(1, command=GAME, passes=False, encrypted=encrypted) as running,
        playing(running, "/duel/new") as player,
    ):
        assert await player.ask("add", 2) == 2


async def test_with_tls_in_the_front_the_clear_text_is_passed() -> None:
    async with (
        serving(1, command=GAME, encrypted=True) as running,
        playing(running, "/duel/new") as player,
    ):
        assert await player.ask("add", 2) == 2
        assert await player.ask("add", 3) == 5


async def test_the_lobby_lists_rooms_of_all_workers_and_keeps_places() -> None:
    async with serving(command=GAME) as running:
        status, made = await http(running, "POST", "/rooms", {"kind": "duel"})
        assert status == 201, made
        async with playing(running, "/duel/new") as one, playing(running, made["url"]) as other:
            assert (await one.ask("who"))[0] != (await other.ask("who"))[0]
            codes = [*running.front.placement.rooms]
            await until(
                lambda: all(running.front.placement.rooms[code].facts.players for code in codes)
            )
            _, page = await http(running, "GET", "/rooms?kind=duel")
            assert {(row["code"], row["players"]) for row in page["rooms"]} == {
                (code, 1) for code in codes
            }
            owner = {"owner_key": made["owner_key"], "locked": True, "metadata": {"map": "sea"}}
            status, _ = await http(running, "PATCH", f"/rooms/{made['code']}", owner)
            assert status in (200, 204)
            room = running.front.placement.rooms[made["code"]]
            await until(lambda: room.facts.locked and room.facts.metadata == {"map": "sea"})
        status, _ = await http(running, "GET", "/nothing")
        assert status in (404, 426)


async def http(running: Running, method: str, target: str, body: Any = None) -> tuple[int, Any]:
    """Ask by HTTP; the status, and the JSON of the answer."""
    content = b"" if body is None else json.dumps(body).encode()
    stream = await running.dial()
    head = f"{method} {target} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    await stream.send_all(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    answer = b""
    with trio.fail_after(PATIENCE):
        async for data in stream:
            answer += data
    first, _, rest = answer.partition(b"\r\n\r\n")
    try:
        said = json.loads(rest)
    except ValueError:
        said = rest
    return int(first.split()[1]), said
