"""Prints what one packet of each kind does: ``python -m tests.hops [--against DIR]``.

``--against`` names another checkout: it is counted too, in a process of its own, and stands first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.hops.packets import every_kind
from tests.hops.table import beside, counted_in, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hops")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON instead")
    chosen = parser.parse_args()
    if chosen.json:
        print(json.dumps(every_kind()))
    elif chosen.against:
        print(beside(counted_in(chosen.against), every_kind()))
    else:
        print(table(every_kind()))


if __name__ == "__main__":
    main()
