"""Several machines: nodes with rooms, and the directory that says which node has which room."""

from __future__ import annotations
