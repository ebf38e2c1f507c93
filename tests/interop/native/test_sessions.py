"""Several engines and ours in one session: calls all ways round."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import Match
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.scene.session import Session


@pytest.mark.native4
@pytest.mark.parametrize("layout", layouts("PEEP", "REER", "AEEA", "EEP", "EER", "EEA"))
async def test_calls_of_4_all_ways_round(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for caller, called in permutations(members, 2):
        await caller.call("any_one", called.id, f"{caller.id} to {called.id}")
    for called in members:
        others = [member for member in members if member is not called]
        assert sorted(await called.calls(len(others))) == sorted(
            ("any_one", [f"{caller.id} to {called.id}"], caller.id) for caller in others
        )
    for caller in members:
        await caller.call("any_two", 0, caller.id, "to all")
        for called in members:
            if called is not caller:
                expected = [("any_two", [caller.id, "to all"], caller.id)]
                assert await called.calls(1) == expected
    assert [await member.calls() for member in members] == [[]] * len(members)


@pytest.mark.parametrize(
    "members",
    [("python", "engine", "engine", "python"), ("engine", "engine", "python")],
    ids=["our server", "the engine's server"],
)
async def test_calls_of_3_all_ways_round(
    drive: Drive, launch: Launch, members: tuple[str, ...]
) -> None:
    match = Match(drive, launch)
    await match.serve(members[0])
    for kind in members[1:]:
        await match.join(kind)
    for caller, called in permutations(match.players, 2):
        await caller.rpc(called.id, "r1", f"{caller.id} to {called.id}")
        await called.heard(Heard("Game", "r1", caller.id, (f"{caller.id} to {called.id}",)))
    for caller in match.players:
        await caller.rpc(0, "f_remotesync", "to all")
        for called in match.players:  # the caller among them: that is what sync means
            await called.heard(Heard("Game", "f_remotesync", caller.id, ("to all",)))
    for player in match.players:
        await player.at_ease()
