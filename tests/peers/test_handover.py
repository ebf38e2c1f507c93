"""``Endpoint.take``: a connection goes over to another endpoint, unnoticed by the other side."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.endpoint.events import Ended, Message
from multiplayer.endpoint.peer_channel import PeerChannel
from multiplayer.endpoint.recovery import recover
from multiplayer.endpoint.slices import SLICE
from peers import SocketEngine, WebSocketClient, WebSocketServer
from peers.sockets.endpoint_sockets import EndpointSockets
from peers.websocket.endpoint import accept_links, endpoint_over
from peers.websocket.events import Requested
from peers.websocket.link import Link
from peers.websocket.settings import LinkSettings
from tests.driving import DRIVES, PATIENCE, Recorder, until
from tests.hostile.interrupted import Interrupt, Steps
from tests.kept import left_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.engine import Engine
    from multiplayer.endpoint.peer_channel import PeerEndpoint
    from tests.driving import Drive

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED


SETTINGS = LinkSettings(65536, 65536, 4096, 3.0, 0.5, 0.0, envelope="gd_mp")


class Lobby:
    """Accepts connections for others, and hands each over to the room that its path names.

    Args:
        engine: shared with the rooms; None if each has its own.
    """

    def __init__(self, engine: SocketEngine | None) -> None:
        self._engine = engine
        self.endpoint = bare(engine, "gd_mp")
        self.rooms: dict[str, WebSocketServer] = {}

    def room(self, path: str) -> WebSocketServer:
        room = WebSocketServer()
        if self._engine is not None:
            room.use_engine(self._engine)
        room.bind_ip = "127.0.0.1"
        room.listen(0, gd_mp_api=True)
        self.rooms[path] = room
        return room

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.endpoint.local_port}{path}"

    def poll(self) -> None:
        self.endpoint.service(time.monotonic())
        for link, event in [*self.endpoint.entries]:
            if isinstance(event, Requested):
                self.rooms[event.request.path].endpoint.take(link, self.endpoint)
        self.endpoint.flush()


ENGINES = pytest.mark.parametrize("shared", [True, False], ids=["one engine", "two engines"])


@ENGINES
@pytest.mark.parametrize("drive", DRIVES, indirect=True)
async def test_who_comes_by_the_lobby_is_in_the_room_that_it_asked_for(
    drive: Drive, *, shared: bool
) -> None:
    lobby = Lobby(SocketEngine() if shared else None)
    rooms = {path: drive.add(lobby.room(path)) for path in ("/red", "/blue")}
    told = {path: Recorder(room) for path, room in rooms.items()}
    clients = {path: [WebSocketClient() for _ in range(2)] for path in rooms}
    for path, both in clients.items():
        for client in both:
            client.connect_to_url(lobby.url(path), gd_mp_api=True)
            drive.add(client)
    everybody = [client for both in clients.values() for client in both]
    await until(lambda: (lobby.poll(), all(each.get_unique_id() > 1 for each in everybody))[1])
    assert kept_in(lobby.endpoint) == []
    for path, (first, second) in clients.items():
        await until(lambda one=first, two=second: two.get_unique_id() in one.get_peers())
        assert sorted(rooms[path].get_peers()) == sorted(
            [first.get_unique_id(), second.get_unique_id()]
        )
        first.set_target_peer(second.get_unique_id())
        first.put_packet(path.encode())
        await until(second.get_available_packet_count)
        assert second.get_packet() == path.encode()
    lobby.endpoint.close()
    for path, (first, second) in clients.items():
        first.disconnect_from_host()
        await until(lambda one=first: one.get_connection_status() != CONNECTED)
        second.disconnect_from_host()
        await until(lambda room=rooms[path]: not room.endpoint.links)
        assert told[path].names().count("peer_disconnected") == 2
        assert left_in(rooms[path]) == []


def bare(engine: SocketEngine | None, envelope: str) -> PeerEndpoint:
    """An endpoint that listens, whose events the test handles."""
    sockets = EndpointSockets[PeerChannel]()
    endpoint = endpoint_over(sockets, time.monotonic, eager=False)
    if engine is not None:
        sockets.live_in(engine.system())
    accept_links(endpoint, "127.0.0.1", 0, replace(SETTINGS, envelope=envelope))
    return endpoint


def waiting(endpoint: PeerEndpoint) -> list[object]:
    """What waits in an endpoint's queue, each message by itself."""
    endpoint.unroll()
    return [*endpoint.entries]


class Line:
    """A client of ours, in plain mode, and the bare endpoint that it is connected to."""

    def __init__(self, engine: SocketEngine | None) -> None:
        self.first, self.second = bare(engine, "plain"), bare(engine, "plain")
        self.client = WebSocketClient()
        self.client.connect_to_url(f"ws://127.0.0.1:{self.first.local_port}")
        self.until(lambda: self.first.entries)
        link, event = self.first.entries.popleft()
        assert isinstance(link, Link)
        assert isinstance(event, Requested)
        self.link = link
        link.asked.accept("", time.monotonic())
        self.until(lambda: self.client.get_connection_status() == CONNECTED)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            for endpoint in (self.first, self.second):
                endpoint.service(time.monotonic())
                endpoint.flush()
            self.client.poll()

    def says(self, *packets: bytes) -> None:
        for packet in packets:
            self.client.get_peer(1).put_packet(packet)
        self.client.flush()

    def close(self) -> None:
        for each in (self.client, self.first, self.second):
            each.close()


