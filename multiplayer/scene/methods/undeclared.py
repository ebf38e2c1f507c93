"""What stands at ``node.method.rpc`` if the method has no ``@rpc``, and says so when it is called.

Python looks on the function for what a bound method lacks. So it is found there, and what a node or
a method has costs as much as before.
"""

from __future__ import annotations

from inspect import isfunction
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from typing import Never

_WAYS: Final = ("rpc", "rpc_id", "rpc_to", "call_id")


class Undeclared:
    """Stands for the ways to call a method elsewhere that cannot be called there.

    Args:
        name: the method's.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: object, **__: object) -> Never:
        """Say what is missing.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: always.
        """
        message = (
            f"{self._name}() has no @rpc; decorate it on both sides, or, if rpc_config() "
            "declares it, call it by its name with the API's rpc()"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def mark_undeclared(owner: type) -> None:
    """Have the methods that a class defines without ``@rpc`` say so when they are called elsewhere.

    A function that is defined outside of the class may be that of others, and stays as it is.
    """
    for name, value in vars(owner).items():
        own = isfunction(value) and value.__qualname__ == f"{owner.__qualname__}.{name}"
        if own and not name.startswith("__"):
            said = Undeclared(name)
            for way in _WAYS:
                vars(value).setdefault(way, said)
