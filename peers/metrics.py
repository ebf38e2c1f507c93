"""``Metrics``: the figures of a server in Prometheus' text form (extra ``metrics``).

It is here and not in a demo, so that the names are the same in every game, and whoever has a
dashboard for one has it for all.
"""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

from .rooms.room_server import RoomServer
from .websocket.http_exchange import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import CollectorRegistry, Metric

    from multiplayer import SceneMultiplayer
    from multiplayer.endpoint.statistics import Statistics

    from .rooms.room import Room
    from .websocket_multiplayer_peer import WebSocketMultiplayerPeer

__all__ = ["Metrics"]

_COUNTED: Final = (
    ("handler_errors", "Exceptions that listeners, callbacks and methods of rooms have raised"),
    ("failed_handshakes", "Connections that ended before they were let in"),
    ("http_requests", "Requests that asked for no WebSocket"),
    ("times_held", "How often a peer was not read for a while because it sent too much"),
)
_NOW: Final = (
    ("held", "Peers that are not read now because they send too much"),
    ("packets_queued", "Packets that have come and wait for the program"),
    ("bytes_queued", "Bytes that wait to be sent"),
)
_BY_REASON: Final = (
    ("drops", "reason", "Packets that went nowhere"),
    ("violations", "kind", "What peers have done against the rules"),
    ("limits_reached", "limit", "How often a limit was reached"),
)


class Metrics:
    """What a server answers to ``/metrics``.

    Everything is read when it is asked for: nothing is counted twice, and it costs nothing before.
    The names are on the page docs/metrics.md.

    Args:
        server: the server, of rooms or of one session.
        api: the API above a server of one session, if it has one. A server of rooms has its own.

    Attributes:
        registry: of ``prometheus_client``, with the figures of the process. Put those of your game
            into it: ``Counter("arena_hits", "Players hit", registry=metrics.registry)``.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``: prometheus-client is not installed;
            ``ERR_INVALID_PARAMETER``: ``api`` with a server of rooms.
    """

    registry: CollectorRegistry

    def __init__(
        self,
        server: RoomServer | WebSocketMultiplayerPeer,
        api: SceneMultiplayer | None = None,
    ) -> None:
        if find_spec("prometheus_client") is None:
            message = "metrics need prometheus-client: pip install prometheus-client"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        if isinstance(server, RoomServer) and api is not None:
            message = "leave out api: each room of a RoomServer has one, and all are counted"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Figures(server, api))  # pyright: ignore[reportArgumentType]

    def answer(self) -> HttpResponse:
        """Return what to answer from an ``http_callback``."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415

        return HttpResponse(200, generate_latest(self.registry), CONTENT_TYPE_LATEST)


class _Calls:
    """What APIs have counted, also those of rooms that are closed.

    A counter that went back with a closed room would look like a server that has begun anew.

    Args:
        server: the server.
        api: its API, unless its rooms have them.
    """

    def __init__(
        self, server: RoomServer | WebSocketMultiplayerPeer, api: SceneMultiplayer | None
    ) -> None:
        self._server = server
        self._api = api
        self._past: Counter[str] = Counter()
        self._past_rejected: Counter[str] = Counter()
        if isinstance(server, RoomServer):
            server.room_closed.connect(self._closed)

    def _closed(self, room: Room, why: str) -> None:
        del why
        _add(self._past, self._past_rejected, room.api)

    def counted(self) -> tuple[Counter[str], Counter[str]]:
        """Return the counts by name, and those of rejected packets by reason."""
        counts, rejected = Counter(self._past), Counter(self._past_rejected)
        for api in self._apis():
            _add(counts, rejected, api)
        return counts, rejected

    def _apis(self) -> Iterable[SceneMultiplayer]:
        if isinstance(self._server, RoomServer):
            return [room.api for room in self._server.rooms]
        return [] if self._api is None else [self._api]


def _add(counts: Counter[str], rejected: Counter[str], api: SceneMultiplayer) -> None:
    statistics = api.statistics
    counts["calls_sent"] += statistics.calls_sent
    counts["calls_received"] += statistics.calls_received
    counts["handler_errors"] += statistics.handler_errors
    rejected.update(statistics.rejected)


class _Figures:
    """A collector, as ``prometheus_client`` calls it."""

    def __init__(
        self, server: RoomServer | WebSocketMultiplayerPeer, api: SceneMultiplayer | None
    ) -> None:
        self._server = server
        self._calls = _Calls(server, api)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to find the names out, a registry would otherwise collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all figures."""
        yield from self._players()
        yield from _traffic(self._server.statistics)
        counts, rejected = self._calls.counted()
        calls = _counter("calls", "Calls of methods that were sent or run", "direction")
        calls.add_metric(["sent"], counts["calls_sent"])
        calls.add_metric(["received"], counts["calls_received"])
        yield calls
        name, about = "call_errors", "Exceptions that methods, and listeners of APIs, have raised"
        errors = _counter(name, about)
        errors.add_metric([], counts["handler_errors"])
        yield errors
        about = "Packets that were dropped because they made no sense or were not allowed"
        yield _by("rejected", "reason", about, rejected)

    def _players(self) -> Iterator[Metric]:
        here, away, rooms = Counter[str](), Counter[str](), Counter[str]()
        if isinstance(self._server, RoomServer):
            for kind in self._server.kinds:
                here[kind] = away[kind] = rooms[kind] = 0  # a kind without rooms has none: 0
            for room in self._server.rooms:
                seats = room.seats.values()
                connected = sum(seat.connected for seat in seats)
                rooms[room.kind] += 1
                here[room.kind] += connected
                away[room.kind] += len(seats) - connected
        else:
            suspended = len(self._server.get_suspended_peers())
            here[""], away[""] = len(self._server.get_peers()) - suspended, suspended
        gauges = (
            ("players", "Players who are connected", here),
            ("suspended_players", "Players who have lost their connection and may come back", away),
            ("rooms", "Rooms that are open", rooms),
        )
        for name, about, values in gauges:
            gauge = _gauge(name, about, "kind")
            for kind, value in values.items():
                gauge.add_metric([kind], value)
            yield gauge


