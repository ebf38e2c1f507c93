#!/bin/sh
# coredis 6.9.0 on trio: a command that has timed out is sent again, although it may have been done.
#
# A client with stream_timeout=0.3 asks a server that answers nobody for 1.2 seconds (CLIENT PAUSE, as an operator's
# failover uses it) to add one to a counter.
# Guess: one INCR is sent, the call raises TimeoutError after 0.3 s, and the counter says 1 afterwards.
# Seen: "by default: TimeoutError after 0.9 s, counted 3". The call was made three times, and all three have counted once
# the server went on; nothing in the call says so. "NoRetryPolicy: TimeoutError after 0.3 s, counted 1".
# Expected: a client does not repeat by itself what may not be repeated; INCR is not idempotent.
#
# Versions: coredis 6.9.0, trio 0.35.0 (PyPI), Python 3.11 or later with venv, and a redis-server (7.0.15 was used) on
# the PATH. It takes some seconds in a temporary folder, which it removes, and a server on a free port of 127.0.0.1.
# Exit status: 0 as described, 1 something differs.
set -eu
work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check coredis==6.9.0 trio==0.35.0
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$work" >/dev/null &
server=$!

cat >"$work/show.py" <<'END'
import sys
import time

import coredis
import trio
from coredis.retry import NoRetryPolicy

PORT = int(sys.argv[1])


async def count(name, **settings):
    began = time.monotonic()
    async with (
        coredis.Redis(host="127.0.0.1", port=PORT, decode_responses=True) as calm,
        coredis.Redis(host="127.0.0.1", port=PORT, stream_timeout=0.3, **settings) as hasty,
    ):
        await calm.delete([name])
        await hasty.ping()  # connected before the pause
        await calm.client_pause(1200)
        began = time.monotonic()
        try:
            await hasty.incr(name)
            ended = "returned"
        except Exception as error:
            ended = type(error).__name__
        waited = time.monotonic() - began
        await trio.sleep(2.5)
        return ended, waited, int(await calm.get(name) or 0)


async def main():
    for _ in range(100):
        try:
            async with coredis.Redis(host="127.0.0.1", port=PORT) as redis:
                await redis.ping()
            break
        except Exception:
            await trio.sleep(0.05)
    ended, waited, counted = await count("default")
    print(f"by default: {ended} after {waited:.1f} s, counted {counted}")
    once = await count("once", retry_policy=NoRetryPolicy())
    print(f"NoRetryPolicy: {once[0]} after {once[1]:.1f} s, counted {once[2]}")
    sys.exit(not (counted > 1 and once[2] == 1))


trio.run(main)
END
"$work/venv/bin/python" -W ignore "$work/show.py" "$port"
