"""A bug of order, planted in a toy game: hypothesis finds it, and shrinks what it takes."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from hypothesis import find, given, settings

from multiplayer import Node, SceneMultiplayer, rpc
from multiplayer.testing import LAN, Schedule, SimulatedNetwork
from multiplayer.testing.strategies import schedules

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT = 1
"""The number of the only client; the server is 0."""

TICKS = 30
HZ = 10

FAULTS = ("partition", "hold", "pause", "slow_reader", "replay_late")


class Field(Node):
    """Units that the server moves, and takes off the field; clients draw what they are told."""

    def __init__(self) -> None:
        super().__init__("Field")
        self.units: dict[int, int] = {}

    @rpc("authority", "reliable")
    def appear(self, unit: int) -> None:
        self.units[unit] = 0

    @rpc("authority", "unreliable")
    def move(self, unit: int, place: int) -> None:
        self.units[unit] = place  # the bug: a unit that is gone is there again

    @rpc("authority", "reliable")
    def vanish(self, unit: int) -> None:
        self.units.pop(unit, None)


class MendedField(Field):
    """The same without the bug."""

    @rpc("authority", "unreliable")
    def move(self, unit: int, place: int) -> None:
        if unit in self.units:
            self.units[unit] = place


class Game:
    """A server and a client with a field each."""

    def __init__(self, make: Callable[[], Field], *, trace: bool) -> None:
        self.network = SimulatedNetwork(seed=1, conditions=LAN, trace=trace)
        server = self.network.create_server()
        fields: list[Field] = []
        for peer in (server, self.network.create_client(server)):
            root, field = Node("root"), make()
            root.add_child(field)
            api = SceneMultiplayer(root)
            api.multiplayer_peer = peer
            self.network.attach(api)
            fields.append(field)
        self.network.settle()
        self.truth, self.drawn = fields
        self._ticks = count(1)

    def step(self, seconds: float) -> None:
        """Units appear and vanish, one after the other, and move meanwhile."""
        del seconds
        tick, truth = next(self._ticks), self.truth
        unit = tick // 10
        if tick % 10 == 0:
            truth.units[unit] = 0
            truth.appear.rpc(unit)
        elif tick % 10 == 9 and unit in truth.units:
            del truth.units[unit]
            truth.vanish.rpc(unit)
        for each in truth.units:
            truth.units[each] = tick
            truth.move.rpc(each, tick)


def play(make: Callable[[], Field], schedule: Schedule, *, trace: bool = False) -> Game:
    """Play three seconds under a schedule, then let all heal."""
    game = Game(make, trace=trace)
    network = game.network
    network.schedule(schedule)
    network.run_loop(game.step, hz=HZ, seconds=TICKS / HZ)
    network.quiet()
    network.settle()
    return game


def breaks(make: Callable[[], Field], schedule: Schedule) -> bool:
    """Whether the client does not draw what is there."""
    game = play(make, schedule)
    return game.drawn.units.keys() != game.truth.units.keys()


def test_without_faults_the_bug_does_not_show() -> None:
    assert not breaks(Field, Schedule())


def test_the_bug_is_found_and_shrunk_to_one_fault() -> None:
    found = find(
        schedules([CLIENT], seconds=3.0, max_faults=4, faults=FAULTS),
        partial(breaks, Field),
        settings=settings(max_examples=300, derandomize=True, database=None, deadline=None),
    )
    assert [fault.kind for fault in found] == ["replay_late"], str(found)
    story = play(Field, found, trace=True).network.story(60)
    assert story.startswith("seed 1, at ")
    assert "replay_late 1" in story
    assert "replayed: Field.move(" in story


@settings(max_examples=30, derandomize=True, database=None, deadline=None)
@given(schedules([CLIENT], seconds=3.0, max_faults=4, faults=FAULTS))
def test_the_mended_game_survives_all_schedules(schedule: Schedule) -> None:
    assert not breaks(MendedField, schedule), schedule
