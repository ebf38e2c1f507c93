"""Finds gdpeers-speedups, and takes its functions in place of ours that do the same.

Without that distribution, with one for another version of ours, or with ``GDPEERS_PURE=1`` in the
environment when this is imported, the functions stay as they are written.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

INTERFACE: Final = 1
"""Which arguments the functions take: larger when those of one change."""

_log: Final = logging.getLogger(__name__)
_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


def _found() -> object | None:
    if os.environ.get("GDPEERS_PURE", "") not in ("", "0"):
        return None
    try:
        module = importlib.import_module("gdpeers_speedups")
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "gdpeers_speedups"
        # It may be damaged, for another Python or system, or its source, in the folder of that.
        if not missing:
            _log.warning("gdpeers-speedups cannot be loaded: %s", error)
        return None
    if getattr(module, "INTERFACE", None) != INTERFACE:
        _log.warning("gdpeers-speedups is for another version of gdpeers: install the matching one")
        return None
    return module


_module: Final = _found()
pure: Final[dict[str, Callable[..., Any]]] = getattr(_module, "pure", {})
"""The functions as they are written, by name. Their twins leave to them what is rare, and tests
hold one against the other."""


def is_accelerated() -> bool:
    """Return whether the functions of gdpeers-speedups are used."""
    return _module is not None


def accelerated(function: _FunctionT) -> _FunctionT:
    """Return the fast function of that name if there is one, else ``function``; a decorator.

    The function must be plain: it refers to nothing but its arguments, and does to them what its
    twin does.
    """
    pure[function.__name__] = function
    return getattr(_module, function.__name__, function)
