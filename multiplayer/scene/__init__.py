"""Godot's ``SceneMultiplayer``: remote procedure calls between the nodes of a session."""

from __future__ import annotations

from .doctor.mismatch import RpcMismatch
from .methods.config import RpcConfig, RPCMode
from .methods.method import BoundRpc, RpcMethod, rpc
from .methods.rset_property import RsetProperty, rset
from .multiplayer_api import MultiplayerAPI
from .pending_calls import PendingCall
from .rejections import ApiStatistics, Reason, RejectReason
from .replication.config import ReplicationMode, SceneReplicationConfig
from .replication.spawner import MultiplayerSpawner
from .replication.synchronizer import MultiplayerSynchronizer, VisibilityUpdateMode
from .scene_multiplayer import SceneMultiplayer
from .tree.node import Node
from .tree.resolvers import Resolver

__all__ = [
    "ApiStatistics",
    "BoundRpc",
    "MultiplayerAPI",
    "MultiplayerSpawner",
    "MultiplayerSynchronizer",
    "Node",
    "PendingCall",
    "RPCMode",
    "Reason",
    "RejectReason",
    "ReplicationMode",
    "Resolver",
    "RpcConfig",
    "RpcMethod",
    "RpcMismatch",
    "RsetProperty",
    "SceneMultiplayer",
    "SceneReplicationConfig",
    "VisibilityUpdateMode",
    "rpc",
    "rset",
]
