"""Probes of what servers or clients have alone: who may connect, headers, addresses and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Error, MultiplayerError
from peers import HttpResponse, Refuse, WebSocketClient, WebSocketServer
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import until
from tests.raw import request

from .bench import Refused
from .probes import shows

if TYPE_CHECKING:
    from .bench import Bench

PAGE = "https://example.org"


async def answer_to(bench: Bench, *headers: str) -> str:
    """The status of the answer to a client that asks with these headers."""
    raw = await bench.dialled()
    await raw.send(request(bench.peer.get_local_port(), headers=headers))
    return (await raw.read_head()).split()[1]


@shows("allowed_origins")
async def _(bench: Bench) -> None:
    await bench.set(allowed_origins=[PAGE]).begin()
    assert await answer_to(bench, "Origin: https://elsewhere.org") == "403"
    assert await answer_to(bench, f"Origin: {PAGE}") == "101"


@shows("upgrade_callback")
async def _(bench: Bench) -> None:
    await bench.set(upgrade_callback=lambda asked: Refuse(418)).begin()
    assert await answer_to(bench) == "418"


@shows("http_callback")
async def _(bench: Bench) -> None:
    await bench.set(http_callback=lambda asked: HttpResponse(203)).begin()
    raw = await bench.dialled()
    await raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await raw.read_head()).startswith("HTTP/1.1 203 ")


@shows("handshake_headers")
async def _(bench: Bench) -> None:
    await bench.set(handshake_headers=["X-Mine: yes"]).begin()
    raw = await bench.dialled()
    if bench.serving:
        await raw.send(request(bench.peer.get_local_port()))
    assert "X-Mine: yes" in await raw.read_head()


@shows("supported_protocols")
async def _(bench: Bench) -> None:
    await bench.set(supported_protocols=["chat"]).begin()
    raw = await bench.dialled()
    if bench.serving:
        await raw.send(request(bench.peer.get_local_port(), protocol="chat"))
    assert "Sec-WebSocket-Protocol: chat" in await raw.read_head()


@shows("bind_ip")
async def _(bench: Bench) -> None:
    bench.set(bind_ip="192.0.2.1")  # nobody's: RFC 5737
    with pytest.raises(Refused) as refused:
        await bench.begin()
    assert refused.value.error.code == Error.ERR_CANT_CREATE


# ---------------------------------------------------------------- TLS


async def encrypted(bench: Bench) -> None:
    """See that a client which trusts our authority connects."""
    client = WebSocketClient()
    client.trusted_tls_certificate = anchor()
    url = f"wss://127.0.0.1:{bench.peer.get_local_port()}"
    client.connect_to_url(url, gd_mp_api=bench.mode == "gd_mp")
    await until(lambda: (client.poll(), client.get_connection_status())[1] != 1)
    assert client.failure is None
    client.close()


@shows("private_key")
async def _(bench: Bench) -> None:
    leaf = certificate("127.0.0.1")
    bench.set(private_key=key_of(leaf))
    with pytest.raises(Refused, match="there is a private_key but no tls_certificate"):
        await bench.begin()
    await bench.set(tls_certificate=chain_of(leaf)).begin()
    await encrypted(bench)


@shows("tls_certificate")
async def _(bench: Bench) -> None:
    leaf = certificate("127.0.0.1")
    bench.set(tls_certificate=chain_of(leaf))
    with pytest.raises(Refused, match="there is a tls_certificate but no private_key"):
        await bench.begin()
    await bench.set(private_key=key_of(leaf)).begin()
    await encrypted(bench)


@shows("ca_chain")
async def _(bench: Bench) -> None:
    leaf = certificate("127.0.0.1")
    bench.set(ca_chain=anchor())
    with pytest.raises(Refused, match="would listen unencrypted"):
        await bench.begin()
    await bench.set(private_key=key_of(leaf), tls_certificate=chain_of(leaf)).begin()
    await encrypted(bench)


async def secure_server(bench: Bench, nursery: trio.Nursery) -> WebSocketServer:
    """A server that our peer may trust; polled to the end of the nursery."""
    leaf = certificate("127.0.0.1")
    server = WebSocketServer()
    server.bind_ip, server.private_key, server.tls_certificate = (
        "127.0.0.1",
        key_of(leaf),
        chain_of(leaf),
    )
    server.listen(0, gd_mp_api=bench.mode == "gd_mp")

    async def poll() -> None:
        while True:
            server.poll()
            await trio.sleep(0.001)

    nursery.start_soon(poll)
    return server


async def connects(bench: Bench) -> bool:
    """Whether our client reaches a server with a certificate of an authority of our own."""
    client = bench.peer
    assert isinstance(client, WebSocketClient)
    with pytest.raises(MultiplayerError, match="is not encrypted") as caught:
        client.connect_to_url("ws://127.0.0.1:1")
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    async with trio.open_nursery() as nursery:
        server = await secure_server(bench, nursery)
        url = f"wss://127.0.0.1:{server.get_local_port()}"
        client.connect_to_url(url, gd_mp_api=bench.mode == "gd_mp")
        await until(lambda: (client.poll(), client.get_connection_status())[1] != 1)
        failure = client.failure
        client.close()
        server.stop()
        nursery.cancel_scope.cancel()
    assert failure is None or failure.stage == "tls"
    return failure is None


@shows("trusted_tls_certificate")
async def _(bench: Bench) -> None:
    assert await connects(bench.set(trusted_tls_certificate=anchor()))
    assert not await connects(bench.set(trusted_tls_certificate=anchor("another")))


@shows("verify_tls")
async def _(bench: Bench) -> None:
    assert await connects(bench.set(verify_tls=False))
