"""The Python twin of ``project/game.gd``: the same methods and properties, noted when used."""

from __future__ import annotations

from typing import Any, NamedTuple

from multiplayer import Node, rpc
from multiplayer.scene.methods.config import config_from_words
from multiplayer.scene.methods.rset_property import RsetProperty


class Heard(NamedTuple):
    """A call, a set, or bytes (``send_bytes``: without node and name) as a member heard it."""

    node: str
    name: str
    sender: int
    arguments: tuple[Any, ...]


def raw(sender: int, payload: bytes) -> Heard:
    """Bytes of the game's own."""
    return Heard("", "", sender, (payload,))


class Noting(RsetProperty[Any]):
    """A property that notes who sets it, as those of the script do in ``setget``."""

    def __set__(self, instance: object, value: Any) -> None:
        super().__set__(instance, value)
        assert isinstance(instance, Game)
        instance.note(self.name, value)


def noting(word: str) -> Noting:
    return Noting(config_from_words((word,)), 0)


class Game(Node):
    """A node whose calls and sets are appended to ``heard``."""

    def __init__(self, name: str, heard: list[Heard]) -> None:
        super().__init__(name)
        self.heard = heard

    def note(self, name: str, *arguments: Any) -> None:
        path = self.get_path().removeprefix("/root/Main/")
        sender = self.multiplayer.get_remote_sender_id()
        self.heard.append(Heard(path, name, sender, arguments))

    @rpc("remote")
    def r0(self) -> None:
        self.note("r0")

    @rpc("remote")
    def r1(self, a: Any) -> None:
        self.note("r1", a)

    @rpc("remote", "unreliable")
    def r2(self, a: Any, b: Any) -> None:
        self.note("r2", a, b)

    @rpc("any_peer")
    def r3(self, a: Any, b: Any, c: Any) -> None:
        self.note("r3", a, b, c)

    @rpc("remote")
    def r8(self, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> None:
        self.note("r8", a, b, c, d, e, f, g, h)

    @rpc("remotesync")
    def f_remotesync(self, v: Any) -> None:
        self.note("f_remotesync", v)

    @rpc("master")
    def f_master(self, v: Any) -> None:
        self.note("f_master", v)

    @rpc("mastersync")
    def f_mastersync(self, v: Any) -> None:
        self.note("f_mastersync", v)

    @rpc("puppet")
    def f_puppet(self, v: Any) -> None:
        self.note("f_puppet", v)

    @rpc("puppetsync")
    def f_puppetsync(self, v: Any) -> None:
        self.note("f_puppetsync", v)

    def f_local(self, v: Any) -> None:
        self.note("f_local", v)

    @rpc("remote")
    def echo(self, v: Any) -> None:
        self.note("echo", v)
        self.echo_reply.rpc_id(self.multiplayer.get_remote_sender_id(), v)

    @rpc("remote")
    def echo_reply(self, v: Any) -> None:
        self.note("echo_reply", v)

    @rpc("remote")
    def shout(self, v: Any) -> None:
        self.note("shout", v)
        self.echo_reply.rpc(v)

    v_remote = noting("remote")
    v_remotesync = noting("remotesync")
    v_master = noting("master")
    v_mastersync = noting("mastersync")
    v_puppet = noting("puppet")
    v_puppetsync = noting("puppetsync")


class Elsewhere(Game):
    """The twin of a script that has other methods than the engine's has."""

    @rpc("remote")
    def no_such_method(self, v: Any) -> None:
        self.note("no_such_method", v)

    @rpc("remote")
    def queue_free(self) -> None:
        self.note("queue_free")

    @rpc("remote")
    def f_local(self, v: Any) -> None:
        self.note("f_local", v)

    @rpc("remote")
    def r1(self, *arguments: Any) -> None:
        self.note("r1", *arguments)

    v_local = noting("remote")


def tree(heard: list[Heard], game: type[Game] = Game) -> Node:
    """The nodes of ``project/main.tscn``."""
    root, main = Node("root"), Node("Main")
    root.add_child(main)
    for name in ("Game", "Other"):
        main.add_child(game(name, heard))
    deep = Node("Deep")
    main.get_node("Game").add_child(deep)
    deep.add_child(game("Ünï", heard))
    return root
