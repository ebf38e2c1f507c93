extends Node2D
# A player; its name is the id of who plays it. Player in demos/arena/world.py is its twin.

const RADIUS := 0.8
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

# The server says 30 times a second where a player is; in between it is drawn on its way there.
var _shown := Vector2.ZERO
var _life := 0
var _flash := 0.0


func flash() -> void:
	_flash = 0.15


func _process(delta: float) -> void:
	if _life != lives:  # it has jumped
		_life = lives
		_shown = position
	_shown = _shown.lerp(position, 1.0 - exp(-20.0 * delta))
	_flash -= delta
	$Name.text = nick
	$Name.position = _shown - position + Vector2(-1.5, -2.6)
	queue_redraw()


func _draw() -> void:
	var at := _shown - position
	var is_own: bool = get_node("/root/Arena").own() == self
	var colour := Color.from_hsv(fmod(0.618 * (name.hash() % 1000), 1.0), 0.5, 0.95)
	if health <= 0 or away:
		colour = Color(0.4, 0.4, 0.4)
	elif _flash > 0:
		colour = Color.WHITE
	draw_circle(at, RADIUS, colour)
	if is_own:
		draw_arc(at, RADIUS + 0.3, 0, TAU, 32, Color.WHITE, 0.15)
	draw_line(at, at + Vector2.from_angle(aim) * 1.6, colour, 0.3)
	for number in health:
		draw_circle(at + Vector2(-0.7 + 0.7 * number, 1.4), 0.22, Color(0.9, 0.25, 0.3))
