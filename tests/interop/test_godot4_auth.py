"""Authentication between real Godot 4.6 and ours: accepted, refused, too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

TWO = layouts("PE", "RE", "AE", "EP", "ER", "EA")
SOON = 0.3
"""An auth_timeout, in seconds."""


@pytest.mark.parametrize("layout", TWO)
async def test_accepted(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(b"welcome", b"secret")
    await client.set_auth(b"secret", b"welcome")
    await session.serve(server)
    await client.join(session.url)
    assert await client.signals(4) == [
        ("peer_authenticating", 1),
        ("auth_callback", 1, b"welcome"),
        ("connected_to_server",),
        ("peer_connected", 1),
    ]
    assert await server.signals(3) == [
        ("peer_authenticating", client.id),
        ("auth_callback", client.id, b"secret"),
        ("peer_connected", client.id),
    ]
    await client.call("any_one", 1, "admitted")
    assert await server.calls(1) == [("any_one", ["admitted"], client.id)]
    await server.call("any_one", 0, "welcome")
    assert await client.calls(1) == [("any_one", ["welcome"], 1)]


@pytest.mark.parametrize("layout", layouts("PEE", "REP", "AEE", "EEP", "EEA"))
async def test_who_is_not_admitted_yet_is_not_seen(session: Session, layout: str) -> None:
    server, one, late = [await session.member(letter) for letter in layout]
    await server.set_auth(b"welcome", b"secret", timeout=0)
    await one.set_auth(b"secret", b"welcome")
    await late.set_auth(timeout=0)
    await session.serve(server)
    await one.join(session.url)
    await one.signals(4)
    await server.signals(3)
    await late.begin_to_join(session.url)
    assert await late.signals(2) == [("peer_authenticating", 1), ("auth_callback", 1, b"welcome")]
    ((authenticating, newcomer),) = await server.signals(1)
    assert authenticating == "peer_authenticating"
    assert isinstance(newcomer, int)
    late.id = newcomer
    await one.call("any_one", 0, "who is here?")
    await server.call("any_one", 0, "only one")
    await one.send_bytes(b"bytes", 0)
    assert await server.calls(1) == [("any_one", ["who is here?"], one.id)]
    assert await server.signals(1) == [("peer_packet", one.id, b"bytes")]
    assert await one.calls(1) == [("any_one", ["only one"], 1)]
    assert await one.signals() == await late.signals() == await late.calls() == []
    await late.send_auth(1, b"secret")
    await late.complete_auth(1)
    assert await late.signals(3) == [
        ("connected_to_server",),
        ("peer_connected", 1),
        ("peer_connected", one.id),
    ]
    assert await one.signals(1) == [("peer_connected", late.id)]
    assert await server.signals(2) == [
        ("auth_callback", late.id, b"secret"),
        ("peer_connected", late.id),
    ]


@pytest.mark.parametrize("layout", TWO)
async def test_refused(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(b"welcome", b"secret")
    await client.set_auth(b"guess", timeout=10)
    await session.serve(server)
    await client.begin_to_join(session.url)
    assert await client.signals(4) == [
        ("peer_authenticating", 1),
        ("auth_callback", 1, b"welcome"),
        ("peer_authentication_failed", 1),
        ("server_disconnected",),
    ]
    (authenticating, peer), judged = await server.signals(2)
    assert authenticating == "peer_authenticating"
    assert judged == ("auth_callback", peer, b"guess")
    assert await server.peers() == []


@pytest.mark.parametrize("layout", TWO)
async def test_the_server_gives_up_a_silent_client(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(timeout=SOON)
    await client.set_auth(timeout=10)
    await session.serve(server)
    await client.begin_to_join(session.url)
    assert await client.signals(3) == [
        ("peer_authenticating", 1),
        ("peer_authentication_failed", 1),
        ("server_disconnected",),
    ]
    (first, peer), failed = await server.signals(2)
    assert first == "peer_authenticating"
    assert failed == ("peer_authentication_failed", peer)


@pytest.mark.parametrize("layout", TWO)
async def test_the_client_gives_up_a_silent_server(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(timeout=10)
    await client.set_auth(timeout=SOON)
    await session.serve(server)
    await client.begin_to_join(session.url)
    assert await client.signals(3) == [
        ("peer_authenticating", 1),
        ("peer_authentication_failed", 1),
        ("server_disconnected",),
    ]
    (first, peer), failed = await server.signals(2)
    assert first == "peer_authenticating"
    assert failed == ("peer_authentication_failed", peer)


@pytest.mark.parametrize("layout", TWO)
async def test_a_client_without_callback_is_never_admitted(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(timeout=SOON)
    await session.serve(server)
    await client.begin_to_join(session.url)
    assert await client.signals(4) == [
        ("connected_to_server",),  # for it knows nothing of the authentication
        ("peer_connected", 1),
        ("peer_disconnected", 1),
        ("server_disconnected",),
    ]
    (first, peer), failed = await server.signals(2)
    assert first == "peer_authenticating"
    assert failed == ("peer_authentication_failed", peer)


@pytest.mark.parametrize("layout", TWO)
async def test_complete_before_the_other_side_knows(session: Session, layout: str) -> None:
    server, client = [await session.member(letter) for letter in layout]
    await server.set_auth(at_once=True)
    await client.set_auth(at_once=True)
    await session.serve(server)
    await client.join(session.url)
    assert await client.signals(3) == [
        ("peer_authenticating", 1),
        ("connected_to_server",),
        ("peer_connected", 1),
    ]
    assert await server.signals(2) == [
        ("peer_authenticating", client.id),
        ("peer_connected", client.id),
    ]
