"""Put what the last full comparison says into the README and into pages of `docs`.

Most of it stands between two marks; in `docs/anti-patterns.md`, the figures of each table of a program are replaced.

    python benchmarks/readme.py [--check]

With `--check`, nothing is written, and the exit code is 1 where a page has another table than the result.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from leaderboard_backends.comparison.advice.answer import Advice
from leaderboard_backends.comparison.advice.candidates import Basis
from leaderboard_backends.comparison.advice.need import LOST, time_words
from leaderboard_backends.comparison.cost.cluster import tiers
from leaderboard_backends.comparison.cost.footprint import footprints
from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.measurements import Measured, Measurements, Place
from leaderboard_backends.comparison.named_figures import Statistic
from leaderboard_backends.comparison.report.advice import (
    HEADLINES,
    PICKED,
    UPDATES,
    WORKERS,
    in_rows,
    need_in_words,
    of_typical_needs,
    price_of_durability,
)
from leaderboard_backends.comparison.report.cost import assumptions, premature, tiers_table
from leaderboard_backends.comparison.report.tables import words
from leaderboard_backends.comparison.result_files import read_result
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.comparison.statistics import interval
from leaderboard_backends.numerals import NONE, significant, whole

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "which-backend.md",
    ROOT / "docs" / "outgrow-one-machine.md",
    ROOT / "docs" / "anti-patterns.md",
)
RESULT = ROOT / "reports" / "results" / "full.json"

ANSWER, TAKE, RESULTS, TIERS = "answer", "take", "results", "tiers"
PROGRAM = re.compile(r"\(`(study: [^`]+)`\):\n\n\| \| \|\n\| --- \| ---: \|\n(?:\|.*\n)+")
"""A program's name, and the table of its figures."""
FIGURE = re.compile(r"\| `([^`]+)` \| [0-9.,]+( µs| MB|) \|")
BEGIN, END = "<!-- {}: made by benchmarks/readme.py -->", "<!-- end of {} -->"
WORKLOAD, PLAYERS = "realtime", 100_000
SIZES = (1_000, 10_000, PLAYERS, 1_000_000)
OPERATIONS = {"update": "update and rank", "rank": "rank", "top_100": "top 100", "around": "around ±5"}
MEMORY: dict[str, tuple[Statistic, ...]] = {
    "process": ("process_memory",),
    "server": ("server_memory", "disk"),
    "file": ("process_memory", "disk"),
}
PLACES = {"process_memory": "in the process", "server_memory": "in the server", "disk": "on disk"}
PERCENTILES: tuple[Statistic, ...] = ("p50", "p99")


def answer(result: Result) -> str:
    """Return what to take, what it costs to be wrong about durability, and why no plain sorted set."""
    advised = _advised(result)
    headline = _headline(HEADLINES[0], advised[HEADLINES[0]])
    durability = price_of_durability({title: row[-1] for title, row in advised.items()})
    durable = f"**Durable or not?** Durable: a power cut loses no acknowledged update. {durability}"
    return f"{headline}\n\n{durable}\n\n{words('no-sorted-set')}"


def take(result: Result) -> str:
    """Return what to take: a row for each typical need."""
    headings = [
        "what you have",
        "take",
        "p99 of an update",
        "USD per month",
        "lost in a power cut",
    ]
    rows = [
        headings,
        ["---", "---", "---:", "---:", "---"],
        *(_take(title, row) for title, row in in_rows(_advised(result))),
    ]
    load = (
        f"Assumed: {SIZES[-1]:,} players, {UPDATES:g} updates and {UPDATES:g} reads per second in all, {WORKERS} app "
        f"processes on each server; times are those of one client. {PICKED} The names are the schemes of URLs: "
        "`memory://weekly`, `sqlite:///var/lib/app/board.db`, `redis://cache:6379/0`, and "
        "`journal:///var/lib/app/board?fsync=always`. `sqlite` is a plug-in: "
        "`pip install . ./adapters/leaderboard-backends-sqlite`. For a durable `redis`, set `appendonly yes` and "
        "`appendfsync always` in the server."
    )
    return f"{_markdown(rows)}\n\n{load}"


def _advised(result: Result) -> dict[str, list[Advice]]:
    return of_typical_needs(Basis(Measurements(result)), SIZES)


def _headline(title: str, row: Sequence[Advice]) -> str:
    """Return the first sentence of the answer, with the line for a config."""
    pick = row[-1].pick
    assert pick is not None, f"{RESULT.name} has no pick for {title}"
    return f"**For {need_in_words(title, row)}: `{pick.label}`.** In a config: `{pick.facts.metadata.configuration}`."


