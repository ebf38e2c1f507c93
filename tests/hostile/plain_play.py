"""The same for plain mode: a server that echoes, and clients without a session."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from multiplayer import MultiplayerError
from tests.driving import Recorder
from tests.hostile.play import (
    AFTERWARDS,
    CONNECTED,
    DISCONNECTED,
    PATIENCE,
    TICK,
    Client,
    Clock,
    Injector,
    Server,
    ground_of,
)
from tests.hostile.whole import left_in
from tests.raw import PING, frame, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.grounds import RawGuest


class PlainGuest:
    """An honest client."""

    def __init__(self, world: PlainWorld) -> None:
        self.peer = world.ground.add(Client())
        self.peer.clock = world.clock
        self.told = Recorder(self.peer)
        self.peer.data_received.connect(self._take)
        world.ground.connect(self.peer, world.server.get_local_port(), gd_mp_api=False)
        self.heard: list[bytes] = []
        self.expelled = False  # how soon it sees that depends on what fails

    def _take(self) -> None:
        connection = self.peer.get_peer(1)
        while connection.get_available_packet_count():  # the last one may have been interrupted
            self.heard.append(connection.get_packet())

    @property
    def is_in(self) -> bool:
        return self.peer.get_connection_status() == CONNECTED

    @property
    def is_out(self) -> bool:
        return self.peer.get_connection_status() == DISCONNECTED

    @property
    def is_answered(self) -> bool:
        return self.heard[-1:] == [b"re: hello"]

    def say(self, message: bytes) -> None:
        if self.is_in:
            self.peer.get_peer(1).put_packet(message)


class PlainWorld:
    """A server and its clients in one thread; see ``World`` for the arguments."""

    def __init__(
        self, inject: Injector, subject: str, *, memory: bool = False, secure: bool = False
    ) -> None:
        self.inject = inject
        self.subject = subject
        self.clock = Clock()
        self.ground = ground_of(self.clock, memory=memory, secure=secure)
        self.server = server = self.ground.add(Server())
        server.clock = self.clock
        server.ids = iter(range(100, 10**6, 10))
        server.heartbeat_interval = 1.0
        server.data_received.connect(self._echo)
        self.ground.listen(server, gd_mp_api=False)
        self.told = Recorder(server)
        self.guests: list[PlainGuest] = []
        self.raw: list[RawGuest] = []

    def _echo(self, peer: int) -> None:
        connection = self.server.get_peer(peer)
        while connection.get_available_packet_count():
            packet = connection.get_packet()
            with suppress(MultiplayerError):  # it has gone
                connection.put_packet(b"re: " + packet)

    # ---- driving

    def pump(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            self.clock.now += TICK
            self._poll(self.server.poll, is_subject=self.subject == "server")
            for index, guest in enumerate(self.guests):
                self._poll(guest.peer.poll, is_subject=self.subject == "client" and index == 0)
            for raw in self.raw:
                raw.poll()

    def _poll(self, poll: Callable[[], None], *, is_subject: bool) -> None:
        if is_subject:
            self.inject(poll)
        else:
            poll()

    def until(self, condition: Callable[[], object]) -> bool:
        for _ in range(PATIENCE):
            if condition():
                return True
            self.pump(1)
        return bool(condition())

    def join(self) -> PlainGuest:
        guest = PlainGuest(self)
        self.guests.append(guest)
        self.pump(4)
        return guest

    def dial(self, data: bytes) -> RawGuest:
        raw = self.ground.dial(self.server.get_local_port())
        self.raw.append(raw)
        raw.send(data)
        self.pump(2)
        return raw

    def play(self) -> None:
        """Let everything happen that can; whoever is gone is left alone."""
        port = self.server.get_local_port()
        first, second, third = self.join(), self.join(), self.join()
        for number in range(3):
            for guest in (first, second):
                guest.say(b"%d" % number)
            self.pump(2)
        self.dial(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.dial(request(port)).reset()
        wrong = self.dial(request(port))
        wrong.send(frame(b"x", PING, mask=b"1234") + b"\xff\xff\xff")
        self.pump(2)
        third.peer.disconnect_from_host(4000, "bye")
        self.pump(4)
        with suppress(MultiplayerError):
            self.server.disconnect_peer(110, 4001, "go")
        second.expelled = True
        self.pump(4)
        self.pump(25)  # heartbeats
        first.say(b"last")
        self.pump(2)

    # ---- what must be so

    def faults(self) -> list[str]:
        """Return what is not as it should be, in words; end the session."""
        faults: list[str] = []
        self.inject.over = True
        newest = self.join()
        self.pump(AFTERWARDS)
        if not self.until(lambda: all(guest.is_in or guest.is_out for guest in self.guests)):
            faults.append("a client is kept waiting for ever")
        if not self.until(lambda: len(self._here()) == sum(guest.is_in for guest in self.guests)):
            faults.append(f"the server sees {self._here()}")
        if not newest.is_in:
            faults.append(f"a newcomer does not get in: {newest.peer.failure}")
        for guest in [guest for guest in self.guests if guest.is_in]:
            guest.say(b"hello")
            if not self.until(
                lambda guest=guest: guest.is_answered or (guest.expelled and guest.is_out)
            ):
                faults.append(f"a client heard {guest.heard[-3:]}")
        counted = Counter(self.told.of("client_connected"))
        if any(count > 1 for count in counted.values()):
            faults.append("the server tells twice that somebody came")
        if self.server.statistics.packets_received < 1:
            faults.append("the statistics are empty")
        for guest in self.guests:
            guest.peer.disconnect_from_host()
        if not self.until(lambda: all(guest.is_out for guest in self.guests)):
            faults.append("a client does not see the end")
        if not self.until(lambda: not self.server.endpoint.links and not self._here()):
            faults.append(f"{self._here()} are left")
        came = [entry[0] for entry in self.told.of("client_connected")]
        left = [entry[0] for entry in self.told.of("client_disconnected")]
        if Counter(came) != Counter(left):
            faults.append(f"{came} came, and {left} left")
        if not all(raw.ended for raw in self.raw):
            faults.append("a raw guest has not seen its end")
        faults += left_in(self.server)
        self.close()
        return faults

    def _here(self) -> list[int]:
        return sorted(self.server._role.clients.members)

    def close(self) -> None:
        """Close everything, whatever state it is in."""
        for each in (self.server, *(guest.peer for guest in self.guests)):
            with suppress(Exception):
                each.close()
        for raw in self.raw:
            raw.sock.close()
