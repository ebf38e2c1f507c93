"""What the front says to those whom it sends to no worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from peers.websocket.http_head import HttpRefusedError
from peers.websocket.upgrade import ServerUpgrade, UpgradeRequest

if TYPE_CHECKING:
    from peers.websocket.http_exchange import HttpExchange

_LONGEST_REASON: Final = 123
_FINAL_CLOSE: Final = 0x88
"""FIN, and opcode 8 (RFC 6455 section 5.5.1)."""


def closing(head: bytes, code: int, text: str) -> bytes:
    """Return what agrees to an upgrade, and closes it at once: engines see no HTTP status.

    Args:
        head: the request, up to its blank line, inclusive.
        code: the close code, 4000 to 4999.
        text: why; cut to 123 bytes.

    Returns:
        An HTTP refusal, if the request asks for no upgrade.
    """
    upgrade = ServerUpgrade()
    try:
        asked: UpgradeRequest | HttpExchange = upgrade.receive(head)
    except HttpRefusedError as error:
        return upgrade.refuse(error.status, error.detail)
    if not isinstance(asked, UpgradeRequest):
        return upgrade.refuse(404, text)
    # An engine that offers sub-protocols fails without one.
    protocol = asked.protocols[0] if asked.protocols else ""
    return upgrade.accept(protocol) + close_frame(code, text)


def close_frame(code: int, text: str) -> bytes:
    """Return a close frame of a server; the text is cut to 123 bytes of UTF-8."""
    reason = text.encode()[:_LONGEST_REASON].decode(errors="ignore")
    body = code.to_bytes(2, "big") + reason.encode()
    return bytes((_FINAL_CLOSE, len(body))) + body


def refusal(status: int, text: str) -> bytes:
    """Return an HTTP refusal for what has no whole head."""
    return ServerUpgrade().refuse(status, text)