def _take(title: str, advised: Sequence[Advice]) -> list[str]:
    pick = advised[-1].pick
    if pick is None:
        return [title, advised[-1].verdict, *[NONE] * 3]
    labels = dict.fromkeys(f"`{advice.pick.label}`" if advice.pick else advice.verdict for advice in advised)
    cost = NONE if pick.monthly is None else f"{pick.monthly:,.2f}"
    return [title, ", then ".join(labels), _p99(advised[-1]), cost, LOST[pick.facts.durability]]


def _p99(advice: Advice) -> str:
    update = advice.pick.judged(advice.need) if advice.pick else None
    return time_words(update.p99_us) if update and update.p99_us else NONE


def table(result: Result) -> str:
    """Return every backend's figures: a row for each, by what survives a power cut."""
    headings = ["backend", *OPERATIONS.values(), "bytes per player", "lost in a power cut"]
    rule = ["---", *["---:"] * len(OPERATIONS), "---", "---"]
    return f"{_markdown([headings, rule, *_rows(result)])}\n\n{note(result)}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def note(result: Result) -> str:
    """Return what the bytes of the table are of, in a line."""
    cell = (WORKLOAD, PLAYERS)
    traces = [trace for trace in result.traces if (trace.workload, trace.players) == cell]
    names = f" ({significant(traces[0].name_bytes_per_player)} bytes of text per player)" if traces else ""
    logs = "" if "bytes on disk" in result.methods else " Those on disk include logs of the load."
    return (
        "Bytes per player: the private memory and the files that the board's data added. In a server and on disk they "
        f"include ids and names{names}; in a process they do not, as the app holds those anyway.{logs}"
    )


def _rows(result: Result) -> Iterator[list[str]]:
    m = Measurements(result)
    for one in m.measured("service", m.in_class_order, Place("service", WORKLOAD, PLAYERS)):
        facts = result.facts(one.label)
        if facts is not None:
            times = [_times(one, operation) for operation in OPERATIONS]
            yield [f"`{one.label}`", *times, _bytes(one, facts.home), LOST[facts.durability]]


def _times(one: Measured, operation: str) -> str:
    """Return p50 and p99, each the median over processes."""
    found = [[*one.values(operation, statistic).values()] for statistic in PERCENTILES]
    return " / ".join(significant(interval(each).middle) if len(each) == len(one.runs) else NONE for each in found)


def _bytes(one: Measured, home: str) -> str:
    told = []
    for statistic in MEMORY[home]:
        found = [*one.values("board", statistic).values()]
        if found:
            told.append(f"{whole(interval(found).middle)} {PLACES[statistic]}")
    return ", ".join(told)


def grown(result: Result) -> str:
    """Return what a board costs as it outgrows one server, from when on, and what that rests on."""
    measured = Measurements(result)
    found = tiers(measured, footprints(measured), Inputs.read())
    assert found is not None, f"{RESULT.name} has no board on one server"
    made = tiers_table(found)
    headings = [f"{column.heading}, USD per month" if not column.figures else column.heading for column in made.columns]
    rules = ["---:" if column.figures else "---" for column in made.columns]
    rows = [headings, rules, *([value.text for value in row] for row in made.rows)]
    return "\n\n".join([premature(found), _markdown(rows), *assumptions(found)])


def with_tables(text: str, result: Result) -> str:
    """Return a page's text with the tables of a result; what has no marks stays as it is."""
    for name, made in ((ANSWER, answer), (TAKE, take), (RESULTS, table), (TIERS, grown)):
        begin, end = BEGIN.format(name), END.format(name)
        if begin in text:
            head, _, rest = text.partition(begin)
            text = f"{head}{begin}\n{made(result)}\n{end}{rest.partition(end)[2]}"
    return PROGRAM.sub(lambda table: _with_figures(table, result), text)


def _with_figures(table: re.Match[str], result: Result) -> str:
    """Return a program's table with the median over processes of each figure."""
    found: dict[str, list[float]] = {}
    for run in result.runs:
        if run.cell.backend == table[1] and isinstance(run.figures, ProgramFigures):
            for timing in run.figures.timings:
                found.setdefault(timing.operation, []).append(timing.time.mean_us)
            for name, number in {"memory": run.figures.memory_bytes or 0, **run.figures.counts}.items():
                found.setdefault(name, []).append(number)

    def row(line: re.Match[str]) -> str:
        number = median(found["memory" if line[1].startswith("memory of") else line[1]])
        write = whole if line[1].startswith("lost") else significant
        return f"| `{line[1]}` | {write(number / 1e6 if line[2] == ' MB' else number)}{line[2]} |"

    text, replaced = FIGURE.subn(row, table[0])
    assert replaced == table[0].count("\n| `"), f"a row of {table[1]} has another form"
    return text


def main() -> int:
    """Write the pages, or compare them."""
    result, differing = read_result(RESULT), 0
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = with_tables(old, result)
        differing += old != new
        if "--check" not in sys.argv:
            page.write_text(new, encoding="utf-8")
    return int(differing > 0 and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
