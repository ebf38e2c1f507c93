extends Node
# Runs what the tests order, and tells them of signals and results. See engine.py for the other side.

const ORDER := """extends RefCounted
var main: Node
var tree: SceneTree
var keep: Dictionary
var multiplayer: MultiplayerAPI
func run() -> Variant:
	var args: Array = %s
%s
	return null
"""
const OF_A_PEER := [
	"peer_connected", "peer_disconnected", "peer_authenticating", "peer_authentication_failed",
]
const OF_THE_CONNECTION := ["connected_to_server", "connection_failed", "server_disconnected"]

var keep := {}
var wire: RefCounted = preload("res://wire.gd").new()  # to the tests; another one in native engines


func _ready() -> void:
	wire.open(get_tree(), _on_order)
	tell({"what": "ready", "version": Engine.get_version_info()})


func tell(what: Dictionary) -> void:
	wire.tell(JSON.stringify(what, "", false))


func _on_order(text: String) -> void:
	var order: Dictionary = JSON.parse_string(text)
	var script := GDScript.new()
	script.source_code = ORDER % [order.args, order.code.indent("\t")]
	if script.reload() != OK:
		tell({"what": "result", "id": order.id, "error": "the code does not compile"})
		return
	var holder: RefCounted = script.new()
	holder.main = self
	holder.tree = get_tree()
	holder.keep = keep
	holder.multiplayer = multiplayer
	var result: Variant = await holder.run()
	tell({"what": "result", "id": order.id, "value": var_to_str(result)})


# Leaves what the last test made and begins anew: another SceneMultiplayer, and no node but Game.
func reset(game: String) -> bool:
	if multiplayer.multiplayer_peer:
		multiplayer.multiplayer_peer.close()
		multiplayer.multiplayer_peer = null  # else what is freed is despawned, to nobody
	for child in get_children():
		remove_child(child)
		child.free()
	keep.clear()
	var fresh := SceneMultiplayer.new()
	get_tree().set_multiplayer(fresh)
	for called: String in OF_A_PEER:
		fresh.connect(called, func(id: int) -> void: tell_signal(called, [id]))
	for called: String in OF_THE_CONNECTION:
		fresh.connect(called, func() -> void: tell_signal(called, []))
	fresh.peer_packet.connect(func(id: int, packet: PackedByteArray) -> void:
		tell_signal("peer_packet", [id], packet))
	return add_node("Game", game)


func tell_signal(called: String, args: Array, packet: Variant = null) -> void:
	var hex: Variant = null if packet == null else packet.hex_encode()
	tell({"what": "signal", "name": called, "args": args, "packet": hex})


func add_node(called: String, source: String, parent: Node = self) -> bool:
	var script := GDScript.new()
	script.source_code = source
	if script.reload() != OK:
		return false
	var node := Node.new()
	node.name = called
	node.set_script(script)
	parent.add_child(node)
	return node.name == called


func create_client(url: String, protocols: PackedStringArray) -> Error:
	var peer := WebSocketMultiplayerPeer.new()
	peer.supported_protocols = protocols
	var error := peer.create_client(url)
	if error == OK:
		multiplayer.multiplayer_peer = peer
	return error


# Only a native engine can.
func listen(port: int) -> Error:
	var peer := WebSocketMultiplayerPeer.new()
	var error := peer.create_server(port, "127.0.0.1")
	if error == OK:
		multiplayer.multiplayer_peer = peer
	return error


# True as soon as the bridge is there.
func create_server(url: String) -> bool:
	var peer: MultiplayerPeerExtension = preload("res://bridge_peer.gd").new()
	if peer.create_server(url) != OK:
		return false
	multiplayer.multiplayer_peer = peer
	while not peer.opened:
		await get_tree().process_frame
	return true


func set_auth(greeting: Variant, expected: Variant, at_once: bool) -> bool:
	multiplayer.auth_callback = func(id: int, data: PackedByteArray) -> void:
		tell_signal("auth_callback", [id], data)
		if expected == null:
			return
		if data == expected:
			multiplayer.complete_auth(id)
		else:
			multiplayer.disconnect_peer(id)
	multiplayer.peer_authenticating.connect(func(id: int) -> void:
		if greeting != null:
			multiplayer.send_auth(id, greeting)
		if at_once:
			multiplayer.complete_auth(id))
	return true
