"""What can be driven: peers, and whatever polls one. All that a driver asks of them stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeGuard, runtime_checkable

from peers.websocket.closing import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from multiplayer import ConnectionStatus
    from multiplayer.handlers import Handlers

_CLOSE_TIMEOUT: Final = 3.0
"""How long a closing handshake may take where a peer does not tell, in seconds."""


class Readiness(Protocol):
    """Tells when a peer has something to do, to whoever waits instead of polling in a loop.

    Attributes:
        awaited: somebody drives the peer; its descriptors are not to be taken from under them.
        on_wake: called when there is something to do that neither a descriptor nor a deadline
            tells; None while nobody waits.
        on_close: called with each watched descriptor before it is closed; None while nobody waits
            for those.
    """

    awaited: bool
    on_wake: Callable[[], None] | None
    on_close: Callable[[int], None] | None

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do at the latest, on the peer's clock.

        Minus infinity for at once, infinity for never.
        """
        ...

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when ``poll()`` has I/O to do, if there is one."""
        ...

    def watched(self) -> Iterable[tuple[int, int]]:
        """Return what to wait for where there is none: descriptors, each with its events.

        The events are those of ``selectors.EVENT_READ`` and ``EVENT_WRITE``.
        """
        ...

    def release(self) -> None:
        """Take note that nobody drives the peer any more; the opposite of ``awaited = True``."""
        ...


@runtime_checkable
class Drivable(Protocol):
    """A peer that ``run`` can drive, of this package or of yours; see ``docs/drivers.md``.

    It may have two members more: ``close_timeout``, how long a closing handshake may take, in
    seconds; and ``handlers``, which let ``run`` set ``on_error``.
    """

    @property
    def endpoint(self) -> Readiness:
        """Tells when there is something to do."""
        ...

    def now(self) -> float:
        """Return the time on the peer's clock, in seconds."""
        ...

    def poll(self) -> object:
        """Do what can be done without waiting."""
        ...

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether there is a connection; without one it is not driven any more."""
        ...

    def begin_leaving(self) -> object:
        """Begin to close all connections properly; further polls end them."""
        ...

    def end_at_once(self, code: int) -> object:
        """Close everything now, silently, with this close code where there are such codes."""
        ...


class Pollable(Protocol):
    """What ``run`` drives besides peers: something that polls its ``multiplayer_peer``.

    It may have two members more. ``next_deadline()`` returns when ``poll()`` has something to do at
    the latest, in seconds on the peer's clock; ``math.inf`` for never. ``spawn`` is set while
    ``run`` drives it, and None else: ``spawn(async_fn, *args)`` starts a task, see :func:`run`.
    """

    @property
    def multiplayer_peer(self) -> object:
        """The peer below."""
        ...

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...


@runtime_checkable
class HasDeadlines(Protocol):
    """A pollable that has deadlines of its own, besides its peer's."""

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do at the latest, on the peer's clock."""
        ...


@runtime_checkable
class Spawns(Protocol):
    """A pollable that starts tasks while it is run."""

    spawn: Callable[..., None] | None


@runtime_checkable
class HasHandlers(Protocol):
    """A peer or an API that knows what to do with an exception."""

    @property
    def handlers(self) -> Handlers:
        """What takes it."""
        ...


def readiness_of(peer: Drivable) -> Readiness:
    """Return what tells when ``peer`` has something to do."""
    return peer.endpoint


def leaving_patience(peer: Drivable) -> float:
    """Return how long to wait for a peer to end that has begun to leave, in seconds."""
    timeout: float = getattr(peer, "close_timeout", _CLOSE_TIMEOUT)
    return PATIENCE * timeout


def peer_of(pollable: object) -> Drivable | None:
    """Return the peer that driving ``pollable`` drives: itself, or the one that it polls."""
    if is_drivable(pollable):
        return pollable
    peer = getattr(pollable, "multiplayer_peer", None)
    return peer if is_drivable(peer) else None


def is_drivable(peer: object) -> TypeGuard[Drivable]:
    """Return whether it is a peer that can be driven, and not the class of one."""
    return isinstance(peer, Drivable) and not isinstance(peer, type)


def is_peer_of(pollable: object, peer: Drivable) -> bool:
    """Return whether ``peer`` is still the one that ``pollable`` is, or polls."""
    return pollable is peer or getattr(pollable, "multiplayer_peer", None) is peer
