"""Targets: messages of a gd_mp session, in any order, from anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from multiplayer.wire.envelopes import godot3 as gd_mp

_RECORDED: Final = Path(__file__).parents[1] / "vectors" / "godot3" / "packets.json"
_PEERS: Final = (2, 3, 1 << 30)


def gd_mp_server(data: bytes) -> None:
    """A server hears messages, joins and leaves."""
    session = gd_mp.ServerSession()
    for step in messages(data):
        peer = _PEERS[step[0] % len(_PEERS)]
        if peer not in session:
            session.join(peer)
        elif step[0] & 0x40:
            session.leave(peer)
        else:
            _check_verdict(session, peer, step[1:], agreed=step[0] >= 0x80)
    assert session.peers == sorted(set(session.peers) & {*_PEERS})


def _check_verdict(
    session: gd_mp.ServerSession, peer: int, message: bytes, *, agreed: bool
) -> None:
    verdict = session.receive(peer, message, agreed=agreed)
    if isinstance(verdict, gd_mp.Route):
        assert verdict.target != peer
        assert verdict.target <= gd_mp.SERVER_ID or verdict.target in session
        assert verdict.for_server or verdict.target != gd_mp.SERVER_ID
        assert gd_mp.read_header(message).source == peer
        assert message.endswith(gd_mp.payload_of(message))
        assert len(gd_mp.plain(message)) <= len(message)
        assert agreed or gd_mp.plain(message) == message
    else:
        assert isinstance(verdict, gd_mp.Violation | gd_mp.Drop)


def gd_mp_client(data: bytes) -> None:
    """A client hears its server."""
    session = gd_mp.ClientSession()
    for step in messages(data):
        session.agreed = step[0] >= 0x80
        before = (session.id, {*session.peers}, session.complete)
        heard = session.receive(step[1:])
        if isinstance(heard, gd_mp.Violation | gd_mp.Received):
            assert (session.id, session.peers, session.complete) == before
        assert session.id >= 0
        assert all(peer > 0 and peer != session.id for peer in session.peers)
        assert session.complete <= (session.id > 1)


def messages(data: bytes) -> list[bytes]:
    """Cut: a length, then so many bytes, of which there is at least one."""
    found: list[bytes] = []
    at = 0
    while at + 1 < len(data):
        end = at + 1 + max(data[at], 1)
        found.append(data[at + 1 : end])
        at = end
    return found


def seeds() -> list[bytes]:
    """Each conversation of the recorded ones."""
    conversations: dict[tuple[str, str], bytes] = {}
    for row in json.loads(_RECORDED.read_text(encoding="utf-8")):
        message = bytes.fromhex(row["hex"] or "")
        if 0 < len(message) < 250:
            key = (row["name"], row["conn"])
            step = bytes([len(message) + 1, len(conversations) & 3]) + message
            conversations[key] = conversations.get(key, b"") + step
    return [*conversations.values(), _relayed()]


def _relayed() -> bytes:
    """Two join, and the first sends to all, to the other and to all but the other."""
    steps = [b"\0", b"\1"]
    steps += [b"\0" + gd_mp.packet(_PEERS[0], to, b"hi") for to in (0, _PEERS[1], -_PEERS[1])]
    return b"".join(bytes([len(step)]) + step for step in steps)
