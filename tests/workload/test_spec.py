from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from leaderboard_backends import ConfigurationError
from leaderboard_backends.workload.spec import (
    WorkloadFile,
    find_workloads,
    read_workload,
    workload_names,
)

Writing: TypeAlias = Callable[..., WorkloadFile]

MIX = "mix.update = 1\n"
EVENTS = "player_id,username,score\na,A,1\nb,B,2\n"

REFUSED = {
    "": "mix is missing: it must be a table.",
    "mix = 3": "mix is 3: it must be a table.",
    "mix = {}": "mix has no share above 0: give at least one operation (update, increment, join,",
    "mix.updat = 1": "mix is 'updat': it must be one of update, increment, join, leave, rank, entry, percentile,",
    "mix.update = -1": "mix.update is -1: it must be a number from 0 to 1,000,000.",
    "mix.update = nan": "mix.update is nan: it must be a number from 0 to 1,000,000.",
    "mix.update = inf": "mix.update is inf: it must be a number from 0 to 1,000,000.",
    f"mix.update = 1{'0' * 400}": "mix.update is an int of 1329 bits: it must be a number from 0 to 1,000,000.",
    "mix.update = true": "mix.update is True: it must be a number from 0 to 1,000,000.",
    "mix.update = 'most'": "mix.update is 'most': it must be a number from 0 to 1,000,000.",
    "mix.update = 0": "mix has no share above 0: give at least one operation (",
    "mix = {update = 1, rank = 0.0001}": "mix.rank is 0.0001, less than one step in 1000: too few to measure. Give it",
    "mix = {join = 1, leave = 2}": "mix.leave is 2 and mix.join 1: the board would become empty. Give join at least",
    "mix.leave = 1": "mix.leave is 1 and mix.join 0: the board would become empty.",
    MIX + "size = [1]": "size is not a known key. Allowed: schema_version, mix, name, title, sizes, load,",
    MIX + "load.part = 1": "load.part is not a known key. Allowed: share, scores.",
    MIX + "load.share = 1.1": "load.share is 1.1: it must be a number from 0 to 1.",
    MIX + "load.share = -0.1": "load.share is -0.1: it must be a number from 0 to 1.",
    MIX + "load.share = 'all'": "load.share is 'all': it must be a number from 0 to 1.",
    MIX + "load = 1": "load is 1: it must be a table of share, scores.",
    MIX + "load.scores = 'equal'": "load.scores is 'equal': it must be one of drawn, tied.",
    MIX + "sizes = []": "sizes is []: it must be a list with at least one value.",
    MIX + "sizes = [0]": "sizes[0] is 0: it must be a whole number from 1 to 10,000,000.",
    MIX + "sizes = [10, 10_000_001]": "sizes[1] is 10000001: it must be a whole number from 1 to 10,000,000.",
    MIX + "sizes = [10, 1.5]": "sizes[1] is 1.5: it must be a whole number from 1 to 10,000,000.",
    MIX + "scores.distribution = 'flat'": "scores.distribution is 'flat': it must be one of normal, pareto, uniform.",
    MIX + "scores.change = 'up'": "scores.change is 'up': it must be one of any other, climb.",
    MIX + "scores.players_per_score = 0.5": "scores.players_per_score is 0.5: it must be a number from 1 to 10",
    MIX + "scores.players_per_score = nan": "scores.players_per_score is nan: it must be a number from 1 to 10",
    MIX + "players.popularity = 'pareto'": "players.popularity is 'pareto': it must be one of uniform, zipf.",
    MIX + "players.exponent = 4": "players.exponent is 4: it must be a number from 0 to 3.",
    MIX + "arrival.process = 'bursts'": "arrival.process is 'bursts': it must be one of poisson, regular.",
    MIX + "arrival.rates = []": "arrival.rates is []: it must be a list with at least one value.",
    MIX + "arrival.rates = [0]": "arrival.rates[0] is 0: it must be a number from 1 to 1,000,000.",
    MIX + "name = 'Real Time'": "name is 'Real Time': it must be text that matches ^([a-z0-9]",
    MIX + "mix = {}": "is not TOML: ",
    MIX + "events = 'events.csv'\nsizes = [1]": "sizes is set although the events define it: remove it.",
    MIX + "events = 'events.csv'\nscores = {}": "scores is set although the events define it: remove it.",
    MIX + "events = 'events.csv'\nload.scores = 'tied'": "load.scores is set although the events define it:",
    MIX + "events = 'events.csv'\nload.share = 1": "load.share is 1, so no event is left to replay: use a smaller",
    MIX + "mix.increment = 1\nevents = 'events.csv'": "mix has increment: with events, update replays them",
    "mix.rank = 1\nevents = 'events.csv'": "mix has no update: with events, update replays them",
    MIX + "events = 'none.csv'": "none.csv cannot be read: No such file or directory.",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_makes_no_sense_is_refused_with_file_key_value_and_rule(
    text: str, written: Writing, tmp_path: Path
) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    with pytest.raises(ConfigurationError, match=re.escape(REFUSED[text])) as refused:
        written(text)
    assert str(refused.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MIX, "schema_version is missing: this library reads 1; write schema_version = 1."),
        (MIX + "schema_version = 2\nnew = 1", "schema_version is 2: this library reads 1; write schema_version = 1."),
    ],
)
def test_another_schema_version_is_refused_before_anything_else(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(f"{path}: {told}")):
        read_workload(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.toml cannot be read: No such file"):
        read_workload(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"title = 'Zo\xeb'")
    with pytest.raises(ConfigurationError, match=r"latin.toml is not TOML: byte 11 is not UTF-8"):
        read_workload(tmp_path / "latin.toml")


def test_a_number_that_python_does_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_text(f"mix.update = 1{'0' * 5_000}")
    with pytest.raises(ConfigurationError, match=r"long.toml is not TOML: .*5001 digits"):
        read_workload(tmp_path / "long.toml")


def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text(f"mix = {'[' * 5_000}")
    with pytest.raises(ConfigurationError, match=r"deep.toml: it is nested too deeply"):
        read_workload(tmp_path / "deep.toml")


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_text(f"schema_version = 1\n{MIX}", encoding="utf-8-sig")
    assert read_workload(tmp_path / "marked.toml").spec.name == "marked"


def test_what_is_not_said_has_a_stated_value(written: Writing) -> None:
    spec = written(MIX).spec
    assert (spec.name, spec.title, spec.loaded_share) == ("mine", "mine", 1.0)
    assert spec.sizes == (100, 1_000, 10_000, 100_000, 1_000_000)
    assert spec.arrival.rates == (500, 2000, 5000)


def test_the_hash_is_of_what_is_asked(written: Writing) -> None:
    asked = written(MIX).sha256
    same = [
        f"# a comment\nname = 'other'\ntitle = 'Other'\n{MIX}",
        f"scores.players_per_score = 5\nload.scores = 'drawn'\n{MIX}",
        f"arrival.rates = [500, 2000, 5000]\n{MIX}",
    ]
    others = ["mix.update = 2", f"load.scores = 'tied'\n{MIX}", f"sizes = [10]\n{MIX}", f"arrival.rates = [5]\n{MIX}"]
    assert {written(text).sha256 for text in same} == {asked}
    assert len({asked, *(written(text).sha256 for text in others)}) == 1 + len(others)


def test_the_hash_is_the_same_everywhere(written: Writing) -> None:
    assert written("mix = {update = 7, rank = 3}\nplayers.popularity = 'zipf'").sha256 == (
        "dcefe0174769518ce2be5f298d9ef8dbc0eeb55ad8be8d7329414b8e52b3a2aa"
    )


def test_the_hash_of_events_is_of_their_bytes_and_not_of_their_place(tmp_path: Path) -> None:
    hashes = []
    for name, events in (("a", EVENTS), ("b", EVENTS), ("c", f"{EVENTS}a,A,3\n")):
        (tmp_path / f"{name}.csv").write_text(events)
        (tmp_path / f"{name}.toml").write_text(f"schema_version = 1\nevents = '{name}.csv'\n{MIX}")
        hashes.append(read_workload(tmp_path / f"{name}.toml").sha256)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("name", ["mine.csv", "MINE.CSV"])
def test_events_alone_are_a_workload_whatever_the_case_of_their_ending(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(EVENTS)
    (found,) = find_workloads([str(tmp_path / name)])
    assert found.spec.name == "mine"


def test_workloads_are_found_by_name_and_by_path_each_once_and_in_order(written: Writing) -> None:
    path = str(written(MIX).path)
    found = find_workloads(["lobby", path, "realtime", "lobby", path])
    assert [workload.spec.name for workload in found] == ["lobby", "mine", "realtime"]
    assert find_workloads([]) == []


def test_a_name_of_no_workload_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=rf"'loby' is not a workload. Known workloads: {', '.join(workload_names())}"
    ):
        find_workloads(["loby"])


def test_two_workloads_of_one_name_are_refused(written: Writing) -> None:
    copied = written(f"name = 'lobby'\n{MIX}")
    with pytest.raises(ConfigurationError, match=r"lobby.toml and .*mine.toml are both named 'lobby'"):
        find_workloads(["lobby", str(copied.path)])


def test_a_csv_alone_is_updates_with_some_reads(written: Writing) -> None:
    workload = written(EVENTS, 'My "first" Season.csv')
    assert workload.spec.name == "my-first-season"
    assert workload.spec.title == 'the events of My "first" Season.csv'
    assert workload.spec.mix == {"update": 90, "rank": 8, "top_100": 2}
    assert workload.spec.sizes == (2,)
    assert find_workloads([str(workload.path)]) == [workload]


def test_the_text_of_a_csv_is_a_workload_that_says_the_same(written: Writing, tmp_path: Path) -> None:
    workload = written(EVENTS, "season.csv")
    (tmp_path / "season.toml").write_text(workload.text)
    assert read_workload(tmp_path / "season.toml").sha256 == workload.sha256
