from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import msgspec
import pytest

from leaderboard_backends.comparison.result_files import decode_result, encode_result, read_result
from leaderboard_backends.comparison.schema import CodeFacts, Metadata, Result
from leaderboard_backends.errors import ConfigurationError

from .advice import results

PERSONAL = [str(Path.cwd()), str(Path.home()) + "/", socket.gethostname()]


def test_a_result_reads_back_from_its_json_as_it_was(half_failed: Result, whole: Result) -> None:
    for result in (half_failed, whole, msgspec.structs.replace(whole, runs=[])):
        assert decode_result(encode_result(result)) == result


def test_its_json_has_a_line_for_each_run(half_failed: Result) -> None:
    lines = encode_result(half_failed).splitlines()
    assert len(lines) == len(half_failed.runs) + 2


@pytest.mark.parametrize("stored", [b"", b"[]", b"{}", b'{"schema_version": "2"}', b'{"schema_version": 2}'])
def test_what_is_no_result_is_refused(stored: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a result of a comparison"):
        decode_result(stored)


@pytest.mark.parametrize("version", [1, 99])
def test_a_result_of_another_schema_version_is_refused(half_failed: Result, version: int, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(encode_result(msgspec.structs.replace(half_failed, schema_version=version)))
    with pytest.raises(ConfigurationError, match=f"schema version {version}; this library reads 2 and 3"):
        read_result(tmp_path / "result.json")


@pytest.mark.parametrize(("version", "remedy"), [(1, "leaderboard compare --out"), (4, "A newer leaderboard-backends")])
def test_another_schema_version_comes_with_a_remedy(half_failed: Result, version: int, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        decode_result(encode_result(msgspec.structs.replace(half_failed, schema_version=version)))


def test_the_memory_board_of_version_2_is_the_one_on_sortedcontainers() -> None:
    """Then `memory://` named that board; a label of it is renamed, and numbered where another has it."""
    boards = "memory", "memory://", "zodb+memory", "sortedcontainers://"
    runs = [run for label in boards for run in results.service(label, {"rank": 1.0})]
    made = results.result([results.facts(label) for label in boards], runs)
    metadata = Metadata(configuration='url = "memory://weekly"')
    known = [msgspec.structs.replace(each, metadata=metadata) for each in made.backends]
    code = [CodeFacts("basic board", "memory", 0, 1, 2, 3)]
    old = msgspec.structs.replace(made, schema_version=2, backends=known, code=code)
    read = decode_result(encode_result(old))
    now = ["sortedcontainers", "sortedcontainers:// #2", "zodb+memory", "sortedcontainers://"]
    assert [read.settings.backends, [each.label for each in read.backends]] == [now, now]
    assert dict.fromkeys(run.cell.backend for run in read.runs) == dict.fromkeys(now)
    assert [each.backend for each in read.code] == ["sortedcontainers"]
    assert read.backends[0].metadata.configuration == 'url = "sortedcontainers://weekly"'
    assert decode_result(encode_result(read)) == read


@pytest.mark.parametrize("time", [-1.5, 0.0])
@pytest.mark.parametrize("name", ["mean_us", "p50_us", "p99_us", "maximum_us"])
def test_a_time_that_no_call_can_have_taken_is_refused_by_its_place(whole: Result, name: str, time: float) -> None:
    stored = json.loads(encode_result(whole))
    place, run = next((at, run) for at, run in enumerate(stored["runs"]) if "operations" in (run["figures"] or {}))
    next(iter(run["figures"]["operations"].values()))["time"][name] = time
    with pytest.raises(
        ConfigurationError, match=rf"not a result of a comparison: Expected `float` > 0.*runs\[{place}\].*{name}"
    ):
        decode_result(json.dumps(stored).encode())


def test_nothing_in_a_result_names_the_machine_or_its_user(half_failed: Result, whole: Result) -> None:
    for result in (half_failed, whole):
        text = encode_result(result).decode()
        assert not [word for word in (*PERSONAL, f"/{getpass.getuser()}/") if word in text]


def test_crash_recovery_is_read_under_its_former_name(whole: Result) -> None:
    old = (
        encode_result(whole)
        .replace(b'"mode":"recovery"', b'"mode":"drill"')
        .replace(b'"type":"recovery"', b'"type":"drill"')
    )
    assert b'"drill"' in old
    assert decode_result(old) == whole
