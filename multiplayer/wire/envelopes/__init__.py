"""The envelopes of packets between peers: bytes to messages and back."""
