"""Who sees what, by place and by group: the same as if everybody were asked about everything."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    Error,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
    Vector3,
    replicated,
    synchronizer_of,
)
from multiplayer.scene.methods.replicated_property import marks_of
from multiplayer.scene.replication.interest_distance import DistanceInterest
from multiplayer.scene.replication.interest_grid import GridInterest
from multiplayer.scene.replication.interest_groups import RoomInterest, TeamInterest

from .games import A, B, Game, Kind, each_kind
from .rig import SERVER, Player, Rig

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.replication.interest import Interest

PEERS = range(2, 12)
NAN = math.nan


class Synchronizer:
    """Keeps who sees it, as it learns that: filters are asked by ``update_visibility`` alone."""

    VISIBILITY_PROCESS_NONE = 2

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.visibility_update_mode = 0
        self.filters: list[Callable[[int], bool]] = []
        self.shown: set[int] = set(PEERS)
        self.asked = 0

    def add_visibility_filter(self, visible: Callable[[int], bool]) -> None:
        self.filters.append(visible)

    def remove_visibility_filter(self, visible: Callable[[int], bool]) -> None:
        self.filters.remove(visible)

    def update_visibility(self, for_peer: int = 0) -> None:
        for peer in PEERS if for_peer == 0 else [for_peer]:
            self.asked += 1
            if all(seen(peer) for seen in self.filters):
                self.shown.add(peer)
            else:
                self.shown.discard(peer)

    def __repr__(self) -> str:
        return self.name


def test_a_grid_shows_what_is_in_cells_around() -> None:
    grid = GridInterest(10, radius=1)
    tree = Synchronizer()
    grid.add(tree, Vector2(5, 5))
    assert tree.shown == set()
    assert tree.visibility_update_mode == Synchronizer.VISIBILITY_PROCESS_NONE
    grid.place_peer(2, Vector2(19.9, -9.9))
    grid.place_peer(3, Vector2(20, 5))
    assert tree.shown == {2}
    grid.move(tree, Vector2(10, 5))
    assert tree.shown == {2, 3}
    grid.place_peer(2, Vector2(-0.1, 5))
    assert tree.shown == {3}


def test_moving_within_a_cell_asks_nobody() -> None:
    grid = GridInterest(10)
    tree = Synchronizer()
    grid.add(tree, (5, 5))
    grid.place_peer(2, (5, 5))
    before = tree.asked
    for step in range(10):
        grid.move(tree, (step, 9.9))
        grid.place_peer(2, (9.9, step))
    assert tree.asked == before


def test_a_margin_keeps_what_walks_on_the_border() -> None:
    grid = GridInterest(10, radius=0, margin=1)
    tree = Synchronizer()
    grid.add(tree, (5, 5))
    grid.place_peer(2, (9, 5))
    before = tree.asked
    for x in (10.5, 9.5, 10.9, 9.1):
        grid.place_peer(2, (x, 5))
    assert (tree.asked, tree.shown) == (before, {2})
    grid.place_peer(2, (11.1, 5))
    assert tree.shown == set()
    grid.place_peer(2, (9.5, 5))
    assert tree.shown == set()


def test_distance_with_and_without_patience() -> None:
    interest = DistanceInterest(10, margin=2)
    tree = Synchronizer()
    interest.add(tree, (0, 0))
    for x, seen in ((11, False), (10, True), (12, True), (12.1, False), (11, False), (9, True)):
        interest.place_peer(2, (x, 0))
        assert (tree.shown == {2}) is seen
    interest.move(tree, (100, 0))
    assert tree.shown == set()


def test_three_dimensions() -> None:
    for interest in (GridInterest(10), DistanceInterest(10)):
        tree = Synchronizer()
        interest.add(tree, Vector3(0, 0, 0))
        interest.place_peer(2, Vector3(0, 0, 30))
        assert tree.shown == set()
        interest.place_peer(2, Vector3(0, 0, 9))
        assert tree.shown == {2}
        interest.place_peer(2, Vector2(0, 0))  # another number of dimensions is nowhere near
        assert tree.shown == set()


@pytest.mark.parametrize("nowhere", [(NAN, 0), (0, math.inf), (-math.inf, 0), ()])
def test_what_is_nowhere_is_not_seen_and_sees_nothing(nowhere: tuple[float, ...]) -> None:
    for interest in (GridInterest(10), DistanceInterest(10)):
        tree = Synchronizer()
        interest.add(tree, (0, 0))
        interest.place_peer(2, (0, 0))
        assert tree.shown == {2}
        interest.place_peer(2, nowhere)
        assert tree.shown == set()
        interest.place_peer(2, (0, 0))
        interest.move(tree, nowhere)
        assert tree.shown == set()
        interest.move(tree, (0, 0))
        assert tree.shown == {2}


def test_rooms() -> None:
    rooms = RoomInterest()
    lamp, nothing = Synchronizer(), Synchronizer()
    rooms.add(lamp, "hall")
    rooms.add(nothing)
    rooms.place_peer(2, "hall")
    rooms.place_peer(3, "attic")
    assert (lamp.shown, nothing.shown) == ({2}, set())
    rooms.move(lamp, "attic")
    assert lamp.shown == {3}
    rooms.place_peer(2, "attic")
    rooms.place_peer(3, None)
    assert lamp.shown == {2}
    rooms.move(lamp, None)
    assert lamp.shown == set()


def test_teams() -> None:
    teams = TeamInterest()
    ball, map_of_red = Synchronizer(), Synchronizer()
    teams.add(ball)
    teams.add(map_of_red, "red")
    teams.place_peer(2, "red")
    teams.place_peer(3, "blue")
    assert (ball.shown, map_of_red.shown) == (set(PEERS), {2})
    teams.move(ball, "blue")
    assert ball.shown == {3}
    teams.move(ball, None)
    assert ball.shown == set(PEERS)
    teams.remove_peer(2)
    assert map_of_red.shown == set()


def interests() -> list[tuple[str, Callable[[], Any], Callable[[random.Random], Any]]]:
    def place(rng: random.Random) -> Any:
        return (rng.uniform(-50, 50), rng.uniform(-50, 50)) if rng.random() > 0.05 else (NAN, 0)

    def group(rng: random.Random) -> Any:
        return rng.choice(["red", "blue", "green", None])

    return [
        ("grid", lambda: GridInterest(12, radius=1), place),
        ("grid with margin", lambda: GridInterest(12, radius=2, margin=3), place),
        ("distance", lambda: DistanceInterest(20), place),
        ("distance with margin", lambda: DistanceInterest(20, margin=5), place),
        ("rooms", RoomInterest, group),
        ("teams", TeamInterest, group),
    ]


@pytest.mark.parametrize(("name", "make", "where"), interests(), ids=[i[0] for i in interests()])
def test_random_moves_come_to_what_asking_all_comes_to(name: str, make: Any, where: Any) -> None:
    rng = random.Random(name)
    interest: Any = make()
    things = [Synchronizer(str(number)) for number in range(25)]
    places: dict[Any, Any] = {}
    for _ in range(2000):
        one: Any = rng.choice([*things, *PEERS])
        gone = rng.random() < 0.05
        if gone:
            places.pop(one, None)
        else:
            places[one] = where(rng)
        if isinstance(one, int):
            interest.remove_peer(one) if gone else interest.place_peer(one, places[one])
        else:
            interest.remove(one) if gone else interest.add(one, places[one])
        for thing in things:
            if thing not in places:
                assert thing.shown == set(PEERS)
                continue
            expected = {peer for peer in PEERS if interest.sees(peer, thing)}
            assert thing.shown == expected
            if "margin" in name or not name.startswith(("grid", "dist")):
                continue
            for peer in PEERS:
                at, other = places.get(peer, (NAN, 0)), places[thing]
                if name == "distance":
                    near = math.dist(at, other) <= 20
                else:
                    cells = zip(at, other, strict=True)
                    near = all(abs(a // 12 - b // 12) <= 1 for a, b in cells)
                assert (peer in thing.shown) is near
    for thing in things:
        interest.remove(thing)
    for peer in PEERS:
        interest.remove_peer(peer)
    kept = [value for value in vars(interest).values() if isinstance(value, dict)]
    kept += (
        [inner for value in vars(interest).values() for inner in vars(value).values()]
        if False
        else []
    )
    assert not any(kept)


def test_the_cost_is_of_changes() -> None:
    """100 peers and 2 000 nodes: who moves out of sight of nearly all costs next to nothing."""
    grid = GridInterest(10)
    things = [Synchronizer() for _ in range(2000)]
    for number, thing in enumerate(things):
        grid.add(thing, (number % 50 * 10, number // 50 * 10))
    for peer in range(2, 102):
        grid.place_peer(peer, (peer % 10 * 50, peer // 10 * 40))
    before = sum(thing.asked for thing in things)
    for number, thing in enumerate(things):
        grid.move(thing, (number % 50 * 10 + 5, number // 50 * 10 + 5))
    assert sum(thing.asked for thing in things) == before
    grid.place_peer(2, (25, 0))
    assert sum(thing.asked for thing in things) - before <= 18


def test_a_peer_that_leaves_the_session_is_forgotten() -> None:
    api = SceneMultiplayer()
    rooms = RoomInterest(api)
    lamp = Synchronizer()
    rooms.add(lamp, "hall")
    rooms.place_peer(2, "hall")
    api.peer_disconnected.emit(2)
    assert lamp.shown == set()
    assert not rooms._of_peers


@pytest.mark.parametrize("make", [GridInterest, DistanceInterest])
@pytest.mark.parametrize("size", [0, -1, NAN, math.inf, "10"])
def test_sizes_that_make_no_sense(make: Any, size: Any) -> None:
    with pytest.raises(MultiplayerError) as caught:
        make(size)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_misuse_says_what_to_do() -> None:
    rooms, grid = RoomInterest(), GridInterest(10)
    for call in (
        lambda: rooms.move(Synchronizer(), "hall"),
        lambda: grid.move(Synchronizer(), (1, 2)),
    ):
        with pytest.raises(MultiplayerError, match=r"add\(\) it") as caught:
            call()
        assert caught.value.code == Error.ERR_DOES_NOT_EXIST
    for peer in (0, -1, True, "2"):
        with pytest.raises(MultiplayerError):
            rooms.place_peer(peer, "hall")  # type: ignore[arg-type]
        with pytest.raises(MultiplayerError):
            grid.place_peer(peer, (1, 2))  # type: ignore[arg-type]


def test_an_interrupt_while_telling_is_made_up_for_with_the_next_change() -> None:
    class Interrupting(Synchronizer):
        interrupts = 1

        def update_visibility(self, for_peer: int = 0) -> None:
            if for_peer and self.interrupts:
                self.interrupts -= 1
                raise KeyboardInterrupt
            super().update_visibility(for_peer)

    rooms = RoomInterest()
    things = [Synchronizer(), Interrupting(), Synchronizer()]
    for thing in things:
        rooms.add(thing, "hall")
    with pytest.raises(KeyboardInterrupt):
        rooms.place_peer(2, "hall")
    rooms.place_peer(3, "hall")
    assert [thing.shown for thing in things] == [{2, 3}] * 3


def test_several_interests_must_all_agree() -> None:
    rooms: Interest = RoomInterest()
    teams = TeamInterest()
    assert isinstance(rooms, RoomInterest)
    lamp = Synchronizer()
    rooms.add(lamp, "hall")
    teams.add(lamp, "red")
    rooms.place_peer(2, "hall")
    rooms.place_peer(3, "hall")
    teams.place_peer(3, "red")
    teams.place_peer(4, "red")
    assert lamp.shown == {3}


class Sheep(Node):
    position = replicated(Vector2(0, 0))
    home = replicated(Vector2(50, 50))


@each_kind
def test_what_is_followed_moves_when_its_property_is_set(kind: Kind) -> None:
    """The whole way: over the wire, a node appears and vanishes."""

    def build(api: SceneMultiplayer) -> None:
        assert api.root is not None
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = ".."
        spawner.add_spawnable_scene("sheep", Sheep)
        api.root.add_child(spawner)

    game = Game(kind, build, A, B)
    grid = GridInterest(10, api=game.apis[1])
    root = game.apis[1].root
    assert root is not None
    dolly, shepherd = Sheep("Dolly"), Sheep("Shepherd")
    for each in (dolly, shepherd):
        root.add_child(each)
        grid.follow(each)
    grid.follow_peer(A, shepherd)
    grid.follow_peer(B, dolly, "home")

    def seen() -> list[tuple[bool, bool]]:
        grid.update()
        game.tick()
        return [(game.has(peer, "Dolly"), game.has(peer, "Shepherd")) for peer in (A, B)]

    assert seen() == [(True, True), (False, False)]
    dolly.position = Vector2(100, 0)
    assert seen() == [(False, True), (False, False)]
    shepherd.position = Vector2(95, 0)
    assert seen() == [(True, True), (False, False)]
    dolly.home = Vector2(95, 5)
    assert seen() == [(True, True), (True, True)]
    dolly.position = Vector2(96, 0)
    assert dict(grid._moved) == {synchronizer_of(dolly): None}
    grid.remove(synchronizer_of(dolly))
    assert seen() == [(True, True), (True, True)]
    dolly.position = Vector2(-500, 0)
    grid.remove_peer(A)
    assert seen() == [(True, False), (True, True)]
    assert len(marks_of(dolly).of("position")) == 1  # the synchronizer's own
    game.leave(B)
    assert not grid._views
    assert [*grid._followed] == [synchronizer_of(shepherd)]
    assert not game.rejected


@pytest.mark.parametrize("make", [GridInterest, DistanceInterest])
@pytest.mark.parametrize("peer_first", [False, True])
def test_who_jumps_far_away_goes_on_to_see_its_own_node(make: Any, peer_first: bool) -> None:
    """Whatever was followed first: it is not spawned anew, without what its client had set."""
    shown: list[bool] = []
    interest, shepherd = make(10), Sheep("Shepherd")
    follow = [
        lambda: interest.follow(shepherd),
        lambda: interest.follow_peer(2, shepherd),
    ]
    for each in reversed(follow) if peer_first else follow:
        each()
    synchronizer = synchronizer_of(shepherd)

    def look(for_peer: int = 0) -> None:
        shown.append(interest.sees(for_peer, synchronizer))

    synchronizer.update_visibility = look  # type: ignore[method-assign]
    shepherd.position = Vector2(500, 0)
    interest.update()
    assert interest.sees(2, synchronizer)
    assert shown
    assert all(shown)


class Walker(Sheep):
    """Its client walks; the server decides who sees it."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.seen_by = MultiplayerSynchronizer("SeenBy")
        self.seen_by.replication_config = SceneReplicationConfig()
        self.add_child(self.seen_by)

    def _enter_tree(self) -> None:
        self.set_multiplayer_authority(int(self.name))
        self.seen_by.set_multiplayer_authority(1)


