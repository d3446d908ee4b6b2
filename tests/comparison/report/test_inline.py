"""Paragraphs have `code` and **bold**, and whatever else is in them stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.document import Piece, pieces


@pytest.mark.parametrize(
    ("paragraph", "found"),
    [
        ("plain", [Piece("plain")]),
        ("a `b` c", [Piece("a "), Piece("b", "code"), Piece(" c")]),
        ("**a** b", [Piece("a", "bold"), Piece(" b")]),
        ("`**a**`", [Piece("**a**", "code")]),
        ("`*` and **b*c**", [Piece("*", "code"), Piece(" and "), Piece("b*c", "bold")]),
        ("2 * 3 ** 4 ` 5", [Piece("2 * 3 ** 4 ` 5")]),
        ("", []),
    ],
)
def test_a_paragraph_falls_into_pieces(paragraph: str, found: list[Piece]) -> None:
    assert list(pieces(paragraph)) == found


@given(st.text("ab`* \n", max_size=20))
def test_nothing_is_lost_but_marks(paragraph: str) -> None:
    found = list(pieces(paragraph))
    marks = {"": "", "code": "`", "bold": "**"}
    assert "".join(f"{marks[style]}{text}{marks[style]}" for text, style in found) == paragraph
