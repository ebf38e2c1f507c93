"""The guests of a soak of a server with ``SceneMultiplayer``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import MultiplayerError
from multiplayer.wire.dialects.native import NativeWire
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import connect, reply
from tests.hostile.api_attacks import LOGIN, own_id
from tests.hostile.game import PATH, make_client
from tests.hostile.guests import half_open, staller, vandal
from tests.raw import Raw, frame

if TYPE_CHECKING:
    from random import Random

    from multiplayer import SceneMultiplayer
    from tests.hostile.game import Game
    from tests.hostile.guests import Guests, Tally

_MASK: Final = b"abcd"
_LIE: Final = -1
_LARGEST_LIE: Final = 255
"""A changed bit can make this of it; ids of peers are larger, nearly always."""

_wire: Final = NativeWire()


async def caller(port: int, random: Random, tally: Tally) -> None:
    """Logs in, calls everybody and single peers, asks the server, and leaves properly or not."""
    api, game = make_client()

    def hear(sender: int, claimed: int) -> None:
        tally.packets += 1
        if claimed != sender and claimed > _LARGEST_LIE:
            tally.wrong.append(f"{sender} says that it is {claimed}")

    game.on_said = hear
    with suppress(MultiplayerError):  # thrown out, for being slow
        async with connect(f"ws://127.0.0.1:{port}", api=api, timeout=10) as client:
            with trio.move_on_after(random.uniform(2, 20)):
                while client.get_connection_status() == client.CONNECTION_CONNECTED:
                    await _call_somebody(api, game, random, tally)
                    await trio.sleep(random.uniform(0.05, 1))
            if random.random() < 0.3:
                client.close()


async def _call_somebody(api: SceneMultiplayer, game: Game, random: Random, tally: Tally) -> None:
    own = api.get_unique_id()
    if random.random() < 0.3:
        try:
            answer = await reply(game.say.call_id(1, own), timeout=10)
        except TimeoutError:
            tally.wrong.append(f"{own} has no answer from the server")
        else:
            if answer != own:
                tally.wrong.append(f"{own} asked and was answered {answer}")
    else:
        game.say.rpc_id(random.choice([0, 1, *api.get_peers()[-5:]]), own)


async def impostor(port: int, random: Random, tally: Tally) -> None:
    """Logs in, or does not, and sends packets of the API in any order, whole and changed."""
    del tally
    raw = await Raw.connect(port)
    async with raw.stream:
        own = await own_id(raw)
        packets = [] if random.random() < 0.2 else [*LOGIN]
        for _ in range(random.randrange(1, 40)):
            packets.append(_something(random))
            targets = [1] * 3 + [0, -1]
            messages = [gd_mp.packet(own, random.choice(targets), each) for each in packets]
            await raw.send(b"".join(frame(message, mask=_MASK) for message in messages))
            packets.clear()
            await trio.sleep(random.uniform(0, 0.1))
        if random.random() < 0.5:
            await raw.reset()


def _something(random: Random) -> bytes:
    number = random.randrange(1, 5)
    method = random.choice(["say", "slow", "limited", "no_such", "arrive"])
    call = random.choice(
        [
            _wire.call(method, 0, [_LIE][: random.randrange(2)]),
            _wire.request(number, method, 0, [_LIE]),
        ]
    )
    packet = random.choice(
        [
            call.by_number(number, shortest=True),
            _wire.announce(number, PATH, [method]),
            _wire.announce(random.randrange(9), "Nowhere", ["x"] * random.randrange(5)),
            _wire.response(number, None),
            _wire.raw(b"x"),
            _wire.add_peer(number),
            random.randbytes(random.randrange(1, 50)),
        ]
    )
    changed = bytearray(packet)
    if random.random() < 0.3:
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


API_GUESTS: Final[Guests] = ((caller, 12), (staller, 2), (half_open, 2), (vandal, 2), (impostor, 4))
