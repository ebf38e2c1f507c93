extends Node2D
# A player; its name is the id of who plays it. Player in demos/arena/world.py is its twin.

const Ground := preload("res://ground.gd")
const FULL_HEALTH := 3

# Replicated: `position`, and these.
var tick := 0
var aim := 0.0
var health := FULL_HEALTH
var lives := 1
var applied := 0
var nick := ""
var score := 0
var is_ready := false
var away := false

# Where it is drawn: on its way to where the server has said, 30 times a second, that it is; our own on
# its way to where it will be once the server has done all that we have done.
var shown := Vector2.ZERO
var _predicted := Vector2.ZERO
var _pending := []  # our inputs that the server has not applied yet
var _life := 0
var _flash := 0.0


func _ready() -> void:
	$MultiplayerSynchronizer.synchronized.connect(_reconcile)
	_predicted = position


func is_own() -> bool:
	return get_node("/root/Arena").own() == self


# Do an input of ours at once.
func predict(number: int, bits: int) -> void:
	_pending.append([number, bits])
	if health > 0:
		_predicted = Ground.step(_predicted, bits)


# Begin again with what the server says, and do what it has not done yet.
func _reconcile() -> void:
	while _pending and _pending[0][0] <= applied:
		_pending.pop_front()
	_predicted = position
	if health > 0:
		for input: Array in _pending:
			_predicted = Ground.step(_predicted, input[1])


func flash() -> void:
	_flash = 0.15


func _process(delta: float) -> void:
	if _life != lives:  # it has jumped
		_life = lives
		shown = position
	shown = shown.lerp(_predicted if is_own() else position, 1.0 - exp(-20.0 * delta))
	_flash -= delta
	$Name.text = nick
	$Name.position = shown - position + Vector2(-1.5, -2.6)
	queue_redraw()


func _draw() -> void:
	var at := shown - position
	var colour := Color.from_hsv(fmod(0.618 * (name.hash() % 1000), 1.0), 0.5, 0.95)
	if health <= 0 or away:
		colour = Color(0.4, 0.4, 0.4)
	elif _flash > 0:
		colour = Color.WHITE
	draw_circle(at, Ground.RADIUS, colour)
	if is_own():
		draw_arc(at, Ground.RADIUS + 0.3, 0, TAU, 32, Color.WHITE, 0.15)
	draw_line(at, at + Vector2.from_angle(aim) * 1.6, colour, 0.3)
	for number in health:
		draw_circle(at + Vector2(-0.7 + 0.7 * number, 1.4), 0.22, Color(0.9, 0.25, 0.3))
