extends Node
# A peer that a test drives: see README.md.
#
# Steps (JSON objects with a number "n"; payloads in base64, values as GDScript expressions):
#   {"op":"start", ...}         a new peer, which connects or listens at once; see _start()
#   {"op":"put_packet","data":…,"to":0}          on the multiplayer peer
#   {"op":"peer_put","id":1,"data":…,"text":false}  on get_peer(id)
#   {"op":"peer_close","id":1,"code":1000,"reason":""}  WebSocketPeer.close
#   {"op":"disconnect","code":1000,"reason":""}  client: disconnect_from_host
#   {"op":"kick","id":2,"code":1000,"reason":""} server: disconnect_peer
#   {"op":"stop"}                                server
#   {"op":"state"}                               status, id, peers
#   {"op":"bytes","data":…,"to":0}               MultiplayerAPI.send_bytes
#   {"op":"rpc"|"rpc_unreliable","node":"Game","method":"r1","args":["1"],"to":0}
#   {"op":"rset"|"rset_unreliable","node":"Game","prop":"v_remote","value":"1","to":0}
#   {"op":"master","node":"Game","id":1}         set_network_master
#   {"op":"add","parent":"Game","names":["A"]}   nodes with the script game.gd
#   {"op":"remove","node":"Game/A"}
#   {"op":"tree_off"}                            SceneTree.network_peer = null
#   {"op":"stand_still"}                         hang until there is another step, as at a breakpoint
#   {"op":"eval","expr":"main.peer.get_unique_id()"}
#   {"op":"quit"}

const SHORT = 256               # payloads up to so many bytes are printed

var peer = null                 # WebSocketServer or WebSocketClient
var kept = null                 # the one before, which would close its connection if it were freed
var is_server = false
var use_mp = true
var use_tree = true
var connected = []              # clients of a plain server
var last_status = -1
var ctl = StreamPeerTCP.new()
var received = PoolByteArray()  # what has come from the test and is no whole line yet
var deadline = 0

# ---------------------------------------------------------------- utilities

func out(ev, d = {}):
	d["ev"] = ev
	print(to_json(d))

func describe(v):
	return {"type": typeof(v), "str": var2str(v), "hex": var2bytes(v).hex_encode()}

func payload(b):
	var h = HashingContext.new()
	h.start(HashingContext.HASH_SHA256)
	h.update(b)
	return {"len": b.size(), "sha256": h.finish().hex_encode(),
		"data": Marshalls.raw_to_base64(b) if b.size() <= SHORT else ""}

# Evaluate a GDScript expression by compiling a throw-away script.
func evaluate(text):
	var s = GDScript.new()
	s.source_code = "extends Reference\nvar main\nfunc run():\n\treturn " + text + "\n"
	var err = s.reload()
	if err != OK:
		out("eval_error", {"expr": text, "err": err})
		return null
	var o = s.new()
	o.main = self
	return o.run()

# ---------------------------------------------------------------- lifecycle

func _ready():
	Engine.target_fps = 250          # a headless build would spin otherwise
	deadline = OS.get_ticks_msec() + int(float(OS.get_environment("GD_LIFETIME")) * 1000)
	for s in ["network_peer_connected", "network_peer_disconnected"]:
		get_tree().connect(s, self, "_on_tree1", [s])
	for s in ["connected_to_server", "connection_failed", "server_disconnected"]:
		get_tree().connect(s, self, "_on_tree0", [s])
	get_tree().multiplayer.connect("network_peer_packet", self, "_on_raw")
	ctl.connect_to_host("127.0.0.1", int(OS.get_environment("GD_CTL")))
	out("ready", {"version": Engine.get_version_info().string})

# role       "client" or "server"
# mp         gd_mp_api
# tree       true: SceneTree.network_peer = peer; false: this script polls and fetches packets
# url, protocols, headers    client
# port, bind, protocols      server
# buffers    [in_kb, in_packets, out_kb, out_packets] for set_buffers()
# ca, verify (client), cert, key (server)    TLS: files, and verify_ssl
func _start(d):
	is_server = d.get("role", "client") == "server"
	use_mp = d.get("mp", true)
	use_tree = use_mp and d.get("tree", true)
	get_tree().set_network_peer(null)
	connected = []
	last_status = -1
	kept = peer if d.get("keep", false) else null
	peer = WebSocketServer.new() if is_server else WebSocketClient.new()
	for s in peer.get_signal_list():
		if s.name != "script_changed":
			peer.connect(s.name, self, "_on_peer%d" % s.args.size(), [s.name])
	if d.has("buffers"):
		var b = d.buffers
		peer.set_buffers(int(b[0]), int(b[1]), int(b[2]), int(b[3]))
	var protocols = PoolStringArray(d.get("protocols", []))
	var err
	if is_server:
		peer.bind_ip = d.get("bind", "127.0.0.1")
		if d.has("cert"):
			peer.ssl_certificate = X509Certificate.new()
			peer.ssl_certificate.load(d.cert)
			peer.private_key = CryptoKey.new()
			peer.private_key.load(d.key)
		err = peer.listen(int(d.port), protocols, use_mp)
	else:
		if d.has("ca"):
			peer.trusted_ssl_certificate = X509Certificate.new()
			peer.trusted_ssl_certificate.load(d.ca)
		peer.verify_ssl = d.get("verify", true)
		err = peer.connect_to_url(d.url, protocols, use_mp, PoolStringArray(d.get("headers", [])))
	_watch_status()
	if use_tree and err == OK:
		get_tree().set_network_peer(peer)
	return err

