"""Calls that ask for an answer: what the asking side gets."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar, cast

from multiplayer.errors import Error, MultiplayerError, PeerLeft, RemoteError, one_error
from multiplayer.support.internal import internal
from multiplayer.support.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.handlers import Handlers

R_co = TypeVar("R_co", covariant=True)

MOST_OPEN: Final = 1024
"""How many requests to one peer, and of one peer, may be open at a time."""

_LARGEST_NUMBER: Final = 2**32 - 1


class PendingCall(Unique, Generic[R_co]):
    """A request to a peer, and its answer when it has come (``node.method.call_id(peer, …)``).

    Under trio, ``await peers.reply(call, timeout=…)`` waits for it; ``peers.asyncio`` has the same.

    Attributes:
        peer: who was asked.
        what: the path and the method, for people.
    """

    def __init__(self, peer: int, what: str, forget: Callable[[], object]) -> None:
        self.peer = peer
        self.what = what
        self._done = False
        self._value: R_co | None = None
        self._error: Exception | None = None
        self._listeners: list[Callable[[PendingCall[R_co]], object]] = []
        self._forget = forget

    @property
    def done(self) -> bool:
        """Whether there is an answer, or there will be none."""
        return self._done

    def result(self) -> R_co:
        """Return what the method returned.

        Raises:
            RemoteError: the method raised, or could not be called.
            PeerLeft: the peer has left without an answer, or it or this program has lost its
                connection and begun anew.
            MultiplayerError: ``ERR_BUSY``: there is no answer yet; ``ERR_SKIP``: it was cancelled.
        """
        if not self._done:
            message = f"{self.what} has not been answered yet; check done, or use on_done()"
            raise MultiplayerError(Error.ERR_BUSY, message)
        if self._error is not None:
            raise copy(self._error)  # raised repeatedly, the original would gather tracebacks
        return cast("R_co", self._value)

    def on_done(self, listener: Callable[[PendingCall[R_co]], object]) -> None:
        """Call ``listener`` with this object once it is done; at once if it is already.

        That happens inside ``poll()``, or inside whatever else ends the question: :meth:`cancel`,
        ``disconnect_peer``, ``clear`` or setting ``multiplayer_peer``.
        """
        if self._done:
            listener(self)
        else:
            self._listeners.append(listener)

    def cancel(self) -> None:
        """Stop waiting: an answer that still comes is counted and dropped."""
        if not self._done:
            self._forget()
            message = f"{self.what} was cancelled"
            if failures := self.settle(None, MultiplayerError(Error.ERR_SKIP, message)):
                raise one_error(failures, "several listeners failed")

    @internal
    def settle(self, value: object, error: Exception | None) -> list[Exception]:
        """Finish with a value or an error; return what listeners raised. For the session."""
        self._done = True
        self._value, self._error = cast("R_co", value), error
        listeners, self._listeners = self._listeners, []
        failures: list[Exception] = []
        for listener in listeners:
            try:
                listener(self)
            except Exception as failure:  # the others are called all the same
                failures.append(failure)
        return failures

    def __repr__(self) -> str:
        return f"<PendingCall {self.what} at {self.peer}, {'done' if self._done else 'open'}>"


class OpenRequest(NamedTuple):
    """A request that has not been answered; ``fit`` makes the answer what the asker expects."""

    call: PendingCall[Any]
    fit: Callable[[object], object]


class OpenRequests:
    """The open requests of one session.

    Args:
        handlers: takes what ``on_done`` listeners raise.
    """

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._open: dict[int, dict[int, OpenRequest]] = {}
        self._last = 0

    def open(
        self, peer: int, what: str, fit: Callable[[object], object]
    ) -> tuple[int, PendingCall[Any]]:
        """Return the number of a new request, and what its asker gets.

        Args:
            peer: who is asked.
            what: the path and the method, for people.
            fit: see :class:`OpenRequest`.

        Raises:
            MultiplayerError: ``ERR_BUSY``: too many are open.
        """
        requests = self._open.setdefault(peer, {})
        if len(requests) >= MOST_OPEN:
            message = f"{MOST_OPEN} questions to peer {peer} are open; wait for some answers"
            raise MultiplayerError(Error.ERR_BUSY, message)
        number = self._last
        while (number := number % _LARGEST_NUMBER + 1) in requests:
            pass
        self._last = number
        call: PendingCall[Any] = PendingCall(peer, what, lambda: requests.pop(number, None))
        requests[number] = OpenRequest(call, fit)
        return number, call

    def get(self, peer: int, number: int) -> OpenRequest | None:
        """Return a request to ``peer``; None if nobody waits for its answer."""
        return self._open.get(peer, {}).get(number)

    def answer(self, peer: int, number: int, value: object) -> bool:
        """Take an answer; return False if nobody waits for it."""
        return self._end(peer, number, value, None)

    def fail(self, peer: int, number: int, error: RemoteError) -> bool:
        """Take an error instead of an answer; return False if nobody waits for it."""
        return self._end(peer, number, None, error)

    def forget(self, peer: int, number: int) -> None:
        """The request was never sent."""
        self._open.get(peer, {}).pop(number, None)  # the peer may have left meanwhile

    def _end(self, peer: int, number: int, value: object, error: Exception | None) -> bool:
        request = self._open.get(peer, {}).pop(number, None)
        if request is None:
            return False
        self._settle(request.call, value, error)
        return True

    def _settle(self, call: PendingCall[Any], value: object, error: Exception | None) -> None:
        for failure in call.settle(value, error):
            self._handlers.failed(call.peer, f"on_done of {call.what}", failure)

    def left(self, peer: int) -> None:
        """Tell those who wait for a peer that has left."""
        for request in self._open.pop(peer, {}).values():
            call = request.call
            message = f"peer {peer} left before it answered {call.what}"
            self._settle(call, None, PeerLeft(peer, message))

    def began_anew(self, peer: int) -> None:
        """Tell those who wait for a peer that has come back and knows nothing of what it was asked.

        Or this program has come back: whether its questions arrived is not known.
        """
        for request in self._open.pop(peer, {}).values():
            call = request.call
            message = f"the connection was lost before peer {peer} answered {call.what}"
            self._settle(call, None, PeerLeft(peer, message))

    def everybody_left(self) -> None:
        """The session is over: tell those who wait."""
        for peer in list(self._open):
            self.left(peer)


def requested_too_late(peer: int, what: str) -> PendingCall[Any]:
    """Return what the asker gets if the peer has already left."""
    call: PendingCall[Any] = PendingCall(peer, what, lambda: None)
    call.settle(None, PeerLeft(peer, f"peer {peer} left before it was asked {what}"))
    return call
