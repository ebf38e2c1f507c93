"""For tests of games: connected peers, and a pytest plugin with whole sessions.

Nothing is loaded before it is used, so that the plugin costs a test run nothing that does not use
it.
"""

from __future__ import annotations

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from .pair import Pair, connected_pair
    from .sessions import ConnectedSession, connected_session
    from .simulated_session import SimulatedSession
    from .websocket_session import WebSocketSession

__all__ = [
    "ConnectedSession",
    "Pair",
    "SimulatedSession",
    "WebSocketSession",
    "connected_pair",
    "connected_session",
]

_HOME_OF: _typing.Final = {
    "ConnectedSession": "sessions",
    "Pair": "pair",
    "SimulatedSession": "simulated_session",
    "WebSocketSession": "websocket_session",
    "connected_pair": "pair",
    "connected_session": "sessions",
}


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        home = _importlib.import_module(f"{__name__}.{_HOME_OF[name]}")
        value: object = getattr(home, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
