"""Transfer modes and channels in a session with Godot 3.2.3, which knows neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import TransferMode
from tests.interop.members import Ours, Session, Theirs

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch

PLAIN = (TransferMode.TRANSFER_MODE_RELIABLE, 0)
MARKS = [(mode, channel) for mode in TransferMode for channel in (0, 1, 255)]


@pytest.mark.parametrize(
    ("server", "clients"),
    [("ours", "ours theirs ours"), ("theirs", "ours theirs ours")],
)
async def test_every_mode_and_channel_reaches_engines_as_a_plain_packet(
    drive: Drive, launch: Launch, server: str, clients: str
) -> None:
    session = Session(drive, launch, tree=False)
    await session.serve(server)
    for kind in clients.split():
        await session.join(kind)
    for sender in session.members:
        others = [member for member in session.members if member is not sender]
        for mode, channel in MARKS if isinstance(sender, Ours) else [PLAIN]:
            if isinstance(sender, Ours):
                sender.peer.transfer_mode, sender.peer.transfer_channel = mode, channel
            payload = f"{mode.name} {channel}".encode()
            await sender.put(payload, 0)
            for other in others:
                await other.got((sender.id, payload))
                if isinstance(other, Ours):
                    told = server == "ours"  # an engine that relays agrees to nothing
                    assert other.marks.pop() == ((mode, channel) if told else PLAIN)
    for member in session.members:
        await member.got()
        if isinstance(member, Theirs):
            assert member.godot.complaints == []
        elif isinstance(member, Ours):
            assert member.peer.statistics.violations == {}
