"""``docs/limits.md`` against the code, both ways."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from multiplayer import Limits
from multiplayer.errors import MultiplayerError
from peers import WebSocketServer
from tests.programs import ROOT

TEXT = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, tuple[str, str]]:
    """Name, value at first and the last column of each row below a title."""
    _, _, rest = TEXT.partition(f"\n## {title}\n")
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| .*? \|(.*)\|$", rest.partition("\n## ")[0], re.MULTILINE
    )
    return {name: (at_first, zero.strip()) for name, at_first, zero in rows}


def test_every_limit_stands_there_with_its_default() -> None:
    limits = Limits()
    assert {name: at_first for name, (at_first, _) in table("Limits").items()} == {
        field.name: str(getattr(limits, field.name)) for field in fields(Limits)
    }


def test_every_attribute_has_its_default() -> None:
    server = WebSocketServer()
    rows = table("Attributes")
    assert len(rows) == 10
    for name, (at_first, _) in rows.items():
        assert str(getattr(server, name)) == at_first, name


def test_zero_is_no_limit_where_it_says_so() -> None:
    for name, (_, zero) in table("Limits").items():
        if zero == "no limit":
            Limits(**{name: 0})
        else:
            with pytest.raises(MultiplayerError):
                Limits(**{name: 0})
    for name, (_, zero) in table("Attributes").items():
        server = WebSocketServer()
        server.bind_ip = "127.0.0.1"
        if zero:
            setattr(server, name, 0)
            server.listen(0, gd_mp_api=True)
            server.stop()
        else:
            with pytest.raises(MultiplayerError, match=name):
                setattr(server, name, 0)
