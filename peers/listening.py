"""Beginning to listen: what is not an address, and what the system's errors mean."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError

from .websocket.endpoint import accept_links

if TYPE_CHECKING:
    from multiplayer.endpoint.peer_channel import PeerEndpoint

    from .websocket.settings import LinkSettings


def check_address(address: str, port: int) -> None:
    """Raise unless a server can listen on ``address`` and ``port``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: not an address, or not a port.
    """
    if not isinstance(address, str) or not address or "\0" in address:  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"{address!r} is not an address to listen on; use '*' for every interface"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    is_number = isinstance(port, int) and not isinstance(port, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_number or not 0 <= port < 65536:
        message = f"{port!r} is not a port; use 1 to 65535, or 0 for a free one"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def listen(endpoint: PeerEndpoint, address: str, port: int, settings: LinkSettings) -> None:
    """Begin to accept connections.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: something else has the port; ``ERR_CANT_CREATE``:
            it cannot listen on the address.
    """
    try:
        accept_links(endpoint, address, port, settings)
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        code = Error.ERR_ALREADY_IN_USE if in_use else Error.ERR_CANT_CREATE
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        message = f"cannot listen on {address} port {port}: {why}"
        raise MultiplayerError(code, message) from error
