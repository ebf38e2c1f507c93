"""Godot 3's modes, for rpc and rset: each cell of the table that its engine was observed to obey.

Who may call, what runs on the caller's own side, and what is not sent at all. A node's authority is
its "master"; here it is the server or the client A.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from multiplayer import GODOT_3, Error, Node, SceneMultiplayer, rpc
from multiplayer.scene import RsetProperty, rset

from .worlds import A, B, GameMethods, Kind, World, error_of

SERVER = 1
START = "untouched"


class Row(NamedTuple):
    """One mode.

    Attributes:
        accepts: whether a call from the network is taken, by (receiver is the authority, sender is
            the authority).
        local: whether it runs on the caller's own side, by whether that is the authority.
        sent: whether it leaves, by whether the caller is the authority.
    """

    accepts: dict[tuple[bool, bool], bool]
    local: dict[bool, bool]
    sent: dict[bool, bool]


def row(accepts: str, local: str, sent: str) -> Row:
    """Make a row of three words.

    Args:
        accepts: "all", "authority" (only that takes calls) or "others" (take the authority's).
        local: "no", "yes", "authority" or "others".
        sent: "all", or "others" than the authority.
    """
    pairs = [(at, by) for at in (True, False) for by in (True, False)]
    taken = {
        "all": lambda at, by: True,
        "authority": lambda at, by: at,
        "others": lambda at, by: by and not at,
    }[accepts]
    runs = {
        "no": lambda own: False,
        "yes": lambda own: True,
        "authority": lambda own: own,
        "others": lambda own: not own,
    }[local]
    leaves = {"all": lambda own: True, "others": lambda own: not own}[sent]
    both = (True, False)
    return Row(
        {pair: taken(*pair) for pair in pairs},
        {own: runs(own) for own in both},
        {own: leaves(own) for own in both},
    )


ROWS = {
    "remote": row("all", "no", "all"),
    "remotesync": row("all", "yes", "all"),
    "master": row("authority", "authority", "others"),
    "mastersync": row("authority", "yes", "others"),
    "puppet": row("others", "others", "all"),
    "puppetsync": row("others", "yes", "all"),
}


class Modes(GameMethods):
    @rpc("remote")
    def f_remote(self, x: object) -> None:
        self.took("remote", x)

    @rpc("remotesync")
    def f_remotesync(self, x: object) -> None:
        self.took("remotesync", x)

    @rpc("master")
    def f_master(self, x: object) -> None:
        self.took("master", x)

    @rpc("mastersync")
    def f_mastersync(self, x: object) -> None:
        self.took("mastersync", x)

    @rpc("puppet")
    def f_puppet(self, x: object) -> None:
        self.took("puppet", x)

    @rpc("puppetsync")
    def f_puppetsync(self, x: object) -> None:
        self.took("puppetsync", x)

    v_remote = rset("remote", default=START)
    v_remotesync = rset("remotesync", default=START)
    v_master = rset("master", default=START)
    v_mastersync = rset("mastersync", default=START)
    v_puppet = rset("puppet", default=START)
    v_puppetsync = rset("puppetsync", default=START)
    v_local = START


class ModesNode(Modes, Node):
    pass


PATH = "Main/Modes"


@pytest.fixture(params=[True, False], ids=["node", "object"])
def world(request: pytest.FixtureRequest) -> World:
    made_world = World(Kind(GODOT_3, gd_mp=True, nodes=request.param), A, B)
    for peer in (SERVER, A, B):
        made: Modes = ModesNode("Modes") if request.param else Modes()
        made.world, made.own_id = made_world, peer
        made_world.place(peer, PATH, made=made)
    return made_world


def set_authority(world: World, authority: int) -> None:
    for peer in (SERVER, A, B):
        made = world.game(peer, PATH)
        if isinstance(made, Node):
            made.set_multiplayer_authority(authority)
        else:
            world.apis[peer].set_multiplayer_authority(made, authority)


def expected(mode: str, authority: int, sender: int, to: int) -> list[int]:
    """Where it takes effect."""
    cells, own = ROWS[mode], sender == authority
    where = [sender] if to in (0, sender) or (to < 0 and to != -sender) else []
    where = where if cells.local[own] else []
    if cells.sent[own]:
        for peer in (SERVER, A, B):
            addressed = peer == to or (to <= 0 and peer != -to)
            if peer != sender and addressed and cells.accepts[peer == authority, own]:
                where.append(peer)
    return sorted(where)


every_cell = pytest.mark.parametrize(
    ("mode", "authority", "sender", "to"),
    [
        (mode, authority, sender, to)
        for mode in ROWS
        for authority in (SERVER, A)
        for sender in (SERVER, A, B)
        for to in (0, SERVER, A, B, -SERVER, -B)
        if to != sender
    ],
)


@every_cell
def test_rpc(world: World, mode: str, authority: int, sender: int, to: int) -> None:
    set_authority(world, authority)
    world.network.log.clear()
    world.call(sender, to, f"f_{mode}", 5, path=PATH)
    calls = [sent for sent in world.network.log if sent.payload[0] == 0]
    assert bool(calls) is ROWS[mode].sent[sender == authority]
    world.settle()
    ran = world.took()
    assert [call.at for call in ran] == expected(mode, authority, sender, to)
    assert {call.sender for call in ran} <= {sender}
    assert {line[2].value for line in world.invalid} <= {"not_allowed"}


@every_cell
def test_rset(world: World, mode: str, authority: int, sender: int, to: int) -> None:
    set_authority(world, authority)
    world.network.log.clear()
    world.apis[sender].rset(to, world.game(sender, PATH), f"v_{mode}", [mode, 5])
    sets = [sent for sent in world.network.log if sent.payload[0] == 1]
    assert bool(sets) is ROWS[mode].sent[sender == authority]
    world.settle()
    values: dict[int, Any] = {
        peer: getattr(world.game(peer, PATH), f"v_{mode}") for peer in (SERVER, A, B)
    }
    where = expected(mode, authority, sender, to)
    assert values == {peer: [mode, 5] if peer in where else START for peer in values}


@pytest.mark.parametrize("mode", ROWS)
@pytest.mark.parametrize("authority", [SERVER, A])
@pytest.mark.parametrize("sender", [SERVER, A, B])
def test_to_oneself(world: World, mode: str, authority: int, sender: int) -> None:
    set_authority(world, authority)
    made = world.game(sender, PATH)
    world.network.log.clear()
    if ROWS[mode].local[sender == authority]:
        world.call(sender, sender, f"f_{mode}", 1, path=PATH)
        world.apis[sender].rset(sender, made, f"v_{mode}", 2)
        assert [call.at for call in world.took()] == [sender]
        assert getattr(made, f"v_{mode}") == 2
    else:
        error = error_of(getattr(made, f"f_{mode}").rpc_id, sender, 1)
        assert error.code == Error.ERR_INVALID_PARAMETER
        error = error_of(world.apis[sender].rset, sender, made, f"v_{mode}", 2)
        assert error.code == Error.ERR_INVALID_PARAMETER
        assert getattr(made, f"v_{mode}") == START
    assert not world.network.log


def test_disabled_is_never_taken(world: World) -> None:
    world.inject(A, SERVER, world.wire.assign("v_local", 1).by_path(PATH))
    world.inject(A, SERVER, world.wire.call("undeclared", 0, [1]).by_path(PATH))
    world.settle()
    assert world.invalid == [(SERVER, A, "unknown_method")] * 2
    assert world.game(SERVER, PATH).v_local == START  # type: ignore[attr-defined]
    assert not world.calls


def test_permission_to_set_is_checked_before_the_value_is_decoded(world: World) -> None:
    for name, reason in (("v_puppet", "not_allowed"), ("v_remote", "undecodable_arguments")):
        packet = world.wire.assign(name, "text").by_number(7, shortest=True)[:-2]
        world.inject(A, SERVER, world.wire.announce(7, PATH, []))
        world.inject(A, SERVER, packet)
        world.settle()
        assert world.invalid == [(SERVER, A, reason)]
        world.invalid.clear()
    assert world.game(SERVER, PATH).v_remote == START  # type: ignore[attr-defined]


def test_setting_it_here_is_not_sent(world: World) -> None:
    world.network.log.clear()
    made = world.game(A, PATH)
    made.v_remotesync = 3  # type: ignore[attr-defined]
    assert made.v_remotesync == 3  # type: ignore[attr-defined]
    assert not world.network.log
    assert isinstance(Modes.v_remote, RsetProperty)


def test_a_class_with_slots_alone_has_no_such_properties() -> None:
    class Slotted:
        __slots__ = ()
        value = rset("remote", default=0)

    error = error_of(SceneMultiplayer(None, GODOT_3).add, "S", Slotted())
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "__slots__" in error.message


def test_a_property_can_be_overridden() -> None:
    class Base:
        value = rset("remote", default=0)
        gone = rset("remote", default=0)

    class Below(Base):
        value = rset("puppet", default=5)
        gone = 3

    made = Below()
    api = SceneMultiplayer(None, GODOT_3)
    api.add("Below", made)
    assert made.value == 5
    api.rset(0, made, "value", 6)  # puppet: not on the authority
    assert made.value == 5
    assert error_of(api.rset, 0, made, "gone", 1).code == Error.ERR_INVALID_PARAMETER


@pytest.mark.parametrize("mode", ROWS)
def test_a_call_is_made_out_anew_when_the_authority_has_changed(world: World, mode: str) -> None:
    """Calls are repeated from notes of the one before; these must not depend on the authority."""
    for _ in range(2):
        for authority in (SERVER, A, B):
            set_authority(world, authority)
            for _ in range(3):
                world.call(A, 0, f"f_{mode}", 5, path=PATH)
                world.settle()
                assert [call.at for call in world.took()] == expected(mode, authority, A, 0)
