"""The life of a connection: one table of phases and inputs, from TCP to the end.

``docs/connection.md`` is drawn from it. What the actions do stands in ``handshake.py`` up to the
upgrade, and in ``closing.py`` from then on.
"""

from __future__ import annotations

from enum import Enum, Flag, auto
from typing import Final

from .events import ReadyState

_CONNECTING: Final = ReadyState.STATE_CONNECTING
_OPEN: Final = ReadyState.STATE_OPEN
_CLOSING: Final = ReadyState.STATE_CLOSING
_CLOSED: Final = ReadyState.STATE_CLOSED


class Trait(Flag):
    """What a phase means for what is read and sent."""

    KEEPS = auto()
    """What comes waits, not read, until a server has decided."""
    DEAF = auto()
    """What comes is thrown away."""
    SENDS = auto()
    """Messages may be sent."""
    PONGS = auto()
    """Pings are answered."""
    OURS = auto()
    """It is we who have begun to close."""
    LAST = auto()
    """Nothing will be queued behind what waits to be sent."""
    LINGERS = auto()
    """The connection is over for its endpoint, but its last bytes still leave."""
    HTTP = auto()
    """The other side has asked for no upgrade."""


class Phase(Enum):
    """How far a connection has come.

    Attributes:
        words: what it is in.
        state: Godot's word for it.
        keeps: see :class:`Trait`, also for the others.
        deaf: see there.
        sends: see there.
        pongs: see there.
        ours: see there.
        last: see there.
        lingers: see there.
        http: see there.
    """

    __hash__ = object.__hash__  # that of enums is written in Python

    TCP = "the TCP connection is not up yet", _CONNECTING
    TLS = "the TLS handshake; in the clear it is over at once", _CONNECTING
    ASKING = "client: we wait for the server's answer", _CONNECTING
    LISTENING = "server: we wait for the client's request", _CONNECTING
    ASKED = "server: the program decides about the upgrade", _CONNECTING, Trait.KEEPS
    ASKED_HTTP = "server: the program decides about another request", _CONNECTING, Trait.KEEPS
    READING = "server: we wait for the rest of that request", _CONNECTING, Trait.HTTP
    ANSWERING = "server: the program answers that request", _CONNECTING, Trait.KEEPS | Trait.HTTP
    ANSWERED = (
        "server: only the last bytes of the answer leave",
        _CLOSED,
        Trait.DEAF | Trait.LAST | Trait.LINGERS | Trait.HTTP,
    )
    JOINING = (
        "messages come and go, but the session is not up yet",
        _OPEN,
        Trait.SENDS | Trait.PONGS,
    )
    OPEN = "messages come and go", _OPEN, Trait.SENDS | Trait.PONGS
    MUTE = "messages come, but we can send nothing any more", _OPEN
    HEARD = (
        "a close frame or a violation waits for its turn in the queue",
        _OPEN,
        Trait.DEAF | Trait.SENDS,
    )
    HEARD_MUTE = "one waits there, and we can send nothing any more", _OPEN, Trait.DEAF
    LAST_WORD = "a ping has gone behind our last message", _CLOSING, Trait.OURS | Trait.PONGS
    CLOSING = "our close frame is about to leave", _CLOSING, Trait.OURS
    AWAITING = "we wait for the other side's close frame, or its end", _CLOSING, Trait.OURS
    CLOSED_BY_BOTH = (
        "both sides have closed; ours may still have to leave",
        _CLOSING,
        Trait.DEAF | Trait.LAST,
    )
    LINGERING = (
        "only our last bytes leave; we throw away what comes",
        _CLOSED,
        Trait.DEAF | Trait.LAST | Trait.LINGERS,
    )
    OVER = "the connection is over", _CLOSED, Trait.DEAF

    def __init__(self, words: str, state: ReadyState, traits: Trait = Trait(0)) -> None:  # noqa: B008
        self.words = words
        self.state = state
        self.keeps = Trait.KEEPS in traits
        self.deaf = Trait.DEAF in traits
        self.sends = Trait.SENDS in traits
        self.pongs = Trait.PONGS in traits
        self.ours = Trait.OURS in traits
        self.last = Trait.LAST in traits
        self.lingers = Trait.LINGERS in traits
        self.http = Trait.HTTP in traits


