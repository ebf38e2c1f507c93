"""A server among hostile and careless peers: attacks (``make attack``), a soak (``make soak``)."""
