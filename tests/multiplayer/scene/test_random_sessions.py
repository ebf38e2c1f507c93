"""Random joins, leaves, calls and polls: each call runs exactly once at each right peer."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from .worlds import ENVELOPES, GAME, Kind, World

CLIENTS = (2, 30, 400)


class RandomSession(RuleBasedStateMachine):
    """A server and up to three clients; who is called is judged by what the caller knew."""

    kind: Kind

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.kind, in_order=True)
        self.number = 0
        # The calls that are due: number, where, method.
        self.due: Counter[tuple[int, int]] = Counter()

    def everybody(self) -> list[int]:
        return list(self.world.apis)

    @rule(client=st.sampled_from(CLIENTS))
    def join(self, client: int) -> None:
        if client not in self.world.apis:
            self.settle()
            self.world.join(client)

    @precondition(lambda self: len(self.world.apis) > 1)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.everybody()[1:]))
        self.settle()
        self.world.leave(client)
        self.check()

    @precondition(lambda self: len(self.world.apis) > 1)
    @rule(data=st.data())
    def leave_while_calls_are_under_way(self, data: st.DataObject) -> None:
        """What it sent arrives; what was sent to it may be lost."""
        client = data.draw(st.sampled_from(self.everybody()[1:]))
        self.world.leave(client)
        self.check(client)

    @rule(data=st.data(), method=st.sampled_from(["any_one", "local_one", "auth_local"]))
    def call(self, data: st.DataObject, method: str) -> None:
        world = self.world
        sender = data.draw(st.sampled_from(self.everybody()))
        peers = world.apis[sender].get_peers()
        others = [*peers, *(-peer for peer in peers)]
        to = data.draw(st.sampled_from([0, -sender, *others]))
        self.number += 1
        world.call(sender, to, method, self.number)
        for peer in [*peers, sender]:
            addressed = peer == to or (to <= 0 and peer != -to)
            allowed = method != "auth_local" or sender in (1, peer)
            local = peer != sender or method != "any_one"
            if addressed and allowed and local:
                self.due[self.number, peer] += 1

    @rule(data=st.data())
    def replace_an_object(self, data: st.DataObject) -> None:
        """Away and back between two polls: calls that are under way find it again."""
        peer = data.draw(st.sampled_from(self.everybody()))
        made = self.world.displace(peer, GAME)
        self.world.place(peer, GAME, made=made)

    @rule(data=st.data())
    def poll_one(self, data: st.DataObject) -> None:
        self.world.apis[data.draw(st.sampled_from(self.everybody()))].poll()

    @rule()
    def settle(self) -> None:
        self.world.settle()
        self.check()

    def check(self, left: int = 0) -> None:
        ran = Counter((call.args[0], call.at) for call in self.world.took())
        lost = self.due - ran
        assert {at for _, at in lost} <= {left}
        assert ran == self.due - lost
        self.due.clear()
        reasons = {line[2].value for line in self.world.invalid}
        assert reasons <= ({"not_allowed", "unknown_target"} if left else {"not_allowed"})
        self.world.invalid.clear()

    def teardown(self) -> None:
        self.settle()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: f"{e[0].name}-{e[1]}")
@pytest.mark.parametrize("nodes", [True, False])
def test_random_sessions(envelope: tuple[object, bool], nodes: bool) -> None:
    kind = Kind(*envelope, nodes)  # type: ignore[arg-type]
    machine = type("Machine", (RandomSession,), {"kind": kind})
    settings_ = settings(max_examples=40, stateful_step_count=30, deadline=None)
    machine.TestCase.settings = settings_  # type: ignore[attr-defined]
    machine.TestCase("runTest").runTest()  # type: ignore[attr-defined]
