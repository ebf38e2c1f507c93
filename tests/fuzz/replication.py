"""Targets: packets of replication from a hostile peer that decides about a little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import NATIVE
from tests.fuzz.sessions import messages
from tests.multiplayer.scene.replication import attack_packets
from tests.multiplayer.scene.replication.attacked import HONEST, SERVER, Attacked

if TYPE_CHECKING:
    from multiplayer import Dialect


def run(dialect: Dialect, data: bytes) -> None:
    """Packets come, in any order; nothing else changes, and nothing is left when it has gone.

    Each step: what to do (bits 0 and 1: to whom; bit 2: the packets arrive), then the packet.
    """
    session = Attacked(dialect)
    session.announce()
    for step in messages(data):
        to = (SERVER, HONEST, 0, -HONEST)[step[0] & 3]
        session.attack(step[1:], to)
        if step[0] & 4:
            session.poll()
            session.check()
    session.settle()
    session.check()
    session.check_honest_still_meet()
    session.drop_hostile()


def seeds(dialect: Dialect) -> list[bytes]:
    """Packets of each kind, each alone and all together."""
    if dialect is NATIVE:
        packets = [*attack_packets.native_proper().values()]
        packets += [packet for _, packet in attack_packets.native_forbidden()]
    else:
        packets = [*attack_packets.proper().values()]
        lies = (*attack_packets.forbidden(), *attack_packets.lying())
        packets += [packet for _, packet in lies]
    steps = [_step(what, packet) for packet in packets for what in (0, 5)]
    return [*steps, *(b"".join(steps[at : at + 8]) for at in range(0, len(steps), 8))]


def _step(what: int, packet: bytes) -> bytes:
    return bytes([len(packet) + 1, what]) + packet if len(packet) < 255 else b""
