"""Peers of one process over pipes in memory, in a time of their own: no sockets, no waiting."""

from __future__ import annotations

from .network import MemoryNetwork

__all__ = ["MemoryNetwork"]
