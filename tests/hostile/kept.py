"""What the API of a server keeps of its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

_STRANGERS: Final = 0
"""Under this, faults are counted of whoever is not in the session."""


def peers_kept(api: SceneMultiplayer) -> set[int]:
    """The peers of which a table of ``api`` has something."""
    session = api._session
    paths, incoming, asking = session.cache.paths, session.incoming, session.requests
    tables = (
        paths._told,
        paths._heard,
        paths._heard_bytes,
        paths._newest,
        session.rejections._faults._counts,
        asking._questions._open,
        api.handlers._faults._counts,
        incoming._call_limits._buckets,
        session.mismatches._told,
        session.mismatches._count,
        session.runner._running,
        session.peers._admitted,
        session.peers._authentication._pending,
        session.peers._taken_over,
        session.peers._early,
    )
    return {peer for table in tables for peer in table} - {_STRANGERS}
