extends RefCounted
# Between the tests and an engine in a browser: the page carries orders and what is told.

var page := JavaScriptBridge.get_interface("tests")
var on_order: JavaScriptObject  # lives as long as it is held here


func open(_tree: SceneTree, order: Callable) -> void:
	on_order = JavaScriptBridge.create_callback(func(arguments: Array) -> void: order.call(arguments[0]))
	page.onOrder = on_order


func tell(text: String) -> void:
	page.tell(text)
