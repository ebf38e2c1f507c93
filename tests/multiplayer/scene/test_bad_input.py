"""What a broken or hostile client sends: dropped, counted, told, logged once; the rest goes on."""

from __future__ import annotations

import logging

import pytest

from multiplayer import GODOT_3, GODOT_4_BETA, NATIVE, Limits, TransferMode
from multiplayer.codecs import MsgpackCodec
from multiplayer.wire.dialects.api_packets import Announce
from multiplayer.wire.dialects.choice import wire_of

from .loopback import Sent
from .refusals import Refused
from .worlds import GAME, A, B, Called, Kind, World, dialects, each_dialect


@pytest.fixture
def world(kind: Kind) -> World:
    return World(kind, A, B)


@pytest.fixture
def refused(world: World, caplog: pytest.LogCaptureFixture) -> Refused:
    return Refused(world, caplog)


def cut(packets: list[bytes]) -> list[bytes]:
    """The same with an argument that ends too early."""
    return [*packets[:-1], packets[-1][:-1]]


@each_dialect
def test_unknown_node(world: World, refused: Refused) -> None:
    announced_too = world.kind.dialect not in (NATIVE, GODOT_3)
    bad = world.forged("Main/Nobody", "any_one", [1])
    if announced_too:  # as in the engine the announcement is refused, and its number unknown
        refused("unknown_node", bad[:1])
        refused("unknown_number", bad[1:])
    else:
        refused("unknown_node", [*bad, bad[1], bad[1]], 3)
    if world.wire.confirms:
        refused("unknown_node", [world.wire.call("any_one", 0, [1]).by_path("Main/Nobody")] * 3, 3)


@each_dialect
def test_unknown_number(world: World, refused: Refused) -> None:
    call = world.wire.call("any_one", 0, [1])
    for number in (0, 77, 2**31 - 1):
        refused("unknown_number", [call.by_number(number, shortest=False)] * 2, 2)


