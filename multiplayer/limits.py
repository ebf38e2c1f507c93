"""How much a peer may ask of us, where Godot sets no limit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from .support.number_setting import check_number

_POSITIVE: Final = frozenset(
    {"max_header_size", "max_body_size", "violation_window", "max_nesting_depth"}
)
"""The limits that cannot be switched off."""


_TIMES: Final = frozenset({"violation_window", "stall_timeout"})
"""The limits in seconds, which need not be whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits that Godot does not have; Godot's own are attributes of the peer.

    0 switches a limit off, except for ``max_header_size``, ``max_body_size``, ``violation_window``
    and ``max_nesting_depth``. ``docs/limits.md`` says what happens at each limit, and has Godot's.

    Attributes:
        max_header_size: an HTTP head of this many bytes is refused (Godot: 4096).
        max_body_size: how many bytes the body of an HTTP request may have, for an
            ``http_callback``.
        max_fragments: how many frames one message may consist of.
        max_inbox_bytes: once this many bytes of a peer's packets wait to be fetched, the peer is
            not read until some have been. One more message may wait, and what one read gave.
        max_outbox_packets: how many packets may wait for a peer that reads too slowly.
        max_peers: how many clients a server has at a time.
        max_peers_per_address: how many of them may come from one IP address. Off by default:
            behind a reverse proxy all come from one.
        max_pending_handshakes: how many connections to a server may be without an upgrade; one
            more ends the oldest.
        max_control_frames: how many pings and pongs may come within a second, TLS records without
            content included.
        max_violations: after how many violations within ``violation_window`` a server closes a
            peer with 1008.
        violation_window: in seconds.
        packets_per_second: how many packets a client may send a second, and at once. Off by
            default.
        bytes_per_second: the same for their bytes.
        max_log_lines: how many log lines one IP address may cause within a minute, and how many
            warnings besides. Behind a reverse proxy all clients have one address.
        relayed_bytes_per_second: how many bytes a client may send to others, or make a server
            program send, a second and at once, counted per receiver. A client that exceeds it is
            not read until that much time has passed.
        stall_timeout: a client for which more than half of ``outbound_buffer_size`` waits has this
            many seconds to take as many bytes as the whole of it, or to bring what waits down to a
            quarter.
        max_rpc_paths: how many node paths a peer may have announced to ``SceneMultiplayer`` and not
            taken back.
        max_spawned_nodes: how many nodes a peer may have spawned here that it has not despawned; a
            server closes a peer that spawns more with 1008.
        max_nesting_depth: how deeply lists and dictionaries may be nested in a peer's RPC.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a limit makes no sense.
    """

    max_header_size: int = 4096
    max_body_size: int = 65536
    max_fragments: int = 1024
    max_inbox_bytes: int = 1 << 22
    max_outbox_packets: int = 4096
    max_peers: int = 4096
    max_peers_per_address: int = 0
    max_pending_handshakes: int = 512
    max_control_frames: int = 64
    max_violations: int = 16
    violation_window: float = 60.0
    packets_per_second: int = 0
    bytes_per_second: int = 0
    max_log_lines: int = 100
    relayed_bytes_per_second: int = 1 << 26
    stall_timeout: float = 5.0
    max_rpc_paths: int = 4096
    max_spawned_nodes: int = 16384
    max_nesting_depth: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            name = field.name
            number = check_number(
                name,
                getattr(self, name),
                whole=name not in _TIMES,
                above_zero=name in _POSITIVE,
                finite=False,
            )
            object.__setattr__(self, name, number)
