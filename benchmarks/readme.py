"""Put the result table of the last full comparison into the README, between its two marks.

    python benchmarks/readme.py [--check]

With `--check`, nothing is written, and the exit code is 1 where the README has another table than the result.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from leaderboard_backends.comparison.document import NONE
from leaderboard_backends.comparison.document.numerals import significant, whole
from leaderboard_backends.comparison.readings import Figure, Statistic
from leaderboard_backends.comparison.report.classes import in_class_order
from leaderboard_backends.comparison.schema import Result, Run, read_result
from leaderboard_backends.comparison.statistics import interval, runs_of, values

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULT = ROOT / "reports" / "results" / "full.json"

BEGIN, END = "<!-- results: made by benchmarks/readme.py -->", "<!-- end of results -->"
WORKLOAD, PLAYERS = "realtime", 100_000
OPERATIONS = {"update": "update and rank", "rank": "rank", "top_100": "top 100", "around": "around ±5"}
MEMORY: dict[str, tuple[Statistic, ...]] = {
    "process": ("process_memory",),
    "server": ("server_memory", "disk"),
    "file": ("process_memory", "disk"),
}
PLACES = {"process_memory": "in the process", "server_memory": "in the server", "disk": "on disk"}


def table(result: Result) -> str:
    """Return the table: a row a backend, by what survives a power cut."""
    headings = ["backend", *OPERATIONS.values(), "bytes a player", "a power cut leaves"]
    rule = ["---", *["---:"] * len(OPERATIONS), "---", "---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *_rows(result)))


def note(result: Result) -> str:
    """Return what the bytes of the table are of, in a line."""
    cell = (WORKLOAD, PLAYERS)
    traces = [trace for trace in result.traces if (trace.workload, trace.players) == cell]
    names = f" ({significant(traces[0].name_bytes_per_player)} bytes of text a player)" if traces else ""
    logs = "" if "bytes on disk" in result.methods else " Logs that the load left behind are among those on disk."
    return (
        "Bytes a player are private memory, and files, that loading the board added. In a server and on disk names are "
        f"among them{names}; in a process they are not, as there they are the app's own.{logs}"
    )


def _rows(result: Result) -> Iterator[list[str]]:
    leaves = {"memory only": "nothing", "everysec": "all but the last second", "every commit": "everything"}
    for kind, label in in_class_order(result):
        runs, facts = runs_of(result, "service", WORKLOAD, PLAYERS, label), result.facts(label)
        if runs and facts is not None:
            times = [_times(runs, operation) for operation in OPERATIONS]
            yield [f"`{label}`", *times, _bytes(runs, facts.home), leaves.get(str(kind.name), NONE)]


def _times(runs: list[Run], operation: str) -> str:
    """Return p50 and p99, each the median over processes."""
    return " / ".join(_median(runs, Figure(operation, statistic)) for statistic in ("p50", "p99"))


def _median(runs: list[Run], figure: Figure) -> str:
    found = list(values(runs, figure.read).values())
    return significant(interval(found).middle) if len(found) == len(runs) else NONE


def _bytes(runs: list[Run], home: str) -> str:
    told = []
    for statistic in MEMORY[home]:
        found = list(values(runs, Figure("board", statistic).read).values())
        if found:
            told.append(f"{whole(interval(found).middle)} {PLACES[statistic]}")
    return ", ".join(told)


def with_table(text: str, result: Result) -> str:
    """Return the README's text with the table of a result."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(result)}\n\n{note(result)}\n{END}{tail}"


def main() -> int:
    """Write the README, or compare it."""
    old = README.read_text(encoding="utf-8")
    new = with_table(old, read_result(RESULT))
    if "--check" in sys.argv:
        return int(old != new)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
