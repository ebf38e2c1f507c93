"""Explanations of why two sides do not understand each other."""
