class_name ResumingPeer
extends MultiplayerPeerExtension
## A WebSocket client whose session survives lost connections, on servers of gdpeers with a grace.
##
## It takes the place of WebSocketMultiplayerPeer: create_client(url), then multiplayer.multiplayer_peer.
## If the connection breaks, it dials again, and both sides send again what was lost on its way, once and in
## order; the game notices nothing. What it speaks is docs/protocol/resume.md; README.md says the rest.

## The connection is lost, and it is dialling again. The status stays CONNECTED, and calls are kept.
signal session_suspended
## The connection is back. If not replayed, more was lost than was kept: server_disconnected,
## connected_to_server and peer_connected follow, and the server sends all again. The id is the same.
signal session_resumed(replayed: bool)

const NONE := -1
const LONGEST_WAIT := 4.0 ## Between two attempts, in seconds.
const SHORTEST_CAP := 0.2 ## The bound of the first random wait, in seconds; it doubles.
const ACK_MESSAGES := 64
const ACK_BYTES := 32 * 1024
const ACK_AFTER := 1.0
const RETRIED := [NONE, 1001, 1005, 1006, 4012, 4013]
const SYS := 7 ## Of Godot's SceneMultiplayer: a packet about a peer.
const ADD_PEER := 1
const DEL_PEER := 2

## How long it tries to come back before the session is over, in seconds.
var give_up_after := 30.0
## How much of what the server has not acknowledged is kept, in bytes and in packets.
var ring_bytes := 1 << 18
var ring_packets := 4096
## How long one attempt to connect may take, in seconds.
var connect_timeout := 5.0
## As those of WebSocketMultiplayerPeer; set them before create_client.
var heartbeat_interval := 5.0
var inbound_buffer_size := 65535
var outbound_buffer_size := 65535
var max_queued_packets := 4096
var handshake_headers: PackedStringArray = []
var supported_protocols: PackedStringArray = []
## Why the session ended, for people; "" while it has not.
var failure := ""
## The server's close code and reason, if it ended the session; else -1 and "".
var close_code := NONE
var close_reason := ""

var _socket: WebSocketPeer
var _url := ""
var _tls: TLSOptions
var _status := MultiplayerPeer.CONNECTION_DISCONNECTED
var _id := 0
var _greeted := false # this connection's first message has come
var _agreed := false # the server speaks the words
var _has_session := false # it has been up
var _leaving := false
var _seat := ""
var _inbox: Array[PackedByteArray] = []
var _received := 0 # the number of the last message that has come
var _next_in := 1 # that of the next one
var _next_out := 1
var _lost := 0 # the newest reliable message that is in the ring no more
var _written: Array = [] # [number, bytes], not acknowledged
var _waiting: Array[PackedByteArray] = [] # reliable, without a number yet
var _ring_size := 0 # of both, in bytes
var _acked := 0 # the last number that we have acknowledged
var _unacked_bytes := 0
var _unacked_since := 0.0
var _suspended_at := 0.0 # when the connection was lost; 0 while there is one
var _dial_at := 0.0
var _dialled_at := 0.0
var _attempts := 0
var _eats_id := false # the session begins anew, so that the next message is our id again
var _announces_server := false # likewise, and SceneMultiplayer has not heard of the server yet
var _mode := MultiplayerPeer.TRANSFER_MODE_RELIABLE
var _channel := 0


func create_client(url: String, tls_client_options: TLSOptions = null) -> Error:
	if _status != MultiplayerPeer.CONNECTION_DISCONNECTED:
		return ERR_ALREADY_IN_USE
	_begin()
	_url = url.get_slice("#", 0)
	var host := _url.get_slice("?", 0).get_slice("://", 1)
	if not "/" in host: # the engine takes no query without a path
		_url = _url.replace("://" + host, "://" + host + "/")
	_tls = tls_client_options
	_status = MultiplayerPeer.CONNECTION_CONNECTING
	var error := _dial()
	if error != OK:
		_status = MultiplayerPeer.CONNECTION_DISCONNECTED
	return error


# Nothing of an earlier session counts in the next one: its seat is gone, or somebody else's.
func _begin() -> void:
	_forget()
	failure = ""
	close_code = NONE
	close_reason = ""
	_agreed = false
	_has_session = false
	_leaving = false
	_seat = ""
	_received = 0
	_next_in = 1
	_next_out = 1
	_lost = 0
	_acked = 0
	_unacked_bytes = 0
	_attempts = 0
	_eats_id = false
	_announces_server = false


## Whether the connection is lost at the moment, and the session is not.
func is_suspended() -> bool:
	return _suspended_at > 0.0


## How many bytes are kept, because the server has not said that it has got them.
func get_kept_bytes() -> int:
	return _ring_size


func _now() -> float:
	return Time.get_ticks_usec() / 1e6


