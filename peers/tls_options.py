"""``TLSOptions``: how to encrypt a connection. Mirrors the Godot class."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

from multiplayer import Error, MultiplayerError

from .certificates import PEM, client_context, server_context
from .websocket.tls import TLSLayer

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """What a client trusts, or what a server shows (Godot 4: ``TLSOptions``).

    Make one with :meth:`client`, :meth:`client_unsafe` or :meth:`server`. Certificates and keys are
    PEM text, PEM bytes or the path of a PEM file; they are read when they are used.
    """

    _is_server: bool = False
    _is_unsafe: bool = False
    _trusted_chain: PEM | None = None
    _common_name: str = ""
    _key: PEM | None = field(default=None, repr=False)  # to keep it out of logs
    _certificate: PEM | None = None

    @classmethod
    def client(cls, trusted_chain: PEM | None = None, common_name_override: str = "") -> Self:
        """Return the options of a client that checks certificate and host name.

        Args:
            trusted_chain: the only certificates to trust, an authority's or the server's own; None
                for those that the system trusts.
            common_name_override: the host name to expect, instead of the URL's.
        """
        return cls(_trusted_chain=trusted_chain, _common_name=common_name_override)

    @classmethod
    def client_unsafe(cls, trusted_chain: PEM | None = None) -> Self:
        """Return the options of a client that checks nothing: for experiments.

        Args:
            trusted_chain: see :meth:`client`; it must be readable, but changes nothing.
        """
        return cls(_is_unsafe=True, _trusted_chain=trusted_chain)

    @classmethod
    def server(cls, key: PEM, certificate: PEM) -> Self:
        """Return the options of a server.

        Args:
            key: the key of ``certificate``, not encrypted.
            certificate: the certificate to show, perhaps followed by those between it and an
                authority that clients trust.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: one of them is missing.
        """
        if key is None or certificate is None:  # pyright: ignore[reportUnnecessaryComparison]
            lacks = "key" if key is None else "certificate"  # pyright: ignore[reportUnnecessaryComparison]
            message = f"there is no {lacks}; TLS needs a certificate and its key"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return cls(_is_server=True, _key=key, _certificate=certificate)

    def get_common_name_override(self) -> str:
        """Return the host name to expect instead of the URL's; "" for the URL's."""
        return self._common_name

    def get_own_certificate(self) -> PEM | None:
        """Return the certificate that a server shows; None on a client."""
        return self._certificate

    def get_private_key(self) -> PEM | None:
        """Return a server's key; None on a client."""
        return self._key

    def get_trusted_ca_chain(self) -> PEM | None:
        """Return the only certificates that a client trusts; None for the system's."""
        return self._trusted_chain

    def is_server(self) -> bool:
        """Return whether these are for a server."""
        return self._is_server

    def is_unsafe_client(self) -> bool:
        """Return whether these are for a client that checks nothing."""
        return self._is_unsafe

    # ---------------------------------------------------------------- for peers

    def client_layer(self, host: str) -> Callable[[], TLSLayer]:
        """Return what makes the encrypting layer of a client's connection.

        Args:
            host: the host that the URL names.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: these are for a server, or the certificate
                makes no sense; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: it cannot be read.
        """
        if self._is_server:
            message = "these TLSOptions are for a server; use TLSOptions.client() for a client"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        context = client_context(self._trusted_chain, verify=not self._is_unsafe)
        # Neither SNI nor certificates have the dot that may end a name (RFC 6066 section 3).
        return partial(TLSLayer, context, (self._common_name or host).removesuffix("."))

    def server_layer(self, ca_chain: PEM | None = None) -> Callable[[], TLSLayer]:
        """Return what makes the encrypting layer of each of a server's connections.

        Args:
            ca_chain: certificates between the server's own and an authority that clients trust, if
                they are not in its file.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: these are for a client, or key or
                certificate make no sense; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: one
                cannot be read.
        """
        if not self._is_server or self._key is None or self._certificate is None:
            message = "these TLSOptions are for a client; use TLSOptions.server() for a server"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        context = server_context(self._key, self._certificate, ca_chain)
        return partial(TLSLayer, context)
