"""What arrived and was dropped: counted, logged once for each peer and reason, reported."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from multiplayer.support.log_once import LogOnce
from multiplayer.support.log_text import one_line

from .subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.wire.dialects.choice import Dialect

_log = logging.getLogger(__name__)
_STRANGERS: Final = 0
"""Stands for all who are not in the session, whose ids somebody may have made up."""


class RejectReason(StrEnum):
    """Why a peer's packet was dropped."""

    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    OTHER_GENERATION = "other_generation"
    UNKNOWN_PEER = "unknown_peer"
    UNKNOWN_NODE = "unknown_node"
    UNKNOWN_PATH_ID = "unknown_number"
    UNKNOWN_NUMBER = UNKNOWN_PATH_ID  # its name before Godot's word was taken; it stays
    UNKNOWN_METHOD = "unknown_method"
    NOT_ALLOWED = "not_allowed"
    WRONG_ARITY = "wrong_arity"
    WRONG_TYPE = "wrong_type"
    UNCHECKABLE = "uncheckable"
    TOO_MANY_CALLS = "too_many_calls"
    UNEXPECTED_ANSWER = "unexpected_answer"
    UNDECODABLE_ARGUMENTS = "undecodable_arguments"
    NO_BODY = "no_body"
    NOT_RUN = "not_run"
    IMPROPER_PATH = "improper_path"
    REPEATED_NUMBER = "repeated_number"
    TOO_MANY_PATHS = "too_many_paths"
    NOT_AUTHENTICATED = "not_authenticated"
    UNEXPECTED_AUTHENTICATION = "unexpected_authentication"
    SYSTEM_PACKET_FROM_CLIENT = "system_packet_from_client"
    IMPOSSIBLE_ID = "impossible_id"
    RELAY_REFUSED = "relay_refused"
    UNKNOWN_TARGET = "unknown_target"
    TO_SENDER = "to_sender"
    NOT_SENT = "not_sent"
    BAD_SPAWN = "bad_spawn"
    BAD_STATE = "bad_state"
    TOO_MANY_NODES = "too_many_nodes"


Reason = RejectReason
"""Its name before it had one that says what of; it stays."""

_AS_IN_ANOTHER_DIALECT: Final = frozenset(
    (RejectReason.MALFORMED, RejectReason.UNSUPPORTED, RejectReason.UNKNOWN_PATH_ID)
)


@dataclass
class ApiStatistics:
    """The counts of a ``SceneMultiplayer``.

    Attributes:
        calls_sent: RPCs that were put, each counted once, however many peers it went to.
        calls_received: RPCs that were run.
        mismatches: how often ``rpc_mismatch`` was emitted.
        rejected: packets that were dropped, by :class:`RejectReason`.
        drops: what this program wanted to send, or do to a peer, but too late, by reason:
            ``departed``, for peers that have left; ``authenticated``, for credentials after one
            side has completed.
        discarded: packets for this program that were dropped because of ``discard_packets``.
        stale_numbers: node numbers that a peer confirmed or withdrew although they meant nothing,
            or nothing any more. The node may just have gone, so nothing is logged.
        numbers_given_up: others' numbers that a client has forgotten to make room for more.
        handler_errors: exceptions that the program's RPCs, listeners and callbacks have raised;
            see ``SceneMultiplayer.on_error``.
    """

    calls_sent: int = 0
    calls_received: int = 0
    mismatches: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    drops: Counter[str] = field(default_factory=Counter[str])
    discarded: int = 0
    stale_numbers: int = 0
    numbers_given_up: int = 0
    handler_errors: int = 0

    def copy(self, *, handler_errors: int) -> ApiStatistics:
        """Return a copy that does not change."""
        return replace(
            self,
            rejected=Counter(self.rejected),
            drops=Counter(self.drops),
            handler_errors=handler_errors,
        )


class Rejections(Subsystem):
    """Counts, logs and reports what is dropped.

    Args:
        statistics: where it is counted.
        tell: takes peer, reason and detail, each time.
        dialect: for the log records.
        is_here: returns whether a peer is connected; nothing is kept about one that is not.
        has_announced: returns whether a peer has announced a path: it does speak our dialect.
        may_log: ``MultiplayerPeer.may_log``.
    """

    def __init__(
        self,
        statistics: ApiStatistics,
        tell: Callable[[int, RejectReason, str], object],
        dialect: Dialect,
        is_here: Callable[[int], bool],
        has_announced: Callable[[int], bool],
        may_log: Callable[[int, int], bool],
    ) -> None:
        self._is_here = is_here
        self._has_announced = has_announced
        self._statistics = statistics
        self._tell = tell
        self._faults = LogOnce(_log, lambda peer, level, _: may_log(peer, level))
        self._fields = {"dialect": dialect.value}
        self._speaks = f"Dialect.{dialect.name}"

    def reject(
        self, peer: int, reason: RejectReason, detail: str, *, of_dialect: bool = False
    ) -> None:
        """Note that a packet of ``peer`` is dropped.

        Args:
            peer: its sender.
            reason: why.
            detail: which node and method, and what is wrong, in words; it is cut and escaped.
            of_dialect: the packet is certainly one of the API's dialect.
        """
        may_be_another = reason in _AS_IN_ANOTHER_DIALECT and not of_dialect
        if may_be_another and self._faults.is_new(peer, reason) and not self._has_announced(peer):
            detail += f"; does it speak {self._speaks}, as this API does?"
        self._statistics.rejected[reason] += 1
        detail = one_line(detail)  # what a peer sends as a path can be as long as a packet
        if self._is_here(peer):
            self._faults.note(peer, reason, detail, fields=self._fields)
        else:
            detail_of_stranger = f"from {peer}, who is not here: {detail}"
            self._faults.note(_STRANGERS, reason, detail_of_stranger, fields=self._fields)
        self._tell(peer, reason, detail)

    def drop(self, reason: str) -> None:
        """Count something of our own that goes nowhere, through nobody's fault."""
        self._statistics.drops[reason] += 1

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Log how often packets of a peer that has left were dropped, if that is news."""
        if not present:
            self._faults.end(peer, fields=self._fields)

    def reset(self) -> None:
        """The session is over: forget all peers."""
        self._faults.end_all(fields=self._fields)
