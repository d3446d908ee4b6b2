"""The kit cannot be fooled: what an author's class leaves out, excuses or replaces is stated, or the run is red."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any, NamedTuple

import pytest

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.conformance.lookups import LookupsPart

HEAD = """
import pytest
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.conformance.increments import IncrementsPart
from leaderboard_backends.testing.conformance.increments import IncrementsPart
from leaderboard_backends.testing.conformance.lookups import LookupsPart

class PercentileOff(NaiveLeaderboard):
    def _get_percentile(self, player_id):
        found = super()._get_percentile(player_id)
        return None if found is None else found - 1

class IncrementOff(NaiveLeaderboard):
    def increment_score(self, player_id, username, delta):
        return super().increment_score(player_id, username, 0.3 if delta == 0.2 else delta)
"""
SOUND = """
    def make(self, **options):
        return NaiveLeaderboard(**options)
"""
OFF = """
    def make(self, **options):
        return PercentileOff(**options)
"""
WRONG_WITH_PERCENTILES = """
    known_failures = {
        "test_the_best_player_has_percentile_100": "percentiles are off: tracker/1",
        "test_percentiles_follow_the_rank": "percentiles are off: tracker/1",
        "test_percentiles_follow_removals": "percentiles are off: tracker/1",
    }
"""


class Done(NamedTuple):
    """What a run of pytest came to."""

    returncode: int
    stdout: str


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., Done]:
    """Runs pytest, as an author would, on a file of an author's own; in this process, which saves most of the time."""

    def run_pytest(text: str, *arguments: str) -> Done:
        (pytester.path / "test_mine.py").write_text(HEAD + dedent(text))
        done = pytester.runpytest_inprocess("-q", "-ra", "-W", "error", "-p", "no:cacheprovider", *arguments)
        return Done(int(done.ret), done.stdout.str())

    return run_pytest


Run = Callable[..., Done]


# ---------------------------------------------------------------------- known failures


def test_a_known_failure_is_expected_and_shown_with_its_reason(run: Run) -> None:
    done = run(f"class TestMine(LookupsPart):{WRONG_WITH_PERCENTILES}{OFF}")
    assert done.returncode == 0, done.stdout
    assert "XFAIL test_mine.py::TestMine::test_the_best_player_has_percentile_100" in done.stdout
    assert "known failure: percentiles are off: tracker/1" in done.stdout


def test_a_known_failure_that_passes_is_an_error(run: Run) -> None:
    done = run(f"class TestMine(LookupsPart):{WRONG_WITH_PERCENTILES}{SOUND}")
    assert done.returncode == 1
    assert "is in known_failures ('percentiles are off: tracker/1'), but it passed" in done.stdout


def test_a_failure_that_is_not_known_stays_one(run: Run) -> None:
    done = run(f"class TestMine(LookupsPart):{OFF}")
    assert done.returncode == 1
    assert "99.0 == 100.0" in done.stdout


def test_one_case_of_a_test_may_be_known_to_fail(run: Run) -> None:
    case = "test_the_best_player_has_percentile_100[descending-last]"
    done = run(
        f"class TestMine(LookupsPart):\n    known_failures = {{{case!r}: 'off'}}\n{OFF}", "-k", "best_player_has"
    )
    assert done.returncode == 1
    assert "3 failed" in done.stdout
    assert "1 xfailed" in done.stdout


OFF_BY_A_VALUE = """
    def make(self, **options):
        return IncrementOff(**options)
"""


@pytest.mark.parametrize(
    ("known", "make", "said"),
    [
        ({}, OFF_BY_A_VALUE, [" 1 of 35 cases fail:", " [(0.1, 0.2)] assert ", "2 failed"]),
        ({"test_a_sum_is_exact[(0.1, 0.2)]": "off"}, OFF_BY_A_VALUE, ["2 xfailed"]),
        ({"test_a_sum_is_exact": "off"}, OFF_BY_A_VALUE, ["2 xfailed"]),
        ({"test_a_sum_is_exact[(0.1, 0.2)]": "off"}, SOUND, ["in known_failures, but it passed", "2 failed"]),
        ({"test_a_sum_is_exact[(0.5, 0.5)]": "off"}, OFF_BY_A_VALUE, ["in known_failures, but it passed", "2 failed"]),
    ],
)
def test_one_value_of_a_table_is_known_to_fail_by_its_name(
    run: Run, known: dict[str, str], make: str, said: list[str]
) -> None:
    done = run(f"class TestMine(IncrementsPart):\n    known_failures = {known}\n{make}", "-k", "sum_is_exact and last")
    assert [text for text in said if text not in done.stdout] == [], done.stdout


