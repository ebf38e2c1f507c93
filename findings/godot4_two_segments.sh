#!/bin/sh
# Godot 4.6.3 and small WebSocket messages: each takes two TCP segments.
#
# WebSocketPeer hands the header of a frame (RFC 6455 section 5.2) and its payload to the system one after the
# other, and Nagle's algorithm is off. So 49 messages of 10 bytes, one in each of the game's frames, come in 98
# segments with data: 104 bytes of headers (IPv4 and TCP with timestamps) go with 16 bytes of WebSocket. Expected:
# one segment each, as websockets' client sends them. A budget for a slow network has to count a player's
# packets twice.
#
# Versions: Debian's godot 4.6.3+ds-2 (forky; the system's apt verifies its signature), websockets 15.0.1 (PyPI)
# as the server and the other client, any Python from 3.9 on; Linux, whose TCP_INFO counts the segments. Needs
# Debian's apt after `apt-get update`, python3-venv; about 20 s and 400 MB in a temporary folder, which is removed.
# Exit status: 0 as described, 1 something differs, 2 this is another version of Godot.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- Godot, with its own suite's C library, from an apt with separate lists
mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }')
[ -n "$mirror" ] || { echo "apt knows no archive of Debian here; run apt-get update first" >&2; exit 2; }
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/root" "$work/home" "$work/game"
: >"$work/apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror forky main" >"$work/apt/sources.list"
own_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::State::Status="$work/apt/status" \
        -o Dir::State::extended_states="$work/apt/extended_states" -o Dir::Cache="$work/apt" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none -o APT::Install-Recommends=false "$@" >/dev/null
}
own_apt update
own_apt --yes --download-only install godot
for deb in "$work"/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/*' --exclude='*/libLLVM*' --exclude='*/libgallium*'
    rm "$deb"
done
libc=$(ls "$work"/root/usr/lib/*-linux-gnu*/libc.so.6)
libraries=${libc%/libc.so.6}
godot() {
    HOME=$work/home timeout 20 "$(ls "$libraries"/ld-linux*.so.* | head -n 1)" \
        --library-path "$libraries:$libraries/pulseaudio" "$work/root/usr/bin/godot" --headless "$@"
}
version=$(godot --version | tail -n 1)
echo "Godot $version"
case $version in
4.6.3.stable.*) ;;
*) echo "this script is about Godot 4.6.3; look again whether $version still does this" >&2; exit 2 ;;
esac

# ---- the game: sends one message in each of its frames
cat >"$work/game/project.godot" <<'END'
config_version=5
[application]
run/main_scene="res://main.tscn"
run/max_fps=60
END
cat >"$work/game/main.tscn" <<'END'
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[node name="Main" type="Node"]
script = ExtResource("1")
END
cat >"$work/game/main.gd" <<'END'
extends Node
var socket := WebSocketPeer.new()

func _ready() -> void:
	socket.connect_to_url(OS.get_cmdline_user_args()[0])

func _process(_delta: float) -> void:
	socket.poll()
	match socket.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			socket.send("0123456789".to_utf8_buffer())
		WebSocketPeer.STATE_CLOSED:
			get_tree().quit()
END

# ---- the server, which counts and closes, and the other client
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check websockets==15.0.1
cat >"$work/server.py" <<'END'
import socket, struct, sys, threading
from websockets.sync.server import serve

COUNTED = 49
DATA_SEGMENTS_IN = 152  # where Linux's struct tcp_info has tcpi_data_segs_in

def segments(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=I", info, DATA_SEGMENTS_IN)[0]

def handle(connection):
    connection.recv()
    before = segments(connection.socket)
    for _ in range(COUNTED):
        connection.recv()
    found = segments(connection.socket) - before
    print(f"{COUNTED} messages in {found} segments", flush=True)

with serve(handle, "127.0.0.1", 0, compression=None) as server:
    print(server.socket.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown())).start()
    server.serve_forever()
END
cat >"$work/client.py" <<'END'
import sys, time
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

with connect(sys.argv[1], compression=None) as connection:
    try:
        while True:
            connection.send(b"0123456789")
            time.sleep(1 / 60)
    except ConnectionClosed:
        pass
END
printf 'Godot:\nwebsockets:\n' >"$work/names"
mkfifo "$work/stdin"
"$work/venv/bin/python" "$work/server.py" <"$work/stdin" >"$work/server.log" 2>&1 &
exec 3>"$work/stdin" # as long as this is open, the server runs
for _ in $(seq 100); do
    port=$(head -n 1 "$work/server.log")
    [ -z "$port" ] || break
    sleep 0.1
done

godot --path "$work/game" -- "ws://127.0.0.1:$port/" >"$work/godot.log" 2>&1 || cat "$work/godot.log" >&2
timeout 20 "$work/venv/bin/python" "$work/client.py" "ws://127.0.0.1:$port/"
exec 3>&-
wait
tail -n +2 "$work/server.log" | paste -d ' ' "$work/names" - | tee "$work/seen"
cat >"$work/expected" <<'END'
Godot: 49 messages in 98 segments
websockets: 49 messages in 49 segments
END
if diff "$work/expected" "$work/seen"; then
    echo "as described"
else
    echo "this is not what the script describes any more (< described, > seen)" >&2
    exit 1
fi
