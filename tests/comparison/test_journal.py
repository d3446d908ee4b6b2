from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard_backends.comparison.identity import check_same
from leaderboard_backends.comparison.journal import Finished, Head, Journal, JournalError, read_journal
from leaderboard_backends.comparison.schema import Cell, Run
from leaderboard_backends.errors import ConfigurationError

HEAD = Head("digest", "2026-11-01T00:00:00+00:00", {"seed": "1", "plan": "p"})
RUN = Run(Cell("service", "realtime", 10, "memory"), 1, "ok")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "journal"
    with Journal(path) as journal:
        journal.begin(HEAD)
        journal.add(Finished(RUN, 12.5))
    return path


def test_what_was_kept_is_read_again(path: Path) -> None:
    assert read_journal(path) == (HEAD, [], [RUN], 12.5)


def test_a_last_line_that_was_cut_off_is_left_out(path: Path) -> None:
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1]) + 1):
        path.write_bytes(whole[:-cut])
        assert read_journal(path) == (HEAD, [], [], 0)


def test_what_is_added_after_a_line_that_was_cut_off_can_be_read(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    with Journal(path) as journal:
        assert journal.go_on() == (HEAD, [], [], 0)
        journal.add(Finished(RUN, 3))
    assert read_journal(path) == (HEAD, [], [RUN], 3)


def test_a_full_disk_is_told_with_what_to_do_and_leaves_no_half_a_line(path: Path) -> None:
    whole = path.read_bytes()
    command = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from leaderboard_backends.comparison.journal import Finished, Journal, read_journal\n"
        "path = Path(sys.argv[1]); size = path.stat().st_size\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))\n"
        "Journal(path).add(Finished(read_journal(path).runs[0]))\n"
    )
    done = subprocess.run([sys.executable, "-c", command, str(path)], capture_output=True, text=True, check=False)
    assert f"JournalError: {path} cannot be written: File too large. It has all finished runs" in done.stderr
    assert "--resume" in done.stderr
    assert path.read_bytes() == whole


def test_a_journal_begins_anew_and_ends_with_its_file(path: Path) -> None:
    with Journal(path, force=True) as journal:
        journal.begin(HEAD)
        assert read_journal(path) == (HEAD, [], [], 0)
        journal.end()
        journal.end()
    assert not path.exists()


def test_a_journal_of_finished_runs_is_replaced_by_force_alone(path: Path) -> None:
    whole = path.read_bytes()
    with (
        Journal(path) as journal,
        pytest.raises(ConfigurationError, match=r"1 finished runs .* --resume continues"),
    ):
        journal.begin(HEAD)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("begin", ["begin", "go_on"])
def test_a_journal_is_one_comparisons_at_a_time(path: Path, begin: str) -> None:
    whole = path.read_bytes()
    with Journal(path) as first, Journal(path, force=True) as second:
        first.go_on()
        with pytest.raises(JournalError, match="is in use by another comparison: wait"):
            second.begin(HEAD) if begin == "begin" else second.go_on()
        assert path.read_bytes() == whole
        first.close()
        second.begin(HEAD)


def test_nothing_is_kept_where_no_file_is_named(tmp_path: Path) -> None:
    journal = Journal(None)
    journal.begin(HEAD)
    journal.add(Finished(RUN))
    journal.end()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stored", [b"", b"{}\n", b"no json\n", b'{"type":"run"}\n'])
def test_what_is_no_journal_is_refused(tmp_path: Path, stored: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(stored)
    with pytest.raises(ConfigurationError, match="not a journal of a comparison"):
        read_journal(path)


def test_where_there_is_none_it_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Leave --resume out"):
        read_journal(tmp_path / "absent")


def test_only_the_same_comparison_goes_on() -> None:
    check_same(HEAD, HEAD)
    with pytest.raises(ConfigurationError, match="these differ: plan"):
        check_same(HEAD, Head("other", "", {"seed": "1", "plan": "q"}))
