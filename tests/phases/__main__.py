"""Write ``docs/connection.md``: ``python -m tests.phases``."""

from __future__ import annotations

from .drawing import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
