extends Node
# The world of a scenario of replication: what replication/engine.py orders, it does.
# NEVER 0, ALWAYS 1, ON_CHANGE 2: SceneReplicationConfig.ReplicationMode.

const Thing := preload("res://thing.gd")

var log := []
var counts := {}  # how often which synchronizer has told that it has been synchronized
var scenes := {}  # paths by name
var kept := {}  # nodes that are out of the tree
var allowed := {}  # by path: who passes the filter of a synchronizer


# An Array of a function's name and its arguments, and what it returns, as bytes.
func act(order: PackedByteArray) -> String:
	var said: Array = bytes_to_var(order)
	return var_to_bytes(callv(said[0], said[1])).hex_encode()


func note(what: String, args: Array) -> void:
	log.append([what] + args.map(func(each: Variant) -> Variant:
		return str(each) if each is NodePath or each is StringName else each))


func take_log() -> Array:
	var found := log
	log = []
	return found


# ---------------------------------------------------------------- making


func define(called: String, part: Dictionary) -> void:
	var root := make(part)
	_own(root, root)
	var packed := PackedScene.new()
	packed.pack(root)
	root.free()
	var path := "user://%s_%s.tscn" % [called, var_to_str(part).md5_text()]
	if not FileAccess.file_exists(path):
		ResourceSaver.save(packed, path)
	scenes[called] = path


func build(part: Dictionary, under: String) -> void:
	get_node(under).add_child(make(part))


func make(part: Dictionary) -> Node:
	var made: Node
	match part.kind:
		"thing", "declared":
			made = Node2D.new()
			made.set_script(Thing)
		"synchronizer":
			made = _synchronizer(part)
		"spawner":
			made = _spawner(part)
		_:
			made = Node2D.new()
	made.name = part.name
	for key: String in part.settings:
		made.set(key, part.settings[key])
	for each: Dictionary in part.parts:
		made.add_child(make(each))
	return made


func _synchronizer(part: Dictionary) -> MultiplayerSynchronizer:
	var made := MultiplayerSynchronizer.new()
	var config := SceneReplicationConfig.new()
	for each: Array in part.properties:
		config.add_property(NodePath(each[0]))
		config.property_set_spawn(NodePath(each[0]), each[1])
		config.property_set_replication_mode(NodePath(each[0]), each[2])
	made.replication_config = config
	made.set_script(preload("res://watched.gd"))
	return made


func _spawner(part: Dictionary) -> MultiplayerSpawner:
	var made := MultiplayerSpawner.new()
	made.spawn_path = NodePath(part.path)
	for each: String in part.scenes:
		made.add_spawnable_scene(scenes[each])
	made.set_script(preload("res://watched_spawner.gd"))
	return made


func _own(root: Node, node: Node) -> void:
	for each: Node in node.get_children():
		each.owner = root
		_own(root, each)


# ---------------------------------------------------------------- spawning


func spawn_scene(scene: String, under: String, called: String, values: Dictionary) -> String:
	var node: Node = load(scenes[scene]).instantiate()
	node.name = called
	for key: String in values:
		node.set(key, values[key])
	get_node(under).add_child(node, true)
	return str(node.name)


# In one frame: what is set then is too late for the spawn.
func spawn_then_put(scene: String, under: String, called: String, values: Dictionary) -> void:
	spawn_scene(scene, under, called, {})
	for key: String in values:
		get_node(under).get_node(called).set(key, values[key])


func spawn_custom(spawner: String, data: Variant) -> String:
	var node: Node = get_node(spawner).spawn(data)
	return str(node.name) if node else ""


# What the spawners' spawn_function is: data names a scene, or it is a name.
func from_data(data: Variant) -> Variant:
	if data is Dictionary:
		var node: Node = load(scenes[data.scene]).instantiate()
		node.name = data.name
		node.any = data.get("any")
		return node
	return null


func add_plain(under: String, called: String) -> void:
	var node := Node2D.new()
	node.name = called
	get_node(under).add_child(node)


func free_node(path: String) -> void:
	var node := get_node(path)
	node.get_parent().remove_child(node)
	node.free()


func take_out(path: String) -> void:
	var node := get_node(path)
	node.get_parent().remove_child(node)
	kept[str(node.name)] = node


func put_back(called: String, under: String, ready_again: bool) -> void:
	var node: Node = kept[called]
	kept.erase(called)
	if ready_again:
		node.request_ready()
	get_node(under).add_child(node)


func rename(path: String, called: String) -> void:
	get_node(path).name = called


# ---------------------------------------------------------------- looking and changing


func things() -> Dictionary:
	var found := {}
	for each: Node in find_children("*", "Node2D", true, false):
		if each.get_script() == Thing:
			found[str(get_path_to(each))] = each.values()
	return found


func has(path: String) -> bool:
	return has_node(path)


func put(path: String, property: String, value: Variant) -> void:
	get_node(path).set_indexed(NodePath(property), value)


func read(path: String, property: String) -> Variant:
	return get_node(path).get_indexed(NodePath(property)) if has_node(path) else null


# Other than put(), for a dictionary or array in place: appends, or sets a key.
func grow(path: String, property: String, key: Variant, value: Variant) -> void:
	var container: Variant = get_node(path).get(property)
	if container is Array:
		container.append(value)
	else:
		container[key] = value


func authority(path: String, peer: int) -> void:
	get_node(path).set_multiplayer_authority(peer)


func poke(path: String, peer: int, what: Variant) -> void:
	get_node(path).poke.rpc_id(peer, what)


func times(path: String) -> int:
	return counts.get(path, 0)


# ---------------------------------------------------------------- visibility


func set_visible(path: String, peer: int, visible: bool) -> void:
	get_node(path).set_visibility_for(peer, visible)


func add_filter(path: String, peers: Array) -> void:
	allowed[path] = peers
	get_node(path).add_visibility_filter(func(peer: int) -> bool: return peer in allowed[path])


func let_through(path: String, peers: Array) -> void:
	allowed[path] = peers


func update_visibility(path: String, peer: int) -> void:
	get_node(path).update_visibility(peer)


func _exit_tree() -> void:
	for each: String in kept:
		kept[each].free()
