"""What the two packages export."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import multiplayer
import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

both = pytest.mark.parametrize("package", [multiplayer, peers], ids=["multiplayer", "peers"])


def modules_of(package: ModuleType) -> Iterator[str]:
    """The names of all modules inside, however deep; ``__main__`` is a program, not one of them."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith(".__main__"):
            yield found.name


@both
def test_all_names_exactly_what_is_public(package: ModuleType) -> None:
    assert all(hasattr(package, name) for name in package.__all__)  # some are loaded by that
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert set(package.__all__) == public


@both
def test_all_names_nothing_twice(package: ModuleType) -> None:
    assert len(package.__all__) == len(set(package.__all__))


@both
def test_every_export_is_there_and_no_module(package: ModuleType) -> None:
    for name in package.__all__:
        assert not isinstance(getattr(package, name), ModuleType), name


@both
def test_no_module_bears_the_name_of_an_export(package: ModuleType) -> None:
    for name in modules_of(package):
        parent, _, own = name.rpartition(".")
        assert own not in getattr(importlib.import_module(parent), "__all__", ()), name


@both
def test_every_public_class_and_function_says_what_it_is(package: ModuleType) -> None:
    undocumented = [name for name in package.__all__ if not getattr(package, name).__doc__]
    assert undocumented == []


@both
def test_py_typed_is_there(package: ModuleType) -> None:
    assert files(package).joinpath("py.typed").is_file()
