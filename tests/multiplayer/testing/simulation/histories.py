"""Histories of a session whose connections are lost, drawn from a seed, and what must hold in each.

Each player and the server number what they send to each other, reliably. Whatever happens, each
packet arrives exactly once and in order, or both sides are told that it may not have
(``replayed`` False), and no seat has two players.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import pytest

from multiplayer import ConnectionStatus, TransferMode
from multiplayer.endpoint.resume_words import Return, write_wish
from multiplayer.endpoint.returning_role import ReturningRole
from multiplayer.endpoint.seat_keys import SeatKeys
from multiplayer.resume import Resume
from multiplayer.testing import PRESETS, SimulatedClient, SimulatedNetwork, SimulatedServer

if TYPE_CHECKING:
    from multiplayer.endpoint.peer_channel import PeerChannel

CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE
RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

Inject = Callable[[Callable[[], None]], None]

GRACE: Final = 15.0
"""For how long a seat waits, in seconds."""

PORT: Final = 9080
STEPS: Final = 17


@dataclass
class Stream:
    """The packets from one to another: what was sent, and what has come.

    A new ``epoch`` begins whenever the sender is told that something may be lost.
    """

    epoch: int = 0
    sent: int = 0
    seen: tuple[int, int] = (0, 0)  # the epoch, and how many of it have come
    may_jump: bool = False  # the receiver has been told that something may be lost

    def next(self, kind: bytes, padding: bytes) -> bytes:
        packet = b"%s %d %d " % (kind, self.epoch, self.sent)
        self.sent += 1
        return packet + padding

    def begin_anew(self) -> None:
        self.epoch += 1
        self.sent = 0

    def take(self, words: list[bytes]) -> None:
        epoch, number = int(words[0]), int(words[1])
        seen_epoch, seen = self.seen
        if epoch == seen_epoch:
            assert number == seen, f"packet {number} of epoch {epoch} came, {seen} was due"
        else:
            assert self.may_jump, f"epoch {epoch} began, and nobody was told"
            assert epoch > seen_epoch, f"epoch {epoch} came after {seen_epoch}"
            assert number == 0, f"epoch {epoch} begins with packet {number}"
        self.may_jump = False
        self.seen = epoch, number + 1

    @property
    def is_complete(self) -> bool:
        return not self.sent or self.seen == (self.epoch, self.sent)


Relayed = tuple[int, int, int]
"""How many, the sender's epoch, and how often the receiver had lost something."""


@dataclass
class Player:
    """A client, and what it and the server have told each other."""

    peer: SimulatedClient
    id: int = 0
    up: Stream = field(default_factory=Stream)
    down: Stream = field(default_factory=Stream)
    may_end: bool = False  # it has left, or was away for too long
    losses: int = 0  # how often it was told that something may be lost
    # What it sent to whom by the server, and what came: how many, and what was lost by then.
    relayed: dict[int, tuple[int, int, int]] = field(default_factory=dict[int, "Relayed"])
    heard: dict[int, tuple[int, int, int]] = field(default_factory=dict[int, "Relayed"])

    @property
    def is_here(self) -> bool:
        return self.peer.get_connection_status() is CONNECTED


