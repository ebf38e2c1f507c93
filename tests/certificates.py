"""Certificates for tests, from an authority that nobody else knows."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

OURS = "ours"
RSA = trustme.KeyType.RSA


@cache
def authority(name: str) -> trustme.CA:
    """The authority of that name; the same one all through the tests."""
    return trustme.CA(organization_name=name)


@cache
def certificate(
    *names: str, by: str = OURS, from_day: int = -1, to_day: int = 1, rsa: bool = False
) -> trustme.LeafCert:
    """A server's certificate for these names or addresses, good between those days from now."""
    now = datetime.now(UTC)
    return authority(by).issue_cert(
        *names,
        not_before=now + timedelta(days=from_day),
        not_after=now + timedelta(days=to_day),
        key_type=RSA if rsa else trustme.KeyType.ECDSA,
    )


@cache
def self_signed(name: str) -> tuple[bytes, bytes]:
    """A certificate that no authority stands behind, as most are that games pin, and its key."""
    now, key = datetime.now(UTC), rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_of(leaf: trustme.LeafCert) -> bytes:
    return leaf.private_key_pem.bytes()


def chain_of(leaf: trustme.LeafCert) -> bytes:
    """The certificate and, after it, those that lead to the authority."""
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


def alone(leaf: trustme.LeafCert) -> bytes:
    """The certificate itself."""
    return leaf.cert_chain_pems[0].bytes()


def anchor(name: str = OURS) -> bytes:
    """The authority's own certificate."""
    return authority(name).cert_pem.bytes()


def server_side(leaf: trustme.LeafCert) -> ssl.SSLContext:
    """What another library's server takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def client_side() -> ssl.SSLContext:
    """What another library's client takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority(OURS).configure_trust(context)
    return context
