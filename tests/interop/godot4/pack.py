"""Packs a Godot 4 project, as it lies on disk, into a ``.pck`` for the engine.

No editor and no import step: ``project.godot``, ``*.tscn`` and ``*.gd`` are text, and a release
build runs them as they are. Layout of format 2, little endian::

    "GDPC", u32 format, u32 major, u32 minor, u32 patch, u32 flags, u64 start of the contents,
    u32[16] reserved, u32 count of files, for each file:
        u32 length of the path, the path ("res://…", padded with NUL to 4 bytes),
        u64 offset from the start of the contents, u64 size, 16 bytes MD5, u32 flags
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
MADE_FOR = (4, 0, 0)
"""The engine refuses packs for a newer version than its own; every Godot 4 takes this one."""
OFFSETS_COUNT_FROM_CONTENTS = 2
ALIGN = 16

NO_CLASSES = {".godot/global_script_class_cache.cfg": b"list=[]\n"}
"""The editor writes a list of the scripts with a class_name; without it the engine complains."""


def padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def files_of(project: Path) -> dict[str, bytes]:
    """Every file of a project by its path in it."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file()
    }


def pack(project: Path) -> bytes:
    """The pack of a project."""
    contents = b""
    directory = b""
    files = NO_CLASSES | files_of(project)
    for name, data in files.items():
        path = padded(f"res://{name}\0".encode(), 4)
        directory += struct.pack("<I", len(path)) + path
        directory += struct.pack("<QQ", len(contents), len(data))
        directory += hashlib.md5(data).digest() + struct.pack("<I", 0)
        contents += padded(data, ALIGN)
    fixed = b"GDPC" + struct.pack("<5I", FORMAT, *MADE_FOR, OFFSETS_COUNT_FROM_CONTENTS)
    rest = bytes(64) + struct.pack("<I", len(files)) + directory
    start = len(fixed) + 8 + len(rest)
    start += -start % ALIGN
    return padded(fixed + struct.pack("<Q", start) + rest, ALIGN) + contents
