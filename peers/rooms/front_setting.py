"""``FrontSetting``: a setting of a ``RoomServer`` that its front checks and keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from typing import Self

    from .front import Front

Value = TypeVar("Value")


class HasFront(Protocol):
    """A server that has such settings."""

    @property
    def front(self) -> Front:
        """What keeps them."""
        ...


class FrontSetting(Generic[Value]):
    """A data descriptor: the front's attribute of the same name."""

    def __init__(self) -> None:
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, server: None, owner: type) -> Self: ...

    @overload
    def __get__(self, server: HasFront, owner: type) -> Value: ...

    def __get__(self, server: HasFront | None, owner: type) -> Self | Value:
        if server is None:
            return self
        value: Any = getattr(server.front, self._name)
        return value

    def __set__(self, server: HasFront, value: Value) -> None:
        setattr(server.front, self._name, value)
