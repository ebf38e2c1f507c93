"""What becomes of a member of a session while no connection carries it.

A role sets a member adrift (``ServerRole.lose_channel``) instead of letting it leave, and lets
another connection carry it later (``ServerRole.carry``). In between:

* It is of the session as before: the others are told of nothing, it counts for ``max_peers``, and
  ``get_peer`` finds it, with its ``userdata``. Only its address counts for nobody.
* What it had sent is handled in its turn, and can be fetched. Then whatever carries it next does
  not read on while too much of that waits.
* What is put for it waits, in Godot's own bytes, because any connection may come next: reliable
  packets all, of unreliable_ordered ones the newest ``max_unreliable_ordered``; unreliable ones are
  dropped, and counted as ``adrift``. So are those put into its own face, in plain mode: they are of
  the connection that it has lost.
* ``get_backlog`` says how much waits. Nobody is charged for it, and so nobody is held: a sender
  would wait for a member that takes nothing.
* If more waits than ``outbound_buffer_size`` or ``max_outbox_packets``, it leaves, as a peer that
  reads too slowly does, and what waits counts as ``overflow``.
* ``disconnect_peer`` lets it leave by the next poll, with the signals of leaving, or with ``force``
  at once and without; what is put for it from then on is dropped, and counted as ``closing``.
* ``begin_leaving`` lets it leave by the next poll: there is nobody to wait for. ``close`` forgets
  it, silently.
* What carries it next is sent all that waits; if that is much (``backlog.py``), ``peer_drained`` is
  emitted once it has left. It must have agreed on ``docs/protocol/gdpeers.md`` if the last one had:
  what waits may be in that.
* If an interrupt may have cost it something, it leaves.
* Nothing here ends it by itself: whoever sets it adrift says for how long.

A member with a seat (``seat.py``, ``seats.py``), whose connection was lost, differs in this:

* Its address counts as before: nobody gets more seats by losing connections.
* What waits is in its ring, in the bytes that its last connection understood, unless its client
  knows no words: then all that is put for it is dropped, and counted as ``adrift``.
* If more waits than its ring takes, it stays, and begins anew when it comes back.
* If an interrupt may have cost it something, it stays, and begins anew, too.
* It is given up when its time is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.addressing import TransferMode

from .statistics import Statistics

if TYPE_CHECKING:
    from .outbox import Outbox
    from .seat import Seat
    from .shares import Queued

_UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE


class Adrift:
    """What waits for a member without a connection.

    Args:
        lost: what the last connection had not sent, which waits here from now on.
        seat: what keeps it instead, if it has one.

    Attributes:
        outbox: what waits.
        counted: what was counted meanwhile.
        leaving: it is about to leave; nothing more is queued.
        was_full: much waited for the last connection.
        sure: it has all that it should; False while an interrupt would make that untrue.
    """

    __slots__ = ("_seat", "counted", "leaving", "outbox", "sure", "was_full")

    def __init__(self, lost: Outbox, seat: Seat | None = None) -> None:
        self._seat = seat
        self.outbox = lost.another()
        self.counted = Statistics()
        self.leaving = False
        self.sure = True
        self.was_full = False
        if seat is None:
            lost.pour_into(self.outbox, charged=False)
        self.outbox.blocked = True

    def queue(self, queued: Queued, packets: int = 1) -> None:
        """Queue the frame of a packet, or of several that are reliable."""
        frame, size, mode, _ = queued
        counted = self.counted
        if self.leaving:
            counted.drops["closing"] += packets
            return
        if self._seat is not None:
            dropped = self._seat.keep(frame, mode, packets)
            if dropped:
                counted.drops["adrift"] += dropped
            else:
                counted.packets_sent += packets
                counted.bytes_sent += size
            return
        dropped = self.outbox.append(frame, mode)
        if dropped:
            counted.drops["adrift"] += dropped
        if not (dropped and mode is _UNRELIABLE):
            counted.packets_sent += packets
            counted.bytes_sent += size

    def excess(self, most_bytes: int, most_packets: int) -> str:
        """Return which limit is exceeded, "" for none.

        Args:
            most_bytes: ``outbound_buffer_size``; 0 for any.
            most_packets: ``max_outbox_packets``; 0 for any.
        """
        if 0 < most_bytes < self.outbox.backlog:
            return "outbound_buffer_size"
        return "max_outbox_packets" if 0 < most_packets < self.outbox.behind else ""

    def overflow(self, limit: str) -> None:
        """Drop what waits, because it is too much."""
        self.counted.limits_reached[limit] += 1
        self.counted.drops["overflow"] += self.outbox.drop_unbegun()

    def pour_into(self, outbox: Outbox) -> None:
        """Move what waits behind what waits on the connection that carries the member now.

        What a seat has kept is there already.
        """
        self.outbox.blocked = False
        dropped = self.outbox.pour_into(outbox)
        if dropped:
            self.counted.drops["adrift"] += dropped
