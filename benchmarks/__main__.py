"""``python -m benchmarks [--quick] [NAME …]``: runs benchmarks and prints Markdown tables."""

from __future__ import annotations

import argparse
import ast
from importlib import import_module
from pathlib import Path
from typing import Final

NAMES: Final = (
    "targets",
    "relay",
    "fairness",
    "connections",
    "large",
    "polling",
    "rpc",
    "replication",
    "rooms",
)
"""Modules with a ``main(quick=…)`` that prints tables; imported when they are run, since each needs
libraries that the others, and the help, can do without."""

NEEDS: Final = """\
All of them need Linux and what `make bench` installs. Rows are left out where something is missing:
"with speedups" needs `make speedups`, Godot 4.6.3 `make engines`, Godot 3.2.3 Debian's
godot3-server, 0.1.0 a clone whose history reaches back to it, and a directory in Redis a
redis-server. "gdpeers" alone is as it is installed, with speedups if they are there; GDPEERS_PURE=1
switches them off. benchmarks/README.md says how all is measured, and has tables.
"""


def about(name: str) -> str:
    """Return what a benchmark measures: the first line of its module's docstring."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return first.replace("``", "`")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Runs benchmarks and prints Markdown tables. Without a name, all of these:\n\n"
        + "\n".join(f"  {name:<12} {about(name)}" for name in NAMES),
        epilog=NEEDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes and shorter rounds")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to run")
    arguments = parser.parse_args()
    if unknown := sorted({*arguments.names} - {*NAMES}):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    print(f"{import_module('benchmarks.tables').machine()}\n", flush=True)
    for name in NAMES:
        if not arguments.names or name in arguments.names:
            import_module(f"benchmarks.{name}").main(quick=arguments.quick)


if __name__ == "__main__":
    main()
