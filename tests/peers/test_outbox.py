"""``peers.outbox``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peers.outbox import Outbox


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=150), st.data())
def test_whatever_the_socket_takes_the_bytes_leave_in_order(
    frames: list[bytes], data: st.DataObject
) -> None:
    outbox = Outbox()
    for frame in frames:
        outbox.append(frame)
    taken = b""
    while outbox.waiting:
        offered = b"".join(outbox.pieces())
        assert offered
        count = data.draw(st.integers(1, len(offered)))
        taken += offered[:count]
        outbox.taken(count)
        assert outbox.waiting == sum(map(len, frames)) - len(taken)
    assert taken == b"".join(frames)
    assert outbox.pieces() == []
    assert outbox.backlog == 0


def test_a_frame_that_has_begun_is_finished() -> None:
    outbox = Outbox()
    for frame in (b"aaaa", b"bbb", b"cc"):
        outbox.append(frame)
    assert outbox.backlog == 5
    outbox.taken(1)
    assert outbox.backlog == 5
    assert outbox.drop_unbegun() == 2
    assert (outbox.waiting, outbox.backlog) == (3, 0)
    assert [bytes(piece) for piece in outbox.pieces()] == [b"aaa"]
    outbox.taken(3)
    outbox.append(b"dd")
    assert outbox.drop_unbegun() == 1
    assert outbox.waiting == 0
    outbox.append(b"ee")
    outbox.clear()
    assert (outbox.waiting, outbox.pieces()) == (0, [])
