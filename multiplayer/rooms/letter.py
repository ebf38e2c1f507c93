"""What a node writes before a connection that it passes on to another: from whom it really comes.

One line of ASCII: ``gdpeers-passed 1 ADDRESS PORT SIGNATURE``. The signature is an HMAC-SHA256 by
the secret that all nodes share, over the incarnation of the node it is for, address and port.
Then the client's own bytes follow, from the first one on.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

LONGEST: Final = 200
"""How many bytes the line has at most, with its end."""

_HEAD: Final = "gdpeers-passed 1"


def write_letter(secret: bytes, incarnation: str, address: tuple[str, int]) -> bytes:
    """Return the line.

    Args:
        secret: what all nodes share.
        incarnation: of the node that it is for.
        address: the client's IP address and TCP port.
    """
    host, port = address
    return f"{_HEAD} {host} {port} {_sign(secret, incarnation, host, port)}\n".encode("ascii")


def read_letter(secret: bytes, incarnation: str, line: bytes) -> tuple[str, int] | None:
    """Return the client's address and port; None if no node has written this, or not for us.

    Args:
        secret: what all nodes share.
        incarnation: of this node.
        line: what came, with or without its end.
    """
    try:
        head, version, host, digits, signature = line.decode("ascii").split()
    except ValueError:
        return None
    if f"{head} {version}" != _HEAD or not digits.isdigit() or len(digits) > 5:
        return None
    port = int(digits)
    good = hmac.compare_digest(_sign(secret, incarnation, host, port), signature)
    return (host, port) if good and len(line) <= LONGEST else None


def _sign(secret: bytes, incarnation: str, host: str, port: int) -> str:
    text = f"{_HEAD}\n{incarnation}\n{host}\n{port}".encode()
    return hmac.new(secret, text, sha256).hexdigest()
