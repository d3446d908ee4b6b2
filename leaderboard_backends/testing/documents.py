"""Reports of the kit as Markdown: the verdicts, the matrix of parts by backends, figures of faults, what fell short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from .report import RESULTS, Outcome, Report, Result

HEADINGS: Final[dict[Result, str]] = {
    "passed": "passed",
    "failed": "failed",
    "refused": "unsupported, as declared",
    "known failure": "known failure",
    "replaced": "replaced",
    "not run": "not run",
}

BY_CONSISTENCY: Final = {
    "per player": "; consistent per player, as declared, and judged by that",
    "eventual": "; reads may be late, as declared, so only writes were checked for order",
}
"""What the verdict rests on where a board is not linearizable."""


def to_markdown(reports: Sequence[Report], command: str) -> str:
    """Return a page on all reports; `command` is what made them, and makes them again."""
    sections = [
        "# Conformance",
        f"Made by `{command}`. {_versions(reports)}",
        _verdicts(reports),
        "## Guarantees of each",
        _promises(reports),
        "## Tests by part of the contract",
        "Numbers of passed tests; operations declared unsupported, and refused as they must be, are counted apart.",
        _matrix(reports),
        *_figures(reports),
        *_shortfalls(reports),
    ]
    return "\n\n".join(sections) + "\n"


def sentence(report: Report) -> str:
    """Return the verdict with what it rests on."""
    if report.verdict == "NOT RUN":
        left = report.counts()["not run"]
        return f"NOT RUN: {left} test{'s were' if left > 1 else ' was'} not run" if left else "NOT RUN"
    good = len(report.outcomes) - len(report.failures) - len(report.deviations)
    text = f"{report.verdict}, {good} of {len(report.outcomes)} tests passed (seed {report.seed})"
    if refused := report.counts()["refused"]:
        text += f", {refused} of them for operations declared unsupported"
    if report.deviations:
        text += f", {len(report.deviations)} with stated deviations"
    if report.promises is not None:
        text += BY_CONSISTENCY.get(report.promises.consistency, "")
    return text + _left_out(report)


def _left_out(report: Report) -> str:
    if report.verdict != "PASSED IN PART":
        return ""
    text = f"; {len(report.parts_left)} parts of the kit were not selected" if report.parts_left else ""
    if report.weakened:
        text += f"; with less than the kit's defaults: {lowered(report)}"
    return text


def lowered(report: Report) -> str:
    """Return the efforts that were lower than the kit's own, with what was tried."""
    return ", ".join(f"{name} {report.efforts[name]:,}" for name in report.weakened)


def _versions(reports: Sequence[Report]) -> str:
    known = next((report.versions for report in reports if report.versions), None)
    if known is None:
        return "Nothing ran."
    seeds = ", ".join(sorted({str(report.seed) for report in reports}))
    effort = "long runs and fault tests included" if any(report.thorough for report in reports) else "no fault tests"
    tools = f"Python {known.python}, pytest {known.pytest}, hypothesis {known.hypothesis}"
    return f"Contract {known.contract}, kit {known.kit}; {tools}; seed {seeds}, {effort}."


def _verdicts(reports: Sequence[Report]) -> str:
    rows = []
    for report in reports:
        counts = report.counts()
        rows.append(
            [
                report.subject,
                f"**{report.verdict}**",
                *(str(counts[result] or "") for result in RESULTS),
                f"{report.seconds:.0f} s",
            ]
        )
    return _table(["backend", "verdict", *HEADINGS.values(), "time"], rows, numbers=len(HEADINGS) + 1)


def _promises(reports: Sequence[Report]) -> str:
    rows = []
    for report in reports:
        if (promises := report.promises) is None:
            rows.append([report.subject, report.problem or "no board was opened", "", "", "", "", ""])
            continue
        rows.append(
            [
                report.subject,
                f"`{promises.backend.rpartition('.')[2]}`, {promises.distribution}",
                promises.storage or "Python objects",
                "yes" if promises.durable else "no",
                "yes" if promises.shared else "no",
                promises.consistency,
                promises.survives,
            ]
        )
    survives = "survives (as declared; kill -9 is tested)"
    return _table(["backend", "class", "storage", "durable", "shared", "consistency", survives], rows)


def _matrix(reports: Sequence[Report]) -> str:
    parts = list(dict.fromkeys(part for report in reports for part in report.by_part()))
    rows = [[part, *(_cell(report, part) for report in reports)] for part in parts]
    return _table(["part", *(report.subject for report in reports)], rows, numbers=len(reports))


def _cell(report: Report, part: str) -> str:
    counts = report.by_part().get(part)
    if counts is None:
        return "-"
    others = [f"{counts[result]} {HEADINGS[result]}" for result in RESULTS[1:] if counts[result]]
    return ", ".join([str(counts["passed"]), *others])


def _figures(reports: Sequence[Report]) -> list[str]:
    rows = [
        [report.subject, _words(outcome.test), outcome.figures]
        for report in reports
        for outcome in report.outcomes
        if outcome.figures
    ]
    return ["## Faults", _table(["backend", "fault", "figures"], rows)] if rows else []


def _shortfalls(reports: Sequence[Report]) -> list[str]:
    rows = [
        [report.subject, f"`{outcome.test}`", outcome.result, outcome.reason or _last_line(outcome)]
        for report in reports
        for outcome in (*report.deviations, *report.failures)
    ]
    less = "less than the kit's defaults"
    rows += [[report.subject, lowered(report), less, ""] for report in reports if report.weakened]
    return ["## Deviations and failures", _table(["backend", "test", "result", "why"], rows)] if rows else []


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def _last_line(outcome: Outcome) -> str:
    said = [line[1:].strip() for line in outcome.text.splitlines() if line.startswith("E ")]
    return (said or outcome.text.splitlines() or [""])[0]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """Return a table; its last `numbers` columns are aligned to the right."""
    rule = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in (head, rule, *rows))


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
