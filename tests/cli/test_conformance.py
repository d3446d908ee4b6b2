from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.cli import conformance as command
from leaderboard_backends.cli import progress
from leaderboard_backends.testing import report as kit_report
from leaderboard_backends.testing import subject
from leaderboard_backends.testing.report import from_json
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import trial_places


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.conformance, arguments)


class AlwaysFirst(NaiveLeaderboard):
    def _get_rank(self, player_id: str) -> int | None:
        return None if super()._get_rank(player_id) is None else 1


def test_a_backend_that_conforms_exits_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_report, "PARTS", ("lookups",))
    result = run("naive", "--part", "lookups")
    assert result.exit_code == 0, result.output
    assert "naive: CONFORMS, " in result.output


def test_a_part_of_the_kit_is_no_verdict_and_exits_three() -> None:
    result = run("memory://weekly", "--part", "lookups", "--part", "removal")
    assert result.exit_code == 3, result.output
    left = f"{len(subject.PARTS) - 2} parts of the kit were not selected"
    assert f"PASSED IN PART, 80 of 80 tests passed (seed 1); {left}" in result.output
    assert "lookups" in result.output
    assert "removal" in result.output


def test_a_backend_that_does_not_conform_exits_one_and_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "url_factory", lambda *_: AlwaysFirst)
    result = run("broken://x", "--part", "lookups", "--failures", "1", "--seed", "5")
    assert result.exit_code == 1
    assert "broken://x: DOES NOT CONFORM" in result.output
    assert "seed 5" in result.output
    assert "test_score_rank_and_entry_agree" in result.output
    assert "assert 1 == 2" in result.output
    assert "more failed: --failures" in result.output


@pytest.mark.parametrize("url", ["nosuch://x", "redis://127.0.0.1:1/0", "no url", "memory://x?colour=red"])
def test_what_cannot_be_opened_is_not_run_and_exits_one(url: str) -> None:
    result = run(url)
    assert result.exit_code == 1
    assert "NOT RUN" in result.output
    assert "CONFORMS" not in result.output


def test_one_backend_that_is_not_run_spoils_the_run_of_all() -> None:
    result = run("naive://", "redis://:hunter2@127.0.0.1:1/0", "--part", "lookups")
    assert result.exit_code == 1
    assert "naive://: PASSED IN PART" in result.output
    assert "NOT RUN" in result.output
    assert "hunter2" not in result.output


def test_without_a_target_every_place_for_trials_is_judged(tmp_path: Path) -> None:
    result = run("--part", "isolation", "--out", str(tmp_path))
    assert result.exit_code == 3, result.output
    reports = from_json((tmp_path / "conformance.json").read_text())
    assert [report.subject for report in reports] == list(trial_places())
    assert (tmp_path / "conformance.md").read_text().count("**PASSED IN PART**") == len(reports)


def test_smaller_boards_are_no_whole_answer_and_said_in_each_form(tmp_path: Path) -> None:
    result = run("memory", "--part", "scale", "--players", "5000", "--out", str(tmp_path))
    assert result.exit_code == 3, result.output
    assert "with less than the kit's defaults: players 5,000" in result.output
    [report] = from_json((tmp_path / "conformance.json").read_text())
    assert (report.efforts["players"], report.weakened) == (5000, ["players"])
    page = (tmp_path / "conformance.md").read_text()
    assert "leaderboard conformance --seed 1 --players 5000 --part scale memory" in page
    assert "| memory | players 5,000 | less than the kit's defaults |" in page


def test_the_command_of_a_page_has_every_option_that_counts(tmp_path: Path) -> None:
    run("naive", "--part", "isolation", "--examples", "5", "--time-limit", "60", "--out", str(tmp_path))
    command_line = "leaderboard conformance --seed 1 --examples 5 --time-limit 60.0 --part isolation naive"
    assert f"Made by `{command_line}`." in (tmp_path / "conformance.md").read_text()


def test_a_time_limit_that_no_timer_takes_is_refused() -> None:
    result = run("naive", "--part", "isolation", "--time-limit", "1e10")
    assert result.exit_code == 2
    assert "is above 1000000000 seconds" in " ".join(result.output.split())


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    result = run("memory://", "--part", "nosuch")
    assert result.exit_code == 2
    assert "'threads'" in result.output


MINE = """
import pytest
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing import BackendConformance

class PercentileOff(NaiveLeaderboard):
    def _get_percentile(self, player_id):
        found = super()._get_percentile(player_id)
        return None if found is None else found - 1

@pytest.fixture(scope="module")
def server():
    return PercentileOff

class MyBoards(BackendConformance):
    known_failures = {
        "test_the_best_player_has_percentile_100": "off by one: tracker/1",
        "test_percentiles_follow_the_rank": "off by one: tracker/1",
        "test_percentiles_follow_removals": "off by one: tracker/1",
    }
    deviations = {"test_an_unknown_player_reads_as_none": "tracker/2"}

    @pytest.fixture(autouse=True)
    def take(self, server):
        self.server = server

    def make(self, **options):
        return self.server(**options)

    def test_an_unknown_player_reads_as_none(self, board):
        assert board.get_score("nobody") is None

    def test_of_my_own(self):
        assert False, "this is no test of the kit"
"""


