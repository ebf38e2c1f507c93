"""What a session is, whatever its bytes travel by: no I/O, no clock, no protocol of connections.

``endpoint.py`` is what a peer has for it; ``channel.py`` says what one connection is to it, and
``engine.py`` what moves the bytes.
"""
