extends Node
# The base of the nodes that tests add: tells the tests of each call.


func record(method: String, args: Array) -> void:
	var path := str(get_path()).trim_prefix("/root/")
	get_node("/root/Main").tell({
		"what": "call", "node": path, "method": method, "sender": sender(),
		"args": args.map(var_to_str),
		"bytes": args.map(func(arg: Variant) -> String: return var_to_bytes(arg).hex_encode()),
	})


func sender() -> int:
	return multiplayer.get_remote_sender_id()
