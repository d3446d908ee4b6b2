"""`make bench`: every bar of the project, measured here and now, with the figure it is held to.

`--quick` uses smaller boards, `--out FILE` also writes a page. The exit status is 1 where a bar does not hold.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isinf
from pathlib import Path

import asyncio_bars
import hardening_bars
import http_bars
import journal_bars
import legacy_bars
import live_bars
import memory_bars
import migration_bars
import monitoring_bars
import moving_bars
import redis_bars
import scaling_bars
import sortedcontainers_bars
import zodb_bars
from paired import Bar


def measure(chosen: list[str], million: int, *, quick: bool) -> Iterator[Bar]:
    """Yield each bar of the chosen subjects as soon as it is measured; the largest boards have `million` players."""
    if "memory" in chosen:
        yield from memory_bars.bars(tuple(sorted({10_000, 100_000, million})), 30_000 if quick else 90_000)
        sizes = (100_000,) if quick else (100_000, million)
        yield from sortedcontainers_bars.bars(sizes, 30_000 if quick else 90_000)
    if "journal" in chosen:
        yield from journal_bars.bars(million, 15_000 if quick else 45_000)
    if "redis" in chosen:
        yield from redis_bars.bars(million, 15_000 if quick else 60_000)
    if "asyncio" in chosen:
        yield from asyncio_bars.bars(18_000 if quick else 90_000)
    if "zodb" in chosen:
        yield from zodb_bars.bars(million, 450 if quick else 3_000, 4_500)
    if "hardening" in chosen:
        yield from hardening_bars.bars(100_000)
        yield from monitoring_bars.bars(100_000)
    if "scaling" in chosen:
        yield from scaling_bars.bars(30_000 if quick else 300_000)
    if "http" in chosen:
        yield from http_bars.bars(4_500 if quick else 18_000)
        yield from live_bars.bars(5 if quick else 20)
    if "migration" in chosen:
        yield from migration_bars.bars(million, 30_000 if quick else 300_000)
        yield from moving_bars.bars(million)
        yield from legacy_bars.bars(100_000, 150_000 if quick else 600_000)


def line(bar: Bar) -> str:
    """Return one bar in words."""
    verdict = "holds " if bar.holds else "MISSED"
    spread = "" if bar.low == bar.high else f" ({bar.low:.2f} to {bar.high:.2f})"
    side = "at most" if bar.at_most else "at least"
    held = "no bar" if isinf(bar.bar) else f"bar {side} {bar.bar:g}"
    return f"{verdict} {bar.figure:8.2f} {bar.unit}{spread}, {held}: {bar.subject}; {bar.note}"


def main() -> int:
    """Measure, print a line each, and return the exit status."""
    names = "memory journal redis asyncio zodb hardening scaling http migration"
    subjects = names.split()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", nargs="*", choices=[[], *subjects], default=[], help="all of them by default")
    parser.add_argument("--quick", action="store_true", help="boards of a tenth of the players")
    parser.add_argument("--players", type=int, metavar="N", help="players of the largest boards (1,000,000)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the bars as a page (Markdown), too")
    arguments = parser.parse_args()
    begun, load, measured = datetime.now(UTC), os.getloadavg()[0], list[Bar]()
    players = arguments.players or (100_000 if arguments.quick else 1_000_000)
    for bar in measure(arguments.subject or subjects, players, quick=arguments.quick):
        print(line(bar), flush=True)
        measured.append(bar)
        if arguments.out:  # after each, so that a run that is interrupted leaves what it measured
            when = f"{begun:%Y-%m-%d %H:%M} UTC, load {load:.1f} to {os.getloadavg()[0]:.1f}"
            given = [word for word in sys.argv[1:] if word not in ("--out", str(arguments.out))]
            arguments.out.write_text(page(measured, given, when), encoding="utf-8")
    return int(any(not bar.holds for bar in measured))


def page(bars: Sequence[Bar], arguments: Sequence[str], when: str) -> str:
    """Return the bars as a page."""
    command, cores = f"python benchmarks/bars.py {' '.join(arguments)}", len(os.sched_getaffinity(0))
    machine = f"{platform.system()} {platform.machine()}, {cores} cores, CPython {platform.python_version()}"
    return f"""# Performance bars: {", ".join(word for word in arguments if word.isalpha())}

Measured by `{command}` on {machine}, {when}.

Servers, writers and the measured process share the cores, and other work runs beside them where the load is higher than
their number. Ratios are medians of pairs that took turns; a figure without a range is of one run.

| what | figure | lowest to highest | bar | holds |
| --- | ---: | --- | ---: | --- |
{chr(10).join(map(_row, bars))}
"""


def _row(bar: Bar) -> str:
    spread = "" if bar.low == bar.high else f"{bar.low:,.2f} to {bar.high:,.2f}"
    note = f" ({bar.note})" if bar.note else ""
    limit = "" if isinf(bar.bar) else f"{'≤' if bar.at_most else '≥'} {bar.bar:g}"
    holds = "" if isinf(bar.bar) else "yes" if bar.holds else "**no**"
    return f"| {bar.subject}{note} | {bar.figure:,.2f} {bar.unit} | {spread} | {limit} | {holds} |"


if __name__ == "__main__":
    sys.exit(main())
