#!/bin/sh
# wsproto 1.3.2 and the heads of an upgrade: two surprises on valid input.
#
# 1. If a header comes on several lines, wsproto reads only the last one, even if the header is a list. With
#    "Connection: Upgrade" and then "Connection: keep-alive" (nginx with two proxy_set_header lines sends
#    that) the server raises RemoteProtocolError, "Missing header, 'Connection: Upgrade'", and so does the
#    client for such a response; in the other order both agree. Expected: both orders form the list
#    "Upgrade, keep-alive" (RFC 9110 section 5.3), which has the token that RFC 6455 sections 4.1 and
#    4.2.1 ask for.
# 2. A client takes an interim response (103 Early Hints; likewise 100 Continue) for a refusal: the first event
#    is RejectConnection, as for 404; AcceptConnection follows once the 101 after it is read. Expected:
#    AcceptConnection alone, "a client MUST be able to parse one or more 1xx responses received prior to a
#    final response" (RFC 9110 section 15.2).
#
# Versions: wsproto 1.3.2, h11 0.16.0 (PyPI), any Python from 3.10 on with venv. It takes a few seconds in a
# temporary folder, which it removes.
# Exit status: 0 as described, 1 something differs.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check wsproto==1.3.2 h11==0.16.0

cat >"$work/show.py" <<'END'
import sys

from wsproto import ConnectionType, WSConnection
from wsproto.events import Request
from wsproto.utilities import RemoteProtocolError, generate_accept_token

UPGRADE, ALIVE = "Connection: Upgrade", "Connection: keep-alive"


def outcome(connection, head):
    try:
        connection.receive_data("\r\n".join([*head, "", ""]).encode())
        return " ".join(type(event).__name__ for event in connection.events())
    except RemoteProtocolError as error:
        return f"{type(error).__name__}: {error}"


def server(*lines):
    head = ["GET / HTTP/1.1", "Host: h", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    head.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    return outcome(WSConnection(ConnectionType.SERVER), [*head, *lines])


def client(*lines, before=()):
    connection = WSConnection(ConnectionType.CLIENT)
    asked = connection.send(Request(host="h", target="/")).decode()
    (key,) = [line[19:] for line in asked.split("\r\n") if line.startswith("Sec-WebSocket-Key")]
    accept = generate_accept_token(key.encode()).decode()
    head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"]
    return outcome(connection, [*before, *head, f"Sec-WebSocket-Accept: {accept}", *lines])


MISSING = "RemoteProtocolError: Missing header, 'Connection: Upgrade'"
HINTS = ("HTTP/1.1 103 Early Hints", "Link: </a>; rel=preload", "")
SEEN = [
    ("server, Upgrade first, keep-alive last", server(UPGRADE, ALIVE), MISSING),
    ("server, keep-alive first, Upgrade last", server(ALIVE, UPGRADE), "Request"),
    ("client, Upgrade first, keep-alive last", client(UPGRADE, ALIVE), MISSING),
    ("client, keep-alive first, Upgrade last", client(ALIVE, UPGRADE), "AcceptConnection"),
    ("client, 101 alone", client(UPGRADE), "AcceptConnection"),
    ("client, 103 and then 101", client(UPGRADE, before=HINTS), "RejectConnection AcceptConnection"),
]
for case, seen, _ in SEEN:
    print(f"{case}: {seen}")
if any(seen != described for _, seen, described in SEEN):
    sys.exit("something differs from what is described above")
END
"$work/venv/bin/python" "$work/show.py"
