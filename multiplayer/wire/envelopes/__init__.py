"""What packets between peers travel in: bytes to messages and back."""
