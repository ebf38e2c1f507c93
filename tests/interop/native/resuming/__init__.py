"""Real engines that lose their connections and come back, with ``resuming_peer.gd`` and without."""
