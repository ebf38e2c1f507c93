"""``validate=True``: what an annotation lets through, and what becomes of the rest."""

from __future__ import annotations

import logging
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    NATIVE,
    Color,
    Error,
    MultiplayerError,
    Node,
    NodePath,
    PackedInt32Array,
    Reason,
    RemoteError,
    SceneMultiplayer,
    Vector2,
    Vector2i,
    Vector3,
    rpc,
)

from .gathering import PATH, Gathering
from .loopback import LoopbackPeer, Network

if TYPE_CHECKING:
    from collections.abc import Callable


class Side(Enum):
    LEFT = "left"
    RIGHT = "right"


class Level(IntEnum):
    EASY = 1
    HARD = 2


class Mood(StrEnum):
    CALM = "calm"


class Spot(Enum):
    HERE = (1, 2)
    THERE = Vector2(3, 4)


class Rights(Flag):
    READ = 1
    WRITE = 4


class Bits(IntFlag):
    LOW = 1
    HIGH = 2


def taker(annotation: object) -> type:
    """A class whose method takes one argument, with that annotation."""

    def take(self: Any, value: object) -> None:
        self.taken.append(value)

    take.__annotations__ = {"value": annotation, "return": None}

    class Taker:
        def __init__(self) -> None:
            self.taken: list[object] = []

    Taker.take = rpc("any_peer")(take)  # type: ignore[attr-defined]
    Taker.take.__set_name__(Taker, "take")  # type: ignore[attr-defined]
    return Taker


FITTING: list[tuple[object, object]] = [
    (int, 5),
    (int, -(2**63)),
    (float, 0.5),
    (float, 5),
    (str, "x"),
    (bytes, b"x"),
    (bool, True),
    (None, None),
    (Any, [1, "x"]),
    (object, {"x": None}),
    (list, [1, "x"]),
    (list[int], []),
    (list[int], [1, 2]),
    (list[list[str]], [["a"], []]),
    (dict, {1: "x"}),
    (dict[str, float], {"x": 0.5, "y": 1}),
    (dict[str, list[int | None]], {"x": [1, None]}),
    (Literal["a", 1], "a"),
    (Literal["a", 1], 1),
    (Literal[None], None),  # noqa: PYI061
    (int | None, None),
    (int | None, 5),
    (Optional[str], "x"),  # noqa: UP045 - spelled the old way on purpose
    (Union[int, str], "x"),  # noqa: UP007
    (int | list[str] | Vector2, Vector2(1, 2)),
    (Vector2, Vector2(1, 2)),
    (Vector2i, Vector2i(1, 2)),
    (Color, Color(1, 0, 0, 1)),
    (NodePath, NodePath("a/b")),
    (PackedInt32Array, PackedInt32Array([1, 2])),
    ("int | None", 7),
]

UNFIT: list[tuple[object, object, str]] = [
    (int, 5.0, "value must be int, not float"),
    (int, True, "value must be int, not bool"),
    (int, "5", "value must be int, not str"),
    (int, None, "value must be int, not NoneType"),
    (float, "0.5", "value must be float, not str"),
    (float, True, "value must be float, not bool"),
    (str, b"x", "value must be str, not bytes"),
    (bytes, "x", "value must be bytes, not str"),
    (bool, 1, "value must be bool, not int"),
    (None, 0, "value must be None, not int"),
    (list[int], [1, "x"], "value must be list[int], not list of int, str"),
    (list[int], {}, "value must be list[int], not dict"),
    (list[list[str]], [["a"], [1]], "value must be list[list[str]], not list of list"),
    (dict[str, float], {"x": "y"}, "value must be dict[str, float], not dict"),
    (dict[str, float], {1: 1.0}, "value must be dict[str, float], not dict"),
    (dict[str, float], [], "value must be dict[str, float], not empty list"),
    (Literal["a", 1], "b", "value must be Literal['a', 1], not str"),
    (Literal["a", 1], True, "value must be Literal['a', 1], not bool"),
    (Literal["a", 1], 1.0, "value must be Literal['a', 1], not float"),
    (Side, "up", "value must be Side, not str"),
    (Side, 1, "value must be Side, not int"),
    (Level, 3, "value must be Level, not int"),
    (Level, True, "value must be Level, not bool"),
    (Literal[Side.LEFT], "right", "value must be Literal[<Side.LEFT: 'left'>], not str"),
    (Literal[Level.EASY], True, "value must be Literal[<Level.EASY: 1>], not bool"),
    (Rights, 2, "value must be Rights, not int"),
    (Rights, 8, "value must be Rights, not int"),
    (Rights, -1, "value must be Rights, not int"),
    (Rights, True, "value must be Rights, not bool"),
    (Rights, 1.0, "value must be Rights, not float"),
    (Bits, 4, "value must be Bits, not int"),
    (int | None, "x", "value must be int | None, not str"),
    (Optional[int], 0.5, "value must be Optional[int], not float"),  # noqa: UP045
    (Vector2, Vector2i(1, 2), "value must be Vector2, not Vector2i"),
    (Vector2, [1, 2], "value must be Vector2, not list of int"),
    (Vector3, Vector2(1, 2), "value must be Vector3, not Vector2"),
    (Color, "red", "value must be Color, not str"),
]


