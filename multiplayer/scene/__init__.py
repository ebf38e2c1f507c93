"""Godot's ``SceneMultiplayer``: remote procedure calls between the nodes of a session."""

from __future__ import annotations

from .mismatch import RpcMismatch
from .multiplayer_api import MultiplayerAPI
from .node import Node
from .questions import PendingCall
from .rejections import ApiStatistics, Reason
from .resolver import Resolver
from .rpc_config import RpcConfig, RPCMode
from .rpc_method import BoundRpc, RpcMethod, rpc
from .rset_property import RsetProperty, rset
from .scene_multiplayer import SceneMultiplayer

__all__ = [
    "ApiStatistics",
    "BoundRpc",
    "MultiplayerAPI",
    "Node",
    "PendingCall",
    "RPCMode",
    "Reason",
    "Resolver",
    "RpcConfig",
    "RpcMethod",
    "RpcMismatch",
    "RsetProperty",
    "SceneMultiplayer",
    "rpc",
    "rset",
]
