"""TLS between Godot 3.2.3 and us, with a pinned certificate.

The engine (mbedTLS, TLS 1.2) does not know addresses in certificates, so that names are used; and
it pins no certificate but one that has signed itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.certificates import alone, anchor, certificate, key_of, self_signed
from tests.driving import Drive, Recorder, until
from tests.interop.godot3.engine import parcel
from tests.peers.tls_sessions import secure_client, secure_server, url_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Launch

LEAF = certificate("localhost", rsa=True)
SHORT, LONG = b"over TLS", bytes(range(256)) * 200


@dataclass(frozen=True)
class Files:
    """What the engine loads: it takes paths only."""

    certificate: str
    key: str
    authority: str
    itself: str
    another: str


@pytest.fixture
def files(tmp_path: Path) -> Files:
    def file(name: str, pem: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(pem)
        return str(path)

    return Files(
        file("leaf.crt", alone(LEAF)),
        file("leaf.key", key_of(LEAF)),
        file("authority.crt", anchor()),
        file("itself.crt", self_signed("localhost")[0]),
        file("another.crt", anchor("somebody")),
    )


@pytest.mark.parametrize("pinned", ["itself", "authority"])
async def test_the_engine_with_our_server(
    drive: Drive, launch: Launch, files: Files, pinned: str
) -> None:
    shown: dict[str, object] = {}
    if pinned == "itself":
        shown["tls_certificate"], shown["private_key"] = self_signed("localhost")
    server = drive.add(secure_server(LEAF, **shown))
    signals = Recorder(server)
    godot = await launch()
    await godot.connect_to_url(url_of(server), ca=getattr(files, pinned), tree=False)
    await godot.told(("sig", "peer_connected", 1), ("sig", "connection_succeeded"))
    own = await godot.id()
    for payload in (SHORT, LONG):
        await godot.put_packet(payload, 1)
        await until(server.get_available_packet_count)
        assert server.get_packet() == payload
        server.set_target_peer(own)
        server.put_packet(payload)
        await godot.got(parcel(1, payload))
    await godot.step("disconnect", code=1000, reason="done")
    await until(lambda: "client_disconnected" in signals)
    assert signals.of("client_disconnected") == [(own, True)]
    assert godot.complaints == []


@pytest.mark.parametrize("why", ["untrusted", "name", "plain"])
async def test_the_engine_refuses_our_server(
    drive: Drive, launch: Launch, files: Files, why: str
) -> None:
    leaf = certificate("example.org", rsa=True) if why == "name" else LEAF
    server = drive.add(secure_server(leaf))
    signals = Recorder(server)
    godot = await launch()
    trusted = files.another if why == "untrusted" else files.authority
    scheme = "ws" if why == "plain" else "wss"
    await godot.connect_to_url(url_of(server, scheme=scheme), ca=trusted, tree=False)
    await godot.told(("sig", "connection_failed"))
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert signals.log == []


async def test_the_engine_without_verification(drive: Drive, launch: Launch) -> None:
    server = drive.add(secure_server(certificate("example.org", rsa=True)))
    godot = await launch()
    await godot.connect_to_url(url_of(server), verify=False, tree=False)
    await godot.told(("sig", "peer_connected", 1), ("sig", "connection_succeeded"))
    assert server.has_peer(await godot.id())


@pytest.mark.parametrize("pinned", ["certificate", "authority"])
async def test_our_client_with_the_engines_server(
    drive: Drive, launch: Launch, files: Files, pinned: str
) -> None:
    godot = await launch()
    port = await godot.listen(cert=files.certificate, key=files.key, tree=False)
    client = secure_client(trusted_tls_certificate=getattr(files, pinned))
    heard = Recorder(client)
    client.connect_to_url(f"wss://localhost:{port}", gd_mp_api=True)
    drive.add(client)
    await until(lambda: "connection_succeeded" in heard)
    own = client.get_unique_id()
    await godot.told(("sig", "peer_connected", own))
    for payload in (SHORT, LONG):
        client.set_target_peer(1)
        client.put_packet(payload)
        await godot.got(parcel(own, payload))
        await godot.put_packet(payload, own)
        await until(client.get_available_packet_count)
        assert client.get_packet() == payload
    client.disconnect_from_host(1000, "done")
    await until(lambda: "connection_closed" in heard)
    assert heard.of("connection_closed") == [(True,)]
    assert godot.complaints == []


@pytest.mark.parametrize("why", ["untrusted", "name"])
async def test_our_client_refuses_the_engines_server(
    drive: Drive, launch: Launch, files: Files, why: str
) -> None:
    godot = await launch()
    port = await godot.listen(cert=files.certificate, key=files.key, tree=False)
    client = secure_client(
        trusted_tls_certificate=files.another if why == "untrusted" else files.authority
    )
    heard = Recorder(client)
    host = "127.0.0.1" if why == "name" else "localhost"
    client.connect_to_url(f"wss://{host}:{port}", gd_mp_api=True)
    drive.add(client)
    await until(lambda: "connection_failed" in heard)
    assert client.failure is not None
    assert client.failure.stage == "tls"
    assert ("not trusted" if why == "untrusted" else "another address") in client.failure.detail