class Input(Enum):
    """What can happen to a connection."""

    __hash__ = object.__hash__

    CONNECTED = "TCP is up"
    ASK = "client: plaintext can come and go"
    LISTEN = "server: plaintext can come and go"
    REQUEST = "a request for the upgrade is here"
    HTTP_REQUEST = "the head of another request is here"
    READ = "the program wants the rest of it"
    BODY = "the whole of it is here"
    RESPOND = "the program answers it"
    UPGRADED = "both have agreed to the upgrade"
    SETTLED = "the session is up"
    REFUSED = "what came is refused"
    CROWDED_OUT = "newer connections need the place"
    TLS_FAILED = "TLS has failed"
    CLOSE = "we close, and wait for nothing"
    CLOSE_BEHIND_DATA = "we close behind messages that may not have been read"
    PONG = "the pong to the last word has come"
    CLOSE_CAME = "a close frame has come"
    VIOLATION_CAME = "a violation has come"
    ANSWER = "the close frame that came has its turn"
    FAIL = "the violation that came has its turn"
    SENT = "the socket has taken everything"
    EOF = "nothing more will come"
    LOST = "we can send nothing any more"
    TIMEOUT = "the deadline has come"


class Action(Enum):
    """What an input takes."""

    __hash__ = object.__hash__

    NOTHING = "nothing"
    START_TLS = "begin with TLS"
    ASK = "ask for the upgrade"
    TELL_REQUEST = "tell of the request"
    READ = "read its body"
    RESPOND = "answer it"
    OPEN = "begin with frames"
    SETTLE = "begin with the heartbeat"
    BEAT = "ping, or wait; end it if pings were in vain"
    REFUSE = "refuse it, with an HTTP status"
    ALERT = "let an alert leave"
    PING = "send a ping as the last word"
    CLOSE = "send our close frame"
    WAIT = "wait for the answer, or the end of the stream"
    TELL = "queue what came for the endpoint"
    NOTE = "note the code and reason that came"
    ANSWER = "repeat the code and reason that came"
    FAIL = "say to the other side what it did wrong"
    FAIL_AND_TELL = "say it to the other side, and to the endpoint"
    DROP = "drop what waits to be sent"
    ABANDON = "end it; the endpoint knows already"
    END_CLEAN = "end it, closed properly"
    END_UNOPENED = "end it: it did not come up"
    END_TLS = "end it: TLS has failed"
    END_NO_ID = "end it: the server gave no peer id"
    END_GONE = "end it: no close frame has come"
    END_VIOLATED = "end it: what came breaks the rules"
    END_LOST = "end it: what was due cannot be sent"
    END_UNANSWERED = "end it: our close was not answered"
    END_UNSENT = "end it: our close frame could not leave"


Row = dict[Input, tuple[Action, Phase]]

_BEGINNING: Final[Row] = {
    Input.CLOSE: (Action.END_UNOPENED, Phase.OVER),
    Input.CLOSE_BEHIND_DATA: (Action.END_UNOPENED, Phase.OVER),
    Input.EOF: (Action.END_UNOPENED, Phase.OVER),
}

_REQUESTED: Final[Row] = {
    **_BEGINNING,
    Input.REFUSED: (Action.REFUSE, Phase.LINGERING),
    Input.CROWDED_OUT: (Action.REFUSE, Phase.LINGERING),
    Input.TLS_FAILED: (Action.ALERT, Phase.LINGERING),
    Input.TIMEOUT: (Action.REFUSE, Phase.LINGERING),
}

