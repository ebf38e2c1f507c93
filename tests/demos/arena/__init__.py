"""The arena: its rules, its room, its bots, and whole matches on bad networks."""

from __future__ import annotations
