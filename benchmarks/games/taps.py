"""Two players tap, and both see the scores: with this package."""

from __future__ import annotations

import sys

import trio

import peers
from multiplayer import Node, SceneMultiplayer, replicated, rpc


class Scores(Node):
    scores = replicated(default_factory=dict[int, int], mode="on_change")

    @rpc("any_peer")
    def tap(self) -> None:
        player = self.multiplayer.get_remote_sender_id()
        self.scores[player] = self.scores.get(player, 0) + 1


class Duel(peers.Room):
    capacity = 2
    grace = 30.0

    def opened(self, options: object) -> None:  # noqa: ARG002
        self.root.add_child(Scores("Scores"))

    def save(self) -> object:
        return self.root.get_node("Scores").scores

    def restored(self, data: dict[int, int]) -> None:
        self.root.get_node("Scores").scores = data


async def play(url: str) -> None:
    api = SceneMultiplayer(Node("root"))
    mine = Scores("Scores")
    api.root.add_child(mine)
    peer = peers.WebSocketClient()
    peer.resume = peers.Resume()
    async with peers.connect(url, peer=peer, api=api):
        while True:
            mine.tap.rpc_id(1)
            await trio.sleep(0.1)
            print(api.get_unique_id(), mine.scores, flush=True)


if __name__ == "__main__":
    trio.run(play, sys.argv[1])
