"""The arena: a small top-down shooter with an authoritative server, to copy from.

``rules``, ``ground`` and ``movement`` are the game, and know no network. ``world`` is the tree that
all programs have, ``match`` and ``room`` are the server's side, ``client`` is a player's, ``bots``
play. The rest shows it.
"""

from __future__ import annotations
