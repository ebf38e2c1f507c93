"""Rooms as bytes: what is saved, and how a room goes on without what cannot be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import DecodeError, Error, MultiplayerError
from multiplayer.rooms.snapshot import MOST_BYTES
from peers import Room, RoomServer
from tests.peers.rooms.games import Noting

if TYPE_CHECKING:
    from collections.abc import Iterator


class Chess(Noting):
    moves: Any = ("e4", 5)

    def save(self) -> Any:
        return self.moves

    def restored(self, data: object) -> None:
        self.told.append(("restored", data))
        if data == "bad":
            raise ValueError(data)


class Unsaved(Room):
    def save(self) -> object:
        raise KeyError("what to save")

    def restored(self, data: object) -> None:
        raise AssertionError


KINDS = {"chess": Chess, "unsaved": Unsaved}


@pytest.fixture
def server() -> Iterator[RoomServer]:
    server = RoomServer(KINDS)
    server.open()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[RoomServer]:
    server = RoomServer(KINDS)
    server.open()
    yield server
    server.close()


def chess(server: RoomServer, code: str = "R", **options: Any) -> Chess:
    room = server.create("chess", code=code, **options)
    assert isinstance(room, Chess)
    return room


def test_a_room_goes_on_elsewhere(server: RoomServer, other: RoomServer) -> None:
    room = chess(server, private=True, metadata={"map": "ice"}, owner=7)
    room.locked = True
    again = other.restore(server.save(room))
    assert isinstance(again, Chess)
    assert again.told == [("opened", {}), ("restored", ["e4", 5])]
    assert (again.code, again.kind, again.private, again.locked) == ("R", "chess", True, True)
    assert (again.metadata, again.owner) == ({"map": "ice"}, 7)
    assert again._session.epoch == room._session.epoch
    assert other.rooms == [again]
    with pytest.raises(MultiplayerError) as raised:
        other.restore(server.save(room))
    assert raised.value.code == Error.ERR_ALREADY_EXISTS


def test_it_may_go_on_without_what_the_game_saved(server: RoomServer, other: RoomServer) -> None:
    again = other.restore(server.save(chess(server)), fresh=True)
    assert isinstance(again, Chess)
    assert again.told == [("opened", {})]


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        (object(), "cannot be written"),
        (b"x" * MOST_BYTES, "too large"),
        ("bad", r"restored\(\) raised"),
    ],
)
def test_what_cannot_be_saved_or_read_is_left_out_and_logged(
    server: RoomServer,
    other: RoomServer,
    caplog: pytest.LogCaptureFixture,
    moves: object,
    words: str,
) -> None:
    room = chess(server)
    room.moves = moves
    again = other.restore(server.save(room))
    assert isinstance(again, Chess)
    assert again.told == [("opened", {})]
    assert re.search(words, caplog.text)
    assert other.rooms == [again]


@pytest.mark.handlers_fail
def test_a_save_that_raises_keeps_the_room_as_it_is(server: RoomServer, other: RoomServer) -> None:
    room = server.create("unsaved", code="U")
    failures: list[str] = []
    room.api.handler_failed.connect(lambda peer, where, error: failures.append(where))
    again = other.restore(server.save(room))
    assert failures == ["Unsaved.save"]
    assert again.code == "U"
    server.on_error = "raise"
    with pytest.raises(KeyError):
        server.save(room)


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x93\x01\x02\x03", b"x" * (MOST_BYTES + 1)])
def test_what_is_no_snapshot_opens_nothing(server: RoomServer, data: bytes) -> None:
    with pytest.raises(DecodeError):
        server.restore(data)
    assert server.rooms == []


def test_only_rooms_of_this_server_are_saved(server: RoomServer, other: RoomServer) -> None:
    room = chess(server)
    with pytest.raises(MultiplayerError) as raised:
        other.save(room)
    assert raised.value.code == Error.ERR_DOES_NOT_EXIST


def test_a_secret_is_as_long_as_it_has_to_be() -> None:
    server = RoomServer({})
    assert len(server.secret) == 32
    assert server.secret == server.secret != RoomServer({}).secret
    server.secret = bytes(range(16))
    for secret in (b"short", "x" * 32):
        with pytest.raises(MultiplayerError, match="16 at least"):
            server.secret = secret  # type: ignore[assignment]
    assert server.secret == bytes(range(16))
