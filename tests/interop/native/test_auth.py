"""Authentication, when an engine says more than it has to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.scene.session import Session


@pytest.mark.native4
@pytest.mark.parametrize("layout", layouts("PEE", "REE", "AEE"))
async def test_the_right_password_twice(session: Session, layout: str) -> None:
    """The server completes the authentication twice; it goes on, and so does the client."""
    server, client, late = [await session.member(letter) for letter in layout]
    assert isinstance(server, Ours)
    await server.set_auth(None, b"secret")
    await session.serve(server)
    for joining in (client, late):
        assert isinstance(joining, Engine)
        await joining.set_auth()
        await joining.begin_to_join(session.url)
        assert await joining.signals(1) == [("peer_authenticating", 1)]
        ((_, id_),) = await server.signals(1)
        assert isinstance(id_, int)
        joining.id = id_
        # In one frame: once the server has completed it, the engine sends no more.
        twice = "multiplayer.send_auth(1, args[0])\n" * 2
        await joining.godot.do(twice, b"secret")
        await joining.complete_auth(1)
        admitted = await joining.signals(2)
        assert admitted[:2] == [("connected_to_server",), ("peer_connected", 1)]
        told = await server.signals(3)
        assert told[:1] == [("auth_callback", id_, b"secret")]
        assert ("peer_connected", id_) in told
        await joining.call("any_one", 1, "in")
        assert await server.calls(1) == [("any_one", ["in"], id_)]
    assert await server.peers() == sorted((client.id, late.id))
