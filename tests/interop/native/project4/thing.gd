extends Node2D
# A replicated node: it notes in the world's log when it enters and leaves the tree.
# replication/ours.py has the same in Python.

var hp := 100
var title := "first"
var any: Variant = null
var typed: Array[int] = [1, 2]
var blob := PackedByteArray()
var extra := {}  # x0, x1, ... by way of _get and _set

var world: Node


func _get(property: StringName) -> Variant:
	if property.begins_with("x") and property.substr(1).is_valid_int():
		return extra.get(str(property), 0)
	return null


func _set(property: StringName, value: Variant) -> bool:
	if property.begins_with("x") and property.substr(1).is_valid_int():
		extra[str(property)] = value
		return true
	return false


func _enter_tree() -> void:
	world = get_node("/root/Main/World")
	if str(name).begins_with("of_"):  # the authority over the synchronizer Input, from the name
		$Input.set_multiplayer_authority(int(str(name).substr(3)))
	if str(name).begins_with("all_"):  # ... and over everything
		set_multiplayer_authority(int(str(name).substr(4)))
	world.note("enter_tree", [world.get_path_to(self), hp])


func _ready() -> void:
	world.note("ready", [world.get_path_to(self), hp])


func _exit_tree() -> void:
	world.note("exit_tree", [world.get_path_to(self)])


func values() -> Dictionary:
	return {"position": position, "hp": hp, "title": title, "any": any, "typed": typed, "blob": blob}


@rpc("any_peer", "call_remote") func poke(what: Variant) -> void:
	world.note("poke", [world.get_path_to(self), what, multiplayer.get_remote_sender_id()])
