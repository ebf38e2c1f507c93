"""Calls from other peers.

Mirrors the receiving half of Godot's ``SceneRPCInterface`` (WIRE3 3.3, WIRE4 B.5). It checks, in
this order: the node, the method, the permission, and only then the arguments.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import DecodeError, MultiplayerError
from multiplayer.scene.methods.argument_types import checks_of, property_check
from multiplayer.scene.methods.config import RPCMode
from multiplayer.scene.methods.type_checks import WrongTypeError
from multiplayer.scene.rejections import RejectReason
from multiplayer.scene.subsystem import Subsystem
from multiplayer.scene.tree.paths import is_proper
from multiplayer.wire.dialects.api_packets import Assign, Call

from .runner import MOST_RUNNING

if TYPE_CHECKING:
    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import Heard, PathCache
    from multiplayer.scene.methods.config import RpcConfig
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.subsystem import MemberPackets
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place

    from .call_limits import CallLimits
    from .runner import Runner
    from .straight_calls import StraightCalls


_MOST_CALLEES: Final = 4096
_FOR_THE_SERVER: Final = frozenset(
    (
        RejectReason.UNKNOWN_NODE,
        RejectReason.UNKNOWN_METHOD,
        RejectReason.NOT_ALLOWED,
        RejectReason.NO_BODY,
    )
)
"""What is dropped where a client's ``rpc()`` reaches clients too, and the server was meant."""


class Ready:
    """A call that may run.

    Not a named tuple: a method, which is a descriptor, would be bound when it is read.
    """

    def __init__(self, place: Place, method: RpcMethod[..., Any], arguments: list[object]) -> None:
        self.place = place
        self.method = method
        self.arguments = arguments


class _Callee:
    """What was found out for a call, to be used again while nothing changes.

    Attributes:
        version: of what it depends on: what the sender has announced, which node is where.
        place: the node.
        method: the method.
    """

    __slots__ = ("method", "place", "version")

    def __init__(self, version: int, place: Place, method: RpcMethod[..., Any]) -> None:
        self.version = version
        self.place = place
        self.method = method


class Rejected(NamedTuple):
    """Why a call must not be run."""

    reason: RejectReason
    detail: str


