"""One WebSocket connection (RFC 6455), without I/O."""
