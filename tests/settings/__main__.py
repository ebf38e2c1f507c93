"""Print the tables of ``docs/settings.md``, without the remarks: ``python -m tests.settings``."""

from __future__ import annotations

import trio

from .api_bench import COLUMNS, SETTINGS
from .api_probes import API_PROBES
from .argument_probes import ARGUMENT_PROBES
from .bench import MODES, SITUATIONS
from .probes import PROBES
from .test_page import api_verdict_of, argument_verdict_of, cell, verdict_of


def row(name: str, cells: list[str]) -> str:
    return " | ".join([f"| `{name}`", *cells, "|"])


async def main() -> None:
    """Run every probe."""
    print("## Peers")
    for name in sorted(PROBES, key=lambda name: (name.startswith("limits"), name)):
        found: dict[str, dict[str, str]] = {mode: {} for mode in MODES}
        for situation in SITUATIONS:
            found[situation.mode][situation.role] = await verdict_of(name, situation)
        print(row(name, [cell(found[mode]) for mode in MODES]))
    print("## SceneMultiplayer")
    for name in sorted(API_PROBES):
        seen: dict[str, dict[str, str]] = {column: {} for column in COLUMNS}
        for setting in SETTINGS:
            seen[setting.column][setting.role] = await api_verdict_of(name, setting)
        print(row(name, [cell(seen[column]) for column in COLUMNS]))
    print("## Arguments")
    for name in ARGUMENT_PROBES:
        print(row(name, [await argument_verdict_of(name, mode) for mode in MODES]))


if __name__ == "__main__":
    trio.run(main)
