"""What real Godot 3.2.3 programs sent each other: ours do the same, byte for byte.

One server and three clients, all ours, make the recorded calls. What each of them then puts on the
wire (calls, announcements, confirmations, raw bytes) has to be what the engine in its place put.
How packets are relayed is the peers' affair and replayed in tests/peers.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from multiplayer import GODOT_3, Error, MultiplayerError, Node, rpc
from multiplayer.scene import rset
from multiplayer.wire.envelopes.godot3 import payload_of
from tests.multiplayer.recorded_values import python_value

from .worlds import GAME, GameMethods, Kind, World

_FILE = Path(__file__).parents[2] / "vectors" / "godot3" / "packets.json"

_NOT_DECLARED = "the engine sends names that the node does not have; ours tells the caller"
_NO_SUCH_TARGET = "the engine does not check the target of send_bytes; ours tells the caller"
DIFFERS = {
    "rpc.no_such_method": _NOT_DECLARED,
    "mode.server.f_local": _NOT_DECLARED,
    "rset.client.nope": _NOT_DECLARED,
    "send_bytes.c1(self)": _NO_SUCH_TARGET,
    "send_bytes.unknown id 999": _NO_SUCH_TARGET,
}
"""The steps in which ours sends nothing, and why."""

RAN = {
    "rpc.first_on_path": "server",
    "rpc.unreliable": "server",
    "rpc.echo": "server c1",
    "rpc.echo_again": "server c1",
    "relay.first_to_peer": "c2",
    "relay.broadcast_first": "server c2 c3",
    "relay.broadcast_cached": "server c2 c3",
    "relay.exclude_peer": "server c3",
    "relay.exclude_server": "c2 c3",
    "relay.echo_from_peer": "c2 c1",
    "server.broadcast_first": "c1 c2 c3",
    "server.exclude": "c2 c3",
    "mode.client.f_sync": "c1 server c2 c3",
    "mode.client.f_mastersync": "c1 server",
    "mode.client.f_puppet": "c1",
    "mode.client.f_slave": "c1",
    "mode.server.f_remotesync": "server c1 c2 c3",
    "mode.server.f_master": "server",
    "mode.server.f_mastersync": "server",
    "mode.server.f_puppet": "c1 c2 c3",
    "mode.server.f_puppetsync": "server c1 c2 c3",
    "rpc.self": "",
    "rpc.after_join_mixed_cache": "server c2 c3",
    "args.8": "server",
}
"""Where methods run in some of the steps; by WIRE3's tables, since the bytes do not tell."""

SET = {
    "rset.client.v_remote": ("v_remote", 7, "server c2 c3"),
    "rset.client.v_mastersync": ("v_mastersync", 7, "c1 server"),
    "rset.client.v_puppetsync": ("v_puppetsync", 7, "c1"),
    "rset.server.v_puppet": ("v_puppet", 8, "c1 c2 c3"),
}


class _Game(GameMethods, Node):
    """The engine's game.gd."""

    @rpc("remote")
    def r0(self) -> None:
        self.took("r0")

    @rpc("remote")
    def r1(self, a: object) -> None:
        self.took("r1", a)

    @rpc("remote")
    def r2(self, a: object, b: object) -> None:
        self.took("r2", a, b)

    @rpc("remote")
    def r3(self, a: object, b: object, c: object) -> None:
        self.took("r3", a, b, c)

    @rpc("remote")
    def r4(self, *args: object) -> None:
        self.took("r4", *args)

    @rpc("remote")
    def r5(self, *args: object) -> None:
        self.took("r5", *args)

    @rpc("remote")
    def r7(self, *args: object) -> None:
        self.took("r7", *args)

    @rpc("remote")
    def r8(self, *args: object) -> None:
        self.took("r8", *args)

    @rpc("remotesync")
    def f_remotesync(self, v: object) -> None:
        self.took("f_remotesync", v)

    @rpc("remotesync")
    def f_sync(self, v: object) -> None:
        self.took("f_sync", v)

    @rpc("master")
    def f_master(self, v: object) -> None:
        self.took("f_master", v)

    @rpc("mastersync")
    def f_mastersync(self, v: object) -> None:
        self.took("f_mastersync", v)

    @rpc("puppet")
    def f_puppet(self, v: object) -> None:
        self.took("f_puppet", v)

    @rpc("puppet")
    def f_slave(self, v: object) -> None:
        self.took("f_slave", v)

    @rpc("puppetsync")
    def f_puppetsync(self, v: object) -> None:
        self.took("f_puppetsync", v)

    def f_local(self, v: object) -> None:
        self.took("f_local", v)

    @rpc("remote")
    def echo(self, v: object) -> None:
        self.took("echo", v)
        self.echo_reply.rpc_id(self.multiplayer.get_remote_sender_id(), v)

    @rpc("remote")
    def echo_reply(self, v: object) -> None:
        self.took("echo_reply", v)

    v_remote = rset("remote", default=0)
    v_mastersync = rset("mastersync", default=0)
    v_puppet = rset("puppet", default=0)
    v_puppetsync = rset("puppetsync", default=0)


