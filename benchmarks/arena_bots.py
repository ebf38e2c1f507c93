"""Players of the arena: ``python -m benchmarks.arena_bots PORT COUNT``, until they are ended.

Each joins any arena with a free place, walks anywhere and shoots at everything, with as many
packets as those of ``make demo``. It takes what comes, but has no world to keep it in: a program
that shows the game takes several times the processor, and fifty of them more than this machine has.
"""

from __future__ import annotations

import random
import sys
from typing import Final

import trio

import peers
from demos.arena.client import ASK_EVERY, SENT_AGAIN
from demos.arena.movement import TICK_HZ, Input, to_wire
from demos.arena.world import Calls
from multiplayer import Node, SceneMultiplayer
from multiplayer.game import FixedTicks

APART: Final = 0.2
"""How many seconds are between two who join, so that they do not all send at the same moment."""


async def play(port: int, number: int) -> None:
    """Join and play until the server goes."""
    chance, arena, root = random.Random(number), Calls("Arena"), Node("root")
    root.add_child(arena)
    url = f"ws://127.0.0.1:{port}/arena/any"
    async with peers.connect(url, api=SceneMultiplayer(root), resume=peers.Resume()):
        arena.introduce.rpc_id(1, f"Bot {number}")
        arena.set_ready.rpc_id(1, True)
        ticks = FixedTicks(TICK_HZ)
        last: list[list[object]] = []
        right = down = until = 0
        while True:
            for tick in ticks.due(trio.current_time()):
                if tick >= until:
                    right, down = chance.choice(((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1)))
                    until = tick + chance.randrange(5, 30)
                moment = Input(right, down, chance.uniform(-3, 3), fire=True)
                last = [*last[1 - SENT_AGAIN :], [tick + 1, *to_wire(moment)]]
                arena.steer.rpc_id(1, last)
                if tick % ASK_EVERY == 0:
                    arena.ask_time.rpc_id(1, trio.current_time())
            await trio.sleep_until(ticks.next_deadline())


async def main(port: int, count: int) -> None:
    """Have so many play."""
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(play, port, number)
            await trio.sleep(APART)


if __name__ == "__main__":
    trio.run(main, *map(int, sys.argv[1:3]))
