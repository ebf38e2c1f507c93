"""Runs the methods that peers call, plain ones at once, async ones where something runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer.errors import Error, MultiplayerError

from .rpc_method import no_body
from .sender import SENDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .rpc_method import RpcMethod


class Runner:
    """Runs the methods of one API.

    Attributes:
        spawn: starts a coroutine function with its arguments, in order; None while nothing does.
    """

    def __init__(self, api: object) -> None:
        self._api = api
        self.spawn: Callable[..., object] | None = None

    def refusal(self, method: RpcMethod[Any, ..., Any], count: int) -> MultiplayerError | None:
        """Return why a method cannot run here with ``count`` arguments; None if it can."""
        if not method.has_body:
            return no_body(method)
        if not method.takes(count):
            message = f"{method.name}() takes {method.arity()} arguments, not {count}"
            return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if method.is_async and self.spawn is None:
            message = (
                f"{method.name}() is async and nothing runs it: drive the API with "
                "peers.run(api), or set api.spawn to a nursery's start_soon"
            )
            return MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return None

    def run(
        self,
        method: RpcMethod[Any, ..., Any],
        member: object,
        arguments: Sequence[object],
        sender: int,
    ) -> None:
        """Run a method that nothing speaks against; ``sender`` is who called it.

        Raises:
            Exception: what the method raised.
        """
        if method.is_async:
            self.call_as(sender, self.start, method.function, member, *arguments)
        else:
            self.call_as(sender, method.function, member, *arguments)

    def call_as(self, sender: int, function: Callable[..., object], *arguments: object) -> None:
        """Call a function, and let ``sender`` be who called it.

        Raises:
            Exception: what the function raised.
        """
        token = SENDER.set((self._api, sender))
        try:
            function(*arguments)
        finally:
            SENDER.reset(token)

    def start(self, function: Callable[..., object], *args: object) -> None:
        """Start a coroutine function; only where :attr:`spawn` is set."""
        assert self.spawn is not None
        self.spawn(function, *args)
