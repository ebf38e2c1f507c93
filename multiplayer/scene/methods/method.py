"""The decorator ``@rpc``, and the methods that it makes.

Mirrors the annotation ``@rpc`` of GDScript and ``Callable.rpc`` / ``Callable.rpc_id``.
"""

from __future__ import annotations

import ast
import inspect
from types import MethodType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    TypeVar,
    cast,
    overload,
)

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.membership import api_of

from .config import config_from_words

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Self

    from multiplayer.scene.pending_calls import PendingCall

    from .config import RpcConfig

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

_ANY_NUMBER: Final = 255
_ANY_KEYWORD: Final = (inspect.Parameter.VAR_KEYWORD,)
_BY_KEYWORD: Final = (inspect.Parameter.KEYWORD_ONLY, *_ANY_KEYWORD)


class RpcMethod(Generic[P, R_co]):
    """A method that other peers can call; made by :func:`rpc`.

    Accessed through an instance, it is a :class:`BoundRpc`.

    Attributes:
        function: the plain function.
        name: the method's name, also on the wire.
        config: who may call it, and how calls are sent.
        limit: how often one peer may call it, in calls a second; 0 for any number.
        is_async: whether it is a coroutine function.
        has_body: False if it is only declared here, for peers that have it.
    """

    def __init__(
        self, function: Callable[Concatenate[Any, P], R_co], config: RpcConfig, limit: float = 0
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.config = config
        self.limit = limit
        self.is_async = inspect.iscoroutinefunction(function)
        self.has_body = _has_body(function)
        self.signature = inspect.signature(function)
        self.fewest, self.most = _argument_counts(self.signature)
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        # For abstract methods, whichever decorator comes first: abc asks for it.
        self.__isabstractmethod__: bool = getattr(function, "__isabstractmethod__", False)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> BoundRpc[P, R_co]: ...
    def __get__(self, instance: object | None, owner: type) -> Self | BoundRpc[P, R_co]:
        if instance is None:
            return self
        return BoundRpc(instance, self)

    def __call__(self, instance: object, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the method of ``instance`` here, as ``Class.method(instance)`` does.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: it is declared without a body.
        """
        if not self.has_body:
            raise no_body(self)
        return self.function(instance, *args, **kwargs)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self  # as of a function

    def takes(self, count: int) -> bool:
        """Return whether it can be called with ``count`` arguments."""
        return self.fewest <= count <= self.most

    def arity(self) -> str:
        """Return how many arguments it takes, in words."""
        if self.fewest == self.most:
            return f"{self.most}"
        if self.most == _ANY_NUMBER:
            return f"{self.fewest} to {_ANY_NUMBER}"
        return f"{self.fewest} to {self.most}"

    def __repr__(self) -> str:
        return f"<rpc {self.function.__qualname__}>"


class _OfMethod(Generic[T]):
    """An attribute that a bound method takes from its function; the class has its own, or none."""

    def __init__(self, get: Callable[[BoundRpc[..., Any]], T], of_class: T | None = None) -> None:
        self._get = get
        self._of_class = of_class

    def __get__(self, instance: BoundRpc[..., Any] | None, owner: type) -> T:
        if instance is not None:
            return self._get(instance)
        if self._of_class is None:
            raise AttributeError
        return self._of_class


class BoundRpc(Generic[P, R_co]):
    """A method of one object: a plain call runs it here, :meth:`rpc` elsewhere.

    Like an ordinary method it has ``__self__``, ``__name__``, ``__doc__`` and, as ``__wrapped__``,
    the plain method, so ``inspect.signature`` works.
    """

    __slots__ = ("_instance", "_method")

    if not TYPE_CHECKING:
        # Not properties: inspect would take a class with one of that name for a wrapper, too.
        __doc__ = _OfMethod(lambda self: self._method.__doc__, __doc__)
        __wrapped__ = _OfMethod(lambda self: MethodType(self._method.function, self._instance))

    def __init__(self, instance: object, method: RpcMethod[P, R_co]) -> None:
        self._instance = instance
        self._method = method

    @property
    def __self__(self) -> object:
        return self._instance

    @property
    def __name__(self) -> str:
        return self._method.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the method here, as if it had no decorator.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: it is declared without a body.
        """
        return self._method(self._instance, *args, **kwargs)

    def rpc(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the method at all peers; also here if it says ``call_local``.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rpc``.
            TypeError: the arguments do not fit the method.
        """
        self.rpc_id(0, *args, **kwargs)

    def rpc_id(self, peer: int, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the method at ``peer``: n that one, 0 all, -n all but that one.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rpc``.
            TypeError: the arguments do not fit the method.
        """
        method = self._method
        if not kwargs and method.fewest <= len(args) <= method.most:
            arguments = list(args)  # the common case, as in `_bind`
        else:
            arguments = self._bind(args, kwargs)
        api_of(self._instance).rpc(peer, self._instance, method.name, arguments)

    def rpc_to(self, peers: Iterable[int], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the method at some peers: their ids, or a ``PeerGroup``.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rpc_to``.
            TypeError: the arguments do not fit the method.
        """
        api, arguments = api_of(self._instance), self._bind(args, kwargs)
        api.rpc_to(peers, self._instance, self._method.name, arguments)

    @overload
    def call_id(
        self: BoundRpc[P, Coroutine[Any, Any, T]], peer: int, /, *args: P.args, **kwargs: P.kwargs
    ) -> PendingCall[T]: ...
    @overload
    def call_id(self, peer: int, /, *args: P.args, **kwargs: P.kwargs) -> PendingCall[R_co]: ...
    def call_id(self, peer: int, /, *args: P.args, **kwargs: P.kwargs) -> PendingCall[Any]:
        """Ask one peer to call the method and send what it returns; only in ``NATIVE``.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.call_id``.
            TypeError: the arguments do not fit the method.
        """
        api, arguments = api_of(self._instance), self._bind(args, kwargs)
        return api.call_id(peer, self._instance, self._method.name, arguments)

    def _bind(self, args: tuple[object, ...], kwargs: dict[str, object]) -> list[object]:
        """Return the arguments by position, as they travel."""
        if not kwargs and self._method.takes(len(args)):
            return list(args)  # the common case: nothing to sort
        try:
            bound = self._method.signature.bind(self._instance, *args, **kwargs)
        except TypeError as error:
            message = f"{self._method.name}(): {error}"
            raise TypeError(message) from None
        if bound.kwargs:
            # What follows an argument that was left out counts as a keyword.
            for name, parameter in self._method.signature.parameters.items():
                if name in bound.arguments and parameter.kind in _BY_KEYWORD:
                    name = next(iter(bound.kwargs)) if parameter.kind in _ANY_KEYWORD else name
                    message = (
                        f"{self._method.name}() takes {name} only by keyword: it cannot be sent"
                    )
                    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
            bound.apply_defaults()
        return list(bound.args[1:])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundRpc):
            return NotImplemented
        same = cast("BoundRpc[..., object]", other)
        return self._instance is same._instance and self._method is same._method

    def __hash__(self) -> int:
        return hash((id(self._instance), self._method))

    def __repr__(self) -> str:
        return f"<rpc {self._method.name} of {self._instance!r}>"


@overload
def rpc(function: Callable[Concatenate[Any, P], R_co], /) -> RpcMethod[P, R_co]: ...
@overload
def rpc(
    *words: str | int,
    limit: float = 0,
) -> Callable[[Callable[Concatenate[Any, P], R_co]], RpcMethod[P, R_co]]: ...
def rpc(*words: Any, limit: float = 0) -> Any:
    """Let other peers call a method: ``@rpc("any_peer", "call_local", "reliable")``.

    Works on methods of any class, plain or ``async``. If the body is only ``...``, the method is
    only declared: it exists at the other peers, and counts in Godot's checksum. An
    ``@abstractmethod`` stays abstract, in either order of the decorators.

    Args:
        *words: in any order, each at most once: ``"authority"`` (default) or ``"any_peer"`` may
            call it; ``"call_remote"`` (default) or ``"call_local"``; ``"reliable"`` (default),
            ``"unreliable"`` or ``"unreliable_ordered"``; a channel number (default 0). Or one of
            Godot 3's ``"remote"``, ``"remotesync"``, ``"master"``, ``"mastersync"``, ``"puppet"``,
            ``"puppetsync"`` instead of the first two.
        limit: how often one peer may call it, in calls a second; 0 for any number. Calls beyond it
            are dropped, and a peer that does not stop is closed with 1008.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an unknown word, a contradiction, or a negative
            limit; ``ERR_INVALID_DECLARATION``: what it decorates is not a method.
    """
    if len(words) == 1 and not isinstance(words[0], str | int):
        return _declared(words[0], config_from_words(()))
    config = config_from_words(words)
    if not limit >= 0:
        message = f"an RPC's limit must be a number of calls a second, not {limit}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def decorate(function: Callable[Concatenate[Any, P], R_co]) -> RpcMethod[P, R_co]:
        return _declared(function, config, limit)

    return decorate


def _declared(
    function: Callable[Concatenate[Any, P], R_co], config: RpcConfig, limit: float = 0
) -> RpcMethod[P, R_co]:
    unfit = isinstance(function, staticmethod | classmethod | type | RpcMethod)
    if unfit or not callable(function) or not hasattr(function, "__name__"):
        message = f"@rpc decorates methods, not {function!r}; it takes words and a channel number"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    return RpcMethod(function, config, limit)


def no_body(method: RpcMethod[..., Any]) -> MultiplayerError:
    """Return the error for calling here what exists only elsewhere."""
    message = (
        f"{method.name}() is declared without a body: it exists only at other peers; call it there "
        f"with {method.name}.rpc() or {method.name}.rpc_id(peer)"
    )
    return MultiplayerError(Error.ERR_UNAVAILABLE, message)


def _argument_counts(signature: inspect.Signature) -> tuple[int, int]:
    """Return the fewest and most arguments by position, without the instance."""
    fewest = most = 0
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind in _BY_KEYWORD:
        message = "an RPC must be a method: its first parameter is the object itself"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    if parameters[0].kind != inspect.Parameter.VAR_POSITIONAL:
        del parameters[0]
    for parameter in parameters:
        if parameter.kind == parameter.VAR_POSITIONAL:
            most = _ANY_NUMBER
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            fewest += parameter.default is parameter.empty
        elif parameter.kind == parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            message = f"an RPC's arguments go by position; {parameter.name} must have a default"
            raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    return fewest, min(most, _ANY_NUMBER)


def _ellipsis() -> None: ...
async def _async_ellipsis() -> None: ...
def _documented() -> None:
    """Nothing."""


async def _async_documented() -> None:
    """Nothing."""


_EMPTY_CODE: Final = {
    function.__code__.co_code
    for function in (_ellipsis, _async_ellipsis, _documented, _async_documented)
}


def _has_body(function: Callable[..., object]) -> bool:
    """Return False if the function's body is ``...`` or a docstring, and nothing else.

    Compiled, ``pass`` and ``return`` look the same; only the source shows the difference. Without
    source code, such a function counts as one without a body.
    """
    code = getattr(function, "__code__", None)
    if code is None or code.co_code not in _EMPTY_CODE:
        return True
    try:
        source = inspect.getsource(function)
        if source[0].isspace():
            source = "if True:\n" + source  # a docstring may begin its lines anywhere
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return False
    declaration = tree.body[0]
    if isinstance(declaration, ast.If):
        declaration = declaration.body[0]
    body = getattr(declaration, "body", [])
    return not all(
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        for statement in body
    )
