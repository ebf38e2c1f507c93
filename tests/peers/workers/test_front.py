"""The front with workers that play no game: who gets which socket, and what follows a death."""

from __future__ import annotations

import os
import signal
import socket

import pytest
import trio

from multiplayer import Limits
from multiplayer.rooms.supervision import Supervision
from peers.workers.front import Front
from peers.workers.live_worker import CannotStart
from peers.workers.messages import Take
from tests.peers.workers.fronts import HEAD, PATIENCE, STUB, Guest, code_in, serving, until


async def test_a_connection_comes_to_its_room_with_all_that_it_has_sent() -> None:
    async with serving() as running:
        first = await running.ask("/duel/new?map=caves", "and more")
        answer = await first.line()
        code = code_in(answer)
        address, port, received, _ = answer["take"]
        assert (address, port) == first.stream.socket.getsockname()
        assert received == HEAD.format("/duel/new?map=caves") + "and more"
        second = await running.ask(f"/duel/{code}")
        other = await second.line()
        assert other["pid"] == answer["pid"]
        assert other["take"][2] == HEAD.format(f"/duel/{code}")
        for guest in (first, second):
            await guest.stream.send_all(b'"echo"\n')
            assert await guest.line() == "echo"


async def test_rooms_are_spread_and_any_finds_those_with_a_place() -> None:
    async with serving() as running:
        pids = [(await (await running.ask("/duel/new")).line())["pid"] for _ in range(4)]
        assert len(set(pids)) == 2
        answers = [await (await running.ask("/duel/any")).line() for _ in range(8)]
        # The four above are counted until their worker counts them itself.
        assert len({code_in(answer) for answer in answers}) == 6


async def test_who_comes_back_takes_no_other_place() -> None:
    key = "K" * 22
    async with serving() as running:
        code = code_in(await (await running.ask(f"/duel/any?seat_key={key}")).line())
        for path in (
            f"/duel/any?seat_key={key}",
            f"/duel/{code}?seat_key={key}",
            f"/?resume=1&seat={code}.token&received=0&next=1",
            "/duel/any",  # a room for two, and one is there
        ):
            assert code_in(await (await running.ask(path)).line()) == code
        assert code_in(await (await running.ask("/duel/any")).line()) != code


async def test_what_is_not_there_is_said_in_a_close_frame() -> None:
    async with serving(1) as running:
        for target in ("/duel/NONE", "/race/new", "/", "/a/b/c", "/CODE"):
            guest = await running.ask(target)
            words = await guest.until(b"\x0f\xa4")  # 4004
            assert words.startswith(b"HTTP/1.1 101 ")
            assert words.partition(b"\r\n\r\n")[2].startswith(b"\x88")


async def test_a_mistake_of_ours_costs_one_connection_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(1) as running:
        other = await running.ask("/duel/new")
        await other.line()
        with monkeypatch.context() as broken:
            broken.setattr(running.reception, "_route", lambda *_: 1 / 0)
            assert await (await running.ask("/duel/new")).rest() == b""
        await other.stream.send_all(b'"echo"\n')
        assert await other.line() == "echo"
        assert "take" in await (await running.ask("/duel/new")).line()


async def test_heads_that_stall_or_are_too_long_or_none() -> None:
    async with serving(1, handshake_timeout=0.3, limits=Limits(max_header_size=500)) as running:
        stalled = Guest(await running.dial())
        await stalled.stream.send_all(b"GET /duel/new HTTP/1.1\r\n")
        await stalled.until(b"HTTP/1.1 408 ")
        silent = Guest(await running.dial())
        assert await silent.rest() == b""
        long = Guest(await running.dial())
        await long.stream.send_all(b"GET /duel/new HTTP/1.1\r\nX: " + b"x" * 600)
        await long.until(b"HTTP/1.1 431 ")
        none = Guest(await running.dial())
        await none.stream.send_all(b"\r\n\r\nhello\r\n\r\n")
        await none.until(b"HTTP/1.1 400 ")
        gone = Guest(await running.dial())
        await gone.stream.send_all(b"GET /duel/new HT")
        await gone.stream.send_eof()
        assert await gone.rest() == b""
        slow = Guest(await running.dial())
        for part in ("\r\n", HEAD.format("/duel/new")[:30], HEAD.format("/duel/new")[30:]):
            await slow.stream.send_all(part.encode())
            await trio.sleep(0.01)
        assert (await slow.line())["take"][2].startswith("GET /duel/")


async def test_one_head_too_many_ends_the_oldest() -> None:
    async with serving(1, limits=Limits(max_pending_handshakes=2)) as running:
        guests = [Guest(await running.dial()) for _ in range(3)]
        await guests[0].until(b"HTTP/1.1 503 ")
        await guests[2].stream.send_all(HEAD.format("/duel/new").encode())
        assert (await guests[2].line())["pid"]


async def test_who_waits_for_a_room_and_is_turned_away_gives_way_too() -> None:
    limits = Limits(max_pending_handshakes=2)
    async with serving(1, limits=limits, hold=PATIENCE) as running:
        turned_away = await running.ask("/duel/NONE")
        await turned_away.until(b"\x0f\xa4")
        running.front.placement.lose(running.front.placement.workers[0], 0.0)
        waiting = [await running.ask("/duel/new") for _ in range(3)]
        first = await waiting[0].until(b"\x0f\xad")  # 4013
        assert first.startswith(b"HTTP/1.1 101 ")
        running.front.placement.serve(1)
        running.front._note_change()
        for guest in waiting[1:]:
            assert (await guest.line())["pid"]


