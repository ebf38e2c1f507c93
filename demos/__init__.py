"""Programs that show how the packages are used; not installed."""

from __future__ import annotations
