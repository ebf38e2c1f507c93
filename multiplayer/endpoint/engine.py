"""What moves the bytes of channels, as an endpoint knows it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from .channel import ChannelT

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from .failure import Failure


class Written(Enum):
    """What has become of an attempt to write."""

    NOTHING = auto()
    """The channel is not connected."""
    CALMLY = auto()
    """Something may have been written, and the engine waits for what comes only."""
    WATCHED = auto()
    """The same, but what the engine waits for is to be seen again: :meth:`Engine.watch`."""


class Host(Protocol[ChannelT]):
    """An endpoint, as its engine knows it.

    Attributes:
        clock: the time, in seconds.
        at_work: the channel that is being served, as long as it is.
        failures: those that cannot be connected, to be told by the next service.
        slice: how many messages a channel may decode at once.
        awaited: somebody waits for the engine; it is not to be closed under them.
        on_wake: what wakes them; None while nobody waits.
        on_close: to be called with each descriptor that was watched, before it is closed.
    """

    clock: Callable[[], float]
    at_work: ChannelT | None
    failures: list[tuple[ChannelT, Failure]]
    slice: int
    awaited: bool
    on_wake: Callable[[], None] | None
    on_close: Callable[[int], None] | None

    def begin_accepting(self, now: float) -> ChannelT:
        """Return a channel for somebody who has come, which is at work from now on."""
        ...

    def accepted(self, channel: ChannelT, now: float) -> None:
        """Note that it is connected, and at work no more."""

    def take_over(self) -> None:
        """Go on, in a child of a fork, with what its parent has begun."""

    def write(self, channel: ChannelT) -> None:
        """Have the engine write what a channel has to send, and see what follows from that."""

    def wake(self) -> None:
        """Have whoever waits for the endpoint serve it."""

    def may_log(self, address: str, level: int, log: logging.Logger) -> bool:
        """Count a line about an address; return whether it is to be written."""
        ...


class Engine(Protocol[ChannelT]):
    """Moves the bytes of one endpoint's channels; nothing here waits.

    What is below may be shared with the engines of other endpoints.
    """

    @property
    def inherited(self) -> bool:
        """Whether all of this is a parent process's: hands off, or :meth:`take_over`."""
        ...

    def begin(self, host: Host[ChannelT]) -> None:
        """Work for an endpoint; called once, before all else."""

    # ---------------------------------------------------------------- who is there

    @property
    def channels(self) -> list[ChannelT]:
        """All that have been connected or accepted, and not dropped."""
        ...

    @property
    def idle(self) -> bool:
        """Whether it neither listens nor has channels."""
        ...

    @property
    def local_port(self) -> int:
        """The port that it listens at; 0 if it does not."""
        ...

    def listen(self, host: str, port: int) -> None:
        """Accept connections at ``host`` ("*" for every interface).

        Raises:
            OSError: the address cannot be had.
        """

    def stop_listening(self) -> None:
        """Accept no more; channels stay."""

    def connect(self, host: str, port: int, channel: ChannelT) -> None:
        """Connect a channel that has a deadline."""

    def take(self, channel: ChannelT, other: Engine[ChannelT]) -> None:
        """Go on with a channel of another engine, which forgets it; see ``Endpoint.take``.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: the other is not of the same kind, or the channel
                has not been connected yet.
        """

    def obstacle(self, channel: ChannelT) -> str:
        """Return what keeps a channel from connecting, in words; "" for nothing special."""
        ...

    # ---------------------------------------------------------------- bytes

    def serve(self, now: float) -> None:
        """Accept, give the channels what has come, and have those written to that have room."""

    def write(self, channel: ChannelT) -> Written:
        """Write what a channel has to send, as far as it is taken."""
        ...

    def write_pieces(self, channel: ChannelT, pieces: list[bytes | memoryview]) -> int:
        """Write this, past what the channel has to send; return how many bytes were taken."""
        ...

    def watch(self, channel: ChannelT) -> None:
        """See again whether a channel takes bytes, and whether it waits to be written to."""

    def shut(self, channel: ChannelT) -> None:
        """Tell the other side that nothing more will be sent."""

    def farewell(self, channel: ChannelT) -> None:
        """Write what is taken of what a channel has to send last: it is about to be dropped."""

    def drop(self, channel: ChannelT) -> None:
        """Forget a channel; its connection ends."""

    def set_no_delay(self, channel: ChannelT, *, enabled: bool) -> None:
        """Send small packets at once, or not, where there is a difference."""

    # ---------------------------------------------------------------- waiting

    def next_deadline(self) -> float:
        """Return when :meth:`serve` has something to do of its own accord; infinity for never."""
        ...

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when :meth:`serve` has something to do, or None."""
        ...

    def watched(self) -> Iterator[tuple[int, int]]:
        """Return the descriptors to wait for, each with its events, where there is not that one."""
        ...

    # ---------------------------------------------------------------- the end

    def take_over(self) -> None:
        """Go on with what a parent process has begun (called by :meth:`Host.take_over`)."""

    def recover(self) -> None:
        """Repair what an interrupt has left."""

    def resume(self) -> None:
        """Do so for what depends on the channels, when those are whole."""

    def rest(self) -> None:
        """Let go of what an engine needs only while there is something to move."""