func _dial() -> Error:
	_socket = WebSocketPeer.new()
	_socket.heartbeat_interval = heartbeat_interval
	_socket.inbound_buffer_size = inbound_buffer_size
	_socket.outbound_buffer_size = outbound_buffer_size
	_socket.max_queued_packets = max_queued_packets
	_socket.handshake_headers = handshake_headers
	_socket.supported_protocols = supported_protocols
	_greeted = false
	_dialled_at = _now()
	var query := "resume=1"
	if _seat:
		query += "&seat=%s&received=%d&next=%d&lost=%d" % [_seat, _received, _next_out, _lost]
	return _socket.connect_to_url(_url + ("&" if "?" in _url else "?") + query, _tls)


func _poll() -> void:
	if _status == MultiplayerPeer.CONNECTION_DISCONNECTED:
		return
	if _announces_server:
		_announces_server = false
		peer_connected.emit(1)
	var now := _now()
	if is_suspended() and now > _suspended_at + give_up_after:
		_end("it could not come back within %s s" % give_up_after)
		return
	if _socket == null:
		if now >= _dial_at and _dial() != OK:
			_socket = null
			_try_later()
		return
	_socket.poll()
	# Before its state: what was sent before a close frame is still to be read.
	while _socket != null and _socket.get_available_packet_count():
		var packet := _socket.get_packet()
		_take(packet, _socket.was_string_packet())
	if _socket == null or _status == MultiplayerPeer.CONNECTION_DISCONNECTED:
		return
	match _socket.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			_write()
			_acknowledge(now)
		WebSocketPeer.STATE_CLOSED:
			_closed(_socket.get_close_code(), _socket.get_close_reason())
		WebSocketPeer.STATE_CONNECTING:
			if now > _dialled_at + connect_timeout:
				_socket = null
				_closed(NONE, "")


# ---------------------------------------------------------------- what comes

func _take(packet: PackedByteArray, is_word: bool) -> void:
	if not _greeted:
		_greeted = true
		if is_word:
			_greet(JSON.parse_string(packet.get_string_from_utf8()))
			return
		if _agreed:
			_end("the server does not know this session any more")
			return
		push_warning("%s grants no seats: a lost connection will end the session" % _url.get_slice("?", 0))
	if is_word and _agreed:
		_hear(JSON.parse_string(packet.get_string_from_utf8()))
		return
	_count(packet.size())
	if _id == 0:
		_id = packet.decode_s32(0) if packet.size() == 4 else 0
		if _id < 2:
			_end("its first message is not a peer id")
			return
		_has_session = true
		_status = MultiplayerPeer.CONNECTION_CONNECTED
		peer_connected.emit(1)
	elif _eats_id:
		_eats_id = false
	elif packet.size() == 6 and packet[0] == SYS and packet[1] == DEL_PEER and packet.decode_s32(2) == _id:
		pass # all are announced who are there: for clients that compare
	else:
		_inbox.append(packet)


func _greet(word: Variant) -> void:
	if not (word is Dictionary and word.get("seat") is String and _number(word, "next") > 0):
		_end("its greeting makes no sense")
		return
	_agreed = true
	_seat = word.seat
	_next_in = _number(word, "next")
	if not is_suspended():
		return
	_suspended_at = 0.0
	_attempts = 0
	if word.get("replayed") == true:
		_drop_until(_number(word, "received"))
		# All that is left was lost: it is written again, with new numbers.
		var again: Array[PackedByteArray] = []
		for entry: Array in _written:
			again.append(entry[1])
		_waiting = again + _waiting
		_written.clear()
		session_resumed.emit(true)
	else:
		_begin_anew()


# As if an engine's peer had been replaced: SceneMultiplayer forgets the session when it sees that
# this one is disconnected, and takes it up again when it sees that it is not, which is at its next poll.
func _begin_anew() -> void:
	_written.clear()
	_waiting.clear()
	_inbox.clear()
	_ring_size = 0
	_lost = _next_out - 1
	_eats_id = true
	session_resumed.emit(false)
	peer_disconnected.emit(1)
	_status = MultiplayerPeer.CONNECTION_DISCONNECTED
	_take_up_again.call_deferred(_socket)


func _take_up_again(socket: WebSocketPeer) -> void:
	if _socket == socket and socket != null:
		_status = MultiplayerPeer.CONNECTION_CONNECTED
		_announces_server = true


func _hear(word: Variant) -> void:
	if not word is Dictionary:
		return
	if word.has("ack"):
		_drop_until(_number(word, "ack"))
	elif _number(word, "renewed") > 1 and _number(word, "renewed") < 1 << 31:
		_count(0)
		# Engines have no other word for it: that peer has left, and joined.
		for what: int in [DEL_PEER, ADD_PEER]:
			var packet := PackedByteArray([SYS, what, 0, 0, 0, 0])
			packet.encode_s32(2, _number(word, "renewed"))
			_inbox.append(packet)


func _number(word: Dictionary, key: String) -> int:
	var found: Variant = word.get(key)
	return int(found) if found is float or found is int else NONE


func _count(size: int) -> void:
	if not _agreed:
		return
	if _received == _acked:
		_unacked_since = _now()
	_received = _next_in
	_next_in += 1
	_unacked_bytes += size


