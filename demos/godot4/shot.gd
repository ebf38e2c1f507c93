extends Node2D
# A shot: where it is follows from how it began. Projectile in demos/arena/world.py is its twin.

const Ground := preload("res://ground.gd")

var shooter := 0
var origin := Vector2.ZERO
var velocity := Vector2.ZERO
var fired_at := 0


func _process(_delta: float) -> void:
	var arena := get_node("/root/Arena")
	position = origin + velocity * maxf(arena.newest_tick - fired_at, 0) * Ground.TICK
	visible = Rect2(Vector2.ZERO, Ground.SIZE).has_point(position)  # until the server says that it is gone


func _draw() -> void:
	draw_circle(Vector2.ZERO, 0.25, Color(1, 0.95, 0.6))
