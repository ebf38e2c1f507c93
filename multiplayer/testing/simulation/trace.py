"""``Trace``: what a network did, event by event, with what the packets say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

from multiplayer.errors import DecodeError, Error, MultiplayerError

from .chart import chart
from .frames import MODES
from .link_model import SECOND
from .packet_text import PacketReader, PeerInfo
from .trace_event import TraceEvent
from .trace_log import What, records_of

if TYPE_CHECKING:
    import os

    from .packet_text import Reading

_MAGIC: Final = b"gdpeers trace 1\n"


class Trace(Sequence[TraceEvent]):
    """What a network has done until now: a sequence of :class:`TraceEvent`.

    One seed gives one trace, on every machine and Python: two runs are the same if their
    :meth:`digest` is.

    Args:
        seed: the network's.
        peers: its peers, in the order in which they were made.
        log: the records; see ``trace_log``.

    Attributes:
        seed: see above.
        peers: see above.
    """

    def __init__(self, seed: int, peers: Sequence[PeerInfo], log: bytes) -> None:
        self.seed = seed
        self.peers = tuple(peers)
        self._log = log

    # ---------------------------------------------------------------- events

    @cached_property
    def _events(self) -> list[TraceEvent]:
        reader = PacketReader(self.peers)
        names = [peer.name for peer in self.peers]
        said: dict[tuple[int, int], tuple[Reading, int]] = {}
        events: list[TraceEvent] = []
        for time, what, kind, sender, receiver, serial, data in records_of(self._log):
            seconds, word = time / SECOND, what.name.lower()
            if what is What.FAULT:
                name, text = names[sender], data.decode()
                events.append(TraceEvent(seconds, word, name, name, 0, MODES[kind], 0, text))
                continue
            if what is What.SENT:
                said[sender, serial] = reader.read(sender, receiver, kind, data), len(data)
            reading, size = said[sender, serial]
            events.append(
                TraceEvent(
                    seconds,
                    word,
                    names[sender],
                    names[receiver],
                    serial,
                    MODES[kind],
                    size,
                    *reading,
                )
            )
        return events

    @overload
    def __getitem__(self, index: int) -> TraceEvent: ...

    @overload
    def __getitem__(self, index: slice) -> list[TraceEvent]: ...

    def __getitem__(self, index: int | slice) -> TraceEvent | list[TraceEvent]:
        return self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def calls(self, method: str = "", what: str = "delivered") -> list[TraceEvent]:
        """Return the events of RPCs.

        Args:
            method: a method's name, or the end of ``path.method``; "" for all.
            what: what happened to them.
        """
        return [
            event
            for event in self._events
            if event.call
            and event.what == what
            and (not method or event.call == method or event.call.endswith(f".{method}"))
        ]

    # ---------------------------------------------------------------- comparing, showing

    def digest(self) -> str:
        """Return the SHA-256 of all records, in hexadecimal digits."""
        return hashlib.sha256(self._log).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self._log == other._log

    def __hash__(self) -> int:
        return hash(self._log)

    def chart(self, last: int | None = None) -> str:
        """Return a sequence chart: a column for each peer, a line for each event.

        Args:
            last: only the last so many events.
        """
        events = self._events if last is None else self._events[max(len(self) - last, 0) :]
        return chart([peer.name for peer in self.peers], events)

    def __str__(self) -> str:
        return "\n".join(map(str, self._events))

    # ---------------------------------------------------------------- files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file.

        Raises:
            OSError: the file cannot be written.
        """
        peers = [peer._asdict() for peer in self.peers]
        head = json.dumps({"seed": self.seed, "peers": peers}, ensure_ascii=False).encode()
        Path(path).write_bytes(b"".join([_MAGIC, head, b"\n", self._log]))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Read it from a file that :meth:`save` has written.

        Raises:
            MultiplayerError: ``ERR_FILE_UNRECOGNIZED``: it is no trace.
            OSError: the file cannot be read.
        """
        written = Path(path).read_bytes()
        try:
            if not written.startswith(_MAGIC):
                reason = "it does not begin like one"
                raise DecodeError(reason)
            end = written.index(b"\n", len(_MAGIC))
            head = json.loads(written[len(_MAGIC) : end])
            peers = [_peer_from(each) for each in head["peers"]]
            trace = cls(head["seed"], peers, written[end + 1 :])
            len(trace)  # so that whatever is wrong with it shows here
        except (ValueError, KeyError, TypeError, IndexError) as error:
            message = f"{path} is not a trace of this version: {error}"
            raise MultiplayerError(Error.ERR_FILE_UNRECOGNIZED, message) from None
        return trace


def _peer_from(head: dict[str, object]) -> PeerInfo:
    peer = PeerInfo(**head)  # type: ignore[arg-type]
    if peer.methods is None:
        return peer
    numbered = {
        path: {int(number): name for number, name in names.items()}
        for path, names in peer.methods.items()
    }
    return peer._replace(methods=numbered)
