"""Which type the values of a declared property have."""

from __future__ import annotations

from inspect import get_annotations
from typing import Any, get_args, get_origin, get_type_hints


def declared_type(owner: type, name: str, descriptor: type, default: object) -> object:
    """Return the type of a property's values: by its annotation, or else that of its default.

    Args:
        owner: the class that declares it.
        name: its name.
        descriptor: what it may be annotated as, such as ``RsetProperty`` of ``RsetProperty[int]``.
        default: None for any value.

    Raises:
        NameError, TypeError, AttributeError, SyntaxError: the annotation cannot be resolved.
    """
    written = get_annotations(owner).get(name)
    if written is None:
        return Any if default is None else type(default)
    # A class of its own, so that other annotations need not be resolvable, too.
    names = {"__annotations__": {name: written}, "__module__": owner.__module__}
    hint: object = get_type_hints(type(owner.__name__, (), names))[name]
    if get_origin(hint) is descriptor:
        return get_args(hint)[0]
    return Any if hint is descriptor else hint
