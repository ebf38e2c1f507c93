"""Several machines: nodes with rooms, and the directory that says which node has which room."""

from __future__ import annotations

from multiplayer.rooms.lease import LeaseTerms, Policy

from .directory import Directory, DirectoryError
from .memory_directory import MemoryDirectory
from .node import Node
from .redis_directory import RedisDirectory

__all__ = [
    "Directory",
    "DirectoryError",
    "LeaseTerms",
    "MemoryDirectory",
    "Node",
    "Policy",
    "RedisDirectory",
]
