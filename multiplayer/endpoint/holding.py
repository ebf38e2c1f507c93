"""Which channels are not read for a while, and what has come from them; ``pressure`` says why."""

from __future__ import annotations

import logging
import math
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, cast

from .channel import ChannelT, EventT
from .pressure import NEARLY_FULL, Account, Stalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .pressure import Buffer, Holder


class Holding(Generic[ChannelT, EventT]):
    """Those that are held.

    Args:
        entries: what has happened.
        drained: the event that goes on while a channel is held: it tells of what is sent to it.
        watch: called to see again whether a channel takes bytes.
        resume: called with a channel that is to go on with what it had when it was held.
        receivers: returns how many get what is sent to all.

    Attributes:
        pressing: they and their accounts, the longest held first.
        kept: what has come from them.
        resting: those that have set off too much.
        stalls: the readers that are behind.
        nearly_full: how many bytes in an outbox are so much that nobody adds to it.
    """

    def __init__(
        self,
        entries: deque[tuple[ChannelT, EventT]],
        drained: EventT,
        watch: Callable[[ChannelT], None],
        resume: Callable[[ChannelT], None],
        receivers: Callable[[], int],
    ) -> None:
        self._entries = entries
        self._drained = drained
        self._watch = watch
        self._resume = resume
        self.receivers = receivers
        self.pressing: dict[ChannelT, Account] = {}
        self.kept: dict[ChannelT, deque[EventT]] = {}
        self.resting: dict[ChannelT, Account] = {}
        self.stalls = Stalls()
        self.nearly_full = math.inf

    def open_account(self, channel: ChannelT, size: int, rate: float, now: float) -> None:
        """Charge a channel for what it sends to others; see ``Account``."""
        channel.account = Account(cast("Holder", self), channel, size, rate, now)

    def move_account(self, before: ChannelT, channel: ChannelT) -> None:
        """Charge a channel for what another has sent, which it goes on for; hold it instead."""
        account = before.account
        if account is None:
            return
        account.move_to(cast("Holder", self), channel)
        channel.account, channel.held = account, account.held
        before.account, before.held = None, False
        for table in (self.pressing, self.resting):
            if table.pop(before, None) is not None:
                table[channel] = account
        if before in self.kept:
            self.kept[channel] = self.kept.pop(before)

    def release(self, channel: ChannelT) -> list[EventT]:
        """Forget a channel that goes elsewhere; return what has come from it and was kept."""
        account, channel.account, channel.held = channel.account, None, False
        if account is not None:
            account.move_to(_NOBODY, None)
        self.pressing.pop(channel, None)
        self.resting.pop(channel, None)
        return [*self.kept.pop(channel, ())]

    def hold(self, channel: ChannelT, why: str) -> None:
        """Read no more of a channel, and leave what it has sent."""
        account = channel.account
        assert account is not None
        channel.held = True
        self.pressing[channel] = account
        channel.statistics.times_held += 1
        channel.note(logging.INFO, "held", why)
        self._watch(channel)

    def let_go(self, channel: ChannelT) -> None:
        """Go on with a channel: first with what it had sent when it was held."""
        channel.held = False
        self.pressing.pop(channel, None)
        self.resting.pop(channel, None)
        self._put_back(channel, self.kept.pop(channel, ()))
        self._resume(channel)

    def _put_back(self, channel: ChannelT, kept: Iterable[EventT]) -> None:
        self._entries.extendleft((channel, event) for event in reversed([*kept]))

    def keep(self, channel: ChannelT, event: EventT) -> bool:
        """Keep what has come from one that is held; return False if it is to be done now."""
        if event is self._drained:
            return False
        if channel.is_open or channel.over:
            self.kept.setdefault(channel, deque()).append(event)
            return True
        kept = self.kept.pop(channel, None)  # we are closing it: nobody is to wait for the others
        if not kept:
            return False
        self._put_back(channel, [*kept, event])
        return True

    def has_to_wait(
        self, channel: ChannelT, event: EventT, length: int, others: Iterable[ChannelT]
    ) -> bool:
        """Keep a message for whose receivers there is no room, because of those that are held.

        Args:
            channel: whose message it is.
            event: the message.
            length: how many bytes it has.
            others: those that something is queued for, and that were not written to since.
        """
        account, size = channel.account, self.nearly_full
        if account is None:
            return False
        outboxes = (each.outbox for each in {*self.stalls.terms, *others})
        full = [outbox for outbox in outboxes if outbox.blocked and outbox.load > size]
        if full and (account.adds_to(full) or not self._has_room(full, length)):
            account.wait_for(full)
        return channel.held and self.keep(channel, event)

    def _has_room(self, full: Sequence[Buffer], length: int) -> bool:
        """Return whether a message may go to all of those that are nearly full, twice."""
        room = self.nearly_full / NEARLY_FULL
        return all(outbox.load + 2 * length <= room for outbox in full)

    def settle(self, channel: ChannelT, account: Account, now: float) -> None:
        """Hold one that has set off more than it may, until that much time has passed."""
        if account.settle(now):
            channel.reach("relayed_bytes_per_second")
            self.resting[channel] = account

    def keep_terms(self, now: float) -> None:
        """Do what is due: let go who has rested, and close who makes no progress."""
        resting = self.resting.items()
        for channel, account in [each for each in resting if each[1].rests_until <= now]:
            del self.resting[channel]
            self.settle(channel, account, now)
        for reader in self.stalls.stalled(now):
            reader.stall(now)
        self.look_again()

    @property
    def due(self) -> float:
        """When the next of that is due; infinity for never."""
        rests = (account.rests_until for account in self.resting.values())
        return min(self.stalls.due, min(rests, default=math.inf))

    def look_again(self) -> None:
        """Let those go who are held for what others have taken, or left, in the meantime."""
        for account in list(self.pressing.values()):
            account.look_again()

    def waiting(self) -> Iterator[tuple[ChannelT, EventT]]:
        """Yield what is kept."""
        for channel, kept in self.kept.items():
            for event in kept:
                yield channel, event

    def forget(self, channel: ChannelT) -> None:
        """The channel is not there any more; what has come from it is still to be done."""
        self.stalls.forget(channel)
        account = self.resting.pop(channel, None)
        if account is not None:
            account.rest_no_more()

    def clear(self) -> None:
        """Nobody is there any more."""
        self.kept.clear()
        self.pressing.clear()
        self.resting.clear()
        self.stalls.clear()

    def recover(self, here: list[ChannelT]) -> None:
        """Charge everybody anew after an interrupt, and let those go that are held for nothing."""
        accounts = {channel: each for channel in here if (each := channel.account) is not None}
        accounts |= self.pressing  # some of whom are not here any more
        for account in accounts.values():
            account.begin_anew()
        for channel in here:
            channel.outbox.forget_charges()
        for channel in here:
            channel.outbox.charge_anew()
        for channel, account in accounts.items():
            account.judge()
            channel.held = account.held
        held = {channel: account for channel, account in accounts.items() if account.held}
        self.pressing.clear()
        self.pressing.update(held)
        present = {*here}
        self.resting = {channel: each for channel, each in held.items() if channel in present}
        for channel in [each for each in self.kept if not each.held]:
            self._put_back(channel, self.kept.pop(channel))
        self.stalls.keep(present)


class _Nobody:
    """Holds nobody, for the account of who has gone elsewhere."""

    def receivers(self) -> int:
        """Return 0."""
        return 0

    def hold(self, channel: object, why: str) -> None:
        """Do nothing."""

    def let_go(self, channel: object) -> None:
        """Do nothing."""


_NOBODY: Final = _Nobody()
