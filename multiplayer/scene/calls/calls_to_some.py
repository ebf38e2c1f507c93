"""Calls to several peers at once: ``node.method.rpc_to(ids_or_group, …)``.

Our own addition. On the wire these are calls as any other: the arguments are encoded once, and what
several receivers get alike is one packet, which a server's fan-out sends to all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.groups import PeerGroup

from .outgoing_calls import method_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.peers import Peers
    from multiplayer.scene.tree.places import Place

    from .outgoing_calls import OutgoingCalls
    from .runner import Runner

_MOST_ROUTES: Final = 4096


class _Route:
    """What was found out for a call to a group, for reuse while nothing changes.

    Attributes:
        version: that of what it depends on: who is there, who knows which number, which node is
            where.
        group: the group, kept so that its id is nobody else's.
        ids: who was in it.
        place: the node.
        method: the method.
        count: with how many arguments, which it takes, it was called.
        method_number: what stands for it on the wire.
        node_number: what stands for the node.
        receivers: who gets the call.
    """

    __slots__ = (
        "count",
        "group",
        "ids",
        "method",
        "method_number",
        "node_number",
        "place",
        "receivers",
        "version",
    )

    def __init__(
        self,
        version: int,
        group: PeerGroup,
        place: Place,
        method: RpcMethod[..., Any],
        count: int,
        method_number: int,
        node_number: int,
        receivers: list[int],
    ) -> None:
        self.version = version
        self.group = group
        self.ids = group.ids
        self.place = place
        self.method = method
        self.count = count
        self.method_number = method_number
        self.node_number = node_number
        self.receivers = receivers


class CallsToSome:
    """Sends the calls of one session that are for several peers.

    Args:
        state: what the API keeps.
        outgoing: sends calls to one, and to all.
        peers: who is in the session.
        paths: who knows which number.
        runner: runs methods.
    """

    def __init__(
        self,
        state: ApiState,
        outgoing: OutgoingCalls,
        peers: Peers,
        paths: PathCache,
        runner: Runner,
    ) -> None:
        self._outgoing = outgoing
        self._transport = outgoing.transport
        self._peers = peers
        self._paths = paths
        self._runner = runner
        self._places = state.objects.places
        self._statistics = state.statistics
        self._rejections = state.rejections
        self._routes: dict[tuple[int, str, int], _Route] = {}  # by ids of object and group, name

    def call(
        self, peers: Iterable[int], member: object, name: str, arguments: Sequence[object]
    ) -> None:
        """Call a method; see ``SceneMultiplayer.rpc_to``."""
        group = peers if isinstance(peers, PeerGroup) else None
        if group is not None:
            route = self._routes.get((id(member), name, id(group)))
            if (
                route is not None
                and route.ids is group.ids
                and route.version == self._version
                and (len(arguments) == route.count or route.method.takes(len(arguments)))
            ):
                self._call_again(route, arguments)
                return
        place = self._places.of(member)
        method = method_for(place, name, len(arguments))
        # In order, so that what is sent does not depend on how a set is laid out.
        ids = [*group] if group is not None else [*dict.fromkeys(peers)]
        here = [peer for peer in ids if self._peers.is_meant(peer)]
        for _ in range(len(ids) - len(here)):
            self._rejections.drop("departed")
        self._call(group, here, place, method, arguments)

    @property
    def _version(self) -> int:
        return self._paths.version + self._peers.members.version

    def _call(
        self,
        group: PeerGroup | None,
        ids: list[int],
        place: Place,
        method: RpcMethod[..., Any],
        arguments: Sequence[object],
    ) -> None:
        own_id, config, member = self._transport.own_id, method.config, place.member
        is_authority = own_id == place.authority
        runs_here = own_id in ids and config.runs_here(is_authority=is_authority)
        if own_id in ids and not runs_here:
            message = f"{method.name} does not run on the caller's own side; it lacks call_local"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if runs_here and (refusal := self._runner.refusal(method)):
            raise refusal
        receivers: list[int] = []
        visibility = self._outgoing.visibility
        restricted = visibility is not None and visibility.restricts(member)
        if config.is_sent(is_authority=is_authority):
            receivers = [peer for peer in ids if peer != own_id]
            if visibility is not None and restricted:
                receivers = [peer for peer in receivers if not visibility.hides(member, peer)]
        number = self._outgoing.number_of(place, method.name)
        outgoing = self._transport.wire.call(method.name, number, arguments)
        if receivers:
            knew = self._outgoing.send_to_some(place, outgoing, receivers, config)
            is_lasting = knew and not restricted and not config.depends_on_authority
            if is_lasting and group is not None and len(receivers) == len(group):
                node_number = self._paths.id_of(place.path)
                if len(self._routes) >= _MOST_ROUTES:
                    self._routes.clear()
                self._routes[id(member), method.name, id(group)] = _Route(
                    self._version,
                    group,
                    place,
                    method,
                    len(arguments),
                    number,
                    node_number,
                    receivers,
                )
        if runs_here:
            self._runner.run(place, method, arguments, own_id)

    def _call_again(self, route: _Route, arguments: Sequence[object]) -> None:
        """Repeat a call to which nothing has changed since: all receivers know the number."""
        transport, method = self._transport, route.method
        outgoing = transport.wire.call(method.name, route.method_number, arguments)
        packet = outgoing.by_number(route.node_number, shortest=True)
        config = method.config
        transport.check(max(route.receivers), packet, config.channel)
        self._statistics.calls_sent += 1
        transport.put_to_some(route.receivers, packet, config.transfer_mode, config.channel)

    def forget_routes(self) -> None:
        """Forget all routes: something has moved, so they are wrong, and hold what is gone."""
        self._routes.clear()
