"""Starting the process of a worker, and finding the front from inside it.

The worker is told by its environment where its end of the pipe is: an inherited descriptor or,
where sockets cannot be passed, a port of the loopback interface and a secret, by which the front
knows it. A command line would show the secret to everybody on the machine.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from .pipe import CAN_PASS_SOCKETS, Pipe

if TYPE_CHECKING:
    from collections.abc import Sequence

PIPE: Final = "GDPEERS_PIPE"
"""The variable: ``fd:NUMBER``, or ``tcp:PORT:SECRET``."""

_SECRET_BYTES: Final = 32
_PATIENCE: Final = 30.0
"""How long a worker may take to connect, in seconds."""
_LOOK: Final = 0.5
"""How often to look whether it is dead, in seconds."""


class Started(NamedTuple):
    """A process.

    Attributes:
        process: the process.
        pipe: our end of its pipe.
        secret: what its listener on the loopback interface wants to hear first; b"" if sockets go
            through the pipe.
    """

    process: trio.Process
    pipe: Pipe
    secret: bytes


async def start(command: Sequence[str], *, passes: bool) -> Started:
    """Start a process.

    Args:
        command: the program and its arguments.
        passes: sockets go through the pipe.

    Raises:
        OSError: it cannot be started, or does not connect.
    """
    if passes and CAN_PASS_SOCKETS:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                number = theirs.fileno()
                process = await _opened(command, f"fd:{number}", pass_fds=(number,))
            except BaseException:
                ours.close()
                raise
        return Started(process, Pipe(ours), b"")
    secret = secrets.token_bytes(_SECRET_BYTES)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        process = await _opened(command, f"tcp:{port}:{secret.hex()}")
        try:
            with trio.fail_after(_PATIENCE):
                return Started(process, Pipe(await _caller(listener, secret, process)), secret)
        except BaseException as error:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            if isinstance(error, trio.TooSlowError):
                message = f"the worker did not connect within {_PATIENCE:g} s"
                raise TimeoutError(message) from None
            raise


async def _opened(
    command: Sequence[str], pipe: str, pass_fds: tuple[int, ...] = ()
) -> trio.Process:
    environment = {**os.environ, PIPE: pipe}
    if pass_fds:
        return await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, env=environment, pass_fds=pass_fds
        )
    return await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, env=environment)


async def _caller(listener: socket.socket, secret: bytes, process: trio.Process) -> socket.socket:
    """Return the connection of whoever knows the secret."""
    accepting = trio.socket.from_stdlib_socket(listener.dup())
    with accepting:
        while True:
            sock = None
            with trio.move_on_after(_LOOK):
                sock, _ = await accepting.accept()
            if sock is None:
                if process.poll() is not None:
                    message = f"the worker ended with {process.returncode}"
                    raise ConnectionError(message)
                continue
            said = b""
            with trio.move_on_after(1.0):
                while len(said) < len(secret) and (some := await sock.recv(len(secret))):
                    said += some
            if hmac.compare_digest(said, secret):
                theirs = socket.socket(fileno=sock.detach())
                theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return theirs
            sock.close()


def inherited_pipe() -> tuple[Pipe, bytes]:
    """Return this worker's end of the pipe, and the secret it shares with the front, or b"".

    The variable is removed: what the game starts is not a worker.

    Raises:
        KeyError: no front has started this process.
        OSError: the front is gone.
    """
    kind, _, rest = os.environ.pop(PIPE).partition(":")
    if kind == "fd":
        sock = socket.socket(fileno=int(rest))
        os.set_inheritable(sock.fileno(), False)
        return Pipe(sock), b""
    port, _, text = rest.partition(":")
    secret = bytes.fromhex(text)
    sock = socket.create_connection(("127.0.0.1", int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(secret)
    return Pipe(sock), secret