async def test_who_has_come_stays_when_nobody_is_accepted_any_more() -> None:
    async with serving(1) as running:
        guest = await running.ask("/duel/new")
        await guest.line()
        port = running.reception.local_port
        running.reception.stop()
        assert running.reception.local_port == 0
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await trio.open_tcp_stream("127.0.0.1", port)
        await guest.stream.send_all(b'"still here"\n')
        assert await guest.line() == "still here"


async def test_the_rooms_of_a_worker_that_is_killed_open_elsewhere() -> None:
    async with serving() as running:
        guest = await running.ask("/duel/new")
        answer = await guest.line()
        code = code_in(answer)
        await until(lambda: running.front.placement.rooms[code].snapshot)
        os.kill(answer["pid"], signal.SIGKILL)
        assert await guest.rest() == b""
        again = await (await running.ask(f"/duel/{code}")).line()
        assert again["pid"] != answer["pid"]
        await until(lambda: running.front.moved)


async def test_a_worker_that_hangs_is_killed_and_its_rooms_open_elsewhere() -> None:
    supervision = Supervision(1, beat_patience=1.0)
    async with serving(1, supervision) as running:
        guest = await running.ask("/duel/new")
        answer = await guest.line()
        await until(lambda: running.front.placement.rooms[code_in(answer)].snapshot)
        await guest.stream.send_all(b"hang")
        assert await guest.rest() == b""
        again = await (await running.ask(f"/duel/{code_in(answer)}")).line()
        assert again["pid"] != answer["pid"]


async def test_a_listener_that_raises_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(what: str, room: object) -> None:
        raise ValueError("no listener of ours")

    async with serving(1) as running:
        running.front.listeners.insert(0, fail)
        guest = await running.ask("/duel/new")
        await guest.line()
        assert "no listener of ours" in caplog.text


async def test_a_worker_that_talks_nonsense_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(1) as running:
        guest = await running.ask("/duel/new")
        await guest.line()
        await guest.stream.send_all(b"nonsense")
        await guest.rest()
        assert "talks nonsense" in caplog.text


async def test_a_room_that_kills_who_restores_it_opens_fresh(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(1) as running:
        answer = await (await running.ask("/poison/new")).line()
        code = code_in(answer)
        await until(lambda: running.front.placement.rooms[code].snapshot)
        os.kill(answer["pid"], signal.SIGKILL)
        await until(lambda: f"room {code} opens fresh" in caplog.text)
        again = await (await running.ask(f"/poison/{code}")).line()
        assert again["pid"] != answer["pid"]


async def test_a_room_that_kills_who_opens_it_is_gone_and_the_others_stay() -> None:
    async with serving() as running:
        answer = await (await running.ask("/duel/new")).line()
        await until(lambda: running.front.placement.rooms[code_in(answer)].snapshot)
        for _ in range(3):
            guest = await running.ask("/dies/new")
            await guest.rest()
        again = await (await running.ask(f"/duel/{code_in(answer)}")).line()
        assert again["take"][2]


async def test_a_game_that_cannot_be_loaded_ends_the_front() -> None:
    front = Front([*STUB, "--cannot-start"], 1)
    with trio.fail_after(PATIENCE), pytest.raises(CannotStart, match="has ended with 3"):
        await front.run()


async def test_draining_ends_all_workers_and_then_the_front() -> None:
    front = Front(STUB, 1)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(front.run)
            while not front.serves:
                await front.change()
            front.drain(0.1)


async def test_whoever_tries_codes_keeps_nobody_of_its_address_from_coming_back() -> None:
    key = "K" * 22
    async with serving(1) as running:
        first = await (await running.ask(f"/duel/new?seat_key={key}")).line()
        code = code_in(first)
        assert code_in(await (await running.ask(f"/duel/{code.lower()}")).line()) == code.lower()
        for number in range(20):
            await (await running.ask(f"/duel/NO{number}")).until(b"there is no such room")
        await (await running.ask(f"/duel/{code}")).until(b"there is no such room")
        running.front.placement.rooms[code].reserve("a" * 32, trio.current_time(), PATIENCE)
        for path in (
            "/duel/new",
            "/duel/any",
            f"/?resume=1&seat={code}.token&received=0&next=1",
            f"/duel/any?seat_key={key}",
            f"/duel/{code}?seat_key={key}",
            f"/duel/{code}?reservation={'a' * 32}",
        ):
            guest = await running.ask(path)
            await guest.until(b"\n")
            assert guest.buffer.startswith(b"{"), (path, guest.buffer)
        again = await running.ask(f"/duel/{code}?reservation={'a' * 32}")
        await again.until(b"there is no such room")
        count = len(running.front.placement.rooms)
        forged = await running.ask("/duel/new?resume=1&seat=forged&received=0&next=1")
        await forged.until(b"your seat is gone")
        assert len(running.front.placement.rooms) == count


async def test_a_worker_that_dies_last_of_all_ends_nothing_else() -> None:
    async with serving(1) as running:
        ended = trio.Event()

        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                await running.reception.run()
                ended.set()

            running.reception.stop()
            nursery.start_soon(wait)
            await ended.wait()
        ours, theirs = socket.socketpair()
        running.front.left_over(Take("192.0.2.1", 1, HEAD.format("/duel/new").encode()), theirs)
        assert theirs.fileno() == -1
        ours.close()
