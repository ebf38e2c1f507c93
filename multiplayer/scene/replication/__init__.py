"""Spawning nodes at other peers, and keeping their properties the same there."""