@each_kind
def test_the_server_decides_who_sees_what_a_client_moves(kind: Kind) -> None:
    def build(api: SceneMultiplayer) -> None:
        assert api.root is not None
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = ".."
        spawner.add_spawnable_scene("walker", Walker)
        api.root.add_child(spawner)

    game = Game(kind, build, A, B)
    distance = DistanceInterest(10, api=game.apis[1])
    root = game.apis[1].root
    assert root is not None
    for peer in (A, B):
        walker = Walker(str(peer))
        distance.follow(walker, synchronizer=walker.seen_by)
        root.add_child(walker)
        distance.follow_peer(peer, walker)

    def seen() -> list[tuple[bool, bool]]:
        game.tick()
        distance.update()
        game.tick()
        return [(game.has(peer, str(A)), game.has(peer, str(B))) for peer in (A, B)]

    assert seen() == [(True, True)] * 2
    theirs = game.apis[A].root
    assert theirs is not None
    mine = theirs.get_node(str(A))
    assert isinstance(mine, Walker)
    mine.position = Vector2(500, 0)
    assert seen() == [(True, False), (False, True)]
    assert theirs.get_node(str(A)) is mine


def test_an_interest_refuses_what_another_peer_decides_on() -> None:
    root, sheep = Node("root"), Sheep("Sheep")
    SceneMultiplayer(root)
    sheep.set_multiplayer_authority(5)
    root.add_child(sheep)
    synchronizer = synchronizer_of(sheep)
    interests = GridInterest(10), DistanceInterest(10), TeamInterest()
    for interest, call in (
        (interests[0], lambda: interests[0].follow(sheep)),
        (interests[1], lambda: interests[1].add(synchronizer, (0, 0))),
        (interests[2], lambda: interests[2].add(synchronizer)),
    ):
        with pytest.raises(MultiplayerError, match="peer 5 is the authority") as caught:
            call()
        assert caught.value.code == Error.ERR_UNAUTHORIZED
        assert not interest.synchronizers
        assert len(marks_of(sheep).of("position")) <= 1  # the synchronizer's own


