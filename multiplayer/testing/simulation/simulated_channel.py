"""``SimulatedChannel``: one connection of a simulated network, from the first word to the last.

It follows the rules of a WebSocket connection: who closes says so and waits for the answer, whose
turn in the queue comes; who is silent is pinged; who reads too slowly is closed. Its frames are its
own, see ``frames``.
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from multiplayer.endpoint.cause import Cause
from multiplayer.endpoint.close_codes import code_of
from multiplayer.endpoint.events import Broken, CloseReceived, Ended, Failed, Message, Opened
from multiplayer.endpoint.failure import Failure, no_id
from multiplayer.endpoint.heartbeat import PING, Beat

from .channel_sending import ChannelSending
from .channel_state import UP, Phase
from .frames import LAST_MESSAGE, Kind, close_frame, frame, read_close

_UNBOUNDED: Final = 1 << 62
_TOO_LONG: Final = 1009  # RFC 6455 section 7.4.1

_UNCLOSED: Final = "the other side ended the connection without closing it"


class Asked(NamedTuple):
    """A client asks to be let in; it knows that version of ``docs/protocol/gdpeers.md``.

    ``query`` is what it asks for besides, as in the query of a URL.
    """

    version: int
    query: str = ""


class SimulatedChannel(ChannelSending):
    """One end of a connection: what comes, and how it ends; see ``PeerChannel``."""

    __slots__ = ()

    # ---------------------------------------------------------------- what comes

    def connected(self, address: str, port: int, now: float) -> None:
        """Note who the other side is."""
        self.address, self.port = address, port
        self._heartbeat.heard = now

    def receive(self, data: bytes, now: float, most: int = _UNBOUNDED) -> bool:
        """Read what has arrived, but not more messages than ``most``; return whether it reads."""
        del data
        self.resumed = self.behind = False
        arrived, incoming = self.arrived, self.incoming
        if arrived:
            self._heartbeat.heard = now
        read = 0
        if self.held:
            most = 0
        most_queued = self._settings.max_queued_packets
        most_bytes = self._settings.limits.max_inbox_bytes or _UNBOUNDED
        while arrived:
            kind, content, size = arrived[0]
            if kind <= LAST_MESSAGE and self.phase in UP:
                is_full = self.unfetched >= most_queued or self.unfetched_bytes >= most_bytes
                if is_full or not most:
                    break
                most -= 1
            arrived.popleft()
            read += size
            self._take(kind, content, now)
        if read and incoming is not None:
            incoming.read(read)
        account = self.account
        if account is not None and account.spent:
            self.ready()
        if self.phase in UP and (arrived or self.is_full):
            self._note_full()
        return self.reads

    def _note_full(self) -> None:
        """Note why not all was read."""
        if not self.is_full:
            self.behind = not self.held
            self.ready()
            return
        full = self.unfetched >= self._settings.max_queued_packets
        self.reach("max_queued_packets" if full else "max_inbox_bytes")
        detail = f"{self.unfetched} of its packets wait; get_packet(), or discard_packets"
        self.note(logging.WARNING, "not_read_for_now", detail)

    def _take(self, kind: int, content: bytes, now: float) -> None:
        if kind <= LAST_MESSAGE:
            self._take_message(content, kind)
        elif kind == Kind.PING:
            if self.phase in UP:
                self._put(frame(Kind.PONG, content))
        elif kind == Kind.PONG:
            self._heartbeat.pong(content, now)
        elif kind == Kind.CLOSE:
            self._take_close(*read_close(content))
        elif kind == Kind.END:
            self.receive_eof()
        elif self.phase is Phase.OPENING:
            self._take_beginning(kind, content, now)

    def _take_message(self, content: bytes, kind: int) -> None:
        most = self._settings.inbound_buffer_size
        if len(content) > most and self.phase in UP:
            self.phase = Phase.HEARD
            self.reach("inbound_buffer_size")
            reason = f"message too big: more than {most} bytes"
            self.tell(Broken(_TOO_LONG, reason, "inbound_buffer_size"))
            return
        statistics = self.statistics
        statistics.packets_received += 1
        statistics.bytes_received += len(content)
        if self.phase not in UP:
            self.drop("closing")
            return
        self.unfetched += 1
        self.unfetched_bytes += len(content)
        self._entries.append((self, Message(content, kind == Kind.TEXT, kind == Kind.RELIABLE)))

    def _take_beginning(self, kind: int, content: bytes, now: float) -> None:
        if kind == Kind.HELLO:
            self.tell(Asked(int.from_bytes(content[:2], "little"), content[2:].decode()))
        elif kind == Kind.REFUSAL:
            self.end(Failure("http", content.decode()))
        elif kind == Kind.WELCOME:
            self.gdpeers_version = int.from_bytes(content, "little")
            self._open(now)
            self.tell(Opened(""))

    def _open(self, now: float) -> None:
        self.phase = Phase.JOINING
        if not self._awaits_id:
            self.settle(now)

    def fetched(self, size: int, count: int = 1) -> None:
        """Note that some of its messages, of ``size`` bytes together, have been fetched."""
        was_full = self.is_full
        self.unfetched -= count
        self.unfetched_bytes -= size
        if was_full and not self.is_full:
            self.resume()

    def receive_eof(self) -> None:
        """Note that the other side has let go of the connection."""
        phase = self.phase
        if phase is Phase.OPENING:
            self.end(Failure("http", f"{_UNCLOSED}, before the server had answered"))
        elif phase is Phase.CLOSING:
            self.end(Failure("protocol", f"{_UNCLOSED}, in the middle of the closing handshake"))
        elif phase in UP:
            self.end(self._unclosed())
        elif phase in (Phase.ANSWERED, Phase.FAILED):
            self.finish(0.0)

    def _unclosed(self) -> Failure:
        if not self._settled:
            return Failure("id", f"{_UNCLOSED}, before the session was up")
        if self._settings.leaves_silently:
            return Failure("left", "without a close frame, as Godot 4 does")
        return Failure("tcp", _UNCLOSED)

    def lose(self, why: str, *, gone: bool = False) -> None:
        """Note that nothing can be sent, and nothing will come."""
        del gone
        self.end(Failure("tcp", why))

    # ---------------------------------------------------------------- what a server decides

    def accept(self, version: int, now: float) -> None:
        """Let a client in, with that version of ``docs/protocol/gdpeers.md``."""
        self.gdpeers_version = version
        self._put(frame(Kind.WELCOME, version.to_bytes(2, "little")))
        self._open(now)

    def refuse(self, why: str, now: float) -> None:
        """Turn a client away, in words."""
        self._put(frame(Kind.REFUSAL, why.encode()))
        self.failure = Failure("http", why)
        self.phase = Phase.ANSWERED
        self.wait_until(now + self._settings.close_timeout)

    def turn_away(self, code: int, why: str, now: float) -> None:
        """Let a client in, only to close with a code that it understands."""
        self.accept(0, now)
        self.close(code, why, now)

    def settle(self, now: float) -> None:
        """Note that the session is up, which has had a deadline until now."""
        self._settled = True
        if self.phase is Phase.JOINING:
            self.phase = Phase.OPEN
            self._heartbeat.start(now)
            self.wait_until(self._heartbeat.due)

    # ---------------------------------------------------------------- the end

    def close(self, code: int | Cause, reason: str, now: float, *, at_once: bool = False) -> None:
        """Begin to close it, unless that has begun."""
        del at_once
        if self.phase is Phase.OPENING:
            failure = Failure("http", "closed by us before the server had answered")
            self.end(failure if self._client else Failure("http", "closed by us"))
        if self.phase not in UP:
            return
        was_read = self.reads
        self._sending.get_off()
        self._put(close_frame(code_of(code), reason))
        self.phase = Phase.CLOSING
        self._closed_by_us = True
        self.wait_until(now + 2 * self._settings.close_timeout)
        if not was_read:
            self.resume()

    def close_at_once(self, code: int | Cause) -> None:
        """Queue what says that it ends now."""
        if self.phase in UP or self.phase is Phase.HEARD:
            self._sending.get_off()
            self._put(close_frame(code_of(code), ""))

    def _take_close(self, code: int, reason: str) -> None:
        if self.phase in UP:
            self.phase = Phase.HEARD
            self.tell(CloseReceived(code, reason))
        elif self.phase is Phase.CLOSING:
            self.close_code, self.close_reason = code, reason
            self.end(None)

    def answer_close(self, event: CloseReceived, now: float) -> None:
        """Answer the close whose turn in the queue has come."""
        if self.phase is not Phase.HEARD:
            return
        self.close_code, self.close_reason = event.code, event.reason
        self._sending.get_off()
        self._put(close_frame(event.code, event.reason))
        self.phase = Phase.ANSWERED
        self.wait_until(now + self._settings.close_timeout)

    def fail(self, event: Broken, now: float) -> None:
        """Answer the violation whose turn in the queue has come, and end."""
        if self.phase is not Phase.HEARD:
            return
        self.failure = Failure("protocol", event.reason)
        self._sending.get_off()
        self._put(close_frame(event.code, event.reason))
        self.phase = Phase.FAILED
        self.wait_until(now + self._settings.close_timeout)

    def finish(self, now: float) -> None:
        """Note, while it is closed, that nothing waits."""
        del now
        if self.phase is Phase.ANSWERED:
            self.end(self.failure)
        elif self.phase is Phase.FAILED:
            self.abandon()

    def give_way(self, now: float) -> None:
        """End what is pending: others wait for its place."""
        if self.phase is Phase.OPENING:
            self.reach("max_pending_handshakes")
            self.refuse("503: this server is busy", now)

    def leave(self, now: float) -> None:
        """End it before it carries anybody."""
        del now
        self.abandon()

    def end(self, failure: Failure | None) -> None:
        """It is over; tell the endpoint."""
        if self.over:
            return
        self.failure = failure
        if failure is not None and self._settled:
            self.close_code = -1
        self.abandon()
        if failure is not None and not self._settled:
            self.tell(Failed(failure))
        else:
            self.tell(Ended(failure is None, failure))

    def give_up(self, failure: Failure) -> None:
        """It cannot go on, whatever its state is."""
        self.end(failure)

    def abandon(self) -> None:
        """It is over, and the endpoint knows."""
        self.phase = Phase.OVER
        self._sending.get_off()
        self.outbox.clear()
        self.arrived.clear()
        self.behind = False
        self.sum_up()
        self.wait_until(None)

    # ---------------------------------------------------------------- too slow

    def lose_output(self, why: str, now: float | None = None) -> None:
        """Note that nothing can be sent any more."""
        del now
        self.lose(why)

    def overflow(self, now: float) -> None:
        """End a connection whose other side reads too slowly: close code 4013."""
        self._close_slow(*self._sending.excess(), now)

    def stall(self, now: float) -> None:
        """End a connection whose other side makes no progress; see ``pressure``."""
        timeout, size = self.stall_terms
        self._close_slow("stall_timeout", f"less than {size} bytes in {timeout:g} s", now)

    def _close_slow(self, limit: str, why: str, now: float) -> None:
        if self.phase not in UP:
            return
        dropped = self.outbox.drop_unbegun()
        if self.outbox.ring is None:  # else they wait for the next connection
            self.count_drops("overflow", dropped)
        self.reach(limit)
        self.note(logging.WARNING, "reads_too_slowly", why)
        self.too_slow = True
        self.close(Cause.TOO_SLOW, f"too slow: {why}", now, at_once=True)

    # ---------------------------------------------------------------- time

    def check(self, now: float, obstacle: str = "no answer") -> None:
        """Do what is due; ``obstacle`` is what has kept it from connecting, if it has not."""
        if self.deadline is None or now < self.deadline:
            return
        settings, phase = self._settings, self.phase
        if phase is Phase.OPEN:
            self._beat(now)
        elif phase is Phase.OPENING:
            self.reach("handshake_timeout")
            self.end(Failure("timeout", f"{obstacle} within {settings.handshake_timeout:g} s"))
        elif phase is Phase.JOINING:
            self.reach("handshake_timeout")
            self.end(no_id(settings.handshake_timeout))
        elif phase is not Phase.OVER:
            self.reach("close_timeout")
            what = "no answer to our close" if phase is Phase.CLOSING else "our close was not sent"
            self.end(Failure("timeout", f"{what} within {settings.close_timeout:g} s"))

    def _beat(self, now: float) -> None:
        heartbeat = self._heartbeat
        beat = heartbeat.beat(now, reads=self.reads)
        if beat is Beat.GIVE_UP:
            self.reach("heartbeat_interval")
            silence = f"silent for {heartbeat.patience:g} s"
            self.end(Failure("timeout", f"{silence}, pings were not answered"))
            return
        self.wait_until(heartbeat.due)
        if beat is Beat.PING:
            self._put(frame(Kind.PING, PING))
