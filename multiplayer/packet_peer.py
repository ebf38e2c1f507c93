"""``PacketPeer``: whatever sends and receives packets. Mirrors the Godot class of that name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from .codecs import Codec, MsgpackCodec
from .errors import DecodeError, Error, MultiplayerError
from .support.number_setting import check_number
from .support.sealed import Sealed
from .support.unique import Unique

DEFAULT_VALUE_LIMIT: Final = 8 * 1024 * 1024
_SMALLEST_VALUE_LIMIT: Final = 1024
_LARGEST_VALUE_LIMIT: Final = 256 * 1024 * 1024


class PacketPeer(Sealed, Unique, ABC):
    """Sends and receives packets: whole, in order, as bytes (Godot: ``PacketPeer``).

    Attributes:
        codec: how :meth:`put_var` and :meth:`get_var` turn values into bytes. msgpack by default;
            both sides must use the same one.
    """

    # Not set for each object: a server has one for each of its clients.
    codec: Codec = MsgpackCodec()
    _encode_buffer_max_size = DEFAULT_VALUE_LIMIT
    _packet_error = Error.OK

    @abstractmethod
    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched."""

    @abstractmethod
    def _take_packet(self) -> bytes:
        """Remove the next packet and return it; raise what :meth:`get_packet` is to raise."""

    @abstractmethod
    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` as one packet. Never blocks; an empty buffer sends nothing, as in Godot.

        Raises:
            MultiplayerError: the packet cannot be sent; see the subclass.
        """

    def get_packet(self) -> bytes:
        """Remove the next packet from the queue and return its bytes.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: there is none (check
                :meth:`get_available_packet_count` first).
        """
        try:
            packet = self._take_packet()
        except MultiplayerError as error:
            self._packet_error = error.code
            raise
        if self._packet_error:  # rarely written, since writing takes longer in a sealed object
            self._packet_error = Error.OK
        return packet

    def get_packet_error(self) -> Error:
        """Return how the last :meth:`get_packet` or :meth:`get_var` went."""
        return self._packet_error

    def get_var(self, allow_objects: bool = False) -> object:
        """Remove the next packet and return the value in it.

        Args:
            allow_objects: must be False. Godot can turn bytes into objects, and so into code; we
                never do.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits, or ``allow_objects`` is True.
            DecodeError: :attr:`codec` finds no value in the packet. The packet is consumed, and
                :meth:`get_packet_error` says ``ERR_INVALID_DATA``.
        """
        _refuse_objects(allow_objects)
        packet = self.get_packet()
        try:
            return self.codec.decode(packet)
        except DecodeError:
            self._packet_error = Error.ERR_INVALID_DATA
            raise

    def put_var(self, var: object, full_objects: bool = False) -> None:
        """Send a value as one packet.

        Args:
            var: what :attr:`codec` can encode.
            full_objects: must be False; see :meth:`get_var`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``var`` cannot be encoded;
                ``ERR_OUT_OF_MEMORY``: it needs more than :attr:`encode_buffer_max_size` bytes;
                ``ERR_UNAVAILABLE``: ``full_objects`` is True; otherwise as :meth:`put_packet`.
        """
        _refuse_objects(full_objects)
        packet = self.codec.encode(var)
        if len(packet) > self._encode_buffer_max_size:
            message = (
                f"the value takes {len(packet)} bytes, more than encode_buffer_max_size "
                f"({self._encode_buffer_max_size}); send less, or raise that limit"
            )
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
        self.put_packet(packet)

    @property
    def encode_buffer_max_size(self) -> int:
        """The longest encoded value that :meth:`put_var` sends, in bytes (default 8 MiB).

        Setting it rounds up to a power of two. Values outside 1024 to 256 MiB raise
        ``ERR_INVALID_PARAMETER``.
        """
        return self._encode_buffer_max_size

    @encode_buffer_max_size.setter
    def encode_buffer_max_size(self, size: int) -> None:
        check_number("encode_buffer_max_size", size, whole=True)
        if not _SMALLEST_VALUE_LIMIT <= size <= _LARGEST_VALUE_LIMIT:
            message = f"encode_buffer_max_size must be 1024 to {_LARGEST_VALUE_LIMIT}, not {size}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._encode_buffer_max_size = 1 << (size - 1).bit_length()


def _refuse_objects(wanted: bool) -> None:
    if wanted:
        message = "objects are never sent or decoded whole, since that runs code; send plain values"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
