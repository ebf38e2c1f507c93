"""``TraceEvent``: one thing that has happened in a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode


class TraceEvent(NamedTuple):
    """One thing that has happened.

    Attributes:
        time: in seconds.
        what: "sent", "delivered", "lost", "doubled", "overtaken", "cut", "held", "vanished",
            "replayed"; "fault" for what was done to the network.
        source: who put the packet, by name.
        target: for whom, on the way that it takes: a client or the server.
        serial: the sender's number for the packet, which tells it from others.
        mode: its transfer mode.
        size: how many bytes it has.
        text: what it says, in words; for a fault, what was done.
        call: ``path.method`` if it is an RPC, else "".
        arguments: those of the RPC.
    """

    time: float
    what: str
    source: str
    target: str
    serial: int
    mode: TransferMode
    size: int
    text: str
    call: str = ""
    arguments: tuple[object, ...] = ()

    def __str__(self) -> str:
        if self.what == "fault":
            return f"{self.time:.6f} {self.text}"
        way = f"{self.source} > {self.target} #{self.serial}"
        return f"{self.time:.6f} {self.what} {way}: {self.text}"
