"""``StraightCalls``: calls like others that were accepted go from the queue to the method at once.

When the long way (``dispatch.py``, ``incoming_calls.py``) has accepted a call, what depends on its
head alone is settled for its sender: the object, the method, whether it may be called, how many
values it takes. That becomes a *plan*, and the calls behind it that begin in the same way only have
their values read and, where that is asked for, checked. Whatever a plan depends on clears all plans
when it changes, at once and in place: then the next packet goes the long way, which looks at
everything anew. Refusals and logs are only there; a packet that might be refused is sent there.
What is not noticed at once is a ``get_packet`` that a program puts on its peer: the next read is.
"""

from __future__ import annotations

from operator import length_hint
from typing import TYPE_CHECKING, Any, Final

from multiplayer.scene.sender import SENDER
from multiplayer.wire.dialects.call_forms import WITH_NAME

from .planning import Planning, may_always
from .straight_loop import Plan, call_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from multiplayer.runs import Fetching, Run, Watch
    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place
    from multiplayer.wire.dialects.api_packets import Call

    from .call_limits import CallLimits
    from .planning import About
    from .runner import Runner

_MOST_PLANS: Final = 4096


class StraightCalls:
    """The plans of one session, and who follows them; a ``RunTaker``.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        limits: how often each peer may call each method.
        paths: which id stands for which path.
        runner: runs methods.
        admitted: who is in the session.
        watched: whose next packet is looked at before it is read.
        listener: what the API has connected to ``peer_packet``.
        failed: takes a sender and a mistake of ours.

    Attributes:
        listener: see there.
        calls: by the first byte of a packet, 0 if it is no call.
    """

    allowed = True
    """For tests, which take the long way, too."""

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        limits: CallLimits,
        paths: PathCache,
        runner: Runner,
        admitted: Collection[int],
        watched: Collection[int],
        listener: Callable[[int], Any],
        failed: Callable[[int, Exception], object],
    ) -> None:
        self.listener = listener
        self._api = state.api
        self._handlers = state.handlers
        self._statistics = state.statistics
        state.objects.places.on_change = self.forget
        self._transport = transport
        self._planning = Planning(state.settings, limits, runner)
        self._runner = runner
        self._admitted = admitted
        self._watched = watched
        self._failed = failed
        paths.on_unheard = self.forget
        self._of_peer = transport.of_peer
        self._form = form = transport.wire.call_form
        self._read = _read_nothing if form is None else form.read
        self.calls = bytes(256) if form is None else form.sizes
        self._sizes: dict[int, bytes] = {}  # by the length of the envelope
        self._plans: dict[int, dict[bytes, Plan]] = {}  # by whose connection it is
        self._followed: dict[bytes, Plan] = {}
        self._how_many = 0
        self._expected: tuple[int, bytes, int] | None = None
        self._run: Run | None = None
        self._counted = 0

    # ---------------------------------------------------------------- following plans

    def take(self, peer: int, run: Run, at: int, link: object, watch: Watch) -> bytes | None:
        """Make the calls that a run asks for; see ``RunTaker``."""
        plans = self._plans.get(peer)
        if not plans or not self._may_go(peer):
            return next(run.left, None)
        handlers = self._handlers
        touched, pressing, steps = watch
        now: list[Any] = [None, None]
        self._run, self._followed = run, plans
        self._counted = run.settled
        handlers.at_work = peer
        data: bytes | None = None
        failure: Exception | None = None
        sender = SENDER.set((self._api, peer))
        try:
            data = call_all(
                run.left,
                plans,
                self._sizes[at],
                at,
                self._read,
                now,
                link,
                touched,
                pressing,
                steps,
            )
        except Exception as error:  # the program's own code: anything
            failure = error
        except BaseException as error:
            if now[1] is error:
                self._pass()
            raise
        finally:
            SENDER.reset(sender)
            self._settle(0 if data is None else 1)
            self._run = None
        if failure is not None and now[1] is not failure:  # a mistake of ours, or no memory is left
            self._runner.nothing_runs()
            self._failed(peer, failure)
        elif failure is not None:
            self._tell_failure(now[0][-1], failure)
        handlers.at_work = None
        return data

    def take_one(self, peer: int, data: bytes, at: int, link: Fetching) -> bool:
        """Make the call that a packet asks for; see ``RunTaker``."""
        plans = self._plans.get(peer)
        if not plans or not self._may_go(peer):
            return False
        size = self._sizes[at][data[at]]
        if size >= WITH_NAME:
            size = data.find(b"\0", size - WITH_NAME) + 2
        plan = plans.get(data[:size])
        if plan is None:
            return False
        start, count, function, kinds, check, about = plan
        if count < 0:
            values: list[object] | None = [data[start:]] if len(data) > start else []
        else:
            values = self._read(data, start, count)
        if values is not None and check and (kinds is None or [*map(type, values)] != kinds):
            values = check(values)
        if values is None:
            return False
        handlers, failure = self._handlers, None
        handlers.at_work = peer
        link.fetched(len(data))
        self._statistics.calls_received += 1
        sender = SENDER.set((self._api, peer))
        try:
            function(*values)
        except Exception as error:  # the program's own code: anything
            failure = error
        except BaseException:
            self._pass()
            raise
        finally:
            SENDER.reset(sender)
        if failure is not None:
            self._tell_failure(about, failure)
        handlers.at_work = None
        return True

    def _may_go(self, peer: int) -> bool:
        """Return whether nobody has to look at the packets of a connection one by one."""
        watched = self._watched
        if watched and (peer in watched or not self._transport.is_server):
            return False
        return peer in self._admitted and "get_packet" not in self._of_peer

    def _pass(self) -> None:
        """Note that the program's own code was interrupted, and nothing of ours."""
        handlers = self._handlers
        handlers.passes()
        if handlers.below is not None:
            handlers.below.passes()

    def _tell_failure(self, about: About, error: Exception) -> None:
        self._runner.nothing_runs()
        where = about.place.where(about.method)
        self._handlers.failed(about.sender, where, error)

    def settle(self) -> None:
        """Count the calls that were made, before somebody looks."""
        self._settle(0)

    def _settle(self, less: int) -> None:
        if self._run is not None:
            run = self._run
            taken = len(run.packets) - length_hint(run.left) - less
            self._statistics.calls_received += taken - self._counted
            self._counted = taken

    # ---------------------------------------------------------------- making plans

    def forget(self) -> None:
        """Follow no plan any more: something that they depend on has changed."""
        self._followed.clear()
        self._plans.clear()
        self._how_many = 0

    def expect(self, peer: int, data: bytes, at: int) -> None:
        """Note that a packet goes the long way; see ``RunTaker``."""
        if self.allowed and self._form is not None:
            self._expected = peer, data, at

    def expect_nothing(self) -> None:
        """Note that it has gone it."""
        self._expected = None

    def accept(self, sender: int, call: Call, place: Place, method: RpcMethod[..., Any]) -> None:
        """Note that the long way is about to make a call; plan for those like it."""
        expected, self._expected = self._expected, None
        form = self._form
        if expected is None or form is None:
            return
        peer, data, at = expected
        packet = call.arguments.buffer
        if packet is not data if not at else packet != data[at:]:
            return  # it was inside of another, or is another
        sizes = self._sizes.get(at)
        if sizes is None:
            sizes = self._sizes[at] = form.sizes_behind(at)
        size = sizes[data[at]]
        if size >= WITH_NAME:
            size = data.find(b"\0", size - WITH_NAME) + 2
        head = data[:size]
        count = form.count_of(head, at)
        if not size or len(head) < size or count is None or not isinstance(call.node, int):
            return
        if not may_always(place, method):
            return
        if self._how_many >= _MOST_PLANS:
            self.forget()
        self._how_many += 1
        plan = self._planning.plan(sender, peer, size, count, place, method)
        self._plans.setdefault(peer, {})[head] = plan


def _read_nothing(data: bytes, at: int, count: int) -> None:
    """Stand for a dialect without plans."""
    del data, at, count
