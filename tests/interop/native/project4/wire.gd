extends RefCounted
# Between the tests and a native engine: a connection that process.py accepts, with one JSON object a
# line both ways. The engine ends when that connection does.

var stream := StreamPeerTCP.new()
var rest := PackedByteArray()
var engine: SceneTree
var on_order: Callable


func open(tree: SceneTree, order: Callable) -> void:
	engine = tree
	on_order = order
	Engine.max_fps = 60  # a headless engine would take a whole core
	stream.connect_to_host("127.0.0.1", int(OS.get_environment("GDPEERS_CONTROL")))
	while stream.get_status() == StreamPeerTCP.STATUS_CONNECTING:
		OS.delay_msec(1)
		stream.poll()
	stream.set_no_delay(true)
	tree.process_frame.connect(_read)


func tell(text: String) -> void:
	stream.put_data((text + "\n").to_utf8_buffer())


func _read() -> void:
	stream.poll()
	if stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		engine.quit()
		return
	var count := stream.get_available_bytes()
	if count:
		rest.append_array(stream.get_data(count)[1])
	while true:
		var end := rest.find(10)
		if end < 0:
			return
		var line := rest.slice(0, end).get_string_from_utf8()
		rest = rest.slice(end + 1)
		on_order.call(line)


# The whole game hangs, as at a breakpoint or behind a loading screen, until the tests say more.
func stand_still() -> void:
	tell(JSON.stringify({"what": "stands still"}))
	while stream.get_status() == StreamPeerTCP.STATUS_CONNECTED and not stream.get_available_bytes():
		OS.delay_msec(1)
		stream.poll()
