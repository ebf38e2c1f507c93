"""What tests can do with a member of a session, whatever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.interop.godot4.bridge import Bridge
    from tests.interop.godot4.gdscript import Value

Said = tuple[object, ...]
Call = tuple[str, list[Any], int]


class Member(ABC):
    """A server or client of a session. Arguments and results are what JSON can hold."""

    id = 1

    @abstractmethod
    async def call(self, method: str, target: int, *arguments: Value, node: str = "Game") -> None:
        """Call a method of ``Main/<node>``: at ``n``, at all (0), at all but n (-n)."""

    @abstractmethod
    async def calls(self, count: int = 0, *, node: str = "Game") -> list[Call]:
        """All calls of ``Main/<node>`` since the last time, when at least ``count`` have come."""

    @abstractmethod
    async def add_node(self, name: str) -> None:
        """Add ``Main/<name>``, with the methods of ``Main/Game``."""

    @abstractmethod
    async def remove_node(self, name: str) -> None:
        """Take ``Main/<name>`` away."""

    @abstractmethod
    async def signals(self, count: int = 0) -> list[Said]:
        """All signals since the last time, when at least ``count`` have come."""

    @abstractmethod
    async def rejected(self, text: str) -> None:
        """Wait until it has dropped something and said why, with this text.

        All that has been dropped so far is forgotten then.
        """

    @abstractmethod
    async def send_bytes(self, data: bytes, target: int) -> None:
        """Send raw bytes."""

    @abstractmethod
    async def set_auth(
        self,
        greeting: bytes | None = None,
        expects: bytes | None = None,
        *,
        at_once: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Ask for authentication, see ``Godot4.set_auth``."""

    @abstractmethod
    async def send_auth(self, peer: int, data: bytes) -> None:
        """Send credentials."""

    @abstractmethod
    async def complete_auth(self, peer: int) -> None:
        """Say that a peer's credentials suffice."""

    @abstractmethod
    async def switch_relay_off(self) -> None:
        """``server_relay = false``."""

    @abstractmethod
    async def set_authority(self, peer: int) -> None:
        """Say who decides about ``Main/Game``."""

    @abstractmethod
    async def peers(self) -> list[int]:
        """The others, sorted."""

    @abstractmethod
    async def kick(self, peer: int) -> None:
        """``SceneMultiplayer.disconnect_peer``."""

    @abstractmethod
    async def serve(self, bridge: Bridge) -> str:
        """Become the server; the URL where clients join."""

    @abstractmethod
    async def begin_to_join(self, url: str) -> None:
        """Begin to become a client."""

    @abstractmethod
    async def join(self, url: str) -> None:
        """Become a client."""

    @abstractmethod
    async def leave(self) -> None:
        """Close the peer."""

    @abstractmethod
    def check_nothing_rejected(self) -> None:
        """Fail if something was dropped that :meth:`rejected` has not asked for."""
