"""Beginning to connect: from a URL to a connection that can be opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.resume_words import without_secrets

from .tls_options import TLSOptions
from .websocket.handshake_headers import check_protocols
from .websocket.link import Link
from .websocket.upgrade import ClientUpgrade
from .websocket.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.endpoint.peer_channel import PeerChannel, PeerEndpoint

    from .websocket.settings import LinkSettings
    from .websocket.url import WebSocketURL


class Dialling:
    """Connects a client to one URL, as often as it takes; see :func:`link_to` for the arguments."""

    def __init__(
        self,
        url: str,
        settings: LinkSettings,
        tls: TLSOptions | None,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        endpoint: PeerEndpoint,
    ) -> None:
        self._arguments = url, settings, tls, protocols, headers, endpoint
        self._endpoint = endpoint

    def __call__(self, query: str) -> PeerChannel:
        """Begin to connect to a session.

        Args:
            query: what is added to the query of the URL.

        Raises:
            MultiplayerError: see :func:`link_to`.
        """
        link, where = link_to(*self._arguments, in_session=True, query=query)
        self._endpoint.connect(where.host, where.port, link)
        return link


def link_to(
    url: str,
    settings: LinkSettings,
    tls: TLSOptions | None,
    protocols: Sequence[str],
    headers: Sequence[tuple[bytes, bytes]],
    endpoint: PeerEndpoint,
    *,
    in_session: bool,
    query: str = "",
) -> tuple[Link, WebSocketURL]:
    """Return a connection that can be opened, and where it leads.

    Args:
        url: see ``WebSocketClient.connect_to_url``.
        settings: limits and timeouts.
        tls: what to trust; None for what the system trusts. For ``wss`` only.
        protocols: the sub-protocols to ask for.
        headers: additional header fields of the request.
        endpoint: the endpoint that will have it.
        in_session: the server will send our id.
        query: what is added to the query of the URL.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense;
            ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: a certificate cannot be read.
    """
    where = parse_url(url)
    if where.tls:
        layer = (TLSOptions.client() if tls is None else tls).client_layer(where.host)
        settings = replace(settings, tls=layer)
    elif tls is not None:
        message = (
            f"a connection to {without_secrets(url)} is not encrypted, and checks no certificate: "
            "start the URL with wss://, or remove the TLS settings"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    known = check_protocols(protocols)
    asks_for_modes = settings.envelope == "gd_mp"  # docs/protocol/gdpeers.md
    target = where.target
    if query:
        target += f"{'&' if '?' in target else '?'}{query}"
    upgrade = ClientUpgrade(where.host_header, target, known, headers, asks=asks_for_modes)
    link = Link(settings, endpoint.notices, upgrade, endpoint.clock(), awaits_id=in_session)
    return link, where