@ENGINES
def test_what_waits_in_either_direction_goes_over_in_order(*, shared: bool) -> None:
    line = Line(SocketEngine() if shared else None)
    first, second, link, client = line.first, line.second, line.link, line.client
    line.says(b"one", b"two")
    line.until(lambda: len(waiting(first)) == 2)
    other = (cast("PeerChannel", object()), Message(b"of somebody else", False))
    first.entries.insert(1, other)
    link.send(b"not sent yet", text=False)
    second.take(link, first)
    second.take(link, second)  # nothing to do
    assert kept_in(first) == ["entries"]
    assert [*first.entries] == [other]
    assert [event for _, event in second.entries] == [
        Message(b"one", False),
        Message(b"two", False),
    ]
    line.says(b"three")
    face = client.get_peer(1)
    line.until(lambda: len(waiting(second)) == 3 and face.get_available_packet_count())
    assert face.get_packet() == b"not sent yet"
    second.send(link, b"from the second")
    line.until(face.get_available_packet_count)
    assert face.get_packet() == b"from the second"
    told = Recorder(client)
    second.begin_closing(link, 4000, "over")
    line.until(lambda: client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED)
    assert told.of("connection_closed") == [(True,)]
    line.until(lambda: second.links == [])
    first.entries.clear()
    line.close()


@ENGINES
def test_who_is_held_or_behind_goes_on_elsewhere(*, shared: bool) -> None:
    line = Line(SocketEngine() if shared else None)
    first, second, link = line.first, line.second, line.link
    first.open_account(link)
    account = link.account
    assert account is not None
    link.send(b"charged", text=False, origin=account)
    first.holding.hold(link, "because the test wants it")
    assert first.keep(link, Message(b"kept", False))
    line.says(*(b"%d" % number for number in range(2 * SLICE)))
    second.take(link, first)
    assert (link.account, link.held) == (None, False)
    assert kept_in(first) == []
    assert account._charges == {}
    account.judge()  # holds nobody
    line.until(lambda: len(waiting(second)) == 1 + 2 * SLICE)
    assert second.entries[0] == (link, Message(b"kept", False))
    line.close()


def test_what_cannot_go_over_stays_as_it_is() -> None:
    line = Line(None)
    first, second, link = line.first, line.second, line.link

    def refused(code: Error, words: str) -> None:
        with pytest.raises(MultiplayerError, match=words) as raised:
            second.take(link, first)
        assert raised.value.code == code
        assert link in first.links or code == Error.ERR_DOES_NOT_EXIST
        assert kept_in(second) == []

    first.fanout.join(link, 0)
    refused(Error.ERR_ALREADY_IN_USE, "carries a member")
    first.fanout.leave(link)
    first.at_work = link
    refused(Error.ERR_BUSY, "is being served")
    first.at_work = None
    engine, first.engine = first.engine, cast("Any", NoSockets(first.engine))
    refused(Error.ERR_UNAVAILABLE, "no sockets")
    first.engine = engine
    first.begin_closing(link, 1000, "")
    refused(Error.ERR_UNAVAILABLE, "is ending")
    line.until(lambda: first.links == [])
    refused(Error.ERR_DOES_NOT_EXIST, "does not have")
    line.close()


class NoSockets:
    """Another kind of engine."""

    def __init__(self, engine: Engine[PeerChannel]) -> None:
        self.channels = engine.channels
        self.inherited = False


@ENGINES
def test_an_interrupt_while_it_goes_over_loses_that_connection_at_most(*, shared: bool) -> None:
    lost, at = 0, 0
    while True:
        at += 1
        line, steps = Line(SocketEngine() if shared else None), Steps(at, Interrupt)
        first, second, link = line.first, line.second, line.link
        steps(partial(second.take, link, first))
        for endpoint in (first, second):
            recover(endpoint, None, "an interrupt")
        if link.over:
            lost += 1
            ends = [event for _, event in (*first.entries, *second.entries)]
            assert ends == [Ended(False, link.failure)]
            for endpoint in (first, second):
                endpoint.entries.clear()
            line.until(lambda: kept_in(first) == kept_in(second) == [])  # noqa: B023
        else:
            (there,) = [each for each in (first, second) if link in each.links]
            line.says(b"still here")
            line.until(lambda: there.entries)  # noqa: B023
            assert waiting(there) == [(link, Message(b"still here", False))]
        if not steps.where:
            assert second.links == [link]
            assert lost > 20
        line.close()
        if not steps.where:
            return


def kept_in(endpoint: PeerEndpoint) -> list[str]:
    """The tables of an endpoint that are not empty."""
    tables = {
        "links": endpoint.links,
        "entries": endpoint.entries,
        "touched": endpoint.touched,
        "newcomers": endpoint.newcomers.waiting,
        "deadlines": endpoint.deadlines.noted,
        "resumed": endpoint.resumed,
        "behind": endpoint.slices.behind,
        "writing": endpoint.writing,
        "at work": [] if endpoint.at_work is None else [endpoint.at_work],
        "held": endpoint.pressing,
        "kept": endpoint.holding.kept,
    }
    return [name for name, table in tables.items() if table]
