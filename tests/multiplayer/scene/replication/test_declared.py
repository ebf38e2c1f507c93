"""Properties declared with ``replicated()`` are the same at all peers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4_BETA,
    Dialect,
    Error,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    Replicated,
    SceneMultiplayer,
    SceneReplicationConfig,
    TransferMode,
    Vector2,
    replicated,
    rpc,
    synchronizer_of,
)
from multiplayer.scene.methods.replicated_property import marks_of
from multiplayer.scene.replication import applying
from multiplayer.testing import Sent
from multiplayer.wire.dialects.native import NativeWire
from multiplayer.wire.dialects.replication_packets import PATH_ID

from .games import A, B, C, Game, Kind, each_kind, each_native

if TYPE_CHECKING:
    from collections.abc import Iterator


class Player(Node):
    position = replicated(Vector2(0, 0))
    health = replicated(100, mode="on_change")
    bag = replicated(default_factory=list[Any], mode="on_change")
    team = replicated("red", mode="never")

    owner = 1

    def _enter_tree(self) -> None:
        self.set_multiplayer_authority(self.owner)


class Ball:
    speed = replicated(0.0)
    goals = replicated(0, mode="on_change")


class Whistle:
    loud = replicated(False, mode="on_change")

    @rpc("any_peer")
    def blow(self) -> None:
        self.loud = True


class Owned(Player):
    """A player that is in the hands of the client after whom it is named."""

    def _enter_tree(self) -> None:
        self.owner = int(self.name)
        super()._enter_tree()


def with_player(api: SceneMultiplayer) -> None:
    assert api.root is not None
    api.root.add_child(Player("Ada"))


def with_objects(api: SceneMultiplayer) -> None:
    api.add("Main/Ball", Ball())
    api.add("Whistle", Whistle())


def with_spawner(api: SceneMultiplayer) -> None:
    assert api.root is not None
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("player", Player)
    spawner.add_spawnable_scene("owned", Owned)
    api.root.add_child(spawner)


def state(player: Any) -> tuple[object, ...]:
    return player.position, player.health, player.bag, player.team


@each_kind
def test_what_the_server_sets_is_at_all_clients(kind: Kind) -> None:
    game = Game(kind, with_player, A, B)
    ada: Any = game.at(1, "Ada")
    ada.position = Vector2(3, 4)
    ada.health -= 30
    ada.bag.append("rope")
    ada.team = "blue"
    game.tick()
    for client in (A, B):
        assert state(game.at(client, "Ada")) == (Vector2(3, 4), 70, ["rope"], "red")
    ada.bag[0] = "torch"
    game.tick()
    assert state(game.at(A, "Ada"))[2] == ["torch"]
    assert not game.rejected


@each_kind
def test_a_late_joiner_has_all_of_it(kind: Kind) -> None:
    game = Game(kind, with_player)
    ada: Any = game.at(1, "Ada")
    ada.position, ada.health = Vector2(3, 4), 5
    game.tick()
    game.join(A)
    assert state(game.at(A, "Ada"))[:2] == (Vector2(3, 4), 5)


@each_kind
def test_what_a_client_sets_of_what_is_not_its_own_stays_there(kind: Kind) -> None:
    game = Game(kind, with_player, A, B)
    seen: Any = game.at(A, "Ada")
    seen.health = 1
    game.tick()
    assert [state(game.at(peer, "Ada"))[1] for peer in (1, A, B)] == [100, 1, 100]
    ada: Any = game.at(1, "Ada")
    ada.health = 60
    game.tick()
    assert [state(game.at(peer, "Ada"))[1] for peer in (1, A, B)] == [60, 60, 60]


@each_kind
def test_objects_that_were_added(kind: Kind) -> None:
    game = Game(kind, lambda api: None, A, B)
    balls: dict[int, Ball] = {}
    for peer, api in game.apis.items():
        balls[peer] = Ball()
        api.add("Main/Ball", balls[peer])
    balls[1].speed, balls[1].goals = 2.5, 1
    game.tick(5)
    assert [(balls[peer].speed, balls[peer].goals) for peer in (A, B)] == [(2.5, 1)] * 2
    for peer, api in game.apis.items():
        api.set_multiplayer_authority(balls[peer], A)
    game.tick()
    balls[A].goals = 2
    game.tick(6)
    assert [balls[peer].goals for peer in (1, B)] == [2, 2]
    game.apis[1].remove("Main/Ball")
    balls[A].goals = 3
    game.tick()
    assert [balls[peer].goals for peer in (1, B)] == [2, 3]
    game.apis[1].add("Main/Ball", balls[1], A)
    balls[A].goals = 4
    game.tick(6)
    assert [balls[peer].goals for peer in (1, B)] == [4, 4]


@each_kind
def test_an_object_with_rpcs_as_well(kind: Kind) -> None:
    game = Game(kind, lambda api: None, A)
    whistles: dict[int, Whistle] = {}
    for peer, api in game.apis.items():
        whistles[peer] = Whistle()
        api.add("Whistle", whistles[peer])
    whistles[A].blow.rpc_id(1)
    game.tick(6)
    assert whistles[1].loud
    assert whistles[A].loud


@each_kind
def test_a_spawned_node_begins_with_what_it_had(kind: Kind) -> None:
    game = Game(kind, with_spawner, A)
    ada = Player("Ada")
    ada.position, ada.bag, ada.team = Vector2(1, 2), ["rope"], "blue"
    root = game.apis[1].root
    assert root is not None
    seen: list[tuple[object, ...]] = []
    spawner = game.at(A, "Spawner")
    assert isinstance(spawner, MultiplayerSpawner)
    spawner.spawned.connect(lambda node: seen.append(state(node)))
    root.add_child(ada)
    game.tick()
    assert seen == [(Vector2(1, 2), 100, ["rope"], "blue")]
    game.join(B)
    assert state(game.at(B, "Ada")) == seen[0]
    root.remove_child(ada)
    game.tick()
    assert not game.has(A, "Ada")
    assert not game.rejected


@each_kind
def test_a_player_in_the_hands_of_a_client(kind: Kind) -> None:
    game = Game(kind, with_spawner, A, B)
    root = game.apis[1].root
    assert root is not None
    root.add_child(Owned(str(A)))
    game.tick(5)
    mine: Any = game.at(A, str(A))
    mine.position, mine.health = Vector2(5, 6), 50
    game.tick(6)
    for peer in (1, B):
        assert state(game.at(peer, str(A)))[:2] == (Vector2(5, 6), 50)
    assert not game.rejected


def test_a_node_gets_its_synchronizer_when_it_enters_a_tree() -> None:
    ada = Player("Ada")
    assert not ada.children
    branch, root = Node("Branch"), Node("root")
    branch.add_child(ada)
    root.add_child(branch)
    assert not ada.children
    SceneMultiplayer(root)
    assert [child.name for child in ada.children] == ["MultiplayerSynchronizer"]
    made = synchronizer_of(ada)
    assert made is ada.children[0]
    config = made.replication_config
    assert config is not None
    assert [*map(str, config.get_properties())] == [
        ".:position", ".:health", ".:bag", ".:team",
    ]  # fmt: skip
    branch.remove_child(ada)
    branch.add_child(ada)
    assert synchronizer_of(ada) is made


def test_a_synchronizer_can_be_had_before() -> None:
    ada, ball = Player("Ada"), Ball()
    made, other = synchronizer_of(ada), synchronizer_of(ball)
    made.public_visibility = False
    api = SceneMultiplayer(Node("root"))
    assert api.root is not None
    api.root.add_child(ada)
    api.add("Ball", ball)
    assert (synchronizer_of(ada), synchronizer_of(ball)) == (made, other)
    assert not made.public_visibility


def test_a_synchronizer_of_ones_own_is_taken() -> None:
    ada, own, config = Player("Ada"), MultiplayerSynchronizer(), SceneReplicationConfig()
    own.replication_config = config
    ada.add_child(own)
    assert synchronizer_of(ada) is own
    assert own.replication_config is config
    bob, other = Player("Bob"), MultiplayerSynchronizer()
    bob.add_child(other)
    assert synchronizer_of(bob) is other
    assert other.replication_config is not None


def test_another_child_of_that_name_is_refused() -> None:
    ada, root = Player("Ada"), Node("root")
    SceneMultiplayer(root)
    ada.add_child(Node("MultiplayerSynchronizer"))
    with pytest.raises(MultiplayerError, match="call it something else") as caught:
        root.add_child(ada)
    assert caught.value.code == Error.ERR_ALREADY_EXISTS
    assert not root.children


@pytest.mark.parametrize("thing", [Node("Plain"), object()])
def test_what_declares_nothing_has_no_synchronizer(thing: object) -> None:
    with pytest.raises(MultiplayerError, match="declares no property") as caught:
        synchronizer_of(thing)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


@pytest.mark.parametrize("dialect", [GODOT_3, GODOT_4_BETA])
def test_dialects_without_replication_say_so(dialect: Dialect) -> None:
    root = Node("root")
    api = SceneMultiplayer(root, dialect)
    for attempt in (
        lambda: root.add_child(Player("Ada")),
        lambda: api.add("Ball", Ball()),
        lambda: setattr(api, "root", Player("Ada")),
    ):
        with pytest.raises(MultiplayerError, match="has no packets") as caught:
            attempt()
        assert caught.value.code == Error.ERR_UNAVAILABLE
    assert not root.children
    assert api.root is root
    with pytest.raises(MultiplayerError):
        api.remove("Ball")


class Mixin:
    parent = replicated("")


@pytest.mark.parametrize(
    ("bases", "members"),
    [
        ((Node,), {"ready": replicated(False)}),
        ((Node,), {"name": replicated("")}),
        ((Mixin, Node), {}),
    ],
)
def test_a_property_must_not_hide_what_a_node_has(
    bases: tuple[type, ...], members: dict[str, object]
) -> None:
    with pytest.raises(MultiplayerError, match="what every node has by that name") as caught:
        type("Hiding", bases, members)
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


def test_more_than_64_properties_sent_on_change_are_refused() -> None:
    names = {f"p{number}": replicated(0, mode="on_change") for number in range(65)}
    crowded = type("Crowded", (Node,), dict(names))
    for number, declared in enumerate(names.values()):
        declared.__set_name__(crowded, f"p{number}")
    root = Node("root")
    SceneMultiplayer(root)
    with pytest.raises(MultiplayerError, match="Crowded: 64") as caught:
        root.add_child(crowded("C"))
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


def test_an_object_without_a_dict_is_refused() -> None:
    class Slotted:
        __slots__ = ()
        speed = replicated(1.0)

    with pytest.raises(MultiplayerError, match="__dict__") as caught:
        SceneMultiplayer().add("Ball", Slotted())
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_copy_of_a_node_has_a_synchronizer_of_its_own() -> None:
    root = Node("root")
    SceneMultiplayer(root)
    ada = Player("Ada")
    root.add_child(ada)
    ada.health = 5
    bob = copy.deepcopy(ada)
    bob.name = "Bob"
    root.add_child(bob)
    assert bob.health == 5
    assert synchronizer_of(bob) is not synchronizer_of(ada)
    assert synchronizer_of(bob).parent is bob


def test_a_copy_of_an_added_object_can_be_added_as_well() -> None:
    api, ball = SceneMultiplayer(), Ball()
    api.add("Ball", ball)
    for number, way in enumerate((copy.copy, copy.deepcopy)):
        other = way(ball)
        assert synchronizer_of(other) is not synchronizer_of(ball)
        assert synchronizer_of(other).root_object() is other
        api.add(f"Ball{number}", other)


class Chest(Node):
    things = replicated(default_factory=list[Any], mode="on_change")
    prices = replicated(default_factory=dict[Any, Any], mode="on_change")


def with_chest(api: SceneMultiplayer) -> None:
    assert api.root is not None
    api.root.add_child(Chest("Chest"))


@each_kind
def test_of_long_lists_and_dictionaries_what_has_changed_is_sent(kind: Kind) -> None:
    game = Game(kind, with_chest, A, B)
    chest, seen = (game.at(peer, "Chest") for peer in (1, A))
    assert isinstance(chest, Chest)
    assert isinstance(seen, Chest)
    chest.things = [f"thing {number}" for number in range(600)]
    chest.prices = {f"thing {number}": number for number in range(600)}
    game.tick()
    assert (seen.things, seen.prices) == (chest.things, chest.prices)
    game.packets()
    rounds = 20
    for number in range(rounds):
        chest.things.append(number)
        del chest.things[number * 7]
        chest.prices[number] = number
        del chest.prices[f"thing {number}"]
        seen.things.clear()  # what the game there does is its own affair
        game.tick(2)
        assert (seen.things, seen.prices) == (chest.things, chest.prices)
    sent = sum(map(len, game.packets())) / rounds / 2
    if kind.dialect is Dialect.NATIVE:
        assert sent < 150
    else:
        assert sent > 10_000
    late: Any = game.join(C).root
    assert late.get_node("Chest").things == chest.things
    assert not game.rejected


@each_native
def test_one_that_was_made_anew_asks_for_what_changes_are_about(kind: Kind) -> None:
    game = Game(kind, with_chest, A, B)
    chest: Any = game.at(1, "Chest")
    chest.things = list(range(100))
    game.tick()
    root = game.apis[A].root
    assert root is not None
    root.remove_child(game.at(A, "Chest"))
    root.add_child(Chest("Chest"))
    game.tick()
    game.packets()
    chest.things.append(100)
    game.tick(5)
    for client in (A, B):
        assert game.at(client, "Chest").things == chest.things  # type: ignore[attr-defined]
    resends = [packet for packet in game.packets() if packet[0] == 16]
    assert len(resends) == 1
    chest.things.append(101)
    game.tick(5)
    assert game.at(A, "Chest").things == chest.things  # type: ignore[attr-defined]
    assert not game.rejected


@each_native
def test_what_was_skipped_makes_no_later_change_wrong(kind: Kind) -> None:
    game = Game(kind, with_chest, A)
    chest: Any = game.at(1, "Chest")
    seen = game.at(A, "Chest")
    chest.things = list(range(100))
    game.tick()
    seen.set_multiplayer_authority(A)  # too early: the server still speaks for it
    chest.things[5] = "five"
    game.tick()
    seen.set_multiplayer_authority(1)
    chest.things[50] = "fifty"
    game.tick(5)
    assert seen.things == chest.things  # type: ignore[attr-defined]


@each_kind
def test_with_validate_a_value_of_another_type_never_arrives(kind: Kind) -> None:
    game = Game(kind, with_player, A, validate=True)
    ada, seen = (game.at(peer, "Ada") for peer in (1, A))
    assert isinstance(ada, Player)
    assert isinstance(seen, Player)
    ada.position = "nowhere"  # type: ignore[assignment]
    ada.health = 5
    game.tick()
    assert (seen.position, seen.health) == (Vector2(0, 0), 5)
    ada.health = 5.5  # type: ignore[assignment]
    ada.bag = ["rope"]
    ada.position = Vector2(1, 1)
    game.tick()
    assert (seen.position, seen.health, seen.bag) == (Vector2(1, 1), 5, ["rope"])
    words = {(reason, detail.partition(": ")[2]) for _, _, reason, detail in game.rejected}
    assert words == {
        ("wrong_type", ".:position: the value must be Vector2, not str"),
        ("wrong_type", ".:health: the value must be int, not float"),
    }


@each_kind
def test_without_validate_it_does(kind: Kind) -> None:
    game = Game(kind, with_player, A)
    ada: Any = game.at(1, "Ada")
    ada.health = "well"
    game.tick()
    assert game.at(A, "Ada").health == "well"  # type: ignore[attr-defined]
    ((at, sender, reason, words),) = game.rejected
    assert (at, sender, reason) == (A, 1, "wrong_type")
    assert ".:health: the value must be int, not str (it was set" in words
    assert "the same properties, in the same order?" in words


def test_with_validate_a_type_that_cannot_be_checked_is_refused_when_it_is_added() -> None:
    class Strange(Node):
        thing: Replicated[Nowhere] = replicated(None)  # type: ignore[name-defined] # noqa: F821

    api = SceneMultiplayer(Node("root"), validate=True)
    assert api.root is not None
    with pytest.raises(MultiplayerError, match="Nowhere") as caught:
        api.root.add_child(Strange("S"))
    assert caught.value.code == Error.ERR_INVALID_DECLARATION


def states_written(game: Game) -> list[Any]:
    """The values that the server encodes from now on."""
    wire: Any = game.apis[1]._session._state.wire.replication
    seen: list[Any] = []
    write = type(wire).state

    def state(values: Any) -> bytes:
        seen.append(tuple(values))
        return write(wire, values)

    vars(wire)["state"] = state
    return seen


@pytest.fixture(autouse=True)
def whole_wires() -> Iterator[None]:
    """NATIVE's wire is one for all."""
    yield
    vars(NativeWire.replication).pop("state", None)


