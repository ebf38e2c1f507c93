"""Godot 3.2.3 itself, with a script of a few lines that polls in a loop which never rests."""
