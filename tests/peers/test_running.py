"""``peers.run`` and what is around it."""

from __future__ import annotations

import selectors
import signal
from math import inf, nan
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

import peers
from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.sockets import endpoint_sockets as sockets_module
from peers.testing import connected_pair
from tests.driving import PATIENCE, Recorder, until
from tests.raw import CLOSE, Raw, RawServer, close_body

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.drivers import Way

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


@pytest.fixture(autouse=True, params=["epoll or kqueue", "select"])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here works with and without a selector that has a descriptor."""
    if request.param == "select":
        monkeypatch.setattr(sockets_module.selectors, "DefaultSelector", selectors.SelectSelector)


async def test_server_and_client_talk(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with way.serve(0) as server, way.connect(url_of(server)) as client:
            async with way.emissions(server.peer_packet) as packets:
                client.put_packet(b"put by another task than the one that runs the peer")
                async for (source,) in packets:
                    assert source == client.get_unique_id()
                    break
            server.set_target_peer(source)
            server.put_packet(server.get_packet())
            assert await way.fired(client.peer_packet) == (client.peer_packet, (1,))
            assert client.get_packet().startswith(b"put by")
        assert client.get_connection_status() == DISCONNECTED
        assert server.get_connection_status() == DISCONNECTED


def url_of(server: WebSocketServer) -> str:
    return f"ws://127.0.0.1:{server.get_local_port()}"


async def test_leaving_closes_with_1000_and_waits_for_the_answer(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with way.serve(0) as server:
            at_server = Recorder(server)
            async with way.connect(url_of(server)) as client:
                at_client = Recorder(client)
                peer = client.get_unique_id()
            assert at_client.log[-1] == ("connection_closed", True)
            await until(lambda: "client_disconnected" in at_server)
            assert ("client_close_request", peer, 1000, "") in at_server.log
            assert ("client_disconnected", peer, True) in at_server.log
            raw = await Raw.connect(server.get_local_port())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_close, raw, 1000)
                server.begin_leaving()
        assert at_server.log[-1][0::2] == ("client_disconnected", True)


async def answer_close(raw: Raw, code: int) -> None:
    body = await raw.receive_close()
    assert body == close_body(code)
    await raw.send_frame(body, CLOSE)
    await raw.receive_end()
    await raw.close()


async def test_a_failed_connection_raises_and_says_why(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        listener = await RawServer.listen()
        await listener.close()
        with pytest.raises(MultiplayerError, match=r"no connection to ws://.*: tcp: ") as refused:
            await entered(way.connect(listener.url))
        assert refused.value.code is Error.ERR_CANT_CONNECT
        with pytest.raises(MultiplayerError, match="not a URL"):
            await entered(way.connect(""))


@pytest.mark.parametrize("stage", ["timeout", "id"])
async def test_timeout_bounds_connecting(way: Way, stage: str, nursery: trio.Nursery) -> None:
    listener = await RawServer.listen()
    silent: list[Raw] = []

    async def upgrade_and_say_nothing() -> None:
        silent.append(await listener.upgraded())

    if stage == "id":
        nursery.start_soon(upgrade_and_say_nothing)
    client = WebSocketClient()
    with trio.fail_after(PATIENCE), pytest.raises(MultiplayerError, match=r"within 0\.05 s"):
        await entered(way.connect(listener.url, peer=client, timeout=0.05))
    assert client.failure is not None
    assert client.failure.stage == stage
    for raw in silent:
        await raw.close()
    await listener.close()


async def entered(manager: AbstractAsyncContextManager[object]) -> None:
    async with manager:
        pass


async def test_what_the_body_raises_comes_out_as_it_is(way: Way) -> None:
    server = WebSocketServer()

    async def fail() -> None:
        async with way.serve(0, peer=server), way.connect(url_of(server)):
            raise KeyError("mine")

    with trio.fail_after(PATIENCE), pytest.raises(KeyError, match="mine"):
        await fail()
    assert server.get_connection_status() == DISCONNECTED


async def test_it_comes_out_as_it_is_when_all_is_cancelled_too(way: Way) -> None:
    async def fail() -> None:
        with trio.CancelScope() as scope:
            async with way.serve(0) as server, way.connect(url_of(server)):
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled:
                    raise KeyError("mine") from None

    with trio.fail_after(PATIENCE), pytest.raises(KeyError, match="mine") as caught:
        await fail()
    assert isinstance(caught.value.__context__, way.cancelled)


async def test_run_is_a_checkpoint_even_with_nothing_to_run_for(way: Way) -> None:
    with trio.testing.assert_checkpoints():
        await way.run(WebSocketClient())
    with trio.testing.assert_checkpoints():
        await way.run()


async def test_what_a_listener_raises_ends_run_if_it_is_to(way: Way) -> None:
    server = WebSocketServer()

    async def talk() -> None:
        async with (
            way.serve(0, peer=server, on_error="raise"),
            way.connect(url_of(server)) as client,
        ):

            @server.peer_packet.connect
            def fail(source: int) -> None:
                raise ValueError("from a listener")

            client.put_packet(b"x")
            await trio.sleep_forever()

    with trio.fail_after(PATIENCE), pytest.raises(ValueError, match="from a listener"):
        await talk()
    assert server.get_connection_status() == DISCONNECTED


async def test_on_error_takes_what_listeners_raise(way: Way, nursery: trio.Nursery) -> None:
    errors: list[Exception] = []
    server = WebSocketServer()
    server.listen(0, gd_mp_api=True)
    nursery.start_soon(lambda: way.run(server, on_error=errors.append))
    with trio.fail_after(PATIENCE):
        async with way.connect(url_of(server)) as client:

            @server.peer_packet.connect
            def fail(source: int) -> None:
                raise ValueError(server.get_packet().decode())

            client.put_packet(b"one")
            client.put_packet(b"two")
            await until(lambda: len(errors) == 2)
    assert [str(error) for error in errors] == ["one", "two"]
    server.stop()


async def test_cancelled_it_says_1001_and_closes_at_once(way: Way) -> None:
    server = WebSocketServer()
    server.listen(0)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(way.run, server)
            raw = await Raw.connect(server.get_local_port())
            await until(lambda: server.statistics.failed_handshakes == 0 and peers_of(server))
            nursery.cancel_scope.cancel()
        assert server.get_connection_status() == DISCONNECTED
        assert await raw.receive_close() == close_body(1001)
        assert await raw.receive_end() == []
        await raw.close()


def peers_of(server: WebSocketServer) -> list[object]:
    return list(server._role.clients.members)


async def test_run_returns_when_the_peer_is_disconnected(way: Way, nursery: trio.Nursery) -> None:
    with trio.fail_after(PATIENCE):
        await way.run(WebSocketClient())
        async with way.serve(0) as server:
            client = WebSocketClient()
            at_client = Recorder(client)
            client.connect_to_url(url_of(server), gd_mp_api=True)
            server.peer_connected.connect(lambda peer: server.disconnect_peer(peer, 4001, "full"))
            await way.run(client)
            assert at_client.log[-2:] == [("server_disconnected",), ("connection_closed", True)]
            # close() from another task wakes and ends it.
            server.peer_connected.connect(lambda peer: None)
            client.connect_to_url(url_of(server))
            async with trio.open_nursery() as running:
                running.start_soon(way.run, client)
                await until(lambda: "connection_established" in at_client)
                client.close()
            assert client.get_connection_status() == DISCONNECTED


async def test_several_peers_run_at_once(way: Way) -> None:
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(url_of(server), gd_mp_api=True)
    client.connection_succeeded.connect(lambda: client.put_packet(b"hello"))

    @server.peer_packet.connect
    def stop(source: int) -> None:
        client.close()
        server.stop()

    with trio.fail_after(PATIENCE):
        await way.run(server, client)
    assert server.get_packet() == b"hello"


async def test_a_peer_is_run_once_at_a_time(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with way.serve(0) as server:
            await until(lambda: server.endpoint.awaited)
            with pytest.raises(MultiplayerError) as twice:
                await way.run(server)
            assert twice.value.code is Error.ERR_ALREADY_IN_USE
            assert server.is_listening()


async def test_arguments_that_make_no_sense_are_refused(way: Way) -> None:
    class Hollow:
        multiplayer_peer = None

        def poll(self) -> None: ...

    for call, words in (
        (lambda: way.run(WebSocketClient(), hz=0), "hz must be more than 0"),
        (lambda: way.run(WebSocketClient(), hz=nan), "hz must be more than 0"),
        (lambda: way.run(WebSocketClient(), hz=inf), "hz must be finite"),
        (lambda: way.run(WebSocketClient(), hz="60"), "hz must be a number"),  # pyright: ignore[reportArgumentType]
        (lambda: way.run(Hollow()), "set its multiplayer_peer first"),
        (way.fired, "needs a signal"),
    ):
        with pytest.raises(MultiplayerError, match=words) as refused:
            await call()
        assert refused.value.code is Error.ERR_INVALID_PARAMETER


async def test_what_polls_a_peer_can_be_run_too(way: Way) -> None:
    class Api:
        def __init__(self, peer: WebSocketClient) -> None:
            self.multiplayer_peer = peer
            self.polls = 0

        def poll(self) -> None:
            self.polls += 1
            self.multiplayer_peer.poll()

    with trio.fail_after(PATIENCE):
        async with way.serve(0) as server:
            client = WebSocketClient()
            client.connect_to_url(url_of(server), gd_mp_api=True)
            client.connection_succeeded.connect(client.disconnect_from_host)
            api = Api(client)
            await way.run(api)
            assert api.polls > 1
            assert client.get_connection_status() == DISCONNECTED


@pytest.mark.filterwarnings("ignore:a socket is waited for under a clock that jumps")
async def test_hz_polls_at_a_rate(autojump_clock: trio.testing.MockClock) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    polls: list[float] = []
    service = server.endpoint.service

    def count(now: float) -> None:
        polls.append(trio.current_time())
        service(now)
        autojump_clock.jump(0.03)  # the time that the work takes is part of the tick

    server.endpoint.service = count
    with trio.move_on_after(1.05):
        await peers.run(server, hz=10)
    assert [round(when - polls[0], 6) for when in polls] == [n / 10 for n in range(11)]
    assert not server.is_listening()


async def test_emissions_keeps_what_comes_before_it_is_taken(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with (
            connected_pair() as (server, client),
            way.emissions(server.peer_packet) as packets,
        ):
            for number in range(3):
                client.put_packet(bytes([number]))
            await until(lambda: server.get_available_packet_count() == 3)
            taken = [await anext(packets) for _ in range(3)]
            assert taken == [(client.get_unique_id(),)] * 3
        assert "0 listeners" in repr(server.peer_packet)


def test_ctrl_c_arrives_at_a_checkpoint_and_closes_everything() -> None:
    polled: list[str] = []
    server = WebSocketServer()

    async def main() -> None:
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
        client = WebSocketClient()
        client.connect_to_url(url_of(server), gd_mp_api=True)

        @server.peer_connected.connect
        def interrupt(peer: int) -> None:
            signal.raise_signal(signal.SIGINT)
            polled.append("the listener was not cut off")

        await peers.run(server, client)

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert polled == ["the listener was not cut off"]
    assert server.get_connection_status() == DISCONNECTED
    assert server.endpoint.idle
