"""Ids that a program chooses: whatever its ``generate_unique_id`` does, the server goes on.

Which ids there are stands in Godot's ``MultiplayerPeer.generate_unique_id``: 2 to 2**31 - 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import until
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive

pytestmark = pytest.mark.handlers_fail

KINDS = ("gd_mp", "godot4", "plain")


def serving(kind: str, generate: Callable[[], object]) -> WebSocketMultiplayerPeer:
    owner = WebSocketMultiplayerPeer if kind == "godot4" else WebSocketServer
    server = type("Choosing", (owner,), {"generate_unique_id": lambda self: generate()})()
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=kind == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    return server


async def status_of(server: WebSocketMultiplayerPeer) -> int:
    """Knock once, and return the HTTP status of the answer."""
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port()))
    head = await raw.read_head()
    await raw.close()
    return int(head.split()[1])


@pytest.mark.parametrize("wrong", [1, 0, -4, 2**31, True, 7.0, "7", None], ids=repr)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_id_refuses(drive: Drive, kind: str, wrong: object) -> None:
    ids: list[object] = [5, wrong, 6]
    server = drive.add(serving(kind, lambda: ids.pop(0)))
    told: list[tuple[int, str, Exception]] = []
    server.handler_failed.connect(lambda *args: told.append(args))
    first = await Raw.connect(server.get_local_port())
    assert await status_of(server) == 500
    ((peer, where, error),) = told
    assert (peer, where) == (0, "generate_unique_id")
    assert isinstance(error, MultiplayerError)
    assert error.code == Error.ERR_INVALID_PARAMETER
    last = await Raw.connect(server.get_local_port())
    assert [*server._role.clients.members] == [5, 6]
    await first.close()
    await last.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_raises_refuses(drive: Drive, kind: str) -> None:
    ids = [5]
    server = drive.add(serving(kind, ids.pop))
    told: list[tuple[int, str, Exception]] = []
    server.handler_failed.connect(lambda *args: told.append(args))
    first = await Raw.connect(server.get_local_port())
    assert await status_of(server) == 500
    assert [(peer, where, type(error)) for peer, where, error in told] == [
        (0, "generate_unique_id", IndexError)
    ]
    assert [*server._role.clients.members] == [5]
    await first.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_repeats_itself_refuses(drive: Drive, kind: str) -> None:
    server = drive.add(serving(kind, lambda: 5))
    told: list[Exception] = []
    server.handler_failed.connect(lambda peer, where, error: told.append(error))
    first = await Raw.connect(server.get_local_port())
    assert await status_of(server) == 500
    (error,) = told
    assert isinstance(error, MultiplayerError)
    assert error.code == Error.ERR_ALREADY_EXISTS
    await first.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_seats_that_become_free_are_given_again(drive: Drive, kind: str) -> None:
    """The lowest id that nobody has, as games with a fixed number of seats choose it."""
    links: dict[int, object] = {}
    server = serving(kind, lambda: next(id_ for id_ in range(2, 4) if id_ not in links))
    links = server._role.clients.members  # type: ignore[assignment]
    drive.add(server)
    for _ in range(3):
        one = await Raw.connect(server.get_local_port())
        other = await Raw.connect(server.get_local_port())
        assert [*links] == [2, 3]
        await one.close()
        await until(lambda: [*links] == [3])
        again = await Raw.connect(server.get_local_port())
        assert [*links] == [3, 2]
        server.get_peer(2)  # the one that is here
        server.disconnect_peer(2)
        assert server.statistics.drops.get("departed", 0) == 0
        await again.close()
        await other.close()
        await until(lambda: not links)


async def test_a_pool_of_ids_gives_one_again_that_has_left(drive: Drive) -> None:
    pool = [5]
    server = drive.add(serving("gd_mp", pool.pop))
    server.peer_disconnected.connect(pool.append)
    for _ in range(3):
        raw = await Raw.connect(server.get_local_port())
        assert [*server._role.clients.members] == [5]
        await raw.close()
        await until(lambda: pool)


@pytest.mark.parametrize("mistake", [ValueError, AttributeError, MultiplayerError], ids=repr)
async def test_a_mistake_is_told_also_if_an_id_could_be_used_again(
    drive: Drive, mistake: type[Exception]
) -> None:
    """Only a pool that is empty is no mistake."""
    turns = iter([5, 5])

    def generate() -> int:
        for drawn in turns:
            return drawn
        raise mistake(Error.FAILED, "broken") if mistake is MultiplayerError else mistake("broken")

    server = drive.add(serving("gd_mp", generate))
    told: list[type[Exception]] = []
    server.handler_failed.connect(lambda peer, where, error: told.append(type(error)))
    raw = await Raw.connect(server.get_local_port())
    await raw.close()
    await until(lambda: not server._role.clients.members)
    assert await status_of(server) == 500
    assert told == [mistake]


@pytest.mark.parametrize("empty", [IndexError, KeyError, StopIteration], ids=repr)
async def test_an_empty_pool_is_no_mistake(drive: Drive, empty: type[Exception]) -> None:
    turns = iter([5, 5])

    def generate() -> int:
        for drawn in turns:
            return drawn
        raise empty

    server = drive.add(serving("gd_mp", generate))
    raw = await Raw.connect(server.get_local_port())
    await raw.close()
    await until(lambda: not server._role.clients.members)
    again = await Raw.connect(server.get_local_port())
    assert [*server._role.clients.members] == [5]
    await again.close()


async def test_one_that_stops_the_server_leaves_nobody_behind(drive: Drive) -> None:
    def stop() -> int:
        server.close()
        return 5

    server = serving("gd_mp", stop)
    port = server.get_local_port()
    drive.add(server)
    raw = await Raw.dial(port)
    await raw.send(request(port))
    await raw.receive_end()
    assert not server._role.clients.members
    await raw.close()
