"""Statements do not depend on layout, and lines of other languages are those that say something."""

from __future__ import annotations

import pytest

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.code_size import code_size, count_lines, count_statements
from leaderboard_backends.registry import backend_class
from leaderboard_backends.testing.oracle import OracleBoard

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

SQL = """-- a comment
/* a block

of comment */
SELECT count(*) -- counted
FROM standing;
"""

TOML = """# a comment
[boards.weekly]

url = "memory://" # counted
"""


def test_statements_are_counted_without_docstrings_and_whatever_the_layout() -> None:
    assert count_statements(PYTHON) == 9


@pytest.mark.parametrize(
    ("source", "expected"), [("", 0), ('"""Only a docstring."""', 0), ("a = 1; b = 2", 2), ("f'not a {doc}'", 1)]
)
def test_small_sources(source: str, expected: int) -> None:
    assert count_statements(source) == expected


@pytest.mark.parametrize(
    ("source", "suffix", "expected"), [(LUA, ".lua", 4), (SQL, ".sql", 2), (TOML, ".toml", 2), (TOML, ".conf", 2)]
)
def test_lines_are_counted_without_blanks_and_comments(source: str, suffix: str, expected: int) -> None:
    assert count_lines(source, suffix) == expected


def test_a_backend_of_one_module_is_that_module() -> None:
    size = code_size(NaiveLeaderboard)
    assert size.files == ["naive.py"]
    assert 50 < size.statements < 200
    assert size.other_lines == 0


def test_a_backend_of_a_package_is_the_whole_package_whichever_module_its_class_is_in() -> None:
    size = code_size(backend_class("redis"))
    assert size == code_size(backend_class("fakeredis"))
    assert {"redis/board.py", "redis/pool.py", "redis/scripts/update.lua"} <= set(size.files)
    assert size.other_lines > 100


def test_a_plug_in_is_the_package_that_its_entry_point_names() -> None:
    size = code_size(backend_class("sqlite"))
    assert {"leaderboard_backends_sqlite/board.py", "leaderboard_backends_sqlite/sql/schema.sql"} <= set(size.files)
    assert size.statements > 500
    assert size.other_lines > 40


def test_a_class_of_no_entry_point_is_its_module() -> None:
    assert code_size(OracleBoard).files == ["oracle.py"]


def test_a_class_without_source_is_refused() -> None:
    with pytest.raises(OSError, match="no source file"):
        code_size(int)