@each_kind
def test_what_nobody_has_set_is_not_encoded_again(kind: Kind) -> None:
    game = Game(kind, with_player, A, B)
    written = states_written(game)
    game.tick(5)
    assert not written
    ada: Any = game.at(1, "Ada")
    ada.position = Vector2(1, 1)
    game.tick(5)
    assert written == [(Vector2(1, 1),)]
    assert game.at(B, "Ada").position == Vector2(1, 1)  # type: ignore[attr-defined]


@each_kind
def test_of_one_that_left_the_tree_nothing_is_marked(kind: Kind) -> None:
    game = Game(kind, with_player, A)
    ada: Any = game.at(1, "Ada")
    root = game.apis[1].root
    assert root is not None
    assert len(marks_of(ada).of("health")) == 1
    root.remove_child(ada)
    assert not marks_of(ada).of("health")
    root.add_child(ada)
    ada.health = 6
    game.tick(5)
    assert game.at(A, "Ada").health == 6  # type: ignore[attr-defined]
    assert len(marks_of(ada).of("health")) == 1


@each_kind
def test_a_list_that_is_always_sent_and_changed_in_place(kind: Kind) -> None:
    class Snake(Node):
        tail = replicated(default_factory=list[int])

    def with_snake(api: SceneMultiplayer) -> None:
        assert api.root is not None
        api.root.add_child(Snake("Snake"))

    game = Game(kind, with_snake, A)
    snake: Any = game.at(1, "Snake")
    for number in range(3):
        snake.tail.append(number)
        game.tick(2)
    assert game.at(A, "Snake").tail == [0, 1, 2]  # type: ignore[attr-defined]


