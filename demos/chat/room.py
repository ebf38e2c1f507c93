"""The chat as one peer sees it: who is there, and what they say."""

from __future__ import annotations

from typing import Final

from multiplayer import MultiplayerPeer, Node, SceneMultiplayer, Signal, rpc

EVERYBODY: Final = MultiplayerPeer.TARGET_PEER_BROADCAST

LONGEST_NAME: Final = 30


class Room(Node):
    """One program's side of the chat: the same node in all of them, who call each other's.

    Args:
        owner: what the others call us.

    Attributes:
        owner: see above.
        names: what the others are called, by peer id.
        api: how we reach the others; give it a peer, and poll or run it.
    """

    joined = Signal[str]("name")
    left = Signal[str]("name")
    heard = Signal[str, str, int]("name", "text", "target")

    def __init__(self, owner: str) -> None:
        super().__init__("Room")
        self.owner = _printable(owner)
        self.names: dict[int, str] = {}
        # Anybody may send anything at all; what does not fit the annotations does not reach us.
        self.api = SceneMultiplayer(root=self, validate=True)
        self.api.peer_connected.connect(self._introduce_ourselves)
        self.api.peer_disconnected.connect(self._forget)

    @rpc("any_peer")
    def introduce(self, name: str) -> None:
        """Somebody says what they are called."""
        sender = self.api.get_remote_sender_id()
        if sender not in self.names:
            self.names[sender] = _printable("-".join(name.split()))[:LONGEST_NAME]
            self.joined.emit(self.names[sender])

    @rpc("any_peer")
    def hear(self, text: str, target: int) -> None:
        """Somebody says something, to us and perhaps to others."""
        name = self._name_of(self.api.get_remote_sender_id())
        self.heard.emit(name, _printable(text), target)

    def say(self, text: str, target: int = EVERYBODY) -> None:
        """Say something to everybody (0), to one peer (its id) or to all but one (minus its id)."""
        self.hear.rpc_id(target, text, target)

    def leave(self) -> None:
        """Notice no more who leaves: it is we who do."""
        self.api.peer_disconnected.disconnect(self._forget)

    def find(self, name: str) -> int | None:
        """Return the peer id of somebody; None if nobody has that name."""
        return next((peer for peer, known in self.names.items() if known == name), None)

    def describe(self, target: int) -> str:
        """Return a target in words."""
        if target == EVERYBODY:
            return "everybody"
        if target < 0:
            return f"everybody but {self.describe(-target)}"
        return "you" if target == self.api.get_unique_id() else self._name_of(target)

    def _introduce_ourselves(self, newcomer: int) -> None:
        # Whoever joins is a newcomer to us and we to them, so that both sides learn both names.
        self.introduce.rpc_id(newcomer, self.owner)

    def _forget(self, peer: int) -> None:
        if peer in self.names:
            self.left.emit(self.names.pop(peer))

    def _name_of(self, peer: int) -> str:
        return self.names.get(peer, f"peer {peer}")


def _printable(text: str) -> str:
    """Return the text without control characters, which could do things to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
