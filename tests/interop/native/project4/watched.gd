extends MultiplayerSynchronizer
# Notes what its signals tell in the world's log; the many of synchronized are counted only.


func _enter_tree() -> void:
	var world := get_node("/root/Main/World")
	if has_meta("watched"):
		return
	set_meta("watched", true)
	var place := func() -> String: return str(world.get_path_to(self)) if is_inside_tree() else str(name)
	synchronized.connect(func() -> void: world.counts[place.call()] = world.counts.get(place.call(), 0) + 1)
	delta_synchronized.connect(func() -> void: world.note("delta_synchronized", [place.call()]))
	visibility_changed.connect(func(peer: int) -> void:
		world.note("visibility_changed", [place.call(), peer]))
