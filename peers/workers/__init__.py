"""One port, several processes: a front that accepts, and workers that have the rooms."""
