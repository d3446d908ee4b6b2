"""A table migration is judged by what both backends declare, and nothing is opened for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard_backends.preflight.migration import check_migration

from .boards import Opened, changed, good

GONE = "redis://127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "to", "status", "text"),
    [
        (GONE, "sqlite:///var/lib/app/board.db", "passed", "moves to sqlite:///var/lib/app/board.db (board weekly)"),
        (GONE, f"{GONE}?board=new", "passed", "(board new)"),
        (GONE, GONE, "failed", "would move to itself"),
        (GONE, "redsi://there", "failed", "Did you mean redis"),
        (GONE, "zodb:///var/lib/app/board.fs", "warning", "several processes can share the source, and not the target"),
        ("memory://weekly", "naive://weekly", "warning", "no other process can reach either board"),
    ],
)
def test_a_table_is_judged_before_anything_is_opened(tmp_path: Path, url: str, to: str, status: str, text: str) -> None:
    with Opened(tmp_path, changed(good(url), migration={"to": to})) as subject:
        finding = check_migration(subject)
    assert (finding.status, text in f"{finding.figure} {finding.todo}") == (status, True), finding


def test_without_a_target_the_table_is_refused(tmp_path: Path) -> None:
    with Opened(tmp_path, changed(good(GONE), migration=True)) as subject:
        assert "needs the URL of the board to move to" in check_migration(subject).figure
    with Opened(tmp_path, good(GONE)) as subject:
        assert check_migration(subject).status == "not applicable"


def test_a_time_limit_for_reads_that_a_board_which_moves_cannot_have_is_told(tmp_path: Path) -> None:
    tables = {"migration": {"to": f"{GONE}?board=new"}, "degradation": {"read_timeout": 1}}
    with Opened(tmp_path, changed(good(GONE), **tables)) as subject:
        finding = check_migration(subject)
    assert (finding.status, "asks the storage past migration" in finding.figure) == ("failed", True), finding
