"""What must be empty when a peer is gone: the one list of tables, and a search that needs none.

:func:`peers_kept` and :func:`left_in` go through the tables. ``peers.testing.leaks`` looks
everywhere, so that ``tests/test_kept.py`` finds a table that is missing here.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from multiplayer.endpoint.godot3_server import GdMpServer
from multiplayer.endpoint.server_role import ServerRole
from peers import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Collection, Sized

    from multiplayer import SceneMultiplayer
    from peers import ConditionedPeer, RoomServer, WebSocketMultiplayerPeer

_STRANGERS: Final = 0
"""Under this, faults are counted of whoever is not in the session."""


# ---------------------------------------------------------------- an API


def tables_of_api(api: SceneMultiplayer) -> dict[str, Collection[int]]:
    """The tables of an API that have something of each peer, by peer id."""
    session = api._session
    paths, peers = session.cache.paths, session.peers
    replicator = session.replicator
    return {
        "feeds": {} if replicator is None else replicator.feeds,
        "paths told": paths._told,
        "paths heard": paths._heard,
        "bytes of paths heard": paths._heard_bytes,
        "newest numbers": paths._newest,
        "faults of what was dropped": session.rejections._faults._counts,
        "open questions": session.requests._open_requests._open,
        "peers whose handlers failed": api.handlers._noted,
        "faults of handlers": api.handlers._faults._counts,
        "rates of calls": session.incoming._call_limits._buckets,
        "mismatches told": session.mismatches._told,
        "mismatches counted": session.mismatches._count,
        "running methods": session.runner._running,
        "groups": session.groups.of_peer,
        "admitted": peers._admitted,
        "logging in": peers._authentication.pending,
        "taken over": peers._taken_over,
        "early": peers._early,
        "suspended": peers.members.suspended,
        "logging in again": peers._returning,
        "times that peers have begun anew": session.requests._times_renewed,
    }


def peers_kept(api: SceneMultiplayer) -> set[int]:
    """The peers of which a table of ``api`` has something."""
    return {*chain.from_iterable(tables_of_api(api).values())} - {_STRANGERS}


# ---------------------------------------------------------------- a server


def tables_of_floods(server: WebSocketMultiplayerPeer) -> dict[str, Sized]:
    """What a server has of those that flood, and of those that read too slowly."""
    endpoint = server.endpoint
    accounts = [link.account for link in endpoint.links if link.account is not None]
    return {
        "kept": endpoint.holding.kept,
        "pressing": endpoint.pressing,
        "resting": endpoint.holding.resting,
        "stalls": endpoint.holding.stalls.terms,
        "full": endpoint.backlogs.full,
        "behind": endpoint.slices.behind,
        "charged": [each for each in accounts if each._charges or each._filled or each.held],
        "held": [link for link in endpoint.links if link.behind or link.held],
    }


def tables_of_server(server: WebSocketMultiplayerPeer) -> dict[str, Sized]:
    """The tables of a server that have something while anybody is connected, or is about to be."""
    endpoint, role = server.endpoint, server._role
    assert isinstance(role, ServerRole)
    tables: dict[str, Sized] = {
        "connections": endpoint.engine.connections,
        "touched": endpoint.touched,
        "resumed": endpoint.resumed,
        "newcomers": endpoint.newcomers.waiting,
        "dialling": endpoint.engine._dialler.dialling,
        "lookups": endpoint.engine._dialler.lookups,
        "failures": endpoint.failures,
        "last reads": endpoint.engine._last_reads.resting,
        "shares": endpoint.shares,
        "riders": endpoint.fanout._riders,
        "entries": endpoint.entries,
        "steps": server._commons.agenda.steps,
        "members": role.clients.members,
        "adrift": role.clients.drifting.members,
        "suspended": role.seats.suspended,
        "seat keys": role.seats._by_key,
        "acknowledgements": role.seats._acks,
        "addresses": role.clients._addresses,
        "faults": endpoint.faults._counts,
        "faults of handlers": {*server.handlers._faults._counts} - {_STRANGERS},
        **tables_of_floods(server),
    }
    for number, lane in enumerate(endpoint.fanout._lanes):
        tables[f"riders of {number}"] = lane.riders
        tables[f"stragglers of {number}"] = lane.stragglers
        tables[f"altered of {number}"] = lane.altered
    if isinstance(role.envelope, GdMpServer):
        tables["session"] = role.envelope.session.peers
        tables["roster"] = range(len(role.envelope.roster))
    return tables


def left_in(server: WebSocketMultiplayerPeer) -> list[str]:
    """Which tables of a server that nobody is connected to are not empty."""
    tables = tables_of_server(server)
    faults = [f"{name}: {len(table)} left" for name, table in tables.items() if len(table)]
    watched = server.endpoint.engine._selector.sockets()
    if len(watched) != 1:
        faults.append(f"the selector watches {len(watched)} sockets, not the listener alone")
    return faults


# ---------------------------------------------------------------- a server of rooms


def tables_of_rooms(server: RoomServer) -> dict[str, Sized]:
    """What a server of rooms has while anybody is in one, with the seats of each room."""
    table = server.table
    tables: dict[str, Sized] = {
        "players": range(table.players),
        "visits by address": table._visited,
        "visits by room": table._addresses,
        "rooms of seat keys": table.of_keys,
        "connections of the front": server.front.endpoint.links,
        "stirred": server._stirred,
        "changed": server._changed,
    }
    for session in table.all:
        tables[f"seats of {session.code}"] = session.seats
        tables[f"expected in {session.code}"] = session._expected
        tables[f"places kept in {session.code}"] = session.reservations
        if isinstance(made := session.below.made, WebSocketServer):
            role = made._role
            assert isinstance(role, ServerRole)
            tables[f"members of {session.code}"] = role.clients.members
            tables[f"suspended in {session.code}"] = role.seats.suspended
            tables[f"seat keys of {session.code}"] = role.seats._by_key
    return tables


# ---------------------------------------------------------------- a peer on a bad network


def tables_of_conditions(peer: ConditionedPeer) -> dict[str, Sized]:
    """What a peer on a bad network has while anybody is there, or anything is under way."""
    incoming, outgoing, roll = peer._incoming, peer._outgoing, peer._roll
    tables: dict[str, Sized] = {
        "here": roll.here,
        "joined": roll.joined,
        "behind": outgoing.behind,
        "inbox": incoming.inbox,
        "taken": incoming.taken,
        "drawn": incoming._drawn,
    }
    for name, way in (("incoming", incoming.way), ("outgoing", outgoing.way)):
        tables[f"{name}: models"] = way._models
        tables[f"{name}: last news"] = way._last_news
        tables[f"{name}: under way"] = way._heap
        tables[f"{name}: bytes"] = way.octets
    for name, order in (("incoming", incoming.order), ("outgoing", outgoing.order)):
        tables[f"{name}: put"] = order._put
        tables[f"{name}: arrived"] = order._arrived
    return tables
