"""Nothing is kept of players who have gone, however they came and went."""

from __future__ import annotations

import pytest

from peers.memory import MemoryNetwork
from tests.kept import tables_of_rooms
from tests.peers.rooms.test_coming_back import Place

pytestmark = pytest.mark.needs_sockets

ROUNDS = 20


def test_a_server_of_rooms_keeps_nothing_of_those_who_have_gone() -> None:
    place = Place(MemoryNetwork(seed=5, chop="random"))
    room = place.open()
    room.idle, room.capacity = None, 0
    network, server = place.network, place.server
    for number in range(ROUNDS):
        key = f"{number:022}"
        back = place.client("/duel/R")
        back_by_key = place.client(f"/duel/R?seat_key={key}", resume=False)
        left = place.client("/duel/new")
        kicked, forced, lost = (place.client("/duel/R", resume=False) for _ in range(3))
        if number < 3:
            place.client("/duel/NOWHERE", resume=False)
        for each in (back, back_by_key):
            network.reset(each)
        network.advance(2.0)
        again = place.client(f"/duel/any?seat_key={key}", resume=False)
        assert again.get_unique_id() in room.seats
        assert back.get_unique_id() in room.seats
        left.disconnect_from_host()
        room.seats[kicked.get_unique_id()].kick("out")
        room.peer.disconnect_peer(forced.get_unique_id(), force=True)
        network.reset(lost)
        again.close()
        back.disconnect_from_host()
        session = server.table.by_code["R"]
        assert session.reserve(f"token {number}", 5.0)
    network.advance(60.0)
    assert server.rooms == [room]
    kept = {name: len(table) for name, table in tables_of_rooms(server).items() if len(table)}
    assert kept == {}
    assert len(room.of("joined")) == len(room.of("left")) == 5 * ROUNDS