def gather(annotation: object) -> Gathering[Any]:
    return Gathering(taker(annotation), taker(Any), validate=True)


@pytest.mark.parametrize(("annotation", "value"), FITTING, ids=str)
def test_what_fits_reaches_the_method_as_it_is(annotation: object, value: object) -> None:
    gathering = gather(annotation)
    gathering.games[2].take.rpc_id(1, value)
    gathering.settle()
    (taken,) = gathering.games[1].taken
    assert taken == value
    assert gathering.rejected[1] == []


@pytest.mark.parametrize(("annotation", "value", "told"), UNFIT, ids=str)
def test_what_does_not_fit_is_dropped_and_told(
    annotation: object, value: object, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    gathering = gather(annotation)
    gathering.games[2].take.rpc_id(1, value)
    gathering.settle()
    detail = f"{PATH}: take(): {told}"
    assert gathering.games[1].taken == []
    assert gathering.rejected[1] == [(2, Reason.WRONG_TYPE, detail)]
    statistics = gathering.apis[1].statistics
    assert statistics.rejected == {Reason.WRONG_TYPE: 1}
    assert statistics.calls_received == 0
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.WARNING,
        f"peer 2: {Reason.WRONG_TYPE}: {detail} (further ones are counted)",
    )


@pytest.mark.parametrize(
    ("annotation", "value", "member"),
    [
        (Side, "left", Side.LEFT),
        (Level, 2, Level.HARD),
        (Level | None, 1, Level.EASY),
        (list[Side], ["left", "right"], [Side.LEFT, Side.RIGHT]),
        (dict[Side, Level], {"left": 1}, {Side.LEFT: Level.EASY}),
        (Literal[Side.LEFT], "left", Side.LEFT),
        (Literal[Level.EASY], 1, Level.EASY),
        (Spot, [1, 2], Spot.HERE),
        (Spot, Vector2(3, 4), Spot.THERE),
        (Rights, 4, Rights.WRITE),
        (Rights, 5, Rights.READ | Rights.WRITE),
        (Rights, 0, Rights(0)),
        (Bits, 3, Bits.LOW | Bits.HIGH),
    ],
    ids=str,
)
def test_an_enums_value_becomes_its_member(
    annotation: object, value: object, member: object
) -> None:
    gathering = gather(annotation)
    gathering.games[2].take.rpc_id(1, value)
    gathering.settle()
    (taken,) = gathering.games[1].taken
    assert taken == member
    if isinstance(member, Enum):
        assert taken is member


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize(
    ("dialect", "relays"), [(NATIVE, True), (NATIVE, False), (GODOT_3, True), (GODOT_4, False)]
)
def test_members_are_sent_by_value(dialect: Any, relays: bool, validate: bool) -> None:
    members: list[object] = [Side.LEFT, Level.HARD, Mood.CALM, Spot.THERE, Rights(5), Bits.LOW]
    plain: list[object] = ["left", 2, "calm", Vector2(3, 4), 5, 1]
    for member, value in zip(members, plain, strict=True):
        maker = taker(type(member))
        gathering = Gathering(maker, maker, dialect=dialect, relays=relays, validate=validate)
        gathering.games[2].take.rpc_id(1, member)
        gathering.settle()
        (taken,) = gathering.games[1].taken
        assert taken == (member if validate else value)
        assert type(taken) is type(member if validate else value)
    gathering = Gathering(taker(Any), taker(Any), dialect=dialect, relays=relays)
    gathering.games[2].take.rpc_id(1, [members, {Side.LEFT: Spot.THERE}])
    gathering.settle()
    assert gathering.games[1].taken == [[plain, {"left": Vector2(3, 4)}]]


