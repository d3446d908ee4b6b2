"""What the records hold as bytes: sort keys, whose order is the order of ranks, and the names behind them.

A sort key is 8 bytes of score and 6 bytes of place in the tie, the board's version when the player joined it.
The two names of a player are one bytes object, not a tuple of two strings: a leaf is a fifth smaller and takes half the
time to pickle.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from ...model import Score, score_from_float

PREFIX_BYTES: Final = 8
PLACE_BYTES: Final = 6
KEY_BYTES: Final = PREFIX_BYTES + PLACE_BYTES

FIRST_KEY: Final = bytes(KEY_BYTES)
"""A key at or before every other."""

LAST_PLACE: Final = b"\xff" * PLACE_BYTES
"""The end of every tie; 2^48 joins of one standing tie last 890 years at 10,000 a second."""

_double = Struct(">d")
_bits = Struct(">Q")
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


def score_prefix(score: Score, *, descending: bool) -> bytes:
    """Return the 8 bytes that sort as the scores rank: the best score has the smallest. Infinities are allowed.

    The bits of an IEEE 754 double sort as the number does once the sign bit is flipped and, for negative
    numbers, all the others too. Exact for every score, as whole scores stay within ±2^53.
    """
    bits: int = _bits.unpack(_double.pack(-score if descending else score))[0]
    return _bits.pack(bits ^ _ALL if bits & _SIGN else bits | _SIGN)


def score_of(key: bytes, *, descending: bool) -> Score:
    """Return the score that a key was made of."""
    mapped: int = _bits.unpack_from(key)[0]
    value: float = _double.unpack(_bits.pack(mapped ^ _SIGN if mapped & _SIGN else mapped ^ _ALL))[0]
    return score_from_float(-value if descending else value)


def reached_of(key: bytes) -> int:
    """Return the place in the tie that a key was made of: the board's version when the player reached the score."""
    return int.from_bytes(key[PREFIX_BYTES:], "big")


def next_place(last_key: bytes) -> bytes:
    """Return the key right behind the last one of a tie."""
    return (int.from_bytes(last_key, "big") + 1).to_bytes(KEY_BYTES, "big")


def pack_names(player_id: str, username: str) -> bytes:
    """Return both names as one bytes object: the length of the first, the first, the second, in UTF-8."""
    encoded = player_id.encode()
    return bytes((len(encoded),)) + encoded + username.encode()


def unpack_names(names: bytes) -> tuple[str, str]:
    """Return player id and username."""
    end = names[0] + 1
    return names[1:end].decode(), names[end:].decode()
