"""Certificates and keys, as users give them, converted to what ``ssl`` needs."""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

from multiplayer import Error, MultiplayerError

PEM = str | bytes | os.PathLike[str]
"""PEM text or bytes, or the path of a PEM file."""

_MARK: Final = "-----BEGIN"
_CERTIFICATES: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----", re.ASCII
)
_KEYS: Final = re.compile(
    r"-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----.*?-----END ([A-Z0-9]+ )?PRIVATE KEY-----",
    re.ASCII | re.DOTALL,
)


def client_context(trusted: PEM | None, *, verify: bool) -> ssl.SSLContext:
    """Return the context with which a client checks a server's certificate.

    Args:
        trusted: the only certificates to trust, an authority's or the server's own; None for those
            that the system trusts.
        verify: False to check nothing at all.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``, ``ERR_FILE_NOT_FOUND`` or
            ``ERR_FILE_CANT_OPEN``: ``trusted`` is not a certificate.
    """
    if trusted is None and verify:
        return _system_context(ssl.get_default_verify_paths())
    context = _bare_client_context()
    if trusted is not None:
        _trust(context, _certificates("trusted_tls_certificate", trusted))
        # Without this only self-signed certificates could be trusted, not a server's own.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache(maxsize=1)
def _system_context(paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    # Reading over a hundred authorities takes longer than a frame: not again for each attempt.
    del paths  # which change with the environment
    context = _bare_client_context()
    context.load_default_certs()
    return context


def _bare_client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    return context


def server_context(private_key: PEM, certificate: PEM, chain: PEM | None) -> ssl.SSLContext:
    """Return the context with which a server shows its certificate.

    Args:
        private_key: the key of ``certificate``.
        certificate: the server's own, perhaps followed by those that lead to a trusted authority.
        chain: more certificates of that kind.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``, ``ERR_FILE_NOT_FOUND`` or
            ``ERR_FILE_CANT_OPEN``: one of them is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    # Nobody resumes a TLS session here; and a ticket that is never read can reset a connection.
    context.num_tickets = 0
    shown = _certificates("tls_certificate", certificate)
    if chain is not None:
        shown = f"{shown}\n{_certificates('ca_chain', chain)}"
    key = _KEYS.search(_text("private_key", private_key))
    if key is None:
        raise _unfit("private_key", "there is no private key in it")
    # Through Python, OpenSSL reads keys only from files.
    with tempfile.TemporaryDirectory(prefix="gdpeers-") as folder:
        certificate_file, key_file = Path(folder, "certificate"), Path(folder, "key")
        _write_private(certificate_file, shown)
        _write_private(key_file, key[0])
        try:
            context.load_cert_chain(certificate_file, key_file, _no_password)
        except ssl.SSLError as error:
            why = f"it cannot be read ({_words(error)})"
            if error.reason == "KEY_VALUES_MISMATCH":
                _check_order(shown, certificate_file, key_file)
                why = "it is not the key of tls_certificate"
            raise _unfit("private_key", why) from error
    return context


def _check_order(shown: str, certificate_file: Path, key_file: Path) -> None:
    """Raise if the key is not that of the first certificate, but that of a later one."""
    for at, block in enumerate(_CERTIFICATES.finditer(shown)):
        certificate_file.write_text(block[0])
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate_file, key_file)
        except ssl.SSLError:
            continue
        why = (
            "the certificates are in the wrong order: the server's own comes first, then those "
            f"that lead to an authority, and private_key is the key of number {at + 1}"
        )
        raise _unfit("tls_certificate", why)


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # So writing never has to wait for reading.
    context.options |= ssl.Options.OP_NO_RENEGOTIATION


def _certificates(name: str, pem: PEM) -> str:
    """Return the PEM blocks of certificates in ``pem``, each of which can be read."""
    blocks = [match[0] for match in _CERTIFICATES.finditer(_text(name, pem))]
    if not blocks:
        raise _unfit(name, "there is no certificate in it")
    text = "\n".join([*blocks, ""])
    try:
        _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), text)
    except ssl.SSLError as error:
        raise _unfit(name, f"it cannot be read ({_words(error)})") from error
    return text


def _trust(context: ssl.SSLContext, text: str) -> None:
    context.load_verify_locations(cadata=text)


def _text(name: str, pem: PEM) -> str:
    if isinstance(pem, str) and _MARK in pem:
        return pem
    if isinstance(pem, bytes):
        return pem.decode("latin-1")
    try:
        return Path(pem).read_text("latin-1")
    except FileNotFoundError as error:
        message = f"{name}: there is no file {os.fspath(pem)!r}; give a path, or PEM text"
        raise MultiplayerError(Error.ERR_FILE_NOT_FOUND, message) from error
    except OSError as error:
        message = f"{name}: {os.fspath(pem)!r} cannot be read: {error.strerror}"
        raise MultiplayerError(Error.ERR_FILE_CANT_OPEN, message) from error
    except (TypeError, ValueError) as error:
        raise _unfit(name, str(error)) from error


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise _unfit("private_key", "it is encrypted; decrypt it first (openssl pkey)")


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _unfit(name: str, why: str) -> MultiplayerError:
    message = f"{name} cannot be used: {why}; give PEM text, PEM bytes or a path"
    return MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
