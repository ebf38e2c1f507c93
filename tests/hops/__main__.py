"""Prints what one packet of each kind does: ``python -m tests.hops [--against DIR]``.

``--against`` names another checkout: it is counted too, in a process of its own, and stands first.
``--way "gd_mp out"`` prints the calls themselves, of all kinds whose name has these words.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.hops.packets import every_kind
from tests.hops.table import beside, counted_in, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hops")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    parser.add_argument("--way", metavar="WORDS", help="print the calls of such packets instead")
    chosen = parser.parse_args()
    if chosen.way:
        for name, done in every_kind().items():
            if chosen.way in name:
                print(f"## {name}\n", *done.way, "", sep="\n")
    elif chosen.against:
        print(beside(counted_in(chosen.against), every_kind()))
    else:
        print(table(every_kind()))


if __name__ == "__main__":
    main()
