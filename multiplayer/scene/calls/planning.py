"""``Planning``: what was found out for a call that the long way has accepted, for those like it."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

from multiplayer.scene.methods.argument_types import checks_of
from multiplayer.scene.methods.config import RPCMode
from multiplayer.scene.methods.type_checks import WrongTypeError
from multiplayer.scene.tree.node import Node
from multiplayer.wire.dialects.call_forms import BARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.settings import Settings
    from multiplayer.scene.tree.places import Place

    from .call_limits import CallLimits
    from .runner import Runner
    from .straight_loop import Plan


class About:
    """What a plan is about, for whoever takes what its method raises."""

    __slots__ = ("method", "place", "sender")

    def __init__(self, sender: int, place: Place, method: RpcMethod[..., Any]) -> None:
        self.sender = sender
        self.place = place
        self.method = method


def may_always(place: Place, method: RpcMethod[..., Any]) -> bool:
    """Return whether who may call a method now may do so until we are told otherwise."""
    if method.config.mode == RPCMode.RPC_MODE_ANY_PEER:
        return True
    kind = type(place.member)
    of_node = Node.get_multiplayer_authority
    return getattr(kind, "get_multiplayer_authority", of_node) is of_node


class Planning:
    """Makes the plans of one session.

    Args:
        settings: what its program has chosen.
        limits: how often each peer may call each method.
        runner: runs methods.
    """

    def __init__(self, settings: Settings, limits: CallLimits, runner: Runner) -> None:
        self._settings = settings
        self._limits = limits
        self._runner = runner

    def plan(
        self,
        sender: int,
        peer: int,
        start: int,
        count: int,
        place: Place,
        method: RpcMethod[..., Any],
    ) -> Plan:
        """Return the plan for calls like one.

        Args:
            sender: who called.
            peer: by whose connection.
            start: where the values begin.
            count: how many there are; ``BARE`` for a call without a number of them.
            place: the object.
            method: its method.
        """
        function: Callable[..., object] = MethodType(method.function, place.member)
        if method.is_async:
            function = partial(self._start, sender, place, method)
        elif sender != peer:  # several speak by one connection
            function = partial(self._runner.call_as, sender, function)
        kinds: list[type] | None = None
        check: Callable[[list[object]], list[object] | None] | None = None
        validate, each_time = self._settings.validate, method.limit or method.is_async
        if validate or each_time or count == BARE:
            if not (each_time or count == BARE) and checks_of(method).go_by_type:
                kinds = []  # none yet
            check = partial(self._check, sender, method, kinds)
        return start, count, function, kinds, check, About(sender, place, method)

    def _start(
        self, sender: int, place: Place, method: RpcMethod[..., Any], *values: object
    ) -> None:
        where = place.where(method)
        self._runner.start(sender, where, method.function, place.member, *values)

    def _check(
        self,
        sender: int,
        method: RpcMethod[..., Any],
        kinds: list[type] | None,
        values: list[object],
    ) -> list[object] | None:
        """Return the values to call a method with; None if the long way is to say why not."""
        if not method.fewest <= len(values) <= method.most:
            return None
        if self._settings.validate:
            try:
                values = checks_of(method).apply(values)
            except WrongTypeError:
                return None
        if method.is_async and (self._runner.is_busy(sender) or self._runner.refusal(method)):
            return None
        if method.limit and not self._limits.allow_if_any(sender, method):
            return None
        if kinds is not None:
            kinds[:] = map(type, values)
        return values
