"""`leaderboard backends`: nothing cut, nothing hidden, at 100 columns and in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import Capabilities
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.cli import backends as command
from leaderboard_backends.registry import BackendInfo, backends, schemes


class Promising(NaiveLeaderboard):
    capabilities = Capabilities(
        durable=True,
        shared=True,
        consistency="eventual",
        survives="the loss of a whole region, " * 6 + "at last",
        unsupported=frozenset({"clear", "get_around"}),
    )


class Wrapping(NaiveLeaderboard):
    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # as a wrapper declares it
        return NaiveLeaderboard.capabilities


INSTALL = "pip install 'leaderboard-backends[redis]'"
STAGED = [
    BackendInfo("naive", "leaderboard-backends", "0.1.0", NaiveLeaderboard, ""),
    BackendInfo("acme", "acme-boards-with-a-very-long-name-indeed", "2026.11.dev0+abc", Promising, ""),
    BackendInfo("acme2", "acme-boards", "1", Promising, ""),
    BackendInfo("cached", "acme-boards", "1", Wrapping, ""),
    BackendInfo("redis", "leaderboard-backends", "0.1.0", None, f"redis:// needs [redis] {'x' * 120}: {INSTALL}"),
]


def run(monkeypatch: pytest.MonkeyPatch, found: Sequence[BackendInfo], *arguments: str) -> Result:
    monkeypatch.setattr(command, "known_backends", lambda: found)
    result = CliRunner().invoke(command.backends, arguments)
    assert result.exit_code == 0
    return result


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_every_scheme_is_listed_with_what_is_known_of_it() -> None:
    lines = CliRunner().invoke(command.backends).output.splitlines()
    for info in backends():
        line = next(line for line in lines if line.split()[:1] == [info.scheme])
        assert line.split()[1:3] == [info.distribution, info.version]
        assert line.split()[-1] == "yes"


def test_promises_are_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = unwrapped(run(monkeypatch, STAGED[:1]).output)
    assert "naive leaderboard-backends 0.1.0 not durable, one process, linearizable yes" in text
    assert "What acknowledged updates survive naive: nothing" in text


def test_nothing_is_cut_at_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    output = run(monkeypatch, STAGED).output
    assert "…" not in output
    for line in output.splitlines():
        assert len(line) <= 100 or INSTALL in line
    assert {"durable,", "shared,", "eventual,", "clear,", "get_around", "inside", "unknown"} <= set(output.split())
    assert "acme, acme2: " + Promising.capabilities.survives in unwrapped(output)


def test_a_problem_is_told_in_one_line_that_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, STAGED).output.splitlines()
    assert lines[-2] == "Not usable here"
    assert lines[-1] == f"  {STAGED[-1].problem}"
    assert next(line for line in lines if line.startswith("redis ")).split()[-1] == "no"


def test_without_problems_none_are_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Not usable here" not in run(monkeypatch, STAGED[:-1]).output


def test_json_tells_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {record["scheme"]: record for record in json.loads(run(monkeypatch, STAGED, "--json").stdout)}
    assert listed["acme"] == {
        "scheme": "acme",
        "distribution": "acme-boards-with-a-very-long-name-indeed",
        "version": "2026.11.dev0+abc",
        "usable": True,
        "problem": None,
        "capabilities": {
            "durable": True,
            "shared": True,
            "consistency": "eventual",
            "survives": Promising.capabilities.survives,
            "unsupported": ["clear", "get_around"],
            "feed": False,
            "fence": False,
        },
    }
    assert listed["cached"]["capabilities"] is None
    assert (listed["redis"]["usable"], listed["redis"]["problem"]) == (False, STAGED[-1].problem)


def test_json_lists_what_is_here() -> None:
    listed = json.loads(CliRunner().invoke(command.backends, ["--json"]).stdout)
    assert [record["scheme"] for record in listed] == schemes()
