"""The lobby over HTTP, as JSON, for clients that are not ours: ``docs/lobby.md`` has the table.

A page asks from another origin than ours, so the answers have the headers of CORS (the Fetch
standard, section 3.3) for the origins that may connect at all.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast
from urllib.parse import parse_qsl, unquote

from multiplayer.rooms.listing import PAGE, Wanted
from multiplayer.rooms.lobby_words import LobbyRefusedError
from peers.websocket.http_exchange import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from multiplayer.rooms.listing import RoomRow
    from multiplayer.rooms.lobby import Lobby
    from multiplayer.rooms.tickets import RoomPlace
    from peers.websocket.http_exchange import HttpRequest

_METHODS: Final = {
    "rooms": ("GET", "POST"),
    "room": ("PATCH",),
    "join": ("POST",),
    "kick": ("POST",),
    "match": ("POST",),
    "ticket": ("GET", "DELETE"),
}
"""What may be asked of each thing."""

_PREFLIGHT_SECONDS: Final = 600
_LATER_SECONDS: Final = 10
_MOST_FIELDS: Final = 40
_BY_METADATA: Final = "metadata."
_LARGEST_ID: Final = (1 << 31) - 1


class LobbyHttp:
    """Answers HTTP requests for a lobby.

    Args:
        lobby: the lobby.
        origins: returns the origins whose pages may ask; None for any.
        now: returns the time, in seconds.
        stirred: called when the lobby may have something to do.
    """

    def __init__(
        self,
        lobby: Lobby,
        origins: Callable[[], Collection[str] | None],
        now: Callable[[], float],
        stirred: Callable[[], object],
    ) -> None:
        self._lobby = lobby
        self._origins = origins
        self._now = now
        self._stirred = stirred

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer; None if it is not the lobby that is asked."""
        thing, name = _thing_of(request.path)
        if not thing:
            return None
        origin, allowed = request.header("origin"), self._origins()
        headers = ["Cache-Control: no-store"]
        if allowed is None:
            headers.append("Access-Control-Allow-Origin: *")
        else:
            headers.append("Vary: Origin")
            if origin is not None and origin not in allowed:
                why = "this server does not accept pages from that origin"
                return _response(403, {"error": why}, headers)
            if origin is not None:
                headers.append(f"Access-Control-Allow-Origin: {origin}")
        methods = _METHODS[thing]
        if request.method == "OPTIONS":
            return HttpResponse(204, headers=[*headers, *_preflight(methods)])
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            allow = f"Allow: {', '.join((*methods, 'OPTIONS'))}"
            return _response(405, {"error": f"use {' or '.join(methods)}"}, [*headers, allow])
        try:
            status, words = getattr(self, f"_{method.lower()}_{thing}")(request, name)
        except LobbyRefusedError as error:
            if error.status == 429:
                headers.append(f"Retry-After: {_LATER_SECONDS}")
            return _response(error.status, {"error": error.text}, headers)
        self._stirred()
        return _response(status, words, headers)

    # ---------------------------------------------------------------- rooms

    def _get_rooms(self, request: HttpRequest, name: str) -> tuple[int, object]:
        del name
        fields = _query_of(request)
        kind, cursor = fields.pop("kind", ""), fields.pop("cursor", "")
        free = _choice("free", fields.pop("free", "0"), {"0": False, "1": True})
        limit = fields.pop("limit", str(PAGE))
        if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= PAGE):
            _refuse(f"limit must be 1 to {PAGE}")
        metadata: dict[str, object] = {}
        for field, value in fields.items():
            if not field.startswith(_BY_METADATA):
                _refuse(f"there is no parameter {field!r:.80}")
            metadata[field.removeprefix(_BY_METADATA)] = value
        wanted = Wanted(kind, free, metadata)
        page = self._lobby.list(request.address, self._now(), wanted, cursor, int(limit))
        rows = [said_of_row(row) for row in page.rooms]
        return 200, {"rooms": rows, "cursor": page.cursor or None}

    def _post_rooms(self, request: HttpRequest, name: str) -> tuple[int, object]:
        del name
        body = Body(request.body, "kind", "private", "metadata", "options")
        place = self._lobby.create(
            request.address,
            self._now(),
            body.text("kind"),
            private=body.flag("private", default=False),
            metadata=body.mapping("metadata"),
            options=body.mapping("options"),
        )
        return 201, said_of_place(place)

    def _post_join(self, request: HttpRequest, name: str) -> tuple[int, object]:
        return 200, said_of_place(self._lobby.join(request.address, self._now(), name))

    def _patch_room(self, request: HttpRequest, name: str) -> tuple[int, object]:
        body = Body(request.body, "owner_key", "locked", "private", "metadata")
        self._lobby.change(
            request.address,
            self._now(),
            name,
            body.text("owner_key"),
            locked=body.maybe_flag("locked"),
            private=body.maybe_flag("private"),
            metadata=body.mapping("metadata"),
        )
        return 204, None

    def _post_kick(self, request: HttpRequest, name: str) -> tuple[int, object]:
        body = Body(request.body, "owner_key", "peer")
        key, peer = body.text("owner_key"), body.whole("peer", None, _LARGEST_ID)
        self._lobby.kick(request.address, self._now(), name, key, peer)
        return 204, None

    # ---------------------------------------------------------------- matches

    def _post_match(self, request: HttpRequest, name: str) -> tuple[int, object]:
        del name
        body = Body(request.body, "kind", "party", "rating")
        ticket = self._lobby.match(
            request.address,
            self._now(),
            body.text("kind"),
            party=body.whole("party", 1, _LARGEST_ID),
            rating=body.number("rating", 0.0),
        )
        return 202, {"ticket": ticket}

    def _get_ticket(self, request: HttpRequest, name: str) -> tuple[int, object]:
        outcome = self._lobby.outcome(request.address, self._now(), name)
        said: dict[str, object] = {"state": outcome.state}
        if outcome.places:
            said["places"] = [said_of_place(place) for place in outcome.places]
        if outcome.text:
            said["error"] = outcome.text
        return 200, said

    def _delete_ticket(self, request: HttpRequest, name: str) -> tuple[int, object]:
        self._lobby.outcome(request.address, self._now(), name)  # which refuses if there is none
        self._lobby.cancel(name)
        return 204, None


