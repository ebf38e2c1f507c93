"""Godot's ``SceneMultiplayer``: remote procedure calls between the nodes of a session."""

from __future__ import annotations

from .doctor.mismatch import RpcMismatch
from .groups import PeerGroup
from .methods.config import RpcConfig, RPCMode
from .methods.method import BoundRpc, RpcMethod, rpc
from .methods.replicated_property import Replicated, replicated
from .methods.rset_property import RsetProperty, rset
from .multiplayer_api import MultiplayerAPI
from .pending_calls import PendingCall
from .rejections import ApiStatistics, Reason, RejectReason
from .replication.config import ReplicationMode, SceneReplicationConfig
from .replication.declared import synchronizer_of
from .replication.interest import Interest
from .replication.interest_distance import DistanceInterest
from .replication.interest_grid import GridInterest
from .replication.interest_groups import RoomInterest, TeamInterest
from .replication.interest_space import SpaceInterest
from .replication.spawner import MultiplayerSpawner
from .replication.synchronizer import MultiplayerSynchronizer, VisibilityUpdateMode
from .scene_multiplayer import SceneMultiplayer
from .tree.node import Node
from .tree.resolvers import Resolver

__all__ = [
    "ApiStatistics",
    "BoundRpc",
    "DistanceInterest",
    "GridInterest",
    "Interest",
    "MultiplayerAPI",
    "MultiplayerSpawner",
    "MultiplayerSynchronizer",
    "Node",
    "PeerGroup",
    "PendingCall",
    "RPCMode",
    "Reason",
    "RejectReason",
    "Replicated",
    "ReplicationMode",
    "Resolver",
    "RoomInterest",
    "RpcConfig",
    "RpcMethod",
    "RpcMismatch",
    "RsetProperty",
    "SceneMultiplayer",
    "SceneReplicationConfig",
    "SpaceInterest",
    "TeamInterest",
    "VisibilityUpdateMode",
    "replicated",
    "rpc",
    "rset",
    "synchronizer_of",
]
