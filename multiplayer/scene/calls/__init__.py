"""Remote procedure calls: sending and running them."""