def test_a_case_that_the_kit_does_not_have_is_an_error(run: Run) -> None:
    case = "test_the_best_player_has_percentile_100[sideways]"
    done = run(f"class TestMine(LookupsPart):\n    known_failures = {{{case!r}: 'off'}}\n{SOUND}")
    assert done.returncode == 1
    assert "there is no such case" in done.stdout
    assert "test_the_best_player_has_percentile_100[descending-last]" in done.stdout


def make(_: BackendConformance, **options: Any) -> LeaderboardBackend:
    return NaiveLeaderboard(**options)


def define(**names: Any) -> None:
    type("TestMine", (BackendConformance,), {"make": make, "__module__": __name__, **names})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"known_failures": {"test_no_such_thing": "why"}}, "'test_no_such_thing', which is not a test of the kit"),
        ({"test_closing_twice_is_fine": None, "deviations": {"test_closing_twice_is_fine": "why"}}, "one of its own"),
        ({"known_failures": {"make": "why"}}, "'make', which is not a test of the kit"),
        ({"known_failures": {"test_closing_twice_is_fine": " "}}, "give a reason"),
        ({"known_failures": {"test_closing_twice_is_fine": None}}, "give a reason"),
        ({"known_failures": ["test_closing_twice_is_fine"]}, "must be a mapping"),
        ({"test_closing_twice_is_fine": make}, "overrides test_closing_twice_is_fine of the kit"),
        ({"test_closing_twice_is_fine": None}, "overrides test_closing_twice_is_fine of the kit"),
        ({"deviations": {"test_closing_twice_is_fine": "why"}}, "that this class overrides"),
        ({"rules": make}, "overrides rules of the kit"),
        ({"board": make}, "overrides board of the kit"),
        ({"dispose": make}, "overrides dispose of the kit"),
        ({"rules": make, "deviations": {"rules": "only one order"}}, "that this class overrides"),
        ({"_known_failure": make}, "overrides _known_failure of the kit"),
        ({"_class_is_whole": None}, "overrides _class_is_whole of the kit"),
        ({"pytest_generate_tests": make}, "overrides pytest_generate_tests of the kit"),
        ({"open_names": frozenset({"rules"})}, "overrides open_names of the kit"),
        ({"efforts": {}}, "overrides efforts of the kit"),
        ({"rounds": 1}, "rounds is 1: it must be a whole number of at least 20"),
        ({"bulk": "many"}, "bulk is 'many': it must be a whole number of at least 1001"),
    ],
)
def test_a_class_that_differs_from_the_kit_in_silence_is_refused(names: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match="TestMine") as refused:
        define(**names)
    assert said in str(refused.value)


def test_a_mixin_overrides_nothing_in_silence() -> None:
    mixin = type("Mixin", (), {"test_closing_twice_is_fine": make, "__module__": __name__})
    with pytest.raises(TypeError, match="overrides test_closing_twice_is_fine"):
        type("TestMine", (mixin, BackendConformance), {"make": make, "__module__": __name__})


