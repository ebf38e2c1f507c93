extends MultiplayerPeerExtension
# The server's end (id 1) of a session whose WebSockets bridge.py holds. To and from there: u8 what,
# i32 peer, payload.

enum {CONNECTED, DISCONNECTED, PACKET, DROP}

var socket := WebSocketPeer.new()
var inbox: Array = []      # [from, bytes]
var target := 0
var mode := MultiplayerPeer.TRANSFER_MODE_RELIABLE
var channel := 0
var clients: Array[int] = []
var refusing := false
var opened := false


func create_server(url: String) -> Error:
	socket.inbound_buffer_size = 1 << 22
	socket.outbound_buffer_size = 1 << 22
	return socket.connect_to_url(url)


func _frame(what: int, peer: int, payload := PackedByteArray()) -> Error:
	var frame := PackedByteArray()
	frame.resize(5)
	frame[0] = what
	frame.encode_s32(1, peer)
	frame.append_array(payload)
	return socket.put_packet(frame)


func _poll() -> void:
	socket.poll()
	opened = opened or socket.get_ready_state() == WebSocketPeer.STATE_OPEN
	while socket.get_available_packet_count():
		var frame := socket.get_packet()
		var peer := frame.decode_s32(1)
		match frame[0]:
			CONNECTED:
				if refusing:
					_frame(DROP, peer)
				else:
					clients.append(peer)
					peer_connected.emit(peer)
			DISCONNECTED:
				if peer in clients:
					clients.erase(peer)
					peer_disconnected.emit(peer)
			PACKET:
				if peer in clients:
					inbox.append([peer, frame.slice(5)])


func _put_packet_script(bytes: PackedByteArray) -> Error:
	for peer in clients:
		if target == 0 or target == peer or (target < 0 and target != -peer):
			_frame(PACKET, peer, bytes)
	return OK


func _get_packet_script() -> PackedByteArray:
	return inbox.pop_front()[1]


func _get_available_packet_count() -> int:
	return inbox.size()


func _get_packet_peer() -> int:
	return inbox[0][0]


func _get_packet_mode() -> MultiplayerPeer.TransferMode:
	return MultiplayerPeer.TRANSFER_MODE_RELIABLE


func _get_packet_channel() -> int:
	return 0


func _get_max_packet_size() -> int:
	return 1 << 22


func _set_target_peer(p_id: int) -> void:
	target = p_id


func _set_transfer_mode(p_mode: MultiplayerPeer.TransferMode) -> void:
	mode = p_mode


func _get_transfer_mode() -> MultiplayerPeer.TransferMode:
	return mode


func _set_transfer_channel(p_channel: int) -> void:
	channel = p_channel


func _get_transfer_channel() -> int:
	return channel


func _get_unique_id() -> int:
	return 1


func _is_server() -> bool:
	return true


func _is_server_relay_supported() -> bool:
	return true


func _get_connection_status() -> MultiplayerPeer.ConnectionStatus:
	# A server counts as connected at once, also before the bridge answers.
	if opened and socket.get_ready_state() == WebSocketPeer.STATE_CLOSED:
		return MultiplayerPeer.CONNECTION_DISCONNECTED
	return MultiplayerPeer.CONNECTION_CONNECTED


func _set_refuse_new_connections(p_refuse: bool) -> void:
	refusing = p_refuse


func _is_refusing_new_connections() -> bool:
	return refusing


func _disconnect_peer(p_peer: int, _force: bool) -> void:
	_frame(DROP, p_peer)


func _close() -> void:
	socket.close()
