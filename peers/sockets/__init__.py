"""The only place that touches a socket."""