@pytest.mark.parametrize("changed", ["TestMine", "LookupsPart"])
def test_a_class_that_is_changed_after_its_definition_is_refused(
    run: Run, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = "test_the_best_player_has_percentile_100"
    monkeypatch.setattr(LookupsPart, test, vars(LookupsPart)[test])  # the file changes it in this process
    done = run(f"class TestMine(LookupsPart):{OFF}\n{changed}.{test} = lambda self: None\n", "-x")
    assert done.returncode == 1
    assert "test_the_best_player_has_percentile_100 of the kit" in done.stdout


def test_what_an_author_may_set_and_add_is_no_deviation() -> None:
    define(seed=7, examples=5, steps=20, bulk=1001, rounds=20, reopen=make, test_of_my_own=make, server=make)


def test_an_override_with_its_reason_runs_in_the_place_of_the_kits(run: Run) -> None:
    done = run(
        f"""
class TestMine(LookupsPart):
    deviations = {{"test_the_best_player_has_percentile_100": "percentiles end at 99: tracker/2"}}
{SOUND}
    def test_the_best_player_has_percentile_100(self, board):
        assert board.get_percentile("nobody") is None
"""
    )
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------------- nothing is skipped

SKIPS = {
    "a mark on the class": f'@pytest.mark.skip("not here")\nclass TestMine(LookupsPart):{SOUND}',
    "a condition on the class": f'@pytest.mark.skipif(True, reason="not here")\nclass TestMine(LookupsPart):{SOUND}',
    "an expected failure": f'@pytest.mark.xfail(reason="not here")\nclass TestMine(LookupsPart):{OFF}',
    "a mark on the module": f"pytestmark = pytest.mark.skip('not here')\nclass TestMine(LookupsPart):{SOUND}",
    "make": "class TestMine(LookupsPart):\n    def make(self, **options):\n        pytest.skip('not here')\n",
    "make, as an expected failure": (
        "class TestMine(LookupsPart):\n    def make(self, **options):\n        pytest.xfail('not here')\n"
    ),
    "a fixture of the class": (
        "class TestMine(LookupsPart):\n    @pytest.fixture(autouse=True)\n    def server(self):\n"
        f"        pytest.skip('not here')\n{SOUND}"
    ),
    "a fixture of the session": (
        "@pytest.fixture(scope='session')\ndef server():\n    pytest.skip('not here')\n"
        "class TestMine(LookupsPart):\n    @pytest.fixture(autouse=True)\n    def take(self, server):\n        pass\n"
        f"{SOUND}"
    ),
    "one test alone": (
        "class TestMine(LookupsPart):\n    @pytest.fixture(autouse=True)\n    def some(self, request):\n"
        f"        if 'percentile_100' in request.node.name:\n            pytest.skip('not here')\n{SOUND}"
    ),
}


CONFTESTS = {
    "a mark on what was collected": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    [item.add_marker(pytest.mark.skip('slow')) for item in items]\n"
    ),
    "a hook that skips": "import pytest\ndef pytest_runtest_setup(item):\n    pytest.skip('not here')\n",
    "an expected failure of what was collected": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    [item.add_marker(pytest.mark.xfail(strict=False)) for item in items]\n"
    ),
}


@pytest.mark.parametrize("conftest", CONFTESTS)
def test_a_kit_that_a_conftest_skips_is_red(run: Run, conftest: str, pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text(CONFTESTS[conftest])
    done = run(f"class TestMine(LookupsPart):{SOUND}")
    assert done.returncode == 1, done.stdout
    assert "40 failed" in done.stdout or "40 errors" in done.stdout
    assert "passed" not in done.stdout.splitlines()[-1]
    assert "NOT RUN: test_" in done.stdout


@pytest.mark.parametrize("skip", SKIPS)
def test_a_kit_that_something_skips_is_red(run: Run, skip: str) -> None:
    done = run(SKIPS[skip] + "\n\ndef test_of_my_own():\n    pass\n")
    assert done.returncode in (1, 2), done.stdout
    assert "NOT RUN" in done.stdout or "remove the mark" in done.stdout


def test_an_asynchronous_backend_ends_the_run_with_one_failure(run: Run) -> None:
    done = run("class TestMine(LookupsPart):\n    async def make(self, **options):\n        return None\n")
    assert done.returncode == 1
    assert "1 failed" in done.stdout or "1 error" in done.stdout
    assert "the interface is synchronous" in done.stdout


def test_a_class_that_runs_in_part_by_choice_is_green(run: Run) -> None:
    done = run(f"class TestMine(LookupsPart):{SOUND}", "-k", "percentile")
    assert done.returncode == 0, done.stdout
