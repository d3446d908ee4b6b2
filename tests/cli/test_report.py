"""`leaderboard report` as a user runs it, on a result with every mode."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.figures import ServiceFigures
from leaderboard_backends.comparison.result_files import encode_result, read_result
from leaderboard_backends.comparison.schema import Run

ROOT = Path(__file__).parents[2]
FULL = ROOT / "reports" / "results" / "full.json"
SIZES = (1_000, 100_000)
BACKENDS = ("sortedcontainers", "redis (appendfsync always)", "zodb")
"""One of each place and durability."""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(leaderboard, ["report", *map(str, arguments)], prog_name="leaderboard")


def of_updates(one: Run) -> Run:
    """Return a run that timed updates alone."""
    if not isinstance(one.figures, ServiceFigures):
        return one
    return replace(one, figures=replace(one.figures, operations={"update": one.figures.operations["update"]}))


@pytest.fixture(scope="module")
def one_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first round of the published result, with one operation at two sizes: each mode and kind of chart."""
    path, whole = tmp_path_factory.mktemp("result") / "one-round.json", read_result(FULL)
    runs = [one for one in whole.runs if one.round == 1 and one.cell.backend in BACKENDS]
    runs = [of_updates(one) for one in runs if one.cell.mode != "service" or one.cell.players in SIZES]
    path.write_bytes(encode_result(replace(whole, runs=runs)))
    return path


