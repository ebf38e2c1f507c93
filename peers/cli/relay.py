"""The relay servers that ``python -m peers serve`` runs: they pass on what their clients send."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from multiplayer.addressing import TransferMode
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.endpoint.close_codes import GOING_AWAY
from multiplayer.support.log_bounds import LogBounds
from peers.driving.stop_signals import STOP_SIGNALS
from peers.trio import run
from peers.websocket.closing import PATIENCE
from peers.websocket_peer import WriteMode
from peers.websocket_server import WebSocketServer

from .late_relay import LateRelay

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.testing.simulation.conditions import Conditions
    from peers.driving.drivable import Pollable
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

RELAYED_BYTES_PER_SECOND: Final = 1 << 24
"""How much one client may set off, counted at each receiver: 80 KB/s to each of 200 others."""


class Relay(ABC):
    """A server for a session in which it takes no part itself: what all relays have in common.

    Args:
        server: the server, which is not listening yet.
        report: called with each line of the log; for joins and leaves of one address, with
            ``limits.max_log_lines`` a minute, then with a line saying how many were left out.
        quiet: report no joins and leaves.
        stats: report the totals every so many seconds; 0 for never.
        heartbeat: the ``heartbeat_interval`` of the server, in seconds.
    """

    def __init__(
        self,
        server: WebSocketMultiplayerPeer,
        report: Callable[[str], object],
        *,
        quiet: bool = False,
        stats: float = 0.0,
        heartbeat: float = SESSION_HEARTBEAT,
    ) -> None:
        self._peer = server
        self._report = report
        self._quiet = quiet
        self._stats = stats
        self._scheme = "ws"
        self._host = ""
        self._addresses: dict[int, str] = {}
        self._seen = 0
        self._bounds = LogBounds(lambda _level, line, _fields: report(line))
        self._bounds.most = server.limits.max_log_lines
        server.heartbeat_interval = heartbeat
        server.limits = replace(server.limits, relayed_bytes_per_second=RELAYED_BYTES_PER_SECOND)

    @abstractmethod
    def encrypt(self, certificate: str | Path, key: str | Path) -> None:
        """Serve ``wss`` only; before :meth:`listen`.

        Args:
            certificate: path of a PEM file: the server's certificate, then its chain if it has one.
            key: path of a PEM file: the private key of that certificate.
        """

    @abstractmethod
    def listen(self, host: str, port: int) -> None:
        """Begin to accept clients at ``host`` ("*" for every interface).

        Raises:
            MultiplayerError: as ``WebSocketServer.listen``.
        """

    @abstractmethod
    def _driven(self) -> WebSocketMultiplayerPeer | Pollable:
        """Return what :func:`run` is to drive."""

    def _statistics(self) -> Statistics:
        """Return what has been counted so far."""
        return self._peer.statistics

    async def run(self) -> None:
        """Serve until a signal asks to stop; then close everybody with code 1001.

        That takes at most twice ``close_timeout``; the next signal ends it at once.
        """
        with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
            # Only now, so that whoever has read the line can end us properly.
            endpoint = _endpoint(self._host, self._peer.get_local_port())
            self._report(f"listening on {self._scheme}://{endpoint}")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._serve, nursery.cancel_scope)
                if self._stats:
                    nursery.start_soon(self._report_stats)
                heard = aiter(signals)
                await anext(heard)
                self._quiet = True  # that all of them leave now is no news
                self._peer.begin_leaving(GOING_AWAY)
                with trio.move_on_after(PATIENCE * self._peer.close_timeout):
                    await anext(heard)
                nursery.cancel_scope.cancel()
            self._bounds.tell_all()

    async def _serve(self, everything: trio.CancelScope) -> None:
        await run(self._driven())
        everything.cancel()

    def totals(self) -> str:
        """Return what has been done, in words."""
        total = self._statistics()
        return (
            f"received {total.packets_received} packets ({total.bytes_received} bytes), "
            f"sent {total.packets_sent} packets ({total.bytes_sent} bytes), "
            f"peers seen: {self._seen}"
        )

    async def _report_stats(self) -> None:
        started = before = trio.current_time()
        old = self._statistics()
        due = started
        while True:
            # Ticks that were missed are left out, not made up for.
            due = max(due + self._stats, trio.current_time())
            await trio.sleep_until(due)
            now, new = trio.current_time(), self._statistics()
            self._report(stats_line(new, old, now - before, len(self._addresses)))
            before, old = now, new

    # ---------------------------------------------------------------- what happens

    def _welcome(self, peer: int) -> None:
        self._seen += 1
        # Kept, because the server does not know it any more when the peer has left.
        address = _endpoint(self._peer.get_peer_address(peer), self._peer.get_peer_port(peer))
        self._addresses[peer] = address
        if self._may_report(peer):
            self._report(f"{peer} joined from {address}")

    def _may_report(self, peer: int) -> bool:
        """Return whether to report something about a peer that is there, or has just left."""
        address = self._peer.get_peer(peer).address
        return not self._quiet and self._bounds.allow(address, logging.INFO, self._peer.now())

    def _see_off(self, peer: int, *, was_clean_close: bool) -> None:
        address = self._addresses.pop(peer)
        if not self._may_report(peer):
            return
        connection = self._peer.get_peer(peer)
        how = f"lost, {connection.failure}"
        if connection.failure is not None and connection.failure.stage == "left":
            how = connection.failure.detail
        if was_clean_close:
            how = f"closed with {connection.get_close_code()}"
            if reason := connection.get_close_reason():
                # Escaped: it comes from a stranger, and a terminal obeys control characters.
                how += f" {reason!a}"
        self._report(f"{peer} left from {address}: {how}")


class Godot3Relay(Relay):
    """A relay for the peers of a gd_mp session, where the senders choose who gets what.

    Args:
        report: see :class:`Relay`.
        plain: serve any RFC 6455 clients instead, each message going to all the others.
        quiet: see :class:`Relay`.
        stats: see :class:`Relay`.
        heartbeat: see :class:`Relay`.
        conditions: what the network does to what clients send; None for nothing.
    """

    def __init__(
        self,
        report: Callable[[str], object],
        *,
        plain: bool = False,
        quiet: bool = False,
        stats: float = 0.0,
        heartbeat: float = SESSION_HEARTBEAT,
        conditions: Conditions | None = None,
    ) -> None:
        self.server = WebSocketServer()
        super().__init__(self.server, report, quiet=quiet, stats=stats, heartbeat=heartbeat)
        self._late = None if conditions is None else LateRelay(self.server, conditions)
        self._plain = plain
        self.server.discard_packets = not plain
        self.server.client_connected.connect(lambda peer, _protocol, _name: self._welcome(peer))
        self.server.client_disconnected.connect(self._part)
        if plain:
            self.server.data_received.connect(self._pass_on)

    def _part(self, peer: int, was_clean_close: bool) -> None:
        if self._late is not None:
            self._late.leave(peer)
        self._see_off(peer, was_clean_close=was_clean_close)

    def encrypt(self, certificate: str | Path, key: str | Path) -> None:
        """Serve ``wss`` only; see :class:`Relay`."""
        self.server.tls_certificate = Path(certificate)
        self.server.private_key = Path(key)
        self._scheme = "wss"

    def listen(self, host: str, port: int) -> None:
        """Begin to accept clients; see :class:`Relay`."""
        self._host = host
        self.server.bind_ip = host
        self.server.listen(port, gd_mp_api=not self._plain)
        if self._late is not None and not self._plain:
            self._late.take_over()

    def _driven(self) -> WebSocketServer | Pollable:
        return self._late or self.server

    def _pass_on(self, sender: int) -> None:
        source = self.server.get_peer(sender)
        packet = source.get_packet()
        text = source.was_string_packet()
        mode = WriteMode.WRITE_MODE_TEXT if text else WriteMode.WRITE_MODE_BINARY
        passing = partial(self._send, sender, packet, mode)
        if self._late is None:
            passing()
        else:
            self._late.put(sender, len(packet), TransferMode.TRANSFER_MODE_RELIABLE, passing)

    def _send(self, sender: int, packet: bytes, mode: WriteMode) -> None:
        for peer in self._addresses:
            if peer != sender:
                self.server.get_peer(peer).send(packet, mode)


def stats_line(new: Statistics, old: Statistics, seconds: float, peers: int) -> str:
    """Return a line about ``new`` and what has been added to ``old`` within so many seconds."""

    def flow(packets: int, octets: int, packets_before: int, octets_before: int) -> str:
        each_second = (packets - packets_before) / seconds, (octets - octets_before) / seconds
        return "{:.1f} packets/s, {:.0f} bytes/s".format(*each_second) + (
            f" (total {packets} packets, {octets} bytes)"
        )

    incoming = flow(
        new.packets_received, new.bytes_received, old.packets_received, old.bytes_received
    )
    outgoing = flow(new.packets_sent, new.bytes_sent, old.packets_sent, old.bytes_sent)
    return (
        f"in {incoming}; out {outgoing}; peers {peers}; "
        f"waiting {new.packets_queued} packets in, {new.bytes_queued} bytes out; "
        f"dropped {new.drops.total()}; violations {new.violations.total()}; "
        f"held {new.held} now, {new.times_held} times"
    )


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
