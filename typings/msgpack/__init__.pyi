# msgpack ships no types; these are the parts that we use.
from collections.abc import Callable
from typing import NamedTuple

class ExtType(NamedTuple):
    code: int
    data: bytes

class UnpackException(Exception): ...
class OutOfData(UnpackException): ...
class StackError(ValueError, UnpackException): ...  # noqa: N818

class Packer:
    def __init__(
        self,
        *,
        default: Callable[[object], object] | None = ...,
        strict_types: bool = ...,
        buf_size: int = ...,
    ) -> None: ...
    def pack(self, obj: object) -> bytes: ...
    def reset(self) -> None: ...

class Unpacker:
    def __init__(self, *, max_buffer_size: int = ...) -> None: ...
    def feed(self, next_bytes: bytes | bytearray | memoryview) -> None: ...
    def skip(self) -> None: ...
    def tell(self) -> int: ...

def packb(
    o: object,
    *,
    default: Callable[[object], object] | None = ...,
    use_single_float: bool = ...,
    use_bin_type: bool = ...,
    strict_types: bool = ...,
    datetime: bool = ...,
) -> bytes: ...
def unpackb(
    packed: bytes | bytearray | memoryview,
    *,
    raw: bool = ...,
    use_list: bool = ...,
    strict_map_key: bool = ...,
    ext_hook: Callable[[int, bytes], object] = ...,
    object_hook: Callable[[dict[object, object]], object] | None = ...,
    object_pairs_hook: Callable[[list[tuple[object, object]]], object] | None = ...,
    unicode_errors: str | None = ...,
    timestamp: int = ...,
    max_str_len: int = ...,
    max_bin_len: int = ...,
    max_array_len: int = ...,
    max_map_len: int = ...,
    max_ext_len: int = ...,
) -> object: ...
