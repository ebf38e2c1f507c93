extends Node
# Receives calls as fast as it can, polled once a frame; receiving.py has the same methods.
# After "--": port=N.

const LIFETIME := 120.0  # in seconds, should nobody be left to end it


func _ready() -> void:
	OS.low_processor_usage_mode_sleep_usec = 0
	Engine.max_fps = 0
	get_tree().create_timer(LIFETIME).timeout.connect(get_tree().quit)
	var port := 0
	for each in OS.get_cmdline_user_args():
		if each.begins_with("port="):
			port = int(each.get_slice("=", 1))
	var peer := WebSocketMultiplayerPeer.new()
	peer.inbound_buffer_size = 1 << 20
	peer.max_queued_packets = 1 << 16
	if peer.create_server(port, "127.0.0.1") != OK:
		get_tree().quit(1)
		return
	multiplayer.multiplayer_peer = peer
	print("port ", port)


@rpc("any_peer")
func move(_entity: int, _x: float, _y: float, _state: String) -> void:
	pass


@rpc("any_peer")
func hit(_target: int, _damage: int, _critical: bool) -> void:
	pass


@rpc("any_peer")
func say(_text: String, _at: int) -> void:
	pass


@rpc("any_peer")
func mark() -> void:
	seen.rpc_id(multiplayer.get_remote_sender_id())


@rpc("any_peer")
func seen() -> void:
	pass
