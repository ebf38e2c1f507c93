"""What a session is, whatever its bytes travel by."""
