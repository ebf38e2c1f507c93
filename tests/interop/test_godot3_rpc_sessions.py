"""RPCs of Godot 3.2.3 and ours across leaving, coming back and being thrown out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus, Reason
from tests.driving import until
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InGodot, InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.godot3.match import Player

SESSIONS = {
    "our server": ("python", "engine", "python"),
    "the engine's server": ("engine", "python", "engine"),
}


async def begin(drive: Drive, launch: Launch, who: str) -> Match:
    match = Match(drive, launch)
    server, *clients = SESSIONS[who]
    await match.serve(server)
    for client in clients:
        await match.join(client)
    # Everybody knows the path by number after the first, and by the second nobody's confirmation is
    # under way any more: the engine complains of those of a client that has left.
    await match.settle()
    await match.settle()
    return match


async def gone(match: Match, player: Player) -> None:
    """Wait until nobody knows a player any more."""
    match.players.remove(player)
    await match.acquainted()


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("place", [1, 2])
async def test_a_client_leaves_and_comes_back(
    drive: Drive, launch: Launch, who: str, place: int
) -> None:
    match = await begin(drive, launch, who)
    leaver = match.players[place]
    before = leaver.id
    await leaver.leave()
    await gone(match, leaver)
    for player in match.players:
        if isinstance(player, InPython):
            assert ("peer_disconnected", before) in player.signals.log
    await match.settle()  # without the one who left
    match.players.append(leaver)
    await match.rejoin(leaver)
    assert leaver.id != before
    await match.settle()  # everybody announces to it anew, and it to everybody
    await leaver.rpc(0, "f_remotesync", "back again")
    for player in match.players:
        await player.heard(Heard("Game", "f_remotesync", leaver.id, ("back again",)))
    await match.settle()


async def test_our_server_throws_an_engine_out(drive: Drive, launch: Launch) -> None:
    match = await begin(drive, launch, "our server")
    server, engine, client = match.players
    assert isinstance(server, InPython)
    assert isinstance(engine, InGodot)
    assert isinstance(client, InPython)
    server.signals.log.clear()
    client.signals.log.clear()
    server.api.disconnect_peer(engine.id)
    await engine.godot.event(ev="tree", name="connection_failed")
    await gone(match, engine)
    assert server.signals.log == []  # as documented: who does it is not told
    assert client.signals.log == [("peer_disconnected", engine.id)]
    await match.settle()
    match.players.append(engine)
    await match.rejoin(engine)
    await match.settle()


async def test_the_engine_throws_us_out(drive: Drive, launch: Launch) -> None:
    match = await begin(drive, launch, "the engine's server")
    server, client, engine = match.players
    assert isinstance(server, InGodot)
    assert isinstance(client, InPython)
    client.signals.log.clear()
    await server.godot.step("kick", id=client.id, code=4000, reason="enough")
    await until(lambda: "server_disconnected" in client.signals)
    others = [("peer_disconnected", id_) for id_ in (engine.id, 1)]
    assert client.signals.log == [*others, ("server_disconnected",)]
    assert client.api.get_peers() == []
    await gone(match, client)
    await match.settle()
    match.players.append(client)
    await match.rejoin(client)
    await match.settle()


async def test_the_servers_end(drive: Drive, launch: Launch) -> None:
    for who in SESSIONS:
        match = await begin(drive, launch, who)
        server, *clients = match.players
        if isinstance(server, InPython):
            server.api.multiplayer_peer.close()
        elif isinstance(server, InGodot):
            await server.godot.step("stop")
        for client in clients:
            if isinstance(client, InPython):
                await until(lambda client=client: "server_disconnected" in client.signals)
                status = client.api.multiplayer_peer.get_connection_status()
                assert status == ConnectionStatus.CONNECTION_DISCONNECTED
                assert client.api.get_peers() == []
            elif isinstance(client, InGodot):
                await client.godot.event(ev="tree", name="connection_failed")


async def test_an_engine_that_keeps_its_numbers_is_told_so(drive: Drive, launch: Launch) -> None:
    """Godot 3 forgets its path numbers with its network_peer, not with the connection."""
    match = await begin(drive, launch, "our server")
    server, engine, _ = match.players
    assert isinstance(server, InPython)
    assert isinstance(engine, InGodot)
    await engine.leave()
    await gone(match, engine)
    again = f'main.peer.connect_to_url("{match.url}", PoolStringArray(), true)'
    await engine.godot.step("eval", expr=again)
    await engine.godot.event(ev="tree", name="connected_to_server")
    engine.id = await engine.godot.id()
    await engine.rpc(1, "r1", "as before")
    await until(lambda: server.rejected)
    assert "network_peer to null" in server.details[0]
    await server.rejects((engine.id, Reason.UNKNOWN_NUMBER))


async def test_a_call_and_a_farewell_in_one_go(drive: Drive, launch: Launch) -> None:
    """What is said last is heard before its speaker has gone."""
    match = await begin(drive, launch, "our server")
    server, engine, _ = match.players
    assert isinstance(server, InPython)
    assert isinstance(engine, InGodot)
    order: list[str] = []
    server.api.peer_disconnected.connect(lambda _: order.append(f"gone, {len(server.noted)}"))
    await engine.rpc(1, "r1", "goodbye")
    await engine.godot.step("disconnect")
    await gone(match, engine)
    await server.heard(Heard("Game", "r1", engine.id, ("goodbye",)))
    assert order == ["gone, 1"]
