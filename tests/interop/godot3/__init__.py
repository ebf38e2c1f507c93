"""Godot 3.2.3 as a peer in tests."""

from __future__ import annotations
