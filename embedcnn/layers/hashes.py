"""The hashes of TensorFlow's `to_hash_bucket`, so that layers.Hashing gives Keras's bins.

FarmHash's Fingerprint64 (Google's farmhash, namespace farmhashna) and SipHash-2-4 (Aumasson and Bernstein
2012), of bytes to 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

MASK = (1 << 64) - 1
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _rotated(value: int, by: int) -> int:
    """The bits turned right."""
    return ((value >> by) | (value << (64 - by))) & MASK


def _shift_mix(value: int) -> int:
    return value ^ (value >> 47)


def _mixed(u: int, v: int, multiplier: int) -> int:
    a = _shift_mix(((u ^ v) * multiplier) & MASK)
    b = _shift_mix(((v ^ a) * multiplier) & MASK)
    return (b * multiplier) & MASK


def _short(data: bytes) -> int:
    """Of at most 16 bytes."""
    n = len(data)
    if n >= 8:
        multiplier = K2 + n * 2
        a, b = (_u64(data, 0) + K2) & MASK, _u64(data, n - 8)
        c = (_rotated(b, 37) * multiplier + a) & MASK
        d = ((_rotated(a, 25) + b) * multiplier) & MASK
        return _mixed(c, d, multiplier)
    if n >= 4:
        return _mixed((n + (_u32(data, 0) << 3)) & MASK, _u32(data, n - 4), K2 + n * 2)
    if n:
        y, z = data[0] + (data[n >> 1] << 8), n + (data[n - 1] << 2)
        return (_shift_mix(((y * K2) ^ (z * K0)) & MASK) * K2) & MASK
    return K2


def _of_32(data: bytes) -> int:
    """Of 17 to 32 bytes."""
    n = len(data)
    multiplier = K2 + n * 2
    a, b = (_u64(data, 0) * K1) & MASK, _u64(data, 8)
    c, d = (_u64(data, n - 8) * multiplier) & MASK, (_u64(data, n - 16) * K2) & MASK
    first = (_rotated((a + b) & MASK, 43) + _rotated(c, 30) + d) & MASK
    return _mixed(first, (a + _rotated((b + K2) & MASK, 18) + c) & MASK, multiplier)


def _of_64(data: bytes) -> int:
    """Of 33 to 64 bytes."""
    n = len(data)
    multiplier = K2 + n * 2
    a, b = (_u64(data, 0) * K2) & MASK, _u64(data, 8)
    c, d = (_u64(data, n - 8) * multiplier) & MASK, (_u64(data, n - 16) * K2) & MASK
    y = (_rotated((a + b) & MASK, 43) + _rotated(c, 30) + d) & MASK
    z = _mixed(y, (a + _rotated((b + K2) & MASK, 18) + c) & MASK, multiplier)
    e, f = (_u64(data, 16) * multiplier) & MASK, _u64(data, 24)
    g, h = ((y + _u64(data, n - 32)) * multiplier) & MASK, ((z + _u64(data, n - 24)) * multiplier) & MASK
    first = (_rotated((e + f) & MASK, 43) + _rotated(g, 30) + h) & MASK
    return _mixed(first, (e + _rotated((f + a) & MASK, 18) + g) & MASK, multiplier)


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Of 32 bytes and two seeds."""
    w, x, y, z = (_u64(data, at + step) for step in (0, 8, 16, 24))
    a = (a + w) & MASK
    b = _rotated((b + a + z) & MASK, 21)
    c = a
    a = (a + x + y) & MASK
    return (a + z) & MASK, (b + _rotated(a, 44) + c) & MASK


def fingerprint64(data: bytes) -> int:
    """FarmHash's Fingerprint64.

    >>> hex(fingerprint64(b"word"))
    '0xe4f7876374c312c0'
    """
    n = len(data)
    if n <= 64:
        return _short(data) if n <= 16 else _of_32(data) if n <= 32 else _of_64(data)
    x, y = 81, (81 * K1 + 113) & MASK
    z = (_shift_mix((y * K2 + 113) & MASK) * K2) & MASK
    v, w = (0, 0), (0, 0)
    x = (x * K2 + _u64(data, 0)) & MASK
    end, at = ((n - 1) // 64) * 64, 0
    last = end + ((n - 1) & 63) - 63
    while at != end:
        x = (_rotated((x + y + v[0] + _u64(data, at + 8)) & MASK, 37) * K1) & MASK
        y = (_rotated((y + v[1] + _u64(data, at + 48)) & MASK, 42) * K1) & MASK
        x ^= w[1]
        y = (y + v[0] + _u64(data, at + 40)) & MASK
        z = (_rotated((z + w[0]) & MASK, 33) * K1) & MASK
        v = _weak(data, at, (v[1] * K1) & MASK, (x + w[0]) & MASK)
        w = _weak(data, at + 32, (z + w[1]) & MASK, (y + _u64(data, at + 16)) & MASK)
        z, x, at = x, z, at + 64
    multiplier = (K1 + ((z & 0xFF) << 1)) & MASK
    at = last
    w = ((w[0] + ((n - 1) & 63)) & MASK, w[1])
    v = ((v[0] + w[0]) & MASK, v[1])
    w = ((w[0] + v[0]) & MASK, w[1])
    x = (_rotated((x + y + v[0] + _u64(data, at + 8)) & MASK, 37) * multiplier) & MASK
    y = (_rotated((y + v[1] + _u64(data, at + 48)) & MASK, 42) * multiplier) & MASK
    x ^= (w[1] * 9) & MASK
    y = (y + v[0] * 9 + _u64(data, at + 40)) & MASK
    z = (_rotated((z + w[0]) & MASK, 33) * multiplier) & MASK
    v = _weak(data, at, (v[1] * multiplier) & MASK, (x + w[0]) & MASK)
    w = _weak(data, at + 32, (z + w[1]) & MASK, (y + _u64(data, at + 16)) & MASK)
    z, x = x, z
    first = (_mixed(v[0], w[0], multiplier) + _shift_mix(y) * K0 + z) & MASK
    return _mixed(first, (_mixed(v[1], w[1], multiplier) + x) & MASK, multiplier)


def siphash(data: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 under a key of two 64-bit numbers."""
    v0, v1 = key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D
    v2, v3 = key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573

    def rounds(count: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
            v1, v3 = _rotated(v1, 51) ^ v0, _rotated(v3, 48) ^ v2
            v0 = _rotated(v0, 32)
            v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
            v1, v3 = _rotated(v1, 47) ^ v2, _rotated(v3, 43) ^ v0
            v2 = _rotated(v2, 32)

    whole = len(data) // 8 * 8
    tail = int.from_bytes(data[whole:], "little") | ((len(data) & 0xFF) << 56)
    for word in [*(_u64(data, at) for at in range(0, whole, 8)), tail]:
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3