class History:
    """One history.

    Args:
        seed: what everything is drawn from.
        deaths: servers may die, and go on with the seats that were saved.
        tight: rings are small, so that sessions begin anew.
        thefts: others come with the tokens of players.
        interrupted: "client" or "server": whose polls are run by ``inject``.
        inject: calls a poll, and may interrupt it.
        length: how many things happen.
    """

    def __init__(
        self,
        seed: int,
        *,
        deaths: bool = False,
        tight: bool = False,
        thefts: bool = False,
        interrupted: str = "",
        inject: Inject | None = None,
        length: int = STEPS,
    ) -> None:
        self.dice = dice = random.Random(seed)
        self.envelope = dice.choice(("gd_mp", "godot4"))
        conditions = replace(PRESETS[dice.choice([*PRESETS])], buffer=dice.choice((3000, 200_000)))
        self.network = SimulatedNetwork(seed, conditions, trace=False)
        self.resume = Resume(give_up_after=40.0, ring_packets=8 if tight else 4096)
        self.deaths, self.thefts = deaths, thefts
        self.may_lose = deaths or thefts or tight or bool(interrupted)
        self._interrupted, self._inject, self._length = interrupted, inject, length
        self.log: list[str] = []
        self._faults: list[Exception] = []  # which listeners have raised
        settings: dict[str, object] = {
            "grace": GRACE,
            "heartbeat_interval": 1.0,
            "seat_keys": SeatKeys(bytes(32)),
            "outbound_buffer_size": 1 << 20,
        }
        if tight:
            settings["max_replay_packets"] = 8
        self.server = self.network.create_server(PORT, envelope=self.envelope, **settings)
        self._listen_to_server()
        self._wrap(self.server, "server")
        self.players: list[Player] = []
        self.saved = self.server.save_seats()
        for _ in range(dice.randrange(1, 4)):
            self.join()

    # ---------------------------------------------------------------- what is told

    def _listen_to_server(self) -> None:
        server = self.server
        server.on_error = self._faults.append
        server.peer_packet.connect(partial(self._server_hears, server))
        server.peer_resumed.connect(self._came_back)
        server.peer_connected.connect(self._came)

    def _came(self, peer: int) -> None:
        assert all(each.id != peer for each in self.players if each.is_here), (
            f"two have seat {peer}"
        )

    def _came_back(self, peer: int, replayed: bool) -> None:
        self.log.append(f"server: {peer} is back, {replayed=}")
        assert replayed or self.may_lose, f"{peer} is back, and something was lost"
        for player in self.players:
            if player.id == peer and not replayed:
                player.down.begin_anew()
                player.up.may_jump = True

    def _server_hears(self, server: SimulatedServer, _: int) -> None:
        source, packet = self._fetched_from(server)
        kind, *words = packet.split()
        if kind == b"up":
            player = next(each for each in self.players if each.id == source)
            player.up.take(words)

    def _fetched_from(self, peer: SimulatedClient | SimulatedServer) -> tuple[int, bytes]:
        """Fetch a packet; an interrupt in the midst of that would lose it for the program."""
        trace = sys.gettrace()
        sys.settrace(None)
        found = peer.get_packet_peer(), peer.get_packet()
        sys.settrace(trace)
        return found

    def _client_hears(self, player: Player, _: int) -> None:
        source, packet = self._fetched_from(player.peer)
        kind, *words = packet.split()
        if kind == b"down":
            player.down.take(words)
        elif kind == b"side":
            epoch, number = int(words[0]), int(words[1])
            count, *before = player.heard.get(source, (0, 0, 0))
            assert number >= count, f"packet {number} of {source} came after {count - 1}"
            if before == [epoch, player.losses]:
                assert number == count, f"packet {number} of {source} came, {count} was due"
            player.heard[source] = number + 1, epoch, player.losses

    def _back(self, player: Player, replayed: bool) -> None:
        self.log.append(f"client {player.id}: back, {replayed=}")
        if not replayed:
            player.losses += 1
            player.up.begin_anew()
            player.down.may_jump = True

    # ---------------------------------------------------------------- what happens

    def join(self) -> None:
        client = self.network.create_client(
            PORT,
            resume=self.resume,
            heartbeat_interval=1.0,
            close_timeout=1.0,
            outbound_buffer_size=1 << 20,
        )
        client.on_error = self._faults.append
        player = Player(client)
        client.connection_succeeded.connect(partial(self._joined, player))
        client.peer_packet.connect(partial(self._client_hears, player))
        client.session_resumed.connect(partial(self._back, player))
        self.players.append(player)
        self._wrap(client, "client")

    def _wrap(self, peer: SimulatedClient | SimulatedServer, what: str) -> None:
        """Let a peer's polls be interrupted once its session is up, if they are to be."""
        inject, poll = self._inject, peer.poll
        if inject is None or what != self._interrupted:
            return

        def interruptible() -> None:
            if peer.get_connection_status() is CONNECTED:
                inject(poll)
            else:
                poll()

        setattr(peer, "poll", interruptible)  # noqa: B010 - it is a method

    def _joined(self, player: Player) -> None:
        player.id = player.peer.get_unique_id()

    def run(self) -> None:
        """Let it happen, then let all heal, and see that nothing is missing."""
        actions = self._actions()
        for _ in range(self._length):
            self.dice.choice(actions)()
            self.network.advance(self.dice.choice((0.0, 0.01, 0.1, 0.5, 2.0)))
            self._check_seats()
        for player in self.players:
            self.network.resume(player.peer)
        self.network.quiet(replace(PRESETS["lan"], buffer=200_000))
        self.network.advance(30.0)
        self._check_seats()
        self._check_complete()

    def _actions(self) -> list[Callable[[], None]]:
        actions: list[Callable[[], None]] = [
            *[self._put] * 6,
            *[self._put_aside] * 3,
            *[self._drop] * 3,
            self._drop_at_server,
            *[self._half_open] * 2,
            self._part,
            self._stop,
            self._leave,
            self._expire,
            self._save,
        ]
        if self.deaths:
            actions += [self._die] * 2
        if self.thefts:
            actions += [self._steal] * 2
        return actions

    def _one(self) -> Player | None:
        here = [each for each in self.players if each.is_here]
        if not here:
            self.join()
        return self.dice.choice(here) if here else None

    def _put(self) -> None:
        player = self._one()
        if player is not None:
            self._talk(player)

    def _talk(self, player: Player) -> None:
        """The player and the server send each other something, if they like."""
        dice, server = self.dice, self.server
        if not player.is_here:
            return
        for _ in range(dice.choice((0, 1, 5, 40))):
            padding = bytes(dice.choice((0, 0, 2000)))
            player.peer.send_packet(player.up.next(b"up", padding), 1)
            if dice.random() < 0.2:
                player.peer.send_packet(b"noise", 1, UNRELIABLE)
        if server.has_peer(player.id):
            for _ in range(dice.choice((0, 1, 5, 40))):
                padding = bytes(dice.choice((0, 0, 2000)))
                server.send_packet(player.down.next(b"down", padding), player.id)
                if dice.random() < 0.2:
                    server.send_packet(b"noise", 0, UNRELIABLE)

    def _put_aside(self) -> None:
        player, other = self._one(), self._one()
        if player is None or other is None or player is other or self.envelope != "gd_mp":
            return
        if other.id in player.peer.get_peers():
            count = player.relayed.get(other.id, (0, 0, 0))[0]
            player.peer.send_packet(b"side %d %d" % (player.up.epoch, count), other.id)
            player.relayed[other.id] = count + 1, player.up.epoch, other.losses

    def _drop(self) -> None:
        """Both sides notice at once."""
        player = self._one()
        if player is not None:
            self.log.append(f"drop of {player.id}")
            self._talk(player)
            self._lose(player.peer, player.peer.endpoint.links)
            self._talk(player)

    def _drop_at_server(self) -> None:
        player = self._one()
        if player is not None:
            self.log.append(f"drop at the server of {player.id}")
            self._talk(player)
            links = self.server.endpoint.links
            self._lose(self.server, [each for each in links if each.peer_id == player.id])
            self._talk(player)

    def _half_open(self) -> None:
        """The client notices at once, or late; the server late, or by the takeover."""
        player = self._one()
        if player is not None and player.peer.endpoint.links:
            self.log.append(f"half open: {player.id}")
            self._talk(player)
            self.network.advance(self.dice.choice((0.0, 0.05)))
            if not player.peer.endpoint.links:
                return
            self.network.half_open(player.peer)
            self._talk(player)
            self.network.advance(self.dice.choice((0.0, 0.5)))
            if self.dice.random() < 0.7:
                self._lose(player.peer, player.peer.endpoint.links)
            self._talk(player)

    def _lose(self, peer: SimulatedClient | SimulatedServer, links: list[PeerChannel]) -> None:
        for link in links:
            link.lose("the connection was reset")
        peer.wake()

    def _part(self) -> None:
        player = self._one()
        if player is not None:
            self.log.append(f"{player.id} is cut off")
            ways = (player.peer, self.server), (self.server, player.peer)
            seconds = self.dice.choice((0.5, 4.0, 25.0))
            player.may_end |= seconds > 1.0
            for source, target in self.dice.choice((ways, ways[:1], ways[1:])):
                self.network.partition(source, target)
            self.network.advance(seconds)
            for source, target in ways:
                self.network.heal(source, target)

    def _stop(self) -> None:
        player = self._one()
        if player is not None:
            self.log.append(f"{player.id} is stopped")
            seconds = self.dice.choice((0.5, 4.0, 25.0))
            player.may_end |= seconds > 1.0
            self.network.pause(player.peer)
            self.network.advance(seconds)
            self.network.resume(player.peer)

    def _leave(self) -> None:
        player = self._one()
        if player is not None:
            self.log.append(f"{player.id} leaves")
            player.may_end = True
            player.peer.begin_leaving()
            self.join()

    def _expire(self) -> None:
        player = self._one()
        if player is not None and self.server.has_peer(player.id):
            self.log.append(f"the seat of {player.id} is over")
            player.may_end = True
            self.server.expire_seat(player.id)

    def _steal(self) -> None:
        """Somebody else comes with the token of a player, and soon leaves the seat again."""
        player = self._one()
        role: object = None if player is None else getattr(player.peer, "_role")  # noqa: B009
        if player is None or not isinstance(role, ReturningRole):
            return
        self.log.append(f"the seat of {player.id} is taken by another")
        player.may_end = True
        thief = self.network.create_client(None, envelope=self.envelope, resume=self.resume)
        query = write_wish(Return(role.token, 0, 1, 1))
        with patch("multiplayer.testing.simulation.simulated_peers.FIRST_QUERY", query):
            thief.connect_to_server(PORT)
        self.network.advance(self.dice.choice((0.1, 1.0)))
        self._check_seats()
        thief.begin_leaving()

    def _save(self) -> None:
        self.saved = self.server.save_seats()

    def _die(self) -> None:
        self.log.append("the server dies")
        server = self.network.restart(self.server)
        assert isinstance(server, SimulatedServer)
        self.server = server
        self._listen_to_server()
        server.restore_seats(self.saved)
        for player in self.players:
            player.up.may_jump = True
            player.may_end = True  # its seat may not have been saved

    # ---------------------------------------------------------------- what must hold

    def _check_seats(self) -> None:
        """Nobody is in two seats, and no seat has two connections."""
        if self._faults:
            raise self._faults[0]
        ids = [each.id for each in self.players if each.is_here]
        assert len(ids) == len({*ids}), f"two players have one seat: {ids}"
        for player in self.players:
            if player.is_here:
                assert player.peer.get_unique_id() == player.id
        links = [link for link in self.server.endpoint.links if link.peer_id and link.is_open]
        carried = [link.peer_id for link in links]
        assert len(carried) == len({*carried}), f"two connections have one seat: {carried}"

    def _check_complete(self) -> None:
        """All that was sent since the last loss has come."""
        here = [each for each in self.players if each.is_here]
        for player in self.players:
            assert player.is_here or player.may_end or not player.id, (
                f"{player.id} ended: {player.peer.failure}"
            )
        assert self.server.get_suspended_peers() == []
        assert sorted(each.id for each in here) == self.server.get_peers()
        for player in here:
            up, down = player.up, player.down
            assert up.is_complete, f"of {up.sent} from {player.id}, {up.seen} came"
            assert down.is_complete, f"of {down.sent} to {player.id}, {down.seen} came"
            for other in here:
                sent = player.relayed.get(other.id)
                if sent is not None and sent[1:] == (player.up.epoch, other.losses):
                    heard = other.heard.get(player.id, (0, 0, 0))[0]
                    assert heard == sent[0], f"of {sent} from {player.id} to {other.id}, {heard}"


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Much is lost here, and a session logs much of that."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def what_fails(seed: int, **kind: Any) -> str:
    """What does not hold in a history, and its end; "" if all does."""
    history = History(seed, **kind)
    try:
        history.run()
    except AssertionError as error:
        return "\n".join([f"seed {seed}: {error}", *history.log[-20:]])
    return ""
