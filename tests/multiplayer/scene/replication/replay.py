"""Plays one engine of a recorded session with ours: what the others sent comes from the record."""

from __future__ import annotations

import json
import re
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from multiplayer import (
    GODOT_4,
    EncodedObjectAsID,
    MultiplayerError,
    Node,
    SceneMultiplayer,
    decode_compact_from,
)
from multiplayer.scene.replication.snapshots import same
from multiplayer.wire.dialects.api_packets import Relay
from multiplayer.wire.dialects.godot4 import Godot4Wire
from multiplayer.wire.dialects.replication_packets import PATH_ID, Delta, Spawn, Sync
from tests.multiplayer.recorded_values import from_expression
from tests.multiplayer.scene.loopback import LoopbackPeer, Network

from .kit import Keep, Kit, Main, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.multiplayer.scene.loopback import Sent

VECTORS = Path(__file__).parents[3] / "vectors" / "godot4" / "replication"
WIRE = Godot4Wire()
OURS = (
    "enter_tree",
    "ready",
    "exit_tree",
    "spawned",
    "despawned",
    "synchronized",
    "delta_synchronized",
    "visibility_changed",
    "spawn_function",
    "poke",
    "server_disconnected",
)
_NAN = bytes.fromhex("1c000000010000000300010000000000")
"""An array with a NAN in it, which engines send at every poll."""

_NULL_OBJECT = b"\x18\0\0\0"
"""What engines write for a null Object, and cannot read; ours writes a NIL."""

API = ("peer_connected", "peer_disconnected", "connected_to_server", "server_disconnected")


