"""What the API of a server keeps of its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

_STRANGERS: Final = 0
"""Under this, faults are counted of whoever is not in the session."""


def peers_kept(api: SceneMultiplayer) -> set[int]:
    """The peers of which a table of ``api`` has something."""
    paths, incoming, asking = api._paths, api._incoming, api._asking
    tables = (
        paths._told,
        paths._heard,
        paths._heard_bytes,
        paths._newest,
        api._rejections._faults._counts,
        asking._questions._open,
        api.handlers._faults._counts,
        incoming._call_limits._buckets,
        incoming._mismatches._told,
        incoming._mismatches._count,
        api._runner._running,
        api._admission._admitted,
        api._admission._authentication._pending,
        api._admission._taken_over,
        api._admission._early,
    )
    return {peer for table in tables for peer in table} - {_STRANGERS}
