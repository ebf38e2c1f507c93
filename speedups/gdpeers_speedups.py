# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, embedsignature=True
"""Compiled twins of functions of gdpeers, by the same names: those that it marks ``@accelerated``.

What they do is documented there. What is rare they leave to the functions as they are written.
"""

from __future__ import annotations

import cython
from cython import Py_ssize_t, address, cast, p_uchar
from cython.cimports.cpython.bytearray import PyByteArray_AsString
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.cpython.float import PyFloat_AS_DOUBLE
from cython.cimports.cpython.long import PyLong_AsLongLongAndOverflow
from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from cython.cimports.libc.stdint import int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp, memcpy, memset

INTERFACE = 1

pure: dict = {}
"""The twins as they are written, by name; gdpeers puts them here."""


@cython.cfunc
def _start(source: object) -> p_uchar:
    """Where the bytes of a ``bytes`` or ``bytearray`` are."""
    if isinstance(source, bytes):
        return cast(p_uchar, PyBytes_AS_STRING(source))
    if isinstance(source, bytearray):
        return cast(p_uchar, PyByteArray_AsString(source))
    raise TypeError("bytes or a bytearray")


@cython.cfunc
@cython.exceptval(check=False)
def _apply(out: p_uchar, data: p_uchar, size: Py_ssize_t, key: uint32_t) -> cython.void:
    """Write ``data`` to ``out`` with a mask applied, whose first byte is the key's lowest."""
    word: uint64_t
    twice: uint64_t = key
    twice |= twice << 32
    at: Py_ssize_t = 0
    while at + 8 <= size:
        memcpy(address(word), data + at, 8)
        word ^= twice
        memcpy(out + at, address(word), 8)
        at += 8
    while at < size:
        out[at] = data[at] ^ cast(p_uchar, address(twice))[at & 7]
        at += 1


def masked(data: object, key: object) -> bytes:
    size: Py_ssize_t = len(data)
    word: uint32_t
    if len(key) != 4:
        return pure["masked"](data, key)
    memcpy(address(word), _start(key), 4)
    out: bytes = PyBytes_FromStringAndSize(cython.NULL, size)
    _apply(_start(out), _start(data), size, word)
    return out


@cython.cfunc
def _read_common(
    source,
    at: Py_ssize_t,
    end: Py_ssize_t,
    longest: Py_ssize_t,
    room: Py_ssize_t,
    packets: list,
    bit: cython.uchar,
):
    """Read the common frames of a client, whose second bytes have ``bit``, or of a server."""
    begin: p_uchar = _start(source)
    head: Py_ssize_t = 6 if bit else 2
    size: Py_ssize_t
    key: uint32_t = 0
    payload: bytes
    end = min(end, len(source))
    longest = min(longest, 125)
    while 0 <= at < end - head and room > 0 and begin[at] == 0x82 and begin[at + 1] & 0x80 == bit:
        size = begin[at + 1] & 0x7F
        if not 0 < size <= longest or size > end - at - head:
            break
        payload = PyBytes_FromStringAndSize(cython.NULL, size)
        if bit:
            memcpy(address(key), begin + at + 2, 4)
        _apply(_start(payload), begin + at + head, size, key)
        packets.append(payload)
        at += head + size
        room -= 1
    return at


@cython.locals(size=Py_ssize_t, word=uint32_t, to=p_uchar, out=bytes)
def write_masked(data: bytes, key: uint32_t):
    size = len(data)
    if size > 125:
        raise ValueError("a common frame has at most 125 bytes")
    out = PyBytes_FromStringAndSize(cython.NULL, 6 + size)
    to = _start(out)
    to[0], to[1] = 0x82, cast(cython.uchar, 0x80 | size)
    to[2], to[3], to[4], to[5] = key >> 24, key >> 16 & 0xFF, key >> 8 & 0xFF, key & 0xFF
    memcpy(address(word), to + 2, 4)
    _apply(to + 6, _start(data), size, word)
    return out


def read_masked(source, at, end, longest, room, packets: list):
    return _read_common(source, at, end, longest, room, packets, 0x80)


def read_unmasked(source, at, end, longest, room, packets: list):
    return _read_common(source, at, end, longest, room, packets, 0)


@cython.cfunc
@cython.exceptval(check=False)
def _write_float(out: p_uchar, number: cython.double) -> Py_ssize_t:
    single: cython.float
    memcpy(out, b"\3\0\0\0", 4)
    single = cast(cython.float, number)
    if single == number:
        memcpy(out + 4, address(single), 4)
        return 8
    out[2] = 1
    memcpy(out + 4, address(number), 8)
    return 12