class Mismatch(Exception):  # noqa: N818 - found by a replay, which then tries otherwise
    """Ours did something else than the engine, in a step."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"step {step}: {what}")
        self.step = step


def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def message_bytes(message: dict[str, Any]) -> bytes:
    """The bytes; of a long one, of which the record has the beginning, written from its words."""
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    assert WIRE.replication is not None
    wire, decoded, body = WIRE.replication, message["decoded"], b""
    for element in decoded["elements"]:
        number = PATH_ID | int(element["net_id"].removeprefix("path "))
        values = [_value(text) for text in element["values"]]
        if "DELTA" in decoded["command"]:
            bits = int(element["indexes"], 16)
            body += wire.delta_element(number, bits, wire.state(values))
        else:
            body += wire.sync_element(number, wire.state(values))
    made = wire.delta(body) if "DELTA" in decoded["command"] else wire.sync(decoded["time"], body)
    assert len(made) == message["length"]
    assert made.hex().startswith(message["hex_begins"])
    return made


def _value(text: Any) -> object:
    zeros = re.fullmatch(r"(\d+) bytes, all zero", text) if isinstance(text, str) else None
    if zeros:
        return bytes(int(zeros[1]))
    return eval(text) if isinstance(text, str) and text.startswith("b'") else text


def is_empty(packet: bytes) -> bool:
    """Whether it is one of the empty packets that engines send before large states."""
    return packet == b"\x16" or (len(packet) == 3 and packet[0] == 6)


class Case(NamedTuple):
    """What has to be known of a record beside what it says.

    Attributes:
        setups: before which step the second and further setups are done, where not at once.
        unheard: before which step the record lacks the beginning of what a setup has caused, with
            the paths that were announced then.
        until: the step before which the replay ends, since the two deviate from there on.
        unlike: bytes with which messages begin that the engine sends, and ours does not.
        null: there are null Objects, which are null here.
        ignored: the events that differ: what, or what and of whom.
        why: the names of the deviations, as in ``docs/protocol/godot4-replication.md``.
    """

    setups: dict[int, int] = {}  # noqa: RUF012 - never changed
    unheard: dict[int, tuple[str, ...]] = {}  # noqa: RUF012
    until: int | None = None
    unlike: bytes | None = None
    null: bool = False
    ignored: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class Replay:
    """One engine.

    Args:
        record: the session.
        role: which engine of it ours plays.
        case: what else has to be known.
        delays: how many ticks it does in each step before the step's code runs; less than 0 for
            fewer ticks since the last step.
    """

    def __init__(self, record: Any, role: str, case: Case, delays: list[int]) -> None:
        self.record, self.role, self.delays = record, role, delays
        self.case, self.setups, self.until = case, case.setups, case.until
        self.unheard, self.path_id = case.unheard, 0
        self.network = Network(in_order=True)
        self.network.on_sent = self._sent
        self.out: dict[int, deque[bytes]] = {}
        self.told: list[tuple[str, tuple[object, ...]]] = []
        self.kit, self.keep = Kit(), Keep()
        self.ids: dict[str, int] = {"server": 1}
        self.step = 0
        self.ticks = 0
        self.leaving = False
        self.begins = False
        self.delay = 0
        self.incoming: dict[int, list[tuple[LoopbackPeer, bytes]]] = {}
        self.code: Callable[[], object] | None = None
        self.last: dict[int, bytes] = {}
        root = Node("root")
        root.__class__ = _Root
        self.main = Main(self._tell)
        root.add_child(self.main)
        self.api = SceneMultiplayer(root, GODOT_4)
        self.api.on_error = "log"
        for signal in (getattr(self.api, name) for name in API):
            signal.connect(lambda *args, what=signal.name: self.told.append((what, args)))
        self.server = LoopbackPeer(self.network, 1)
        self.others: dict[int, LoopbackPeer] = {}
        self.peer: LoopbackPeer | None = self.server if role == "server" else None

    def _tell(self, what: str, *args: object) -> None:
        if not (what == "despawned" and self.leaving):  # which engines do not emit then
            self.told.append((what, args))

    def _sent(self, sent: Sent) -> None:
        if self.peer is not None and sent.source == self.peer.own_id:
            self.out.setdefault(sent.target, deque()).append(sent.payload)

    # ---------------------------------------------------------------- the record

    def play(self) -> None:
        for index, setup in enumerate(self.record["setup"]):
            if index not in self.setups:
                self._run(setup["code"], setup["args"])
        if self.role == "server":
            self.api.multiplayer_peer = self.server
        self.told.clear()
        for index, step in enumerate(self.record["steps"]):
            if index == self.until:
                return
            self.step, self.begins = index, True
            if index not in self.unheard:
                self._skip(step)
            for number, at in self.setups.items():
                if at == index:
                    setup, before = self.record["setup"][number], len(self.told)
                    self._run(setup["code"], setup["args"])
                    del self.told[before:]
            self._play_step(step)
        self._poll()

    def _begin_unheard(self, paths: tuple[str, ...]) -> None:
        """Do what the record does not have: paths are announced and confirmed."""
        if self.role != "server":
            for path in paths:
                self.path_id += 1
                assert self.peer is not None
                self.server.send_packet(WIRE.announce(self.path_id, path, ()), self.peer.own_id)
            self._poll()
            self.out.clear()
            return
        for _ in range(3):
            self._tick_unheard()

    def _tick_unheard(self) -> None:
        """Do a tick that the record lacks: it has the beginning of each step."""
        self._poll()
        for target, packets in self.out.items():
            for packet in packets:
                if packet[0] == 1 and target in self.others:
                    self.others[target].send_packet(b"\2\1" + packet[34:38], 1)
            packets.clear()

    def _skip(self, step: Any) -> None:
        """Do the ticks between the last step and this one, which the record lacks."""
        replicator = self.api._session.replicator
        assert replicator is not None
        first: dict[int, int] = {}
        for line in step["lines"]:
            message = line.get("message")
            if message and message["from"] == self.role and message["to"] in self.ids:
                packet, peer = message_bytes(message), self.ids[message["to"]]
                if self.role != "server" and packet[:2] == b"\7\3":
                    peer, packet = int.from_bytes(packet[2:6], "little"), packet[6:]
                if packet[0] == 6:
                    first.setdefault(peer, int.from_bytes(packet[1:3], "little"))
        gaps = [
            first[peer] - feed.time - 1 for peer, feed in replicator.feeds.items() if peer in first
        ]
        expected = [
            message_bytes(line["message"])
            for line in step["lines"]
            if line.get("message", {}).get("from") == self.role
        ]
        for _ in range(min(gaps, default=0) + min(self.delays[self.step], 0)):
            self._poll()
            new = [packet for packets in self.out.values() for packet in packets]
            if any(packet in expected for packet in new if packet[0] != 6):
                return
            for target, packets in self.out.items():
                for packet in packets:
                    if packet[0] == 1 and target in self.others:
                        self.others[target].send_packet(b"\2\1" + packet[34:38], 1)
                packets.clear()

    def _play_step(self, step: Any) -> None:
        if self.step in self.unheard:
            self._begin_unheard(self.unheard[self.step])
            self._skip(step)
        on = step["on"] or []
        codes = step.get("code") or []
        on, codes = ([on], [codes]) if isinstance(on, str) else (on, codes)
        self.delay = max(self.delays[self.step], 0)
        for name, code in zip(on, codes, strict=False):
            if name == self.role:
                self.code = partial(self._run, self._with_objects(code, step), step.get("args"))
        if not self.delay:
            self._run_code()
        for line in step["lines"]:
            if "message" in line:
                self._message(line["message"])
            elif "frame" in line:
                self._frame(line["frame"])
        self._run_code()
        if self.role != "server" and not self.out_comes():
            self._arrive()

    def _run_code(self) -> None:
        """Run the step's code, if it has not been run yet."""
        code, self.code = self.code, None
        if code is not None:
            code()

    def _go_on(self) -> None:
        """Do a tick, or run the step's code if that comes next."""
        if self.code is not None and not self.delay:
            self._run_code()
            return
        self.delay -= 1
        self._poll()

    def _with_objects(self, code: str, step: Any) -> str:
        """The code with what the engine sent for its objects: their numbers."""
        pattern = (
            r"(keep\.st\.any|keep\.st\.target) = (keep\.st(\.ready|\.get_node\('Body'\))?|"
            r"RefCounted\.new\(\)|load\(.*\)|Callable\(.*\))$"
        )
        found = re.search(pattern, code.strip())
        if found is None and "spawn(main)" not in code:
            return code
        for line in reversed(step["lines"]):
            if "message" not in line or line["message"]["from"] != "server":
                continue
            packet = WIRE.read(message_bytes(line["message"]))
            values: list[object] = []
            if isinstance(packet, Spawn) and packet.data is not None:
                values = [decode_compact_from(packet.data.buffer, packet.data.start)[0]]
            elif isinstance(packet, Sync | Delta):
                for _, _, (buffer, start, end, _count) in packet.elements:
                    while start < end:
                        value, start = decode_compact_from(buffer[:end], start)
                        values.append(value)
            for value in values:
                if type(value).__name__ in ("EncodedObjectAsID", "SignalRef", "CallableRef"):
                    self.keep["object"] = value
                    if found is None:
                        return code.replace("spawn(main)", "spawn(keep['object'])")
                    return f"{found[1]} = keep['object']"
        return code

    def _run(self, code: str, args: Any) -> None:
        if code.startswith("peer.create_client"):
            return
        if code.strip() == "multiplayer.multiplayer_peer.close()":
            self._close()
            return
        parsed = [_argument(each) for each in args] if isinstance(args, list) else args
        pauses = run(
            code,
            main=self.main,
            tree=self,
            keep=self.keep,
            Kit=self.kit,
            load=self.kit.load,
            multiplayer=self.api,
            str_to_var=lambda text: from_expression(text.replace("true", "True")),
            args=parsed,
        )
        try:
            while next(pauses, "over") != "over":
                self._poll()
        except MultiplayerError as error:
            self.told.append(("raised", (error.code.name,)))

    @property
    def root(self) -> Node | None:
        return self.api.root

    def _close(self) -> None:
        self.leaving = True
        if self.role == "server":
            self.server.close()
        elif self.peer is not None:
            self.peer.drop()
        self._poll()
        self.leaving = False

    # ---------------------------------------------------------------- lines

    def _message(self, message: dict[str, Any]) -> None:
        source, target = message["from"], message["to"]
        if message["decoded"].get("command") == "PEER_ID":
            self._join(target, message["decoded"]["id"])
            return
        packet = message_bytes(message)
        if source == self.role:
            self._want(self.ids[target], packet)
        elif target == self.role and self.peer is not None:
            other = self.server if source == "server" else self.others[self.ids[source]]
            # Engines take what has arrived by peer, not in order of arrival.
            self.incoming.setdefault(other.own_id, []).append((other, packet))
            self.leaving = packet[:2] == b"\7\2"
            if self.role != "server" and (self.leaving or not self.out_comes()):
                self._arrive()
            self.leaving = False

    def out_comes(self) -> bool:
        """Whether ours sends something at ticks, so that these are to be counted."""
        replicator = self.api._session.replicator
        assert replicator is not None
        return any(feed.visible for feed in replicator.feeds.values())

    def _join_first(self, peer_id: int) -> None:
        """Let a peer join whose id comes in the record after what others hear of it."""
        if peer_id in self.others:
            return
        for line in self.record["steps"][self.step]["lines"]:
            if line.get("message", {}).get("decoded", {}).get("id") == peer_id:
                self._join(line["message"]["to"], peer_id)
                return

    def _join(self, name: str, peer_id: int) -> None:
        self.ids[name] = peer_id
        if self.role == "server":
            if peer_id in self.others:
                return
            other = self.others[peer_id] = LoopbackPeer(self.network, peer_id)
            other.link()
            self._poll()
        elif name == self.role:
            self.peer = LoopbackPeer(self.network, peer_id)
            self.api.multiplayer_peer = self.peer
            self.out.clear()
            self.peer.link()

    def _frame(self, frame: dict[str, Any]) -> None:
        if frame["to"] != self.role or frame["from"] == self.role:
            return
        self.leaving = True
        if self.role == "server" and self.ids.get(frame["from"]) in self.others:
            self.others.pop(self.ids[frame["from"]]).drop()
            self.server.poll()
        elif self.role != "server" and self.peer is not None and frame["from"] == "server":
            self.peer.drop()
            self._arrive()
            self._arrive()
        self.leaving = False

    def _want(self, target: int, packet: bytes) -> None:
        if self.case.unlike is not None and packet.startswith(self.case.unlike):
            return
        if self.case.null:
            packet = packet.replace(_NULL_OBJECT, bytes(4))
        if is_empty(packet) or (packet == self.last.get(target) and _NAN in packet):
            return
        if packet[0] == 0x16:
            self.last[target] = packet
        if packet[:2] == b"\7\1" and self.role == "server":
            self._join_first(int.from_bytes(packet[2:6], "little"))
        inner = WIRE.read(packet) if packet[0] & 7 == 7 else None
        receiver = inner.peer if isinstance(inner, Relay) and self.role != "server" else target
        bare = inner.packet if isinstance(inner, Relay) and self.role != "server" else packet
        if len(bare) > 3 and bare[0] == 6:
            self._catch_up(target, receiver, int.from_bytes(bare[1:3], "little"))
        waiting = self.out.setdefault(target, deque())
        for _ in range(8):
            if waiting:
                break
            self._go_on()
        if not waiting:
            raise Mismatch(self.step, f"to {target} nothing, not {packet.hex()[:120]}")
        got = waiting.popleft()
        if self.begins and packet[0] == 0x16 and got[0] == 6:  # the record begins after it
            got = waiting.popleft() if waiting else got
        self.begins = False
        if got != packet:
            raise Mismatch(
                self.step, f"to {target}\n  {got.hex()[:120]}\n  {packet.hex()[:120]} in the record"
            )

    def _catch_up(self, target: int, receiver: int, time: int) -> None:
        """Do the ticks that the engine did without sending anything."""
        replicator = self.api._session.replicator
        assert replicator is not None
        feed = replicator.feeds.get(receiver)
        while feed is not None and not self.out.get(target) and feed.time + 1 < time:
            before = feed.time
            self._poll()
            if feed.time == before:
                return

    def _poll(self) -> None:
        self.ticks += 1
        self.network.time += 0.05
        incoming, self.incoming = self.incoming, {}
        for own_id in self.others if self.role == "server" else (1,):
            for other, packet in incoming.get(own_id, ()):
                other.send_packet(packet, self.peer.own_id if self.peer else 1)
        self.api.poll()

    def _arrive(self) -> None:
        """Let a client take what has come."""
        self._poll()

    # ---------------------------------------------------------------- events

    def expected(self) -> list[tuple[str, tuple[object, ...]]]:
        """What the record tells of this engine."""
        found: list[tuple[str, tuple[object, ...]]] = []
        for index, step in enumerate(self.record["steps"]):
            if index == self.until:
                break
            for line in step["lines"]:
                if "event" in line and line["event"]["at"] == self.role:
                    event = line["event"]
                    args = tuple(_told(text) for text in event["args"])
                    found.append((event["what"], args))
        return [each for each in found if each[0] in OURS and "/@" not in str(each[1][:1])]

    def events(self) -> list[tuple[str, tuple[object, ...]]]:
        """What ours has told."""
        return [each for each in self.told if each[0] in OURS]


