"""``Outgoing``: what leaves a ``ConditionedPeer``, and reaches its inner peer late, or never."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer import Error, MultiplayerError, TransferMode
from multiplayer.addressing import SERVER_ID

from .parcels import Order, SendingAway, Sent

if TYPE_CHECKING:
    from collections import Counter

    from multiplayer import MultiplayerPeer

    from .roll import Roll
    from .way import Way

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

_BUFFER: Final = 1 << 20
"""How many reliable bytes wait for a link that is full where the inner peer sets no limit."""

_TOO_SLOW: Final = "too much waits to be sent to it"


class Outgoing:
    """Takes what is put, and hands it to the inner peer when it has passed its link.

    Args:
        outer: the peer that emits signals.
        inner: the peer that sends.
        roll: who is here.
        way: what is under way.
        dropped: counts what does not arrive.
    """

    def __init__(
        self,
        outer: MultiplayerPeer,
        inner: MultiplayerPeer,
        roll: Roll,
        way: Way[Sent | SendingAway],
        dropped: Counter[str],
    ) -> None:
        self._outer = outer
        self._inner = inner
        self._roll = roll
        self.way = way
        self._dropped = dropped
        self.order = Order()
        self.behind: dict[int, None] = {}  # links for which something waits

    def clear(self) -> None:
        """Forget all."""
        self.way.clear()
        self.order.clear()
        self.behind.clear()

    # ---------------------------------------------------------------- on its way

    def put(self, target: int, payload: bytes, mode: TransferMode, channel: int) -> None:
        """Let a packet leave; a server's for each client that it is for.

        Raises:
            MultiplayerError: ``FAILED``: there never was such a client.
        """
        for each in self._receivers(target):
            self._put(each, payload, mode, channel)

    def _receivers(self, target: int) -> list[int]:
        roll = self._roll
        if not roll.is_server:
            return [target]
        if target <= 0:
            return [peer for peer in roll.here if peer != -target]
        if target in roll.here:
            return [target]
        if target in roll.left or target == SERVER_ID:
            return []
        raise MultiplayerError(Error.FAILED, f"there is no peer {target}")

    def _put(self, target: int, payload: bytes, mode: TransferMode, channel: int) -> None:
        link, buffer = self._roll.link(target), self.way.conditions.buffer
        waiting = self.way.octets.get(link, 0) + len(payload)
        if waiting > buffer:
            if mode is not _RELIABLE:
                self._dropped["full"] += 1
                return
            self.behind[link] = None
            if waiting > buffer + getattr(self._inner, "outbound_buffer_size", _BUFFER):
                self._dropped["full"] += 1
                with suppress(MultiplayerError):
                    self._inner.expel_peer(link, _TOO_SLOW)
                return
        number = self.order.next(target, channel)
        arrives = self.way.put(
            self._inner.now(),
            link,
            len(payload),
            mode,
            lambda: Sent(target, payload, mode, channel, number),
        )
        if not arrives:
            self._dropped["lost"] += 1

    def send_away(self, peer: int, reason: str | None) -> None:
        """End a connection once what was put before has arrived.

        Args:
            peer: whose.
            reason: see ``SendingAway``.
        """
        self.way.put_news(self._inner.now(), self._roll.link(peer), SendingAway(peer, reason))

    # ---------------------------------------------------------------- there

    def send_due(self) -> None:
        """Hand over to the inner peer what has come to the other end of its link by now."""
        while (first := self.way.next(self._inner.now())) is not None:
            if isinstance(first.what, SendingAway):
                self._send_away(first.what)
            else:
                self._send(first.what)
            self.way.remove(first)

    def _send_away(self, what: SendingAway) -> None:
        with suppress(MultiplayerError):  # it has gone by itself
            if what.reason is None:
                self._inner.disconnect_peer(what.target)
            else:
                self._inner.expel_peer(what.target, what.reason)

    def _send(self, sent: Sent) -> None:
        if self.order.is_late(sent.target, sent):
            self._dropped["late"] += 1
            return
        self.order.note(sent.target, sent)
        try:
            self._inner.send_packet(sent.payload, sent.target, sent.mode, sent.channel)
        except MultiplayerError:
            self._dropped["too late"] += 1

    # ---------------------------------------------------------------- what waits

    def backlog(self, peer: int) -> int:
        """Return how many bytes the link to a peer has no room for, there and in the inner peer."""
        over = self.way.octets.get(self._roll.link(peer), 0) - self.way.conditions.buffer
        return max(over, 0) + self._inner.get_backlog(peer)

    def note_drained(self, peer: int) -> None:
        """Note that the inner peer has emitted ``peer_drained``."""
        self.behind[peer] = None

    def tell_drained(self) -> None:
        """Tell for which peers nothing waits any more."""
        for peer in [*self.behind]:
            if peer in self._roll.here and not self.backlog(peer):
                handlers = self._outer.handlers
                emission = handlers.emission(self._outer.peer_drained, peer, peer)
                handlers.do(partial(self.behind.pop, peer, None), emission)

    def forget(self, peer: int, *, drop: bool) -> None:
        """Forget a peer that has left.

        Args:
            peer: its id.
            drop: also what is under way to it.
        """
        self.order.forget(peer)
        if self._roll.is_server or peer == SERVER_ID:
            self.behind.pop(peer, None)
            self.way.forget(peer, drop=drop)
