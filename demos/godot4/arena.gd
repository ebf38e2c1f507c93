extends Node2D
# The arena, as a player of Godot 4 sees it. Its twin is World in demos/arena/world.py: the same path,
# the same @rpc functions, the same properties in the same order in each MultiplayerSynchronizer.
# Lengths are the server's; the node is drawn 16 times as large.

const Ground := preload("res://ground.gd")

@export var url := "ws://127.0.0.1:9080/arena4/any"
@export var nick := "Godot 4"
@export var plays_by_itself := false

# Replicated; see rules.Game.
var phase := "waiting"
var round_number := 0
var ends_at := 0
var last_winner := 0
var last_scores := {}

var newest_tick := 0.0  # of the server, as far as we have heard
var _number := 0  # of our last input
var _inputs := []  # the last three: each packet has them all, since one may be lost
var _told := 0.0
var _next_try := 0.0
# Whoever has it gets our seat, with the same id and score, within 30 s after the connection is lost.
var _seat_key := Crypto.new().generate_random_bytes(16).hex_encode()


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():  # godot --path demos/godot4 -- --url=ws://… --bot
		match argument.get_slice("=", 0):
			"--url":
				url = argument.trim_prefix("--url=")
			"--nick":
				nick = argument.trim_prefix("--nick=")
			"--bot":
				plays_by_itself = true
	multiplayer.connected_to_server.connect(_joined)
	_join()


func _join() -> void:
	_next_try = 1.0
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(url + ("&" if "?" in url else "?") + "seat_key=" + _seat_key)
	multiplayer.multiplayer_peer = peer


func _joined() -> void:
	introduce.rpc_id(1, nick)
	set_ready.rpc_id(1, true)


func status() -> int:
	return multiplayer.multiplayer_peer.get_connection_status()


func players() -> Array[Node]:
	return $Players.get_children()


func own() -> Node2D:
	if status() != MultiplayerPeer.CONNECTION_CONNECTED:
		return null
	return $Players.get_node_or_null(str(multiplayer.get_unique_id()))


# ---------------------------------------------------------------- what we do


func _physics_process(delta: float) -> void:
	if status() == MultiplayerPeer.CONNECTION_DISCONNECTED:
		_next_try -= delta
		if _next_try <= 0:
			_join()
	newest_tick += delta / Ground.TICK
	for player in players():
		newest_tick = maxf(newest_tick, player.tick)
	if own() == null:
		return
	_number += 1
	var input: Array = $Bot.decide() if plays_by_itself else _from_keys()
	_inputs = (_inputs + [[_number] + input]).slice(-3)
	own().predict(_number, input[0])
	steer.rpc_id(1, _inputs)  # after which we may have no connection any more


# What movement.to_wire makes of an input: bits for left, right, up, down and the trigger; the aim.
func _from_keys() -> Array:
	var bits := 0
	for pressed: Array in [
		[1, KEY_A, KEY_LEFT], [2, KEY_D, KEY_RIGHT], [4, KEY_W, KEY_UP], [8, KEY_S, KEY_DOWN],
	]:
		if Input.is_physical_key_pressed(pressed[1]) or Input.is_physical_key_pressed(pressed[2]):
			bits |= pressed[0]
	if Input.is_mouse_button_pressed(MOUSE_BUTTON_LEFT) or Input.is_physical_key_pressed(KEY_SPACE):
		bits |= 16
	return [bits, own().shown.angle_to_point(get_local_mouse_position())]


# ---------------------------------------------------------------- calls to the server


@rpc("any_peer")
func introduce(_nick: String) -> void: pass

@rpc("any_peer")
func set_ready(_ready: bool) -> void: pass

@rpc("any_peer", "unreliable_ordered")
func steer(_inputs: Array) -> void: pass

@rpc("any_peer", "unreliable")
func ask_time(_sent: float) -> void: pass


# ---------------------------------------------------------------- calls of the server


@rpc("authority")
func welcome(as_nick: String) -> void:
	nick = as_nick

@rpc("authority", "unreliable")
func tell_time(_sent: float, _server: float) -> void: pass

@rpc("authority")
func hit(_shooter: int, victim: int, _fatal: bool, _at: Vector2) -> void:
	var player := $Players.get_node_or_null(str(victim))
	if player:
		player.flash()

@rpc("authority")
func round_over(_number_of_it: int, _winner: int, _scores: Dictionary) -> void: pass


# ---------------------------------------------------------------- what there is to see


func _process(delta: float) -> void:
	$Scores.text = headline() + "\n" + scores()
	_told += delta
	if DisplayServer.get_name() == "headless" and _told >= 1.0:
		_told = 0.0
		print(headline(), ": ", scores())


func headline() -> String:
	if own() == null:
		return "joining " + url
	if phase == "playing":
		return "round %d, %d s left" % [round_number, maxf(ends_at - newest_tick, 0) * Ground.TICK]
	return "waiting until all are ready" if phase == "waiting" else "round %d is over" % round_number


func scores() -> String:
	var all := players()
	all.sort_custom(func(one: Node, other: Node) -> bool: return one.score > other.score)
	return ", ".join(all.map(func(each: Node) -> String:
		return "%s %d%s" % [each.nick, each.score, " (away)" if each.away else ""]))


func _draw() -> void:
	draw_rect(Rect2(Vector2.ZERO, Ground.SIZE), Color(0.16, 0.18, 0.22))
	for wall in Ground.WALLS:
		draw_rect(wall, Color(0.45, 0.48, 0.55))