class _Root(Node):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = Node.__hash__


def _argument(value: Any) -> Any:
    return value


def _told(text: str) -> object:
    try:
        return from_expression(text)
    except (LookupError, SyntaxError, NameError, TypeError):
        return text


Event = tuple[str, tuple[object, ...]]


def by_kind(events: list[Event]) -> dict[tuple[str, object], list[Event]]:
    """Events by what is certain of their order: those of the tree, and of each synchronizer."""
    found: dict[tuple[str, object], list[Event]] = {}
    for event in events:
        what, args = event
        of_one = what in ("synchronized", "delta_synchronized", "visibility_changed", "poke")
        found.setdefault((what, args[0]) if of_one else ("tree", 0), []).append(event)
    return found


def is_same(ours: Event, theirs: Event) -> bool:
    """Whether two events are the same; what the record has as mere text is not compared."""
    return ours[0] == theirs[0] and all(
        (isinstance(there, str) and not isinstance(here, str)) or same(_plain(here), _plain(there))
        for here, there in zip(ours[1], theirs[1], strict=True)
    )


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in sorted(value.items(), key=str)}
    if isinstance(value, EncodedObjectAsID):
        return None  # a property of type Node stays null
    return bytes(value) if isinstance(value, bytearray) else value


def differences(ours: list[Event], theirs: list[Event], ignored: tuple[str, ...]) -> list[str]:
    """What differs; states may be still on their way at the end."""
    here, there = by_kind(ours), by_kind(theirs)
    found: list[str] = []
    for key in {*here, *there}:
        if key[0] in ignored or f"{key[0]} {key[1]}" in ignored:
            continue
        mine, others = here.get(key, []), there.get(key, [])
        for index, (one, other) in enumerate(zip(mine, others, strict=False)):
            if not is_same(one, other):
                found.append(f"{key} {index}: {one} is {other} in the record")
                break
        most = 4 if key[0] == "synchronized" else 1 if key[0] == "delta_synchronized" else 0
        if abs(len(mine) - len(others)) > most:
            found.append(f"{key}: {len(mine)} times, {len(others)} in the record")
    return found
