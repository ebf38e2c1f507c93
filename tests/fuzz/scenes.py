"""Targets: packets of the API from a hostile peer, to a server and to an honest peer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from multiplayer import GODOT_3, GODOT_4, GODOT_4_BETA, Dialect, Limits, Reason, rpc, rset
from multiplayer.wire.dialects.api_packets import MOST_ARGUMENTS
from multiplayer.wire.dialects.choice import wire_of
from multiplayer.wire.envelopes.godot3 import payload_of
from tests.fuzz.sessions import messages
from tests.kept import peers_kept
from tests.multiplayer.scene.gathering import PATH, Gathering

if TYPE_CHECKING:
    from multiplayer.wire.dialects.api_packets import ApiWire
    from tests.multiplayer.scene.loopback import LoopbackPeer

SERVER, HOSTILE, HONEST = 1, 2, 3
_OTHER_PATH: Final = "Main/Game"  # the recorded Godot 3 games call theirs so
_MOST_PATHS: Final = 8
_MOST_ROUNDS: Final = 100
_VECTORS: Final = Path(__file__).parents[1] / "vectors"


class Game:
    """What peers may call, and what they must not."""

    health = rset("puppet", default=100)

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.arguments = 0

    def took(self, method: str, *arguments: object) -> None:
        self.ran.append(method)
        self.arguments += len(arguments)

    @rpc("any_peer")
    def any_one(self, x: object) -> object:
        self.took("any_one", x)
        return x

    @rpc("any_peer", "unreliable", 3)
    def typed(self, x: int, y: list[str] | dict[str, float] | None = None, *rest: str) -> int:
        assert type(x) is int
        assert y is None or isinstance(y, list | dict)
        assert all(type(text) is str for text in rest)
        self.took("typed", x, y, *rest)
        return x

    @rpc("any_peer", limit=3)
    def limited(self) -> None:
        self.took("limited")

    @rpc("any_peer")
    def odd(self) -> object:
        self.took("odd")
        return object()

    @rpc("any_peer")
    async def later(self) -> None:
        raise AssertionError

    @rpc("any_peer")
    def elsewhere(self) -> None: ...

    @rpc
    def ruled(self, x: object) -> None:
        self.took("ruled", x)

    def undeclared(self, *arguments: object) -> None:
        raise AssertionError(arguments)


_OPEN: Final = {"any_one", "typed", "limited", "odd"}


def _gather(dialect: Dialect, *, relays: bool) -> Gathering[Game]:
    gathering = Gathering(Game, Game, Game, relays=relays, dialect=dialect, validate=True)
    limits = Limits(max_rpc_paths=_MOST_PATHS)
    for peer, api in gathering.apis.items():
        gathering.peer(peer).limits = limits
        api.add(_OTHER_PATH, Game())
    return gathering


def run(dialect: Dialect, relays: bool, data: bytes) -> None:
    """A hostile peer sends packets; all is as it should be in the end, and when it has gone.

    Each step: what to do (bits 0 and 1: to whom; bit 2: the packets arrive; bit 3: time goes by;
    bit 4: honest calls in between), then the packet.
    """
    gathering = _gather(dialect, relays=relays)
    server, honest = gathering.games[SERVER], gathering.games[HONEST]
    api = gathering.apis[SERVER]
    api.rpc(HOSTILE, server, "any_one", [0])  # so that there are numbers to confirm
    if wire_of(dialect).responds:
        api.call_id(HOSTILE, server, "any_one", [0])
    hostile = gathering.peer(HOSTILE)
    del gathering.apis[HOSTILE]  # nobody answers for it but the data
    for step in messages(data):
        _send(hostile, step[0] & 3, step[1:])
        if step[0] & 4:
            _settle(gathering)
        if step[0] & 8:
            gathering.network.time += 0.5
        if step[0] & 16:
            gathering.apis[HONEST].rpc(0, honest, "any_one", [1])
    _settle(gathering)
    _check(gathering)
    hostile.drop()
    _settle(gathering)
    _check_gone(gathering)


def _send(hostile: LoopbackPeer, to: int, packet: bytes) -> None:
    hostile.set_target_peer((SERVER, HONEST, 0, -HONEST)[to])
    hostile.put_packet(packet)


def _settle(gathering: Gathering[Game]) -> None:
    """Poll the honest ones until nothing is under way between them; what comes out is a fault."""
    others = [gathering.peer(peer) for peer in gathering.apis]
    for _ in range(_MOST_ROUNDS):
        gathering.poll()
        if not any(peer.waiting for peer in others):
            return
    raise AssertionError("packets go round in circles")


def _check(gathering: Gathering[Game]) -> None:
    for peer, api in gathering.apis.items():
        game = gathering.games[peer]
        assert {*game.ran} <= _OPEN, game.ran
        assert game.arguments <= MOST_ARGUMENTS * len(game.ran)
        assert game.health == 100
        assert {*api.statistics.rejected} <= {*Reason}
        assert len(api._session.cache.paths._heard.get(HOSTILE, ())) <= _MOST_PATHS
        assert {*api._session.rejections._faults._counts} <= {0, SERVER, HOSTILE, HONEST}
        assert all(len(detail) <= 501 for _, _, detail in gathering.rejected[peer])


def _check_gone(gathering: Gathering[Game]) -> None:
    for peer, api in gathering.apis.items():
        assert api.get_peers() == [HONEST if peer == SERVER else SERVER]
        assert HOSTILE not in peers_kept(api)
    for sender, to in ((HONEST, SERVER), (SERVER, HONEST)):
        before = len(gathering.games[to].ran)
        gathering.apis[sender].rpc(to, gathering.games[sender], "any_one", ["honest"])
        _settle(gathering)
        assert len(gathering.games[to].ran) == before + 1


def seeds(dialect: Dialect, *, relays: bool) -> list[bytes]:
    """Packets of each kind, each alone and all together, and what real games sent."""
    wire = wire_of(dialect)
    packets = [*_own(wire, relays=relays), *_recorded(dialect)]
    steps = [_step(what, packet) for packet in packets for what in (0, 5)]
    return [*steps, *(b"".join(steps[at : at + 8]) for at in range(0, len(steps), 8))]


def _step(what: int, packet: bytes) -> bytes:
    return bytes([len(packet) + 1, what]) + packet if len(packet) < 255 else b""


def _own(wire: ApiWire, *, relays: bool) -> list[bytes]:
    names = sorted(("any_one", "elsewhere", "later", "limited", "odd", "ruled", "typed"))
    packets = [wire.announce(1, PATH, names), wire.announce(2, PATH, ["any_one"])]
    for position, name in enumerate(names):
        arguments: list[object] = [["x"], {"y": 1.5}] if name == "any_one" else [7, ["a"], "rest"]
        for count in (0, 1, len(arguments)):
            call = wire.call(name, position, arguments[:count])
            packets.append(call.by_number(1, shortest=True))
        if wire.confirms:
            packets.append(wire.call(name, position, []).by_path(PATH))
        if wire.responds:
            packets.append(wire.request(position, name, position, [1]).by_number(1, shortest=True))
    if wire.confirms:
        packets += [wire.confirm(1, PATH, agrees=agrees) for agrees in (True, False)]
    if wire.assigns:
        packets += [wire.assign(name, 3).by_path(PATH) for name in ("health", "ran")]
    if wire.forgets:
        packets.append(wire.forget([1, 2]))
    if wire.responds:
        packets += [wire.response(1, [1, {"a": None}]), wire.error_response(1, "KeyError", "text")]
    if wire.authenticates:
        packets += [wire.authenticate(b"secret"), wire.authenticate(b"")]
        packets += [wire.add_peer(HONEST), wire.del_peer(HONEST), wire.del_peer(77)]
    if not relays:
        packets += [wire.relay(to, packet) for to in (HONEST, 0, -1) for packet in packets[:4]]
    return [*packets, wire.raw(b"payload")]


def _recorded(dialect: Dialect) -> list[bytes]:
    if dialect in (GODOT_4, GODOT_4_BETA):
        path = _VECTORS / "godot4" / "scene_multiplayer.json"
        steps = json.loads(path.read_text(encoding="utf-8"))["steps"]
        lines = [line["packet"] for step in steps for line in step["lines"] if "packet" in line]
        found = [bytes.fromhex(packet["hex"]) for packet in lines if packet["to"] == SERVER]
    elif dialect == GODOT_3:
        path = _VECTORS / "godot3" / "packets.json"
        rows = json.loads(path.read_text(encoding="utf-8"))
        messages_ = [bytes.fromhex(row["hex"] or "") for row in rows]
        found = [payload_of(message) for message in messages_ if message[:1] == b"\0"]
    else:
        found = []
    return [*dict.fromkeys(found)]
