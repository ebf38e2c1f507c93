extends Reference
# Where players walk, and how: as demos/arena/ground.py and movement.py, to the last bit.

const TICK = 1.0 / 30.0
const SIZE = Vector2(64, 32)
const SPEED = 12.0
const RADIUS = 0.8
const WALLS = [
	Rect2(14, 6, 3, 6), Rect2(14, 20, 3, 6), Rect2(47, 6, 3, 6), Rect2(47, 20, 3, 6), Rect2(26, 15, 12, 2),
]


# Where a player is after a tick. Positions are multiples of 1/256, which floats of 32 bits have
# exactly; so a prediction that goes on from what the server has sent gets what the server gets.
static func step(at, bits):
	var right = (bits >> 1 & 1) - (bits & 1)
	var down = (bits >> 3 & 1) - (bits >> 2 & 1)
	if right == 0 and down == 0:
		return at
	var length = round(SPEED * TICK / sqrt(right * right + down * down) * 256.0) / 256.0
	var across = Vector2(at.x + right * length, at.y)
	if is_free(across):
		at = across
	var along = Vector2(at.x, at.y + down * length)
	return along if is_free(along) else at


static func is_free(at):
	if at.x < RADIUS or at.x > SIZE.x - RADIUS or at.y < RADIUS or at.y > SIZE.y - RADIUS:
		return false
	for wall in WALLS:
		var right = at.x - clamp(at.x, wall.position.x, wall.end.x)
		var down = at.y - clamp(at.y, wall.position.y, wall.end.y)
		if right * right + down * down <= RADIUS * RADIUS:
			return false
	return true
