"""Calls to other peers, and to this program itself.

Mirrors the sending half of Godot's ``SceneRPCInterface`` (WIRE3 3.2, WIRE4 B.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.offline_peer import OfflineMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.methods.config import RpcConfig
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.peers import Peers
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place
    from multiplayer.wire.dialects.api_packets import OutgoingCall

    from .runner import Runner


_MOST_ROUTES: Final = 4096


class _Effect(NamedTuple):
    """What a call does, where."""

    receivers: list[int]
    is_sent: bool
    runs_here: bool
    hidden: bool
    """Some of those that it is for do not see the node, and so do not get it."""


class _Packets(NamedTuple):
    """What a call sends, in this order."""

    number: int
    """What stands for the node."""
    announcement: bytes
    untold: list[int]
    """The peers that get the announcement."""
    for_all: bytes | None
    for_each: list[tuple[int, bytes]]
    """Packets for one peer each, if there is none for all."""
    all_know: bool
    """Whether all receivers know the number."""


class _Route:
    """What was found out for a call, for reuse while nothing changes.

    Attributes:
        version: that of what it depends on: who is there, who knows which number, which node is
            where.
        place: the node.
        method: the method.
        count: with how many arguments, which it takes, it was called.
        encode: makes a packet of arguments.
        effect: who gets the call.
        mode, channel: how it travels.
        direct: whom the peer below is to send the packet to, if it is one packet as it is; else
            None.
        only_to: the same, if it does nothing here; else None.
    """

    __slots__ = (
        "channel",
        "count",
        "direct",
        "effect",
        "encode",
        "method",
        "mode",
        "only_to",
        "place",
        "version",
    )

    def __init__(
        self,
        version: int,
        place: Place,
        method: RpcMethod[..., Any],
        count: int,
        encode: Callable[[Sequence[object]], bytes],
        effect: _Effect,
        direct: int | None,
    ) -> None:
        self.direct = direct
        self.version = version
        self.place = place
        self.method = method
        self.mode, self.channel = method.config.transfer_mode, method.config.channel
        self.count = count
        self.encode = encode
        self.effect = effect
        self.only_to = None if effect.runs_here else direct


class Visibility(Protocol):
    """Knows who sees what; see ``Replicator``."""

    def restricts(self, member: object) -> bool:
        """Return whether it may be that not all peers see an object."""
        ...

    def hides(self, member: object, peer: int) -> bool:
        """Return whether a peer does not see an object."""
        ...


class OutgoingCalls:
    """Sends the calls of one session.

    Attributes:
        transport: to the peer below.
        visibility: knows who sees what; None in dialects without replication.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        paths: PathCache,
        runner: Runner,
    ) -> None:
        self.transport = transport
        self._peers = peers
        self._paths = paths
        self._runner = runner
        self._send_packet = transport.peer.send_packet
        self._places = state.objects.places
        self._statistics = state.statistics
        self.visibility: Visibility | None = None
        self._routes: dict[tuple[int, str, int], _Route] = {}  # by id of the object, name, target

    def call(self, target: int, member: object, name: str, arguments: Sequence[object]) -> None:
        """Call a method; see ``SceneMultiplayer.rpc``."""
        if type(target) is not int:
            check_id(target)
        route = self._routes.get((id(member), name, target))
        if (
            route is not None
            and route.version == self._paths.version + self._peers.members.version
            and (len(arguments) == route.count or route.method.takes(len(arguments)))
        ):
            only_to = route.only_to
            if only_to is None:
                self._call_again(target, route, arguments)
                return
            packet = route.encode(arguments)
            self._statistics.calls_sent += 1
            self._send_packet(packet, only_to, route.mode, route.channel)
            return
        place = self._places.of(member)
        method = method_for(place, name, len(arguments))
        effect = self._effect(target, place, name, method.config)
        if effect.runs_here and (refusal := self._runner.refusal(method)):
            raise refusal
        if effect.is_sent:
            outgoing = self.transport.wire.call(name, self.number_of(place, name), arguments)
            if self._peers.drops(target):
                return
            all_know = self.send(
                target, place, outgoing, effect.receivers, method.config, spread=not effect.hidden
            )
            is_lasting = self.visibility is None or not self.visibility.restricts(member)
            if all_know and is_lasting and not method.config.depends_on_authority:
                self._remember(target, place, method, len(arguments), effect)
        if effect.runs_here:
            self._runner.run(place, method, arguments, self.transport.own_id)

    def _remember(
        self,
        target: int,
        place: Place,
        method: RpcMethod[..., Any],
        count: int,
        effect: _Effect,
    ) -> None:
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        self._routes[id(place.member), method.name, target] = _Route(
            self._paths.version + self._peers.members.version,
            place,
            method,
            count,
            self.transport.wire.ready_call(
                method.name, self.number_of(place, method.name), self._paths.id_of(place.path)
            ),
            effect,
            self._direct(target, effect.receivers),
        )

    def _direct(self, target: int, receivers: list[int]) -> int | None:
        if self._is_spread(target):
            return self._peers.direct(target)
        alone = receivers[0] if len(receivers) == 1 else 0
        return alone if alone and not self.transport.wraps(alone) else None

    def _call_again(self, target: int, route: _Route, arguments: Sequence[object]) -> None:
        """Repeat a call to which nothing has changed since: all receivers know the number."""
        transport, method, effect = self.transport, route.method, route.effect
        if effect.runs_here and (refusal := self._runner.refusal(method)):
            raise refusal
        packet = route.encode(arguments)
        self._statistics.calls_sent += 1
        if route.direct is not None:
            self._send_packet(packet, route.direct, route.mode, route.channel)
        elif self._is_spread(target):
            self._peers.send(target, packet, route.mode, route.channel)
        else:
            if len(effect.receivers) > 1:
                transport.check(max(effect.receivers), packet, route.channel)
            for peer in effect.receivers:
                transport.put(peer, packet, route.mode, route.channel)
        if effect.runs_here:
            self._runner.run(route.place, method, arguments, transport.own_id)

    def _is_spread(self, target: int) -> bool:
        """Return whether a packet that all receivers understand goes out once for all of them."""
        return self.transport.wire.spreads or (target <= 0 and self.transport.serves)

    def number_of(self, place: Place, name: str) -> int:
        """Return what stands for a method on the wire, in dialects that number methods."""
        by_sender = self.transport.wire.methods_by == "sender"
        return place.table.position_of(name) if by_sender else place.table.number_of(name)

    def assign(self, target: int, member: object, name: str, value: object) -> None:
        """Set a property; see ``SceneMultiplayer.rset``."""
        if not self.transport.wire.assigns:
            message = "only Godot 3 has rset; use an @rpc method, or Dialect.GODOT_3"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        place = self._places.of(member)
        declared = place.table.properties.get(name)
        if declared is None:
            message = f"{member!r} has no property {name!r} declared with rset()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        effect = self._effect(target, place, name, declared.config)
        outgoing = self.transport.wire.assign(name, value)
        is_sent = effect.is_sent and not self._peers.drops(target)
        if is_sent:  # a value that cannot be sent is not set here, either
            self._packets(target, place, outgoing, effect.receivers, declared.config)
        if effect.runs_here:  # before it is sent, unlike a call
            self._runner.call_as(self.transport.own_id, declared.__set__, member, value)
        if is_sent:
            self.send(target, place, outgoing, effect.receivers, declared.config)

    def _effect(self, target: int, place: Place, name: str, config: RpcConfig) -> _Effect:
        own_id = self.transport.own_id
        is_authority = own_id == place.authority
        receivers = self._peers.receivers(target)
        hidden = False
        visibility, member = self.visibility, place.member
        if visibility is not None and visibility.restricts(member):
            seeing = [peer for peer in receivers if not visibility.hides(member, peer)]
            hidden = len(seeing) < len(receivers)
            if hidden and target > 0:
                message = f"peer {target} does not see {place.member!r}, so it cannot be called"
                raise MultiplayerError(Error.ERR_UNAUTHORIZED, message)
            receivers = seeing
        addresses_us = target in (0, own_id) or (target < 0 and target != -own_id)
        runs_here = addresses_us and config.runs_here(is_authority=is_authority)
        if target == own_id and not runs_here:
            message = f"{name} does not run on the caller's own side; it lacks call_local"
            if isinstance(self.transport.peer, OfflineMultiplayerPeer):
                message += " (no multiplayer_peer is set: this program is peer 1, alone)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        is_sent = target != own_id and config.is_sent(is_authority=is_authority)
        return _Effect(receivers, is_sent, runs_here, hidden)

    def send(
        self,
        target: int,
        place: Place,
        outgoing: OutgoingCall,
        receivers: list[int],
        config: RpcConfig,
        *,
        spread: bool = True,
    ) -> bool:
        """Announce the node to those who do not know it, then send the call to all.

        Args:
            target: whom the call is for.
            place: the node.
            outgoing: the call.
            receivers: who gets it.
            config: how it travels.
            spread: they are all that the target means.

        Returns:
            Whether all receivers knew the node's number.

        Raises:
            MultiplayerError: as the peer's ``put_packet``, before anything has left.
        """
        transport, paths = self.transport, self._paths
        mode, channel = config.transfer_mode, config.channel
        packets = self._packets(target, place, outgoing, receivers, config, spread=spread)
        confirmed = not transport.wire.confirms
        for peer in packets.untold:
            transport.put(peer, packets.announcement)
            paths.tell(peer, packets.number, confirmed=confirmed)
        self._statistics.calls_sent += 1
        if packets.for_all is not None:
            self._peers.send(target, packets.for_all, mode, channel)
        for peer, packet in packets.for_each:
            transport.put(peer, packet, mode, channel)
        return packets.all_know

    def send_to_some(
        self, place: Place, outgoing: OutgoingCall, receivers: list[int], config: RpcConfig
    ) -> bool:
        """Do as :meth:`send`, with one packet for all who get the same."""
        transport, paths = self.transport, self._paths
        mode, channel = config.transfer_mode, config.channel
        packets = self._packets(0, place, outgoing, receivers, config, spread=False)
        if packets.untold:
            transport.put_to_some(packets.untold, packets.announcement)
            for peer in packets.untold:
                paths.tell(peer, packets.number, confirmed=not transport.wire.confirms)
        self._statistics.calls_sent += 1
        alike: dict[bytes, list[int]] = {}
        for peer, packet in packets.for_each:
            alike.setdefault(packet, []).append(peer)
        for packet, peers in alike.items():
            transport.put_to_some(peers, packet, mode, channel)
        return packets.all_know

    def _packets(
        self,
        target: int,
        place: Place,
        outgoing: OutgoingCall,
        receivers: list[int],
        config: RpcConfig,
        *,
        spread: bool = True,
    ) -> _Packets:
        """Return all that a call sends.

        Raises:
            MultiplayerError: something in it cannot be sent.
        """
        transport, paths, wire = self.transport, self._paths, self.transport.wire
        number = paths.id_of(place.path)
        if wire.spreads:
            receivers = sorted(receivers)
        announcement = b""
        untold = [peer for peer in receivers if not paths.has_told(peer, number)]
        if untold:
            announcement = wire.announce(number, place.path, place.table.names)
            transport.check(max(untold), announcement)
        told = set(untold)
        knowing = {
            peer
            for peer in receivers
            if paths.is_confirmed(peer, number) or (peer in told and not wire.confirms)
        }
        all_know = len(knowing) == len(receivers)
        if all_know and spread and self._is_spread(target):
            packet = outgoing.by_number(number, shortest=True)
            self._peers.check(target, packet, config.channel)
            return _Packets(number, announcement, untold, packet, [], all_know)
        short = long = b""
        for_each: list[tuple[int, bytes]] = []
        farthest: dict[bytes, int] = {}  # a client's packets grow on their way to other clients
        for peer in receivers:
            if peer in knowing:
                short = short or outgoing.by_number(number, shortest=all_know)
            else:
                long = long or outgoing.by_path(place.path)
            packet = short if peer in knowing else long
            for_each.append((peer, packet))
            farthest[packet] = max(peer, farthest.get(packet, 0))
        for packet, peer in farthest.items():
            transport.check(peer, packet, config.channel)
        return _Packets(number, announcement, untold, None, for_each, all_know)

    def forget_routes(self) -> None:
        """Forget all routes: something has moved, so they are wrong, and hold what is gone."""
        self._routes.clear()


def method_for(place: Place, name: str, count: int) -> RpcMethod[..., Any]:
    """Return a method that takes ``count`` arguments.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is none.
    """
    method = place.table.methods.get(name)
    if method is None:
        message = f"{place.member!r} has no method {name!r} with @rpc"
        if callable(getattr(type(place.member), name, None)):
            message = f"{name}() of {place.member!r} has no @rpc; decorate it on both sides"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not method.takes(count):
        message = f"{name}() takes {method.arity()} arguments, not {count}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return method
