"""Peers under trio: running them, and waiting for what they tell."""
