from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path

import msgspec
import pytest

from leaderboard_backends.comparison.result_files import decode_result, encode_result, read_result
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.errors import ConfigurationError

PERSONAL = [str(Path.cwd()), str(Path.home()) + "/", socket.gethostname()]


def test_a_result_reads_back_from_its_json_as_it_was(half_failed: Result, whole: Result) -> None:
    for result in (half_failed, whole, msgspec.structs.replace(whole, runs=[])):
        assert decode_result(encode_result(result)) == result


def test_its_json_has_a_line_for_each_run(half_failed: Result) -> None:
    lines = encode_result(half_failed).splitlines()
    assert len(lines) == len(half_failed.runs) + 2


@pytest.mark.parametrize("stored", [b"", b"[]", b"{}", b'{"schema_version": "2"}', b'{"schema_version": 3}'])
def test_what_is_no_result_is_refused(stored: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not a result of a comparison"):
        decode_result(stored)


@pytest.mark.parametrize("version", [2, 99])
def test_a_result_of_another_schema_version_is_refused(half_failed: Result, version: int, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(encode_result(msgspec.structs.replace(half_failed, schema_version=version)))
    with pytest.raises(ConfigurationError, match=f"schema version {version}; this library reads 3"):
        read_result(tmp_path / "result.json")


@pytest.mark.parametrize(("version", "remedy"), [(2, "leaderboard compare --out"), (4, "A newer leaderboard-backends")])
def test_another_schema_version_comes_with_a_remedy(half_failed: Result, version: int, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        decode_result(encode_result(msgspec.structs.replace(half_failed, schema_version=version)))


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
