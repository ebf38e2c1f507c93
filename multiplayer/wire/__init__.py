"""How a session's packets travel: the envelopes, and the rules of who may say what."""

from __future__ import annotations
