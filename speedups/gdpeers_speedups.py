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
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcmp, memcpy, memset

INTERFACE = 1

pure: dict = {}
"""The twins as they are written, by name; gdpeers puts them here."""


@cython.cfunc
def _start(source: object) -> p_uchar:
    """Where the bytes of a ``bytes`` or ``bytearray`` are. A subclass may lie about its length."""
    if type(source) is bytes:
        return cast(p_uchar, PyBytes_AS_STRING(source))
    if type(source) is bytearray:
        return cast(p_uchar, PyByteArray_AsString(source))
    raise TypeError("bytes or a bytearray")


@cython.cfunc
@cython.exceptval(check=False)
def _apply(out: p_uchar, data: p_uchar, size: Py_ssize_t, key: uint32_t) -> cython.void:
    """Write ``data`` to ``out`` with a mask applied, whose first byte is the key's lowest."""
    at: Py_ssize_t = 0
    word: uint64_t
    twice: uint64_t = key | cast(uint64_t, key) << 32
    while at + 8 <= size:
        memcpy(address(word), data + at, 8)
        word ^= twice
        memcpy(out + at, address(word), 8)
        at += 8
    while at < size:
        out[at] = data[at] ^ cast(p_uchar, address(twice))[at & 7]
        at += 1


@cython.locals(word=uint32_t, out=bytes)
def masked(data: object, key: object) -> bytes:
    if len(key) != 4 or not (type(data) is bytes or type(data) is bytearray):
        return pure["masked"](data, key)
    memcpy(address(word), _start(key), 4)
    out = PyBytes_FromStringAndSize(cython.NULL, len(data))
    _apply(_start(out), _start(data), len(data), word)
    return out


@cython.cfunc
@cython.locals(at=Py_ssize_t, end=Py_ssize_t, longest=Py_ssize_t, room=Py_ssize_t)
@cython.locals(begin=p_uchar, head=Py_ssize_t, size=Py_ssize_t, key=uint32_t, payload=bytes)
def _read_common(source, at, end, longest, room, packets: list, bit: cython.uchar):
    """Read the common frames of a client, whose second bytes have ``bit``, or of a server."""
    begin, key = _start(source), 0
    head = 6 if bit else 2
    end, longest = min(end, len(source)), min(longest, 125)
    while 0 <= at < end - head and room > 0 and begin[at] == 0x82 and begin[at + 1] & 0x80 == bit:
        size = begin[at + 1] & 0x7F
        if not 0 < size <= longest or size > end - at - head:
            break
        payload = PyBytes_FromStringAndSize(cython.NULL, size)
        if bit:
            memcpy(address(key), begin + at + 2, 4)
        _apply(_start(payload), begin + at + head, size, key)
        packets.append(payload)
        at, room = at + head + size, room - 1
    return at


@cython.locals(size=Py_ssize_t, word=uint32_t, to=p_uchar, out=bytes)
def write_masked(data: bytes, key: uint32_t):
    size = len(data)
    if size > 125:
        raise ValueError("a common frame has at most 125 bytes")
    out = PyBytes_FromStringAndSize(cython.NULL, 6 + size)
    to = _start(out)
    to[0] = 0x82
    _put(to + 1, 0x80 | size, key, 4)
    memcpy(address(word), to + 2, 4)
    _apply(to + 6, _start(data), size, word)
    return out


def read_masked(source, at, end, longest, room, packets: list):
    return _read_common(source, at, end, longest, room, packets, 0x80)


def read_unmasked(source, at, end, longest, room, packets: list):
    return _read_common(source, at, end, longest, room, packets, 0)


@cython.cfunc
def _put(to: p_uchar, first: cython.int, number: uint64_t, size: Py_ssize_t) -> Py_ssize_t:
    """Write a byte, and behind it a number of so many bytes, the highest first."""
    place: Py_ssize_t
    to[0] = cast(cython.uchar, first)
    for place in range(size):
        to[size - place] = cast(cython.uchar, number >> 8 * place)
    return 1 + size


