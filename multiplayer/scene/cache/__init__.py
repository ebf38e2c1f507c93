"""Numbers that stand for node paths, on both sides."""
