"""Spawners and synchronizers of native engines and of ours, on one world.

A scenario is a test with layouts, as those of ``scene/session.py``: ``E`` is an engine, ``P`` ours,
the server first. All members build the same world from the parts of ``scenes.py`` and do the same
things when asked: an engine by ``project4/world.gd``, ours by ``ours.py``. ``EE`` is there to show
that what a scenario expects is what engines do among themselves.
"""
