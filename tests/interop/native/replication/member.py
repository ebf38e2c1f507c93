"""What scenarios can ask of a member, whatever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.interop.native.replication.scenes import Part, Plan

PATIENCE = 10.0
"""How long anything may take, in seconds."""

Things = dict[str, dict[str, Any]]
Said = tuple[Any, ...]


class Member(ABC):
    """A server or client with a world. Paths are relative to the world: ``Things/P1/Sync``."""

    id = 1

    def __init__(self) -> None:
        self._log: list[Said] = []

    @abstractmethod
    async def act(self, what: str, *args: Any) -> Any:
        """Do what the function of that name in ``project4/world.gd`` does."""

    @abstractmethod
    async def turns(self, count: int = 3) -> None:
        """Let it poll so many times."""

    @abstractmethod
    async def serve(self) -> str:
        """Become the server; the URL where clients join."""

    @abstractmethod
    async def begin_to_join(self, url: str) -> None:
        """Begin to become a client."""

    @abstractmethod
    async def joined(self) -> None:
        """Wait until it is one."""

    @abstractmethod
    async def leave(self) -> None:
        """Close the peer."""

    @abstractmethod
    async def peers(self) -> list[int]:
        """Those in the session."""

    @abstractmethod
    async def switch_relay_off(self) -> None:
        """``server_relay = false``."""

    @abstractmethod
    async def complained(self, text: str) -> None:
        """Wait until it has complained of something with this text; all so far is forgotten."""

    @abstractmethod
    def forget_complaints(self) -> None:
        """Forget what it has complained of so far."""

    @abstractmethod
    def complaints(self) -> list[str]:
        """What it has complained of, but for what :meth:`complained` has waited for."""

    # ---------------------------------------------------------------- building

    async def set_up(self, plan: Plan) -> None:
        """Build the world."""
        for name, part in plan.scenes.items():
            await self.act("define", name, part.as_variant())
        for part in plan.parts:
            await self.build(part)

    async def build(self, part: Part, under: str = ".") -> None:
        """Add a part, whose scenes are defined."""
        await self.act("build", part.as_variant(), under)

    # ---------------------------------------------------------------- spawning

    async def spawn(
        self, name: str, scene: str = "thing", under: str = "Things", **values: Any
    ) -> str:
        """Make a node of a scene, set values and add it; the name that it has got."""
        return await self.act("spawn_scene", scene, under, name, values)

    async def spawn_of(self, data: Any, spawner: str = "Spawner") -> str:
        """``spawner.spawn(data)``; the node's name, "" if there is none."""
        return await self.act("spawn_custom", spawner, data)

    async def free(self, path: str) -> None:
        """Take a node out of the tree for good."""
        await self.act("free_node", path)

    # ---------------------------------------------------------------- looking

    async def things(self) -> Things:
        """All things in its world with their values, by path."""
        return await self.act("things")

    async def seen(self, expected: Mapping[str, Mapping[str, Any]]) -> None:
        """Wait until exactly these things are there, with these values among others."""

        def chosen(found: Things) -> Things:
            return {
                path: {key: values[key] for key in expected.get(path, ())}
                for path, values in found.items()
            }

        await self._until(lambda found: chosen(found) == expected, expected, "things")

    async def seen_too(self, path: str) -> None:
        """Wait until this thing is there."""
        await self._until(lambda found: path in found, path, "things")

    async def reads(self, path: str, name: str, value: Any) -> None:
        """Wait until a property has a value, of that type."""
        await self._until(
            lambda found: type(found) is type(value) and found == value, value, "read", path, name
        )

    async def has(self, path: str) -> None:
        """Wait until there is such a node."""
        await self._until(bool, True, "has", path)

    async def times(self, path: str, count: int) -> None:
        """Wait until a synchronizer has told so often that it has been synchronized."""
        await self._until(lambda found: found >= count, count, "times", path)

    async def _until(
        self, condition: Callable[[Any], bool], expected: object, what: str, *args: Any
    ) -> None:
        found: Any = None
        with trio.move_on_after(PATIENCE):
            while not condition(found := await self.act(what, *args)):
                await self.turns(1)
            return
        raise AssertionError(
            "\n".join(
                [
                    f"member {self.id}, {what}{args}: within {PATIENCE} s it never was",
                    f"  {expected!r}, but",
                    f"  {found!r}",
                    *self.complaints()[-6:],
                ]
            )
        )

    # ---------------------------------------------------------------- the log

    async def hears(self, *expected: Said) -> None:
        """Wait for entries of the log, in this order; others of other kinds may be between them.

        Everything up to the last of them is forgotten then.
        """
        kinds = {said[0] for said in expected}
        with trio.move_on_after(PATIENCE):
            while True:
                self._log += map(tuple, await self.act("take_log"))
                found = [said for said in self._log if said[0] in kinds]
                if len(found) >= len(expected):
                    break
                await self.turns(1)
        found = [said for said in self._log if said[0] in kinds]
        assert found == [*expected], f"member {self.id}; {self._log}; {self.complaints()}"
        self._log.clear()

    async def heard(self, *kinds: str) -> list[Said]:
        """What the log has of these kinds now; all of it is forgotten then."""
        self._log += map(tuple, await self.act("take_log"))
        found = [said for said in self._log if said[0] in kinds]
        self._log.clear()
        return found

    # ---------------------------------------------------------------- changing

    async def put(self, path: str, **values: Any) -> None:
        """Set properties of a node."""
        for name, value in values.items():
            await self.act("put", path, name, value)

    async def show(self, path: str, peer: int, *, visible: bool = True) -> None:
        """``set_visibility_for`` of a synchronizer."""
        await self.act("set_visible", path, peer, visible)

    async def admit(self, path: str, peers: Sequence[int], *, new: bool = False) -> None:
        """Let a filter of a synchronizer say yes to these; ``new`` adds it."""
        await self.act("add_filter" if new else "let_through", path, [*peers])
