"""Calls a second, from sender to handler: ``python -m benchmarks.rpc``."""
