"""A chat: one server, any number of clients, on real sockets.

``room`` is the chat itself, ``scripted`` plays and checks a whole conversation, ``interactive`` is
for people.
"""

from __future__ import annotations
