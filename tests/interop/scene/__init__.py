"""Sessions of ``SceneMultiplayer``, of real Godot 4.6 and ours in any role."""
