"""``multiplayer.rooms.reservations``: every one expires, and is used up once."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from multiplayer.rooms.reservations import SECONDS, Reservation, Reservations, token_of

tokens = st.sampled_from([token_of(number) for number in range(6)])


class Beside(RuleBasedStateMachine):
    """The same as a list of what was kept and when."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Reservations(4)
        self.model: dict[str, tuple[float, bool]] = {}
        self.now = 0.0

    def there(self) -> dict[str, tuple[float, bool]]:
        self.model = {token: row for token, row in self.model.items() if row[0] > self.now}
        return self.model

    @rule(token=tokens, seconds=st.sampled_from([0.0, 1.0, SECONDS]), owns=st.booleans())
    def keep(self, token: str, seconds: float, owns: bool) -> None:
        fits = token in self.there() or len(self.there()) < 4
        assert self.kept.keep(token, self.now, seconds, owns=owns) is fits
        if fits:
            self.model[token] = (self.now + seconds, owns)

    @rule(token=tokens)
    def take(self, token: str) -> None:
        row = self.there().pop(token, None)
        wanted = None if row is None else Reservation(*row)
        assert self.kept.take(token, self.now) == wanted
        assert self.kept.take(token, self.now) is None

    @rule(token=tokens)
    def release(self, token: str) -> None:
        self.kept.release(token)
        self.model.pop(token, None)

    @rule(seconds=st.sampled_from([0.1, 1.0, SECONDS]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_same(self) -> None:
        assert self.kept.held(self.now) == len(self.there()) == len(self.kept)
        deadline = min((until for until, _ in self.model.values()), default=float("inf"))
        assert self.kept.next_deadline() == deadline


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_tokens_have_32_letters() -> None:
    assert token_of(0) == "0" * 32
    assert token_of((1 << 128) - 1) == "f" * 32
