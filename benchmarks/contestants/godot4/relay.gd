extends SceneTree
# A server whose API relays. It polls a thousand times a second, so that its work can be told
# from waiting.

const LIFETIME = 120000  # in ms, should nobody be left to end it

func _initialize():
	var port = 0
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("port="):
			port = int(argument.split("=")[1])
	var peer = WebSocketMultiplayerPeer.new()
	if peer.create_server(port, "127.0.0.1") != OK:
		print("cannot listen")
		quit()
		return
	var api = SceneMultiplayer.new()
	api.multiplayer_peer = peer
	print("port ", port)
	while Time.get_ticks_msec() < LIFETIME:
		api.poll()
		OS.delay_usec(1000)
	quit()
