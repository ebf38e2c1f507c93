"""``docs/reference.md`` against the code: neither can change without the other."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import multiplayer
import multiplayer.game
import multiplayer.testing
import peers
import peers.cluster
import peers.memory
import peers.metrics
import peers.testing
from multiplayer import (
    ApiStatistics,
    BoundRpc,
    DistanceInterest,
    GridInterest,
    Interest,
    MultiplayerAPI,
    MultiplayerPeer,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    OfflineMultiplayerPeer,
    PacketPeer,
    PeerGroup,
    PendingCall,
    Replicated,
    RoomInterest,
    RpcMethod,
    RpcMismatch,
    RsetProperty,
    SceneMultiplayer,
    SceneReplicationConfig,
    Signal,
    SpaceInterest,
    TeamInterest,
    replicated,
    rpc,
    rset,
    variant,
)
from multiplayer.api_hooks import ApiHooks
from multiplayer.misplaced import Misplaced
from multiplayer.support.internal import is_internal
from multiplayer.testing import strategies
from peers import (
    TLSOptions,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
)
from tests.programs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = ("peers.", "multiplayer.endpoint.", "multiplayer.session_")

TEXT = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


class Toy:
    """Has an RPC and a property."""

    @rpc("any_peer")
    def jump(self) -> None:
        """Jump."""
        raise AssertionError

    health = rset("puppet", default=100)


class Declared:
    health = replicated(100, mode="on_change")


EXAMPLES: dict[type, object] = {
    PacketPeer: OfflineMultiplayerPeer(),
    MultiplayerPeer: OfflineMultiplayerPeer(),
    WebSocketMultiplayerPeer: WebSocketMultiplayerPeer(),
    WebSocketClient: WebSocketClient(),
    WebSocketServer: WebSocketServer(),
    WebSocketPeer: WebSocketPeer(),
    OfflineMultiplayerPeer: OfflineMultiplayerPeer(),
    TLSOptions: TLSOptions.client(),
    MultiplayerAPI: SceneMultiplayer(),
    SceneMultiplayer: SceneMultiplayer(),
    Node: Node(),
    MultiplayerSpawner: MultiplayerSpawner(),
    MultiplayerSynchronizer: MultiplayerSynchronizer(),
    SceneReplicationConfig: SceneReplicationConfig(),
    BoundRpc: Toy().jump,
    RpcMethod: Toy.jump,
    RsetProperty: Toy.health,
    Replicated: Declared.health,
    Interest: GridInterest(1),
    SpaceInterest: GridInterest(1),
    GridInterest: GridInterest(1),
    DistanceInterest: DistanceInterest(1),
    RoomInterest: RoomInterest(),
    TeamInterest: TeamInterest(),
    PeerGroup: SceneMultiplayer().group("red"),
    PendingCall: PendingCall[int](1, "Game: add()", lambda: None),
    RpcMismatch: RpcMismatch(7, "Game", "", None, ()),
    ApiStatistics: ApiStatistics(),
}
"""Each class of the tables, and something that has the values that its attributes have at first."""

HOOKS = {name for name in (*vars(ApiHooks), *ApiHooks.__annotations__) if not name.startswith("_")}
"""What only an API calls is told in its source."""

CLASSES = {class_.__name__: class_ for class_ in EXAMPLES}

classes = pytest.mark.parametrize("class_", EXAMPLES, ids=lambda class_: class_.__name__)


class Row(NamedTuple):
    section: str
    godot: str
    era: str
    here: str
    differs: str


def tables() -> Iterator[tuple[str, list[str]]]:
    """Each line of each table, in cells, and the title above it."""
    title = ""
    for line in TEXT.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| Godot |", "| class |", "| name |")):
            yield title, [cell.strip() for cell in line.strip("|").split("|")]


ALONE = [cells for title, cells in tables() if title == "Members that are ours alone"]
OTHERS = [cells for title, cells in tables() if title == "Other names"]
ROWS = [
    Row(title, *cells)
    for title, cells in tables()
    if title not in ("Members that are ours alone", "Other names")
]


def code(cell: str) -> str:
    """What stands in a cell between back-ticks."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found, cell
    return found[1]


def name_of(spelling: str) -> str:
    found = re.match(r"(?:signal )?(\w+)", spelling)
    assert found, spelling
    return found[1]