def test_without_validate_nothing_is_checked_and_it_can_be_switched() -> None:
    gathering = gather(int)
    api = gathering.apis[1]
    for validate in (False, True):
        api.validate = validate
        gathering.games[2].take.rpc_id(1, "text")
        gathering.settle()
    assert gathering.games[1].taken == ["text"]
    assert gathering.reasons(1) == [Reason.WRONG_TYPE]
    assert SceneMultiplayer().validate is False


def test_a_local_call_is_the_programs_own_business() -> None:
    class Game:
        def __init__(self) -> None:
            self.taken: list[object] = []

        @rpc("any_peer", "call_local")
        def take(self, value: int) -> None:
            self.taken.append(value)

    gathering = Gathering(Game, Game, validate=True)
    gathering.games[2].take.rpc("text")  # type: ignore[arg-type]
    gathering.settle()
    assert gathering.games[2].taken == ["text"]
    assert gathering.games[1].taken == []


class Several:
    def __init__(self) -> None:
        self.taken: list[tuple[object, ...]] = []

    @rpc("any_peer")
    def some(self, name: str, count: int = 3, /, *rest: float, flag: bool = False) -> None:
        self.taken.append((name, count, *rest))

    @rpc("any_peer")
    def free(self, first, second: int, *rest) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002
        self.taken.append((first, second, *rest))


@pytest.mark.parametrize(
    ("method", "arguments", "wrong"),
    [
        ("some", ("x",), None),
        ("some", ("x", 1), None),
        ("some", ("x", 1, 0.5, 2), None),
        ("some", ("x", "y"), "count must be int, not str"),
        ("some", ("x", 1, 0.5, "z"), "rest must be float, not str"),
        ("free", ([], 1, "x", None), None),
        ("free", ([], "x"), "second must be int, not str"),
    ],
)
def test_defaults_and_rests(method: str, arguments: tuple[object, ...], wrong: str | None) -> None:
    gathering = Gathering(Several, Several, validate=True)
    gathering.apis[2].rpc(1, gathering.games[2], method, arguments)
    gathering.settle()
    taken = gathering.games[1].taken
    if wrong is None:
        count = (3,) if arguments == ("x",) else ()
        assert taken == [(*arguments, *count)]
        assert gathering.rejected[1] == []
    else:
        assert taken == []
        assert gathering.rejected[1] == [(2, Reason.WRONG_TYPE, f"{PATH}: {method}(): {wrong}")]


def test_who_asks_with_a_wrong_type_is_told() -> None:
    gathering = Gathering(Several, Several, validate=True)
    call = gathering.apis[2].call_id(1, gathering.games[2], "some", [5])
    gathering.settle()
    with pytest.raises(RemoteError) as caught:
        call.result()
    assert caught.value.args == (
        Reason.WRONG_TYPE,
        f"{PATH}: some(): name must be str, not int",
    )


@pytest.mark.parametrize(("dialect", "relays"), [(GODOT_3, True), (GODOT_4, False)])
def test_other_dialects_are_checked_too(dialect: Any, relays: bool) -> None:
    gathering = Gathering(Several, Several, dialect=dialect, relays=relays, validate=True)
    for arguments in (["x", 1], [7, 1]):
        gathering.apis[2].rpc(1, gathering.games[2], "some", arguments)
        gathering.settle()
    assert gathering.games[1].taken == [("x", 1)]
    assert gathering.reasons(1) == [Reason.WRONG_TYPE]


