"""The servers that are compared. Each is a program: it prints its port and serves until ended.

Four jobs, those that it has: ``relay`` sends each message to everybody else, ``large`` answers
as :mod:`benchmarks.contestants.large_job` tells, ``hold`` keeps connections and tells all of each
that joins, ``silent`` only keeps them. A receiver of calls is told their kind instead.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.builds import HERE, Build
from benchmarks.receiving import KINDS

from .godot3 import launch as godot3
from .godot4 import launch as godot4


@dataclass(frozen=True)
class Contestant:
    """A server program.

    Attributes:
        name: what the tables call it.
        module: the module of this package that is run; "" for an engine.
        arguments: what it is given besides the job.
        dialect: ``gd_mp``, ``godot4``, ``bare`` (WebSocket messages, to everybody else) or
            ``socketio``.
        jobs: what it can do.
        distribution: whose version the tables tell.
        build: of gdpeers, if it is one.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    dialect: str = "bare"
    jobs: tuple[str, ...] = ("relay",)
    distribution: str = ""
    build: Build = HERE

    def command(self, job: str) -> list[str] | None:
        """What starts it; None if it is not installed here."""
        if not self.module:
            if self.dialect != "godot4":
                return godot3.command()
            return godot4.receiver() if job in KINDS else godot4.server()
        return self.build.python(f"benchmarks.contestants.{self.module}", job, *self.arguments)

    @property
    def version(self) -> str:
        """Its version."""
        if not self.module:
            fourth = self.dialect == "godot4"
            here = godot4.program() if fourth else shutil.which(godot3.PROGRAM)
            return self.name.removeprefix("Godot ") if here else "not installed"
        return version(self.distribution)


EVERY_JOB = ("relay", "large", "hold", "silent")

OURS = Contestant("gdpeers, `peers.run`", "ours", (), "gd_mp", EVERY_JOB, "gdpeers")
OURS_POLLED = Contestant(
    "gdpeers, polled", "ours", ("--polled",), "gd_mp", ("relay", "large"), "gdpeers"
)
OURS_GODOT4 = Contestant(
    "gdpeers, `GODOT_4`", "ours", ("--godot4",), "godot4", ("relay",), "gdpeers"
)
OURS_GODOT4_POLLED = Contestant(
    "gdpeers, `GODOT_4`, polled", "ours", ("--godot4", "--polled"), "godot4", (), "gdpeers"
)
RECEIVER = Contestant("gdpeers receives", "receiver", (), "godot4", tuple(KINDS), "gdpeers")
GODOT = Contestant("Godot 3.2.3", "", dialect="gd_mp")
GODOT4 = Contestant("Godot 4.6.3", "", dialect="godot4")
WEBSOCKETS = Contestant(
    "websockets",
    "websockets_server",
    (),
    "bare",
    EVERY_JOB,
    "websockets",
)
PICOWS = Contestant("picows", "picows_server", (), "bare", ("relay", "large"), "picows")
TRIO_WEBSOCKET = Contestant(
    "trio-websocket",
    "trio_websocket_server",
    (),
    "bare",
    EVERY_JOB,
    "trio-websocket",
)
SOCKETIO = Contestant(
    "python-socketio", "socketio_server", (), "socketio", ("relay",), "python-socketio"
)

ALL = (OURS, OURS_POLLED, OURS_GODOT4, GODOT, GODOT4, WEBSOCKETS, PICOWS, TRIO_WEBSOCKET, SOCKETIO)
