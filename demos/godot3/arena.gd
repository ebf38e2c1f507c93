extends Node2D
# The arena, as a player of Godot 3 sees it. Godot 3 has no replication: the server calls `moved` at
# every tick, `known` when a name or a score changes, `fired` and `vanished` for shots. Its twin is
# CalledWorld in demos/arena/called_world.py: the same path, the same functions.
# Lengths are the server's; the node is drawn 16 times as large.

const Ground = preload("res://ground.gd")

export var url = "ws://127.0.0.1:9080/arena3/any"
export var nick = "Godot 3"
export var plays_by_itself = false

var phase = "waiting"
var round_number = 0
var ends_at = 0
var players = {}  # by id: what `moved` and `known` have told, and where each is drawn
var shots = {}  # by name: what `fired` has told
var newest_tick = 0.0  # of the server, as far as we have heard

var _number = 0  # of our last input
var _inputs = []  # the last three: each packet has them all, since one may be lost
var _pending = []  # our inputs that the server has not applied yet
var _predicted = Vector2()  # where we shall be once it has
var _told = 0.0
var _next_try = 0.0
var _seat_key = ""


func _ready():
	for argument in OS.get_cmdline_args():  # godot --path demos/godot3 --url=ws://… --bot
		if argument.begins_with("--url="):
			url = argument.trim_prefix("--url=")
		elif argument.begins_with("--nick="):
			nick = argument.trim_prefix("--nick=")
		elif argument == "--bot":
			plays_by_itself = true
	# Whoever has it gets our seat, with the same id and score, within 30 s after the connection is lost.
	_seat_key = Crypto.new().generate_random_bytes(16).hex_encode()
	randomize()
	var _error = get_tree().connect("connected_to_server", self, "_joined")
	_join()


func _join():
	_next_try = 1.0
	players.clear()
	_pending.clear()
	shots.clear()
	var peer = WebSocketClient.new()
	var query = ("&" if "?" in url else "?") + "seat_key=" + _seat_key
	if peer.connect_to_url(url + query, PoolStringArray(), true) == OK:
		get_tree().network_peer = peer


func _joined():
	rpc_id(1, "introduce", nick)
	rpc_id(1, "set_ready", true)


# SceneTree has no signal for every way in which a connection can end.
func status():
	var peer = get_tree().network_peer
	return peer.get_connection_status() if peer else NetworkedMultiplayerPeer.CONNECTION_DISCONNECTED


func own_id():
	return get_tree().get_network_unique_id() if status() == NetworkedMultiplayerPeer.CONNECTION_CONNECTED else 0


func own():
	return players.get(own_id())


# ---------------------------------------------------------------- what we do


func _physics_process(delta):
	if status() == NetworkedMultiplayerPeer.CONNECTION_DISCONNECTED:
		_next_try -= delta
		if _next_try <= 0:
			_join()
	newest_tick += delta / Ground.TICK
	var player = own()
	if player == null:
		return
	_number += 1
	var input = $Bot.decide() if plays_by_itself else _from_keys()
	_inputs.append([_number] + input)
	if _inputs.size() > 3:
		_inputs.pop_front()
	_pending.append([_number, input[0]])
	_predicted = Ground.step(_predicted, input[0]) if player.health > 0 else _predicted
	rpc_unreliable_id(1, "steer", _inputs)  # after which we may have no connection any more


# What movement.to_wire makes of an input: bits for left, right, up, down and the trigger; the aim.
func _from_keys():
	var bits = 0
	for pressed in [[1, KEY_A, KEY_LEFT], [2, KEY_D, KEY_RIGHT], [4, KEY_W, KEY_UP], [8, KEY_S, KEY_DOWN]]:
		if Input.is_physical_key_pressed(pressed[1]) or Input.is_physical_key_pressed(pressed[2]):
			bits |= pressed[0]
	if Input.is_mouse_button_pressed(BUTTON_LEFT) or Input.is_physical_key_pressed(KEY_SPACE):
		bits |= 16
	return [bits, own().shown.direction_to(get_local_mouse_position()).angle()]


# ---------------------------------------------------------------- calls of the server


puppet func welcome(as_nick):
	nick = as_nick


