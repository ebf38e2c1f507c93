"""Stand-ins for what exists only inside an engine: objects, handles, callables, signals."""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST_ID = 0xFFFF_FFFF_FFFF_FFFF


def _check_id(name: str, number: object, smallest: int = 0) -> None:
    if not isinstance(number, int):
        message = f"{name} takes an int, not {type(number).__name__}"
        raise TypeError(message)
    if not smallest <= number <= _LARGEST_ID:
        message = f"{name} takes an int from {smallest} to 2**64 - 1"
        raise ValueError(message)


@dataclass(frozen=True, slots=True)
class RID:
    """Godot's handle to a server's resource; 0 means none. Godot 3 does not send the number.

    Attributes:
        id: unsigned, 64 bits.
    """

    id: int = 0

    def __post_init__(self) -> None:
        _check_id("RID", self.id)


@dataclass(frozen=True, slots=True)
class CallableRef:
    """Stands for a Godot 4 ``Callable``; nothing of it is sent except that it was one."""


@dataclass(frozen=True, slots=True)
class SignalRef:
    """Stands for a Godot 4 ``Signal``.

    Attributes:
        name: the signal's name.
        object_id: the id of its object in the sender's engine; unsigned, 64 bits.
    """

    name: str = ""
    object_id: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"the name of a SignalRef must be a str, not {type(self.name).__name__}"
            raise TypeError(message)
        _check_id("SignalRef", self.object_id)


@dataclass(frozen=True, slots=True)
class EncodedObjectAsID:
    """Stands for one of the sender's objects, of which only the id is sent.

    Attributes:
        object_id: unsigned, 64 bits, not 0: no object is ``None``.
    """

    object_id: int

    def __post_init__(self) -> None:
        _check_id("EncodedObjectAsID", self.object_id, 1)
