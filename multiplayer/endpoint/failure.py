"""Why a connection did not come up, or went down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multiplayer.support.log_text import one_line

Stage = Literal[
    "dns",
    "tcp",
    "tls",
    "http",
    "protocol",
    "timeout",
    "id",
    "authentication",
    "left",
    "interrupted",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt or connection failed; data, not an exception.

    Attributes:
        stage: what failed: the name look-up (``dns``), the connection itself (``tcp``), encryption
            (``tls``), the upgrade (``http``), RFC 6455 or the session (``protocol``), somebody's
            patience (``timeout``), the server's peer id, which did not come (``id``), or the API
            above, which was not let into the session (``authentication``; see
            ``SceneMultiplayer.auth_callback``). ``left`` is not a fault: the other side of a Godot
            4 session left without a close frame, as an engine's
            ``WebSocketMultiplayerPeer.close()`` does. An engine that was killed looks the same.
            ``interrupted``: Ctrl-C, a lack of memory or a bug of ours came while part of this
            connection was being handled.
        detail: the same in words: one line, cut and escaped, since strangers may have chosen part
            of it.
    """

    stage: Stage
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", one_line(self.detail))

    def __str__(self) -> str:
        return f"{self.stage}: {self.detail}"


def no_id(within: float) -> Failure:
    """Return why a client gave up whose server agreed to the upgrade and gave no peer id.

    Args:
        within: for how many seconds it has waited.
    """
    detail = (
        f"the server gave no peer id within {within:g} s; is it in plain mode? A server of a "
        "session begins with listen(port, gd_mp_api=True), or create_server(port)"
    )
    return Failure("id", detail)