@each_native
def test_what_all_see_leaves_in_one_packet(kind: Kind) -> None:
    game = Game(kind, with_player, A, B)
    game.tick(5)
    game.network.log.clear()
    game.apis[1].poll()
    sent = [(each.target, each.mode) for each in game.network.log]
    if kind.gd_mp:
        assert sent == [(0, TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED)]
    synchronizer_of(game.at(1, "Ada")).set_visibility_for(A, True)
    synchronizer_of(game.at(1, "Ada")).public_visibility = False
    game.tick(3)
    game.network.log.clear()
    game.apis[1].poll()
    assert [each.target for each in game.network.log] == [A]


@each_native
def test_changes_of_elements_with_any_byte_changed_do_no_harm(kind: Kind) -> None:
    game = Game(kind, with_chest, A)
    for peer in (1, A):
        game.at(peer, "Chest").set_multiplayer_authority(A)
    mine: Any = game.at(A, "Chest")
    mine.things = list(range(40))
    mine.prices = {number: number for number in range(40)}
    game.tick(5)
    game.packets()
    mine.things[5], mine.prices[5] = "five", "five"
    game.tick(3)
    (delta,) = [packet for packet in game.packets() if packet[0] == 15]
    assert game.at(1, "Chest").things == mine.things  # type: ignore[attr-defined]
    for at in range(1, len(delta)):
        for changed in (0, 1, 0x7F, 0x90, 0xDD, 0xFF):
            packet = bytes([*delta[:at], changed, *delta[at + 1 :]])
            reliable = TransferMode.TRANSFER_MODE_RELIABLE
            game.network.deliver(Sent(A, 1, reliable, 0, packet), 1)
            game.network.deliver(Sent(A, 1, reliable, 0, packet[:at]), 1)
        game.tick(1)
    mine.things, mine.prices = [1, 2], {"a": 1}
    game.tick(5)
    there: Any = game.at(1, "Chest")
    assert (there.things, there.prices) == (mine.things, mine.prices)
    mine.things = list(range(50))
    game.tick(3)
    mine.things.append(50)
    game.tick(5)
    assert there.things == mine.things


