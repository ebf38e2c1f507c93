"""A server of ours with a small game, for pages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import peers
from multiplayer import Node, SceneMultiplayer, rpc

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

GRACE = 20.0


class Game(Node):
    """What pages call, and what calls them."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.heard: list[tuple[int, Any]] = []

    @rpc("any_peer")
    def say(self, value: Any) -> None:
        assert isinstance(self.multiplayer, SceneMultiplayer)
        self.heard.append((self.multiplayer.get_remote_sender_id(), value))

    @rpc("any_peer")
    def price(self, thing: str, count: int) -> Any:
        if thing != "sword":
            raise ValueError(f"no {thing} here")
        return {"thing": thing, "gold": 12.5 * count}

    @rpc("any_peer")
    def echo(self, value: Any) -> Any:
        return value

    @rpc
    def show(self, value: Any) -> None: ...

    @rpc("any_peer")
    def wave(self, value: Any) -> None: ...

    @rpc("any_peer")
    def add(self, *numbers: int) -> Any: ...


CLIENT = """
globalThis.join = async (url, options) => {
  const client = new g.Client(url, options);
  const seen = { client, shown: [], waved: [], events: [] };
  seen.game = client.add("Main/Game", {
    show: (from, value) => seen.shown.push(value),
    wave: g.anyPeer((from, value) => seen.waved.push([from, value])),
    add: g.anyPeer((from, ...numbers) => {
      if (!numbers.length) throw new RangeError("nothing to add");
      return numbers.reduce((sum, one) => sum + one);
    }),
  }, ["say", "price", "echo"]);
  for (const name of ["peerConnected", "peerDisconnected", "peerRenewed", "suspended", "resumed",
                      "closed", "rejected", "error"]) {
    client.on(name, (...values) => seen.events.push([name, ...values]));
  }
  await client.ready;
  return seen;
};
"""
"""Defines ``join(url)`` in the page."""


class Served:
    """The server.

    Attributes:
        url: where it listens.
        api: its API.
        game: the object at ``Main/Game``.
        main: the node ``Main``.
    """

    def __init__(self, api: SceneMultiplayer, main: Node, game: Game) -> None:
        self.api, self.main, self.game = api, main, game
        self.server = peers.WebSocketServer()
        self.server.grace = GRACE
        self.url = ""


@asynccontextmanager
async def served() -> AsyncGenerator[Served]:
    root, main, game = Node("root"), Node("Main"), Game()
    main.add_child(game)
    root.add_child(main)
    made = Served(SceneMultiplayer(root), main, game)
    async with peers.serve(0, peer=made.server, api=made.api):
        made.url = f"ws://127.0.0.1:{made.server.get_local_port()}"
        yield made
