"""What a comparison is of: whatever a figure of a user's own backend depends on is seen to change, and never told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard_backends.comparison.identity import head
from leaderboard_backends.comparison.journal import Head
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.comparison.targets import Target, find_targets
from leaderboard_backends.errors import ConfigurationError

from .conftest import service_plan

CLASS = "from leaderboard_backends.backends.naive import NaiveLeaderboard\nclass Acme(NaiveLeaderboard):\n    pass\n"
FILE = 'schema_version = 1\ntarget = "PLACE"\ntitle = "Acme"\npath = "code"\n'


def of(target: Target, salt: str | None = "salt") -> Head:
    return head(service_plan(), [target], [], 1, salt)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "acme").mkdir(parents=True)
    (folder / "acme" / "__init__.py").touch()
    (folder / "acme" / "boards.py").write_text(CLASS)
    (folder / "acme" / "storage.py").touch()
    (folder / "single.py").write_text(CLASS)
    (folder / "bare" / "deep").mkdir(parents=True)
    (folder / "bare" / "deep" / "boards.py").write_text(CLASS)
    return folder


def read(code: Path, place: str) -> Target:
    path = code.parent / "acme.toml"
    path.write_text(FILE.replace("PLACE", place))
    (target,) = find_targets([str(path)])
    return target


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        ("acme.boards:Acme", "acme/boards.py"),
        ("acme.boards:Acme", "acme/storage.py"),
        ("acme.boards:Acme", "single.py"),
        ("single:Acme", "single.py"),
        ("bare.deep.boards:Acme", "bare/deep/boards.py"),
    ],
)
def test_changed_code_makes_another_comparison(code: Path, place: str, changed: str) -> None:
    before = of(read(code, place))
    assert of(read(code, place)).digest == before.digest
    with (code / changed).open("a") as file:
        file.write("# slower\n")
    after = of(read(code, place))
    assert after.digest != before.digest
    assert [name for name in after.told if after.told[name] != before.told[name]] == ["backends"]


def test_a_module_of_the_current_folder_counts_without_being_imported(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(code)
    (code / "single.py").write_text("raise SystemExit\n")
    (target,) = find_targets(["single:Acme"])
    before = of(target).digest
    (code / "single.py").write_text(CLASS)
    assert of(target).digest != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("redis://h/0", "redis://other/0"),
        ("redis://u:one@h/0", "redis://u:two@h/0"),
        ("zodb:///srv/a.fs", "zodb:///srv/b.fs"),
        ("sqlite:///srv/a.db", "sqlite:///srv/b.db"),
        ("single:Acme", "single:Other"),
    ],
)
def test_another_place_behind_the_same_label_makes_another_comparison(code: Path, one: str, other: str) -> None:
    before, after = of(read(code, one)), of(read(code, other))
    assert after.digest != before.digest
    assert not [secret for secret in ("other", "u:one", "srv") if secret in repr((before, after))]


def test_a_hash_of_a_url_is_salted_anew_in_each_journal_and_others_are_not() -> None:
    (url,), (memory,) = find_targets(["redis://u:secret@h/0"]), find_targets(["memory"])
    assert of(url, None).digest != of(url, None).digest
    first = of(url, None)
    assert of(url, first.salt).digest == first.digest
    assert of(memory, None).digest == of(memory, None).digest


def test_a_comparison_does_not_go_on_with_other_code(comparing: Callable[..., Result], code: Path) -> None:
    journal = code.parent / "journal"
    read(code, "single:Acme")
    named = str(code.parent / "acme.toml")
    assert comparing(named, steps=5, journal=journal).runs[0].status == "ok"
    (code / "single.py").write_text(CLASS + "# slower\n")
    with pytest.raises(ConfigurationError, match="cannot be resumed, because these differ: backends"):
        comparing(named, steps=5, journal=journal, resume=True)
