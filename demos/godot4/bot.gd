extends Node
# Plays by itself: walks to the nearest other player and shoots, as demos/arena/bots.py does.

var _way := Vector2.RIGHT
var _ticks := 0
var _before := Vector2.ZERO


func decide() -> Array:
	var arena := get_parent()
	var own: Node2D = arena.own()
	var nearest: Node2D = null
	for player: Node2D in arena.players():
		if player != own and player.health > 0:
			if nearest == null or own.position.distance_to(player.position) < own.position.distance_to(nearest.position):
				nearest = player
	_ticks -= 1
	if own.position.distance_to(_before) < 0.1 and _ticks < 0:  # something is in the way
		_way = Vector2.from_angle(randf() * TAU)
		_ticks = randi_range(10, 30)
	elif nearest and _ticks < 0:
		_way = own.position.direction_to(nearest.position)
	_before = own.position
	var bits := 1 if _way.x < -0.4 else 2 if _way.x > 0.4 else 0
	bits |= 4 if _way.y < -0.4 else 8 if _way.y > 0.4 else 0
	if nearest == null:
		return [bits, _way.angle()]
	return [bits | 16, own.position.angle_to_point(nearest.position)]
