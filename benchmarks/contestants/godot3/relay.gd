extends SceneTree
# A gd_mp server that does nothing but poll, as fast as it can: the engine's C++ relays.
# Packets for the server itself have to be fetched, or its buffer fills up.

const LIFETIME = 120000  # in ms, should nobody be left to end it

func _init():
	var port = 0
	for argument in OS.get_cmdline_args():
		if argument.begins_with("--port="):
			port = int(argument.split("=")[1])
	var server = WebSocketServer.new()
	server.bind_ip = "127.0.0.1"
	server.set_buffers(1024, 65536, 1024, 65536)
	if server.listen(port, PoolStringArray(), true) != OK:
		print("cannot listen")
		quit()
		return
	print("port ", port)
	while OS.get_ticks_msec() < LIFETIME:
		server.poll()
		while server.get_available_packet_count() > 0:
			server.get_packet()
	quit()
