from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.comparison.targets import find_targets, read_target
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.testing.trials import ServerPlace, trial_places

GOOD = """
schema_version = 1
target = "redis"
title = "mine"
tuning = ["hz 50"]
settings = { hz = "50" }
"""


def file(folder: Path, name: str = "mine.toml", text: str = GOOD) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_without_names_every_storage_and_every_file_is_compared_and_fakeredis_is_not() -> None:
    labels = [target.label for target in find_targets([])]
    assert len(set(labels)) == len(labels)
    assert {name for name, place in trial_places().items() if place.usual} <= set(labels)
    assert {
        "naive",
        "memory",
        "sortedcontainers",
        "redis",
        "redis (unix socket)",
        "redis (appendfsync always)",
        "zodb",
    } <= set(labels)
    assert set(trial_places()) - set(labels) == {
        "fakeredis",
        "redis (replica)",
        "redis+sentinel",
        "redis+sentinel (read_from replica)",
        "redis+cluster",
        "redis+cluster (read_from replica)",
        "zeo",
    }
    assert [target.label for target in find_targets(["fakeredis"])] == ["fakeredis"]


def test_every_built_in_target_has_metadata_that_a_reader_needs() -> None:
    for target in find_targets([]):
        label, metadata = target.label, target.metadata
        assert metadata.title, label
        assert metadata.setup, label
        assert metadata.watch, label
        assert metadata.configuration.startswith("url = "), label


def test_a_file_adds_a_backend_with_a_servers_settings(tmp_path: Path) -> None:
    target = read_target(file(tmp_path))
    assert isinstance(target.place, ServerPlace)
    assert (target.label, target.place.settings, target.metadata.title) == ("mine", {"hz": "50"}, "mine")
    assert "hz" in target.identity


def test_a_file_adds_a_class_that_is_registered_nowhere(comparing: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "acme.py").write_text(
        "from leaderboard_backends.backends.naive import NaiveLeaderboard\nclass Acme(NaiveLeaderboard):\n    pass\n"
    )
    text = 'schema_version = 1\ntarget = "acme:Acme"\ntitle = "Acme"\npath = "code"\n'
    (run,) = comparing(str(file(tmp_path, "acme.toml", text)), steps=5).runs
    assert (run.cell.backend, run.status, run.reason) == ("acme", "ok", "")


def test_a_module_of_the_current_folder_is_not_compared_in_place_of_that_of_the_path(
    comparing: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'schema_version = 1\ntarget = "acme.boards:Acme"\ntitle = "Acme"\npath = "code"\n'
    for folder in ("code", "here"):
        (tmp_path / folder / "acme").mkdir(parents=True)
        (tmp_path / folder / "acme" / "__init__.py").touch()
    (tmp_path / "here" / "acme" / "boards.py").write_text("raise SystemExit")
    (tmp_path / "code" / "acme" / "boards.py").write_text(
        "from leaderboard_backends.backends.naive import NaiveLeaderboard\nclass Acme(NaiveLeaderboard):\n    pass\n"
    )
    path = file(tmp_path, "acme.toml", text)
    monkeypatch.chdir(tmp_path / "here")
    (run,) = comparing(str(path), steps=5).runs
    assert (run.status, run.reason) == ("ok", "")


def test_a_metadata_shows_no_password(tmp_path: Path) -> None:
    text = GOOD + 'configuration = \'url = "redis://app:s3cr3t@localhost/0"\'\nsetup = ["set requirepass s3cr3t"]\n'
    text = text.replace('hz = "50"', 'hz = "50", requirepass = "s3cr3t"')
    target = read_target(file(tmp_path, text=text))
    assert "s3cr3t" not in repr(target.metadata) + target.identity
    assert target.metadata.configuration == 'url = "redis://***@localhost/0"'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("target", "targt"), "targt is not a known key. Allowed: schema_version, target,"),
        (GOOD.replace("1", "3", 1), "schema_version is 3: this library reads 1"),
        (GOOD.replace('"redis"', '"memory"'), "settings are for servers; memory is none"),
        (GOOD.replace('"redis"', '"memroy"'), "is not a known backend"),
        ("target = ", "is not TOML"),
    ],
)
def test_a_file_that_describes_no_backend_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        find_targets([str(file(tmp_path, text=text))])
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["valky"], "'valky' is not a known backend. Ready to run here: naive, memory"),
        (["memori://"], "Did you mean memory://"),
        (["naive", "naive"], "named twice"),
        (["redis://u:secret@h/0", "redis://u:secret@h/0"], "redis:// is named twice"),
        (["redis://h/0?board=mine"], "leave board out"),
        (["memory://?keep=best"], "leave keep out"),
        (["module:"], "module:Class"),
        (["redis://u:secret@h:99999/0"], "port"),
        (["redis:/u:secret@h"], "redis:/***@h is not a backend: a URL has two slashes"),
        (["redis:u:sec:secret@h:6379/0"], "redis:***@h:6379/0 is not a backend: a URL has two slashes"),
        (["absent.toml"], "cannot be read"),
    ],
)
def test_a_name_that_is_no_backend_is_refused_before_anything_runs(named: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        find_targets(named)
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("named", "labels"),
    [
        (["redis://u:secret@one/0", "zodb:///srv/board.fs"], ["redis://", "zodb://"]),
        (["redis://u:secret@one/0", "redis://two:7000/0"], ["redis:// (one)", "redis:// (two:7000)"]),
        (["redis://one/0", "redis://one/1"], ["redis:// (0)", "redis:// (1)"]),
        (["zodb:///srv/a.fs", "zodb:///home/b.fs"], ["zodb:// (a.fs)", "zodb:// (b.fs)"]),
        (["zodb:///srv/a.fs", "zodb:///home/a.fs"], ["zodb:// (/srv/a.fs)", "zodb:// (/home/a.fs)"]),
        (["redis://h/0?prefix=a", "redis://h/0"], ["redis:// (prefix=a)", "redis://"]),
        (["redis://h/0?password=secret", "redis://secret:secret@h/0"], ["redis://", "redis:// #2"]),
        (["unix:///a.sock", "memory", "unix:///b.sock?db=3"], ["unix:// (a.sock)", "memory", "unix:// (b.sock, db=3)"]),
    ],
)
def test_labels_tell_urls_of_one_scheme_apart_by_what_differs(named: list[str], labels: list[str]) -> None:
    found = find_targets(named)
    assert [target.label for target in found] == labels
    assert "secret" not in repr(found) + "".join(target.identity for target in found)