MAKE = """
    def make(self, **options):
        return PercentileOff(**options)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of an author's own in the working directory."""
    name = f"boards_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield name
    sys.modules.pop(name, None)


def test_a_factory_of_ones_own_is_judged_without_a_file(mine: str) -> None:
    result = run(f"{mine}:PercentileOff", "--part", "lookups", "--failures", "1")
    assert result.exit_code == 1
    assert f"{mine}:PercentileOff: DOES NOT CONFORM" in result.output
    assert "99.0 == 100.0" in result.output


def test_a_class_of_ones_own_is_judged_with_its_fixtures_and_what_it_states(mine: str, tmp_path: Path) -> None:
    result = run(f"{mine}:MyBoards", "--part", "lookups", "--out", str(tmp_path / "out"))
    assert result.exit_code == 3, result.output
    assert "test_the_best_player_has_percentile_100[descending-last]: known failure: off by one" in result.output
    assert "replaced: tracker/2" in result.output
    assert "test_of_my_own" not in result.output
    [report] = from_json((tmp_path / "out" / "conformance.json").read_text())
    assert report.promises is not None
    assert report.promises.backend.endswith("PercentileOff")
    assert (report.counts()["known failure"], report.counts()["replaced"]) == (12, 4)
    page = (tmp_path / "out" / "conformance.md").read_text()
    assert f"leaderboard conformance --seed 1 --part lookups {mine}:MyBoards" in page


@pytest.mark.parametrize(
    "conftest",
    [
        "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
        "def pytest_collection_modifyitems(items):\n    del items[5:]\n",
    ],
)
def test_a_conftest_that_leaves_tests_out_makes_no_verdict(mine: str, conftest: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(conftest)
    result = run(f"{mine}:MyBoards", "--part", "lookups")
    assert result.exit_code == 1
    assert "MyBoards: NOT RUN" in result.output


ENDS = """
import os, signal, subprocess, sys, time
from pathlib import Path
from leaderboard_backends.backends.naive import NaiveLeaderboard

class Ends(NaiveLeaderboard):
    def _get_percentile(self, player_id):
        {end}
        return super()._get_percentile(player_id)
"""
SEGV = "os.kill(os.getpid(), signal.SIGSEGV)"
DEAF = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]), time.sleep(10_000)"
ONCE = "once = Path('once'); new = not once.exists(); once.touch(); new and [{end}]"


@pytest.fixture
def ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a board of an author's own that ends its process where a percentile is asked for."""
    monkeypatch.chdir(tmp_path)

    def write(end: str) -> str:
        (tmp_path / "ends.py").write_text(ENDS.format(end=end))
        return "ends:Ends"

    return write


Ends = Callable[[str], str]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (SEGV, "ended by SIGSEGV in test_"),
        pytest.param("os.abort()", "ended by SIGABRT in test_", marks=pytest.mark.proof),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "ended by SIGKILL (also sent by the system when memory runs out) in",
        ),
        ("os._exit(0)", "ended by exit code 0 (os._exit or the like) in test_"),
        ("sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_board_that_ends_the_process_fails_its_test_and_the_others_are_judged(
    ends: Ends, end: str, said: str
) -> None:
    result = run(ends(ONCE.format(end=end)), "naive", "--part", "lookups")
    assert result.exit_code == 1
    assert said in result.output
    assert "ends:Ends: DOES NOT CONFORM" in result.output
    assert "naive: PASSED IN PART" in result.output


def test_the_tests_after_the_one_that_ended_the_process_are_judged(ends: Ends, tmp_path: Path) -> None:
    start = "Path('pid').write_text(str(subprocess.Popen(['sleep', '1000']).pid))"
    result = run(ends(ONCE.format(end=f"{start}, {SEGV}")), "--part", "lookups", "--out", "out")
    [report] = from_json((tmp_path / "out" / "conformance.json").read_text())
    assert report.counts() == {"failed": 1, "passed": 39}
    assert report.promises is not None
    assert 'ends.py", line 8 in _get_percentile' in report.failures[0].text, result.output
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}/cwd").exists()


def test_a_board_that_ends_its_process_again_and_again_is_given_up(ends: Ends) -> None:
    result = run(ends(SEGV), "--part", "lookups", "--failures", "0")
    assert "3 tests crashed or hung their process: the remaining 37 were not run." in result.output


def test_a_board_that_hangs_where_no_signal_reaches_it_is_ended_and_says_where_it_was(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.2)
    result = run(ends(ONCE.format(end=DEAF)), "--part", "lookups", "--time-limit", "3")
    assert result.exit_code == 1
    assert re.search(r"ends:Ends: \d+ tests in \d+ s, at lookups: test_", result.output)
    assert "(call) did not end within 3 s, and only killing its process stopped it" in result.output
    assert 'ends.py", line 8 in _get_percentile' in result.output
    assert "ends:Ends: DOES NOT CONFORM, 39 of 40 tests passed" in result.output


