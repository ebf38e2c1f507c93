"""Names: ``StringName`` and ``NodePath``."""

from __future__ import annotations

from dataclasses import dataclass


class StringName(str):
    """Godot 4's ``StringName``: a ``str`` that stays a StringName on the wire.

    Equal to a ``str`` of the same text, as in Godot, so ``message["a"]`` reads GDScript's
    ``{a = 1}``, whose keys are StringNames.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"StringName({str(self)!r})"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class NodePath:
    """Godot's ``NodePath``: the path to a node, and from there to a property.

    Godot's notation: ``/root/Main:position:x`` has names ``root``, ``Main`` and subnames
    ``position``, ``x``, and is absolute. As in Godot, an empty name between slashes vanishes.

    Attributes:
        names: the nodes along the path.
        subnames: the properties along the path.
        absolute: whether the path begins at the root of the tree.

    Raises:
        ValueError: the text has an empty property, as in ``a::b``.
    """

    names: tuple[str, ...]
    subnames: tuple[str, ...]
    absolute: bool

    def __init__(self, path: str = "") -> None:
        nodes, colon, properties = path.partition(":")
        subnames = properties.removesuffix(":").split(":") if properties else []
        if colon and "" in subnames:
            message = f"{path!r} is not a NodePath: a property has no name"
            raise ValueError(message)
        names = tuple(name for name in nodes.split("/") if name)
        self._set(names, tuple(subnames), nodes.startswith("/"))

    @classmethod
    def from_parts(
        cls, names: tuple[str, ...], subnames: tuple[str, ...] = (), *, absolute: bool = False
    ) -> NodePath:
        """Return the path that consists of these parts, even if no text could express it.

        Raises:
            TypeError: a part is not text.
        """
        names, subnames = tuple(names), tuple(subnames)
        for part in names + subnames:
            if not isinstance(part, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = f"the parts of a NodePath must be str, not {type(part).__name__}"
                raise TypeError(message)
        self = object.__new__(cls)
        self._set(names, subnames, absolute)
        return self

    def _set(self, names: tuple[str, ...], subnames: tuple[str, ...], absolute: bool) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "subnames", subnames)
        object.__setattr__(self, "absolute", absolute)

    def __str__(self) -> str:
        nodes = "/" * self.absolute + "/".join(self.names)
        return ":".join((nodes, *self.subnames))

    def __repr__(self) -> str:
        return f"NodePath({str(self)!r})"
