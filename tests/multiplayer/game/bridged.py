"""A match for tests: a server of each dialect under one bridge, and two Python clients of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import Dialect, SceneMultiplayer, rpc
from multiplayer.game import Bridge
from multiplayer.testing import SimulatedNetwork

if TYPE_CHECKING:
    from multiplayer.testing import SimulatedServer

ENVELOPES: Final = {Dialect.GODOT_3: "gd_mp", Dialect.GODOT_4: "godot4", Dialect.NATIVE: "gd_mp"}


class Board:
    """What a client has: it notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    @rpc
    def tell(self, text: str, who: int) -> None:
        self.told.append((text, who))

    @rpc("any_peer")
    def say(self, text: str) -> None:
        raise AssertionError(text)  # clients say it to the server alone


class Ear:
    """What the server has for each session: it hands over to the match."""

    def __init__(self, match: Match) -> None:
        self.match = match

    @rpc("authority", "call_local")
    def tell(self, text: str, who: int) -> None:
        self.match.told.append((text, who, self.match.bridge.get_remote_sender_id()))

    @rpc("any_peer")
    def say(self, text: str) -> None:
        who = self.match.bridge.get_remote_sender_id()
        self.match.bridge.rpc("Board", "tell", text, who)


class Player:
    """A client."""

    def __init__(self, api: SceneMultiplayer) -> None:
        self.api = api
        self.board = Board()
        api.add("Board", self.board)

    @property
    def id(self) -> int:
        return self.api.get_unique_id()

    def say(self, text: str) -> None:
        self.api.rpc(1, self.board, "say", (text,))


class Match:
    """The servers, in a network in a box."""

    def __init__(self, clients: int = 2, seed: int = 1) -> None:
        self.network = SimulatedNetwork(seed=seed)
        self.told: list[tuple[str, int, int]] = []
        self.servers: dict[Dialect, SimulatedServer] = {}
        apis: list[SceneMultiplayer] = []
        for dialect, envelope in ENVELOPES.items():
            server = self.servers[dialect] = self.network.create_server(envelope=envelope)
            api = SceneMultiplayer(dialect=dialect)
            api.multiplayer_peer = server
            apis.append(self.network.attach(api))
        self.bridge = Bridge(apis)
        self.bridge.add("Board", lambda _: Ear(self))
        self.signals: list[tuple[object, ...]] = []
        self.bridge.peer_connected.connect(lambda peer: self.signals.append(("came", peer)))
        self.bridge.peer_disconnected.connect(lambda peer: self.signals.append(("left", peer)))
        self.players = [self.join(dialect) for dialect in ENVELOPES for _ in range(clients)]

    def api(self, dialect: Dialect) -> SceneMultiplayer:
        return next(api for api in self.bridge.apis if api.dialect == dialect)

    def join(self, dialect: Dialect) -> Player:
        before = len(self.bridge.get_peers())
        api = SceneMultiplayer(dialect=dialect)
        player = Player(api)
        api.multiplayer_peer = self.network.create_client(self.servers[dialect])
        self.network.attach(api)
        self.network.run_until(lambda: player.id and len(self.bridge.get_peers()) > before)
        return player

    def settle(self) -> None:
        self.network.settle()
