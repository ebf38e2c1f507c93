"""Stand-ins for what exists only inside an engine: objects, handles, callables, signals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RID:
    """Godot's handle of a server's resource; 0 is none. Godot 3 does not send the number.

    Attributes:
        id: unsigned, 64 bits.
    """

    id: int = 0


@dataclass(frozen=True, slots=True)
class CallableRef:
    """Stands for a Godot 4 ``Callable``, of which nothing is sent but that it was one."""


@dataclass(frozen=True, slots=True)
class SignalRef:
    """Stands for a Godot 4 ``Signal``.

    Attributes:
        name: of the signal.
        object_id: of the object that has it, in the sender's engine; unsigned, 64 bits.
    """

    name: str = ""
    object_id: int = 0


@dataclass(frozen=True, slots=True)
class EncodedObjectAsID:
    """Stands for an object of the sender, whose id is all that is sent.

    Attributes:
        object_id: unsigned, 64 bits, not 0: that would be no object, which is ``None``.
    """

    object_id: int
