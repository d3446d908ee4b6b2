from __future__ import annotations

import pytest

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.code_size import code_size, count_lua_lines, count_statements

PYTHON = '''"""A docstring is no statement."""

from __future__ import annotations

LIMIT = (
    1,
    2,
)
"""Nor is a comment; a text that follows an assignment is one, as nothing tells it from other code."""


class Board:
    """Not counted."""

    def rank(self, player: str) -> int:
        """Not counted."""
        if player: return 1
        else:
            raise KeyError(player)  # 8 so far, with class, def, if, return and raise


async def empty() -> None:
    """Not counted, but the function is."""
'''

LUA = """-- a comment
local key = KEYS[1] -- counted

--[[ a block
     of comment ]]
if key then
  return 1
end
--[[ one line ]]
"""


def test_statements_are_counted_without_docstrings_and_whatever_the_layout() -> None:
    assert count_statements(PYTHON) == 9


@pytest.mark.parametrize(
    ("source", "expected"), [("", 0), ('"""Only a docstring."""', 0), ("a = 1; b = 2", 2), ("f'not a {doc}'", 1)]
)
def test_small_sources(source: str, expected: int) -> None:
    assert count_statements(source) == expected


def test_lua_lines_are_counted_without_blanks_and_comments() -> None:
    assert count_lua_lines(LUA) == 4


def test_a_backend_of_one_module_is_that_module() -> None:
    size = code_size(NaiveLeaderboard)
    assert size.files == ["naive.py"]
    assert 50 < size.statements < 200
    assert size.lua_lines == 0


def test_a_class_without_source_is_refused() -> None:
    with pytest.raises(OSError, match="no source file"):
        code_size(int)
