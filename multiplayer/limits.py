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
"""The limits that are in seconds, and need not be whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits that Godot does not have; its own are attributes of the peer.

    0 switches a limit off, except for ``max_header_size``, ``max_body_size``, ``violation_window``
    and ``max_nesting_depth``. ``docs/limits.md`` has what happens at each limit, next to Godot's.

    Attributes:
        max_header_size: an HTTP head of so many bytes is refused (Godot: 4096).
        max_body_size: how many bytes the body of an HTTP request may have, for an
            ``http_callback``.
        max_fragments: of how many frames one message may be made.
        max_inbox_bytes: when so many bytes of a peer's packets wait to be fetched, it is not read
            until some have been. One message more may wait, and what one read gave.
        max_outbox_packets: how many packets may wait for a peer that reads too slowly.
        max_peers: how many clients a server has at a time.
        max_peers_per_address: how many of them come from one IP address. Off at first: behind a
            reverse proxy all come from one.
        max_pending_handshakes: how many connections to a server may be without an upgrade; one
            more ends the oldest.
        max_control_frames: how many pings and pongs may come within a second, records of TLS
            without content included.
        max_violations: at how many things that must not come, within ``violation_window``, a
            server closes a peer with 1008.
        violation_window: in seconds.
        packets_per_second: how many packets a client may send a second, and at once. Off at first.
        bytes_per_second: the same for their bytes.
        max_log_lines: how many lines of the log one IP address may cause within a minute, and how
            many warnings besides. Behind a reverse proxy all clients have one address.
        relayed_bytes_per_second: how many bytes a client may send to others, or make a server
            program send, a second and at once, counted at each receiver. One that exceeds it is not
            read until that much time has passed.
        stall_timeout: in how many seconds a client for whom more than half of
            ``outbound_buffer_size`` waits has to take as many bytes as all of that, or until no
            more than a quarter waits.
        max_rpc_paths: how many node paths a peer may have announced to ``SceneMultiplayer`` and not
            taken back.
        max_nesting_depth: how many lists and dictionaries a value in a peer's RPC may be inside of.

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
