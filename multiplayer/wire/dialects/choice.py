"""The dialects, and the envelope that each of them needs."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from .godot3 import Godot3Wire
from .godot4 import Godot4Wire
from .godot4_beta import Godot4BetaWire
from .native import NativeWire

if TYPE_CHECKING:
    from .api_packets import ApiWire


class Dialect(Enum):
    """The language of ``SceneMultiplayer``'s packets; both sides must use the same one.

    The peer provides the envelope: gd_mp (``WebSocketClient``, ``WebSocketServer``) or Godot 4's
    (``WebSocketMultiplayerPeer().create_client`` and ``create_server``).
    """

    NATIVE = "native"
    """Ours, with msgpack values: Python to Python, on either envelope."""
    GODOT_3 = "godot-3"
    """Real Godot 3 games; gd_mp."""
    GODOT_4 = "godot-4"
    """Real Godot 4 games, of 4.3 and later; Godot 4's envelope."""
    GODOT_4_BETA = "godot-4-beta"
    """Godot 4.0 beta 1 and 2; gd_mp. Written from documents alone, not tested with an engine."""

    @property
    def envelopes(self) -> frozenset[bool]:
        """The peers that can carry it, by what their ``is_server_relay_supported`` returns."""
        if self is Dialect.NATIVE:
            return frozenset((False, True))
        return frozenset((self is Dialect.GODOT_4,))


_WIRES: Final[dict[Dialect, ApiWire]] = {
    Dialect.NATIVE: NativeWire(),
    Dialect.GODOT_3: Godot3Wire(),
    Dialect.GODOT_4: Godot4Wire(),
    Dialect.GODOT_4_BETA: Godot4BetaWire(),
}


_WITH_PATHS: Final = Godot4Wire(confirm_with_path=True)


def wire_of(dialect: Dialect, *, confirm_with_path: bool = False) -> ApiWire:
    """Return the object that writes and reads the packets of ``dialect``; it keeps no state.

    Args:
        dialect: the dialect.
        confirm_with_path: write ``GODOT_4`` for 4.0 to 4.2; it has no other effect.
    """
    if confirm_with_path and dialect is Dialect.GODOT_4:
        return _WITH_PATHS
    return _WIRES[dialect]
