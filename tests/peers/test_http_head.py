"""``peers.websocket.http_head``: merging lines of lists changes nothing that a head says."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.websocket.http_head import (
    END_OF_HEAD,
    LISTS,
    HttpRefusedError,
    elements,
    joined,
    merged,
    read_request,
    split_head,
)

NAMES = st.sampled_from([b"connection", b"upgrade", b"sec-websocket-protocol", b"cookie", b"x-a"])
SPELLINGS = st.sampled_from([bytes.lower, bytes.title, bytes.upper])
TOKENS = st.sampled_from([b"upgrade", b"Keep-Alive", b"websocket", b"h2c", b"", b"a", b"\xe9"])
SPACE = st.sampled_from([b"", b" ", b"\t", b" \t"])


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """A list of tokens, with empty elements and white space in it."""
    parts = [draw(SPACE) + draw(TOKENS) + draw(SPACE) for _ in range(draw(st.integers(0, 4)))]
    return b",".join(parts)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = [b"GET / HTTP/1.1", b"Host: h"]
    for _ in range(draw(st.integers(0, 8))):
        name = draw(SPELLINGS)(draw(NAMES))
        lines.append(name + b":" + draw(SPACE) + draw(lists()) + draw(SPACE))
    return b"\r\n".join(lines) + END_OF_HEAD


def read_by_h11(head: bytes) -> list[tuple[bytes, bytes]]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    return list(request.headers)


@given(heads())
def test_fields_are_those_that_h11_reads(head: bytes) -> None:
    assert split_head(head)[1] == read_by_h11(head)


@given(heads())
def test_a_merged_head_says_the_same_to_who_reads_all_lines_and_to_who_reads_the_last(
    head: bytes,
) -> None:
    first, fields = split_head(head)
    read = read_by_h11(joined(first, merged(fields)))
    for name in LISTS:
        values = [value for each, value in read if each == name]
        assert len(values) == bool(elements(fields, name))
        said = [e.strip(b" \t").lower() for v in values for e in v.split(b",") if e.strip(b" \t")]
        assert said == elements(fields, name)
    others = [field for field in fields if field[0] not in LISTS]
    assert [field for field in read if field[0] not in LISTS] == others


@given(st.binary(max_size=60))
def test_what_is_read_is_read_by_h11_in_the_same_way(middle: bytes) -> None:
    """Nothing comes through that h11 refuses, but for control characters within values."""
    head = b"GET / HTTP/1.1\r\nHost: h\r\nA: " + middle + END_OF_HEAD
    try:
        first, fields = split_head(head)
    except HttpRefusedError:
        return
    if b"\x0b" in middle or b"\x0c" in middle:
        return  # which h11 takes for white space, and refuses: see peers.websocket.upgrade
    assert first == b"GET / HTTP/1.1"
    assert read_by_h11(head) == fields


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        ("/a%2Fb?x=%20", "/a%2Fb", "x=%20", "h:1"),
        ("/a?u=http://evil/x", "/a", "u=http://evil/x", "h:1"),
        ("http://other/admin?q", "/admin", "q", "other"),
        ("WS://Other:8080", "/", "", "Other:8080"),
        ("wss://[2001:db8::1]:8443/?a/b", "/", "a/b", "[2001:db8::1]:8443"),
        ("https://h./x/../admin", "/x/../admin", "", "h."),
    ],
)
def test_path_and_host_come_from_the_target(target: str, path: str, query: str, host: str) -> None:
    """RFC 9112 section 3.2.2: the Host header does not count then."""
    request = read_request(f"GET {target} HTTP/1.1\r\nHost: h:1\r\n\r\n".encode())
    assert request.host == host
    assert request.target.partition("?")[::2] == (path, query)
    assert request.fields == []
