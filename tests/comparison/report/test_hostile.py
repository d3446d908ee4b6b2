"""A result file from elsewhere: none of its texts leaves its place, on a terminal, in an error, or in Markdown."""

from __future__ import annotations

import re
from datetime import date
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from leaderboard_backends.comparison.document import quoted
from leaderboard_backends.comparison.report.changes import changes
from leaderboard_backends.comparison.report.markdown import markdown
from leaderboard_backends.comparison.report.sections import sections
from leaderboard_backends.comparison.report.terminal import print_sections
from leaderboard_backends.comparison.result_files import decode_result, encode_result
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.errors import ConfigurationError

HOSTILE = "naive\x1b[2J\x1b]0;title\x07\x9b1A\r\n# PASSED\u202e`**<img src=x>[a](b)"


@pytest.fixture
def hostile(half_failed: Result) -> Result:
    """Return a result read from a file whose label, workload and reasons do what they can."""
    stored = encode_result(half_failed)
    for name in ("naive", "realtime", "boards:Raises", "ZeroDivisionError"):
        stored = stored.replace(name.encode(), msgspec.json.encode(HOSTILE + name)[1:-1])
    return decode_result(stored)


def test_no_text_of_a_result_moves_a_terminals_cursor_or_begins_a_line(hostile: Result) -> None:
    file = StringIO()
    print_sections(sections(hostile, date(2026, 11, 29)), Console(file=file, width=500))
    shown = file.getvalue()
    assert "naive\\x1b[2J" in shown
    assert not [char for char in set(shown) if not char.isprintable() and char != "\n"]
    assert not re.search(r"(?m)^# PASSED", shown)


def test_nor_does_it_in_an_error(hostile: Result, half_failed: Result) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        changes(half_failed, msgspec.structs.replace(hostile, traces=[]))
    assert str(refusal.value).isprintable()


def test_no_text_of_a_result_is_a_mark_of_markdown(hostile: Result) -> None:
    text = markdown(sections(hostile, date(2026, 11, 29)), "t")
    outside = re.sub(r"`[^`\n]*`", "", re.sub(r"\\.", "", text))
    assert "img src" in outside
    assert not [mark for mark in ("<img", "[a]", "\x1b", "\u202e") if mark in outside]
    assert not re.search(r"(?m)^# PASSED", text)


def test_a_name_within_a_paragraph_ends_no_code() -> None:
    assert quoted(["a`b", "c"]) == "`a'b`, `c`"
