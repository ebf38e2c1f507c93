"""``HttpService``: what a server does with requests that ask for no upgrade."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from .consulting import Consulting
from .events import HttpAsked, HttpEnded, HttpRequested, ReadyState
from .http_exchange import TAKEN_AWAY, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.handlers import Handlers

    from .http_exchange import HttpCallback, HttpRequest
    from .link import Link


class HttpService:
    """Hands requests to a server's ``http_callback``.

    Args:
        past: counts them, and takes the counters of their connections.
        handlers: what becomes of the exceptions of the callback.
        clock: the time.
    """

    def __init__(self, past: Statistics, handlers: Handlers, clock: Callable[[], float]) -> None:
        self._past = past
        self._consulting = Consulting(handlers, clock)
        self._clock = clock

    def take(
        self,
        link: Link,
        event: HttpAsked | HttpRequested | HttpEnded,
        callback: HttpCallback | None,
    ) -> None:
        """Do what an event takes; a callback that raises answers HTTP 500."""
        if isinstance(event, HttpEnded):
            self._past.add(link.statistics)
        elif link.state != ReadyState.STATE_CONNECTING:
            return  # it left, or was refused for being late, before its turn came
        elif isinstance(event, HttpAsked):
            if callback is None:
                link.asked.turn_down(event.exchange.refusal, self._clock())
            else:
                self._past.http_requests += 1
                link.asked.read_body(self._clock())
        elif callback is None:
            self._answer_nothing(link, event.request)
        else:
            self._answer(link, event.request, callback)

    def _answer(self, link: Link, request: HttpRequest, callback: HttpCallback) -> None:
        request = replace(request, address=link.address, port=link.port)
        question = partial(ask, callback, request)
        trouble = "this server could not answer"
        answer = self._consulting.ask(link, question, "http_callback", trouble)
        if answer is None:
            return
        if answer.value is None:
            self._answer_nothing(link, request)
        else:
            link.asked.respond(answer.value, self._clock())

    def _answer_nothing(self, link: Link, request: HttpRequest) -> None:
        is_upgrade = request.header("sec-websocket-key") is not None
        why = "this server has nothing but WebSocket for this request"
        link.asked.refuse(426, why + TAKEN_AWAY if is_upgrade else why, self._clock())