@each_native
def test_what_a_stranger_sends_has_nobody_asked_for_more(kind: Kind) -> None:
    game = Game(kind, with_chest, A)
    chest: Any = game.at(1, "Chest")
    chest.things = list(range(100))
    game.tick(5)
    source = next(iter(game.apis[A]._session.tracking.sources.values()))
    replicator = game.apis[A]._session.replicator
    assert replicator is not None
    place = game.apis[1]._session.objects.places.of(synchronizer_of(chest))
    number = game.apis[1]._session.cache.paths.id_of(place.path) | PATH_ID
    source.synchronizer._authority = B  # as if another peer were it
    wire: Any = NativeWire.replication
    packet = wire.delta(wire.delta_element(number, 1, wire.delta_state([[1]])))
    game.apis[1].multiplayer_peer.send_packet(packet, A)
    game.tick(2)
    assert [reason.value for _, _, reason, _ in game.rejected] == ["not_allowed"]
    source.synchronizer._authority = 1
    game.packets()
    chest.things.append(100)
    game.tick(5)
    assert game.at(A, "Chest").things == chest.things  # type: ignore[attr-defined]
    assert not [packet for packet in game.packets() if packet[0] == 16]


@each_native
def test_what_is_missing_is_asked_for_once_there_is_room(kind: Kind) -> None:
    game = Game(kind, with_chest, A)
    chest: Any = game.at(1, "Chest")
    chest.things = list(range(100))
    game.tick(5)
    root = game.apis[A].root
    assert root is not None
    root.remove_child(game.at(A, "Chest"))
    root.add_child(Chest("Chest"))
    game.tick()
    game.peers[A].max_packet_size = 4096
    game.peers[A].get_backlog = lambda peer: 4096  # type: ignore[method-assign]
    chest.things.append(100)
    game.tick(5)
    assert game.at(A, "Chest").things == []  # type: ignore[attr-defined]
    game.peers[A].get_backlog = lambda peer: 0  # type: ignore[method-assign]
    game.tick(5)
    assert game.at(A, "Chest").things == chest.things  # type: ignore[attr-defined]