class IncomingCalls(Subsystem):
    """Carries out the calls of one session.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        limits: how often each peer may call each method.
        paths: which id stands for which path.
        runner: runs methods.
        straight: learns what it may do without asking here.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        limits: CallLimits,
        paths: PathCache,
        runner: Runner,
        straight: StraightCalls,
    ) -> None:
        self._transport = transport
        self._paths = paths
        self._runner = runner
        self._places = state.objects.places
        self._settings = state.settings
        self._handlers = state.handlers
        self._rejections = state.rejections
        self._statistics = state.statistics
        self._straight = straight
        self._call_limits = limits
        self._callees: dict[tuple[int, int | str, int | str], _Callee] = {}
        self._by_receiver = transport.wire.methods_by == "receiver"
        self._read_arguments = transport.wire.read_arguments

    def member_packets(self) -> MemberPackets:
        """Return calls, and the packets that set properties."""
        return {Call: self._call, Assign: self._assign}

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Forget how often a peer that has left called."""
        if not present:
            self._call_limits.forget(peer)
            self.forget_callees()

    def reset(self) -> None:
        """Forget the session, which is over."""
        self._call_limits.clear()
        self.forget_callees()

    def forget_callees(self) -> None:
        """Forget all routes: something has moved, so they are wrong, and hold what is gone."""
        self._callees.clear()
        self._straight.forget()

    # ---------------------------------------------------------------- calls

    def _call(self, sender: int, call: Call) -> None:
        """Handle a peer's call of a method."""
        ready = self.prepare(sender, call)
        if isinstance(ready, Rejected):
            self._rejections.reject(sender, ready.reason, self._explained(sender, ready))
            return
        place, method = ready.place, ready.method
        self._straight.accept(sender, call, place, method)
        self._statistics.calls_received += 1
        try:
            if method.is_async:
                self._runner.run(place, method, ready.arguments, sender)
            else:
                self._runner.call_as(sender, method.function, place.member, *ready.arguments)
        except Exception as error:  # the program's own code: anything
            self._runner.nothing_runs()
            self._handlers.failed(sender, place.where(method), error)
        except BaseException:
            self._handlers.passes()
            raise

    def _explained(self, sender: int, rejected: Rejected) -> str:
        """Return why a call is dropped, and what its sender may have meant instead."""
        between_clients = sender != SERVER_ID and not self._transport.is_server
        if between_clients and rejected.reason in _FOR_THE_SERVER:
            return f"{rejected.detail}; if it is for the server alone, call rpc_id(1, …) there"
        return rejected.detail

    def prepare(self, sender: int, call: Call) -> Ready | Rejected:
        """Return what a call asks to run, or why it must not."""
        key = sender, call.node, call.method
        callee = self._callees.get(key)
        if callee is None or callee.version != self._paths.heard_version + self._places.version:
            found = self._find(sender, call)
            if isinstance(found, Rejected):
                return found
            if len(self._callees) >= _MOST_CALLEES:
                self._callees.clear()
            callee = self._callees[key] = found
        place, method = callee.place, callee.method
        config = method.config
        if config.mode != RPCMode.RPC_MODE_ANY_PEER and not self._may(sender, place, config):
            return _not_allowed(place, config, place.where(method))
        if not method.has_body:
            detail = f"{place.where(method)} is declared without a body here"
            return Rejected(RejectReason.NO_BODY, detail)
        if method.limit and not self._call_limits.allow(sender, method):
            detail = f"{place.where(method)} is called more than {method.limit:g} times a second"
            return Rejected(RejectReason.TOO_MANY_CALLS, detail)
        if method.is_async and self._runner.is_busy(sender):
            detail = f"{place.where(method)}: {MOST_RUNNING} methods are already running for it"
            return Rejected(RejectReason.TOO_MANY_CALLS, detail)
        try:
            arguments = self._read_arguments(
                call.arguments, self._transport.peer.limits.max_nesting_depth
            )
        except DecodeError as error:
            detail = f"{place.where(method)}: {error}"
            return Rejected(RejectReason.UNDECODABLE_ARGUMENTS, detail)
        if not method.fewest <= len(arguments) <= method.most:
            detail = f"{place.where(method)} takes {method.arity()} arguments, not {len(arguments)}"
            return Rejected(RejectReason.WRONG_ARITY, detail)
        if self._settings.validate:
            try:
                arguments = checks_of(method).apply(arguments)
            except WrongTypeError as error:
                return Rejected(RejectReason.WRONG_TYPE, f"{place.where(method)}: {error}")
            except MultiplayerError as error:
                # The annotations were checked before, unless the object came by another way.
                return Rejected(RejectReason.UNCHECKABLE, f"{place.where(method)}: {error.message}")
        if method.is_async and (refusal := self._runner.refusal(method)):
            return Rejected(RejectReason.NOT_RUN, f"{place.where(method)}: {refusal.message}")
        return Ready(place, method, arguments)

    def _find(self, sender: int, call: Call) -> _Callee | Rejected:
        """Return what a call names, whether it may be called or not."""
        version = self._paths.heard_version + self._places.version
        node, named = call.node, call.method
        heard = self._paths.heard_from(sender, node) if isinstance(node, int) else None
        place = self._place(node, heard)
        if isinstance(place, Rejected):
            return place
        table = place.table
        name: str | None
        if isinstance(named, str):
            name = named
        elif self._by_receiver:
            name = table.name_of(named)
        else:
            name = heard.methods[named] if heard and named < len(heard.methods) else None
        method = table.methods.get(name) if name is not None else None
        if method is None:
            what = repr(named if name is None else name)
            return Rejected(RejectReason.UNKNOWN_METHOD, f"{place.path} has no RPC {what}")
        return _Callee(version, place, method)

    def _assign(self, sender: int, assign: Assign) -> None:
        """Handle a peer's setting of a property."""
        node = assign.node
        heard = self._paths.heard_from(sender, node) if isinstance(node, int) else None
        place = self._place(node, heard)
        if isinstance(place, Rejected):
            self._rejections.reject(sender, *place)
            return
        declared = place.table.properties.get(assign.property)
        if declared is None:
            detail = f"{place.path} has no property {assign.property!r} that peers can set"
            self._rejections.reject(sender, RejectReason.UNKNOWN_METHOD, detail)
            return
        where = f"{place.path}: {declared.name}"
        if not self._may(sender, place, declared.config):
            self._rejections.reject(sender, *_not_allowed(place, declared.config, where))
            return
        try:
            value = self._transport.wire.read_value(
                assign.value, self._transport.peer.limits.max_nesting_depth
            )
        except DecodeError as error:
            self._rejections.reject(sender, RejectReason.UNDECODABLE_ARGUMENTS, f"{where}: {error}")
            return
        if self._settings.validate:
            try:
                value = property_check(declared).fit(value)
            except WrongTypeError as error:
                self._rejections.reject(sender, RejectReason.WRONG_TYPE, f"{where}: {error}")
                return
            except MultiplayerError as error:
                detail = f"{where}: {error.message}"
                self._rejections.reject(sender, RejectReason.UNCHECKABLE, detail)
                return
        self._statistics.calls_received += 1
        set_it = partial(self._runner.call_as, sender, declared.__set__, place.member, value)
        if not self._handlers.call(sender, where, set_it):
            self._runner.nothing_runs()

    def _place(self, node: int | str, heard: Heard | None) -> Place | Rejected:
        """Return what is at a path, or at the path that the sender means by a number."""
        if heard is not None:
            path = heard.path
        elif isinstance(node, int):
            detail = f"it calls node number {node}, which it has not announced"
            if self._transport.wire.assigns:  # Godot 3 keeps its numbers otherwise
                detail += "; did it set network_peer to null before it reconnected?"
            else:
                detail += "; an unreliable call overtakes the announcement on a bad network, so "
                detail += "let it make a reliable one first"
            return Rejected(RejectReason.UNKNOWN_PATH_ID, detail)
        elif not is_proper(node):
            return Rejected(RejectReason.IMPROPER_PATH, f"{node!r} leaves the root")
        else:
            path = node
        place = self._places.at(path)
        if place is None:
            return Rejected(RejectReason.UNKNOWN_NODE, f"there is no node {path!r}")
        return place

    def _may(self, sender: int, place: Place, config: RpcConfig) -> bool:
        if config.mode == RPCMode.RPC_MODE_ANY_PEER:
            return True
        return config.accepts(sender, place.authority, self._transport.own_id)


def _not_allowed(place: Place, config: RpcConfig, where: str) -> Rejected:
    detail = f"{where} may not be called by it: {config.describe(place.authority)}"
    return Rejected(RejectReason.NOT_ALLOWED, detail)
