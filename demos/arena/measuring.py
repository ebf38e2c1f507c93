"""What ``/metrics`` answers: the figures of the server, and those of the game."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import MultiplayerError
from peers import HttpResponse
from peers.metrics import Metrics

from .summary import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

    from peers import RoomServer


def metrics_of(server: RoomServer) -> Callable[[], HttpResponse]:
    """Return what answers ``/metrics``; without prometheus-client, a sentence that says so.

    Args:
        server: the server; no room is open yet.
    """
    try:
        metrics = Metrics(server)
    except MultiplayerError as error:
        missing = HttpResponse(501, f"{error}\n")
        return lambda: missing
    metrics.registry.register(_Ticks(server))  # pyright: ignore[reportArgumentType]
    return metrics.answer


class _Ticks:
    """A collector of what the matches have done; the name of a counter ends with ``_total``."""

    def __init__(self, server: RoomServer) -> None:
        self._tally = Tally(server)

    def describe(self) -> Iterable[Metric]:
        """Return nothing; see ``peers.metrics``."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the counters."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - it is there

        ticks, left_out, rounds = self._tally.counts()
        yield CounterMetricFamily("arena_ticks", "Ticks of all matches.", ticks)
        about = "Ticks that were left out because the program could not keep up."
        yield CounterMetricFamily("arena_ticks_left_out", about, left_out)
        yield CounterMetricFamily("arena_rounds", "Rounds that have begun.", rounds)
