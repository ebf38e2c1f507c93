"""The recorded games again: one side is ours, and says the bytes that the engine said.

What the recorded MultiplayerAPI put is put by the test; what the peers do by themselves (ids,
announcements, relays, envelopes, closing) must follow. A step that differs must be named below,
and one that is named must differ.
"""

from __future__ import annotations

from collections import Counter

import pytest
import trio

from peers import WebSocketClient
from tests.driving import PATIENCE, Drive, until
from tests.gd_mp_rows import DEL, about
from tests.peers.records import Said, steps
from tests.peers.sessions import MANY_FENCES, FixedServer, fenced, listening
from tests.raw import CLOSE, Raw, RawServer

STEPS = steps()

NO_NUL = "a close reason carries no NUL, neither our own nor one that is echoed"
SERVER_DIFFERS = {"leave.kick": NO_NUL}
CLIENT_DIFFERS = {"leave.kick": NO_NUL}

Spoken = tuple[int | None, bytes]
Differences = dict[str, tuple[dict[str, list[Spoken]], dict[str, list[Spoken]]]]


def check(differences: Differences, decided: dict[str, str]) -> None:
    assert differences.keys() == decided.keys()
    for ours, recorded in differences.values():
        for connection, spoken in recorded.items():
            without_nul = [(op, body.rstrip(b"\0") if op == CLOSE else body) for op, body in spoken]
            assert ours[connection] == without_nul


# ------------------------------------------------------------------ our server


class Game:
    """Our server, and raw endpoints in the roles of the recorded clients."""

    def __init__(self, server: FixedServer) -> None:
        self.server = server
        self.ids: dict[str, int] = {}
        self.raws: dict[str, Raw] = {}
        self.heard: dict[str, list[Spoken]] = {}
        self.ended: set[str] = set()

    async def listen(self, connection: str) -> None:
        """Note what the server has said so far on a connection."""
        if connection in self.ended:
            return
        frames = await fenced(self.raws[connection])
        self.heard[connection] += [(frame.op, frame.payload) for frame in frames]

    async def listen_until_end(self, connection: str) -> None:
        if connection in self.ended:
            return
        self.ended.add(connection)
        frames = await self.raws[connection].receive_end()
        self.heard[connection] += [(frame.op, frame.payload) for frame in frames]
        self.heard[connection].append((None, b""))

    async def enter(self, ids: dict[str, int]) -> None:
        """Let those who have left since the last step leave, and those who are new join."""
        for connection, id_ in ids.items():
            old = self.ids.get(connection)
            if old == id_:
                continue
            if old is not None and connection not in self.ended:
                await self.depart(connection, old)  # a step that the record does not hold
            self.ids[connection] = id_
            self.server.ids.append(id_)
            if connection in self.raws:
                await self.raws[connection].close()
            self.raws[connection] = await Raw.connect(self.server.get_local_port())
            self.ended.discard(connection)
        self.heard = {connection: self.heard.get(connection, []) for connection in self.raws}

    async def depart(self, connection: str, id_: int) -> None:
        await self.raws[connection].close()
        self.ended.add(connection)
        await until(lambda: not self.server.has_peer(id_))
        for other in self.raws.keys() - self.ended:
            frames = await fenced(self.raws[other])
            assert [frame.payload for frame in frames] == [about(DEL, id_)]

    async def say(self, said: Said, due: Counter[Said], puts: Counter[bytes]) -> None:
        """Do what made the recorded side say this, unless it follows by itself."""
        raw, server = self.raws[said.connection], self.server
        if said.by == "client":
            if said.op is None:
                await raw.stream.send_eof()
                await self.listen_until_end(said.connection)
            else:
                await raw.send_frame(said.body, said.op)
                if said.op == CLOSE:
                    await self.listen_until_end(said.connection)
                else:
                    await self.listen(said.connection)
        elif said.op == CLOSE:
            code, reason = int.from_bytes(said.body[:2]), said.body[2:].decode().rstrip("\0")
            server.disconnect_peer(self.ids[said.connection], code, reason)
            closing = await raw.receive_frame()
            assert closing is not None
            self.heard[said.connection].append((closing.op, closing.payload))
        elif said.is_game and said.source == 1:
            due[said] += 1
            if due[said] <= puts[said.body]:
                return  # a broadcast, put already for another connection
            puts[said.body] += 1
            server.set_target_peer(said.target)
            server.put_packet(said.payload)
            for connection in self.raws:
                await self.listen(connection)

    async def close(self) -> None:
        for raw in self.raws.values():
            await raw.close()


