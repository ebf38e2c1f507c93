extends Node
# Target of remote calls and sets.  Every access is reported as one JSON line
# through Main.out(): {"ev":"rpc","node":..,"method":..,"sender":..,"args":[..]}.
# One function per RPC mode and per arity, so that the other implementation can
# check what a Godot 3.2 peer accepts and refuses.

onready var main = get_node("/root/Main")

func _log(method, args):
	var vs = []
	for a in args:
		vs.append(main.describe(a))
	main.out("rpc", {
		"node": str(get_path()), "method": method,
		"sender": get_tree().get_rpc_sender_id(), "args": vs})

func _rset(prop, value):
	main.out("rset", {
		"node": str(get_path()), "prop": prop,
		"sender": get_tree().get_rpc_sender_id(), "value": main.describe(value)})

# --- arity 0..8, mode "remote" (RPC_MODE_REMOTE = 1)
remote func r0(): _log("r0", [])
remote func r1(a): _log("r1", [a])
remote func r2(a, b): _log("r2", [a, b])
remote func r3(a, b, c): _log("r3", [a, b, c])
remote func r4(a, b, c, d): _log("r4", [a, b, c, d])
remote func r5(a, b, c, d, e): _log("r5", [a, b, c, d, e])
remote func r6(a, b, c, d, e, f): _log("r6", [a, b, c, d, e, f])
remote func r7(a, b, c, d, e, f, g): _log("r7", [a, b, c, d, e, f, g])
remote func r8(a, b, c, d, e, f, g, h): _log("r8", [a, b, c, d, e, f, g, h])

# --- one per mode
remotesync func f_remotesync(v): _log("f_remotesync", [v])
sync func f_sync(v): _log("f_sync", [v])                     # old name of remotesync
master func f_master(v): _log("f_master", [v])
mastersync func f_mastersync(v): _log("f_mastersync", [v])
puppet func f_puppet(v): _log("f_puppet", [v])
slave func f_slave(v): _log("f_slave", [v])                  # old name of puppet
puppetsync func f_puppetsync(v): _log("f_puppetsync", [v])
func f_local(v): _log("f_local", [v])                        # RPC_MODE_DISABLED

# --- replies
remote func echo(v):
	_log("echo", [v])
	rpc_id(get_tree().get_rpc_sender_id(), "echo_reply", v)

remote func echo_reply(v): _log("echo_reply", [v])

# Ask this peer to broadcast to everybody (the caller included).
remote func shout(v):
	_log("shout", [v])
	rpc("echo_reply", v)

# --- properties, one per mode
remote var v_remote = 0 setget _s_remote
remotesync var v_remotesync = 0 setget _s_remotesync
master var v_master = 0 setget _s_master
mastersync var v_mastersync = 0 setget _s_mastersync
puppet var v_puppet = 0 setget _s_puppet
puppetsync var v_puppetsync = 0 setget _s_puppetsync
var v_local = 0

func _s_remote(v):
	v_remote = v
	_rset("v_remote", v)
func _s_remotesync(v):
	v_remotesync = v
	_rset("v_remotesync", v)
func _s_master(v):
	v_master = v
	_rset("v_master", v)
func _s_mastersync(v):
	v_mastersync = v
	_rset("v_mastersync", v)
func _s_puppet(v):
	v_puppet = v
	_rset("v_puppet", v)
func _s_puppetsync(v):
	v_puppetsync = v
	_rset("v_puppetsync", v)
