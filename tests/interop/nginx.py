"""A real nginx as reverse proxy, on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tests.driving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

HOW_TO_GET_IT = "Debian: apt-get install nginx-light; or name the program in NGINX_PATH"

CONFIGURATION = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        {locations}
    }}
}}
"""


def executable() -> str | None:
    """Its path: ``$NGINX_PATH``, or ``nginx`` on the ``PATH`` or in ``/usr/sbin``; None without."""
    return shutil.which(os.environ.get("NGINX_PATH", "nginx")) or shutil.which("/usr/sbin/nginx")


@asynccontextmanager
async def proxying(locations: str) -> AsyncGenerator[int]:
    """The port of an nginx with these locations, while the block lasts.

    It gets a socket that listens already, as when it is exchanged for a newer one: so no other
    program can take the port, and it can be connected to at once.
    """
    program = executable()
    assert program is not None
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        tempfile.TemporaryDirectory(prefix="gdpeers-nginx-") as folder,
    ):
        host, port = listener.getsockname()
        text = CONFIGURATION.format(
            # Else it would write as another user, who has no business in our folder.
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            address=f"{host}:{port}",
            locations=locations,
        )
        file = trio.Path(folder, "nginx.conf")
        await file.write_text(text, encoding="utf-8")
        process = await trio.lowlevel.open_process(
            [program, "-p", folder, "-e", "stderr", "-c", str(file)],
            stdin=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
        )
        try:
            yield port
        finally:
            process.terminate()
            with trio.fail_after(PATIENCE, shield=True):
                await process.wait()