func _watch_status():
	var s = peer.get_connection_status()
	if s != last_status:
		last_status = s
		out("status", {"status": s, "id": peer.get_unique_id()})

func _process(_dt):
	if peer != null:
		if not use_tree:
			peer.poll()
			_fetch()
		_watch_status()
	_read_steps()
	if OS.get_ticks_msec() > deadline:
		out("lifetime")
		get_tree().quit()

func _read_steps():
	if ctl.get_status() == StreamPeerTCP.STATUS_CONNECTING:
		return
	if ctl.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		set_process(false)
		get_tree().quit()
		return
	var n = ctl.get_available_bytes()
	if n > 0:
		received.append_array(ctl.get_data(n)[1])
		if received[received.size() - 1] == 10:
			var lines = received.get_string_from_utf8()
			received = PoolByteArray()
			for l in lines.split("\n", false):
				var s = parse_json(l)
				var r = _run_step(s)
				out("done", {"n": int(s.n), "r": r})

# ---------------------------------------------------------------- signals

func _on_peer0(name):
	_on_signal(name, [])

func _on_peer1(a, name):
	_on_signal(name, [a])

func _on_peer2(a, b, name):
	_on_signal(name, [a, b])

func _on_peer3(a, b, c, name):
	_on_signal(name, [a, b, c])

func _on_signal(name, args):
	if name == "client_connected":
		connected.append(args[0])
	elif name == "client_disconnected":
		connected.erase(args[0])
	elif name == "data_received" and not use_mp:
		# After a poll in which the connection ends, its packets are gone.
		_fetch_plain(1 if args.empty() else args[0])
	out("sig", {"name": name, "args": args, "status": peer.get_connection_status()})

func _on_tree0(name):
	out("tree", {"name": name, "args": []})

func _on_tree1(a, name):
	out("tree", {"name": name, "args": [a]})

func _on_raw(id, bytes):
	var d = payload(bytes)
	d["from"] = id
	out("raw", d)

# ---------------------------------------------------------------- packets

func _fetch():
	if use_mp:
		while peer.get_available_packet_count() > 0:
			var from = peer.get_packet_peer()
			var d = payload(peer.get_packet())
			d["from"] = from
			out("packet", d)

func _fetch_plain(id):
	var p = peer.get_peer(id)
	while p.get_available_packet_count() > 0:
		var d = payload(p.get_packet())
		d["from"] = id
		d["text"] = p.was_string_packet()
		out("packet", d)

# ---------------------------------------------------------------- steps

func _run_step(s):
	match s.op:
		"start":
			return _start(s)
		"put_packet":
			peer.set_target_peer(int(s.get("to", 0)))
			return peer.put_packet(Marshalls.base64_to_raw(s.data))
		"peer_put":
			var p = peer.get_peer(int(s.get("id", 1)))
			p.set_write_mode(WebSocketPeer.WRITE_MODE_TEXT if s.get("text", false)
				else WebSocketPeer.WRITE_MODE_BINARY)
			return p.put_packet(Marshalls.base64_to_raw(s.data))
		"peer_close":
			peer.get_peer(int(s.get("id", 1))).close(int(s.get("code", 1000)), s.get("reason", ""))
		"disconnect":
			peer.disconnect_from_host(int(s.get("code", 1000)), s.get("reason", ""))
		"kick":
			peer.disconnect_peer(int(s.id), int(s.get("code", 1000)), s.get("reason", ""))
		"stop":
			peer.stop()
		"state":
			return {"status": peer.get_connection_status(), "id": peer.get_unique_id(),
				"clients": connected,
				"peers": get_tree().get_network_connected_peers() if use_tree else []}
		"bytes":
			return get_tree().multiplayer.send_bytes(Marshalls.base64_to_raw(s.data),
				int(s.get("to", 0)))
		"rpc", "rpc_unreliable":
			var a = [s.method]
			for x in s.get("args", []):
				a.append(evaluate(x))
			_call(s, a)
		"rset", "rset_unreliable":
			_call(s, [s.prop, evaluate(s.value)])
		"master":
			get_node(s.get("node", "Game")).set_network_master(int(s.id))
		"add":
			for name in s.names:
				var node = Node.new()
				node.name = name
				node.set_script(load("res://game.gd"))
				get_node(s.get("parent", ".")).add_child(node)
		"remove":
			get_node(s.node).free()
		"tree_off":
			get_tree().set_network_peer(null)
		"stand_still":
			out("stands_still")
			while ctl.get_status() == StreamPeerTCP.STATUS_CONNECTED and ctl.get_available_bytes() == 0:
				OS.delay_msec(1)
		"eval":
			return describe(evaluate(s.expr))
		"quit":
			set_process(false)
			get_tree().quit()
		_:
			out("bad_step", {"step": s})
	return null

func _call(s, args):
	var to = int(s.get("to", 0))
	var node = get_node(s.get("node", "Game"))
	if to == 0:
		node.callv(s.op, args)
	else:
		node.callv(s.op + "_id", [to] + args)
