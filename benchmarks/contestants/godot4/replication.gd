extends SceneTree
# A server with a spawner, twenty frames a second. Each node has a position that is sent always, and
# two numbers that are sent on change; of those, one of each node changes once a second.
# After "--": port=N nodes=N peers=N seen=N late=0 or 1. A peer sees `seen` nodes, each its own; early,
# the nodes are spawned when all peers are there. contestants/replication.py does the same.

const LIFETIME := 120.0  # in seconds, should nobody be left to end it
const TICKS := 20

var options := {}
var nodes: Array[Node2D] = []
var peers: Array[int] = []
var under: Node
var tick := 0


func _initialize() -> void:
	Engine.max_fps = TICKS
	for each in OS.get_cmdline_user_args():
		options[each.get_slice("=", 0)] = int(each.get_slice("=", 1))
	create_timer(LIFETIME).timeout.connect(quit)
	var peer := WebSocketMultiplayerPeer.new()
	peer.outbound_buffer_size = 1 << 22
	peer.max_queued_packets = 1 << 16
	if peer.create_server(options.port, "127.0.0.1") != OK:
		quit(1)
		return
	var api := get_multiplayer()
	api.multiplayer_peer = peer
	api.peer_connected.connect(_came)
	_begin.call_deferred()


func _begin() -> void:
	under = Node.new()
	under.name = "Things"
	root.add_child(under)
	var spawner := MultiplayerSpawner.new()
	spawner.name = "Spawner"
	spawner.spawn_function = func(number: int) -> Node: return nodes[number]
	root.add_child(spawner)
	spawner.spawn_path = spawner.get_path_to(under)
	if options.late:
		_spawn(spawner)
	print("port ", options.port)


func _spawn(spawner: MultiplayerSpawner) -> void:
	for number: int in options.nodes:
		nodes.append(_node(number))
		spawner.spawn(number)


func _node(number: int) -> Node2D:
	var node := Node2D.new()
	node.name = "N%d" % number
	node.set_meta("number", number)
	var config := SceneReplicationConfig.new()
	for path: NodePath in [^".:position", ^".:z_index", ^".:rotation"]:
		config.add_property(path)
		config.property_set_spawn(path, true)
		config.property_set_replication_mode(path, 1 if path == ^".:position" else 2)
	var sync := MultiplayerSynchronizer.new()
	sync.name = "Sync"
	sync.replication_config = config
	if options.seen < options.nodes:
		sync.public_visibility = false
		for index in peers.size():
			if _sees(index, number):
				sync.set_visibility_for(peers[index], true)
	node.add_child(sync)
	return node


func _sees(index: int, number: int) -> bool:
	return posmod(number - index * int(options.nodes) / int(options.peers), options.nodes) < options.seen


func _came(peer: int) -> void:
	peers.append(peer)
	if options.late:
		if options.seen < options.nodes:
			for number: int in options.nodes:
				if _sees(peers.size() - 1, number):
					nodes[number].get_child(0).set_visibility_for(peer, true)
	elif peers.size() == options.peers:
		_spawn(root.get_node("Spawner"))


func _process(_delta: float) -> bool:
	tick += 1
	for number in nodes.size():
		nodes[number].position = Vector2(tick, number)
		if number % TICKS == tick % TICKS:
			nodes[number].z_index = tick % 4000
	return false