def _traffic(statistics: Statistics) -> Iterator[Metric]:
    """Yield what the connections have counted."""
    for what in ("packets", "bytes"):
        about = f"{what.capitalize()} that came and went, without frame headers, pings and pongs"
        traffic = _counter(what, about, "direction")
        for direction in ("received", "sent"):
            traffic.add_metric([direction], getattr(statistics, f"{what}_{direction}"))
        yield traffic
    for name, about in _COUNTED:
        counter = _counter(name, about)
        counter.add_metric([], getattr(statistics, name))
        yield counter
    for name, label, about in _BY_REASON:
        yield _by(name, label, about, getattr(statistics, name))
    for name, about in _NOW:
        gauge = _gauge(name, about)
        gauge.add_metric([], getattr(statistics, name))
        yield gauge
    if statistics.round_trip_time is not None:
        gauge = _gauge("round_trip_seconds", "The longest of the last round trips of heartbeats")
        gauge.add_metric([], statistics.round_trip_time)
        yield gauge


def _by(name: str, label: str, about: str, counts: Mapping[str, int]) -> Metric:
    counter = _counter(name, about, label)
    for reason, count in sorted(counts.items()):
        counter.add_metric([str(reason)], count)
    return counter


def _counter(name: str, about: str, *labels: str):  # noqa: ANN202 - of the optional library
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

    return CounterMetricFamily(f"gdpeers_{name}", f"{about}.", labels=labels)


def _gauge(name: str, about: str, *labels: str):  # noqa: ANN202
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

    return GaugeMetricFamily(f"gdpeers_{name}", f"{about}.", labels=labels)