def for_server(said: Said) -> bool:
    """Whether a packet reaches the server's own API; unlike the engine, -1 spares it."""
    return said.by == "client" and said.is_game and (said.target in (0, 1) or said.target < -1)


async def test_our_server_says_what_the_recorded_server_said(drive: Drive) -> None:
    game = Game(listening(drive))
    differences: Differences = {}
    with trio.fail_after(PATIENCE):
        for step in STEPS:
            game.heard = {}
            await game.enter(step.ids)
            due, puts = Counter[Said](), Counter[bytes]()
            for said in step.said:
                await game.say(said, due, puts)
            for connection in game.raws:
                await game.listen(connection)
            recorded: dict[str, list[Spoken]] = {connection: [] for connection in game.raws}
            for said in step.said:
                if said.by == "server":
                    recorded[said.connection].append((said.op, said.body))
            if game.heard != recorded:
                differences[step.name] = (game.heard, recorded)
            got = [
                (game.server.get_packet_peer(), game.server.get_packet())
                for _ in range(game.server.get_available_packet_count())
            ]
            assert got == [(s.source, s.payload) for s in step.said if for_server(s)], step.name
    check(differences, SERVER_DIFFERS)
    assert game.server.statistics.violations == {}
    # send_bytes to oneself and to the unknown id 999, which the recorded server dropped too
    assert game.server.statistics.drops == {"to_sender": 1, "unknown_target": 1}
    await game.close()


# ------------------------------------------------------------------ our client

SESSIONS = sorted({(conn, id_) for step in STEPS for conn, id_ in step.ids.items()})
KILLED = "leave.kill9"
"""A process that is killed says nothing, and no client can be made to."""


@pytest.mark.parametrize(("connection", "id_"), SESSIONS)
async def test_our_client_says_what_the_recorded_client_said(
    drive: Drive, connection: str, id_: int
) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient(limits=MANY_FENCES)
    client.connect_to_url(listener.url, gd_mp_api=True)
    drive.add(client)
    raw = await listener.upgraded()
    differences: Differences = {}
    spoke_in: set[str] = set()
    for step in STEPS:
        mine = [said for said in step.said if said.connection == connection]
        if step.ids.get(connection) != id_ or step.name == KILLED:
            continue
        heard: list[Spoken] = []
        for said in mine:
            if said.by == "server" and said.op is not None:
                await raw.send_frame(said.body, said.op)
            elif said.op == CLOSE:
                heard += [(frame.op, frame.payload) for frame in await raw.receive_end()]
                heard.append((None, b""))
            elif said.is_game:
                assert await fenced(raw) == []
                client.set_target_peer(said.target)
                client.put_packet(said.payload)
                frames = await fenced(raw)
                assert all(frame.masked for frame in frames)
                heard += [(frame.op, frame.payload) for frame in frames]
        if (None, b"") not in heard:
            assert await fenced(raw) == []
        recorded = [(said.op, said.body) for said in mine if said.by == "client"]
        if recorded:
            spoke_in.add(step.name)
        if heard != recorded:
            differences[step.name] = ({connection: heard}, {connection: recorded})
        got = [
            (client.get_packet_peer(), client.get_packet())
            for _ in range(client.get_available_packet_count())
        ]
        packets = [said for said in mine if said.by == "server" and said.is_game]
        assert got == [(said.source, said.payload) for said in packets], step.name
    assert client.get_unique_id() == id_
    check(differences, {name: why for name, why in CLIENT_DIFFERS.items() if name in spoke_in})
    assert client.statistics.violations == {}
    await raw.close()
    await listener.close()


def test_the_records_hold_what_this_replays() -> None:
    said = [said for step in STEPS for said in step.said]
    assert len(STEPS) > 50
    assert sum(one.is_game and one.by == "client" for one in said) > 60
    assert sum(one.is_game and one.by == "server" for one in said) > 60
    assert any(one.target == -1 for one in said if one.is_game)
    assert len(SESSIONS) == 7