@dialects(lambda kind: not wire_of(kind.dialect).assigns)
def test_what_may_have_overtaken_its_announcement(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.inject(A, 1, world.wire.call("any_one", 0, [1]).by_number(77, shortest=False))
    world.settle()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "an unreliable call overtakes the announcement" in said


@each_dialect
def test_one_who_was_understood_is_not_taken_for_another_dialect(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for packet in world.forged(GAME, "any_one", [1]):
        world.inject(A, 1, packet)
    world.inject(A, 1, world.wire.call("any_one", 0, [1]).by_number(77, shortest=False))
    world.settle()
    said = caplog.records[-1].getMessage()
    assert "77" in said
    assert "does it speak" not in said


@each_dialect
def test_unknown_method(world: World, refused: Refused) -> None:
    refused("unknown_method", [p for _ in range(3) for p in world.forged(GAME, "none", [1])], 3)


@dialects(lambda kind: wire_of(kind.dialect).methods_by != "name")
def test_unknown_number_of_a_method(world: World, refused: Refused) -> None:
    announce, _ = world.forged(GAME, "any_one")
    for number in (60, 255, 256, 0x7FFF, 0x8000, 0xFFFF):
        bad = world.wire.call("any_one", number, [1]).by_number(world._number, shortest=True)
        refused("unknown_method", [announce, bad])
        announce = b""
        announce = world.forged(GAME, "any_one")[0]


@each_dialect
@pytest.mark.parametrize("args", [[], [1, 2], [1] * 255])
def test_wrong_arity(world: World, refused: Refused, args: list[int]) -> None:
    refused("wrong_arity", world.forged(GAME, "any_one", args))


@dialects(lambda kind: kind.dialect == NATIVE)
def test_256_arguments(world: World, refused: Refused) -> None:
    announce, call = world.forged(GAME, "any_one", [])
    bad = call[:-1] + MsgpackCodec().encode([1] * 256)
    refused("undecodable_arguments", [announce, bad])


@each_dialect
def test_undecodable_argument(world: World, refused: Refused) -> None:
    refused("undecodable_arguments", cut(world.forged(GAME, "any_one", ["text"])))
    refused("undecodable_arguments", cut(world.forged(GAME, "any_two", [1, "text"])))


@each_dialect
def test_permission_is_checked_before_arguments_are_decoded(world: World, refused: Refused) -> None:
    refused("not_allowed", world.forged(GAME, "auth_one", [1]))
    refused("not_allowed", cut(world.forged(GAME, "auth_one", ["text"])))
    refused("not_allowed", world.forged(GAME, "auth_one", []))


@each_dialect
@pytest.mark.parametrize(
    "path",
    [
        "/root/Main/Game",
        "../root/Main/Game",
        "..",
        "Main/../Main/Game",
        "./Main/Game",
        "Main//Game",
        "/Main/Game",
        "Main/Game/",
        "Main/Game:name",
    ],
)
def test_paths_that_leave_the_root(world: World, refused: Refused, path: str) -> None:
    announce, call = world.forged(path, "any_one", [1])
    refused("improper_path", [announce])
    refused("unknown_number", [call])
    if world.wire.confirms:
        refused("improper_path", [world.wire.call("any_one", 0, [1]).by_path(path)])


@each_dialect
def test_a_number_has_one_meaning(world: World, refused: Refused) -> None:
    announce, call = world.forged(GAME, "any_one", [1])
    world.inject(A, 1, announce)
    world.settle()
    if world.kind.dialect == GODOT_3:  # overwritten, as in the engine
        number = world._number
        world.inject(A, 1, world.wire.announce(number, "Main/Nobody", []))
        refused("unknown_node", [call])
    else:
        refused("repeated_number", [announce, announce], 2)
        world.inject(A, 1, call)
        world.settle()
        assert world.took() == [Called(1, "any_one", (1,), A)]


@each_dialect
def test_no_packet_at_all(refused: Refused) -> None:
    refused("malformed", [b""] * 2, 2)


@each_dialect
def test_unknown_kinds(world: World, refused: Refused) -> None:
    others = {NATIVE: [31, 99, 255], GODOT_3: [5, 6, 255], GODOT_4_BETA: [4, 5, 6]}
    kinds = others.get(world.kind.dialect, [])
    for kind in kinds:
        refused("unsupported", [bytes((kind,)) + bytes(12)])


@dialects(lambda kind: kind.dialect.name == "GODOT_4_BETA")
def test_replication_is_not_taken_for_another_dialect(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """SPAWN and SYNC of an engine: it speaks as this API does."""
    for hexadecimal in ("0501000000", "060100020000000c00000005000000000020410000a041"):
        world.inject(A, 1, bytes.fromhex(hexadecimal))
    world.settle()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "a packet DESPAWN: replication is not supported yet" in said
    assert "does it speak" not in said


@each_dialect
def test_packets_that_end_too_early(world: World, refused: Refused) -> None:
    """At every length; what still is a packet does no harm."""
    wire, path = world.wire, "Main/Game"
    packets = [
        *world.forged(path, "any_two", ["first", ["second", 2.5]]),
        *world.forged(path, "auth_one", [1]),
        wire.raw(b"raw"),
    ]
    if wire.confirms:
        packets.append(wire.confirm(1, path, agrees=True))
        packets.append(wire.call("any_one", 0, ["text"]).by_path(path))
    if wire.assigns:
        packets.append(wire.assign("property", "value").by_path(path))
    if wire.authenticates:
        packets += [wire.authenticate(b"credentials"), wire.add_peer(9), wire.del_peer(9)]
        packets.append(wire.relay(B, packets[1]))
    if wire.forgets:
        packets.append(wire.forget([1]))
    if wire.responds:
        packets += [wire.response(1, [1]), wire.error_response(1, "KeyError", "text")]
    count = 0
    for packet in packets:
        for length in range(len(packet)):
            world.inject(A, 1, packet[:length])
            count += 1
    world.settle()
    assert sum(world.rejected().values()) > count // 2
    # A shorter call may be one: with fewer arguments, or a shorter path.
    assert all(call.at == 1 and call.sender == A for call in world.took())
    assert set(world.apis[1].get_peers()) == {A, B}
    refused.check_that_honest_calls_work()


@each_dialect
def test_a_listener_that_fails_keeps_nothing_from_being_done(world: World) -> None:
    def fail(peer: int, reason: str, detail: str) -> None:
        raise RuntimeError(reason)

    api = world.apis[1]
    api.invalid_packet.connect(fail)
    for packet in (b"", b"", *world.forged(GAME, "any_one", ["after"])):
        world.inject(A, 1, packet)
    with pytest.raises(ExceptionGroup) as caught:
        api.poll()
    assert [str(error) for error in caught.value.exceptions] == ["malformed", "malformed"]
    assert world.took() == [Called(1, "any_one", ("after",), A)]


@each_dialect
def test_packets_of_somebody_who_is_not_there(world: World) -> None:
    packet = world.forged(GAME, "any_one", [1])[1]
    sent = Sent(999, 1, TransferMode.TRANSFER_MODE_RELIABLE, 0, packet)
    world.network.deliver(sent, 1)
    world.settle()
    assert world.invalid == [(1, 999, "unknown_peer")]
    assert not world.calls


@each_dialect
@pytest.mark.parametrize("name", ["x" * 60_000, "a\nWARNING peer 9: \x1b[2K\u2028", "\r" * 60_000])
def test_names_of_peers_make_short_lines(
    world: World, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    details: list[str] = []
    world.apis[1].invalid_packet.connect(lambda _peer, _reason, detail: details.append(detail))
    for packet in (*world.forged(name, "any_one", [1]), *world.forged(GAME, name, [1])):
        world.inject(A, 1, packet)
    for packet in world.forged(f"{name}:", "any_one", [1]):
        world.inject(A, 1, packet)
    if world.wire.assigns:
        world.inject(A, 1, world.wire.assign(name, 1).by_path(GAME))
    world.settle()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) >= 2
    assert len(details) >= 3
    assert all(text.isprintable() for text in lines + details)
    # One that tells of a mismatch lists the names of our own methods, which is longer.
    assert all(len(text) <= 300 for text in lines + details if not text.startswith("the RPCs of"))


@each_dialect
def test_how_often_is_logged_when_the_peer_leaves(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        world.inject(A, 1, b"")
    with caplog.at_level(logging.INFO, "multiplayer"):
        world.settle()
        world.leave(A)
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "5 times" in line]
    assert len(lines) == 2


# ------------------------------------------------------------------ too many paths


@each_dialect
def test_10_000_announcements(world: World) -> None:
    server = world.peers[1]
    methods = ["any_one"]
    for number in range(1, 10_001):
        path = f"Main/N{number}" if world.kind.dialect in (NATIVE, GODOT_3) else GAME
        packet = world.wire.announce(number, path, methods)
        sent = Sent(A, 1, TransferMode.TRANSFER_MODE_RELIABLE, 0, packet)
        world.network.deliver(sent, 1)
    world.settle()
    assert server.expelled[0][0] == A
    assert "too many" in server.expelled[0][1]
    assert world.rejected()["too_many_paths"] >= 1
    assert A not in world.apis[1].get_peers()
    assert world.apis[1]._session.cache.paths._heard.get(A) is None
    assert world.do(B, 1, "any_one", 1) == [Called(1, "any_one", (1,), B)]


@dialects(lambda kind: kind.dialect in (NATIVE, GODOT_3))
def test_announcements_of_much_text(world: World) -> None:
    """Bounded by what they take, not only by how many they are."""
    if world.kind.dialect == GODOT_3:
        text = "x" * 60_000
        packets = [world.wire.announce(n, text + str(n), []) for n in range(1, 40)]
    else:
        packets = [world.wire.announce(n, "N", [""] * 60_000) for n in range(1, 40)]
    for packet in packets:
        world.inject(A, 1, packet)
    world.settle()
    assert [peer for peer, _ in world.peers[1].expelled][:1] == [A]


@each_dialect
def test_an_expulsion_does_not_depend_on_listeners(world: World) -> None:
    def fail(peer: int, reason: str, detail: str) -> None:
        raise RuntimeError(reason)

    world.apis[1].invalid_packet.connect(fail)
    limit = 40
    world.peers[1].limits = Limits(max_rpc_paths=limit)
    for number in range(1, limit + 2):
        path = f"N{number}" if world.kind.dialect in (NATIVE, GODOT_3) else GAME
        announce = Announce(number, path, None)
        world.apis[1]._session.cache.paths.hear(A, announce, most=limit, replace=False)
    world.inject(A, 1, world.wire.announce(limit + 1, GAME, ["any_one"]))
    with pytest.raises(RuntimeError):
        world.apis[1].poll()
    assert [peer for peer, _ in world.peers[1].expelled] == [A]
