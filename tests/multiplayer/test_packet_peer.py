"""``PacketPeer``, ``MultiplayerPeer`` and ``OfflineMultiplayerPeer``: what all peers share."""

from __future__ import annotations

import pytest

from multiplayer import (
    ConnectionStatus,
    DecodeError,
    Error,
    MultiplayerError,
    MultiplayerPeer,
    OfflineMultiplayerPeer,
    PacketPeer,
    TransferMode,
)


class Loopback(PacketPeer):
    """Receives what it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[bytes] = []

    def get_available_packet_count(self) -> int:
        return len(self.queue)

    def _take_packet(self) -> bytes:
        if not self.queue:
            raise MultiplayerError(Error.ERR_UNAVAILABLE, "nothing here")
        return self.queue.pop(0)

    def put_packet(self, buffer: bytes) -> None:
        self.queue.append(buffer)


def test_values_travel_as_packets() -> None:
    peer = Loopback()
    value = {"pos": [1.5, -2], "name": "Ünï", "raw": b"\0\xff", "alive": True, "none": None, 7: 8}
    peer.put_var(value)
    assert peer.get_available_packet_count() == 1
    assert peer.get_var() == value
    assert peer.get_packet_error() is Error.OK


def test_the_last_error_is_remembered() -> None:
    peer = Loopback()
    assert peer.get_packet_error() is Error.OK
    with pytest.raises(MultiplayerError):
        peer.get_packet()
    assert peer.get_packet_error() is Error.ERR_UNAVAILABLE
    peer.put_packet(b"\xc1")
    with pytest.raises(DecodeError):
        peer.get_var()
    assert peer.get_packet_error() is Error.ERR_INVALID_DATA
    assert peer.get_available_packet_count() == 0
    peer.put_packet(b"\x05")
    assert peer.get_var() == 5
    assert peer.get_packet_error() is Error.OK


def test_objects_are_refused() -> None:
    peer = Loopback()
    peer.put_packet(b"\x05")
    for call in (lambda: peer.get_var(allow_objects=True), lambda: peer.put_var(1, True)):
        with pytest.raises(MultiplayerError, match="never sent or decoded") as refused:
            call()
        assert refused.value.code is Error.ERR_UNAVAILABLE
    assert peer.get_available_packet_count() == 1
    with pytest.raises(MultiplayerError) as unknown:
        peer.put_var(object())
    assert unknown.value.code is Error.ERR_INVALID_PARAMETER


def test_values_have_a_longest_encoding() -> None:
    peer = Loopback()
    assert peer.encode_buffer_max_size == 8 * 1024 * 1024
    peer.encode_buffer_max_size = 1025
    assert peer.encode_buffer_max_size == 2048
    peer.put_var(b"x" * 2000)
    with pytest.raises(MultiplayerError, match="encode_buffer_max_size") as too_long:
        peer.put_var(b"x" * 2048)
    assert too_long.value.code is Error.ERR_OUT_OF_MEMORY
    assert peer.get_available_packet_count() == 1
    for size in (1023, 256 * 1024 * 1024 + 1):
        with pytest.raises(MultiplayerError) as refused:
            peer.encode_buffer_max_size = size
        assert refused.value.code is Error.ERR_INVALID_PARAMETER


def test_defaults_are_those_of_the_class_reference() -> None:
    peer: MultiplayerPeer = OfflineMultiplayerPeer()
    assert peer.transfer_mode is TransferMode.TRANSFER_MODE_RELIABLE
    assert peer.transfer_channel == 0
    assert peer.refuse_new_connections is False
    assert (peer.TARGET_PEER_BROADCAST, peer.TARGET_PEER_SERVER) == (0, 1)
    assert [*map(int, ConnectionStatus)] == [*map(int, TransferMode)] == [0, 1, 2]


def test_settings_that_make_no_sense_are_refused() -> None:
    peer = OfflineMultiplayerPeer()
    peer.transfer_mode = 0
    assert peer.transfer_mode is TransferMode.TRANSFER_MODE_UNRELIABLE
    peer.transfer_channel = 255
    peer.set_target_peer(-(2**31))
    with pytest.raises(MultiplayerError, match="TransferMode"):
        peer.transfer_mode = 3
    with pytest.raises(MultiplayerError, match="0 to 255"):
        peer.transfer_channel = 256
    with pytest.raises(MultiplayerError, match="32 bits"):
        peer.set_target_peer(2**31)
    assert (peer.transfer_mode, peer.transfer_channel) == (0, 255)


def test_generated_ids_are_never_those_of_nobody_or_the_server() -> None:
    class Scripted(OfflineMultiplayerPeer):
        draws = iter([0, 1, 2**31 - 1, 2])

        def randbits(self, bits: int) -> int:
            assert bits == 31
            return next(self.draws)

    peer = Scripted()
    assert [peer.generate_unique_id(), peer.generate_unique_id()] == [2**31 - 1, 2]


def test_offline_is_a_session_of_one() -> None:
    peer = OfflineMultiplayerPeer()
    peer.poll()
    peer.put_packet(b"into the void")
    peer.close()
    assert peer.get_connection_status() is ConnectionStatus.CONNECTION_CONNECTED
    assert (peer.get_unique_id(), peer.get_available_packet_count(), peer.now()) == (1, 0, 0.0)
    assert peer.is_server_relay_supported() is False
    assert peer.generate_unique_id() != peer.generate_unique_id()
    assert all(0 <= peer.randbits(8) < 256 for _ in range(100))
    for call in (
        peer.get_packet,
        peer.get_packet_peer,
        peer.get_packet_channel,
        peer.get_packet_mode,
    ):
        with pytest.raises(MultiplayerError) as empty:
            call()
        assert empty.value.code is Error.ERR_UNAVAILABLE
    with pytest.raises(MultiplayerError) as alone:
        peer.disconnect_peer(2)
    assert alone.value.code is Error.ERR_DOES_NOT_EXIST
