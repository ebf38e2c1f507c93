"""Runs one target under atheris: ``python -m tests.fuzz.one TARGET``, then libFuzzer's options."""

from __future__ import annotations

import logging
import sys

import atheris

with atheris.instrument_imports(include=["multiplayer", "peers", "wsproto", "h11"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    logging.disable()  # each input is a hostile peer, and worth a line
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
