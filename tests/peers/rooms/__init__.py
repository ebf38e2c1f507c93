"""Rooms: many sessions behind one port."""
