# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, embedsignature=True
"""Compiled twins of functions of gdpeers, by the same names: those that it marks ``@accelerated``.

What they do is documented there. What is rare they leave to the functions as they are written.
"""

from __future__ import annotations

import cython
from cython.cimports.cpython.bytearray import PyByteArray_AsString
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.cpython.float import PyFloat_AS_DOUBLE
from cython.cimports.cpython.long import PyLong_AsLongLongAndOverflow
from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize
from cython.cimports.libc.math import isinf
from cython.cimports.libc.stdint import int8_t, int16_t, int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.string import memchr, memcpy, memset

INTERFACE = 1

pure: dict = {}
"""The twins as they are written, by name; gdpeers puts them here."""

_ROOM = cython.declare(cython.Py_ssize_t, 1024)
"""Bytes that are written before they become an object."""
_LONGEST_TEXT = cython.declare(cython.Py_ssize_t, 252)
_LARGEST_FLOAT32 = cython.declare(cython.double, 3.4028234663852886e38)


@cython.cfunc
def _start(source: object) -> cython.p_uchar:
    """Where the bytes of a ``bytes`` or ``bytearray`` are."""
    if isinstance(source, bytes):
        return cython.cast(cython.p_uchar, PyBytes_AS_STRING(source))
    if isinstance(source, bytearray):
        return cython.cast(cython.p_uchar, PyByteArray_AsString(source))
    raise TypeError("bytes or a bytearray")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _apply(
    out: cython.p_uchar, data: cython.p_uchar, size: cython.Py_ssize_t, key: uint32_t
) -> cython.void:
    """Write ``data`` to ``out`` with a mask applied, whose first byte is the key's lowest."""
    word: uint64_t
    twice: uint64_t = key
    twice |= twice << 32
    at: cython.Py_ssize_t = 0
    while at + 8 <= size:
        memcpy(cython.address(word), data + at, 8)
        word ^= twice
        memcpy(out + at, cython.address(word), 8)
        at += 8
    while at < size:
        out[at] = data[at] ^ cython.cast(cython.p_uchar, cython.address(twice))[at & 7]
        at += 1


def masked(data: object, key: object) -> bytes:
    size: cython.Py_ssize_t = len(data)
    word: uint32_t
    if len(key) != 4:
        return pure["masked"](data, key)
    memcpy(cython.address(word), _start(key), 4)
    out: bytes = PyBytes_FromStringAndSize(cython.NULL, size)
    _apply(cython.cast(cython.p_uchar, PyBytes_AS_STRING(out)), _start(data), size, word)
    return out


def read_masked(
    source: object,
    at: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    longest: cython.Py_ssize_t,
    room: cython.Py_ssize_t,
    packets: list,
) -> cython.Py_ssize_t:
    begin: cython.p_uchar = _start(source)
    size: cython.Py_ssize_t
    key: uint32_t
    payload: bytes
    end = min(end, len(source))
    longest = min(longest, 125)
    while 0 <= at < end - 6 and room > 0 and begin[at] == 0x82 and begin[at + 1] >= 0x80:
        size = begin[at + 1] - 0x80
        if not 0 < size <= longest or size > end - at - 6:
            break
        memcpy(cython.address(key), begin + at + 2, 4)
        payload = PyBytes_FromStringAndSize(cython.NULL, size)
        _apply(cython.cast(cython.p_uchar, PyBytes_AS_STRING(payload)), begin + at + 6, size, key)
        packets.append(payload)
        at += 6 + size
        room -= 1
    return at


def read_unmasked(
    source: object,
    at: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    longest: cython.Py_ssize_t,
    room: cython.Py_ssize_t,
    packets: list,
) -> cython.Py_ssize_t:
    begin: cython.p_uchar = _start(source)
    size: cython.Py_ssize_t
    end = min(end, len(source))
    longest = min(longest, 125)
    while 0 <= at < end - 2 and room > 0 and begin[at] == 0x82:
        size = begin[at + 1]
        if not 0 < size <= longest or size > end - at - 2:
            break
        packets.append(PyBytes_FromStringAndSize(cython.cast(cython.p_char, begin + at + 2), size))
        at += 2 + size
        room -= 1
    return at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _write_int(out: cython.p_uchar, number: int64_t) -> cython.Py_ssize_t:
    size: cython.Py_ssize_t = 8
    mode: cython.uchar = 0xC0
    if number == cython.cast(int8_t, number):
        size, mode = 1, 0
    elif number == cython.cast(int16_t, number):
        size, mode = 2, 0x40
    elif number == cython.cast(int32_t, number):
        size, mode = 4, 0x80
    out[0] = 2 | mode
    memcpy(out + 1, cython.address(number), size)
    return 1 + size


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _write_float(out: cython.p_uchar, number: cython.double) -> cython.Py_ssize_t:
    head: uint32_t = 3
    single: cython.float
    if -_LARGEST_FLOAT32 <= number <= _LARGEST_FLOAT32 or isinf(number):
        single = cython.cast(cython.float, number)
        if single == number:
            memcpy(out, cython.address(head), 4)
            memcpy(out + 4, cython.address(single), 4)
            return 8
    head = 0x10003
    memcpy(out, cython.address(head), 4)
    memcpy(out + 4, cython.address(number), 8)
    return 12


def write_flat(out: bytes, values: object) -> object:
    buffer: cython.uchar[1024]
    at: cython.Py_ssize_t = 0
    size: cython.Py_ssize_t
    words: cython.Py_ssize_t
    overflow: cython.int = 0
    number: int64_t
    head: cython.p_uchar
    for value in values:
        kind = type(value)
        if at > _ROOM - _LONGEST_TEXT - 8:
            out += buffer[:at]
            at = 0
        head = cython.cast(cython.p_uchar, buffer) + at
        if kind is int:
            number = PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
            if overflow:
                return None
            at += _write_int(head, number)
        elif kind is float:
            at += _write_float(head, PyFloat_AS_DOUBLE(value))
        elif kind is str:
            try:
                text = PyUnicode_AsUTF8AndSize(value, cython.address(size))
            except UnicodeEncodeError:
                return None
            if size > _LONGEST_TEXT or memchr(text, 0, size) is not cython.NULL:
                return None
            words = (size + 3) // 4
            memset(head, 0, 8 + 4 * words)
            head[0] = 4
            head[4] = cython.cast(cython.uchar, size)
            memcpy(head + 8, text, size)
            at += 8 + 4 * words
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
            out += buffer[:at] + written
            at = 0
    return out + buffer[:at]