puppet func moved(tick, rows):
	newest_tick = max(newest_tick, tick)
	var here = {}
	for row in rows:
		var player = players.get(row[0], {"nick": "", "score": 0, "away": false, "lives": 0, "flash": 0.0})
		if player.lives != row[4]:  # it has jumped
			player.shown = row[1]
		player.position = row[1]
		player.aim = row[2]
		player.health = row[3]
		player.lives = row[4]
		player.applied = row[5]
		here[row[0]] = player
	players = here
	if own():
		_reconcile(own())


# Begin again with what the server says, and do what it has not done yet.
func _reconcile(player):
	while _pending and _pending[0][0] <= player.applied:
		_pending.pop_front()
	_predicted = player.position
	if player.health > 0:
		for input in _pending:
			_predicted = Ground.step(_predicted, input[1])


puppet func known(game, rows):
	phase = game[0]
	round_number = game[1]
	ends_at = game[2]
	for row in rows:
		var player = players.get(row[0])
		if player == null:  # `moved` has not told of it yet
			player = {"lives": 0, "applied": 0, "flash": 0.0, "position": Vector2(), "shown": Vector2(), "aim": 0.0, "health": 3}
			players[row[0]] = player
		player.nick = row[1]
		player.score = row[2]
		player.away = row[4]


puppet func fired(shot, _shooter, origin, velocity, tick):
	shots[shot] = [origin, velocity, tick]


puppet func vanished(shot):
	shots.erase(shot)


puppet func hit(_shooter, victim, _fatal, _at):
	if players.has(victim):
		players[victim].flash = 0.15


puppet func round_over(_number_of_it, _winner, _scores):
	pass


puppet func tell_time(_sent, _server):
	pass


# ---------------------------------------------------------------- what there is to see


func _process(delta):
	for id in players:  # the server says where they are 30 times a second
		var player = players[id]
		var to = _predicted if id == own_id() else player.position
		player.shown = player.shown.linear_interpolate(to, 1.0 - exp(-20.0 * delta))
		player.flash -= delta
	$Scores.text = headline() + "\n" + scores()
	update()
	_told += delta
	if OS.has_feature("Server") and _told >= 1.0:
		_told = 0.0
		print(headline(), ": ", scores())


func headline():
	if own() == null:
		return "joining " + url
	if phase == "playing":
		return "round %d, %d s left" % [round_number, max(ends_at - newest_tick, 0) * Ground.TICK]
	return "waiting until all are ready" if phase == "waiting" else "round %d is over" % round_number


func scores():
	var all = players.values()
	all.sort_custom(self, "_is_better")
	var said = PoolStringArray()
	for player in all:
		said.append("%s %d%s" % [player.nick, player.score, " (away)" if player.away else ""])
	return said.join(", ")


func _is_better(one, other):
	return one.score > other.score


func _draw():
	draw_rect(Rect2(Vector2(), Ground.SIZE), Color(0.16, 0.18, 0.22))
	for wall in Ground.WALLS:
		draw_rect(wall, Color(0.45, 0.48, 0.55))
	for shot in shots.values():
		var at = shot[0] + shot[1] * max(newest_tick - shot[2], 0) * Ground.TICK
		if Rect2(Vector2(), Ground.SIZE).has_point(at):
			draw_circle(at, 0.25, Color(1, 0.95, 0.6))
	for id in players:
		_draw_player(players[id], id)


func _draw_player(player, id):
	var colour = Color.from_hsv(fmod(0.618 * (id % 1000), 1.0), 0.5, 0.95)
	if player.health <= 0 or player.away:
		colour = Color(0.4, 0.4, 0.4)
	elif player.flash > 0:
		colour = Color.white
	draw_circle(player.shown, Ground.RADIUS, colour)
	draw_line(player.shown, player.shown + Vector2(1.6, 0).rotated(player.aim), colour, 0.3)
	if id == own_id():
		draw_arc(player.shown, Ground.RADIUS + 0.3, 0, TAU, 32, Color.white, 0.15)
	for number in player.health:
		draw_circle(player.shown + Vector2(-0.7 + 0.7 * number, 1.4), 0.22, Color(0.9, 0.25, 0.3))
	draw_set_transform(player.shown + Vector2(-1.5, -1.5), 0, Vector2(0.06, 0.06))
	draw_string($Scores.get_font("font"), Vector2(), player.nick)
	draw_set_transform(Vector2(), 0, Vector2.ONE)