@pytest.fixture(scope="module")
def service_times(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All rounds of the service times of the published result, A/A runs among them."""
    path, whole = tmp_path_factory.mktemp("result") / "service-times.json", read_result(FULL)
    runs = [of_updates(one) for one in whole.runs if one.cell.mode == "service" and one.cell.backend in BACKENDS]
    path.write_bytes(encode_result(replace(whole, runs=runs)))
    return path


def test_without_files_the_tables_are_printed() -> None:
    done = run(FULL)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("The answer\n")
    assert "What it takes to operate" in done.stdout


def test_pages_and_charts_are_made_of_the_result_alone(one_round: Path, tmp_path: Path) -> None:
    html, charts = tmp_path / "a" / "page.html", tmp_path / "my charts"
    done = run(one_round, "--html", html, "--markdown", tmp_path / "page.md", "--charts", charts)
    assert done.exit_code == 0, done.output
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert 'id="data-result"' in page
    markdown = (tmp_path / "page.md").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in charts.iterdir())
    shown = [name for name in pictures if f"](my%20charts/{name})" in markdown]
    assert shown == [name for name in pictures if name.endswith("-light.svg")]
    assert any(name.startswith("cost-") for name in shown)
    again = run(one_round, "--markdown", tmp_path / "again.md")
    assert again.exit_code == 0
    assert "](my%20charts/" not in (tmp_path / "again.md").read_text(encoding="utf-8")


def test_markdown_goes_to_stdout_for_a_dash(one_round: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = run(one_round, "--markdown", "./-")
    printed = run(one_round, "--markdown", "-")
    assert (written.exit_code, printed.exit_code, written.stdout) == (0, 0, "")
    assert printed.stdout_bytes == Path("-").read_bytes()


def test_the_raw_result_can_be_left_out_of_the_page(one_round: Path, tmp_path: Path) -> None:
    assert run(one_round, "--html", tmp_path / "page.html", "--no-embed").exit_code == 0
    assert 'id="data-result"' not in (tmp_path / "page.html").read_text(encoding="utf-8")


def slower(one: Run) -> Run:
    """Return a run whose updates took twice as long."""
    if not isinstance(one.figures, ServiceFigures):
        return one
    update = one.figures.operations["update"]
    time = replace(update.time, p50_us=2 * (update.time.p50_us or 1), mean_us=2 * update.time.mean_us)
    operations = {**one.figures.operations, "update": replace(update, time=time)}
    return replace(one, figures=replace(one.figures, operations=operations))


def test_what_got_worse_ends_in_exit_code_1_and_what_did_not_in_0(service_times: Path, tmp_path: Path) -> None:
    result = read_result(service_times)
    assert run(service_times, "--against", service_times).exit_code == 0
    new = tmp_path / "new.json"
    new.write_bytes(encode_result(replace(result, runs=[slower(one) for one in result.runs])))
    done = run(new, "--against", service_times)
    assert done.exit_code == (1 if result.settings.rounds >= 5 else 0), done.output
    refused = replace(result, runs=[replace(one, status="wrong", figures=None) for one in result.runs])
    new.write_bytes(encode_result(refused))
    assert run(new, "--against", service_times).exit_code == 1


def test_what_has_no_figures_any_more_ends_in_exit_code_1_unless_that_is_allowed(tmp_path: Path) -> None:
    whole, old, new = read_result(FULL), tmp_path / "old.json", tmp_path / "new.json"
    runs = [one for one in whole.runs if (one.cell.mode, one.cell.players) == ("service", 1_000) and not one.cell.a_a]
    old.write_bytes(encode_result(replace(whole, runs=runs)))
    gone = [replace(one, status="unavailable", figures=None) if one.cell.backend == "zodb" else one for one in runs]
    new.write_bytes(encode_result(replace(whole, runs=gone)))
    done = run(new, "--against", old)
    assert done.exit_code == 1
    assert "cells have no figures any more, although they were to be measured" in " ".join(done.stdout.split())
    assert run(new, "--against", old, "--allow-missing").exit_code == 0
    new.write_bytes(encode_result(replace(whole, runs=[one for one in runs if one.cell.backend != "zodb"])))
    assert run(new, "--against", old).exit_code == 0


def test_another_machine_is_refused_unless_it_is_allowed(service_times: Path, tmp_path: Path) -> None:
    result = read_result(service_times)
    other = tmp_path / "other.json"
    other.write_bytes(encode_result(replace(result, machine=replace(result.machine, cpu="Another"))))
    done = run(other, "--against", service_times)
    assert done.exit_code == 1
    assert "cannot be compared" in done.stderr
    assert "Another" in done.stderr
    assert run(other, "--against", service_times, "--allow-other-machine").exit_code == 0


def test_charts_of_a_change_are_refused(tmp_path: Path) -> None:
    done = run("new.json", "--against", "old.json", "--charts", tmp_path / "charts")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--charts draws a result, and --against compares it with another one" in " ".join(done.stderr.split())


@pytest.mark.parametrize("content", [None, b"{}", b'{"schema_version": 1}'])
def test_what_is_no_result_is_refused_in_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    if content is not None:
        path.write_bytes(content)
    done = run(path)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.json", "--html", "a.json"], "a.json is read"),
        (["a.json", "--markdown", "./a.json"], "a.json is read"),
        (["a.json", "--against", "b.json", "--html", "link"], "b.json is read"),
        (["a.json", "--html", "page", "--markdown", "page"], "page is written"),
    ],
)
def test_no_page_is_written_over_what_it_is_made_of(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.json", "b.json"):
        Path(name).write_bytes(b"kept")
    Path("link").symlink_to("b.json")
    done = run(*arguments)
    assert done.exit_code == 2
    assert f"{said}: give the page at" in " ".join(done.stderr.split())
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"kept"}


@pytest.mark.parametrize(("stored", "said"), [(None, "cannot be read"), (b"{}", "not a result of a comparison")])
def test_a_file_that_is_no_result_is_refused_with_what_makes_one(
    stored: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    if stored is not None:
        path.write_bytes(stored)
    done = run(path)
    assert done.exit_code == 1
    words = " ".join(done.stderr.split())
    assert f"{path}" in words
    assert said in words
    assert "leaderboard compare --out" in words


def test_a_place_that_cannot_be_written_is_told(one_round: Path) -> None:
    done = run(one_round, "--markdown", "/proc/nope/page.md")
    assert done.exit_code == 1
    assert "/proc/nope/page.md cannot be written" in done.stderr


def test_results_of_backends_that_were_measured_apart_make_one_report(one_round: Path, tmp_path: Path) -> None:
    whole = read_result(one_round)
    for name, labels in (("first", BACKENDS[:2]), ("later", BACKENDS[2:])):
        part = replace(
            whole,
            settings=replace(whole.settings, backends=list(labels)),
            backends=[facts for facts in whole.backends if facts.label in labels],
            runs=[run for run in whole.runs if run.cell.backend in labels],
        )
        (tmp_path / f"{name}.json").write_bytes(encode_result(part))
    done = run(tmp_path / "first.json", tmp_path / "later.json", "--markdown", tmp_path / "page.md")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "A merged result" in page
    assert all(label in page for label in BACKENDS)
    refused = run(tmp_path / "first.json", one_round)
    assert refused.exit_code == 1
    assert "sortedcontainers are in both" in " ".join(refused.stderr.split())
