"""Godot's signals: declared on the class, connected and emitted per instance.

Mirrors ``Object.connect`` and friends, in the Godot 4 spelling ``peer.peer_connected.connect(f)``.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Generic, TypeVarTuple, overload

from .errors import Error, MultiplayerError, one_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

Ts = TypeVarTuple("Ts")


class Signal(Generic[*Ts]):
    """Declares a signal on a class: ``peer_connected = Signal[int]("id")``.

    Accessed through an instance, it is that instance's :class:`BoundSignal`; instances share
    nothing.

    Args:
        *names: the names of the signal's arguments, as in Godot's class reference.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundSignal[*Ts]: ...
    def __get__(self, instance: object | None, owner: type) -> Self | BoundSignal[*Ts]:
        if instance is None:
            return self
        bound: BoundSignal[*Ts] = BoundSignal(self.name, self.names)
        # From now on the instance's own attribute is found before this descriptor.
        instance.__dict__[self.name] = bound
        return bound

    def __repr__(self) -> str:
        return f"<Signal {self.name}({', '.join(self.names)})>"


class BoundSignal(Generic[*Ts]):
    """One instance's signal: who listens, and how to tell them.

    It holds no reference to the instance it belongs to, so listening keeps nothing alive.
    """

    __slots__ = ("_changed", "_listeners", "name", "names")

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        self.name = name
        self.names = names
        # listener -> one_shot; replaced, never mutated, so that an emission walks its own copy.
        self._listeners: dict[Callable[[*Ts], object], bool] = {}
        self._changed: Callable[[Mapping[Callable[..., object], bool]], object] | None = None

    def connect(
        self, listener: Callable[[*Ts], object], *, one_shot: bool = False
    ) -> Callable[[*Ts], object]:
        """Call ``listener`` with the signal's arguments at each emission, in order of connecting.

        Args:
            listener: any callable; returned, so that ``connect`` also serves as a decorator.
            one_shot: disconnect it before its first call.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is already connected (as in Godot), or
                is a coroutine function.
        """
        if iscoroutinefunction(listener):
            message = f"{listener!r} is async and would never run; connect a plain function"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if listener in self._listeners:
            message = f"{listener!r} is already connected to {self.name}; disconnect it first"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._replace({**self._listeners, listener: one_shot})
        return listener

    def _replace(self, listeners: dict[Callable[[*Ts], object], bool]) -> None:
        self._listeners = listeners
        if self._changed is not None:
            self._changed(listeners)

    def on_change(
        self, changed: Callable[[Mapping[Callable[..., object], bool]], object] | None
    ) -> None:
        """Call a function with the listeners whenever others listen; for whoever emits it."""
        self._changed = changed

    def disconnect(self, listener: Callable[[*Ts], object]) -> None:
        """Stop calling ``listener``, even in an emission that is under way.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not connected.
        """
        if listener not in self._listeners:
            message = f"{listener!r} is not connected to {self.name}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        self._replace({key: one for key, one in self._listeners.items() if key != listener})

    def is_connected(self, listener: Callable[[*Ts], object]) -> bool:
        """Return whether ``listener`` is connected."""
        return listener in self._listeners

    def emit(self, *args: *Ts) -> None:
        """Call all listeners with ``args``.

        One that raises does not keep the others from being called. Listeners connected meanwhile
        are not called this time; those disconnected meanwhile are not called any more.

        Raises:
            Exception: what a listener raised; if several did, an ``ExceptionGroup`` of those.
        """
        if failures := self.call_all(*args):
            raise one_error([*failures], f"several listeners of {self.name} failed")

    def listeners(self) -> Sequence[tuple[Callable[[*Ts], object], bool]]:
        """Return the listeners of an emission that begins now, and which of them are one-shot."""
        return [*self._listeners.items()]

    def call_all(
        self, *args: *Ts, passes: Callable[[], object] | None = None
    ) -> Sequence[Exception]:
        """Do what :meth:`emit` does, but return what the listeners raised.

        Args:
            *args: the signal's arguments.
            passes: called when a listener raises something other than an ``Exception``, before
                that propagates.
        """
        if not self._listeners:
            return ()
        failures: list[Exception] = []
        for listener, one_shot in self._listeners.items():
            if listener not in self._listeners:
                continue
            if one_shot:
                self.disconnect(listener)
            try:
                listener(*args)
            except Exception as error:  # the others are called all the same
                failures.append(error)
            except BaseException:
                if passes is not None:
                    passes()
                raise
        return failures

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle without listeners: they listen to this one."""
        return BoundSignal, (self.name, self.names)

    def __repr__(self) -> str:
        names = ", ".join(self.names)
        return f"<signal {self.name}({names}), {len(self._listeners)} listeners>"


AnySignal = BoundSignal[*tuple[Any, ...]]
