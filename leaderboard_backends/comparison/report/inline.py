"""The little Markdown that a report's paragraphs may have: `code` and **bold**, and nothing inside of either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

Style: TypeAlias = Literal["", "code", "bold"]


class Piece(NamedTuple):
    """A part of a paragraph that looks alike."""

    text: str
    style: Style = ""


_MARKED: Final = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+(?:\*[^*]+)*)\*\*")


def pieces(paragraph: str) -> Iterator[Piece]:
    """Yield the parts of a paragraph in order; marks without a partner stay as they are. O(length)."""
    end = 0
    for found in _MARKED.finditer(paragraph):
        if found.start() > end:
            yield Piece(paragraph[end : found.start()])
        yield Piece(found["code"], "code") if found["code"] else Piece(found["bold"], "bold")
        end = found.end()
    if end < len(paragraph):
        yield Piece(paragraph[end:])
