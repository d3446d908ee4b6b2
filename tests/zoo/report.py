"""Run the whole kit on every mutant, and write which tests see which bug: `reports/zoo.json`, `reports/zoo.md`.

A race shows by chance alone, so that the part about races runs on the mutants that have one, and on no other; the part
about large boards likewise, as it takes long. What random programs, processes and faults find is left out: they are the
net behind the tests that have a name.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from leaderboard_backends.testing.honesty import base_name
from leaderboard_backends.testing.runner import run_kit, versions
from leaderboard_backends.testing.subject import PARTS

from . import MUTANTS
from .registry import Mutant, is_about, saw_the_bug

REPORTS: Final = Path(__file__).resolve().parents[2] / "reports"
ITS_OWN_ALONE: Final = ("threads", "histories", "processes", "machine", "scale")
"""Parts that run on their own mutants alone: what they find of others is by chance, or at size."""
WORKERS: Final = 2
SHOWN: Final = 4
"""Tests that a mutant's line names beside the one that must see it."""

HOW_TO_READ: Final = (
    "A mutant is a board with one bug. It is killed where the test that is about its bug (in bold) fails, and not "
    f"because the board crashed. Other tests that see it are named beside it: up to {SHOWN}, in the order of the kit."
)


def judge(mutant: Mutant) -> dict[str, Any]:
    """Run the kit on a mutant, and return what saw it."""
    parts = [part for part in PARTS if part not in ITS_OWN_ALONE or part == mutant.part]
    report = run_kit(mutant.board, parts=parts, players=mutant.players)
    failed = Counter((outcome.part, base_name(outcome.test)) for outcome in report.failures)
    return {
        "mutant": mutant.name,
        "theme": mutant.board.__module__.rpartition(".")[2],
        "bug": mutant.bug,
        "part": mutant.part,
        "must": mutant.test,
        "killed": any(is_about(mutant, outcome) and saw_the_bug(mutant, outcome) for outcome in report.failures),
        "failed": [{"part": part, "test": test, "cases": cases} for (part, test), cases in sorted(failed.items())],
        "ran": sorted({(outcome.part, base_name(outcome.test)) for outcome in report.outcomes}),
    }


def document() -> dict[str, Any]:
    """Judge all mutants, and return what the tables are made of."""
    started, found, kit = perf_counter(), [], versions()
    with ProcessPoolExecutor(WORKERS) as pool:
        for result in pool.map(judge, MUTANTS):
            found.append(result)
            fate = "killed" if result["killed"] else "SURVIVED"
            print(f"{result['mutant']}: {fate}, {len(result['failed'])} tests fail", flush=True)  # noqa: T201 - progress
    ran = sorted({(part, test) for result in found for part, test in result.pop("ran")}, key=_place)
    return {
        "kit": f"{kit.kit}, contract {kit.contract}",
        "seconds": round(perf_counter() - started),
        "tests": [{"part": part, "test": test} for part, test in ran],
        "mutants": found,
    }


def tables(zoo: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    mutants = zoo["mutants"]
    killed = sum(mutant["killed"] for mutant in mutants)
    return "\n".join(
        [
            "# The zoo: what the kit is tested by",
            "",
            f"{len(mutants)} mutants: {killed} killed, {len(mutants) - killed} survived.",
            "",
            HOW_TO_READ,
            "",
            f"Made by `make zoo`, with kit {zoo['kit']}; all counts and names are in `zoo.json`.",
            "",
            *_mutant_table(mutants),
            "",
            *_test_tables(zoo),
            "",
        ]
    )


def _mutant_table(mutants: list[dict[str, Any]]) -> list[str]:
    rows = ["| mutant | bug | killed by | tests that fail | parts that see it |", "| --- | --- | --- | ---: | --- |"]
    for mutant in mutants:
        bug = mutant["bug"].replace("|", "\\|")
        parts = ", ".join(dict.fromkeys(one["part"] for one in sorted(mutant["failed"], key=_place_of)))
        rows.append(
            f"| `{mutant['mutant']}` | {bug} | {_killers(mutant)} | {len(mutant['failed'])} | {parts or 'none'} |"
        )
    return rows


def _killers(mutant: dict[str, Any]) -> str:
    others = [one["test"] for one in sorted(mutant["failed"], key=_place_of)]
    others = [test for test in others if test != base_name(mutant["must"])]
    left = len(others) - SHOWN
    names = [f"**{mutant['must']}**" if mutant["killed"] else "SURVIVES", *others[:SHOWN]]
    return ", ".join(names) + (f" and {left} more" if left > 0 else "")


def _test_tables(zoo: dict[str, Any]) -> list[str]:
    kills = Counter((one["part"], one["test"]) for mutant in zoo["mutants"] for one in mutant["failed"])
    alone = Counter(
        (mutant["failed"][0]["part"], mutant["failed"][0]["test"])
        for mutant in zoo["mutants"]
        if len(mutant["failed"]) == 1
    )
    seen = [(test["part"], test["test"]) for test in zoo["tests"] if kills[test["part"], test["test"]]]
    idle = [(test["part"], test["test"]) for test in zoo["tests"] if not kills[test["part"], test["test"]]]
    return [
        "## The kit's tests",
        "",
        f"{len(seen)} of the {len(zoo['tests'])} tests that ran see at least one mutant.",
        "",
        "Alone: mutants that no other test sees.",
        "",
        "| part | test | mutants | alone |",
        "| --- | --- | ---: | ---: |",
        *(f"| {part} | {test} | {kills[part, test]} | {alone[part, test] or ''} |" for part, test in seen),
        "",
        f"<details><summary>{len(idle)} tests see none: bugs that the zoo does not have yet.</summary>",
        "",
        *(f"- {part}: {test}" for part, test in idle),
        "",
        "</details>",
    ]


def _place(named: tuple[str, str]) -> tuple[int, str]:
    return PARTS.index(named[0]), named[1]


def _place_of(failed: dict[str, Any]) -> tuple[int, str]:
    return _place((failed["part"], failed["test"]))


def main() -> int:
    """Write the report; 1 where a mutant survives."""
    zoo = document()
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "zoo.json").write_text(json.dumps(zoo, indent=1) + "\n")
    (REPORTS / "zoo.md").write_text(tables(zoo))
    survivors = [mutant["mutant"] for mutant in zoo["mutants"] if not mutant["killed"]]
    print(f"{len(zoo['mutants'])} mutants, {len(survivors)} survived: reports/zoo.md")  # noqa: T201 - the answer
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
