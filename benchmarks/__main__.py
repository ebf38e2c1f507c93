"""``python -m benchmarks [--quick] [NAME …]``: runs benchmarks and prints Markdown tables."""

from __future__ import annotations

import argparse
import sys

from . import connections, fairness, large, polling, relay, replication, rooms, rpc, targets
from .tables import machine

ALL = {
    "targets": targets,
    "relay": relay,
    "fairness": fairness,
    "connections": connections,
    "large": large,
    "polling": polling,
    "rpc": rpc,
    "replication": replication,
    "rooms": rooms,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes and shorter rounds")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(ALL):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(f"{machine()}\n", flush=True)
    for name, benchmark in ALL.items():
        if not arguments.names or name in arguments.names:
            benchmark.main(quick=arguments.quick)


if __name__ == "__main__":
    main()
