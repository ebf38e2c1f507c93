"""What each connection counts is its own, although none has counters before it counts."""

from __future__ import annotations

import logging
from collections import Counter

from multiplayer.endpoint.ledger import Ledger
from multiplayer.endpoint.statistics import Statistics
from multiplayer.support.log_once import LogOnce


class Connection(Ledger):
    def __init__(self, faults: LogOnce) -> None:
        super().__init__("plain", faults)
        self.peer_id, self.address, self.gdpeers_version = 7, "192.0.2.1", 0


def test_what_one_counts_no_other_has_counted() -> None:
    faults = LogOnce(logging.getLogger(__name__))
    one, other = Connection(faults), Connection(faults)
    one.drop("closing", 2)
    one.violate("rfc6455_1002")
    one.count_violation("tls_on_plain_port")
    one.count_drops("closing", 1)
    one.reach("max_body_size")
    assert one.statistics.drops == Counter({"closing": 3})
    assert one.statistics.violations == Counter({"rfc6455_1002": 1, "tls_on_plain_port": 1})
    assert one.statistics.limits_reached == Counter({"max_body_size": 1})
    assert other.statistics == Statistics()
    assert Connection(faults).statistics == Statistics()


def test_a_copy_is_nobody_elses() -> None:
    connection = Connection(LogOnce(logging.getLogger(__name__)))
    connection.counts(None).drops["mine"] += 1
    assert connection.counts(0.5) == Statistics(round_trip_time=0.5)
