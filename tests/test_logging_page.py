"""``docs/howto/logging.md``: its log is the real one, and it names all loggers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.marked_blocks import blocks_of, ran, text_of, without_numbers
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT: Final = text_of("docs/howto/logging.md")
BLOCKS: Final = blocks_of(TEXT)


def test_it_logs_what_is_shown(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", "logged.py"), ("output", "logged.py")]
    ended = ran(BLOCKS["run", "logged.py"], tmp_path, "logged.py")
    assert (ended.returncode, ended.stderr) == (0, "")
    # The traceback names files, which lie elsewhere, and lines of ours.
    shown, count = re.subn(
        r'"below": \[".*"\]\}$', '"below": […]}', ended.stdout, flags=re.MULTILINE
    )
    assert count == 1
    assert without_numbers(shown) == without_numbers(BLOCKS["output", "logged.py"])
    assert 'print({\\"sword\\": 100' in ended.stdout


def test_all_loggers_are_named() -> None:
    made = set[str]()
    for package in ("multiplayer", "peers"):
        for path in (ROOT / package).rglob("*.py"):
            module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            for name in re.findall(r"getLogger\((.+?)\)", path.read_text(encoding="utf-8")):
                made.add(module if name == "__name__" else name.strip('"'))
    rows = re.findall(r"^\| (`[^|]+) \| [A-Z]", TEXT, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(.+?)`", row)} == made
