extends MultiplayerSpawner
# Notes what its signals tell in the world's log, and makes nodes of data as the world does.


func _enter_tree() -> void:
	var world := get_node("/root/Main/World")
	spawn_function = world.from_data
	if has_meta("watched"):
		return
	set_meta("watched", true)
	var place := func() -> String: return str(world.get_path_to(self)) if is_inside_tree() else str(name)
	spawned.connect(func(node: Node) -> void: world.note("spawned", [place.call(), str(node.name)]))
	despawned.connect(func(node: Node) -> void: world.note("despawned", [place.call(), str(node.name)]))