def test_nodes_are_named_by_their_path() -> None:
    class Player(Node):
        @rpc("any_peer")
        def move(self, to: Vector2) -> None:
            raise AssertionError

    network = Network(relays=True)
    players: list[Player] = []
    told: list[tuple[object, ...]] = []
    apis: list[SceneMultiplayer] = []
    for peer_id in (1, 2):
        root = Node("root")
        player = Player("Ada")
        root.add_child(player)
        api = SceneMultiplayer(root, validate=True)
        api.multiplayer_peer = LoopbackPeer(network, peer_id)
        players.append(player)
        apis.append(api)
    network.peers[2].link()
    apis[0].invalid_packet.connect(lambda *what: told.append(what))
    apis[1].rpc(1, players[1], "move", [[1, 2]])
    apis[0].poll()
    detail = "Ada: move(): to must be Vector2, not list of int"
    assert told == [(2, Reason.WRONG_TYPE, detail)]


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ("NoSuchName", "an annotation cannot be resolved: name 'NoSuchName' is not defined"),
        (
            set[int],
            "value: set[int] is not a type that can be checked; see the list in docs/rpc.md",
        ),
        (
            tuple[int, int],
            "value: tuple[int, int] is not a type that can be checked; see the list in docs/rpc.md",
        ),
        (Several, "value: Several is not a type that can be checked; see the list in docs/rpc.md"),
        (
            list[set[int]],
            "value: set[int] is not a type that can be checked; see the list in docs/rpc.md",
        ),
    ],
)
def test_an_annotation_that_cannot_be_checked_is_an_error_when_it_is_switched_on(
    annotation: object, told: str
) -> None:
    gathering = Gathering(taker(annotation), taker(Any), validate=False)
    api = gathering.apis[1]
    for _ in range(2):  # every time, until it is mended
        with pytest.raises(MultiplayerError) as caught:
            api.validate = True
        assert caught.value.code == Error.ERR_INVALID_DECLARATION
        assert caught.value.message.endswith(told)
        assert "take" in caught.value.message
        assert api.validate is False
    gathering.games[2].take.rpc_id(1, 5)
    gathering.settle()
    assert gathering.games[1].taken == [5]


def test_one_that_slips_through_is_dropped_and_told() -> None:
    gathering = Gathering(taker(set[int]), taker(Any), validate=False)
    gathering.apis[1]._settings.validate = True  # by no way that looks at the annotations
    for _ in range(2):
        gathering.games[2].take.rpc_id(1, 5)
        gathering.settle()  # raises nothing
    assert gathering.games[1].taken == []
    assert gathering.reasons(1) == [Reason.UNCHECKABLE] * 2
    assert "set[int] is not a type that can be checked" in gathering.rejected[1][0][2]


class OddNode(Node):
    @rpc("any_peer")
    def take(self, value: set[int]) -> None: ...

    def plain(self, value: set[int]) -> None: ...


class PlainNode(Node):
    def plain(self, value: set[int]) -> None: ...


def test_a_node_with_an_annotation_that_cannot_be_checked_does_not_come_into_the_tree() -> None:
    def refused(action: Callable[[], object]) -> None:
        with pytest.raises(MultiplayerError) as caught:
            action()
        assert caught.value.code == Error.ERR_INVALID_DECLARATION

    odd, branch, root = OddNode("Odd"), Node("Branch"), Node("root")
    branch.add_child(odd)  # in no tree of an API yet
    refused(lambda: SceneMultiplayer(branch, validate=True))
    api = SceneMultiplayer(root, validate=True)
    refused(lambda: root.add_child(branch))
    assert root.children == []
    assert branch.parent is None
    refused(lambda: setattr(api, "root", branch))
    assert api.root is root
    with pytest.raises(MultiplayerError):
        _ = branch.multiplayer
    api.validate = False
    root.add_child(branch)
    refused(lambda: setattr(api, "validate", True))
    branch.remove_child(odd)
    api.validate = True

    plain = PlainNode("Plain")
    root.add_child(plain)
    refused(lambda: plain.rpc_config("plain", {}))
    assert plain.get_rpc_table().names == ()
    api.validate = False
    plain.rpc_config("plain", {})
    assert plain.get_rpc_table().names == ("plain",)


def test_an_object_with_an_annotation_that_cannot_be_checked_is_not_added() -> None:
    class Odd:
        @rpc("any_peer")
        def take(self, value: set[int]) -> None: ...

    api = SceneMultiplayer(validate=True)
    with pytest.raises(MultiplayerError) as caught:
        api.add("Main/Odd", Odd())
    assert caught.value.code == Error.ERR_INVALID_DECLARATION
    api.validate = False
    api.add("Main/Odd", Odd())
