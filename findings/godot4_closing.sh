#!/bin/sh
# Godot 4.6.3 at the end of a WebSocket connection: three surprises on valid input (RFC 6455).
#
# 1. WebSocketPeer throws away the packets that it reads in the same poll() as a close frame. Usually, a
#    server sends "one", "two" and then closes; the game sees no packet. Expected: both, because they
#    came before the close frame (sections 5.4 and 5.5.1).
# 2. Close code 1012 (service restart; IANA's WebSocket Close Code Number Registry), reason "restart":
#    get_close_code() is 1002, get_close_reason() "Protocol error". 4012 arrives with its reason.
#    Expected: 1012 and the reason.
# 3. WebSocketMultiplayerPeer.close() ends the TCP connection without a close frame, so a server sees
#    1006. Expected: a close frame (section 7.1.2).
#
# Versions: Debian's godot 4.6.3+ds-2 (forky; the system's apt verifies its signature), websockets 15.0.1 (PyPI)
# as the server, any Python from 3.9 on. Needs Debian's apt after `apt-get update`, python3-venv; about
# 20 s and 400 MB in a temporary folder, which is removed.
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

# ---- the game: connects, and prints what happens
cat >"$work/game/project.godot" <<'END'
config_version=5
[application]
run/main_scene="res://main.tscn"
run/max_fps=10
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
	var url := OS.get_cmdline_user_args()[0]
	if not url.ends_with("/session"):
		socket.connect_to_url(url)
		return
	set_process(false)
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url)
	multiplayer.connected_to_server.connect(func() -> void:
		peer.close()
		get_tree().quit())
	multiplayer.multiplayer_peer = peer

func _process(_delta: float) -> void:
	socket.poll()
	while socket.get_available_packet_count():
		print("packet: ", socket.get_packet().get_string_from_utf8())
	if socket.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		print("closed: ", socket.get_close_code(), " '", socket.get_close_reason(), "'")
		get_tree().quit()
END

# ---- the server
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check websockets==15.0.1
cat >"$work/server.py" <<'END'
import asyncio, struct, sys
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

async def handle(socket):
    path = socket.request.path
    if path == "/last-word":
        await socket.send("one")
        await socket.send("two")
        await socket.close(4000, "bye")
    elif path == "/session":  # Godot 4's sessions begin with the client's id
        await socket.send(struct.pack("<i", 2))
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            print("close frame received:", closed.rcvd, flush=True)
    else:
        await socket.close(int(path[1:]), "restart")

async def main():
    async with serve(handle, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
END
mkfifo "$work/stdin"
"$work/venv/bin/python" "$work/server.py" <"$work/stdin" >"$work/server.log" 2>&1 &
exec 3>"$work/stdin" # as long as this is open, the server runs
for _ in $(seq 100); do
    port=$(head -n 1 "$work/server.log")
    [ -z "$port" ] || break
    sleep 0.1
done

for path in last-word 1012 4012 session; do
    echo "$path:"
    godot --path "$work/game" -- "ws://127.0.0.1:$port/$path" 2>&1 | grep -E '^(packet|closed):' || true
done | tee "$work/seen"
exec 3>&-
wait
tail -n +2 "$work/server.log" | tee -a "$work/seen"
cat >"$work/expected" <<'END'
last-word:
closed: 4000 'bye'
1012:
closed: 1002 'Protocol error'
4012:
closed: 4012 'restart'
session:
close frame received: None
END
if diff "$work/expected" "$work/seen"; then
    echo "as described"
else
    echo "this is not what the script describes any more (< described, > seen)" >&2
    exit 1
fi
