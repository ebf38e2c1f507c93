"""What a program's own code raises while it handles something remote, and what happens to it.

A listener, RPC or callback that raises must not end a server, or keep others from being served. So
all such code is called through :class:`Handlers`, and the caller goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeVarTuple

from .errors import Error, MultiplayerError, one_error
from .support.callbacks import check_callback
from .support.log_once import LogOnce
from .support.unfinished import Emission, Unfinished

if TYPE_CHECKING:
    from .signals import BoundSignal

Ts = TypeVarTuple("Ts")

OnError = Literal["log", "raise"] | Callable[[Exception], object]
"""What happens to an exception: it is logged, it leaves the poll, or a function takes it."""

_log = logging.getLogger(__name__)

_MOST_NOTED: Final = 1024
"""For how many peers we remember what has already been logged."""


def check_on_error(on_error: object) -> None:
    """Raise unless ``on_error`` is valid.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if not (on_error in ("log", "raise") or callable(on_error)):
        message = (
            f"on_error must be 'log', 'raise' or a function that takes the exception, "
            f"not {on_error!r}"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if callable(on_error):
        check_callback("on_error", on_error)


def note_where(error: Exception, where: str) -> None:
    """Have the traceback of an exception say what it comes from, as the log would."""
    note = f"raised by {where}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


class LetThrough:
    """Keeps exceptions that are to leave a poll until the poll has done its work.

    A peer shares one with the API above it, so that the outermost of their polls raises.

    Attributes:
        depth: how many nested polls are under way.
        errors: what is kept.
        api_is_polling: see ``ApiHooks``.
    """

    __slots__ = ("api_is_polling", "depth", "errors")

    def __init__(self) -> None:
        self.depth = 0
        self.api_is_polling: Callable[[], bool] | None = None
        self.errors: list[Exception] = []

    def add(self, error: Exception) -> None:
        """Raise ``error`` when the outermost poll ends, or at once if there is none.

        Raises:
            Exception: ``error``.
        """
        if not self.depth:
            raise error
        self.errors.append(error)

    def leave(self) -> None:
        """End a poll that :attr:`depth` counts.

        Raises:
            Exception: what was added, after the outermost poll: one as itself, several as an
                ``ExceptionGroup``.
        """
        self.depth -= 1
        if self.errors and not self.depth:
            errors, self.errors = self.errors, []
            raise one_error(errors, "several handlers failed")

    def interrupt(self, error: BaseException) -> None:
        """End a poll because of ``error``, which the caller raises.

        Raises:
            ExceptionGroup: ``error`` and what was added, after the outermost poll. Ctrl-C and the
                like leave alone; then the next poll raises what was added.
        """
        self.depth -= 1
        if isinstance(error, Exception) and self.errors and not self.depth:
            errors, self.errors = [*self.errors, error], []
            raise one_error(errors, "several handlers failed")

    def recover(self) -> None:
        """Recompute :attr:`depth` after an interrupt, when a peer begins its poll."""
        self.depth = 1 if self.api_is_polling is not None and self.api_is_polling() else 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self.leave()
        else:
            self.interrupt(error)


class Handlers:
    """Calls what a program has connected or set, and takes what that raises.

    KeyboardInterrupt, SystemExit and the cancellation of a task propagate.

    Args:
        handler_failed: the signal that reports each exception.
        may_log: ``MultiplayerPeer.may_log``.

    Attributes:
        on_error: what happens to an exception; None for what :attr:`below` does.
        at_work: whom the work under way is about; see ``docs/interrupted.md``. None while the
            program's own code runs.
        failures: how many exceptions there have been.
        unfinished: what :meth:`finish` has to do.
    """

    def __init__(
        self,
        handler_failed: BoundSignal[int, str, Exception],
        may_log: Callable[[int, int], bool],
    ) -> None:
        self._handler_failed = handler_failed
        self._faults = LogOnce(_log, lambda peer, level, _: may_log(peer, level))
        self._noted: dict[int, None] = {}  # the peers with faults
        self.unfinished = Unfinished()
        self.at_work: object = None
        self.on_error: OnError | None = None
        self.failures = 0
        self._below: Handlers | None = None
        self.let_through = LetThrough()

    @property
    def below(self) -> Handlers | None:
        """A peer's handlers, if these are of the API above it; they share what is let through."""
        return self._below

    @below.setter
    def below(self, below: Handlers) -> None:
        self._below = below
        self.let_through = below.let_through

    def heed(self, other: Handlers) -> None:
        """Do what another does with exceptions, unless :attr:`on_error` says what; raise alone."""
        self._below = other

    @property
    def _policy(self) -> OnError:
        if self.on_error is None:
            return "log" if self.below is None else self.below._policy  # noqa: SLF001 - our own
        return self.on_error

    def emit(self, signal: BoundSignal[*Ts], peer: int, *args: *Ts) -> None:
        """Emit ``signal``, which reports something that ``peer`` did."""
        for error in signal.call_all(*args, passes=self.passes):
            self.failed(peer, f"a listener of {signal.name}", error)

    def passes(self) -> None:
        """Note that the program's own code was interrupted, and nothing of ours."""
        self.at_work = None

    def emission(
        self,
        signal: BoundSignal[*Ts],
        peer: int,
        *args: *Ts,
        unless: Callable[[], bool] | None = None,
    ) -> Emission:
        """Return a step that does what :meth:`emit` does, for :meth:`do`."""
        where = f"a listener of {signal.name}"
        return Emission(signal, args, lambda error: self.failed(peer, where, error), unless)

    def do(self, *steps: Callable[[], object]) -> None:
        """Do all ``steps``, in order, even if one is interrupted: then :meth:`finish` goes on.

        What they are about is no longer :attr:`at_work`: nothing of it can be lost.

        Args:
            *steps: what may safely be done twice, and what :meth:`emission` returns.

        Raises:
            Exception: what a step raised, once all have had their turn.
        """
        self.unfinished.do(self.passes, *steps)

    @property
    def is_unfinished(self) -> bool:
        """Whether :meth:`finish` has something to do."""
        return bool(self.unfinished)

    def finish(self) -> None:
        """Do the steps that an interrupt prevented."""
        self.unfinished.finish()

    def call(self, peer: int, where: str, function: Callable[[*Ts], object], *args: *Ts) -> bool:
        """Call ``function`` because of something that ``peer`` did; return whether it succeeded.

        Args:
            peer: the peer; 0 if it has no id.
            where: what is called, in words of ours.
            function: what to call.
            args: its arguments.
        """
        try:
            function(*args)
        except Exception as error:  # the program's own code: anything
            self.failed(peer, where, error)
            return False
        except BaseException:
            self.passes()
            raise
        return True

    def failed(self, peer: int, where: str, error: Exception) -> None:
        """Treat an exception as ``on_error`` says.

        Args:
            peer: the peer whose packet, arrival or leaving was being handled; 0 if it has no id.
            where: the handler: an RPC with its node, a signal, a callback.
            error: what it raised.

        Raises:
            Exception: ``error``, or what ``on_error`` raised, outside a poll.
        """
        policy = self._policy
        if policy == "log":
            self._note(peer, where, error)
        self.tell(peer, where, error)
        if policy == "raise":
            note_where(error, where)
            self.let_through.add(error)
        elif callable(policy):
            self._hand_over(policy, error)

    def answered(self, peer: int, where: str, error: Exception) -> None:
        """Note an exception that was sent to the peer that asked, and so is dealt with.

        It is logged, counted and reported, and ``on_error`` gets it if that is a function, but it
        leaves no poll.

        Raises:
            Exception: what ``on_error`` raised, outside a poll.
        """
        policy = self._policy
        if callable(policy):
            self.tell(peer, where, error)
            self._hand_over(policy, error)
        else:
            self._note(peer, where, error, answered=True)
            self.tell(peer, where, error)

    def tell(self, peer: int, where: str, error: Exception) -> None:
        """Count an exception, and emit ``handler_failed``; its listeners' own are only logged."""
        self.failures += 1
        for further in self._handler_failed.call_all(peer, where, error):
            self._note(peer, f"a listener of {self._handler_failed.name}", further)

    def forget(self, peer: int) -> None:
        """Log how often handlers failed for a peer that has left, if that is news."""
        if peer in self._noted:
            del self._noted[peer]
            self._faults.end(peer)

    def clear(self) -> None:
        """Forget all peers, as :meth:`forget` does for each."""
        self._noted.clear()
        self._faults.end_all()

    def _hand_over(self, on_error: Callable[[Exception], object], error: Exception) -> None:
        try:
            on_error(error)
        except Exception as raised:  # it may well re-raise what it got
            self.let_through.add(raised)

    def _note(self, peer: int, where: str, error: Exception, *, answered: bool = False) -> None:
        self._noted[peer] = None
        fields = {"answered": answered}
        self._faults.note(peer, where, level=logging.ERROR, fields=fields, error=error)
        if len(self._noted) > _MOST_NOTED:  # tasks also fail for peers that have left
            self.forget(next(iter(self._noted)))
