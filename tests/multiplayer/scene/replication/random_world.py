"""A game whose members do anything at all, and what each of them should have in the end.

The server spawns ``Things``, which it shows to some, and a player for each client; a client decides
about its player's ``Input``, and spawns items into its bag. What everybody should see is written
down here as it is decided, and never asked of the synchronizers.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from multiplayer import (
    ConnectionStatus,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    RoomInterest,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import Dialect

SERVER: Final = 1
NEVER, ALWAYS, ON_CHANGE = 0, 1, 2
MOST_THINGS: Final = 12
MOST_ITEMS: Final = 3

Seen = dict[str, dict[str, Any]]
"""What somebody has: values by path."""


def synchronizer(name: str, *properties: tuple[str, int]) -> MultiplayerSynchronizer:
    """A synchronizer of properties with their modes."""
    config = SceneReplicationConfig()
    for path, mode in properties:
        config.add_property(path)
        config.property_set_replication_mode(path, mode)
    made = MultiplayerSynchronizer(name)
    made.replication_config = config
    return made


class Thing(Node):
    """What the server has, and shows to some."""

    def __init__(self, name: str = "Thing") -> None:
        super().__init__(name)
        self.position = Vector2(0, 0)
        self.hp = 0
        self.bag: list[int] = []
        self.add_child(
            synchronizer("Sync", (".:position", ALWAYS), (".:hp", ON_CHANGE), (".:bag", ON_CHANGE))
        )

    @property
    def sync(self) -> MultiplayerSynchronizer:
        """Its synchronizer."""
        found = self.get_node("Sync")
        assert isinstance(found, MultiplayerSynchronizer)
        return found


class Item(Node):
    """What a client has in its bag; its name ends with the client's id."""

    def __init__(self, name: str = "Item") -> None:
        super().__init__(name)
        self.count = 0
        self.add_child(synchronizer("Sync", (".:count", ON_CHANGE)))

    def _enter_tree(self) -> None:
        self.set_multiplayer_authority(owner_of(self.name))


class Player(Node):
    """A client's; its name ends with the client's id."""

    def __init__(self, name: str = "Player") -> None:
        super().__init__(name)
        self.score = 0
        self.aim = Vector2(0, 0)
        self.word = ""
        filler = MultiplayerSpawner("Filler")
        filler.spawn_path = "../Bag"
        filler.add_spawnable_scene("item", Item)
        for part in (
            Node("Bag"),
            filler,
            synchronizer("State", (".:score", ON_CHANGE)),
            synchronizer("Input", (".:aim", ALWAYS), (".:word", ON_CHANGE)),
        ):
            self.add_child(part)

    def _enter_tree(self) -> None:
        for name in ("Filler", "Input"):
            self.get_node(name).set_multiplayer_authority(owner_of(self.name))


def owner_of(name: str) -> int:
    """Whose a player or an item is."""
    return int(name.rpartition("_")[2])


class Member:
    """One program: its tree and its API.

    Attributes:
        api: without a peer.
        things: the node below which the server's things are.
        players: the node below which players are.
    """

    def __init__(self, dialect: Dialect) -> None:
        root = Node("root")
        self.things, self.players = Node("Things"), Node("Players")
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = "../Things"
        spawner.add_spawnable_scene("thing", Thing)
        starter = MultiplayerSpawner("Starter")
        starter.spawn_path = "../Players"
        starter.add_spawnable_scene("player", Player)
        for part in (self.things, self.players, spawner, starter):
            root.add_child(part)
        self.api = SceneMultiplayer(root, dialect)

    @property
    def id(self) -> int:
        """Its peer id."""
        return self.api.get_unique_id()

    @property
    def player(self) -> Player | None:
        """Its own player, if it has it already."""
        name = f"P_{self.id}"
        found = self.players.get_node(name) if self.players.has_node(name) else None
        return found if isinstance(found, Player) else None

    def seen(self) -> Seen:
        """Everything that it has."""
        found: Seen = {}
        for thing in self.things.children:
            assert isinstance(thing, Thing)
            values = {"position": thing.position, "hp": thing.hp, "bag": [*thing.bag]}
            found[f"Things/{thing.name}"] = values
        for player in self.players.children:
            assert isinstance(player, Player)
            path = f"Players/{player.name}"
            found[path] = {"score": player.score, "aim": player.aim, "word": player.word}
            for item in player.get_node("Bag").children:
                assert isinstance(item, Item)
                found[f"{path}/Bag/{item.name}"] = {"count": item.count}
        return found


