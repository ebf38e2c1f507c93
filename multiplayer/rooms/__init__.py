"""What rooms are to each other, without sockets: addresses, snapshots, who gets which."""