def test_what_is_not_declared_cannot_be_followed() -> None:
    grid = GridInterest(10)
    for call in (
        lambda: grid.follow(Sheep("S"), "colour"),
        lambda: grid.follow(Node("N")),
        lambda: grid.follow_peer(2, Node("N")),
    ):
        with pytest.raises(MultiplayerError, match=r"call move\(\)") as caught:
            call()
        assert caught.value.code == Error.ERR_INVALID_DECLARATION
    assert not grid.synchronizers


@pytest.mark.parametrize("value", [None, "abc", [1, "b"], {"x": 1}])
def test_what_is_no_position_is_nowhere(value: object) -> None:
    """Another peer may have set it, which must not end the loop of the game."""
    grid = GridInterest(10)
    wolf, sheep = Sheep("Wolf"), Sheep("Sheep")
    for each in (wolf, sheep):
        grid.follow(each)
    grid.place_peer(2, (0, 0))
    assert grid.sees(2, synchronizer_of(wolf))
    wolf.position, sheep.position = value, Vector2(5, 0)  # type: ignore[assignment]
    grid.update()
    assert not grid.sees(2, synchronizer_of(wolf))
    assert grid.sees(2, synchronizer_of(sheep))


def test_a_listener_that_raises_holds_up_no_other_synchronizer() -> None:
    rig = Rig(A)
    rooms = RoomInterest()
    players = [Player(name) for name in "PQ"]
    for player in players:
        rooms.add(player.sync, "room")
        rig.node(SERVER, "Home").add_child(player)

    def fail(peer: int) -> None:
        raise RuntimeError(peer)

    players[0].sync.visibility_changed.connect(fail)
    with pytest.raises(RuntimeError, match=str(A)):
        rooms.place_peer(A, "room")
    rooms.place_peer(A, "room")  # nothing waits any more
    rig.settle()
    assert [rig.node(A, f"Home/{name}") is not None for name in "PQ"] == [True, True]


