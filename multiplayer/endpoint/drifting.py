"""``Drifting``: the members of a server that no connection carries; ``adrift.py`` has the rules."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError

from .events import Ended, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .inbox import Inbox
    from .member import Member
    from .peer_channel import PeerChannel, PeerEndpoint
    from .shares import Queued


class Drifting:
    """The members that are adrift, by id.

    Args:
        endpoint: what has the connections.

    Attributes:
        members: those members; mostly there are none.
    """

    __slots__ = ("_endpoint", "members")

    def __init__(self, endpoint: PeerEndpoint) -> None:
        self._endpoint = endpoint
        self.members: dict[int, Member] = {}

    # ---------------------------------------------------------------- coming and going

    def add(self, member: Member) -> None:
        """Take a member's connection from it."""
        was_full = member.last in self._endpoint.backlogs.full
        member.lose()
        if member.adrift is not None:
            member.adrift.was_full = was_full
        self.members[member.id] = member

    def carry(self, member: Member, link: PeerChannel, inbox: Inbox[PeerChannel]) -> None:
        """Let a connection carry a member.

        Args:
            member: one that is here.
            link: a connection that was accepted.
            inbox: where packets wait that it has sent before.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: the member is not adrift, or about to leave;
                ``ERR_INVALID_PARAMETER``: the connection may not understand what waits.
        """
        before, adrift, endpoint = member.last, member.adrift, self._endpoint
        if adrift is None or adrift.leaving:
            message = f"peer {member.id} waits for no connection; welcome a new member instead"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        if before.gdpeers_version and not link.gdpeers_version and member.seat is None:
            message = (
                f"what waits for peer {member.id} may be in the words of docs/protocol/gdpeers.md, "
                "to which this connection has not agreed; refuse it"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        adrift.sure = False
        endpoint.open_account(link, before)
        member.carry(link, inbox)
        self._relabel(before, link)
        self.members.pop(member.id, None)
        if adrift.was_full or 2 * link.waiting > link.buffer_size:
            endpoint.backlogs.full[link] = None  # whoever waits for room is told of it

    def pending_of(self, link: PeerChannel) -> int:
        """Return how many numbered messages of a connection have come and wait for their turn."""
        entries = self._endpoint.waiting_entries()
        events = [event for channel, event in entries if channel is link]
        return sum(isinstance(each, Message) and not each.text and each.counted for each in events)

    def discard(self, link: PeerChannel) -> None:
        """Drop what has come on a connection and was not handled: its session begins anew."""
        self._endpoint.unroll()
        entries, kept = self._endpoint.entries, self._endpoint.holding.kept
        others = [each for each in entries if each[0] is not link or not _is_message(each[1])]
        dropped = len(entries) - len(others)
        entries.clear()
        entries.extend(others)
        if link in kept:
            rest = deque[object](event for event in kept[link] if not _is_message(event))
            dropped += len(kept[link]) - len(rest)
            kept[link] = rest
        if dropped:
            link.drop("renewed", dropped)

    def _relabel(self, before: PeerChannel, link: PeerChannel) -> None:
        """Let messages whose turn has not come have come by ``link``; not what ended the other."""
        self._endpoint.unroll()
        entries, kept = self._endpoint.entries, self._endpoint.holding.kept
        moved: list[Message] = []
        for place, (channel, event) in enumerate(entries):
            if channel is before and isinstance(event, Message):
                entries[place] = (link, event)
                moved.append(event)
        if link in kept:
            messages = [event for event in kept[link] if isinstance(event, Message)]
            kept[link] = deque[object](messages)
            moved += messages
        link.unfetched += len(moved)
        link.unfetched_bytes += sum(len(message.data) for message in moved)

    def send_away(self, member: Member) -> None:
        """Let a member leave by the next poll."""
        adrift, link = member.adrift, member.last
        if adrift is not None and not adrift.leaving:
            link.held = False  # nobody is to wait for it
            self._endpoint.entries.append((link, Ended(clean=False, failure=link.failure)))
            adrift.leaving = True
            self._endpoint.wake()

    def send_all_away(self) -> None:
        """Let all members leave that are here."""
        for member in [*self.members.values()]:
            self.send_away(member)

    def forget(self, peer_id: int) -> None:
        """Forget a member, if it is here."""
        self.members.pop(peer_id, None)

    def clear(self) -> None:
        """Forget all."""
        self.members.clear()

    def recover(self, members: Iterable[Member]) -> list[PeerChannel]:
        """Find out who is here after an interrupt.

        Args:
            members: all members of the server.

        Returns:
            The last connections of those that have to leave.
        """
        self.members = {}
        gone: list[PeerChannel] = []
        for member in members:
            adrift = member.adrift
            if adrift is None:
                continue
            if member.channel is not None:  # which has been given up
                member.adrift = None
                continue
            self.members[member.id] = member
            is_whole = adrift.sure and adrift.outbox.recover()
            if not is_whole and member.seat is not None:
                member.seat.doubt()
                adrift.sure = True
            elif not is_whole:
                adrift.leaving = True
            if adrift.leaving:
                gone.append(member.last)
        return gone

    # ---------------------------------------------------------------- what waits

    def send_to_all(self, queued: Queued, meant: Callable[[int], bool]) -> None:
        """Keep a packet for those that get what is for all, if their id is ``meant``."""
        here = [each for each in self.members.values() if each.is_reached and meant(each.id)]
        self.send(queued, here)

    def send(self, queued: Queued, members: Iterable[Member]) -> None:
        """Keep a packet for members that are here; those with too much by that leave."""
        most = self._endpoint.most_waiting
        for member in members:
            adrift = member.adrift
            if adrift is None:
                continue
            adrift.queue(queued)
            limit = "" if adrift.leaving else adrift.excess(*most)
            if limit:
                adrift.overflow(limit)
                self.send_away(member)


def _is_message(event: object) -> bool:
    return isinstance(event, Message)
