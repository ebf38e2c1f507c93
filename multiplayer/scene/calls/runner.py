"""Runs the methods that peers call: plain ones at once, async ones if something runs them."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from multiplayer.errors import Error, MultiplayerError, divided
from multiplayer.scene.methods.method import no_body
from multiplayer.scene.sender import SENDER, forget_sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from multiplayer.handlers import Handlers
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.tree.places import Place

MOST_RUNNING: Final = 1024
"""How many async methods may run for one peer at a time, including those that it asked."""


class Runner:
    """Runs the methods of one API.

    Args:
        api: the API.
        handlers: takes what ``async`` methods raise.
    """

    def __init__(self, api: object, handlers: Handlers) -> None:
        self._api = api
        self._handlers = handlers
        self._spawn: Callable[..., object] | None = None
        self._running: dict[int, set[object]] = {}  # async methods, by who called them

    @property
    def spawn(self) -> Callable[..., object] | None:
        """Starts a coroutine function with its arguments; None while nothing does."""
        return self._spawn

    @spawn.setter
    def spawn(self, spawn: Callable[..., object] | None) -> None:
        self._spawn = spawn
        self._running = {}  # what the previous one has not begun, it never will

    def is_busy(self, sender: int) -> bool:
        """Return whether as many async methods run for ``sender`` as may."""
        return len(self._running.get(sender, ())) >= MOST_RUNNING

    def refusal(self, method: RpcMethod[..., Any]) -> MultiplayerError | None:
        """Return why a method cannot run here; None if it can."""
        if not method.has_body:
            return no_body(method)
        if method.is_async and self._spawn is None:
            message = (
                f"{method.name}() is async and nothing runs it: drive the API with "
                "peers.run(api), or set api.spawn to a nursery's start_soon"
            )
            return MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return None

    def run(
        self,
        place: Place,
        method: RpcMethod[..., Any],
        arguments: Sequence[object],
        sender: int,
    ) -> None:
        """Run a method that may run; ``sender`` is its caller.

        Raises:
            Exception: what the method raised, unless it is ``async``.
        """
        if method.is_async:
            where = place.where(method)
            self.start(sender, where, method.function, place.member, *arguments)
        else:
            self.call_as(sender, method.function, place.member, *arguments)

    def call_as(self, sender: int, function: Callable[..., object], *arguments: object) -> None:
        """Call a function, with ``sender`` as its caller.

        Raises:
            Exception: what the function raised.
        """
        token = SENDER.set((self._api, sender))
        try:
            function(*arguments)
        finally:
            SENDER.reset(token)

    def nothing_runs(self) -> None:
        """Note that no method is running here, even if :meth:`call_as` could not note it."""
        forget_sender(self._api)

    def start(
        self, sender: int, where: str, function: Callable[..., Awaitable[object]], *args: object
    ) -> None:
        """Start a coroutine function as :meth:`call_as` calls; only where :attr:`spawn` is set.

        Args:
            sender: the caller.
            where: the method, for what it raises.
            function: the coroutine function.
            args: its arguments.

        Raises:
            Exception: what ``spawn`` raised.
        """
        assert self._spawn is not None
        running, this = self._running, object()

        def has_ended() -> None:
            of_sender = running.get(sender, set())
            of_sender.discard(this)
            if not of_sender:
                running.pop(sender, None)

        @wraps(function)
        async def counted(*given: object) -> None:
            try:
                await function(*given)
            except BaseException as error:
                failure, passing = divided(error)
                if failure is not None:
                    self._handlers.failed(sender, where, failure)
                if passing is not None:
                    raise passing from passing.__cause__
            finally:
                has_ended()

        try:
            running.setdefault(sender, set()).add(this)
            self.call_as(sender, self._spawn, counted, *args)
        except BaseException:
            has_ended()
            raise
