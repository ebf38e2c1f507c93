"""Checks what arrives against annotations: arguments and answers of ``@rpc`` methods, properties.

Each check is made once, before its method or property is first used.
"""

from __future__ import annotations

from inspect import Parameter
from typing import TYPE_CHECKING, Any, get_type_hints
from weakref import WeakKeyDictionary

from multiplayer.errors import Error, MultiplayerError

from .replicated_property import Replicated
from .rset_property import RsetProperty
from .type_checks import TypeCheck, type_check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .method import RpcMethod
    from .table import RpcTable


class MethodChecks:
    """The checks of one method: of its arguments, by position, and of its answer."""

    def __init__(
        self, parameters: Sequence[TypeCheck], rest: TypeCheck | None, answer: object
    ) -> None:
        self._parameters = parameters
        self._rest = rest
        self._answer = answer
        self._answer_check: TypeCheck | None = None

    @property
    def go_by_type(self) -> bool:
        """Whether values of the same types as others fit if those do, and stay what they are."""
        rest = () if self._rest is None else (self._rest,)
        return all(each.by_type for each in (*self._parameters, *rest))

    def apply(self, arguments: Sequence[object]) -> list[object]:
        """Return the arguments for the method: the same, with enum members for their values.

        Raises:
            WrongTypeError: one does not fit.
        """
        fitted: list[object] = []
        for position, value in enumerate(arguments):
            named = position < len(self._parameters)
            parameter = self._parameters[position] if named else self._rest
            fitted.append(value if parameter is None else parameter.fit(value))
        return fitted

    def of_answer(self) -> TypeCheck:
        """Return the check of what the method returns; only the asker needs it.

        Raises:
            TypeError: the annotation cannot be checked.
        """
        if self._answer_check is None:
            self._answer_check = type_check("the answer", self._answer)
        return self._answer_check


_checks: WeakKeyDictionary[RpcMethod[..., Any], MethodChecks] = WeakKeyDictionary()
AnyProperty = RsetProperty[Any] | Replicated[Any]

_property_checks: WeakKeyDictionary[AnyProperty, TypeCheck] = WeakKeyDictionary()


def checks_of(method: RpcMethod[..., Any]) -> MethodChecks:
    """Return the checks of a method; made once.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: an annotation names something that does not
            exist, or a type that cannot be checked.
    """
    checks = _checks.get(method)
    if checks is None:
        checks = _checks[method] = _make(method)
    return checks


def answer_check(method: RpcMethod[..., Any]) -> TypeCheck:
    """Return the check of what a method returns.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: as :func:`checks_of`.
    """
    try:
        return checks_of(method).of_answer()
    except TypeError as error:
        message = f"{method!r}: the answer: {error}"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message) from error


def property_check(declared: AnyProperty) -> TypeCheck:
    """Return the check of a property of ``rset`` or ``replicated``; made once.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: as :func:`checks_of`.
    """
    check = _property_checks.get(declared)
    if check is None:
        try:
            check = type_check("the value", declared.value_type())
        except (NameError, TypeError, AttributeError, SyntaxError) as error:
            kind = "rset" if isinstance(declared, RsetProperty) else "replicated"
            message = f"{kind} property {declared.name!r}: its type cannot be checked: {error}"
            raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message) from error
        _property_checks[declared] = check
    return check


def check_annotations(table: RpcTable) -> None:
    """Find out now whether all annotations of a table can be checked.

    Except those of what its methods return: they matter only to the asker.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: as :func:`checks_of`.
    """
    for method in table.methods.values():
        checks_of(method)
    for declared in (*table.properties.values(), *table.replicated.values()):
        property_check(declared)


def _make(method: RpcMethod[..., Any]) -> MethodChecks:
    try:
        hints = get_type_hints(method.function)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        message = f"{method!r}: an annotation cannot be resolved: {error}"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message) from error
    parameters: list[TypeCheck] = []
    rest: TypeCheck | None = None
    for parameter in list(method.signature.parameters.values())[1:]:
        try:
            made = type_check(parameter.name, hints.get(parameter.name, Any))
        except TypeError as error:
            message = f"{method!r}: {parameter.name}: {error}"
            raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message) from error
        if parameter.kind == Parameter.VAR_POSITIONAL:
            rest = made
        elif parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
            parameters.append(made)
    return MethodChecks(parameters, rest, hints.get("return", Any))