func _acknowledge(now: float) -> void:
	if not _agreed or _received <= _acked or not _greeted:
		return
	if _received - _acked >= ACK_MESSAGES or _unacked_bytes >= ACK_BYTES or now > _unacked_since + ACK_AFTER:
		if _socket.send_text(JSON.stringify({"ack": _received})) == OK:
			_acked = _received
			_unacked_bytes = 0


# ---------------------------------------------------------------- what leaves

func _put_packet_script(buffer: PackedByteArray) -> Error:
	if _status != MultiplayerPeer.CONNECTION_CONNECTED:
		return ERR_UNCONFIGURED
	if buffer.size() > outbound_buffer_size:
		return ERR_OUT_OF_MEMORY
	var is_up := _socket != null and _greeted and _socket.get_ready_state() == WebSocketPeer.STATE_OPEN
	if _mode != MultiplayerPeer.TRANSFER_MODE_RELIABLE:
		if is_up and _waiting.is_empty() and _socket.send(buffer) == OK:
			_next_out += 1
		return OK
	if not _agreed:
		return _socket.send(buffer) if is_up else ERR_UNAVAILABLE
	if not is_suspended() and _waiting_size() > ring_bytes:
		return ERR_OUT_OF_MEMORY # the server does not read
	_waiting.append(buffer)
	_ring_size += buffer.size()
	if is_up:
		_write()
	_bound()
	return OK


func _write() -> void:
	if not (_agreed and _greeted):
		return
	while _waiting:
		if _socket.send(_waiting[0]) != OK: # its buffer is full
			return
		_written.append([_next_out, _waiting.pop_front()])
		_next_out += 1


func _waiting_size() -> int:
	return _waiting.reduce(func(sum: int, each: PackedByteArray) -> int: return sum + each.size(), 0)


func _bound() -> void:
	while _ring_size > ring_bytes or _written.size() + _waiting.size() > ring_packets:
		if _written:
			var entry: Array = _written.pop_front()
			_lost = entry[0]
			_ring_size -= entry[1].size()
		elif not is_suspended():
			return
		else: # nothing that is kept is of use any more: the session will begin anew
			_lost = _next_out
			_ring_size -= _waiting.pop_front().size()


func _drop_until(number: int) -> void:
	while _written and _written[0][0] <= number:
		_ring_size -= _written.pop_front()[1].size()


# ---------------------------------------------------------------- ends

func _closed(code: int, reason: String) -> void:
	if _leaving or not (_agreed and _has_session and code in RETRIED):
		close_code = code
		close_reason = reason
		_end(reason if reason else "the connection has ended (%d)" % code)
		return
	if not is_suspended():
		_suspended_at = _now()
		_socket = null
		_dial_at = _now() + randf() * SHORTEST_CAP
		_attempts = 1
		session_suspended.emit()
	else:
		_try_later()


func _try_later() -> void:
	_socket = null
	_dial_at = _now() + randf() * minf(SHORTEST_CAP * 2.0 ** _attempts, LONGEST_WAIT)
	_attempts += 1


func _end(why: String) -> void:
	var was_up := _has_session and _status == MultiplayerPeer.CONNECTION_CONNECTED
	failure = why
	_forget()
	if was_up:
		peer_disconnected.emit(1)


func _forget() -> void:
	_socket = null
	_status = MultiplayerPeer.CONNECTION_DISCONNECTED
	_id = 0
	_suspended_at = 0.0
	_inbox.clear()
	_written.clear()
	_waiting.clear()
	_ring_size = 0


func _close() -> void:
	if _socket != null and _socket.get_ready_state() == WebSocketPeer.STATE_OPEN:
		_socket.close(1000) # so that the seat is free at once
		_socket.poll()
	_forget()


func _disconnect_peer(peer: int, force: bool) -> void:
	if peer != 1:
		return
	_leaving = true
	if force or _socket == null:
		_close()
	else:
		_socket.close(1000)


# ---------------------------------------------------------------- what SceneMultiplayer asks

func _get_packet_script() -> PackedByteArray:
	return _inbox.pop_front()


func _get_available_packet_count() -> int:
	return _inbox.size()


func _get_packet_peer() -> int:
	return 1


func _get_packet_mode() -> MultiplayerPeer.TransferMode:
	return MultiplayerPeer.TRANSFER_MODE_RELIABLE


func _get_packet_channel() -> int:
	return 0


func _get_max_packet_size() -> int:
	return outbound_buffer_size


func _set_target_peer(_peer: int) -> void:
	pass # all goes to the server, whose SceneMultiplayer passes it on


func _set_transfer_mode(mode: MultiplayerPeer.TransferMode) -> void:
	_mode = mode


func _get_transfer_mode() -> MultiplayerPeer.TransferMode:
	return _mode


func _set_transfer_channel(channel: int) -> void:
	_channel = channel


func _get_transfer_channel() -> int:
	return _channel


func _get_unique_id() -> int:
	return _id


func _is_server() -> bool:
	return false


func _is_server_relay_supported() -> bool:
	return true


func _get_connection_status() -> MultiplayerPeer.ConnectionStatus:
	return _status


func _set_refuse_new_connections(_refuse: bool) -> void:
	pass


func _is_refusing_new_connections() -> bool:
	return false
