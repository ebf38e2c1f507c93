"""Which methods of an object peers can call, and which number each of them has.

Only what is in such a table can be called: no attribute is ever looked up by a name that arrived.
Numbers are as in WIRE4 B.5: the methods of the class sorted by name from 0, those that were
configured on the object itself likewise, with bit 15 set.
"""

from __future__ import annotations

from inspect import isfunction
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from multiplayer.errors import Error, MultiplayerError
from multiplayer.wire.dialects.godot4_common import rpc_checksum

from .method import RpcMethod
from .replicated_property import Replicated, replicated_properties
from .rset_property import RsetProperty, rset_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIGURED: Final = 0x8000

AnyRpcMethod = RpcMethod[..., Any]


class RpcTable:
    """The methods and properties of one object that peers can use.

    Attributes:
        methods: by name.
        properties: those of :func:`rset`, by name.
        replicated: those of :func:`replicated`, by name.
        configured: the names of the methods that were configured on the object, sorted.
        scripted: those of its class, sorted.
        names: both, in this order.
        checksum: of the names, as Godot 4 compares them.
    """

    def __init__(
        self,
        scripted: Mapping[str, AnyRpcMethod],
        properties: Mapping[str, RsetProperty[Any]],
        configured: Mapping[str, AnyRpcMethod],
        replicated: Mapping[str, Replicated[Any]] | None = None,
    ) -> None:
        # Sorted by code point, as Python does.
        of_object, of_class = sorted(configured), sorted(scripted)
        self.methods = {**scripted, **configured}
        self.properties = properties
        self.replicated = replicated or {}
        self.configured = tuple(of_object)
        self.scripted = tuple(of_class)
        self.names = (*of_object, *of_class)
        self._names_by_number = dict(enumerate(of_class))
        self._names_by_number |= {_CONFIGURED | i: name for i, name in enumerate(of_object)}
        self._numbers = {name: number for number, name in self._names_by_number.items()}
        self.checksum = rpc_checksum(of_object, of_class)
        self._positions = {name: position for position, name in enumerate(self.names)}

    def agrees_with(self, theirs: tuple[str, ...] | str | None) -> bool:
        """Return whether another side's methods have the same names.

        Args:
            theirs: the names, a checksum of them, or None if it does not say.
        """
        if isinstance(theirs, tuple):
            return set(theirs) == set(self.names)
        return theirs is None or theirs == self.checksum

    def name_of(self, number: int) -> str | None:
        """Return the name of the method with that number; None if there is none."""
        return self._names_by_number.get(number)

    def number_of(self, name: str) -> int:
        """Return the number of a method that is in the table."""
        return self._numbers[name]

    def position_of(self, name: str) -> int:
        """Return where in :attr:`names` a method of the table is."""
        return self._positions[name]


_tables: WeakKeyDictionary[type, RpcTable] = WeakKeyDictionary()


def table_of(owner: type, configured: Mapping[str, AnyRpcMethod] | None = None) -> RpcTable:
    """Return the table of a class, or of an object of it that has ``configured`` methods."""
    if configured:
        return _table(owner, configured)
    table = _tables.get(owner)
    if table is None:
        table = _tables[owner] = _table(owner, {})
    return table


def _table(owner: type, configured: Mapping[str, AnyRpcMethod]) -> RpcTable:
    replicated = replicated_properties(owner)
    return RpcTable(_methods(owner), rset_properties(owner), configured, replicated)


def complete_overrides(owner: type) -> None:
    """Make a class's functions that override an RPC into RPCs, so that they have ``.rpc``, too.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: a ``staticmethod``, ``classmethod`` or
            ``property`` of something with ``@rpc``.
    """
    inherited: dict[str, tuple[type, AnyRpcMethod]] = {}
    mixed_in: dict[str, AnyRpcMethod] = {}
    for base in reversed(owner.__mro__):
        for name, value in list(vars(base).items()):
            _check_declaration(base, name, value)
            mixed_in.pop(name, None)
            if isinstance(value, RpcMethod):
                inherited[name] = base, value
            elif name in inherited and isfunction(value):
                declaring, overridden = inherited[name]
                method = RpcMethod(value, overridden.config, overridden.limit)
                if issubclass(base, declaring):
                    _set(base, name, method)
                    inherited[name] = base, method
                else:
                    mixed_in[name] = method
            else:
                inherited.pop(name, None)
    # A mixin that knows of no RPC stays as it is, for the other classes that have it.
    for name, method in mixed_in.items():
        _set(owner, name, method)


def _set(owner: type, name: str, method: AnyRpcMethod) -> None:
    method.__set_name__(owner, name)
    setattr(owner, name, method)


def _check_declaration(owner: type, name: str, value: object) -> None:
    inner: object = None
    if isinstance(value, staticmethod | classmethod):
        inner = cast("staticmethod[..., object]", value).__func__
    elif isinstance(value, property):
        inner = value.fget
    if isinstance(inner, RpcMethod):
        kind = "property" if isinstance(value, property) else "static or class method"
        message = f"{owner.__name__}.{name}: @rpc is for plain methods, not for a {kind}"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)


def declared_names() -> list[str]:
    """Return the names of all RPCs of all classes that have been used, sorted."""
    return sorted({name for table in _tables.values() for name in table.methods})


def function_names(owner: type) -> list[str]:
    """Return the names of a class's functions that are not RPCs: one may lack its ``@rpc``."""
    found = {
        name
        for base in owner.__mro__
        if base is not object and not base.__module__.startswith("multiplayer.")
        for name, value in vars(base).items()
        if isfunction(value) and not name.startswith("__")
    }
    return sorted(found)


def _methods(owner: type) -> dict[str, AnyRpcMethod]:
    complete_overrides(owner)
    found: dict[str, AnyRpcMethod] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, RpcMethod):
                found[name] = value
            else:
                # Overridden by something that is not a function: it cannot be called any more.
                found.pop(name, None)
    return found
