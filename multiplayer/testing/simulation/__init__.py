"""A network in a box: peers of one process on a bad network, in a time that stands still."""
