"""``help()`` of a class begins with an example: those of a server, a client and an API play."""

from __future__ import annotations

import inspect
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Node, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Callable


def example_of(class_: type) -> str:
    doc = inspect.cleandoc(class_.__doc__ or "")
    _, mark, rest = doc.partition("\n\n::\n\n")
    assert mark, class_
    lines: list[str] = []
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        lines.append(line)
    return textwrap.dedent("\n".join(lines))


def played(class_: type, port: int, sleep: Callable[[float], None]) -> None:
    """Run the example of a class, at another port, and with something else instead of waiting."""

    class Time:
        pass

    clock: Any = Time()
    clock.sleep = sleep
    code = example_of(class_).replace("9080", str(port))
    names = {"time": clock, "Node": Node, "rpc": rpc, "SceneMultiplayer": SceneMultiplayer}
    exec(code, names | {"WebSocketClient": WebSocketClient, "WebSocketServer": WebSocketServer})


@pytest.mark.parametrize("class_", [WebSocketClient, SceneMultiplayer])
def test_a_client_greets(class_: type, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[object] = []
    server, api = WebSocketServer(), SceneMultiplayer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    if class_ is SceneMultiplayer:

        class Chat(Node):
            @rpc("any_peer", "call_local")
            def say(self, text: str) -> None:
                heard.append(text)

        api.root = Chat("Chat")
        api.multiplayer_peer = server

    def sleep(seconds: float) -> None:
        del seconds
        api.poll() if api.root is not None else server.poll()
        if api.root is None and server.get_available_packet_count():
            heard.append(server.get_var())
        if heard:
            server.begin_leaving()

    played(class_, server.get_local_port(), sleep)
    assert heard[0] in ("hello", "hello, everybody")
    assert capsys.readouterr().out
    server.close()


def test_a_server_hears(capsys: pytest.CaptureFixture[str]) -> None:
    client = WebSocketClient()
    client.connection_succeeded.connect(lambda: client.put_var("hi"))
    out: list[str] = []
    port = free_port()

    def sleep(seconds: float) -> None:
        if client.get_connection_status() == client.CONNECTION_DISCONNECTED:
            client.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
        client.poll()
        out.append(capsys.readouterr().out)
        if "says hi" in "".join(out):
            raise ExitError
        time.sleep(seconds / 100)

    with pytest.raises(ExitError):
        played(WebSocketServer, port, sleep)
    assert "has joined" in "".join(out)
    client.close()


class ExitError(Exception):
    """The example has shown what it does."""


def free_port() -> int:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    port = server.get_local_port()
    server.close()
    return port
