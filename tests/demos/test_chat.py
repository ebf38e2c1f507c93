"""The chat demo, as a user runs it."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

import demos.chat.__main__ as chat
from demos.chat import scripted
from demos.chat.room import Room
from multiplayer import Node, SceneMultiplayer, rpc
from peers.testing import connected_pair
from tests.programs import Program, started

if TYPE_CHECKING:
    from collections.abc import Generator

HELP = re.escape("Say something, or: /to NAME text, /but NAME text, /who, /quit")


def test_the_scripted_conversation_arrives_and_ends_by_itself() -> None:
    with started("-m", "demos.chat") as program:
        lines = program.rest()
        assert program.status() == 0
    assert lines[:3] == ["Ada joins.", "Bob joins.", "Cyd joins."]
    at = lines.index("Bob to Ada: Me. Whose birthday is it, Cyd's?")
    assert lines[at : at + 4] == [
        "Bob to Ada: Me. Whose birthday is it, Cyd's?",
        "    heard by Ada",
        "Ada to everybody but Cyd: Yes. Cake at eight, not a word to Cyd!",
        "    heard by Server, Bob",
    ]
    assert lines[-4:-1] == ["Cyd leaves.", "Bob leaves.", "Ada leaves."]
    assert re.fullmatch(
        r"Everything arrived\. The server received 22 packets \(\d+ bytes\) "
        r"and sent 42 \(\d+ bytes\)\.",
        lines[-1],
    )


SAY = Room.say


def say_nothing(room: Room, text: str, target: int = 0) -> None:
    """Lose everything."""


def say_to_all(room: Room, text: str, target: int = 0) -> None:
    SAY(room, text)


@pytest.mark.parametrize(
    ("say", "told"),
    [
        (say_nothing, r"(Server|Bob|Cyd) did not notice: Ada says: Hello! Who is here\?"),
        (say_to_all, r"(Server|Cyd) noticed what was not for them: Bob says: Me. .*"),
    ],
)
def test_the_script_notices_what_goes_wrong(
    say: object, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Room, "say", say)
    monkeypatch.setattr(scripted, "PATIENCE", 0.5)
    monkeypatch.setattr(sys, "argv", ["chat"])
    assert chat.main() == 1
    assert re.fullmatch(f"Something went wrong: {told}\n", capsys.readouterr().err)


@pytest.fixture
def server() -> Generator[Program]:
    with started("-m", "demos.chat", "server", "--port", "0") as program:
        yield program


def opened(server: Program) -> str:
    return server.until(r"The chat is open at (ws://127\.0\.0\.1:\d+)")[1]


def client(url: str, name: str) -> tuple[str, ...]:
    return ("-m", "demos.chat", "client", "--name", name, "--url", url)


def test_people_talk_to_all_to_one_and_to_all_but_one(server: Program) -> None:
    url = opened(server)
    with started(*client(url, "Ada")) as ada, started(*client(url, "Bob")) as bob:
        ada.until(f"Welcome, Ada! {HELP}")
        for program, others in ((ada, {"Server", "Bob"}), (bob, {"Server", "Ada"})):
            seen = {program.until(r"\* (\w+) is here\.")[1] for _ in others}
            assert seen == others
        for _ in range(2):
            server.until(r"\* (Ada|Bob) is here\.")
        ada.type("hello all")
        assert bob.line() == "Ada to everybody: hello all"
        assert server.line() == "Ada to everybody: hello all"
        bob.type("/to Ada psst")
        assert ada.line() == "Bob to you: psst"
        bob.type("/but Ada  she is nice")
        assert server.line() == "Bob to everybody but Ada: she is nice"
        bob.type("/to Eve hi")
        assert bob.line() == "* Nobody is called Eve."
        bob.type("/who")
        here = bob.line()
        assert here is not None
        first, *others = here.removeprefix("* Here: ").split(", ")
        assert (first, sorted(others)) == ("Bob (you)", ["Ada", "Server"])
        bob.type("")
        bob.type("/dance")
        bob.until(rf"\* {HELP}")
        server.type("closing time")
        assert ada.line() == "Server to everybody: closing time"
        assert bob.line() == "Server to everybody: closing time"
        bob.type("/quit")
        assert (bob.rest(), bob.status()) == ([], 0)
        assert ada.line() == "* Bob has left."
        ada.type("bye")
        ada.end_input()
        assert (ada.rest(), ada.status()) == ([], 0)
        assert [server.line() for _ in range(3)] == [
            "* Bob has left.",
            "Ada to everybody: bye",
            "* Ada has left.",
        ]
    server.type("/quit")
    assert server.status() == 0


def test_a_client_ends_when_the_server_goes_even_if_nobody_types(server: Program) -> None:
    with started(*client(opened(server), "Ada")) as ada:
        ada.until(r"\* Server is here\.")
        server.type("/quit")
        assert server.status() == 0
        assert ada.rest() == ["* Server has left.", "* The server has gone."]
        assert ada.status() == 1


def test_characters_that_the_output_cannot_encode_end_nobody(server: Program) -> None:
    url = opened(server)
    with (
        started(*client(url, "Ädä")) as ada,
        started(*client(url, "Bob"), encoding="ascii") as bob,
    ):
        assert bob.until(r"\* (\S+d\S+) is here\.")[1] == r"\xc4d\xe4"
        server.until(r"\* Ädä is here\.")
        ada.until(r"\* Bob is here\.")
        ada.type("schön ☃ 🂡")
        assert (
            bob.until(".*to everybody: .*")[0]
            == r"\xc4d\xe4 to everybody: sch\xf6n \u2603 \U0001f0a1"
        )
        bob.type("schön")  # the bytes of which are no ASCII
        assert ada.until(".*to everybody: .*")[0].startswith("Bob to everybody: sch")
        bob.type("/quit")
        bob.rest()
        assert bob.status() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_a_server_without_input_serves_until_ctrl_c(server: Program) -> None:
    server.end_input()
    with started(*client(opened(server), "Ada")) as ada:
        ada.until(r"\* Server is here\.")
        server.until(r"\* Ada is here\.")
        server.process.send_signal(signal.SIGINT)
        assert server.rest() == ["* Ada has left."]
        assert server.status() == 0
        assert ada.rest() == ["* Server has left.", "* The server has gone."]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_is_a_way_to_leave(server: Program) -> None:
    with started(*client(opened(server), "Ada")) as ada:
        ada.until(r"\* Server is here\.")
        ada.process.send_signal(signal.SIGINT)
        assert (ada.rest(), ada.status()) == ([], 0)
        server.until(r"\* Ada has left\.")


def test_a_client_without_a_server_says_so() -> None:
    with started(*client("ws://127.0.0.1:1", "Ada")) as ada:
        (told,) = ada.rest()
        assert told.startswith("Something went wrong: ERR_CANT_CONNECT: no connection to ws://")
        assert ada.status() == 1


class Stranger(Node):
    """Calls what a room has, with whatever it likes."""

    @rpc("any_peer")
    def introduce(self, *anything: object) -> None: ...

    @rpc("any_peer")
    def hear(self, *anything: object) -> None: ...


def test_a_room_ignores_what_is_no_chat_and_prints_no_control_characters() -> None:
    with connected_pair() as pair:
        room, stranger = Room("Server"), Stranger()
        heard: list[tuple[str, str, int]] = []
        joined: list[str] = []
        room.heard.connect(lambda *what: heard.append(what))
        room.joined.connect(joined.append)
        room.api.multiplayer_peer = pair.server
        SceneMultiplayer(stranger).multiplayer_peer = pair.client
        for nonsense in ((), (3,), ("a", "b"), (b"x",)):
            stranger.introduce.rpc_id(1, *nonsense)
        for nonsense in (("x",), (b"x", 0), ("x", "y")):
            stranger.hear.rpc_id(1, *nonsense)
        pair.client.put_packet(b"\xc1")
        stranger.hear.rpc_id(1, "early", 0)
        stranger.introduce.rpc_id(1, "A da\x1b[2J")
        stranger.introduce.rpc_id(1, "Eve")  # has a name already
        stranger.hear.rpc_id(1, "\x07now\n", 1)
        own = pair.client.get_unique_id()
        pair.until(lambda: len(heard) == 2)
        assert heard == [(f"peer {own}", "early", 0), ("A-da?[2J", "?now?", 1)]
        assert joined == ["A-da?[2J"]
        assert room.describe(1) == "you"
        assert room.describe(-own) == "everybody but A-da?[2J"
        assert room.api.statistics.rejected.total() == 8


def test_a_room_offline_is_an_empty_room() -> None:
    room = Room("Ada")
    room.say("hello?")
    assert room.find("Bob") is None
    assert room.names == {}


def test_who_leaves_hears_no_more_of_others_who_leave() -> None:
    with connected_pair() as pair:
        server, client = Room("Server"), Room("Ada")
        client.api.multiplayer_peer = pair.client
        server.api.multiplayer_peer = pair.server
        left: list[str] = []
        client.left.connect(left.append)
        for room, peer in ((server, pair.client.get_unique_id()), (client, 1)):
            room.introduce.rpc_id(peer, room.owner)
        pair.until(lambda: client.names and server.names)
        client.leave()
        pair.client.close()
        pair.until(lambda: not server.names)
        assert left == []
