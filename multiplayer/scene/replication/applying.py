"""``Applying``: sets the properties that arrive, if their sender is the synchronizer's authority.

One state that cannot be decoded or set costs that synchronizer alone. (In engines it ends the
packet, so that what follows in it is never set.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import DecodeError, MultiplayerError
from multiplayer.scene.methods.type_checks import WrongTypeError
from multiplayer.scene.rejections import RejectReason
from multiplayer.wire.dialects.element_changes import DictionaryChanges, ListChanges
from multiplayer.wire.dialects.replication_packets import PATH_ID

from .declared import fitted
from .property_paths import write
from .synchronizer import MultiplayerSynchronizer
from .watch import Received

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.transport import Transport
    from multiplayer.variant.names import NodePath
    from multiplayer.wire.dialects.encoded import Encoded
    from multiplayer.wire.dialects.replication_packets import (
        Delta,
        Element,
        ReplicationWire,
        Sync,
    )

    from .outlet import Outlet
    from .records import Feed, Source
    from .tracking import Tracking

NOT_HERE: Final = object()
"""Stands for a value that cannot be set, since what it changes is missing."""

MOST_COPIED: Final = 1 << 19
"""So many elements are copied for one peer between two ticks, to apply changes of some of them.

Then all has to come again: a few bytes must not cost the copy of a long list again and again.
"""

_HALF: Final = 0x7FFF
_TIMES: Final = 0xFFFF


class Applying:
    """Takes SYNCs and deltas, and the properties in SPAWNs.

    Args:
        state: what the API keeps.
        tracking: what is replicated.
        wire: how packets are read.
        transport: to the peer below.
        outlet: to the peers.
        paths: which id stands for which path.
        feeds: what peers have sent, by peer.
    """

    def __init__(
        self,
        state: ApiState,
        tracking: Tracking,
        wire: ReplicationWire,
        transport: Transport,
        outlet: Outlet,
        paths: PathCache,
        feeds: dict[int, Feed],
    ) -> None:
        self._settings = state.settings
        self._wire = wire
        self._outlet = outlet
        self._transport = transport
        self._paths = paths
        self._feeds = feeds
        self._places = state.objects.places
        self._tracking = tracking
        self._handlers = state.handlers
        self._rejections = state.rejections

    # ---------------------------------------------------------------- packets

    def sync(self, sender: int, packet: Sync) -> None:
        """Set the properties that are always sent."""
        feed = self._feeds.get(sender)
        if feed is None:
            return
        for element in packet.elements:
            if not feed.here:  # a listener has sent it away
                return
            source = self._source(feed, element)
            if source is None or not self._is_new(feed, source, packet.time):
                continue
            if self._apply_sync(feed, source, element):
                self._handlers.emit(source.synchronizer.synchronized, sender)
        self._note_fault(sender, packet.fault)

    def delta(self, sender: int, packet: Delta) -> None:
        """Set properties that have changed."""
        feed = self._feeds.get(sender)
        if feed is None:
            return
        for element in packet.elements:
            if not feed.here:
                return
            source = self._source(feed, element)
            if source is not None and self._apply_delta(feed, source, element):
                self._handlers.emit(source.synchronizer.delta_synchronized, sender)
        self._note_fault(sender, packet.fault)

    def _note_fault(self, sender: int, fault: str) -> None:
        if fault:
            self._rejections.reject(sender, RejectReason.MALFORMED, fault, of_dialect=True)

    # ---------------------------------------------------------------- permission

    def _source(self, feed: Feed, element: Element) -> Source | None:
        """Return the synchronizer that an element is for, if its sender may speak for it."""
        number = element.id
        if number & PATH_ID:
            source = self._source_at(feed, number & ~PATH_ID)
        else:
            source = feed.heard.get(number)  # unknown: it has not come yet, or has gone
        if source is None:
            return None
        synchronizer = source.synchronizer
        if synchronizer.get_multiplayer_authority() != feed.peer:
            detail = f"it sends {synchronizer.get_path()}, and is not its authority"
            self._rejections.reject(feed.peer, RejectReason.NOT_ALLOWED, detail, of_dialect=True)
            return None
        return source

    def _source_at(self, feed: Feed, path_id: int) -> Source | None:
        heard = self._paths.heard_from(feed.peer, path_id)
        if heard is None:
            detail = f"it sends properties with path id {path_id}, not announced"
            self._reject(feed, RejectReason.UNKNOWN_PATH_ID, detail)
            return None
        place = self._places.at(heard.path)
        member = None if place is None else place.member
        source = None
        if isinstance(member, MultiplayerSynchronizer):
            source = self._tracking.sources.get(member)
        if source is None:
            detail = f"it sends properties of {heard.path!r}, where no synchronizer is"
            self._reject(feed, RejectReason.UNKNOWN_NODE, detail)
        return source

    def _reject(self, feed: Feed, reason: RejectReason, detail: str) -> None:
        self._rejections.reject(feed.peer, reason, detail, of_dialect=True)

    def _is_new(self, feed: Feed, source: Source, time: int | None) -> bool:
        """Return whether a SYNC is not older than the last one; their time wraps around.

        It begins again with a peer that has joined anew, also under the id that it had.
        """
        if time is None:
            return True
        if source.heard is not None:
            visit, before = source.heard
            if visit is feed.visit and (time - before) & _TIMES > _HALF:
                return False
        source.heard = feed.visit, time
        return True

    # ---------------------------------------------------------------- values

    @property
    def _depth(self) -> int:
        return self._transport.peer.limits.max_nesting_depth

    def _refresh(self, source: Source) -> None:
        if not source.is_current():
            source.refresh(by_element=self._wire.by_element)

    def set_spawned(self, source: Source, state: Encoded) -> Encoded:
        """Set what a SPAWN has for a synchronizer; return the rest of the state.

        Raises:
            DecodeError: it cannot be decoded.
        """
        self._refresh(source)
        paths = source.spawned.paths
        values, rest = self._wire.read_state(state, len(paths), self._depth)
        self._set(source.tracked.origin, source, paths, values)
        return rest

    def _apply_sync(self, feed: Feed, source: Source, element: Element) -> bool:
        self._refresh(source)
        paths = source.always.paths
        try:
            values, rest = self._wire.read_state(element.state, len(paths), self._depth)
        except DecodeError as error:
            self._differs(feed, source, "are always sent", _why(error, len(paths)))
            return False
        set_ = self._set(feed.peer, source, paths, values)
        if rest.start < rest.end:
            more = f"more came than the {len(paths)} that are configured here"
            self._differs(feed, source, "are always sent", more)
        return set_

    def _apply_delta(self, feed: Feed, source: Source, element: Element) -> bool:
        self._refresh(source)
        watched, bits = source.watched.paths, element.bits
        if bits >> len(watched):
            source.bases.clear()
            more = f"one of more than the {len(watched)} that are configured here"
            self._differs(feed, source, "are sent on change", more)
            return False
        places = [index for index in range(len(watched)) if bits >> index & 1]
        paths = [watched[index] for index in places]
        try:
            values, rest = self._wire.read_delta_state(element.state, len(paths), self._depth)
        except DecodeError as error:
            source.bases.clear()
            self._differs(feed, source, "are sent on change", _why(error, len(paths)))
            return False
        if rest.start < rest.end or not paths:
            more = f"more came than the {len(paths)} that should have"
            self._differs(feed, source, "are sent on change", more)
            return False
        complete = True
        if self._wire.by_element:
            complete = self._take(feed, source, element, places, values)
        return self._set(feed.peer, source, paths, values) and complete

    def _take(
        self,
        feed: Feed,
        source: Source,
        element: Element,
        places: list[int],
        values: list[object],
    ) -> bool:
        """Put whole values where changes of elements have come; return whether all could be.

        What cannot be is :data:`NOT_HERE`, and all of the synchronizer is asked for again.
        """
        missing, size = False, element.state.end - element.state.start
        for index, place in enumerate(places):
            base = source.bases.get(place)
            if base is None:
                base = source.bases[place] = Received()
            changes = isinstance(values[index], ListChanges | DictionaryChanges)
            if changes and feed.copied > MOST_COPIED:
                base.forget()
            try:
                value = values[index] = base.take(values[index], size)
                if changes:
                    feed.copied += len(cast("Sized", value))
            except DecodeError:
                values[index], missing = NOT_HERE, True
        if not missing:
            source.asked = False
        elif not source.asked:
            feed.to_ask[element.id] = source
            self.ask(feed)
        return not missing

    def ask(self, feed: Feed) -> None:
        """Ask a peer for all of what is missing, once there is room to do so."""
        if feed.to_ask and self._outlet.send(feed, self._wire.resend(tuple(feed.to_ask))):
            for source in feed.to_ask.values():
                source.asked = True
            feed.to_ask.clear()

    def _differs(self, feed: Feed, source: Source, which: str, why: str) -> None:
        detail = (
            f"the properties of {source.synchronizer.get_path()} that {which}: {why}. Do both "
            "sides have the same replication_config, in the same order?"
        )
        self._reject(feed, RejectReason.BAD_STATE, detail)

    def _set(
        self, peer: int, source: Source, paths: Sequence[NodePath], values: Sequence[object]
    ) -> bool:
        """Set properties, each even if another cannot be; return whether all were."""
        complete, root = True, source.root
        for path, value in zip(paths, values, strict=True):
            if value is NOT_HERE:
                continue
            try:
                if self._settings.validate:
                    value = fitted(root, path, value)
                elif not source.odd:
                    self._compare_types(peer, source, path, value)
                write(root, path, value)
            except WrongTypeError as error:
                complete = False
                detail = f"{source.synchronizer.get_path()}: {path}: {error}"
                self._rejections.reject(peer, RejectReason.WRONG_TYPE, detail, of_dialect=True)
            except MultiplayerError as error:
                complete = False
                detail = f"{source.synchronizer.get_path()}: {error.message}"
                self._rejections.reject(peer, RejectReason.BAD_STATE, detail, of_dialect=True)
            except Exception as error:  # a property of the program may raise anything
                complete = False
                where = f"setting {path} of {source.synchronizer.get_path()}"
                self._handlers.failed(peer, where, error)
        return complete

    def _compare_types(self, peer: int, source: Source, path: NodePath, value: object) -> None:
        """Say once that a value has another type than its property was declared with.

        It is set all the same, without ``validate``; but the two sides may have their properties
        in another order.
        """
        try:
            fitted(source.root, path, value)
        except WrongTypeError as error:
            source.odd = True
            detail = (
                f"{source.synchronizer.get_path()}: {path}: {error} (it was set; validate=True "
                "refuses it). Do both sides have the same properties, in the same order?"
            )
            self._rejections.reject(peer, RejectReason.WRONG_TYPE, detail, of_dialect=True)
        except MultiplayerError:  # the type cannot be checked
            source.odd = True


def _why(error: DecodeError, count: int) -> str:
    """Return why a state cannot be read, and how many values it should have."""
    known = "configured here" in error.reason
    return error.reason if known else f"{error.reason}; {count} of them should be here"
