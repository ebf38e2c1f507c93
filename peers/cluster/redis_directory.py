"""``RedisDirectory``: a directory in Redis or Valkey, by coredis on trio (extra ``redis``).

Each request is one short script, sent once: what has timed out may have been done, and is not
tried again here. No blocking command, no stream, no subscription: those lose connections of the
pool for good when they are cancelled.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Self, cast

import trio

from multiplayer.errors import Error, MultiplayerError
from multiplayer.rooms.directory_entries import MOST_METADATA, MOST_PER_PAGE
from multiplayer.rooms.snapshot import MOST_BYTES

from . import redis_answers as answers
from . import redis_scripts as scripts
from .directory import DirectoryError
from .groups import open_group

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from coredis import Redis

    from multiplayer.rooms.directory_entries import (
        Found,
        NodeEntry,
        Orphan,
        Page,
        RoomState,
        Taken,
    )

_log = logging.getLogger(__name__)

_TIMEOUT: Final = 1.0
"""How long one request may wait for its answer, in seconds."""

_WHOLE: Final = 2.0
"""How long it may take in all, with connecting and waiting for a connection, in seconds."""

_PAUSE: Final = 0.25
"""How long to wait before a client that has broken is made anew, in seconds."""

_MOST_ORPHANS: Final = 32
_CONNECTIONS: Final = 16


_LAST_RESORT: Final = 10.0
"""After so many seconds a request is cancelled that outlives all timeouts."""

_MOST_AT_ONCE: Final = 1000
"""How many requests may be waiting."""


_DIGESTS: Final = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in scripts.ALL
}
"""By which a Redis knows a script that it has run before."""


class _Reply:
    """What a request waits for."""

    def __init__(self) -> None:
        self.there = trio.Event()
        self.answer: object = None
        self.error: Exception | None = None


class RedisDirectory:
    """See :class:`~peers.cluster.directory.Directory`; made by :meth:`opened`."""

    def __init__(self, url: str, prefix: str, most_snapshot: int) -> None:
        self._url = url
        self._key = f"{{{prefix}}}"
        self._most_snapshot = most_snapshot
        self._client: Redis[bytes] | None = None
        self._nursery: trio.Nursery | None = None
        self._asking = 0

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, url: str, *, prefix: str = "gdpeers", most_snapshot: int = MOST_BYTES
    ) -> AsyncGenerator[Self]:
        """Use a Redis, for a block: ``async with RedisDirectory.opened(url) as directory``.

        The block begins whether or not it can be reached, and goes on when it cannot be any more:
        then requests raise.

        Args:
            url: ``redis://[[user]:password@]host[:port][/db]``, ``rediss://`` for TLS.
            prefix: what all keys begin with; another one for each game that shares the Redis.
            most_snapshot: how many bytes a snapshot may have.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: coredis is not installed;
                ``ERR_INVALID_PARAMETER``: this is not such a URL or prefix.
        """
        if not url.startswith(("redis://", "rediss://")):
            message = "the URL of a Redis begins with redis:// or rediss://"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if not prefix or "{" in prefix or "}" in prefix:
            message = f"the prefix {prefix!r} is to be a name without braces"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if find_spec("coredis") is None:
            message = "a directory in Redis takes coredis: pip install 'coredis>=6,<7'"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        directory = cls(url, prefix, most_snapshot)
        async with open_group() as nursery:
            await nursery.start(directory._keep_client)
            directory._nursery = nursery
            try:
                yield directory
            finally:
                directory._nursery = None
                nursery.cancel_scope.cancel()

    async def _keep_client(self, task_status: trio.TaskStatus[None]) -> None:
        """Have a client, and another one when it breaks: what it does not expect may end it."""
        from coredis import Redis  # noqa: PLC0415
        from coredis.retry import NoRetryPolicy  # noqa: PLC0415

        begun = False
        while True:
            try:
                client: Redis[bytes] = Redis.from_url(
                    self._url,
                    stream_timeout=_TIMEOUT,
                    connect_timeout=_TIMEOUT,
                    pool_timeout=_WHOLE,
                    max_connections=_CONNECTIONS,
                    retry_policy=NoRetryPolicy(),
                )
                async with client:
                    self._client = client
                    if not begun:
                        begun = True
                        task_status.started()
                    await trio.sleep_forever()
            except Exception as error:
                _log.warning("the connections to Redis broke: %s", _in_words(error))
            finally:
                self._client = None
            if not begun:
                begun = True
                task_status.started()
            await trio.sleep(_PAUSE)

    async def _ask(self, script: str, *args: str | bytes | int) -> object:
        nursery = self._nursery
        if nursery is None or self._client is None:
            message = "there is no connection to Redis at the moment"
            raise DirectoryError(message)
        if self._asking >= _MOST_AT_ONCE:
            message = f"{self._asking} requests are waiting for Redis already"
            raise DirectoryError(message)
        reply = _Reply()
        nursery.start_soon(self._request, reply, self._client, script, args)
        with trio.move_on_after(_WHOLE):
            await reply.there.wait()
        if reply.error is not None:
            message = f"Redis: {_in_words(reply.error)}"
            raise DirectoryError(message) from reply.error
        if not reply.there.is_set():
            message = f"Redis has not answered for {_WHOLE} seconds"
            raise DirectoryError(message)
        return reply.answer

    async def _request(
        self, reply: _Reply, client: Redis[bytes], script: str, args: tuple[str | bytes | int, ...]
    ) -> None:
        """Carry a request out, in a task of its own: cancelling one may spoil its connection."""
        self._asking += 1
        try:
            with trio.fail_after(_LAST_RESORT):
                reply.answer = await self._run_script(client, script, args)
        except Exception as error:
            reply.error = error
        finally:
            self._asking -= 1
            reply.there.set()

    async def _run_script(
        self, client: Redis[bytes], script: str, args: tuple[str | bytes | int, ...]
    ) -> object:
        from coredis.exceptions import NoScriptError  # noqa: PLC0415

        digest = _DIGESTS[script]
        try:
            return await client.evalsha(digest, [self._key], args)
        except NoScriptError:  # it has been restarted: not even a part of it was carried out
            return await client.eval(script, [self._key], args)

    async def secret(self, offered: bytes) -> bytes:
        """Return the secret that all nodes share: the first that was offered."""
        return answers.secret(await self._ask(scripts.SHARE, offered))

    async def beat(self, node: NodeEntry, duration: float) -> bool:
        """Believe in a node for ``duration`` seconds more; return whether it was believed in."""
        text = answers.node_text(node)
        return answers.flag(
            await self._ask(scripts.BEAT, node.incarnation, text, round(duration * 1000))
        )

    async def leave(self, incarnation: str) -> None:
        """Believe no more in a node."""
        answers.flag(await self._ask(scripts.LEAVE, incarnation))

    async def claim(self, code: str, kind: str, incarnation: str, state: RoomState) -> int:
        """Claim the code of a room; return the epoch, or 0."""
        fields = _state_fields(state)
        return answers.number(await self._ask(scripts.CLAIM, code, kind, incarnation, *fields))

    async def take(self, code: str, incarnation: str) -> Taken | None:
        """Take over a room whose owner is dead or has given it away."""
        answer = await self._ask(scripts.TAKE, code, incarnation)
        return answers.taken(answer, self._most_snapshot)

    async def find(self, code: str) -> Found | None:
        """Return where a room is; None if there is none."""
        return answers.found(await self._ask(scripts.FIND, code))

    async def change(self, code: str, epoch: int, state: RoomState) -> bool:
        """Note how full a room is; return whether that epoch still owns it."""
        fields = _state_fields(state)
        return answers.flag(await self._ask(scripts.CHANGE, code, epoch, *fields))

    async def save(self, code: str, epoch: int, snapshot: bytes) -> bool:
        """Keep a snapshot; return whether that epoch still owns the room."""
        return answers.flag(await self._ask(scripts.SAVE, code, epoch, snapshot))

    async def release(self, code: str, epoch: int) -> bool:
        """Give a room away; return whether that epoch owned it."""
        return answers.flag(await self._ask(scripts.RELEASE, code, epoch))

    async def drop(self, code: str, epoch: int) -> bool:
        """Forget a room that has closed; return whether that epoch owned it."""
        return answers.flag(await self._ask(scripts.DROP, code, epoch))

    async def orphans(self) -> list[Orphan]:
        """Return some of the rooms whose owner is dead or has given them away."""
        return answers.orphans(await self._ask(scripts.ORPHANS, _MOST_ORPHANS))

    async def page(self, kind: str, cursor: str = "", limit: int = MOST_PER_PAGE) -> Page:
        """Return public rooms of a kind, by code."""
        most = max(1, min(limit, MOST_PER_PAGE))
        return answers.page(await self._ask(scripts.PAGE, kind, cursor, most))

    async def reserve(self, code: str, reservation: str, seconds: float) -> bool:
        """Hold a place in a room for a while; return whether there was one."""
        ms = round(seconds * 1000)
        return answers.flag(await self._ask(scripts.RESERVE, code, reservation, ms))

    async def fulfil(self, code: str, reservation: str) -> bool:
        """Use a reservation, once; return whether it was still good."""
        return answers.flag(await self._ask(scripts.FULFIL, code, reservation))


def _state_fields(state: RoomState) -> tuple[str | int, ...]:
    # A room whose metadata are too long is listed without them.
    metadata = state.metadata if len(state.metadata) <= MOST_METADATA else "{}"
    flags = int(state.private), int(state.locked)
    return (state.players, state.capacity, *flags, metadata, state.base)


def _in_words(error: Exception) -> str:
    """Return what went wrong, without what may be a password in it."""
    if isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        return ", ".join(_in_words(each) for each in group.exceptions)
    return type(error).__name__
