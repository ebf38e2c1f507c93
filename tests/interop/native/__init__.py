"""Native Godot engines, 4.6.3 and 3.6, without a display: ``make engines`` gets them from Debian.

Where a test of an engine goes: one that needs the engine as it is, in either role, goes here, and
takes its engine from the fixtures of ``conftest.py``; in a ``Session`` it is the letter N. One that
needs what only a browser has, or 3.2.3, goes one folder up. All share their harness: a native 4 is
driven by ``godot4/engine.py`` with the GDScript project of the one in Chromium, a native 3.6 by
``godot3/engine.py`` with the project of 3.2.3. What an engine does by itself, without any code of
ours, is told by a script in ``findings``.
"""

from __future__ import annotations
