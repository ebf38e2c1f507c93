"""What a real Godot 4.6 sent and told, step by step: ours does the same, byte for byte."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from multiplayer import GODOT_4, MultiplayerError, Node, SceneMultiplayer, TransferMode, rpc

from .loopback import LoopbackPeer, Network, Sent

_RECORD = json.loads(
    (Path(__file__).parents[2] / "vectors/godot4/scene_multiplayer.json").read_text()
)
_STAGES = ("rpc", "ids", "checksum", "no_relay", "auth", "auth_refused")
_A, _B = 1001, 2002

Line = dict[str, Any]


class _Recording:
    """The lines of one step, as the engine's script printed them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def packet(self, sent: Sent) -> None:
        packet = {
            "from": sent.source,
            "to": sent.target,
            "mode": sent.mode.value,
            "channel": sent.channel,
            "hex": sent.payload.hex(),
        }
        self.lines.append({"packet": packet})

    def event(self, peer: int, what: str, *args: object) -> None:
        self.lines.append({"event": {"peer": peer, "what": what, "args": list(args)}})


class _Game(Node):
    """The engine's game.gd."""

    def __init__(self, name: str, tell: Any) -> None:
        super().__init__(name)
        self._tell = tell

    def _took(self, method: str, *args: object) -> None:
        self._tell(self, method, [var_to_str(value) for value in args])

    @rpc("any_peer")
    def any_none(self) -> None:
        self._took("any_none")

    @rpc("any_peer")
    def any_one(self, x: object) -> None:
        self._took("any_one", x)

    @rpc("any_peer", "reliable")
    def any_two(self, x: object, y: object) -> None:
        self._took("any_two", x, y)

    @rpc
    def auth_one(self, x: object) -> None:
        self._took("auth_one", x)

    @rpc("any_peer", "call_remote", "unreliable_ordered", 2)
    def chan_one(self, x: object) -> None:
        self._took("chan_one", x)

    @rpc("any_peer", "call_local", "unreliable")
    def local_one(self, x: object) -> None:
        self._took("local_one", x)


class _Other(Node):
    """The engine's other.gd."""

    @rpc("any_peer")
    def any_none(self) -> None:
        pass


class _Native(Node):
    def set_process(self, enable: bool) -> None:
        pass

    def get_index(self) -> int:
        return 0


class _World:
    """A server and clients, each with the same nodes."""

    def __init__(self, ids: list[int]) -> None:
        self.record = _Recording()
        self.network = Network()
        self.network.on_sent = self.record.packet
        self.apis: dict[int, SceneMultiplayer] = {}
        self.peers: dict[int, LoopbackPeer] = {}
        for own_id in ids:
            self._add(own_id)

    def _add(self, own_id: int) -> None:
        root = self.new_game(own_id, "S")
        game = self.new_game(own_id, "Game")
        deep = self.new_game(own_id, "Deep")
        deep.add_child(self.new_game(own_id, "Er node"))
        game.add_child(deep)
        native = _Native("Native")
        for method in ("set_process", "get_index"):
            native.rpc_config(method, {"rpc_mode": 1})
        game.add_child(native)
        root.add_child(game)
        api = SceneMultiplayer(root, GODOT_4)
        peer = LoopbackPeer(self.network, own_id)
        api.multiplayer_peer = peer
        tell = self.record.event
        for signal in (
            api.peer_connected,
            api.peer_disconnected,
            api.peer_authenticating,
            api.peer_authentication_failed,
            api.connected_to_server,
            api.connection_failed,
            api.server_disconnected,
        ):
            signal.connect(lambda *args, what=signal.name: tell(own_id, what, *args))
        api.peer_packet.connect(lambda who, data: tell(own_id, "peer_packet", who, data.hex()))
        self.apis[own_id], self.peers[own_id] = api, peer

    def new_game(self, own_id: int, name: str) -> _Game:
        def tell(node: Node, method: str, args: list[str]) -> None:
            sender = self.apis[own_id].get_remote_sender_id()
            path = node.get_path().removeprefix("/S").removeprefix("/") or "."
            self.record.event(own_id, "called", path, method, args, sender)

        return _Game(name, tell)

    def node(self, own_id: int, path: str) -> Node:
        root = self.apis[own_id].root
        assert root is not None
        return root.get_node(path)

    def settle(self) -> None:
        for turn in range(30):
            for api in self.apis.values():
                api.poll()
            if turn >= 2 and not any(peer.waiting for peer in self.peers.values()):
                return
        pytest.fail("packets go round in circles")

    def call(self, call: Line) -> None:
        own_id, to = call["peer"], call["to"]
        self.record.lines.append({"call": call})
        if call["method"] == "send_bytes":
            data, mode, channel = call["args"]
            mode = TransferMode(mode)
            self.apis[own_id].send_bytes(bytes.fromhex(data), to, mode, channel)
            return
        node = self.node(own_id, call["node"])
        values = [str_to_var(text) for text in call["args"]]
        if values == [b""]:  # only the engine writes that without a count (godot#95247)
            self.peers[own_id].send_packet(bytes.fromhex("800101"), to)
            return
        self.apis[own_id].rpc(to, node, call["method"], values)

    def before(self, step: str) -> None:
        """Do what the engine's script did at this step besides the recorded calls."""
        if match := re.fullmatch(r"peer (\d+) connects", step):
            peer = int(match[1])
            self.peers[peer].link()
            if self.apis[peer].auth_callback is None:
                self.settle()
            elif peer == _B:
                self.apis[peer].send_auth(1, b"\1")
                self.settle()
        elif step.startswith("node removed"):
            node = self.node(_A, "Game/Deep/Er node")
            assert node.parent is not None
            node.parent.remove_child(node)
        elif step == "a client leaves":
            self.apis[_B].multiplayer_peer.close()
            self.settle()
        elif step == "the server drops a client":
            self.apis[1].disconnect_peer(_A)
            self.settle()
        elif step.startswith("270 nodes"):
            self._call_many_nodes()
        elif step.startswith("client sends its credentials"):
            self.apis[_A].send_auth(1, b"secret")
            self.settle()
        elif step == "a path that the receiver does not have":
            node = self.node(1, "Game/Deep/Er node")
            assert node.parent is not None
            node.parent.remove_child(node)
        elif step == "the server's auth_timeout passes":
            self.network.time += 0.4
            self.settle()

    def _call_many_nodes(self) -> None:
        for number in range(270):
            for own_id in self.apis:
                self.node(own_id, ".").add_child(self.new_game(own_id, f"N{number}"))
            if number < 268:
                self.apis[_A].rpc(1, self.node(_A, f"N{number}"), "any_none")
                self.settle()
        self.record.lines.clear()


