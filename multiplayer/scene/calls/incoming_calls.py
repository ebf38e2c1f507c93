"""Calls from other peers, and the announcements that they are made with.

Mirrors the receiving half of Godot's ``SceneRPCInterface`` and ``SceneCacheInterface`` (WIRE3 3.3
to 3.5, WIRE4 B.5). Checked in this order: the node, the method, the permission, and only then the
arguments.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from multiplayer.errors import DecodeError, MultiplayerError
from multiplayer.scene.methods.argument_types import checks_of, property_check
from multiplayer.scene.methods.config import RPCMode
from multiplayer.scene.methods.type_checks import WrongTypeError
from multiplayer.scene.rejections import Reason
from multiplayer.scene.tree.objects import is_proper

from .call_limits import CallLimits
from .runner import MOST_RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.handlers import Handlers
    from multiplayer.scene.cache.path_cache import Heard, PathCache
    from multiplayer.scene.doctor.mismatches import Mismatches
    from multiplayer.scene.methods.config import RpcConfig
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.rejections import ApiStatistics, Rejections
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place, Places
    from multiplayer.wire.dialects.api_packets import Announce, Assign, Call, Confirm, Forget

    from .runner import Runner


class Ready:
    """A call that nothing speaks against.

    No tuple with names: a method, which is a descriptor, would be bound when it is read.
    """

    def __init__(self, place: Place, method: RpcMethod[..., Any], arguments: list[object]) -> None:
        self.place = place
        self.method = method
        self.arguments = arguments


class Rejected(NamedTuple):
    """Why a call must not be run."""

    reason: Reason
    detail: str


class IncomingCalls:
    """Carries out the calls of one session."""

    def __init__(
        self,
        transport: Transport,
        places: Places,
        paths: PathCache,
        runner: Runner,
        handlers: Handlers,
        rejections: Rejections,
        statistics: ApiStatistics,
        mismatches: Mismatches,
        validates: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._places = places
        self._paths = paths
        self._runner = runner
        self._handlers = handlers
        self._rejections = rejections
        self._statistics = statistics
        self._mismatches = mismatches
        self._validates = validates
        self._call_limits = CallLimits(transport)
        self._by_receiver = transport.wire.methods_by == "receiver"

    # ---------------------------------------------------------------- calls

    def call(self, sender: int, call: Call) -> None:
        """A peer calls a method."""
        ready = self.prepare(sender, call)
        if isinstance(ready, Rejected):
            self._rejections.reject(sender, *ready)
            return
        self._statistics.calls_received += 1
        try:
            self._runner.run(ready.place, ready.method, ready.arguments, sender)
        except Exception as error:  # the program's own code: anything
            self._runner.nothing_runs()
            self._handlers.failed(sender, ready.place.where(ready.method), error)
        except BaseException:
            self._handlers.passes()
            raise

    def prepare(self, sender: int, call: Call) -> Ready | Rejected:
        """Return what a call wants to have run, or why it must not."""
        transport = self._transport
        node, named = call.node, call.method
        heard = None
        if isinstance(node, int):
            heard = self._paths.heard_from(sender, node)
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
            return Rejected(Reason.UNKNOWN_METHOD, f"{place.path} has no RPC {what}")
        config = method.config
        if not self._may(sender, place, config):
            return _not_allowed(place, config, place.where(method))
        if not method.has_body:
            detail = f"{place.where(method)} is declared without a body here"
            return Rejected(Reason.NO_BODY, detail)
        if method.limit and not self._call_limits.allow(sender, method):
            detail = f"{place.where(method)} is called more than {method.limit:g} times a second"
            return Rejected(Reason.TOO_MANY_CALLS, detail)
        if method.is_async and self._runner.is_busy(sender):
            detail = f"{place.where(method)}: {MOST_RUNNING} methods are running for it already"
            return Rejected(Reason.TOO_MANY_CALLS, detail)
        try:
            arguments = transport.wire.read_arguments(
                call.arguments, transport.peer.limits.max_nesting_depth
            )
        except DecodeError as error:
            detail = f"{place.where(method)}: {error}"
            return Rejected(Reason.UNDECODABLE_ARGUMENTS, detail)
        if not method.takes(len(arguments)):
            detail = f"{place.where(method)} takes {method.arity()} arguments, not {len(arguments)}"
            return Rejected(Reason.WRONG_ARITY, detail)
        if self._validates():
            try:
                arguments = checks_of(method).apply(arguments)
            except WrongTypeError as error:
                return Rejected(Reason.WRONG_TYPE, f"{place.where(method)}: {error}")
            except MultiplayerError as error:
                # The annotations were looked at before, unless it came by a way of its own.
                return Rejected(Reason.UNCHECKABLE, f"{place.where(method)}: {error.message}")
        refusal = self._runner.refusal(method)
        if refusal is not None:
            return Rejected(Reason.NOT_RUN, f"{place.where(method)}: {refusal.message}")
        return Ready(place, method, arguments)

    def assign(self, sender: int, assign: Assign) -> None:
        """A peer sets a property."""
        node = assign.node
        heard = self._paths.heard_from(sender, node) if isinstance(node, int) else None
        place = self._place(node, heard)
        if isinstance(place, Rejected):
            self._rejections.reject(sender, *place)
            return
        declared = place.table.properties.get(assign.property)
        if declared is None:
            detail = f"{place.path} has no property {assign.property!r} that peers can set"
            self._rejections.reject(sender, Reason.UNKNOWN_METHOD, detail)
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
            self._rejections.reject(sender, Reason.UNDECODABLE_ARGUMENTS, f"{where}: {error}")
            return
        if self._validates():
            try:
                value = property_check(declared).fit(value)
            except WrongTypeError as error:
                self._rejections.reject(sender, Reason.WRONG_TYPE, f"{where}: {error}")
                return
            except MultiplayerError as error:
                self._rejections.reject(sender, Reason.UNCHECKABLE, f"{where}: {error.message}")
                return
        self._statistics.calls_received += 1
        set_it = partial(self._runner.call_as, sender, declared.__set__, place.member, value)
        if not self._handlers.call(sender, where, set_it):
            self._runner.nothing_runs()

    def _place(self, node: int | str, heard: Heard | None) -> Place | Rejected:
        """Return what is at a path, or at the one that the sender means by a number."""
        if heard is not None:
            path = heard.path
        elif isinstance(node, int):
            detail = f"it calls node number {node}, which it has not announced"
            if self._transport.wire.assigns:  # Godot 3 keeps its numbers otherwise
                detail += "; has it set network_peer to null before it connected again?"
            return Rejected(Reason.UNKNOWN_NUMBER, detail)
        elif not is_proper(node):
            return Rejected(Reason.IMPROPER_PATH, f"{node!r} leaves the root")
        else:
            path = node
        place = self._places.at(path)
        if place is None:
            return Rejected(Reason.UNKNOWN_NODE, f"there is no node {path!r}")
        return place

    def _may(self, sender: int, place: Place, config: RpcConfig) -> bool:
        if config.mode == RPCMode.RPC_MODE_ANY_PEER:
            return True
        return config.accepts(sender, place.authority, self._transport.own_id)

    def forget(self, peer: int) -> None:
        """A peer has left."""
        self._call_limits.forget(peer)
        self._mismatches.forget(peer)

    def clear(self) -> None:
        """The session is over."""
        self._call_limits.clear()
        self._mismatches.clear()

    # ---------------------------------------------------------------- announcements

    def announce(self, sender: int, announce: Announce) -> None:
        """A peer says which number it uses for which node."""
        if not self._is_proper(sender, announce.path):
            return
        wire = self._transport.wire
        place = self._places.at(announce.path)
        if isinstance(announce.methods, str) and place is None:
            # The engine does not answer then, and is called by path for ever.
            detail = f"it announces {announce.path!r}, which does not exist here"
            self._rejections.reject(sender, Reason.UNKNOWN_NODE, detail)
            return
        by_name = announce.methods is None
        most = self._transport.peer.limits.max_rpc_paths
        noted = self._paths.hear(sender, announce, most=most, replace=by_name)
        while noted is None and self._gives_up_a_number(sender):
            noted = self._paths.hear(sender, announce, most=most, replace=by_name)
        if noted is None:
            detail = "it has announced more nodes than a peer may"
            if self._transport.is_server:
                with suppress(MultiplayerError):  # it may have gone by itself
                    self._transport.peer.expel_peer(sender, "too many announced nodes")
            self._rejections.reject(sender, Reason.TOO_MANY_PATHS, detail)
            return
        if not noted:
            detail = f"it announces number {announce.node} a second time, for {announce.path!r}"
            self._rejections.reject(sender, Reason.REPEATED_NUMBER, detail)
            return
        agrees = place is None or place.table.agrees_with(announce.methods)
        if wire.confirms:
            packet = wire.confirm(announce.node, announce.path, agrees=agrees)
            self._transport.answer(sender, packet)
        if place is not None and not agrees:
            self._mismatches.announced(sender, place, announce.methods)

    def _gives_up_a_number(self, sender: int) -> bool:
        """Make room for one more number of ``sender``, if we do such a thing; return whether.

        Clients do it in Godot's dialects, where a number is never taken back: else a game with
        nodes that come and go could not be played for long. Servers do not trust their clients.
        """
        transport = self._transport
        if transport.is_server or transport.wire.forgets:
            return False
        given_up = self._paths.make_room(sender, lambda path: self._places.at(path) is not None)
        if given_up is None:
            return False
        self._statistics.numbers_given_up += 1
        self._mismatches.forget_path(sender, given_up.path)
        return True

    def forget_numbers(self, sender: int, forget: Forget) -> None:
        """A peer says that it will not use some of its numbers again."""
        for number in forget.nodes:
            known = self._paths.unhear(sender, number)
            if known is None:
                self._statistics.stale_numbers += 1
            else:
                self._mismatches.forget_path(sender, known.path)

    def confirm(self, sender: int, confirm: Confirm) -> None:
        """A peer says that it knows a number of ours."""
        path = self._paths.confirm(sender, confirm.node)
        if path is None:
            self._statistics.stale_numbers += 1
            return
        if confirm.agrees:
            return
        place = self._places.at(path)
        if place is not None:
            theirs = self._paths.checksum_heard(sender, path)
            self._mismatches.told_by_peer(sender, place, theirs)

    def _is_proper(self, sender: int, path: str) -> bool:
        if is_proper(path):
            return True
        self._rejections.reject(sender, Reason.IMPROPER_PATH, f"{path!r} leaves the root")
        return False


def _not_allowed(place: Place, config: RpcConfig, where: str) -> Rejected:
    detail = f"{where} may not be called by it: {config.describe(place.authority)}"
    return Rejected(Reason.NOT_ALLOWED, detail)
