"""Makes the pictures of the README: ``python -m demos.arena.recording``."""

from __future__ import annotations
