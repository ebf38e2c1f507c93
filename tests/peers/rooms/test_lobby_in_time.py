"""The lobby in a network in memory, whose time is given from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from peers import LobbyClient, LobbyRefusedError, Resume, RoomPlace, WebSocketClient
from tests.peers.rooms.test_coming_back import KEY, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import PendingCall

pytestmark = pytest.mark.needs_sockets


class Lounge(Place):
    """A server, and clients of its lobby."""

    def __init__(self) -> None:
        super().__init__()
        self.room = self.open()

    def lobby(self, address: str = "10.0.0.1", resume: Resume | None = None) -> LobbyClient:
        client = LobbyClient("ws://game:9080")
        client.peer.resume = resume
        self.network.add(client.peer, address=address, polled_by=client.api)
        client.connect()
        self.network.settle()
        return client

    def answer(self, call: PendingCall[Any]) -> Any:
        self.network.settle()
        assert call.done
        return call.result()

    def path(self, place: RoomPlace) -> str:
        return place.url.removeprefix("ws://game:9080")


def test_who_came_by_a_reservation_comes_back_by_its_seat() -> None:
    lounge = Lounge()
    place = lounge.answer(lounge.lobby().join("r"))
    client = lounge.client(lounge.path(place))
    own = client.get_unique_id()
    for _ in range(2):  # the reservation in the URL is used up
        lounge.network.reset(client)
        lounge.network.settle()
        lounge.network.advance(5.0)
        assert lounge.room.seats[own].connected
    assert client.get_unique_id() == own


def test_a_seat_key_beside_a_reservation() -> None:
    lounge = Lounge()
    place = lounge.answer(lounge.lobby().join("R"))
    path = f"{lounge.path(place)}&seat_key={KEY}"
    first = lounge.client(path, resume=False)
    own = first.get_unique_id()
    lounge.network.reset(first)
    lounge.network.settle()
    assert not lounge.room.seats[own].connected
    second = lounge.client(path, resume=False)
    assert second.get_unique_id() == own
    assert lounge.room.seats[own].connected


def test_a_kept_place_expires_to_the_second() -> None:
    lounge = Lounge()
    lobby = lounge.lobby()
    kept = [lounge.answer(lobby.join("R")) for _ in range(3)]
    with pytest.raises(LobbyRefusedError, match="full"):
        lounge.answer(lobby.join("R"))
    lounge.network.advance(14.5)
    early = lounge.client(lounge.path(kept[0]))
    assert early.get_unique_id() in lounge.room.seats
    lounge.network.advance(1.0)
    late = lounge.client(lounge.path(kept[1]), resume=False)
    assert late.get_peer(1).get_close_code() == 4004
    assert len(lounge.room.seats) == 1
    lounge.answer(lobby.join("R"))


def test_the_window_widens_as_time_goes_on() -> None:
    lounge = Lounge()
    one, two, three = (lounge.lobby(f"10.0.0.{number}") for number in range(3))
    calls = [
        each.match("duel", rating=rating) for each, rating in ((one, 0), (two, 250), (three, 1000))
    ]
    lounge.network.advance(14.0)
    assert not any(call.done for call in calls)
    lounge.network.advance(50.0)  # a match of this kind has three players
    assert not any(call.done for call in calls)
    lounge.network.advance(2.0)  # 100 + 10 a second: those of 0 and 1000 are near that of 250
    places = [call.result()[0] for call in calls]
    assert len({place.code for place in places}) == 1
    assert len({place.url for place in places}) == 3


def test_a_lobby_in_which_nobody_waits_has_nothing_to_do() -> None:
    lounge = Lounge()
    lobby = lounge.lobby()
    waits = lobby.match("duel")
    lounge.network.settle()
    room = lounge.server.table.by_code["lobby"]
    assert room.room.tick_hz == 4.0
    waits.cancel()
    lounge.network.advance(3.0)
    assert room.room.tick_hz == 0.0
    lobby.close()
    lounge.network.advance(20.0)
    assert room.next_deadline() == float("inf")


def test_codes_come_back_with_time() -> None:
    lounge = Lounge()
    lobby = lounge.lobby()

    def tries() -> list[bool]:
        found: list[bool] = []
        for number in range(12):
            try:
                lounge.answer(lobby.join(f"NOPE{number}"))
            except LobbyRefusedError:
                found.append(False)
        return found

    assert tries() == [False] * 12
    with pytest.raises(LobbyRefusedError, match="no such room"):
        lounge.answer(lobby.join("R"))
    other = lounge.lobby("10.0.0.2")
    assert lounge.answer(other.join("R")).code == "R"
    lounge.network.advance(5.0)
    assert lounge.answer(lobby.join("R")).code == "R"
    assert _is_refused(lambda: lounge.client("/duel/NOPE", resume=False))


def _is_refused(connect: Callable[[], WebSocketClient]) -> bool:
    return connect().get_peer(1).get_close_code() == 4004


def test_a_lobby_comes_back_with_a_server_that_listens_again() -> None:
    lounge = Lounge()
    lounge.lobby()
    lounge.server.begin_leaving()
    lounge.network.advance(10.0)
    assert lounge.server.front.answers is None
    lounge.open("S")
    place = lounge.answer(lounge.lobby("10.0.0.3").join("S"))
    player = lounge.client(lounge.path(place))
    assert player.get_unique_id()
    assert lounge.answer(lounge.lobby("10.0.0.4").list()).rooms[0].players == 1


def test_a_client_of_the_lobby_that_would_resume() -> None:
    lounge = Lounge()
    client = lounge.lobby(resume=Resume(give_up_after=20.0))
    assert lounge.answer(client.list()).rooms[0].code == "R"