def _set_up(stage: str) -> _World:
    world = _World([1, _A] if stage in ("ids", "checksum", "auth_refused") else [1, _A, _B])
    server = world.apis[1]
    if stage == "checksum":
        game = world.node(1, "Game")
        other = _Other("Game")
        for child in game.children:
            game.remove_child(child)
            other.add_child(child)
        root = world.node(1, ".")
        root.remove_child(game)
        root.add_child(other)
    elif stage == "no_relay":
        for api in world.apis.values():
            api.multiplayer_peer = None
            api.server_relay = False
            api.multiplayer_peer = world.peers[api_id(world, api)]
    elif stage == "auth":
        for own_id, api in world.apis.items():
            api.auth_callback = _welcome(world, own_id, api)
    elif stage == "auth_refused":
        server.auth_callback = lambda who, data: world.record.event(
            1, "auth_callback", who, data.hex()
        )
        server.auth_timeout = 0.2
    return world


def api_id(world: _World, api: SceneMultiplayer) -> int:
    return next(own_id for own_id, known in world.apis.items() if known is api)


def _welcome(world: _World, own_id: int, api: SceneMultiplayer) -> Any:
    def callback(who: int, data: bytes) -> None:
        world.record.event(own_id, "auth_callback", who, data.hex())
        if own_id == 1:
            api.send_auth(who, b"welcome")
        api.complete_auth(who)

    return callback


def _comparable(lines: list[Line]) -> list[Line]:
    """Leave out what only the engine says: errors in words, and the kinds of packets."""
    kept: list[Line] = []
    for line in lines:
        if "packet" in line:
            kept.append({"packet": {k: v for k, v in line["packet"].items() if k != "kind"}})
        elif "event" in line or "call" in line:
            kept.append(line)
    return kept


@pytest.mark.parametrize("stage", _STAGES)
def test_each_step_is_as_recorded(stage: str) -> None:
    steps = [step for step in _RECORD["steps"] if step["stage"] == stage]
    assert steps
    world = _set_up(stage)
    for step in steps:
        world.record.lines.clear()
        world.before(step["step"])
        calls = [line["call"] for line in step["lines"] if "call" in line]
        errors = [line for line in step["lines"] if "error" in line]
        for call in calls:
            try:
                world.call(call)
            except MultiplayerError:
                assert "unknown peer ID" in errors[0]["error"], step["step"]
            if step["step"] != "before the confirmation arrives" or call is calls[-1]:
                world.settle()
        assert world.record.lines == _comparable(step["lines"]), step["step"]


def test_every_stage_is_known() -> None:
    assert {step["stage"] for step in _RECORD["steps"]} == {*_STAGES, "replication", "sync"}


def test_errors_of_the_engine_are_rejections_of_ours() -> None:
    """Where the engine printed an error for a packet, ours has counted one."""
    counted: dict[str, int] = {}
    for stage in ("rpc", "checksum"):
        world = _set_up(stage)
        for api in world.apis.values():
            api.rpc_mismatch.connect(
                lambda _: counted.update(mismatch=counted.get("mismatch", 0) + 1)
            )
            api.invalid_packet.connect(
                lambda peer, reason, detail: counted.update({reason: counted.get(reason, 0) + 1})
            )
        for step in (step for step in _RECORD["steps"] if step["stage"] == stage):
            world.before(step["step"])
            for line in step["lines"]:
                if "call" in line and not (
                    line["call"]["to"] == _B and step["step"].startswith("call to a peer that")
                ):
                    world.call(line["call"])
                    world.settle()
    assert counted == {
        "wrong_arity": 1,  # an empty PackedByteArray arrives as no argument
        "not_allowed": 1,
        "mismatch": 2,  # on both sides
        "unknown_method": 1,
        "unknown_node": 3,  # once announced, twice called
    }


def var_to_str(value: object) -> str:
    """Write the few values of the record as the engine does."""
    if isinstance(value, bytes):
        return f"PackedByteArray({', '.join(str(byte) for byte in value)})"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


def str_to_var(text: str) -> object:
    """Read the few values of the record."""
    if text.startswith("PackedByteArray("):
        inside = text.removeprefix("PackedByteArray(").removesuffix(")")
        return bytes(int(byte) for byte in inside.split(",") if byte)
    return (
        {"true": True, "false": False}.get(text)
        if text in ("true", "false")
        else ast.literal_eval(text)
    )