@each_native
def test_asking_again_and_again_costs_one_state_a_tick(kind: Kind) -> None:
    game = Game(kind, with_chest, A)
    chest: Any = game.at(1, "Chest")
    chest.things = list(range(1000))
    game.tick(5)
    ids = [source.number for source in game.apis[1]._session.tracking.sources.values()]
    place = game.apis[1]._session.objects.places.of(synchronizer_of(chest))
    number = game.apis[1]._session.cache.paths.id_of(place.path) | PATH_ID
    wire: Any = NativeWire.replication
    game.packets()
    packet = wire.resend([number, *ids, *range(9000)])
    for _ in range(50):
        game.network.deliver(Sent(A, 1, TransferMode.TRANSFER_MODE_RELIABLE, 0, packet), 1)
    game.apis[1].poll()
    game.tick(3)
    whole = [packet for packet in game.packets() if len(packet) > 1000]
    assert len(whole) == 1
    assert not game.rejected


@each_native
def test_many_small_changes_of_a_long_list_do_not_cost_a_copy_each(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "MOST_COPIED", 500)
    game = Game(kind, with_chest, A)
    chest: Any = game.at(1, "Chest")
    chest.things = list(range(100))
    game.tick(5)
    taken: list[object] = []
    synchronizer_of(game.at(A, "Chest")).delta_synchronized.connect(lambda: taken.append(None))
    game.packets()
    for number in range(20):
        chest.things[number] = -number
        game.apis[1].poll()
    game.apis[A].poll()
    assert len(taken) == 6
    game.tick(5)
    assert game.at(A, "Chest").things == chest.things  # type: ignore[attr-defined]
    assert sum(packet[0] == 16 for packet in game.packets()) == 1
    assert not game.rejected
