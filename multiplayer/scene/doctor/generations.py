"""Notices peers of another generation of Godot, and says which setting serves them.

A Godot 3 client at a Godot 4 server, or the reverse, never gets as far as an intelligible error:
the one waits for ever, the other leaves at once, and neither says why.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import MultiplayerError
from multiplayer.scene.cache.scene_cache import CacheObserver
from multiplayer.scene.rejections import RejectReason
from multiplayer.scene.subsystem import Observer, Subsystem
from multiplayer.support.log_line import write_line
from multiplayer.wire.dialects.choice import Dialect
from multiplayer.wire.envelopes.godot3 import HEADER_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.transport import Transport
    from multiplayer.wire.dialects.api_packets import Confirm

SHORT_VISIT: Final = 1.0
"""A peer that leaves this soon without a word did not like what we said; in seconds."""

LONG_SILENCE: Final = 5.0
"""A peer that is silent for this long after joining may not understand us; in seconds."""

_NO_ID: Final = bytes(5)
"""Start of a packet in Godot 3's envelope from a sender that got no id: type 0, from 0.

In Dialect.GODOT_4 it would be a call of node number 0; numbers are counted from 1.
"""

_log = logging.getLogger(__name__)


class Generations(Subsystem, Observer, CacheObserver):
    """What peers' first messages, and their silence, show. Only a server looks.

    One dictionary in order of joining is all the time-keeping: the first in it is the next to have
    been silent for long.

    Args:
        state: what the API keeps.
        transport: tells the time, and closes peers.
        paths: which paths we have announced.
        watched: see ``Dispatch``.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        paths: PathCache,
        watched: dict[int, Callable[[int, bytes], bool]],
    ) -> None:
        self._transport = transport
        self._paths = paths
        self._watched = watched
        self._rejections = state.rejections
        self._dialect = state.settings.dialect
        no_path = not state.settings.confirm_with_path
        self._expects_numbers = self._dialect is Dialect.GODOT_4 and no_path
        self._silent: dict[int, float] = {}
        self.work = self._silent
        """The peers that have joined but not said anything, and since when."""

    def came(self, peer: int) -> None:
        """Watch for the first word of a peer that has connected."""
        if self._transport.is_server:
            now = self._transport.peer.now()
            if not self._silent:
                self.due = now + LONG_SILENCE
            self._silent[peer] = now
            self._watched[peer] = self._spoke

    def _watch_no_more(self, peer: int) -> float | None:
        """Stop watching a peer; return since when it was silent, None if it was not."""
        self._watched.pop(peer, None)
        return self._silent.pop(peer, None)

    def _spoke(self, peer: int, packet: bytes) -> bool:
        """Look at a peer's first packet; return False if the peer is refused for it."""
        self._watch_no_more(peer)
        if self._dialect is not Dialect.GODOT_4:
            return True
        if len(packet) < HEADER_SIZE or not packet.startswith(_NO_ID):
            return True
        detail = (
            "its first message has the envelope of Godot 3, from a client that understood no id: "
            "it seems to be a Godot 3 game; WebSocketServer with listen(port, gd_mp_api=True) and "
            "Dialect.GODOT_3 serve those, on a port of their own"
        )
        reason = "this port serves Godot 4; Godot 3 needs WebSocketServer (gd_mp_api), GODOT_3"
        self._refuse(peer, detail, reason)
        return False

    def accepts(self, peer: int, confirm: Confirm) -> bool:
        """Return whether a confirmation has our generation's form; refuse it if not."""
        if not self._expects_numbers or not isinstance(confirm.node, str):
            return True
        if not self._paths.has_told_path(peer, confirm.node):
            return True  # any bytes may look like that; this shows nothing
        detail = (
            f"it confirms {confirm.node!r} by path, as Godot 4.0 to 4.2 do; "
            "SceneMultiplayer(dialect=Dialect.GODOT_4, confirm_with_path=True) serves those"
        )
        self._refuse(peer, detail, "this server serves Godot 4.3 and later, not 4.0 to 4.2")
        return False

    def _refuse(self, peer: int, detail: str, reason: str) -> None:
        self._rejections.reject(peer, RejectReason.OTHER_GENERATION, detail)
        if self._transport.is_server and peer != SERVER_ID:
            with suppress(MultiplayerError):  # it may have gone by itself
                self._transport.peer.expel_peer(peer, reason)

    def left(self, peer: int, *, by_itself: bool) -> None:
        """Say what it may mean that a peer left after only a moment."""
        since = self._watch_no_more(peer)
        if not by_itself:
            return
        below = self._transport.peer
        if since is None or below.now() - since > SHORT_VISIT:
            return
        silently = below.left_silently(peer)
        if silently is False:
            return  # it, or we, had a reason
        is_ours = self._dialect is Dialect.NATIVE
        if is_ours and silently is None:
            return
        # Python programs come and go quickly, and on Godot 4's envelope engines leave like this.
        is_ordinary = is_ours or self._transport.relays or silently is None
        level = logging.INFO if is_ordinary else logging.WARNING
        self._say(level, peer, "left within a second, without a word; if it should have stayed")

    def process(self, now: float) -> None:
        """Say, once for each peer, what its long silence may mean."""
        while self._silent:
            peer, since = next(iter(self._silent.items()))
            self.due = since + LONG_SILENCE
            if now < self.due:
                return
            self._watch_no_more(peer)
            silence = f"has joined {LONG_SILENCE:g} s ago and has sent nothing to this server"
            unless = "if it should have"
            self._say(logging.INFO, peer, f"{silence}; {unless}")

    def _say(self, level: int, peer: int, what: str) -> None:
        if _log.isEnabledFor(level) and self._transport.peer.may_log(peer, level):
            words, causes = "peer %d %s: %s", self._causes()
            write_line(_log, level, words, peer, what, causes, fields={"peer_id": peer})

    def next_deadline(self) -> float:
        """Return when :meth:`process` has something to do; ``math.inf`` if never."""
        for since in self._silent.values():
            return since + LONG_SILENCE
        return math.inf

    def _causes(self) -> str:
        dialect = f"Dialect.{self._dialect.name}"
        if self._transport.relays:
            served, other = "Godot 4", "Godot 3"
            serves_other = "WebSocketServer with gd_mp_api=True and Dialect.GODOT_3 serve"
            setting = "connect with WebSocketMultiplayerPeer.create_client"
        else:
            served, other = "Godot 3", "Godot 4"
            serves_other = "WebSocketMultiplayerPeer().create_server and Dialect.GODOT_4 serve"
            setting = "connect with WebSocketClient and gd_mp_api=true"
        return (
            f"it may be a {other} game, and this port has the envelope of {served} "
            f"({serves_other} {other}), or its settings may not be ours: it has to {setting}, and "
            f"a Python program has to have {dialect}"
        )

    def reset(self) -> None:
        """Forget the session, which is over."""
        for peer in [*self._silent]:
            self._watch_no_more(peer)
