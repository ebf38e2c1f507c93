"""Many sessions behind one port: rooms, and the server that opens them and brings players in."""
