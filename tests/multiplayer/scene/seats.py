"""Sessions in memory whose clients lose their connections and come back, or begin anew."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from multiplayer import Node, SceneMultiplayer
from multiplayer.testing.loopback import _Line

from .loopback import SERVER, LoopbackPeer, Network
from .replication.games import Game, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from multiplayer.testing import Sent


class SeatPeer(LoopbackPeer):
    """A peer whose connection can be lost, as docs/protocol/resume.md has it.

    Attributes:
        words: it speaks those of that page, so that it hears of others, and gets all again.
        away: it has no connection.
        gone: of a server: who has none.
        out: what it has put while it was away.
    """

    def __init__(self, network: Network, own_id: int, *, words: bool = True) -> None:
        super().__init__(network, own_id)
        self.words = words
        self.away = False
        self.out: list[Sent] = []
        self.gone: set[int] = set()

    def get_suspended_peers(self) -> list[int]:
        return sorted(self.gone)

    def tell_renewed(self, id: int) -> Collection[int]:  # noqa: A002 - Godot's name
        told = {each for each, line in self._lines.items() if line.client.words}
        for each in told - {id}:
            self._tell(self._lines[each].client, "peer_resumed", id, False)
        return told

    def _tell(self, peer: SeatPeer, name: str, *args: Any) -> None:
        signal = getattr(peer, name)
        peer._steps.append(partial(peer.handlers.emit, signal, SERVER, *args))

    @property
    def _server(self) -> SeatPeer:
        server = self.network.peers[SERVER]
        assert isinstance(server, SeatPeer)
        return server

    # ---------------------------------------------------------------- a client's connection

    def poll(self) -> None:
        if not self.away:
            super().poll()
        else:  # what has been sent to it is on the other side
            held = list(self._steps)
            self._steps.clear()
            super().poll()
            self._steps.extend(held)

    def _send(self, sent: Sent) -> None:
        if self.away:
            self.out.append(sent)
        else:
            super()._send(sent)

    def lose(self) -> None:
        """Lose the connection, which both sides notice at their next polls."""
        server = self._server
        server.gone.add(self.own_id)
        self._tell(server, "peer_suspended", self.own_id)
        if self.words:
            self._tell(self, "session_suspended")
            super().poll()
        self.away = True

    def come_back(self, *, replayed: bool) -> None:
        """Have a connection again."""
        server = self._server
        self.away = False
        server.gone.discard(self.own_id)
        self._tell(server, "peer_resumed", self.own_id, replayed)
        held = list(self._steps)
        self._steps.clear()
        out, self.out = self.out, []
        self._tell(self, "session_resumed", replayed)
        if replayed:
            self._steps.extend(held)
            for sent in out:
                self._send(sent)
        else:
            self.renewed()

    def renewed(self) -> None:
        """What a gd_mp server says to the others."""
        server = self._server
        if not self.network.relays:
            return
        line = server._lines[self.own_id]
        for each in server._others_of(line):
            if each.client.words:
                self._tell(each.client, "peer_resumed", self.own_id, False)
            else:
                each.then(partial(each.client._hear_no_more_of, self.own_id))
                each.then(partial(each.client._hear_of, self.own_id))

    def take_seat_of(self, before: SeatPeer) -> None:
        """Come back in place of another peer, which was an engine's: nothing is left of that."""
        server = self._server
        self._line = line = server._lines[self.own_id]
        assert isinstance(line, _Line)
        line.client = self
        before._line = None
        server.gone.discard(self.own_id)
        self._tell(server, "peer_resumed", self.own_id, False)
        self.then(partial(self._come_up, self.own_id))
        for each in server._others_of(line):
            self.then(partial(self._hear_of, each.id))
        self.renewed()


class SeatGame(Game):
    """A game with such peers, and what its APIs tell.

    Attributes:
        told: the signals of the APIs, by id.
        engines: the clients that are as engines are: they know nothing of coming back.
    """

    def __init__(
        self,
        kind: Kind,
        build: Callable[[SceneMultiplayer], object],
        *clients: int,
        engines: tuple[int, ...] = (),
    ) -> None:
        self.told: dict[int, list[tuple[Any, ...]]] = {}
        self.engines = engines
        super().__init__(kind, build, *clients)

    def _add(self, own_id: int) -> SceneMultiplayer:
        api = SceneMultiplayer(Node("root"), self.kind.dialect)
        api.on_error = "raise"
        api.invalid_packet.connect(
            lambda peer, reason, words: self.rejected.append((own_id, peer, reason, words))
        )
        told = self.told[own_id] = []
        for signal in (
            api.peer_connected,
            api.peer_disconnected,
            api.connected_to_server,
            api.server_disconnected,
            api.peer_authenticating,
            api.peer_authentication_failed,
            api.peer_suspended,
            api.peer_resumed,
            api.session_suspended,
            api.session_resumed,
        ):
            signal.connect(lambda *args, what=signal.name: told.append((what, *args)))
        self._build(api)
        self.apis[own_id] = api
        peer = SeatPeer(self.network, own_id, words=own_id not in self.engines)
        self.peers[own_id] = api.multiplayer_peer = peer
        return api

    def seat(self, own_id: int) -> SeatPeer:
        peer = self.peers[own_id]
        assert isinstance(peer, SeatPeer)
        return peer

    def lose(self, own_id: int) -> None:
        self.seat(own_id).lose()
        self.tick()
        self.forget()

    def come_back(self, own_id: int, *, replayed: bool) -> None:
        """Come back; an engine as another program."""
        if own_id in self.engines:
            before = self.seat(own_id)
            self._add(own_id)
            self.seat(own_id).take_seat_of(before)
        else:
            self.seat(own_id).come_back(replayed=replayed)
        self.tick(6)

    def heard(self, own_id: int) -> list[tuple[Any, ...]]:
        """What an API has told since the last time."""
        told = self.told[own_id]
        heard = list(told)
        told.clear()
        return heard

    def forget(self) -> None:
        """Forget what was told."""
        for told in self.told.values():
            told.clear()
