"""``phases``: what each input does in each phase up to the upgrade, on a real link.

Those from then on are in ``test_closing.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from multiplayer import Limits
from peers.websocket.client_handshake import ClientHandshake
from peers.websocket.closing import Closing
from peers.websocket.events import Ended, Failed, ReadyState
from peers.websocket.http_exchange import HttpResponse
from peers.websocket.link import Link
from peers.websocket.phases import TABLE, Action, Input, Phase
from peers.websocket.server_handshake import ServerHandshake
from peers.websocket.upgrade import ClientUpgrade, ServerUpgrade
from tests.peers import test_closing
from tests.peers.test_closing import HEARD, LAST_WORD
from tests.peers.test_link import SETTINGS, START, Recorder, take
from tests.raw import CLOSE, PING, PONG, close_body, frame, request, upgrade_headers

if TYPE_CHECKING:
    from collections.abc import Callable

UP, BAD = b"the handshake is complete", b"no record at all"

UPGRADE = request(80)
POST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"
NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class ScriptedTLS:
    """TLS as a link sees it: :data:`UP` completes the handshake, :data:`BAD` breaks it."""

    def __init__(self) -> None:
        self.established = self.has_heard = self.said_goodbye = self.ended = False
        self.error = ""
        self.waiting = self.empty_records = 0

    def start(self) -> None: ...

    def clear(self) -> None: ...

    def receive(self, data: bytes) -> bytes:
        self.has_heard = True
        if data == UP:
            self.established = True
        if data == BAD:
            self.error = "broken"
        return b"" if data in (UP, BAD) else data


class Bench:
    """A link and what happens to it."""

    def __init__(self, role: str) -> None:
        self.tls = ScriptedTLS()
        self.recorder = Recorder()
        settings = replace(
            SETTINGS,
            envelope="plain",
            heartbeat_interval=1.0,
            tls=lambda: self.tls,
            limits=Limits(max_control_frames=10),
        )
        self.upgrade = ClientUpgrade("h", "/", (), ()) if role == "client" else ServerUpgrade()
        self.link = Link(settings, self.recorder.notices, self.upgrade, START, awaits_id=True)

    def connect(self) -> None:
        self.link.connected("127.0.0.1", 1, START)

    def decide(self, decision: Callable[[ServerHandshake], object]) -> None:
        """Answer what was asked; after the upgrade there is nothing left that could."""
        if self.link._handshake is not None:
            decision(self.link.asked)

    def receive(self, data: bytes) -> None:
        self.link.receive(data, START)

    def agree(self) -> None:
        """Let the other side agree to the upgrade."""
        if isinstance(self.upgrade, ClientUpgrade):
            lines = upgrade_headers(self.upgrade.request.decode())
            head = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""])
            self.receive(head.encode())
        else:
            self.decide(lambda asked: asked.accept("", START))

    def refuse(self) -> None:
        if isinstance(self.upgrade, ClientUpgrade):
            self.receive(NO)
        else:
            self.decide(lambda asked: asked.refuse(403, "no", START))

    def fail_tls(self) -> None:
        """Where nothing is read for now, only what TLS costs us can end it."""
        if self.link.phase.keeps:
            self.tls.empty_records = 11
            self.receive(b"")
        else:
            self.receive(BAD)

    def told(self) -> str:
        names: list[str] = []
        for event in self.recorder.events():
            if isinstance(event, Ended | Failed):
                names.append(event.failure.stage if event.failure is not None else "clean")
            else:
                names.append(type(event).__name__)
        return ",".join(names)


def then(before: str, *steps: Callable[[Bench], object]) -> Callable[[], Bench]:
    """How to get from one place to the next."""

    def go() -> Bench:
        bench = PLACES[before]()
        for step in steps:
            step(bench)
        return bench

    return go


PLACES: dict[str, Callable[[], Bench]] = {
    "client TCP": lambda: Bench("client"),
    "server TCP": lambda: Bench("server"),
    "client TLS": then("client TCP", Bench.connect),
    "server TLS": then("server TCP", Bench.connect),
    "client ASKING": then("client TLS", lambda b: b.receive(UP), lambda b: take(b.link)),
    "server LISTENING": then("server TLS", lambda b: b.receive(UP)),
    "server ASKED": then("server LISTENING", lambda b: b.receive(UPGRADE)),
    "server ASKED_HTTP": then("server LISTENING", lambda b: b.receive(POST)),
    "server READING": then("server ASKED_HTTP", lambda b: b.link.asked.read_body(START)),
    "server ANSWERING": then("server READING", lambda b: b.receive(b"abc")),
    "server ANSWERED": then(
        "server ANSWERING",
        lambda b: b.link.asked.respond(HttpResponse(), START),
        lambda b: take(b.link),
    ),
    "server LINGERING": then("server ASKED", Bench.refuse, lambda b: take(b.link)),
    "server OVER": then("server ASKED", lambda b: b.link.abandon()),
    "client JOINING": then(
        "client ASKING",
        Bench.agree,
        lambda b: b.link.send(b"word", text=False),
        lambda b: take(b.link),
    ),
    "client OPEN": then("client JOINING", lambda b: b.link.settle(START)),
    "client MUTE": then("client OPEN", lambda b: b.link.lose_output("reset")),
    "client HEARD": then(
        "client OPEN", lambda b: b.receive(frame(close_body(4000, "theirs"), CLOSE))
    ),
    "client HEARD_MUTE": then("client HEARD", lambda b: b.link.lose_output("reset")),
    "client LAST_WORD": then(
        "client OPEN",
        lambda b: b.link.send(b"word", text=False),
        lambda b: b.link.close(4001, "ours", START),
        lambda b: take(b.link),
    ),
    "client CLOSING": then("client LAST_WORD", lambda b: b.receive(frame(LAST_WORD, PONG))),
    "client AWAITING": then("client CLOSING", lambda b: take(b.link)),
    "client CLOSED_BY_BOTH": then("client HEARD", lambda b: b.link.answer_close(HEARD, START)),
    "client OVER": then("client OPEN", lambda b: b.link.abandon()),
}
"""How a link gets into each phase, in each role that has it."""


def on_link(what: Input) -> Callable[[Bench], object]:
    return lambda bench: test_closing.INPUTS[what](bench.link, START)


INPUTS: dict[Input, Callable[[Bench], object]] = {
    **{what: on_link(what) for what in test_closing.INPUTS},
    Input.CONNECTED: Bench.connect,
    Input.ASK: lambda b: b.receive(UP),
    Input.LISTEN: lambda b: b.receive(UP),
    Input.REQUEST: lambda b: b.receive(UPGRADE),
    Input.HTTP_REQUEST: lambda b: b.receive(POST),
    Input.BODY: lambda b: b.receive(b"abc"),
    Input.READ: lambda b: b.decide(lambda asked: asked.read_body(START)),
    Input.RESPOND: lambda b: b.decide(lambda asked: asked.respond(HttpResponse(), START)),
    Input.UPGRADED: Bench.agree,
    Input.SETTLED: lambda b: b.link.settle(START),
    Input.REFUSED: Bench.refuse,
    Input.CROWDED_OUT: lambda b: b.link.give_way(START),
    Input.TLS_FAILED: Bench.fail_tls,
}

BY_FRAMES = (Input.PONG, Input.CLOSE_CAME, Input.VIOLATION_CAME)
"""What only comes in frames."""

OF_SERVERS = (Input.READ, Input.RESPOND, Input.UPGRADED, Input.REFUSED, Input.CROWDED_OUT)
"""What a server decides at any time; a client hears two of them while it asks."""

TABLE_OF_BEGINNINGS = """
place             | input             | sent | told          | next
client TCP        | CONNECTED         |      |               | TLS
client TCP        | CLOSE             |      | tcp           | OVER
client TCP        | CLOSE_BEHIND_DATA |      | tcp           | OVER
client TCP        | EOF               |      | tcp           | OVER
client TCP        | TIMEOUT           |      | timeout       | OVER
server TCP        | CONNECTED         |      |               | TLS
server TCP        | CLOSE             |      | tcp           | OVER
server TCP        | CLOSE_BEHIND_DATA |      | tcp           | OVER
server TCP        | EOF               |      | tcp           | OVER
server TCP        | TIMEOUT           |      | timeout       | OVER
client TLS        | ASK               | GET  |               | ASKING
client TLS        | TLS_FAILED        |      | tls           | LINGERING
client TLS        | CLOSE             |      | tls           | OVER
client TLS        | CLOSE_BEHIND_DATA |      | tls           | OVER
client TLS        | EOF               |      | tls           | OVER
client TLS        | LOST              |      |               | TLS
client TLS        | TIMEOUT           |      | tls           | OVER
server TLS        | LISTEN            |      |               | LISTENING
server TLS        | CROWDED_OUT       |      | tls           | OVER
server TLS        | TLS_FAILED        |      | tls           | LINGERING
server TLS        | CLOSE             |      | tls           | OVER
server TLS        | CLOSE_BEHIND_DATA |      | tls           | OVER
server TLS        | EOF               |      | tls           | OVER
server TLS        | LOST              |      |               | TLS
server TLS        | TIMEOUT           |      | tls           | OVER
client ASKING     | UPGRADED          |      | Opened        | JOINING
client ASKING     | REFUSED           |      | http          | OVER
client ASKING     | TLS_FAILED        |      | tls           | LINGERING
client ASKING     | CLOSE             |      | http          | OVER
client ASKING     | CLOSE_BEHIND_DATA |      | http          | OVER
client ASKING     | EOF               |      | http          | OVER
client ASKING     | LOST              |      |               | ASKING
client ASKING     | TIMEOUT           |      | timeout       | OVER
server LISTENING  | REQUEST           |      | Requested     | ASKED
server LISTENING  | HTTP_REQUEST      |      | HttpAsked     | ASKED_HTTP
server LISTENING  | REFUSED           | 403  | http          | LINGERING
server LISTENING  | CROWDED_OUT       | 503  | http          | LINGERING
server LISTENING  | TLS_FAILED        |      | tls           | LINGERING
server LISTENING  | CLOSE             |      | http          | OVER
server LISTENING  | CLOSE_BEHIND_DATA |      | http          | OVER
server LISTENING  | EOF               |      | http          | OVER
server LISTENING  | LOST              |      |               | LISTENING
server LISTENING  | TIMEOUT           | 408  | http          | LINGERING
server ASKED      | UPGRADED          | 101  |               | JOINING
server ASKED      | REFUSED           | 403  | http          | LINGERING
server ASKED      | CROWDED_OUT       | 503  | http          | LINGERING
server ASKED      | TLS_FAILED        |      | tls           | LINGERING
server ASKED      | CLOSE             |      | http          | OVER
server ASKED      | CLOSE_BEHIND_DATA |      | http          | OVER
server ASKED      | EOF               |      | http          | OVER
server ASKED      | LOST              |      |               | ASKED
server ASKED      | TIMEOUT           | 408  | http          | LINGERING
server ASKED_HTTP | REFUSED           | 403  | http          | LINGERING
server ASKED_HTTP | CROWDED_OUT       | 503  | http          | LINGERING
server ASKED_HTTP | TLS_FAILED        |      | tls           | LINGERING
server ASKED_HTTP | CLOSE             |      | http          | OVER
server ASKED_HTTP | CLOSE_BEHIND_DATA |      | http          | OVER
server ASKED_HTTP | EOF               |      | http          | OVER
server ASKED_HTTP | LOST              |      |               | ASKED_HTTP
server ASKED_HTTP | TIMEOUT           | 408  | http          | LINGERING
server ASKED_HTTP | READ              |      |               | READING
server READING    | BODY              |      | HttpRequested | ANSWERING
server READING    | REFUSED           | 403  |               | ANSWERED
server READING    | CROWDED_OUT       | 503  |               | ANSWERED
server READING    | TLS_FAILED        |      |               | ANSWERED
server READING    | CLOSE             |      | HttpEnded     | OVER
server READING    | CLOSE_BEHIND_DATA |      | HttpEnded     | OVER
server READING    | EOF               |      | HttpEnded     | OVER
server READING    | LOST              |      |               | READING
server READING    | TIMEOUT           | 408  |               | ANSWERED
server ANSWERING  | RESPOND           | 200  |               | ANSWERED
server ANSWERING  | REFUSED           | 403  |               | ANSWERED
server ANSWERING  | CROWDED_OUT       | 503  |               | ANSWERED
server ANSWERING  | TLS_FAILED        |      |               | ANSWERED
server ANSWERING  | CLOSE             |      | HttpEnded     | OVER
server ANSWERING  | CLOSE_BEHIND_DATA |      | HttpEnded     | OVER
server ANSWERING  | EOF               |      | HttpEnded     | OVER
server ANSWERING  | LOST              |      |               | ANSWERING
server ANSWERING  | TIMEOUT           | 408  |               | ANSWERED
server ANSWERED   | EOF               |      | HttpEnded     | OVER
server ANSWERED   | LOST              |      | HttpEnded     | OVER
server ANSWERED   | TIMEOUT           |      | HttpEnded     | OVER
server LINGERING  | EOF               |      |               | OVER
server LINGERING  | LOST              |      |               | OVER
server LINGERING  | TIMEOUT           |      |               | OVER
client JOINING    | SETTLED           |      |               | OPEN
client JOINING    | TLS_FAILED        |      | tls           | OVER
client JOINING    | CLOSE             | 4002 |               | CLOSING
client JOINING    | CLOSE_BEHIND_DATA | ping |               | LAST_WORD
client JOINING    | CLOSE_CAME        |      | CloseReceived | HEARD
client JOINING    | VIOLATION_CAME    |      | Broken        | HEARD
client JOINING    | EOF               |      | id            | OVER
client JOINING    | LOST              |      |               | MUTE
client JOINING    | TIMEOUT           |      | id            | OVER
client OPEN       | CLOSE             | 4002 |               | CLOSING
client OPEN       | CLOSE_BEHIND_DATA | ping |               | LAST_WORD
client OPEN       | CLOSE_CAME        |      | CloseReceived | HEARD
client OPEN       | VIOLATION_CAME    |      | Broken        | HEARD
client OPEN       | EOF               |      | tcp           | OVER
client OPEN       | LOST              |      |               | MUTE
client OPEN       | TIMEOUT           | ping |               | OPEN
client OPEN       | TLS_FAILED        |      | tls           | OVER
client MUTE       | TLS_FAILED        |      | tls           | OVER
client MUTE       | TIMEOUT           |      | tcp           | OVER
client LAST_WORD  | TLS_FAILED        |      | tls           | OVER
client CLOSING    | TLS_FAILED        |      | tls           | OVER
client AWAITING   | TLS_FAILED        |      | tls           | OVER
"""


def rows() -> dict[tuple[str, Input], tuple[str, str, Phase]]:
    """What is expected, by place and input."""
    found: dict[tuple[str, Input], tuple[str, str, Phase]] = {}
    for line in TABLE_OF_BEGINNINGS.strip().splitlines()[1:]:
        place, what, sent, told, following = (cell.strip() for cell in line.split("|"))
        found[place, Input[what]] = sent, told, Phase[following]
    return found


def phase_of(place: str) -> Phase:
    return Phase[place.split()[1]]


def can_come(place: str, what: Input) -> bool:
    """Whether somebody can give an input in a place; elsewhere the table has nothing for it."""
    phase, is_client = phase_of(place), place.startswith("client")
    if what in (Input.ASK, Input.LISTEN):
        return phase is Phase.TLS and is_client is (what is Input.ASK)
    if what in (Input.REQUEST, Input.HTTP_REQUEST, Input.BODY):
        is_read = phase is (Phase.READING if what is Input.BODY else Phase.LISTENING)
        return not is_client and (is_read or phase.keeps or phase.deaf)
    if what is Input.TLS_FAILED:
        return phase is not Phase.TCP
    if what in BY_FRAMES:
        return phase.state is not ReadyState.STATE_CONNECTING
    if what in OF_SERVERS and is_client:
        return phase is Phase.ASKING and what in (Input.UPGRADED, Input.REFUSED)
    return True


BEGINNINGS = [
    place
    for place in PLACES
    if phase_of(place).state is ReadyState.STATE_CONNECTING
    or phase_of(place) in (Phase.ANSWERED, Phase.JOINING, Phase.OPEN)
]


def cells() -> list[tuple[str, Input]]:
    """All that can happen in the beginnings; elsewhere what ``test_closing.py`` does not try."""
    return [
        (place, what)
        for place in PLACES
        for what in Input
        if can_come(place, what)
        and (place in BEGINNINGS or what not in test_closing.INPUTS or (place, what) in rows())
    ]


def what_left(before: bytes, after: bytes, *, is_client: bool) -> str:
    """What a link has queued: the status of an answer, a method, or a frame."""
    if not after.startswith(before) or after == before:
        return ""
    new = after[len(before) :]
    if new[:5] == b"HTTP/":
        return new.split()[1].decode()
    if new[:4] == b"GET ":
        return "GET"
    assert is_client
    if new[0] & 15 == PING:
        return "ping"
    return test_closing.frames_in(new).removeprefix("close ")


@pytest.mark.parametrize(("place", "what"), cells(), ids=str)
def test_every_cell(place: str, what: Input) -> None:
    bench = PLACES[place]()
    link, phase = bench.link, phase_of(place)
    assert link.phase is phase
    bench.recorder.events()
    before = b"".join(link.outbox.pieces())
    sent, told, following = rows().get((place, what), ("", "", phase))
    INPUTS[what](bench)
    assert link.phase is following
    after = b"".join(link.outbox.pieces())
    assert what_left(before, after, is_client=place.startswith("client")) == sent
    assert bench.told() == told
    assert link.state is following.state
    assert link.over is (following is Phase.OVER)
    if following is Phase.OVER:
        assert link.deadline is None
        assert after == b""


def test_each_entry_of_the_table_is_tried() -> None:
    entries = {(phase, what) for phase, row in TABLE.items() for what in row}
    tried = {(phase_of(place), what) for place, what in rows()}
    tried |= {(phase, what) for (phase, what), cell in test_closing.rows().items() if any(cell[:2])}
    tried |= {
        (phase, what)
        for (phase, what), (_, _, following) in test_closing.rows().items()
        if following is not phase
    }
    assert tried == entries
    assert {*TABLE} == {phase_of(place) for place in PLACES} == {*Phase}


def test_each_action_is_done_by_whoever_comes_across_it() -> None:
    beginnings = {phase for phase in Phase if phase.state is ReadyState.STATE_CONNECTING}
    begun, ended = {*ClientHandshake.DO} | {*ServerHandshake.DO}, {*Closing.DO}
    for phase, row in TABLE.items():
        for what, (action, _) in row.items():
            is_beginning = phase in beginnings and what is not Input.LOST
            assert action in (begun if is_beginning else ended) or action is Action.NOTHING
    assert begun | ended | {Action.NOTHING} == {*Action}