def is_elsewhere(here: str) -> bool:
    """Whether it is another class's member, or not in a class at all."""
    return re.match(r"`\w+\.\w", here) is not None


def documented(class_: type) -> list[str]:
    """The spelling of each member that the tables give to a class."""
    rows = [code(row.here) for row in ROWS if row.section == class_.__name__ and is_here(row)]
    return rows + [code(here) for owner, here, _ in ALONE if owner == class_.__name__]


def is_here(row: Row) -> bool:
    return row.here not in ("not yet", "never") and not is_elsewhere(row.here)


# ---------------------------------------------------------------- what the code has


def value(default: object) -> str:
    return default.name if isinstance(default, Enum) else repr(default)


def parameters(function: Any) -> str:
    words: list[str] = []
    for parameter in [*inspect.signature(function).parameters.values()][1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        has_default = parameter.default is not parameter.empty
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        name = stars + parameter.name
        words.append(f"{name}={value(parameter.default)}" if has_default else name)
    return ", ".join(words)


def spelling(class_: type, name: str) -> str:
    """How the tables are to spell a member."""
    member = inspect.getattr_static(class_, name, None)
    if isinstance(member, Signal):
        return f"signal {name}({', '.join(member.names)})"
    if isinstance(member, classmethod):
        member = inspect.unwrap(member)
    if inspect.isfunction(member):
        return f"{name}({parameters(member)})"
    if isinstance(member, property) and member.fset is None:
        return name
    if name in getattr(class_, "_fields", ()):  # of a NamedTuple
        defaults: dict[str, object] = getattr(class_, "_field_defaults", {})
        return f"{name} = {value(defaults[name])}" if name in defaults else name
    at_first = getattr(EXAMPLES[class_], name)
    if isinstance(at_first, int) and name.isupper():
        return f"{name} = {int(at_first)}"
    plain = at_first is None or isinstance(at_first, (int, float, str, Enum))
    return f"{name} = {value(at_first)}" if plain else name


def own_members(class_: type) -> Iterator[str]:
    """The public names that a class defines, also those that ``__init__`` sets.

    Those of classes above it that have no table of their own count as its own.
    """
    for base in class_.__mro__:
        if base is ApiHooks:
            continue
        if base is not class_ and (base in EXAMPLES or not base.__module__.startswith(_OURS)):
            return
        yield from (
            name
            for name, member in vars(base).items()
            if not (name.startswith("_") or name in HOOKS or isinstance(member, Misplaced))
            and not is_internal(member)
        )
        if is_dataclass(base):
            names = [field.name for field in fields(base)]
            yield from (name for name in names if name not in vars(base) and name[0] != "_")
        if "__init__" in vars(base) and not is_dataclass(base):
            source = inspect.getsource(vars(base)["__init__"])
            found = re.findall(r"^\s+self\.([a-zA-Z]\w*)(?:: [^=\n]+)? = ", source, re.MULTILINE)
            yield from (name for name in found if name not in HOOKS)


def members(class_: type) -> list[str]:
    """The spelling of each member that a class adds to the classes above it, or changes."""
    above = [base for base in class_.__mro__[1:] if base in EXAMPLES]
    inherited = {spelling(base, name) for base in above for name in own_members(base)}
    own = {spelling(class_, name) for name in own_members(class_)}
    return [*own - inherited]


# ---------------------------------------------------------------- the tests


@classes
def test_every_member_stands_in_the_tables_once_as_it_is(class_: type) -> None:
    assert sorted(documented(class_)) == sorted(members(class_))


def test_what_is_not_yet_is_not_there() -> None:
    missing = [row for row in ROWS if row.here in ("not yet", "never")]
    assert {row.section for row in missing} >= {"WebSocketPeer"}
    for row in missing:
        if row.section in CLASSES:
            name = name_of(code(row.godot))
            assert not hasattr(EXAMPLES[CLASSES[row.section]], name), row
        else:
            assert not hasattr(multiplayer, row.section), row
            assert not hasattr(peers, row.section), row


def test_whole_classes_that_are_not_yet_are_not_there() -> None:
    _, _, rest = TEXT.partition("## Whole classes that are not there yet\n")
    names = re.findall(r"`(\w+)`", rest.partition("\n## ")[0])
    assert "MultiplayerAPIExtension" in names
    assert [name for name in names if hasattr(multiplayer, name) or hasattr(peers, name)] == []
    assert not hasattr(multiplayer, "MultiplayerPeerExtension")


def test_what_belongs_elsewhere_is_there() -> None:
    elsewhere = [row for row in ROWS if is_elsewhere(row.here)]
    assert len(elsewhere) > 5
    for row in elsewhere:
        owner, _, member = code(row.here).partition(".")
        if owner in CLASSES:
            spelled = spelling(CLASSES[owner], name_of(member)).removeprefix("signal ")
            assert member == (spelled if "(" in member else name_of(member)), row
            assert name_of(member) in map(name_of, documented(CLASSES[owner])), row
        else:
            enum = getattr(importlib.import_module(owner), member)
            assert issubclass(enum, Enum), row


def test_the_tables_are_well_formed() -> None:
    assert {row.section for row in ROWS} - {*CLASSES} == {"Enums"}
    assert {row.era for row in ROWS} == {"3", "4", "3, 4", "4.1", "4.4"}
    assert {owner for owner, _, _ in ALONE} <= {*CLASSES}
    for row in ROWS:
        if is_here(row):  # else it is another name that it has here
            assert name_of(code(row.here)) == name_of(code(row.godot)), row
    godot = [(row.section, code(row.godot)) for row in ROWS]
    assert len(godot) == len({*godot})


def test_every_exported_name_is_explained_once() -> None:
    others = [code(name) for name, _ in OTHERS]
    for name in others:
        module, _, member = name.rpartition(".")
        assert hasattr(importlib.import_module(module), member), name
    enums = [code(row.here) for row in ROWS if row.section == "Enums"]
    types = {f"multiplayer.{name}" for name in variant.__all__}
    classes = {f"{package}.{name}" for package in ("multiplayer", "peers") for name in CLASSES}
    exported = {f"multiplayer.{name}" for name in multiplayer.__all__}
    exported |= {f"peers.{name}" for name in peers.__all__}
    for_tests = {f"multiplayer.testing.{name}" for name in multiplayer.testing.__all__}
    for_tests |= {f"multiplayer.testing.strategies.{name}" for name in strategies.__all__}
    for_tests |= {f"peers.testing.{name}" for name in peers.testing.__all__}
    in_memory = {f"peers.memory.{name}" for name in peers.memory.__all__}
    in_clusters = {f"peers.cluster.{name}" for name in peers.cluster.__all__}
    measured = {f"peers.metrics.{name}" for name in peers.metrics.__all__}
    of_games = {f"multiplayer.game.{name}" for name in multiplayer.game.__all__}
    assert sorted([*others, *enums]) == sorted(
        {*(exported - types - classes), *in_memory, *for_tests, *of_games, *in_clusters, *measured}
    )


def test_every_name_in_the_text_is_a_member_or_godots() -> None:
    """The sentences name members too: those with parentheses must be there."""
    known = {name_of(here) for class_ in EXAMPLES for here in documented(class_)}
    named = re.findall(r"`(\w+)\(\)`", "".join(row.differs for row in ROWS))
    named += re.findall(r"`(\w+)\(\)`", "".join(cells[2] for cells in ALONE))
    assert named
    assert {*named} <= known


SIGNATURES = TEXT.partition("\n## Under trio and asyncio\n")[2].partition("```\n")[0]


@pytest.mark.parametrize(
    "name",
    [
        "serve",
        "connect",
        "run",
        "reply",
        "fired",
        "emissions",
        "testing.connected_pair",
        "testing.connected_session",
    ],
)
def test_a_signature_is_the_real_one(name: str) -> None:
    module, _, last = f"peers.{name}".rpartition(".")
    real = inspect.signature(getattr(importlib.import_module(module), last))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in real.parameters.values()]
    assert f"peers.{name}{inspect.Signature(bare)}" in SIGNATURES


def test_the_fields_of_an_upgrade_request_are_listed() -> None:
    section = TEXT.partition("\n## Under trio and asyncio\n")[2].partition("\n## ")[0]
    listed = section.partition("An `upgrade_callback` sees")[2]
    members = {field.name for field in fields(peers.UpgradeRequest)}
    assert members | {"path", "query"} <= set(re.findall(r"`(\w+)`", listed))
    assert "`header(name)`" in listed
