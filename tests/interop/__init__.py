"""Tests against real engines."""

from __future__ import annotations

import pytest

# What these assert is what the tests compare; a failure has to show both sides.
pytest.register_assert_rewrite(
    "tests.interop.members",
    "tests.interop.godot3.engine",
    "tests.interop.godot3.match",
    "tests.interop.godot4.engine",
    "tests.interop.native.godot4",
)
