extends SceneTree
# Reads one hex string a line from the file that GDPEERS_VALUES names, and prints for each what
# bytes2var made of it: "index hex", the hex of var2bytes of the value, or "index refused".

class Decoder:
	var value = null
	var done = false
	func run(bytes):
		value = bytes2var(bytes)  # an error ends this function here
		done = true

func unhex(text):
	var bytes = PoolByteArray()
	for i in range(0, text.length(), 2):
		bytes.append(("0x" + text.substr(i, 2)).hex_to_int())
	return bytes

func _init():
	var file = File.new()
	file.open(OS.get_environment("GDPEERS_VALUES"), File.READ)
	var index = 0
	while not file.eof_reached():
		var line = file.get_line()
		if line != "":
			var decoder = Decoder.new()
			decoder.run(unhex(line))
			var answer = "refused"
			if decoder.done:
				answer = var2bytes(decoder.value).hex_encode()
			print("value ", index, " ", answer)
			index += 1
	quit()