def write_flat(out: bytes, values: object) -> object:
    buffer: cython.uchar[1024]
    at: Py_ssize_t = 0
    size: Py_ssize_t
    overflow: cython.int = 0
    number: int64_t
    head: p_uchar
    for value in values:
        kind = type(value)
        if at > 700:  # there is no room for the longest text
            out, at = out + buffer[:at], 0
        head = cast(p_uchar, buffer) + at
        if kind is int:
            number = PyLong_AsLongLongAndOverflow(value, address(overflow))
            if overflow:
                return None
            if number == cast(int8_t, number):
                size, head[0] = 1, 0x02
            elif number == cast(int16_t, number):
                size, head[0] = 2, 0x42
            elif number == cast(int32_t, number):
                size, head[0] = 4, 0x82
            else:
                size, head[0] = 8, 0xC2
            memcpy(head + 1, address(number), size)
            at += 1 + size
        elif kind is float:
            at += _write_float(head, PyFloat_AS_DOUBLE(value))
        elif kind is str:
            try:
                text = PyUnicode_AsUTF8AndSize(value, address(size))
            except UnicodeEncodeError:
                return None
            if size > 252 or memchr(text, 0, size) is not cython.NULL:
                return None
            at += 8 + ((size + 3) & ~3)
            memset(head, 0, 12 + size)
            head[0], head[4] = 4, cast(cython.uchar, size)
            memcpy(head + 8, text, size)
        elif kind is bool:
            head[0] = 0x81 if value else 1
            at += 1
        elif value is None:
            memset(head, 0, 4)
            at += 4
        else:
            written = pure["write_flat"](b"", (value,))
            if written is None:
                return None
            out, at = out + buffer[:at] + written, 0
    return out + buffer[:at]


def read_flat(data: bytes, at: Py_ssize_t, count: Py_ssize_t) -> object:
    here: p_uchar = cast(p_uchar, PyBytes_AS_STRING(data)) + at
    left: Py_ssize_t = len(data) - at
    size: Py_ssize_t
    length: uint32_t
    first: cython.uchar
    single: cython.float
    number: cython.double
    whole: int64_t = 0
    values: list = []
    while count > 0:
        if left < 1 or at < 0:
            return None
        first = here[0]
        if first == 2 and left >= 2:
            size = 2
            values.append(cast(int8_t, here[1]))
        elif first == 3 and left >= 8 and memcmp(here, b"\3\0\0\0", 4) == 0:
            size = 8
            memcpy(address(single), here + 4, 4)
            values.append(cast(cython.double, single))
        elif first == 3 and left >= 12 and memcmp(here, b"\3\0\1\0", 4) == 0:
            size = 12
            memcpy(address(number), here + 4, 8)
            values.append(number)
        elif first == 4 and left >= 8 and memcmp(here, b"\4\0\0\0", 4) == 0:
            memcpy(address(length), here + 4, 4)
            size = 8 + ((cast(Py_ssize_t, length) + 3) & ~3)
            if size > left or memchr(here + 8, 0, length) is not cython.NULL:
                return None
            if length >= 3 and memcmp(here + 8, b"\xef\xbb\xbf", 3) == 0:
                return None
            try:
                values.append(
                    PyUnicode_DecodeUTF8(cast(cython.p_char, here + 8), length, b"strict")
                )
            except UnicodeDecodeError:
                return None
        elif first == 0x42 or first == 0x82 or first == 0xC2:
            size = 3 if first == 0x42 else 5 if first == 0x82 else 9
            if left < size:
                return None
            memcpy(address(whole), here + 1, size - 1)
            values.append(whole << (72 - 8 * size) >> (72 - 8 * size))  # with its sign
        elif first & 0x3F == 1:
            size = 1
            values.append(first > 127)
        elif left >= 4 and memcmp(here, b"\0\0\0\0", 4) == 0:
            size = 4
            values.append(None)
        else:
            return None
        here += size
        left -= size
        count -= 1
    return values


@cython.cfunc
def _are(values: list, kinds: list) -> cython.bint:
    """Whether values are of exactly these types."""
    place: Py_ssize_t
    for place in range(min(len(values), len(kinds))):
        if type(values[place]) is not kinds[place]:
            return False
    return len(values) == len(kinds)


@cython.cfunc
def _call(function: object, values: list) -> object:
    """Call with a few arguments without a tuple of them."""
    count: Py_ssize_t = len(values)
    if count == 1:
        return function(values[0])
    if count == 2:
        return function(values[0], values[1])
    if count == 3:
        return function(values[0], values[1], values[2])
    if count == 4:
        return function(values[0], values[1], values[2], values[3])
    return function(*values)


@cython.locals(plans=dict, sizes=bytes, at=Py_ssize_t, now=list, data=bytes, size=Py_ssize_t)
@cython.locals(plan=tuple, values=list, flat=cython.bint)
def call_all(left, plans, sizes, at, read, now, link, touched, pressing, steps):
    flat = read is read_flat
    for data in left:
        if not 0 <= at < len(data) or len(sizes) != 256:
            return data
        size = sizes[data[at]]
        if size > 127:
            size = data.find(b"\0", size - 128) + 2
        plan = plans.get(data[:size])
        if plan is None:
            return data
        start, count, function, kinds, check, _ = plan
        if count < 0:
            values = [data[start:]] if len(data) > start else []
        else:
            values = read_flat(data, start, count) if flat else read(data, start, count)
        if values is None:
            return data
        if check is not None and (kinds is None or not _are(values, kinds)):
            values = check(values)
            if values is None:
                return data
        now[0] = plan
        try:
            _call(function, values)
        except BaseException as error:
            now[1] = error
            raise
        if pressing or steps or (touched and link in touched):
            return None
    return None
