"""Calls from other peers, and the announcements that they are made with.

Mirrors the receiving half of Godot's ``SceneRPCInterface`` and ``SceneCacheInterface`` (WIRE3 3.3
to 3.5, WIRE4 B.5). Checked in this order: the node, the method, the permission, and only then the
arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.errors import DecodeError

from .rejections import Reason
from .resolver import is_proper

if TYPE_CHECKING:
    from multiplayer.wire.api_packets import Announce, Assign, Call, Confirm

    from .path_cache import PathCache
    from .places import Place, Places
    from .rejections import ApiStatistics, Rejections
    from .rpc_config import RpcConfig
    from .runner import Runner
    from .transport import Transport


class IncomingCalls:
    """Carries out the calls of one session."""

    def __init__(
        self,
        transport: Transport,
        places: Places,
        paths: PathCache,
        runner: Runner,
        rejections: Rejections,
        statistics: ApiStatistics,
    ) -> None:
        self._transport = transport
        self._places = places
        self._paths = paths
        self._runner = runner
        self._rejections = rejections
        self._statistics = statistics

    # ---------------------------------------------------------------- calls

    def call(self, sender: int, call: Call) -> None:
        """A peer calls a method.

        Raises:
            Exception: what the method raised.
        """
        place = self._place(sender, call.node)
        if place is None:
            return
        name = self._name(sender, call, place)
        method = place.table.methods.get(name) if name is not None else None
        if method is None:
            named = repr(call.method if name is None else name)
            detail = f"{place.path} has no RPC {named}"
            self._rejections.reject(sender, Reason.UNKNOWN_METHOD, detail)
            return
        where = f"{place.path}: {method.name}()"
        if not self._may(sender, place, method.config, where):
            return
        if not method.has_body:
            detail = f"{where} is declared without a body here"
            self._rejections.reject(sender, Reason.NO_BODY, detail)
            return
        try:
            arguments = self._transport.wire.read_arguments(call.arguments)
        except DecodeError as error:
            self._rejections.reject(sender, Reason.UNDECODABLE_ARGUMENTS, f"{where}: {error}")
            return
        if not method.takes(len(arguments)):
            detail = f"{where} takes {method.arity()} arguments, not {len(arguments)}"
            self._rejections.reject(sender, Reason.WRONG_ARITY, detail)
            return
        refusal = self._runner.refusal(method, len(arguments))
        if refusal is not None:
            self._rejections.reject(sender, Reason.NOT_RUN, f"{where}: {refusal.message}")
            return
        self._statistics.calls_received += 1
        self._runner.run(method, place.member, arguments, sender)

    def assign(self, sender: int, assign: Assign) -> None:
        """A peer sets a property."""
        place = self._place(sender, assign.node)
        if place is None:
            return
        declared = place.table.properties.get(assign.property)
        if declared is None:
            detail = f"{place.path} has no property {assign.property!r} that peers can set"
            self._rejections.reject(sender, Reason.UNKNOWN_METHOD, detail)
            return
        where = f"{place.path}: {declared.name}"
        if not self._may(sender, place, declared.config, where):
            return
        try:
            value = self._transport.wire.read_value(assign.value)
        except DecodeError as error:
            self._rejections.reject(sender, Reason.UNDECODABLE_ARGUMENTS, f"{where}: {error}")
            return
        self._statistics.calls_received += 1
        declared.__set__(place.member, value)

    def _place(self, sender: int, node: int | str) -> Place | None:
        if isinstance(node, int):
            heard = self._paths.heard_from(sender, node)
            if heard is None:
                detail = f"it calls node number {node}, which it has not announced"
                self._rejections.reject(sender, Reason.UNKNOWN_NUMBER, detail)
                return None
            node = heard.path
        elif not self._is_proper(sender, node):
            return None
        place = self._places.at(node)
        if place is None:
            self._rejections.reject(sender, Reason.UNKNOWN_NODE, f"there is no node {node!r}")
        return place

    def _name(self, sender: int, call: Call, place: Place) -> str | None:
        """Return the name of the method that is called; None if there is no such number."""
        method = call.method
        if isinstance(method, str):
            return method
        if self._transport.wire.methods_by == "receiver":
            return place.table.name_of(method)
        heard = self._paths.heard_from(sender, call.node) if isinstance(call.node, int) else None
        if heard is None or method >= len(heard.methods):
            return None
        return heard.methods[method]

    def _may(self, sender: int, place: Place, config: RpcConfig, where: str) -> bool:
        if config.accepts(sender, place.authority, self._transport.own_id):
            return True
        detail = f"{where} may not be called by it: {config.describe(place.authority)}"
        self._rejections.reject(sender, Reason.NOT_ALLOWED, detail)
        return False

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
        noted = self._paths.hear(sender, announce, replace=by_name)
        if noted is None:
            detail = "it has announced more nodes than a peer may"
            self._rejections.reject(sender, Reason.TOO_MANY_PATHS, detail)
            if self._transport.is_server:
                self._transport.peer.expel_peer(sender, "too many announced nodes")
            return
        if not noted:
            detail = f"it announces number {announce.node} a second time, for {announce.path!r}"
            self._rejections.reject(sender, Reason.REPEATED_NUMBER, detail)
            return
        agrees = True
        if isinstance(announce.methods, str) and place is not None:
            agrees = announce.methods == place.table.checksum
            if not agrees:
                self._tell_mismatch(sender, announce.path)
        if wire.confirms:
            packet = wire.confirm(announce.node, announce.path, agrees=agrees)
            self._transport.answer(sender, packet)

    def confirm(self, sender: int, confirm: Confirm) -> None:
        """A peer says that it knows a number of ours."""
        path = self._paths.confirm(sender, confirm.node)
        if path is not None and not confirm.agrees:
            self._tell_mismatch(sender, path)

    def _tell_mismatch(self, sender: int, path: str) -> None:
        detail = f"{path} has other RPCs there than here; both sides need the same names"
        self._rejections.reject(sender, Reason.METHODS_DIFFER, detail)

    def _is_proper(self, sender: int, path: str) -> bool:
        if is_proper(path):
            return True
        self._rejections.reject(sender, Reason.IMPROPER_PATH, f"{path!r} leaves the root")
        return False
