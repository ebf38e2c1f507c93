"""``ApiState``: what an API keeps while sessions come and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiplayer.handlers import Handlers
    from multiplayer.wire.dialects.api_packets import ApiWire

    from .multiplayer_api import MultiplayerAPI
    from .rejections import ApiStatistics, Rejections
    from .settings import Settings
    from .tree.objects import SceneObjects


@dataclass(frozen=True)
class ApiState:
    """What every subsystem of every session of one API works with.

    Attributes:
        api: the API, for its signals.
        settings: what the program has chosen.
        wire: how packets are written and read.
        objects: what peers can address.
        handlers: calls the program's own code.
        rejections: takes what arrived and is dropped.
        statistics: the counts.
    """

    api: MultiplayerAPI
    settings: Settings
    wire: ApiWire
    objects: SceneObjects
    handlers: Handlers
    rejections: Rejections
    statistics: ApiStatistics
