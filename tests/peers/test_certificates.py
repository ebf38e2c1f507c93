"""Certificates and keys as users give them: every form, and what is wrong with the others."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.certificates import PEM, client_context, server_context
from tests.certificates import alone, anchor, certificate, chain_of, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

LEAF = certificate("localhost")
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
BROKEN_KEY = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
# A PKCS #8 key with the password "secret".
ENCRYPTED_KEY = b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDcB3Npmyfc8R2osck1
k49WAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQFkBCtmZBwHXTl77v
ulnFxASBkHgXPs5dUg7apC6S2DrfG7Q/6Eptm6n9Fl7ijZscGOs+gBGcJpE0NEDj
gXfgy84RyZbLG9OyMAxKgRv9A1TAePNHqM1OOaD/8A0x2Nyf/A4CVqAvMcWHzElN
kgTD0ZpzTzdsQsayGsydgMzH/8yJp2tc0zbcexnOA1Juoij1AXCeo6J1NslAoR2p
9sx/QpGbWQ==
-----END ENCRYPTED PRIVATE KEY-----
"""


def text(pem: bytes, folder: Path) -> PEM:
    return pem.decode()


def raw(pem: bytes, folder: Path) -> PEM:
    return pem


def path(pem: bytes, folder: Path) -> PEM:
    file = folder / f"{len(list(folder.iterdir()))}.pem"
    file.write_bytes(pem)
    return file


def path_as_text(pem: bytes, folder: Path) -> PEM:
    return str(path(pem, folder))


@pytest.mark.parametrize("form", [text, raw, path, path_as_text])
def test_every_form(form: Callable[[bytes, Path], PEM], tmp_path: Path) -> None:
    context = server_context(
        form(key_of(LEAF), tmp_path), form(alone(LEAF), tmp_path), form(anchor(), tmp_path)
    )
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    client = client_context(form(anchor() + alone(LEAF), tmp_path), verify=True)
    assert client.cert_store_stats()["x509"] == 2
    assert client.check_hostname


def test_words_around_the_certificate_do_no_harm() -> None:
    pem = "Zertifikat für Grüße\n".encode() + anchor() + b"\xff\xfe the end\n"
    assert client_context(pem, verify=True).cert_store_stats()["x509"] == 1


def test_nothing_else_is_trusted() -> None:
    assert len(client_context(anchor(), verify=True).get_ca_certs()) == 1


def test_no_key_stays_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def spying(self: ssl.SSLContext, cert: Path, key: Path, password: object) -> None:
        modes.extend(file.stat().st_mode & 0o777 for file in (key, key.parent))
        load(self, cert, key)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spying)
    server_context(key_of(LEAF), chain_of(LEAF), None)
    assert modes == [0o600, 0o700]
    assert list(tmp_path.iterdir()) == []


SERVERS = [
    (b"", alone(LEAF), None, "private_key"),
    (key_of(LEAF), b"", None, "tls_certificate"),
    (key_of(LEAF), BROKEN, None, "tls_certificate"),
    (BROKEN_KEY, alone(LEAF), None, "private_key"),
    (key_of(LEAF), alone(LEAF), BROKEN, "ca_chain"),
    (key_of(LEAF), alone(LEAF), b"no certificate", "ca_chain"),
    (alone(LEAF), key_of(LEAF), None, "tls_certificate"),
    (key_of(certificate("other")), alone(LEAF), None, "is not the key of tls_certificate"),
    (key_of(LEAF), anchor() + alone(LEAF), None, "tls_certificate .* wrong order.* number 2"),
    (key_of(LEAF), anchor(), alone(LEAF), "tls_certificate .* wrong order.* number 2"),
    (None, alone(LEAF), None, "there is a tls_certificate but no private_key"),
    (key_of(LEAF), None, None, "there is a private_key but no tls_certificate"),
]


@pytest.mark.parametrize(("key", "shown", "chain", "words"), SERVERS)
def test_a_server_does_not_listen_with_the_wrong_ones(
    key: bytes | None, shown: bytes | None, chain: bytes | None, words: str
) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.private_key, server.tls_certificate, server.ca_chain = key, shown, chain
    with pytest.raises(MultiplayerError, match=words) as raised:
        server.listen(0)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    assert not server.is_listening()
    server.private_key, server.tls_certificate, server.ca_chain = key_of(LEAF), alone(LEAF), None
    server.listen(0)
    server.stop()


def test_an_encrypted_key_asks_nobody() -> None:
    with pytest.raises(MultiplayerError, match="private_key") as raised:
        server_context(ENCRYPTED_KEY, alone(LEAF), None)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


CLIENTS = [
    (b"", Error.ERR_INVALID_PARAMETER),
    (BROKEN, Error.ERR_INVALID_PARAMETER),
    (key_of(LEAF), Error.ERR_INVALID_PARAMETER),
    ("nul\0", Error.ERR_INVALID_PARAMETER),
    (7, Error.ERR_INVALID_PARAMETER),
    ("/nowhere/at/all.pem", Error.ERR_FILE_NOT_FOUND),
    (Path("/nowhere/at/all.pem"), Error.ERR_FILE_NOT_FOUND),
    ("/", Error.ERR_FILE_CANT_OPEN),
    ("x" * 5000, Error.ERR_FILE_CANT_OPEN),
]


@pytest.mark.parametrize(("trusted", "code"), CLIENTS)
def test_a_client_does_not_connect_with_the_wrong_one(trusted: PEM, code: Error) -> None:
    client = WebSocketClient()
    client.trusted_tls_certificate = trusted
    with pytest.raises(MultiplayerError, match="trusted_tls_certificate") as raised:
        client.connect_to_url("wss://127.0.0.1:1")
    assert raised.value.code == code
    assert client.get_connection_status() == client.CONNECTION_DISCONNECTED


def test_a_host_that_cannot_be_a_name() -> None:
    with pytest.raises(MultiplayerError, match="no upgrade request") as raised:
        WebSocketClient().connect_to_url(f"wss://{'x' * 70}.example.org")
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


def test_settings_are_locked_while_in_use() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    assert (server.private_key, server.tls_certificate, server.ca_chain) == (None, None, None)
    assert (client.trusted_tls_certificate, client.verify_tls) == (None, True)
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    for peer, names in (
        (server, ("private_key", "tls_certificate", "ca_chain")),
        (client, ("trusted_tls_certificate", "verify_tls")),
    ):
        for name in names:
            with pytest.raises(MultiplayerError, match=name) as raised:
                setattr(peer, name, None)
            assert raised.value.code == Error.ERR_ALREADY_IN_USE
        peer.close()
        for name in names:
            setattr(peer, name, None)
            assert getattr(peer, name) is None
