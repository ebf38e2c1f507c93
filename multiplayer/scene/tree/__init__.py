"""The tree of nodes, and the way from paths to objects and back."""
