"""Godot 4.6 as a peer in tests: the official web build, headless in Chromium."""

from __future__ import annotations
