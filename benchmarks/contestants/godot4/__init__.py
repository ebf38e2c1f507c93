"""Native Godot 4.6.3 itself, with a few lines of GDScript, in frames that never rest."""