class Put(NamedTuple):
    """A packet as its sender put it."""

    target: int
    payload: bytes


class _Step(NamedTuple):
    name: str
    call: str
    records: list[dict[str, Any]]


def _steps() -> list[_Step]:
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    grouped = groupby(rows, key=lambda row: (row["name"], row["call"]))
    return [_Step(name, call, list(records)) for (name, call), records in grouped]


def _recorded(step: _Step) -> dict[int, list[Put]]:
    """What each program put, in order; not what the server relayed."""
    puts: dict[int, list[Put]] = {}
    for record in step.records:
        fields = record.get("decoded") or {}
        if "packet" not in fields:
            continue
        source = fields["from"]
        if source != 1 and record["direction"] != "client->server":
            continue
        put = Put(fields["to"], payload_of(bytes.fromhex(record["hex"])))
        mine = puts.setdefault(source, [])
        if source != 1 or put.target > 0 or put not in mine:  # one copy for each connection
            mine.append(put)
    return puts


def _by_connection(puts: dict[int, list[Put]]) -> dict[int, list[Put]]:
    """Order what the server put by whom it is for.

    The record has it in the order of arrival on connections that know nothing of each other.
    """
    server = sorted(puts.get(1, []), key=lambda put: put.target)
    return puts | {1: server} if server else puts


class _Session:
    """Our programs in the roles of the recorded ones."""

    def __init__(self) -> None:
        self.world = World(Kind(GODOT_3, gd_mp=True, nodes=True))
        self.ids = {"server": 1}
        self._enter_game(1)

    def _enter_game(self, own_id: int) -> None:
        self.world.displace(own_id, GAME)
        made = _Game("Game")
        made.world, made.own_id = self.world, own_id
        self.world.place(own_id, GAME, made=made)

    def follow(self, step: _Step) -> None:
        """Let those who are new come, and those whose place they take leave."""
        present = {k: v for record in step.records for k, v in record.get("peers", {}).items()}
        for name, own_id in present.items():
            before = self.ids.get(name)
            if before == own_id:
                continue
            if before is not None:
                self.world.leave(before)
            self.ids[name] = own_id
            self.world.join(own_id)
            self._enter_game(own_id)

    def do(self, step: _Step) -> None:
        """Make the call that was recorded."""
        who, _, action = step.call.partition(": ")
        api = self.world.apis[self.ids[who]]
        game = self.world.game(self.ids[who])
        if match := re.fullmatch(r"multiplayer\.send_bytes\((\[.*\]), (.*)\)", action):
            api.send_bytes(bytes(json.loads(match[1])), self._target(match[2]))
        elif action.startswith("send_bytes of an empty"):
            api.send_bytes(b"")
        elif action.startswith("peer.set_target_peer(1)"):
            api.multiplayer_peer.set_target_peer(1)
            api.multiplayer_peer.put_packet(bytes((4, 0xAA)))
        elif match := re.match(r"(rpc|rset)(?:_unreliable)?(_id)?\((?:([\w-]+), )?'(\w+)'", action):
            to = self._target(match[3]) if match[2] else 0
            if match[1] == "rpc":
                api.rpc(to, game, match[4], self._arguments(step))
            else:
                api.rset(to, game, match[4], self._value(step))
        else:
            assert not _recorded(step), step.name

    def _target(self, text: str) -> int:
        text = text.removesuffix("(self)").removeprefix("unknown id ")
        if text == "all":
            return 0
        sign, name = (-1, text[1:]) if text.startswith("-") else (1, text)
        return sign * (self.ids[name] if name in self.ids else int(name))

    def _arguments(self, step: _Step) -> list[Any]:
        for record in step.records:
            packet = (record.get("decoded") or {}).get("packet", {})
            if packet.get("cmd") == "REMOTE_CALL":
                return [python_value(value) for value in packet["args"]]
        return [1]

    def _value(self, step: _Step) -> Any:
        packets = ((record.get("decoded") or {}).get("packet", {}) for record in step.records)
        return next(python_value(p["value"]) for p in packets if p.get("cmd") == "REMOTE_SET")

    def put(self) -> dict[int, list[Put]]:
        """What our programs have put since the last time."""
        puts: dict[int, list[Put]] = {}
        for sent in self.world.network.log:
            puts.setdefault(sent.source, []).append(Put(sent.target, sent.payload))
        self.world.network.log.clear()
        return puts

    def at(self, names: str) -> list[int]:
        return sorted(self.ids[name] for name in names.split())