_EXCHANGED: Final[Row] = {
    **_BEGINNING,
    Input.REFUSED: (Action.REFUSE, Phase.ANSWERED),
    Input.CROWDED_OUT: (Action.REFUSE, Phase.ANSWERED),
    Input.TLS_FAILED: (Action.ALERT, Phase.ANSWERED),
    Input.TIMEOUT: (Action.REFUSE, Phase.ANSWERED),
}

_OPENED: Final[Row] = {
    Input.CLOSE: (Action.CLOSE, Phase.CLOSING),
    Input.CLOSE_BEHIND_DATA: (Action.PING, Phase.LAST_WORD),
    Input.CLOSE_CAME: (Action.TELL, Phase.HEARD),
    Input.VIOLATION_CAME: (Action.TELL, Phase.HEARD),
    Input.EOF: (Action.END_GONE, Phase.OVER),
    Input.LOST: (Action.DROP, Phase.MUTE),
    Input.TLS_FAILED: (Action.END_TLS, Phase.OVER),
}

_LEFT: Final[Row] = {
    Input.EOF: (Action.ABANDON, Phase.OVER),
    Input.LOST: (Action.ABANDON, Phase.OVER),
    Input.TIMEOUT: (Action.ABANDON, Phase.OVER),
}

TABLE: Final[dict[Phase, Row]] = {
    Phase.TCP: {
        Input.CONNECTED: (Action.START_TLS, Phase.TLS),
        **_BEGINNING,
        Input.TIMEOUT: (Action.END_UNOPENED, Phase.OVER),
    },
    Phase.TLS: {
        Input.ASK: (Action.ASK, Phase.ASKING),
        Input.LISTEN: (Action.NOTHING, Phase.LISTENING),
        **_BEGINNING,
        Input.CROWDED_OUT: (Action.END_UNOPENED, Phase.OVER),
        Input.TLS_FAILED: (Action.ALERT, Phase.LINGERING),
        Input.LOST: (Action.DROP, Phase.TLS),
        Input.TIMEOUT: (Action.END_UNOPENED, Phase.OVER),
    },
    Phase.ASKING: {
        Input.UPGRADED: (Action.OPEN, Phase.JOINING),
        **_BEGINNING,
        Input.REFUSED: (Action.END_UNOPENED, Phase.OVER),
        Input.TLS_FAILED: (Action.ALERT, Phase.LINGERING),
        Input.LOST: (Action.DROP, Phase.ASKING),
        Input.TIMEOUT: (Action.END_UNOPENED, Phase.OVER),
    },
    Phase.LISTENING: {
        Input.REQUEST: (Action.TELL_REQUEST, Phase.ASKED),
        Input.HTTP_REQUEST: (Action.TELL_REQUEST, Phase.ASKED_HTTP),
        **_REQUESTED,
        Input.LOST: (Action.DROP, Phase.LISTENING),
    },
    Phase.ASKED: {
        Input.UPGRADED: (Action.OPEN, Phase.JOINING),
        **_REQUESTED,
        Input.LOST: (Action.DROP, Phase.ASKED),
    },
    Phase.ASKED_HTTP: {
        Input.READ: (Action.READ, Phase.READING),
        **_REQUESTED,
        Input.LOST: (Action.DROP, Phase.ASKED_HTTP),
    },
    Phase.READING: {
        Input.BODY: (Action.TELL_REQUEST, Phase.ANSWERING),
        **_EXCHANGED,
        Input.LOST: (Action.DROP, Phase.READING),
    },
    Phase.ANSWERING: {
        Input.RESPOND: (Action.RESPOND, Phase.ANSWERED),
        **_EXCHANGED,
        Input.LOST: (Action.DROP, Phase.ANSWERING),
    },
    Phase.ANSWERED: _LEFT,
    Phase.JOINING: {
        Input.SETTLED: (Action.SETTLE, Phase.OPEN),
        **_OPENED,
        Input.TIMEOUT: (Action.END_NO_ID, Phase.OVER),
    },
    Phase.OPEN: {
        **_OPENED,
        Input.TIMEOUT: (Action.BEAT, Phase.OPEN),
    },
    Phase.MUTE: {
        Input.CLOSE: (Action.WAIT, Phase.AWAITING),
        Input.CLOSE_BEHIND_DATA: (Action.WAIT, Phase.AWAITING),
        Input.CLOSE_CAME: (Action.TELL, Phase.HEARD_MUTE),
        Input.VIOLATION_CAME: (Action.TELL, Phase.HEARD_MUTE),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.TLS_FAILED: (Action.END_TLS, Phase.OVER),
        Input.TIMEOUT: (Action.END_LOST, Phase.OVER),
    },
    Phase.HEARD: {
        Input.ANSWER: (Action.ANSWER, Phase.CLOSED_BY_BOTH),
        Input.FAIL: (Action.FAIL, Phase.LINGERING),
        Input.LOST: (Action.DROP, Phase.HEARD_MUTE),
    },
    Phase.HEARD_MUTE: {
        Input.ANSWER: (Action.END_LOST, Phase.OVER),
        Input.FAIL: (Action.ABANDON, Phase.OVER),
    },
    Phase.LAST_WORD: {
        Input.CLOSE: (Action.CLOSE, Phase.CLOSING),
        Input.PONG: (Action.CLOSE, Phase.CLOSING),
        Input.CLOSE_CAME: (Action.ANSWER, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.FAIL_AND_TELL, Phase.LINGERING),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.LOST: (Action.DROP, Phase.AWAITING),
        Input.TLS_FAILED: (Action.END_TLS, Phase.OVER),
        Input.TIMEOUT: (Action.CLOSE, Phase.CLOSING),
    },
    Phase.CLOSING: {
        Input.CLOSE_CAME: (Action.NOTE, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.END_VIOLATED, Phase.OVER),
        Input.SENT: (Action.WAIT, Phase.AWAITING),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.LOST: (Action.DROP, Phase.AWAITING),
        Input.TLS_FAILED: (Action.END_TLS, Phase.OVER),
        Input.TIMEOUT: (Action.END_UNSENT, Phase.OVER),
    },
    Phase.AWAITING: {
        Input.CLOSE_CAME: (Action.NOTE, Phase.CLOSED_BY_BOTH),
        Input.VIOLATION_CAME: (Action.END_VIOLATED, Phase.OVER),
        Input.EOF: (Action.END_GONE, Phase.OVER),
        Input.TLS_FAILED: (Action.END_TLS, Phase.OVER),
        Input.TIMEOUT: (Action.END_UNANSWERED, Phase.OVER),
    },
    Phase.CLOSED_BY_BOTH: {
        Input.SENT: (Action.END_CLEAN, Phase.OVER),
        Input.LOST: (Action.END_LOST, Phase.OVER),
        Input.TIMEOUT: (Action.END_UNSENT, Phase.OVER),
    },
    Phase.LINGERING: _LEFT,
    Phase.OVER: {},
}
"""Where nothing stands for an input, nothing is done, and the phase stays."""


class Life:
    """Where one connection is in the table: a base of connections, whose slots these are.

    Attributes:
        phase: in which phase.
        settled: the session is up, or was.
        closed_by_us: it is we who began to close.
    """

    __slots__ = ()

    phase: Phase
    settled: bool
    closed_by_us: bool

    def take(self, what: Input) -> Action:
        """Go on to the next phase; return what is to be done.

        OVER is entered by whoever ends the connection, when it knows what that was in.
        """
        row = TABLE[self.phase]
        if what not in row:
            return Action.NOTHING
        action, phase = row[what]
        if phase is not Phase.OVER:
            self.enter(phase)
        return action

    def enter(self, phase: Phase) -> None:
        """Go on with another phase."""
        self.phase = phase
        if phase.ours:
            self.closed_by_us = True