@cython.cfunc
@cython.locals(single=cython.float, number=cython.double, whole=int64_t, bits=uint64_t)
@cython.locals(size=Py_ssize_t, overflow=cython.int, level=cython.int)
def _write(to: p_uchar, value: object, in_msgpack: cython.bint) -> Py_ssize_t:
    """Write an int, a float, short text, a bool or None; return its size, 0 for all others."""
    kind = type(value)
    if kind is int:
        whole = PyLong_AsLongLongAndOverflow(value, address(overflow))
        bits = cast(uint64_t, whole if whole >= 0 else ~whole)
        bits <<= whole < 0 or not in_msgpack  # the sign takes a bit
        level = 0
        while level < 3 and bits >> (8 << level):
            level += 1
        if overflow or not in_msgpack:
            to[0] = cast(cython.uchar, 2 | level << 6)
            memcpy(to + 1, address(whole), 8)
            return 0 if overflow else 1 + (1 << level)
        if -32 <= whole < 128:
            return _put(to, whole, 0, 0)
        return _put(to, (0xCC if whole > 0 else 0xD0) + level, whole, 1 << level)
    if kind is float:
        number = PyFloat_AS_DOUBLE(value)
        single = cast(cython.float, number)
        if in_msgpack:
            memcpy(address(bits), address(number), 8)
            return _put(to, 0xCB, bits, 8)
        to[0], to[1], to[2], to[3] = 3, 0, single != number, 0
        memcpy(to + 4, address(number), 8)
        if single == number:
            memcpy(to + 4, address(single), 4)
        return 8 if single == number else 12
    if kind is str:
        try:
            text = PyUnicode_AsUTF8AndSize(value, address(size))
        except UnicodeEncodeError:
            return 0
        if size > 252 or (not in_msgpack and memchr(text, 0, size) is not cython.NULL):
            return 0
        if in_msgpack:
            level = _put(to, 0xA0 | size, 0, 0) if size < 32 else _put(to, 0xD9, size, 1)
            memcpy(to + level, text, size)
            return level + size
        memset(to, 0, 12 + size)
        to[0], to[4] = 4, cast(cython.uchar, size)
        memcpy(to + 8, text, size)
        return 8 + ((size + 3) & ~3)
    if kind is bool:
        level = 0xC2 if in_msgpack else 1
        return _put(to, level | (value is True) << (0 if in_msgpack else 7), 0, 0)
    memset(to, 0xC0 if in_msgpack else 0, 4)
    return 0 if value is not None else 1 if in_msgpack else 4


@cython.cfunc
@cython.locals(buffer=cython.uchar[1024], at=Py_ssize_t, size=Py_ssize_t)
def _write_each(out: bytes, values: object, in_msgpack: cython.bint, count: Py_ssize_t) -> object:
    at = in_msgpack
    buffer[0] = cast(cython.uchar, 0x90 | count)
    for value in values:
        if at > 700:  # there is no room for the longest text
            out, at = out + buffer[:at], 0
        size = _write(cast(p_uchar, buffer) + at, value, in_msgpack)
        if not size:
            written = pure["array_of" if in_msgpack else "write_flat"](b"", (value,))
            if written is None:
                return None
            out, at = out + buffer[:at] + written[in_msgpack:], 0
        at += size
    return out + buffer[:at]


def write_flat(out: bytes, values: object) -> object:
    return _write_each(out, values, False, 0)


def array_of(out: bytes, values: object) -> object:
    items: tuple = tuple(values)
    return None if len(items) > 15 else _write_each(out, items, True, len(items))


@cython.locals(here=p_uchar, left=Py_ssize_t, size=Py_ssize_t, length=uint32_t)
@cython.locals(first=cython.uchar, single=cython.float, number=cython.double, whole=int64_t)
def read_flat(data: bytes, at: Py_ssize_t, count: Py_ssize_t) -> object:
    here = cast(p_uchar, PyBytes_AS_STRING(data)) + at
    left, whole = len(data) - at, 0
    values: list = []
    while count > 0:
        if left < 1 or at < 0:
            return None
        first = here[0]
        if first & 0x3F == 2:
            size = 1 + (1 << (first >> 6))
            if left < size:
                return None
            memcpy(address(whole), here + 1, size - 1)
            values.append(whole << (72 - 8 * size) >> (72 - 8 * size))  # with its sign
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
            text = cast(cython.p_char, here + 8)
            if size > left or memchr(text, 0, length) is not cython.NULL:
                return None
            if length >= 3 and memcmp(text, b"\xef\xbb\xbf", 3) == 0:
                return None
            try:
                values.append(PyUnicode_DecodeUTF8(text, length, b"strict"))
            except UnicodeDecodeError:
                return None
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
    count = len(values)
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
        if values is not None and check is not None and (kinds is None or not _are(values, kinds)):
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