class Game:
    """A server and its clients; :meth:`act` lets one of them do something.

    Args:
        dialect: of all.
        seed: of what they do.
        budget: how many bytes of states each peer gets a tick; 0 for all there are.
        join: makes a client's peer, sets it at an API and drives that from now on.
        leave: ends it.

    Attributes:
        server: the server.
        clients: those that play, in the order in which they came.
        told: what has been done, one line each.
    """

    def __init__(
        self,
        dialect: Dialect,
        seed: int,
        join: Callable[[SceneMultiplayer], object],
        leave: Callable[[SceneMultiplayer], object],
        *,
        budget: int = 0,
    ) -> None:
        self._dialect = dialect
        self._budget = budget
        self._random = Random(seed)
        self._join, self._leave = join, leave
        self.server = Member(dialect)
        self.server.api.replication_budget = budget
        self._interest = RoomInterest(self.server.api)
        self._rooms: dict[str, int] = {}
        self._rooms_of_peers: dict[int, int] = {}
        self.clients: list[Member] = []
        self.told: list[str] = []
        self._made = 0
        self._public: dict[str, bool] = {}
        self._listed: dict[str, set[int]] = {}
        self._filters: dict[str, set[int]] = {}
        self.server.api.peer_connected.connect(self._came)
        self.server.api.peer_disconnected.connect(self._left)

    def _came(self, peer: int) -> None:
        self.server.players.add_child(Player(f"P_{peer}"))

    def _left(self, peer: int) -> None:
        if self.server.players.has_node(f"P_{peer}"):
            self.server.players.remove_child(self.server.players.get_node(f"P_{peer}"))

    # ---------------------------------------------------------------- doing

    def act(self) -> None:
        """Let somebody do something."""
        acts: dict[Callable[[], str], int] = {
            self._somebody_joins: 4 if len(self.clients) < 5 else 0,
            self._somebody_leaves: 1 if len(self.clients) > 2 else 0,
            self._spawn: 6 if len(self.server.things.children) < MOST_THINGS else 0,
            self._free: 2,
            self._take_out_and_put_back: 1,
            self._change: 10,
            self._show: 12,
            self._publish: 2,
            self._filter: 4,
            self._move: 3,
            self._move_peer: 3,
            self._score: 3,
            self._play: 8,
            self._fill: 5,
            self._empty: 2,
            self._count: 5,
        }
        chosen = self._random.choices([*acts], [*acts.values()])[0]
        self.told.append(chosen())

    def _somebody_joins(self) -> str:
        member = Member(self._dialect)
        member.api.replication_budget = self._budget
        self._join(member.api)
        self.clients.append(member)
        return "somebody joins"

    def _somebody_leaves(self) -> str:
        member = self.clients.pop(self._random.randrange(len(self.clients)))
        name = member.id
        self._leave(member.api)
        return f"{name} leaves"

    def _spawn(self) -> str:
        self._made += 1
        thing = Thing(f"T{self._made}")
        thing.hp = self._made
        path = thing.name
        self._public[path] = self._random.random() < 0.4
        self._listed[path] = set()
        thing.sync.public_visibility = self._public[path]
        if self._random.random() < 0.3:
            self._rooms[path] = self._random.randrange(2)
            self._interest.add(thing.sync, self._rooms[path])
        self.server.things.add_child(thing)
        return f"the server spawns {path}, {'public' if self._public[path] else 'private'}"

    def _thing(self) -> Thing | None:
        things = self.server.things.children
        found = self._random.choice(things) if things else None
        return found if isinstance(found, Thing) else None

    def _free(self) -> str:
        thing = self._thing()
        if thing is None:
            return "-"
        self.server.things.remove_child(thing)
        return f"the server frees {thing.name}"

    def _take_out_and_put_back(self) -> str:
        thing = self._thing()
        if thing is None:
            return "-"
        self.server.things.remove_child(thing)
        thing.request_ready()
        self.server.things.add_child(thing)
        return f"the server takes {thing.name} out and puts it back"

    def _change(self) -> str:
        thing = self._thing()
        if thing is None:
            return "-"
        kind = self._random.randrange(3)
        if kind == 0:
            thing.position = Vector2(self._random.randrange(100), self._random.randrange(100))
        elif kind == 1:
            thing.hp = self._random.randrange(1000)
        else:
            thing.bag.append(self._random.randrange(10))
            del thing.bag[:-5]
        return f"{thing.name} changes: {thing.position}, {thing.hp}, {thing.bag}"

    def _peer(self) -> int:
        """One of those in the session, as the server knows them; 0 if there are none."""
        peers = self.server.api.get_peers()
        return self._random.choice(peers) if peers else 0

    def _show(self) -> str:
        thing, peer = self._thing(), self._peer()
        if thing is None or not peer:
            return "-"
        visible = self._random.random() < 0.7
        listed = sorted(self._listed[thing.name] & {*self.server.api.get_peers()})
        if not visible and listed:
            peer = self._random.choice(listed)
        thing.sync.set_visibility_for(peer, visible)
        (self._listed[thing.name].add if visible else self._listed[thing.name].discard)(peer)
        return f"{thing.name} is {'shown to' if visible else 'hidden from'} {peer}"

    def _publish(self) -> str:
        thing = self._thing()
        if thing is None:
            return "-"
        public = not self._public[thing.name]
        thing.sync.public_visibility = self._public[thing.name] = public
        return f"{thing.name} becomes {'public' if public else 'private'}"

    def _filter(self) -> str:
        thing = self._thing()
        if thing is None:
            return "-"
        peers = self.server.api.get_peers()
        chosen = {peer for peer in peers if self._random.random() < 0.7}
        if thing.name in self._filters:
            self._filters[thing.name] = chosen
        else:
            allowed = self._filters
            allowed[thing.name] = chosen
            name = thing.name
            thing.sync.add_visibility_filter(lambda peer: peer in allowed[name])
        return f"the filter of {thing.name} lets {sorted(chosen)} through"

    def _move(self) -> str:
        """Put a thing that is in a room into a room."""
        thing = self._thing()
        if thing is None or thing.name not in self._rooms:
            return "-"
        room = self._rooms[thing.name] = self._random.randrange(2)
        self._interest.move(thing.sync, room)
        return f"{thing.name} is in room {room}"

    def _move_peer(self) -> str:
        peer = self._peer()
        if not peer:
            return "-"
        room = self._rooms_of_peers[peer] = self._random.randrange(2)
        self._interest.place_peer(peer, room)
        return f"{peer} is in room {room}"

    def _score(self) -> str:
        players = self.server.players.children
        if not players:
            return "-"
        player = self._random.choice(players)
        assert isinstance(player, Player)
        player.score = self._random.randrange(1000)
        return f"{player.name} has {player.score}"

    def _client(self) -> tuple[Member, Player] | None:
        playing = [(client, client.player) for client in self.clients]
        able = [(client, player) for client, player in playing if player is not None]
        return self._random.choice(able) if able else None

    def _play(self) -> str:
        chosen = self._client()
        if chosen is None:
            return "-"
        client, player = chosen
        if self._random.random() < 0.5:
            player.aim = Vector2(self._random.randrange(100), 0)
        else:
            player.word = f"w{self._random.randrange(100)}"
        return f"{client.id} plays: {player.aim}, {player.word}"

    def _fill(self) -> str:
        chosen = self._client()
        if chosen is None or len(chosen[1].get_node("Bag").children) >= MOST_ITEMS:
            return "-"
        self._made += 1
        client, player = chosen
        item = Item(f"I{self._made}_{client.id}")
        item.count = self._made
        player.get_node("Bag").add_child(item)
        return f"{client.id} spawns {item.name}"

    def _item(self) -> Item | None:
        chosen = self._client()
        items = chosen[1].get_node("Bag").children if chosen else []
        found = self._random.choice(items) if items else None
        return found if isinstance(found, Item) else None

    def _empty(self) -> str:
        item = self._item()
        if item is None or item.parent is None:
            return "-"
        item.parent.remove_child(item)
        return f"{item.name} is freed"

    def _count(self) -> str:
        item = self._item()
        if item is None:
            return "-"
        item.count = self._random.randrange(1000)
        return f"{item.name} has {item.count}"

    # ---------------------------------------------------------------- the end

    def lost(self) -> None:
        """Forget the clients whose connection has ended by itself."""
        ended = ConnectionStatus.CONNECTION_DISCONNECTED
        self.clients = [
            each
            for each in self.clients
            if each.api.multiplayer_peer.get_connection_status() != ended
        ]

    def visible(self, thing: Thing, peer: int) -> bool:
        """Whether a peer may see a thing, by what has been decided."""
        name = thing.name
        public = self._public[name] or peer in self._listed[name]
        if name in self._rooms and self._rooms[name] != self._rooms_of_peers.get(peer):
            return False
        return public and (name not in self._filters or peer in self._filters[name])

    def differences(self) -> list[str]:
        """What somebody lacks, has too much, or has with other values than its authority."""
        truth: dict[str, Seen] = {}
        own = {client.id: client for client in self.clients}
        members = [self.server, *self.clients]
        server = self.server.seen()
        for client in self.clients:
            player = client.player
            if player is None:
                return [f"{client.id} has no player"]
            path = f"Players/{player.name}"
            mine = client.seen()
            mixed = mine[path] | {"score": server.get(path, {}).get("score")}
            truth[path] = {path: mixed}
            truth[path] |= {key: mine[key] for key in mine if key.startswith(f"{path}/")}
        found: list[str] = []
        for member in members:
            expected: Seen = {}
            for thing in self.server.things.children:
                assert isinstance(thing, Thing)
                if member is self.server or self.visible(thing, member.id):
                    expected[f"Things/{thing.name}"] = server[f"Things/{thing.name}"]
            for values in truth.values():
                expected |= values
            seen = member.seen()
            found += [
                f"{member.id}: {path} is {seen.get(path)}, should be {expected.get(path)}"
                for path in sorted({*seen, *expected})
                if seen.get(path) != expected.get(path)
            ]
        if {*self.server.api.get_peers()} != {*own}:
            found.append(f"the server has {self.server.api.get_peers()}, not {sorted(own)}")
        return found
