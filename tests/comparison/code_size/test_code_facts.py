"""Each row says who writes how much, and where something was not counted, why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackagePath, distribution
from pathlib import Path

import pytest

from leaderboard_backends.comparison import code_size as facts
from leaderboard_backends.comparison.code_size import (
    FEATURES,
    SHARED,
    STANDS_ON,
    Feature,
    code_facts,
    code_size,
    count_statements,
    is_test,
    library,
)
from leaderboard_backends.comparison.schema import CodeFacts
from leaderboard_backends.errors import MissingExtraError
from leaderboard_backends.registry import backend_class

ROOT = Path(__file__).parents[3] / "benchmarks" / "code_size"


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], CodeFacts]:
    return {(row.feature, row.backend): row for row in code_facts()}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, in which a test writes a package."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("made_up")]:
        del sys.modules[name]


def test_there_is_a_row_for_each_feature_and_backend_and_one_of_what_all_share(
    rows: dict[tuple[str, str], CodeFacts],
) -> None:
    expected = {(feature.name, backend) for feature in FEATURES for backend in STANDS_ON}
    assert set(rows) == expected | {("basic board", SHARED)}


def test_the_basic_board_is_counted_in_every_column(rows: dict[tuple[str, str], CodeFacts]) -> None:
    for backend in STANDS_ON:
        row = rows["basic board", backend]
        assert row.app == count_statements((ROOT / "basic_board" / "app.py").read_text())
        assert row.shipped == code_size(backend_class(backend)).statements
        assert row.configuration == 2
    assert rows["basic board", "naive"].third_party == 0
    assert rows["basic board", "sortedcontainers"].third_party == library("sortedcontainers").statements
    zodb = sum(library(name).statements for name in ("ZODB", "BTrees", "persistent", "transaction"))
    assert rows["basic board", "zodb"].third_party == zodb


def test_what_all_share_is_counted_once(rows: dict[tuple[str, str], CodeFacts]) -> None:
    shared = rows["basic board", SHARED].shipped
    assert shared is not None
    assert 300 < shared < 3000


def test_a_note_says_what_was_not_counted(rows: dict[tuple[str, str], CodeFacts]) -> None:
    row = rows["basic board", "zodb"]
    assert row.compiled == ["BTrees", "persistent"]
    assert "compiled parts of BTrees, persistent are not counted" in row.note
    assert "zodbpickle" in row.note
    assert "lines of Lua or SQL" in rows["basic board", "redis"].note


def test_persistence_is_nothing_or_configuration_or_not_possible(rows: dict[tuple[str, str], CodeFacts]) -> None:
    assert (rows["persistence", "redis"].app, rows["persistence", "redis"].configuration) == (0, 2)
    for backend in ("zodb", "sqlite"):
        assert (rows["persistence", backend].app, rows["persistence", backend].configuration) == (0, 0)
    for backend in ("naive", "memory", "sortedcontainers"):
        assert rows["persistence", backend].app is None
        assert rows["persistence", backend].state == "not possible"


def test_a_feature_that_is_built_is_counted_with_what_its_app_adds(package: Path) -> None:
    (package / "made_up").mkdir()
    (package / "made_up" / "__init__.py").write_text("a = 1\n")
    (package / "made_up" / "limit.py").write_text("b = 2\nc = 3\n")
    apps = {
        "basic_board/app.py": "a = 1\nb = 2\n",
        "basic_board/redis.toml": "url = 1\n",
        "limits/app.py": "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n",
        "limits/redis.toml": "url = 1\nlimit = 60\n",
        "limits/redis.conf": "# a comment\nmaxmemory 1gb\n",
    }
    for name, text in apps.items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(text)
    row = facts.feature_row(Feature("limits", "limits", ("made_up",)), "redis", package)
    assert (row.app, row.shipped, row.third_party, row.configuration) == (3, 3, 0, 2)
    assert row.note == "ours: all of made_up, for any backend; third party: none beyond Python's own"
    assert facts.feature_row(Feature("limits", "limits", ("made_up.limit",)), "redis", package).shipped == 2


def test_a_feature_that_is_built_but_has_no_app_says_so(package: Path) -> None:
    (package / "made_up.py").write_text("a = 1\n")
    row = facts.feature_row(Feature("limits", "limits", ("made_up",)), "redis", package)
    assert (row.app, row.shipped, row.configuration) == (None, 1, None)
    assert row.note.endswith("benchmarks/code_size has no limits yet")


# ---------------------------------------------------------------------- libraries


def test_a_library_is_counted_without_its_tests() -> None:
    files = [file for file in distribution("sortedcontainers").files or [] if file.suffix == ".py"]
    whole = sum(count_statements(file.read_text(encoding="utf-8")) for file in files)
    assert library("sortedcontainers").statements == whole
    assert library("transaction").statements < sum(
        count_statements(file.read_text(encoding="utf-8"))
        for file in distribution("transaction").files or []
        if file.suffix == ".py"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ZODB/tests/util.py", True),
        ("ZODB/FileStorage/tests.py", True),
        ("ZODB/scripts/manual_tests/t.py", True),
        ("redis/commands/latest.py", False),
        ("contests/board.py", False),
    ],
)
def test_what_is_a_test(name: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_test(PackagePath(name)) is expected


def test_a_library_tells_whether_a_part_is_compiled_and_what_it_needs() -> None:
    assert library("BTrees").compiled
    assert not library("sortedcontainers").compiled
    assert set(library("BTrees").needs) == {"persistent", "zope.interface"}


def test_a_library_that_is_not_installed_is_not_counted_and_the_row_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingExtraError, match="pip install no-such-library"):
        library("no-such-library")
    monkeypatch.setitem(facts.STANDS_ON, "sortedcontainers", ("no-such-library",))
    row = next(row for row in code_facts() if (row.feature, row.backend) == ("basic board", "sortedcontainers"))
    assert row.third_party is None
    assert "pip install no-such-library" in row.note


def test_a_plug_in_that_is_not_installed_is_not_counted_and_the_row_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(facts.STANDS_ON, "nosuch", ())
    rows = {row.feature: row for row in code_facts() if row.backend == "nosuch"}
    assert rows["basic board"].shipped is None
    assert "no backend is installed for 'nosuch'" in rows["basic board"].note
    assert rows["persistence"].app is None


def test_no_row_tells_where_files_are_on_this_machine(rows: dict[tuple[str, str], CodeFacts]) -> None:
    assert [row for row in rows.values() if str(ROOT.parents[1]) in row.note] == []
