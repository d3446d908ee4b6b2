"""How far apart two colours are for people who see colours in different ways, and how well text stands out."""

from __future__ import annotations

from collections.abc import Sequence
from math import cbrt, dist
from typing import Final

Colour = tuple[float, float, float]
Matrix = tuple[Colour, Colour, Colour]

KINDS: Final[dict[str, Matrix]] = {
    "full": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}
"""Linear RGB as it is seen (Machado, Oliveira and Fernandes, 2009, severity 1)."""

TO_LMS: Final[Matrix] = (
    (0.41222147, 0.53633254, 0.05144599),
    (0.2119035, 0.6806995, 0.10739696),
    (0.08830246, 0.28171884, 0.62997870),
)
TO_LAB: Final[Matrix] = (
    (0.21045426, 0.79361779, -0.00407205),
    (1.9779985, -2.4285922, 0.4505937),
    (0.02590404, 0.78277177, -0.80867577),
)
"""OKLab (Ottosson, 2020)."""


def linear(colour: str) -> Colour:
    """Return `#rrggbb` in linear light."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG."""
    lights = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in map(linear, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def difference(one: str, other: str, kind: str) -> float:
    """Return the distance in OKLab as seen by a kind of vision; 0.02 can just be told apart side by side."""
    return dist(_seen(one, kind), _seen(other, kind))


def _seen(colour: str, kind: str) -> Colour:
    light = [max(0.0, part) for part in _times(KINDS[kind], linear(colour))]
    return _times(TO_LAB, [cbrt(part) for part in _times(TO_LMS, light)])


def _times(matrix: Sequence[Colour], vector: Sequence[float]) -> Colour:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third
