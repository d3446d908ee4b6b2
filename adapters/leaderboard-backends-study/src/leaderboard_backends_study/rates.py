"""Operations per second of each board, by number of clients and by batch size, to compare boards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from leaderboard_backends.comparison.readings import Figure, readings
from leaderboard_backends.comparison.statistics import runs_of, sizes_of, values
from leaderboard_backends.numerals import counted

from .evidence import Evidence


class RatePlace(NamedTuple):
    """A number of clients, or a batch size, with a workload and a number of players."""

    what: str
    players: int
    workload: str

    def __str__(self) -> str:
        return f"{self.what} at {self.players:,} players, {self.workload}"


def rates(found: Evidence, label: str) -> dict[RatePlace, Mapping[int, float]]:
    """Return a board's operations per second by round; per number of clients, the better of threads and processes."""
    best: dict[RatePlace, Mapping[int, float]] = {}
    for place, by_round in _rates(found, label):
        if place not in best or median(by_round.values()) > median(best[place].values()):
            best[place] = by_round
    return best


def _rates(found: Evidence, label: str) -> Iterator[tuple[RatePlace, Mapping[int, float]]]:
    for facts in found.result.workloads:
        for players in sizes_of(found.result, "throughput", facts.name):
            runs = runs_of(found.result, "throughput", facts.name, players, label)
            read = [readings(run.figures) for run in runs if run.figures is not None]
            for figure in dict.fromkeys(figure for figures in read for figure in figures):
                yield RatePlace(_what(figure), players, facts.name), values(runs, figure.read)


def _what(figure: Figure) -> str:
    number = figure.part.partition(" ")[0]
    return counted(int(number), "client") if number.isdecimal() else figure.part
