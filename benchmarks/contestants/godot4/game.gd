extends Node
# SceneMultiplayer over WebSocketMultiplayerPeer, polled once a frame. A headless engine sleeps 6.9 ms
# in each frame unless it is told not to. After "--": port=N for a server, url=… seconds=N for a client
# that calls it, as callers/job.py tells.

const LIFETIME = 120.0  # in seconds, should nobody be left to end it
const WINDOW = 250
const WINDOWS_UNDER_WAY = 4

var handled := 0
var told := 0
var begun := 0
var seconds := 0.0


func _ready() -> void:
	OS.low_processor_usage_mode_sleep_usec = 0
	Engine.max_fps = 0
	var options := {}
	for each in OS.get_cmdline_user_args():
		options[each.get_slice("=", 0)] = each.trim_prefix(each.get_slice("=", 0) + "=")
	get_tree().create_timer(LIFETIME).timeout.connect(get_tree().quit)
	var peer := WebSocketMultiplayerPeer.new()
	peer.inbound_buffer_size = 1 << 20
	peer.outbound_buffer_size = 1 << 24  # beyond it packets are dropped, with an error
	peer.max_queued_packets = 1 << 16
	var error: Error
	if options.has("port"):
		error = peer.create_server(int(options.port), "127.0.0.1")
	else:
		seconds = float(options.seconds)
		error = peer.create_client(options.url)
		multiplayer.connected_to_server.connect(_call)
	if error != OK:
		get_tree().quit(1)
		return
	multiplayer.multiplayer_peer = peer
	if options.has("port"):
		print("port ", options.port)


func _call() -> void:
	begun = Time.get_ticks_usec()
	for window in WINDOWS_UNDER_WAY:
		_send_window()


func _send_window() -> void:
	for call in WINDOW:
		move.rpc_id(1, 7, 1.5, -2.25, "walk")


@rpc("any_peer")
func move(_entity: int, _x: float, _y: float, _state: String) -> void:
	handled += 1
	if handled % WINDOW == 0:
		seen.rpc_id(multiplayer.get_remote_sender_id())


@rpc("any_peer")
func seen() -> void:
	told += 1
	var taken := (Time.get_ticks_usec() - begun) / 1e6
	if taken < seconds:
		_send_window()
	elif begun:
		print("result ", told * WINDOW / taken)
		begun = 0
		get_tree().quit()