def test_each_step_is_as_recorded() -> None:
    session = _Session()
    world = session.world
    refused: dict[str, Error] = {}
    compared = 0
    for step in _steps():
        session.follow(step)
        session.put()
        world.took()
        try:
            session.do(step)
        except MultiplayerError as error:
            refused[step.name] = error.code
        world.settle()
        recorded = _recorded(step)
        if step.name in DIFFERS:
            assert recorded
            assert session.put() == {}, step.name
            continue
        assert _by_connection(session.put()) == _by_connection(recorded), step.name
        compared += sum(len(puts) for puts in recorded.values())
        ran = [call.at for call in world.took()]
        if step.name in RAN:
            assert ran == session.at(RAN[step.name]), step.name
        if step.name in SET:
            name, value, where = SET[step.name]
            values = {peer: getattr(world.game(peer), name) for peer in session.ids.values()}
            assert sorted(p for p, v in values.items() if v == value) == session.at(where)
    assert refused == dict.fromkeys(
        (*DIFFERS, "rpc.self", "send_bytes.server.server(self)"), Error.ERR_INVALID_PARAMETER
    ) | {"set_no_change": Error.ERR_INVALID_DATA}
    assert compared == 90
    assert {line[2].value for line in world.invalid} == {"not_allowed"}


def test_the_tables_name_steps_that_there_are() -> None:
    names = {step.name for step in _steps()}
    assert {*DIFFERS, *RAN, *SET} <= names


def test_what_was_not_sent_by_ours_is_refused_when_it_arrives() -> None:
    """The packets of the steps that differ, as the engine sent them."""
    session = _Session()
    outcomes: dict[str, list[str]] = {}
    for step in _steps():
        session.follow(step)
        if step.name not in DIFFERS:
            continue
        world = session.world
        for source, puts in _recorded(step).items():
            for put in puts:
                world.peers[source].set_target_peer(put.target)
                # As a game that has announced the node before would.
                announce = world.wire.announce(1, GAME, [])
                world.peers[source].put_packet(announce)
                world.peers[source].put_packet(put.payload)
        world.settle()
        outcomes[step.name] = sorted({line[2].value for line in world.invalid})
        world.invalid.clear()
        assert not world.took()
    assert outcomes == {
        "rpc.no_such_method": ["unknown_method"],
        "mode.server.f_local": ["unknown_method"],
        "rset.client.nope": ["unknown_method"],
        "send_bytes.c1(self)": ["unknown_peer"],  # nobody is their own peer
        "send_bytes.unknown id 999": [],
    }
