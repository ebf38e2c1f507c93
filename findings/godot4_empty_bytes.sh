#!/bin/sh
# Godot 4.6.3: an RPC whose only argument is an empty PackedByteArray arrives without arguments.
#
# Two SceneMultiplayers in one engine are connected over WebSocketMultiplayerPeer; the client calls take(data)
# on the server. The input is valid: take takes one PackedByteArray. The call arrives with two bytes, with an
# empty array as one of two arguments, and with an empty String. Expected: the same for the empty array. Seen:
# "Method expected 1 argument(s), but called with 0", because a packet that ends after the method's number
# stands for both.
#
# Version: Debian's godot 4.6.3+ds-2 (forky; the system's apt verifies its signature). Needs Debian's apt after
# `apt-get update`; about 15 s and 400 MB in a temporary folder, which is removed.
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

# ---- the game
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
cat >"$work/game/receiver.gd" <<'END'
extends Node
@rpc("any_peer") func take(data) -> void: print("took: ", var_to_str(data))
@rpc("any_peer") func take_two(data, more) -> void: print("took: ", var_to_str(data), " ", more)
@rpc("any_peer") func last() -> void: get_tree().quit()
END
cat >"$work/game/main.gd" <<'END'
extends Node

func side(called: String, peer: MultiplayerPeer) -> Node:
	var root := Node.new()
	root.name = called
	add_child(root)
	get_tree().set_multiplayer(SceneMultiplayer.new(), root.get_path())
	root.multiplayer.multiplayer_peer = peer
	var node := Node.new()
	node.name = "Receiver"
	node.set_script(load("res://receiver.gd"))
	root.add_child(node)
	return node

func _ready() -> void:
	var server := WebSocketMultiplayerPeer.new()
	var port := 20000 + randi() % 10000
	while server.create_server(port, "127.0.0.1") != OK:
		port += 1
	side("Server", server)
	var client := WebSocketMultiplayerPeer.new()
	client.create_client("ws://127.0.0.1:%d" % port)
	var caller := side("Client", client)
	await caller.multiplayer.connected_to_server
	caller.rpc_id(1, "take", PackedByteArray([1, 2]))
	caller.rpc_id(1, "take_two", PackedByteArray(), "more")
	caller.rpc_id(1, "take", "")
	caller.rpc_id(1, "take", PackedByteArray())
	caller.rpc_id(1, "last")
END
godot --path "$work/game" 2>&1 | grep -oE '^took:.*|Method expected.*' | tee "$work/seen"
cat >"$work/expected" <<'END'
took: PackedByteArray(1, 2)
took: PackedByteArray() more
took: ""
Method expected 1 argument(s), but called with 0
END
if diff "$work/expected" "$work/seen"; then
    echo "as described"
else
    echo "this is not what the script describes any more (< described, > seen)" >&2
    exit 1
fi
