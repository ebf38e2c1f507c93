"""What must be so after a session, whatever has happened to it."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile.play import AFTERWARDS, SERVER, Guest, World
from tests.kept import left_in, peers_kept

if TYPE_CHECKING:
    from tests.driving import Recorder


class Check:
    """Looks for what is not as it should be; ends the session.

    Args:
        world: the session, played.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def faults(self) -> list[str]:
        """Return what is not as it should be, in words."""
        world = self._world
        faults: list[str] = []
        world.inject.over = True
        world.guests.append(Guest(world))  # whoever comes now must get in
        newest = world.guests[-1]
        world.pump(AFTERWARDS)
        if not world.until(lambda: all(guest.is_in or guest.is_out for guest in world.guests)):
            faults.append("a client is kept waiting for ever")
        if not newest.is_in:
            faults.append(f"a newcomer does not get in: {newest.peer.failure}")
        if not world.until(self._agree):
            ids = [guest.id for guest in world.guests if guest.is_in]
            views = [(guest.id, guest.api.get_peers()) for guest in world.guests if guest.is_in]
            faults.append(
                f"the server sees {world.server.get_peers()} and {world.api.get_peers()}, "
                f"{world.api.get_authenticating_peers()}; there are {ids}, who see {views}"
            )
        if world.api.get_remote_sender_id() or world.guests[0].api.get_remote_sender_id():
            faults.append("an RPC seems to be running still")
        faults += self._unheard()
        for raw in world.raw:
            if not world.until(lambda raw=raw: raw.ended):
                faults.append("a raw guest has not seen its end")
        faults += self._mistold("the peer", world.told, world.server.get_peers())
        faults += self._mistold("the API", world.api_told, world.api.get_peers())
        for guest in world.guests:
            if world.subject == "client":
                faults += self._mistold("a client", guest.told, guest.peer.get_peers())
                if guest.is_in:
                    here = guest.api.get_peers()
                    faults += self._mistold("a client's API", guest.api_told, here)
        if world.server.statistics.packets_received < 1 or world.api.statistics.calls_received < 1:
            faults.append("the statistics are empty")
        faults += self._end()
        return faults

    def _agree(self) -> bool:
        world = self._world
        here = sorted(guest.id for guest in world.guests if guest.is_in)
        if world.server.get_peers() != here or sorted(world.api.get_peers()) != here:
            return False
        return all(
            sorted([*guest.api.get_peers(), guest.id]) == [SERVER, *here]
            for guest in world.guests
            if guest.is_in
        )

    def _unheard(self) -> list[str]:
        """Let everybody who is there make round trips."""
        world = self._world
        here = [guest for guest in world.guests if guest.is_in]
        faults: list[str] = []
        number = 5000
        world.game.hear.rpc(number)
        asked = []
        for guest in here:
            guest.api.send_bytes(b"hello", SERVER)
            asked.append(guest.game.say.call_id(SERVER, 7))
            for other in here:
                if other is not guest and other.id in guest.api.get_peers():
                    guest.api.send_bytes(b"from %d" % guest.id, other.id)
        for guest, question in zip(here, asked, strict=True):
            wanted = [(SERVER, b"re: hello")]
            wanted += [(each.id, b"from %d" % each.id) for each in here if each is not guest]

            def heard(guest: Guest = guest, wanted: list[tuple[int, bytes]] = wanted) -> bool:
                return all(each in guest.packets for each in wanted)

            if not world.until(lambda heard=heard, guest=guest: heard() or not guest.is_in):
                faults.append(
                    f"{guest.id} got {[(p, b[:12]) for p, b in guest.packets[-6:]]}, not {wanted}"
                )
            if not world.until(lambda guest=guest: number in guest.game.heard or not guest.is_in):
                faults.append(f"{guest.id} heard nothing of the server's")
            if not world.until(lambda question=question: question.done):
                faults.append(f"{guest.id} got no answer")
            if not guest.is_in:
                faults.append(f"{guest.id} was lost afterwards: {guest.peer.failure}")
            if any(packet == b"re: hello" for _, packet in guest.packets[:-1]) and (
                Counter(guest.packets)[SERVER, b"re: hello"] != 1
            ):
                faults.append(f"{guest.id} got an answer twice")
        return faults

    def _mistold(self, whose: str, told: Recorder, here: list[int]) -> list[str]:
        """Return what signals of coming and going do not fit each other."""
        faults: list[str] = []
        there: set[int] = set()
        for name, *args in told.log:
            peer = args[0] if args and isinstance(args[0], int) else 0
            if name == "peer_connected":
                if peer in there:
                    faults.append(f"{whose} tells twice that {peer} came")
                there.add(peer)
            elif name == "peer_disconnected":
                if peer not in there:
                    faults.append(f"{whose} tells that {peer} left, which was not there")
                there.discard(peer)
        sent_away = set(there) - set(here)
        if whose == "the API" and len(sent_away) == 1:
            sent_away.clear()  # by itself: the API tells nothing of that
        if sent_away:
            faults.append(f"{whose} does not tell that {sorted(sent_away)} left")
        if missing := set(here) - there:
            faults.append(f"{whose} does not tell that {sorted(missing)} came")
        return faults

    def _end(self) -> list[str]:
        world = self._world
        faults: list[str] = []
        for guest in world.guests:
            if guest.is_in:
                guest.api.disconnect_peer(SERVER)
        if not world.until(
            lambda: not world.server.endpoint.links and not world.server.get_peers()
        ):
            faults.append(f"{len(world.server.endpoint.links)} connections are left")
        world.pump(2)
        if not all(guest.is_out for guest in world.guests):
            faults.append("a client does not see the end")
        if kept := peers_kept(world.api):
            faults.append(f"the API keeps something of {sorted(kept)}")
        faults += left_in(world.server)
        world.server.close()
        for raw in world.raw:
            raw.sock.close()
        for guest in world.guests:
            guest.peer.close()
        if world.server.endpoint.engine._selector.is_open:
            faults.append("the selector is still open")
        return faults


def open_descriptors() -> int:
    """Return how many descriptors this process has open, without those that are garbage."""
    gc.collect()
    folder = Path("/proc/self/fd")
    return len([*folder.iterdir()]) if folder.is_dir() else 0