# ---------------------------------------------------------------- what is said


def said_of_row(row: RoomRow) -> dict[str, object]:
    """Return a room as lists show it."""
    return {
        "kind": row.kind,
        "code": row.code,
        "players": row.players,
        "capacity": row.capacity,
        "locked": row.locked,
        "metadata": dict(row.metadata),
    }


def said_of_place(place: RoomPlace) -> dict[str, object]:
    """Return a place as whoever has asked for it is told."""
    said: dict[str, object] = {"kind": place.kind, "code": place.code, "url": place.url}
    if place.owner_key:
        said["owner_key"] = place.owner_key
    return said


def _response(status: int, words: object, headers: list[str]) -> HttpResponse:
    if words is None:
        return HttpResponse(status, headers=headers)
    text = json.dumps(words, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return HttpResponse(status, text, "application/json", headers)


def _preflight(methods: tuple[str, ...]) -> list[str]:
    return [
        f"Access-Control-Allow-Methods: {', '.join(methods)}",
        "Access-Control-Allow-Headers: Content-Type",
        f"Access-Control-Max-Age: {_PREFLIGHT_SECONDS}",
    ]


# ---------------------------------------------------------------- what is asked


def _thing_of(path: str) -> tuple[str, str]:
    """Return what a path names, and its code or ticket; "" if it is not the lobby's."""
    match [unquote(part) for part in path.split("/")[1:]]:
        case ["rooms"]:
            return "rooms", ""
        case ["rooms", code] if code:
            return "room", code
        case ["rooms", code, ("join" | "kick") as what] if code:
            return what, code
        case ["match"]:
            return "match", ""
        case ["match", ticket] if ticket:
            return "ticket", ticket
        case _:
            return "", ""


def _query_of(request: HttpRequest) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        _refuse(f"there may be {_MOST_FIELDS} parameters")
    return dict(pairs)


def _choice(name: str, value: str, choices: Mapping[str, bool]) -> bool:
    if value not in choices:
        _refuse(f"{name} must be {' or '.join(choices)}")
    return choices[value]


def _refuse(text: str) -> NoReturn:
    raise LobbyRefusedError(400, text)


def _refuse_constant(text: str) -> NoReturn:
    _refuse(f"the body must be JSON, which has no {text}")


class Body:
    """The body of a request: a JSON object, or nothing.

    Args:
        content: the bytes.
        *names: the names that it may have.

    Raises:
        LobbyRefusedError: 400: it is something else.
    """

    def __init__(self, content: bytes, *names: str) -> None:
        try:
            words: Any = json.loads(content, parse_constant=_refuse_constant) if content else {}
        except (ValueError, RecursionError):
            _refuse("the body must be JSON")
        if not isinstance(words, dict):
            _refuse("the body must be a JSON object")
        self._words = cast("dict[str, Any]", words)
        for name in self._words:
            if name not in names:
                _refuse(f"there is no {name!r:.80} here; there are {', '.join(names)}")

    def text(self, name: str) -> str:
        """Return a text, which has to be there."""
        value = self._words.get(name)
        if not isinstance(value, str):
            _refuse(f"{name} must be a text")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.maybe_flag(name)
        return default if value is None else value

    def maybe_flag(self, name: str) -> bool | None:
        """Return true, false, or None if it is not there."""
        value = self._words.get(name)
        if value is not None and not isinstance(value, bool):
            _refuse(f"{name} must be true or false")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Return an object, or None if it is not there."""
        value = self._words.get(name)
        if value is not None and not isinstance(value, dict):
            _refuse(f"{name} must be an object")
        return cast("dict[str, Any] | None", value)

    def number(self, name: str, default: float) -> float:
        """Return a finite number."""
        value = self._words.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(f"{name} must be a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            _refuse(f"{name} must be a number that is not so large")
        return number

    def whole(self, name: str, default: int | None, most: int) -> int:
        """Return a whole number from 1 on; with None as default it has to be there."""
        value = self._words.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            _refuse(f"{name} must be a whole number from 1 on")
        return value
