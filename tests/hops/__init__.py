"""Through how much of our code one packet of each kind goes: ``python -m tests.hops``."""