@each_kind
def test_a_node_in_the_place_of_its_synchronizer_is_refused_and_harms_nobody(kind: Kind) -> None:
    game = Game(kind, lambda api: None, A)
    sheep, anything = Sheep("Dolly"), Sheep("Shaun")
    wrong: Any = anything
    for interest in (GridInterest(10), DistanceInterest(10), RoomInterest(), TeamInterest()):
        with pytest.raises(MultiplayerError, match=r"synchronizer_of\(node\)") as caught:
            interest.add(wrong, (0, 0))
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
        synchronizer = synchronizer_of(sheep)
        interest.add(synchronizer, (0, 0))
        interest.place_peer(A, (0, 0))
        assert interest.sees(A, synchronizer)
    game.tick()


@pytest.mark.parametrize("wrong", [3, None, "xy", (1, "y"), (1, None), (10**400, 0)])
@pytest.mark.parametrize("make", [GridInterest, DistanceInterest])
def test_what_is_no_position_is_refused_and_moves_nothing(make: Any, wrong: Any) -> None:
    interest, synchronizer = make(10), synchronizer_of(Sheep("Dolly"))
    interest.add(synchronizer, Vector2(1, 1))
    interest.place_peer(A, Vector2(2, 2))
    for call in (
        lambda: interest.move(synchronizer, wrong),
        lambda: interest.add(synchronizer_of(Sheep("Shaun")), wrong),
        lambda: interest.place_peer(A, wrong),
    ):
        with pytest.raises(MultiplayerError, match="a position is two or three numbers") as caught:
            call()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert interest.sees(A, synchronizer)
