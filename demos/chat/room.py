"""The chat as one peer sees it: who is there, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer import DecodeError, MultiplayerPeer, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYBODY: Final = MultiplayerPeer.TARGET_PEER_BROADCAST


class Room:
    """One peer's side of the chat. Any peer will do: a server or a client, polled or run.

    Args:
        peer: how we reach the others; from now on its packets are ours.
        name: what the others call us.

    Attributes:
        names: what the others are called, by peer id.
    """

    joined = Signal[str]("name")
    left = Signal[str]("name")
    heard = Signal[str, str, int]("name", "text", "target")

    def __init__(self, peer: MultiplayerPeer, name: str) -> None:
        self.peer = peer
        self.name = name
        self.names: dict[int, str] = {}
        peer.peer_connected.connect(self._introduce_ourselves)
        peer.peer_disconnected.connect(self._forget)
        peer.peer_packet.connect(self._receive)

    def say(self, text: str, target: int = EVERYBODY) -> None:
        """Say something to everybody (0), to one peer (its id) or to all but one (minus its id)."""
        self._send({"say": text, "to": target}, target)

    def find(self, name: str) -> int | None:
        """Return the peer id of somebody; None if nobody has that name."""
        return next((peer for peer, known in self.names.items() if known == name), None)

    def describe(self, target: int) -> str:
        """Return a target in words."""
        if target == EVERYBODY:
            return "everybody"
        if target < 0:
            return f"everybody but {self.describe(-target)}"
        return "you" if target == self.peer.get_unique_id() else self._name_of(target)

    def _send(self, message: Mapping[str, object], target: int) -> None:
        self.peer.set_target_peer(target)
        self.peer.put_var(message)

    def _introduce_ourselves(self, newcomer: int) -> None:
        # Whoever joins is a newcomer to us and we to them, so that both sides learn both names.
        self._send({"name": self.name}, newcomer)

    def _forget(self, peer: int) -> None:
        if peer in self.names:
            self.left.emit(self.names.pop(peer))

    def _receive(self, sender: int) -> None:
        try:
            message = self.peer.get_var()
        except DecodeError:
            return
        match message:  # a peer may send anything at all; what is none of these is ignored
            case {"name": str(name)} if sender not in self.names:
                self.names[sender] = _printable("-".join(name.split()))
                self.joined.emit(self.names[sender])
            case {"say": str(text), "to": int(target)}:
                self.heard.emit(self._name_of(sender), _printable(text), target)
            case _:
                pass

    def _name_of(self, peer: int) -> str:
        return self.names.get(peer, f"peer {peer}")


def _printable(text: str) -> str:
    """Return the text without control characters, which could do things to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
