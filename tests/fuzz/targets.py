"""All fuzz targets, by name, with what to begin from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer import GODOT_3, GODOT_4, GODOT_4_BETA, NATIVE
from tests.fuzz import links, replication, resuming, scenes, sessions, values

if TYPE_CHECKING:
    from collections.abc import Callable

HARMFUL: Final = Path(__file__).with_name("harmful")
"""Inputs that once did harm: a folder for each target that has some."""


class Target(NamedTuple):
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS: Final = {
    "server_link": Target(links.server_link, links.server_seeds),
    "client_link": Target(links.client_link, links.client_seeds),
    "frames_of_a_server": Target(links.frames_of_a_server, partial(links.frame_seeds, masked=True)),
    "frames_of_a_client": Target(
        links.frames_of_a_client, partial(links.frame_seeds, masked=False)
    ),
    "gd_mp_server": Target(sessions.gd_mp_server, sessions.seeds),
    "gd_mp_client": Target(sessions.gd_mp_client, sessions.seeds),
    **{
        name: Target(
            partial(scenes.run, dialect, relays), partial(scenes.seeds, dialect, relays=relays)
        )
        for name, dialect, relays in (
            ("native_on_gd_mp", NATIVE, True),
            ("native_on_godot4", NATIVE, False),
            ("godot3", GODOT_3, True),
            ("godot4", GODOT_4, False),
            ("godot4_beta", GODOT_4_BETA, True),
        )
    },
    **{
        name: Target(partial(replication.run, dialect), partial(replication.seeds, dialect))
        for name, dialect in (("replication_godot4", GODOT_4), ("replication_native", NATIVE))
    },
    "resume_words": Target(resuming.words, resuming.word_seeds),
    "resume_queries": Target(resuming.queries, resuming.query_seeds),
    "variant3": Target(values.variant3, values.variant3_seeds),
    "variant4": Target(values.variant4, values.variant4_seeds),
    "compact": Target(values.compact, values.compact_seeds),
    "msgpack": Target(values.msgpack, values.msgpack_seeds),
}


def seeds_of(name: str) -> list[bytes]:
    """What ``name`` begins from: its seeds, and what once did harm to it."""
    folder = HARMFUL / name
    harmful = sorted(folder.iterdir()) if folder.is_dir() else []
    return [*TARGETS[name].seeds(), *(path.read_bytes() for path in harmful)]
