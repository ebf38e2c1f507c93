"""The lobby over HTTP, asked by ``urllib``: lists, rooms, matches, CORS, and bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer.rooms.board import BoardRefusedError
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.matcher import RatingWindow
from peers import HttpRequest, HttpResponse, RoomServer
from peers.rooms.lobby_http import LobbyHttp
from peers.rooms.server_board import ServerBoard
from tests.driving import until
from tests.multiplayer.rooms.lobby_table import Table, lobby_over
from tests.peers.rooms.asking import Told, ask
from tests.peers.rooms.games import Arena, Duel, Hall

if TYPE_CHECKING:
    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets

PAGE = "https://game.example.com"
OTHER = "https://evil.example.com"
NAMES = ["kind", "party", "rating", "metadata", "options", "owner_key", "peer"]


def hall_of(drive: Drive, **settings: object) -> Hall:
    """A server that allows many requests."""
    server = RoomServer({"duel": Duel, "arena": Arena})
    free = LobbySettings(
        asking=(0, 1), joining=(0, 1), creating=(0, 1), matching=(0, 1), codes=(0, 1)
    )
    server.lobby = replace(free, **settings)  # type: ignore[arg-type]
    return Hall(drive, server)


def said(told: Told, status: int = 200) -> dict[str, object]:
    assert told.status == status, told
    assert isinstance(told.body, dict)
    assert told.headers["Cache-Control"] == "no-store"
    return told.body


# ---------------------------------------------------------------- rooms


async def test_rooms_are_made_listed_joined_and_changed(drive: Drive) -> None:
    hall = hall_of(drive)
    server = hall.server
    assert said(await ask(server, "/rooms")) == {"rooms": [], "cursor": None}
    wish = {"kind": "duel", "metadata": {"map": "ice"}, "options": {"rounds": "3"}}
    made = said(await ask(server, "/rooms", "POST", wish), 201)
    (room,) = server.rooms
    assert isinstance(room, Duel)
    assert room.of("opened") == [{"rounds": "3"}]
    assert (made["kind"], made["code"]) == ("duel", room.code)
    row = {"kind": "duel", "code": room.code, "players": 0, "capacity": 2, "locked": False}
    listed = said(await ask(server, "/rooms?kind=duel&free=1&metadata.map=ice"))
    assert listed["rooms"] == [{**row, "metadata": {"map": "ice"}}]
    owner = await hall.join(str(made["url"]))
    assert room.owner == owner.id
    place = said(await ask(server, f"/rooms/{room.code.lower()}/join", "POST"))
    guest = await hall.join(str(place["url"]))
    await until(lambda: sorted(room.seats) == sorted([owner.id, guest.id]))
    path, key = f"/rooms/{room.code}", made["owner_key"]
    change = {"owner_key": key, "locked": True, "metadata": {"map": "lava"}}
    assert (await ask(server, path, "PATCH", change)).status == 204
    assert (room.locked, room.metadata) == (True, {"map": "lava"})
    kick = {"owner_key": key, "peer": guest.id}
    assert (await ask(server, f"{path}/kick", "POST", kick)).status == 204
    await until(lambda: guest.is_out)
    assert guest.closed_with == (4001, "sent away by the owner")
    assert said(await ask(server, f"{path}/join", "POST"), 409)["error"] == "the room is locked"


async def test_a_page_has_fifty_and_a_cursor_for_the_next(drive: Drive) -> None:
    hall = hall_of(drive)
    for number in range(60):
        hall.open(code=f"R{number}")
    first = said(await ask(hall.server, "/rooms?limit=50"))
    second = said(await ask(hall.server, f"/rooms?cursor={first['cursor']}"))
    assert second["cursor"] is None
    rows = [*first["rooms"], *second["rooms"]]  # type: ignore[misc]
    assert [row["code"] for row in rows] == [f"R{number}" for number in reversed(range(60))]


async def test_a_place_is_kept_for_whoever_brings_its_url(drive: Drive) -> None:
    hall = hall_of(drive, reservation_seconds=3600.0)
    room = hall.open(code="RED")
    places = [said(await ask(hall.server, "/rooms/RED/join", "POST")) for _ in range(2)]
    assert said(await ask(hall.server, "/rooms/RED/join", "POST"), 409)["error"]
    assert await hall.refused("/duel/RED") == (4013, "the room is full")
    assert await hall.refused(f"/duel/RED?reservation={'0' * 32}") == (
        4004,
        "there is no such room",
    )
    room.locked = True  # a promise is kept all the same
    for place in places:
        await hall.join(str(place["url"]))
    assert len(room.seats) == 2
    assert (await hall.refused(str(places[0]["url"])))[0] == 4004  # used up
    assert room.owner == 0


async def test_a_place_that_nobody_takes_is_free_again(drive: Drive) -> None:
    hall = hall_of(drive, reservation_seconds=0.05)
    hall.open(code="RED", private=False)
    urls = [str(said(await ask(hall.server, "/rooms/RED/join", "POST"))["url"]) for _ in range(2)]
    await until(lambda: any(hall.server.table.with_place("duel")))
    assert (await hall.refused(urls[0]))[0] == 4004
    player = await hall.join("/duel/any")
    assert len(hall.server.rooms) == 1
    assert [*hall.server.rooms[0].seats] == [player.id]


async def test_a_room_that_waits_for_somebody_is_not_idle(drive: Drive) -> None:
    hall = hall_of(drive)
    place = said(await ask(hall.server, "/rooms", "POST", {"kind": "duel"}), 201)
    (room,) = hall.server.rooms
    room.idle = 0.01
    other = hall.open(code="OTHER")
    other.idle = 0.01
    await until(lambda: hall.server.rooms == [room])
    await hall.join(str(place["url"]))


# ---------------------------------------------------------------- matches


async def test_two_who_wait_meet_in_a_room_of_their_own(drive: Drive) -> None:
    hall = hall_of(drive)
    server = hall.server
    tickets: list[str] = []
    for rating in (1000, 1010):
        wish = {"kind": "duel", "rating": rating}
        told = said(await ask(server, "/match", "POST", wish), 202)
        tickets.append(str(told["ticket"]))
        if len(tickets) == 1:
            assert said(await ask(server, f"/match/{tickets[0]}")) == {"state": "waiting"}
    await until(lambda: bool(server.rooms))
    urls: list[str] = []
    for ticket in tickets:
        outcome = said(await ask(server, f"/match/{ticket}"))
        assert outcome["state"] == "matched"
        urls += [place["url"] for place in outcome["places"]]  # type: ignore[attr-defined]
    for url in urls:
        await hall.join(url)
    (room,) = server.rooms
    assert (len(room.seats), room.private) == (2, True)


async def test_a_window_widens_by_itself(drive: Drive) -> None:
    hall = hall_of(drive, window=RatingWindow(0, 1000))
    tickets = [
        said(await ask(hall.server, "/match", "POST", {"kind": "duel", "rating": rating}), 202)
        for rating in (0, 200)
    ]
    await until(lambda: bool(hall.server.rooms))  # nobody asks meanwhile
    outcome = said(await ask(hall.server, f"/match/{tickets[0]['ticket']}"))
    assert outcome["state"] == "matched"


async def test_a_ticket_can_be_given_up(drive: Drive) -> None:
    hall = hall_of(drive)
    told = said(await ask(hall.server, "/match", "POST", {"kind": "duel", "party": 1}), 202)
    path = f"/match/{told['ticket']}"
    assert (await ask(hall.server, path, "DELETE")).status == 204
    assert (await ask(hall.server, path, "DELETE")).status == 404
    assert (await ask(hall.server, path)).status == 404


# ---------------------------------------------------------------- CORS


async def test_any_page_may_ask_where_no_origins_are_chosen(drive: Drive) -> None:
    hall = hall_of(drive)
    told = await ask(hall.server, "/rooms", headers={"Origin": PAGE})
    assert said(told)["rooms"] == []
    assert told.headers["Access-Control-Allow-Origin"] == "*"


async def test_only_pages_of_allowed_origins_may_ask(drive: Drive) -> None:
    hall = hall_of(drive)
    hall.server.allowed_origins = [PAGE]
    told = await ask(hall.server, "/rooms", headers={"Origin": PAGE})
    assert said(told)["rooms"] == []
    assert told.headers["Access-Control-Allow-Origin"] == PAGE
    assert told.headers["Vary"] == "Origin"
    told = await ask(hall.server, "/rooms", "POST", {"kind": "duel"}, {"Origin": OTHER})
    assert said(told, 403)["error"]
    assert told.headers["Access-Control-Allow-Origin"] is None
    assert hall.server.rooms == []
    assert (await ask(hall.server, "/rooms")).status == 200  # a program, not a page


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/rooms", "GET, POST"),
        ("/rooms/K7QX", "PATCH"),
        ("/rooms/K7QX/join", "POST"),
        ("/rooms/K7QX/kick", "POST"),
        ("/match", "POST"),
        ("/match/abc", "GET, DELETE"),
    ],
)
async def test_a_preflight_says_what_may_be_asked(drive: Drive, path: str, methods: str) -> None:
    hall = hall_of(drive)
    hall.server.allowed_origins = [PAGE]
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    told = await ask(hall.server, path, "OPTIONS", None, asked)
    assert (told.status, told.body) == (204, b"")
    assert told.headers["Access-Control-Allow-Origin"] == PAGE
    assert told.headers["Access-Control-Allow-Methods"] == methods
    assert told.headers["Access-Control-Allow-Headers"] == "Content-Type"
    refused = await ask(hall.server, path, "OPTIONS", None, {**asked, "Origin": OTHER})
    assert refused.status == 403


# ---------------------------------------------------------------- the rest, and bad input


async def test_the_programs_own_callback_gets_the_rest(drive: Drive) -> None:
    hall = hall_of(drive)
    asked: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse | None:
        asked.append(request.path)
        return HttpResponse(200, "fine") if request.path == "/health" else None

    assert (await ask(hall.server, "/health")).status == 426
    hall.server.http_callback = answer
    assert (await ask(hall.server, "/health")).body == b"fine"
    assert (await ask(hall.server, "/roomsy")).status == 426
    assert (await ask(hall.server, "/rooms")).status == 200
    assert asked == ["/health", "/roomsy"]


async def test_a_server_without_a_lobby(drive: Drive) -> None:
    server = RoomServer({"duel": Duel})
    server.lobby = None
    hall = Hall(drive, server)
    assert (await ask(server, "/rooms")).status == 426
    assert (await hall.refused("/lobby"))[0] == 4004
    assert server.rooms == []


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        ("/rooms", "PUT", {}, 405),
        ("/rooms/K7QX", "GET", None, 405),
        ("/rooms?limit=0", "GET", None, 400),
        ("/rooms?limit=51", "GET", None, 400),
        ("/rooms?limit=-1", "GET", None, 400),
        ("/rooms?limit=%C2%B2", "GET", None, 400),
        ("/rooms?limit=000000001" + "0" * 3000, "GET", None, 400),
        ("/rooms?free=yes", "GET", None, 400),
        ("/rooms?cursor=x", "GET", None, 400),
        ("/rooms?nonsense=1", "GET", None, 400),
        ("/rooms?" + "&".join(f"metadata.{n}=1" for n in range(50)), "GET", None, 400),
        ("/rooms", "POST", b"", 400),
        ("/rooms", "POST", b"{", 400),
        ("/rooms", "POST", b"\xff\xfe\xfd", 400),
        ("/rooms", "POST", b"[" * 30_000, 400),
        ("/rooms", "POST", b'{"kind": ' + b"9" * 5000 + b"}", 400),
        ("/rooms", "POST", b'{"kind": "duel", "metadata": {"a": NaN}}', 400),
        ("/rooms", "POST", b'{"kind": "duel", "metadata": {"a": "\\ud800"}}', 400),
        ("/rooms", "POST", b'{"kind": "duel", "metadata": {"a": 1e999}}', 400),
        ("/rooms", "POST", [], 400),
        ("/rooms", "POST", {"kind": 1}, 400),
        ("/rooms", "POST", {"kind": "chess"}, 404),
        ("/rooms", "POST", {"kind": "duel", "private": "yes"}, 400),
        ("/rooms", "POST", {"kind": "duel", "metadata": []}, 400),
        ("/rooms", "POST", {"kind": "duel", "metadata": {"a": {}}}, 400),
        ("/rooms", "POST", {"kind": "duel", "options": {"a": 1}}, 400),
        ("/rooms", "POST", {"kind": "duel", "code": "MINE"}, 400),
        ("/rooms/NOPE/join", "POST", None, 404),
        ("/rooms/lobby/join", "POST", None, 404),
        ("/rooms/%2e%2e/join", "POST", None, 404),
        ("/rooms/NOPE", "PATCH", {"owner_key": "x"}, 404),
        ("/rooms/NOPE", "PATCH", {}, 400),
        ("/rooms/NOPE/kick", "POST", {"owner_key": "x"}, 400),
        ("/rooms/NOPE/kick", "POST", {"owner_key": "x", "peer": True}, 400),
        ("/rooms/NOPE/kick", "POST", {"owner_key": "x", "peer": 1 << 31}, 400),
        ("/match", "POST", {"kind": "arena"}, 404),
        ("/match", "POST", {"kind": "duel", "party": 3}, 400),
        ("/match", "POST", {"kind": "duel", "party": 0}, 400),
        ("/match", "POST", {"kind": "duel", "rating": "good"}, 400),
        ("/match", "POST", b'{"kind": "duel", "rating": 1e999}', 400),
        ("/match", "POST", {"kind": "duel", "rating": 10**400}, 400),
        ("/match/none", "GET", None, 404),
        ("/match/none", "DELETE", None, 404),
    ],
)
async def test_what_cannot_be_asked(
    drive: Drive, path: str, method: str, body: object, status: int
) -> None:
    hall = hall_of(drive)
    assert said(await ask(hall.server, path, method, body), status)["error"]
    assert hall.server.rooms == []
    assert said(await ask(hall.server, "/rooms"))["rooms"] == []


async def test_codes_tried_here_count_with_those_tried_in_urls(drive: Drive) -> None:
    hall = hall_of(drive, codes=(0.001, 4))
    room = hall.open(code="RED")
    place = said(await ask(hall.server, "/rooms/RED/join", "POST"))
    for number in range(2):
        assert (await ask(hall.server, f"/rooms/NOPE{number}/join", "POST")).status == 404
        assert (await hall.refused(f"/duel/NOPE{number}"))[0] == 4004
    # Now the right code is not there either, in the same words ...
    assert said(await ask(hall.server, "/rooms/RED/join", "POST"), 404) == {
        "error": "there is no such room"
    }
    assert await hall.refused("/duel/RED") == (4004, "there is no such room")
    assert await hall.refused("/?room=RED") == (4004, "there is no such room")
    # ... but a place that was kept is.
    await hall.join(str(place["url"]))
    assert len(room.seats) == 1


async def test_a_flood_is_refused_and_ends_nothing(drive: Drive) -> None:
    server = RoomServer({"duel": Duel})  # as it is by itself
    server.max_rooms_per_address = 3
    hall = Hall(drive, server)
    answers = [await ask(server, "/rooms", "POST", {"kind": "duel"}) for _ in range(7)]
    statuses = [told.status for told in answers]
    assert statuses[:3] == [201] * 3
    assert {*statuses[3:]} <= {429, 503}
    assert statuses[-1] == 429
    assert answers[-1].headers["Retry-After"] == "10"
    assert len(server.rooms) == 3
    statuses = [(await ask(server, "/match", "POST", {"kind": "duel"})).status for _ in range(20)]
    assert statuses.count(429) >= 3
    await hall.join(f"/duel/{server.rooms[0].code}")


async def test_head_has_no_body(drive: Drive) -> None:
    hall = hall_of(drive)
    told = await ask(hall.server, "/health", "HEAD")
    assert told.status == 426


# ---------------------------------------------------------------- any bytes at all


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "BREW"]),
    st.one_of(
        st.text(st.characters(codec="latin-1", exclude_characters=" \r\n"), max_size=60),
        st.sampled_from(["rooms", "rooms/R/join", "rooms/R", "match", "match/T", "rooms/R/kick"]),
    ),
    st.text(st.characters(codec="latin-1"), max_size=60),
    st.one_of(
        st.binary(max_size=80),
        st.dictionaries(
            st.sampled_from(
                ["kind", "party", "rating", "metadata", "options", "owner_key", "peer"]
            ),
            st.recursive(
                st.one_of(
                    st.none(),
                    st.booleans(),
                    st.integers(),
                    st.floats(),
                    st.text(max_size=8),
                    st.just("duel"),
                ),
                lambda each: st.one_of(
                    st.lists(each, max_size=3),
                    st.dictionaries(st.text(max_size=5), each, max_size=3),
                ),
                max_leaves=5,
            ),
        ).map(lambda words: json.dumps(words).encode()),
    ),
)
def test_whatever_is_asked_is_answered(method: str, path: str, query: str, body: bytes) -> None:
    table = Table()
    lobby = lobby_over(table)
    http = LobbyHttp(lobby, lambda: None, lambda: 0.0, lambda: lobby.process(0.0))
    request = HttpRequest(f"/{path}?{query}", "h", (), method, body, "192.0.2.1", 1)
    answer = http.answer(request)
    if answer is not None and answer.status not in (200, 201, 202, 204):
        assert json.loads(answer.content)["error"]
    assert answer is None or answer.status < 500


def test_a_server_that_has_stopped_opens_no_rooms() -> None:
    board = ServerBoard(RoomServer({"duel": Duel}))
    with pytest.raises(BoardRefusedError, match="no rooms any more"):
        board.create("duel", creator="", private=False, metadata={}, options={})
    assert not board.reserve("RED", "0" * 32, 15.0)
    assert not board.kick("RED", 7, "")
    board.change("RED", locked=True)  # gone: nothing
