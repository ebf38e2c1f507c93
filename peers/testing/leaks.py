"""What a test has left behind: open sockets, running tasks, tables of peers that are gone.

:func:`places_of` looks everywhere for the number of a peer, so that it finds a table that nobody
has thought of.
"""

from __future__ import annotations

import gc
import os
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from multiplayer import ConnectionStatus, Node
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from multiplayer import MultiplayerPeer, SceneMultiplayer

_OURS: Final = ("multiplayer.", "peers.")
"""Whose objects are looked into."""

REMEMBERED: Final = re.compile(
    r"""
      \._departed\._ids\[key\]        # the last 4096 that have left
    | \.outgoing\._routes\b           # found anew at the next call, all together
    """,
    re.VERBOSE,
)
"""Where an API may have the id of a peer that is gone."""

REMEMBERED_BY_SERVERS: Final = re.compile(
    r"""
      \.clients\.left\._ids\[key\]   # the last 4096 that have left
    | \.clients\.departed\b         # the last 256: their packets, and why they have closed
    | \._heap\b                     # of one of those, until it comes
    """,
    re.VERBOSE,
)
"""Where a server may have it."""


# ---------------------------------------------------------------- sockets and tasks


class OpenSockets:
    """The peers over sockets that are opened from now on, and not closed.

    Looking at all objects takes some 50 ms, so the open descriptors are looked at first, where the
    system lists them.
    """

    def __init__(self) -> None:
        self._before = _descriptors()
        self._peers_before = _open_peers() if self._before is None else []

    def left(self) -> list[str]:
        """Return in words which are still open."""
        after = _descriptors()
        if self._before is None or after is None:
            peers = [peer for peer in _open_peers() if peer not in self._peers_before]
        elif news := after - self._before:
            peers = [peer for peer in _open_peers() if not news.isdisjoint(_numbers_of(peer))]
        else:
            peers = []
        return [f"a {type(peer).__name__} that {_doing(peer)}: close() it" for peer in peers]


def _doing(peer: WebSocketMultiplayerPeer) -> str:
    port = peer.get_local_port()
    return f"still listens at port {port}" if port else "is still connected or connecting"


def _descriptors() -> frozenset[int] | None:
    """Return those that this process has open; None if the system does not list them."""
    try:
        return frozenset(map(int, os.listdir("/dev/fd")))  # noqa: PTH208 - names, not paths
    except OSError:
        return None


def _numbers_of(peer: WebSocketMultiplayerPeer) -> frozenset[int]:
    """Return the descriptors that are waited for on behalf of a peer; none of one in memory."""
    descriptor = peer.endpoint.fileno()
    if descriptor is not None:
        return frozenset((descriptor,))
    return frozenset(number for number, _ in peer.endpoint.watched())


def _open_peers() -> list[WebSocketMultiplayerPeer]:
    """Return all peers that are connected, connecting or listening."""
    gone = ConnectionStatus.CONNECTION_DISCONNECTED
    # Not isinstance(): a weak proxy would say yes, too.
    found = (each for each in gc.get_objects() if issubclass(type(each), WebSocketMultiplayerPeer))
    peers = cast("Iterator[WebSocketMultiplayerPeer]", found)
    return [peer for peer in peers if peer.get_connection_status() != gone]


def running_tasks(api: SceneMultiplayer, peer: MultiplayerPeer) -> list[str]:
    """Return in words what still drives an API or its peer."""
    left: list[str] = []
    if api.spawn is not None:
        left.append("a task that still runs an API: cancel it, or leave its block")
    elif isinstance(peer, WebSocketMultiplayerPeer) and peer.endpoint.awaited:
        left.append("a task that still runs a peer: cancel it, or leave its block")
    return left


# ---------------------------------------------------------------- tables


def tables_with(
    api: SceneMultiplayer, peer: MultiplayerPeer, gone: Collection[int], *without: object
) -> list[str]:
    """Return in words which tables of a server still have a client that has left it.

    Args:
        api: the server's API.
        peer: its peer.
        gone: the ids of those that have left.
        *without: what is not looked into, besides the game's own nodes.
    """
    left: list[str] = []
    nodes = [*_nodes_below(api.root)] if api.root is not None else []
    for own_id in gone:
        places = [
            place
            for root in (api, peer)
            for place in places_of(root, own_id, *without, *nodes)
            if not (REMEMBERED.search(place) or REMEMBERED_BY_SERVERS.search(place))
        ]
        left += [f"peer {own_id}, which has left, in {place}" for place in dict.fromkeys(places)]
    return left


def places_of(root: object, peer: int, *without: object) -> list[str]:
    """Return where in ``root``, and in whatever of ours it leads to, the number ``peer`` is found.

    Each as the attributes that lead there. The number should be one that nothing else has. Nothing
    is looked for in ``without``, nor in the tables of their attributes.
    """
    found: list[str] = []
    tables = [each.__dict__ for each in without if hasattr(each, "__dict__")]
    seen = {id(each) for each in (*without, *tables)}
    queue: deque[tuple[str, object]] = deque([(type(root).__name__, root)])
    while queue:
        path, each = queue.popleft()
        if type(each) is int:
            if each == peer:
                found.append(path)
        elif id(each) not in seen:
            seen.add(id(each))
            queue.extend((f"{path}{step}", part) for step, part in _parts_of(each))
    return found


def _nodes_below(root: Node) -> Iterator[Node]:
    yield root
    for child in root.children:
        yield from _nodes_below(child)


def _parts_of(each: object) -> Iterator[tuple[str, object]]:
    if isinstance(each, dict):
        for key, value in cast("dict[object, object]", each).items():
            yield "[key]", key
            yield f"[{key!r:.40}]" if isinstance(key, str) else "[…]", value
    elif isinstance(each, list | tuple | set | frozenset | deque):
        for part in cast("Collection[object]", each):
            yield "[…]", part
    bases: tuple[type, ...] = type(cast("object", each)).__mro__
    if any(base.__module__.startswith(_OURS) for base in bases):
        names: set[str] = {name for base in bases for name in vars(base).get("__slots__", ())}
        ours = cast("object", each)
        names |= {*getattr(ours, "__dict__", {})}
        for name in sorted(names):
            part: Any = getattr(ours, name, None)
            if part is not None:
                yield f".{name}", part