@pytest.mark.parametrize(
    ("code", "limit", "said"),
    [
        ("import time; time.sleep(10_000)", "0.5", "importing the target did not end within 0.5 s"),
        ("import os; os.abort()", "60", "ended by SIGABRT in opening its storage"),
        ("import time\ndef make(name, **_): time.sleep(10_000)", "3", "opening a board did not end within 3 s"),
    ],
)
def test_a_target_that_hangs_or_dies_before_its_tests_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, limit: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hangs.py").write_text(code)
    result = run("hangs:make", "--time-limit", limit)
    assert result.exit_code == 1
    assert said in result.output
    assert "hangs:make: NOT RUN" in result.output


HANGING_FIXTURE = """
import time
import pytest
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing.conformance.lookups import LookupsPart

class Mine(LookupsPart):
    @pytest.fixture(autouse=True, scope="session")
    def server(self):
        time.sleep(10_000)

    def make(self, **options):
        return NaiveLeaderboard(**options)
"""


def test_a_fixture_of_an_authors_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hanging.py").write_text(HANGING_FIXTURE)
    result = run("hanging:Mine", "--time-limit", "0.5", "--failures", "1")
    assert result.exit_code == 1
    assert "did not end within 0.5 s" in result.output


PARTS = ["--part", "threads", "--part", "histories"]
SERVER = "redis (unix socket)"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.proof), signal.SIGKILL]
)
def test_an_interrupted_run_keeps_what_is_finished_and_leaves_no_server(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", "conformance", "naive", SERVER, *PARTS, "--out", "out"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    (tmp_path / "out").mkdir()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as run:
        deadline = monotonic() + 100
        while not list(tmp_path.glob("leaderboard-*/server.sock")):
            assert run.poll() is None
            assert monotonic() < deadline
            sleep(0.05)
        run.send_signal(number)
        said = run.communicate(timeout=60)
    assert run.returncode == (130 if number != signal.SIGKILL else -signal.SIGKILL), said
    assert [report.subject for report in from_json((tmp_path / "out" / "conformance.json").read_text())] == ["naive"]
    deadline = monotonic() + 30
    while number == signal.SIGKILL and len(list(tmp_path.iterdir())) > 1 and monotonic() < deadline:
        sleep(0.05)  # its child cleans up after it
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


LOSES = """
import os, signal
from leaderboard_backends.backends.naive import NaiveLeaderboard

class Loses(NaiveLeaderboard):
    def _get_rank(self, player_id):
        Gone()
        return super()._get_rank(player_id)

class Gone:
    def __del__(self):
        os.kill(os.getpid(), signal.{number})
        for _ in range(1000):
            pass
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interrupt_whose_exception_goes_nowhere_is_not_lost(number: str, tmp_path: Path) -> None:
    (tmp_path / "loses.py").write_text(LOSES.format(number=number))
    command = [sys.executable, "-m", "leaderboard_backends", "conformance", "loses:Loses", "--part", "lookups"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 130, done.stdout + done.stderr
    assert "PASSED" not in done.stdout


def test_a_class_of_ones_own_shows_the_values_of_a_failure_and_stands_no_missing_asserts(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE.partition("    known_failures")[0] + MAKE)
    command = [sys.executable, "-m", "leaderboard_backends", "conformance", "mine:MyBoards", "--part", "lookups"]
    for optimised in ("", "1"):
        environment = {**os.environ, "PYTHONOPTIMIZE": optimised}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=60
        )
        assert done.returncode == 1, done.stdout + done.stderr
        assert "99.0 == 100.0" in done.stdout or optimised


@pytest.mark.parametrize("out", ["/proc/nope", "/dev/null"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_run(out: str) -> None:
    result = run("naive", "--out", out)
    assert result.exit_code == 1
    assert f"--out {out} cannot be written" in result.output


def test_options_for_pytest_in_the_environment_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing_has_this_name")
    assert "40 of 40 tests passed" in run("naive", "--part", "lookups").output


def test_a_place_for_trials_is_made_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = run("zodb", SERVER, "--part", "lookups")
    assert result.exit_code == 3, result.output
    assert "zodb: PASSED IN PART" in result.output
    assert "Valkey" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_storage_that_nobody_may_harm_is_not_run_thoroughly() -> None:
    with EmbeddedServer() as server:
        result = run(server.unix_url, "--part", "lookups", "--thorough")
    assert result.exit_code == 1
    assert "NOT RUN: 1 test was not run" in result.output
    assert "run only on files and servers that the kit made itself" in " ".join(result.output.split())


@pytest.mark.parametrize("target", ["nosuch", "nosuch.module:make", "os.path:nosuch", "a b:c"])
def test_a_target_that_names_nothing_is_not_run(target: str) -> None:
    result = run(target)
    assert result.exit_code == 1
    assert f"{target}: NOT RUN" in result.output
