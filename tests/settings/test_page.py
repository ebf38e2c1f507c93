"""``docs/settings.md`` says of each setting where it has an effect: what its probe has seen."""

from __future__ import annotations

import inspect
import re
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import fields

import pytest
import trio

import peers
from multiplayer import Limits, MultiplayerError, SceneMultiplayer, Signal
from multiplayer.misplaced import Misplaced
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.programs import ROOT

from . import limits_of_peers, roles, times_and_sizes
from .api_bench import COLUMNS, SETTINGS, ApiBench, Setting
from .api_probes import API_PROBES
from .argument_probes import ARGUMENT_PROBES
from .bench import MODES, RAISES, SITUATIONS, WORKS, Bench, Refused, Situation
from .probes import PROBES

del limits_of_peers, roles, times_and_sizes  # which have filled PROBES

PAGE = ROOT / "docs" / "settings.md"

NO_SETTINGS = {
    "failure": "tells something",
    "sessions": "the same",
    "on_forced_out": "is for the API above",
    "api_is_polling": "the same",
    "is_id_elsewhere": "is for what joins several servers into one match",
    "handlers": "what on_error is for",
}
"""Attributes that users do not set."""


def table(title: str) -> dict[str, list[str]]:
    """The cells of one table of the page, by the first one of each line."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            name, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            assert name not in found, name
            found[name.strip("`")] = cells
    return found


def settable(*classes: type) -> set[str]:
    """The public attributes of instances that can be set."""
    names: set[str] = set()
    for class_ in classes:
        for name in dir(class_):
            member = inspect.getattr_static(class_, name)
            if not hasattr(type(member), "__get__") and not name.isupper():
                names.add(name)  # the default that all objects share: codec
            if isinstance(member, (Misplaced, Signal)) or not hasattr(type(member), "__set__"):
                continue
            if not isinstance(member, property) or member.fset is not None:
                names.add(name)
        names |= {name for name in vars(class_()) if not hasattr(class_, name)}
    return {name for name in names if not name.startswith("_")}


def said(cell: str, role: str) -> str:
    """What a cell says of a role: ``works``, or ``client: raises when set; server: works``."""
    each = dict(re.findall(r"(client|server): ([^;]+)", cell))
    return each.get(role, cell)


def cell(verdicts: dict[str, str]) -> str:
    """How a cell says it."""
    if len({*verdicts.values()}) == 1:
        return verdicts["client"]
    return "; ".join(f"{role}: {verdicts[role]}" for role in ("client", "server"))


def test_each_setting_of_the_peers_has_a_probe() -> None:
    names = settable(WebSocketClient, WebSocketServer, WebSocketMultiplayerPeer)
    names |= {f"limits.{field.name}" for field in fields(Limits)}
    assert {*PROBES} == names - {*NO_SETTINGS}


def test_the_page_has_a_row_for_each_probe() -> None:
    assert {*table("Peers")} == {*PROBES}


async def verdict_of(name: str, situation: Situation) -> str:
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        bench = Bench(situation, nursery, stack)
        sentence = name
        try:
            verdict = await PROBES[name](bench) or WORKS
        except Refused as refused:
            verdict, sentence = refused.verdict, refused.error.message
        nursery.cancel_scope.cancel()
    assert name in sentence
    return verdict


def test_each_setting_of_the_api_has_a_probe_and_a_row() -> None:
    arguments = {*inspect.signature(SceneMultiplayer).parameters}
    assert {*API_PROBES} == (settable(SceneMultiplayer) | arguments) - {*NO_SETTINGS}
    assert {*table("SceneMultiplayer")} == {*API_PROBES}


async def api_verdict_of(name: str, setting: Setting) -> str:
    sentence = name
    with ExitStack() as stack:
        try:
            verdict = await API_PROBES[name](ApiBench(setting, stack)) or WORKS
        except Refused as refused:
            verdict, sentence = refused.verdict, refused.error.message
    assert name in sentence or "authentication" in sentence
    return verdict


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("name", API_PROBES)
async def test_a_setting_of_the_api_does_what_the_page_says(name: str, setting: Setting) -> None:
    cells = table("SceneMultiplayer").get(name)
    verdict = await api_verdict_of(name, setting)
    assert cells is not None, verdict
    assert verdict == said(cells[COLUMNS.index(setting.column)], setting.role)


def test_each_argument_has_a_probe_and_a_row() -> None:
    names = {
        f"{function.__name__}({name})"
        for function in (peers.serve, peers.connect, peers.run)
        for name in inspect.signature(function).parameters
    }
    assert {*ARGUMENT_PROBES} == names - {"run(pollables)"}
    assert {*table("Arguments")} == {*ARGUMENT_PROBES}


async def argument_verdict_of(name: str, mode: str) -> str:
    try:
        await ARGUMENT_PROBES[name](mode)
    except MultiplayerError as error:
        return RAISES if re.search(r"gd_mp_api|plain mode", error.message) else repr(error)
    return WORKS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ARGUMENT_PROBES)
async def test_an_argument_does_what_the_page_says(name: str, mode: str) -> None:
    if sys.platform == "win32" and "signals" in name:
        pytest.skip("sends POSIX signals")
    cells = table("Arguments").get(name)
    verdict = await argument_verdict_of(name, mode)
    assert cells is not None, verdict
    assert verdict == cells[MODES.index(mode)]


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
@pytest.mark.parametrize("name", PROBES)
async def test_a_setting_of_a_peer_does_what_the_page_says(name: str, situation: Situation) -> None:
    cells = table("Peers").get(name)
    verdict = await verdict_of(name, situation)
    at = MODES.index(situation.mode)
    assert cells is not None, verdict
    assert verdict == said(cells[at], situation.role)
