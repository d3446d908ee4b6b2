"""Makes a result in which every claim of the study finds its figures, and findings of single claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from leaderboard_backends_study.evidence import Evidence, Judged
from leaderboard_backends_study.inputs import claims
from leaderboard_backends_study.programs import board, maps, misuse, patterns
from leaderboard_backends_study.sections import EVALUATORS
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.figures import ProgramFigures, ThroughputFigures, Timing
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.schema import (
    BackendFacts,
    Cell,
    CodeFacts,
    CodeSize,
    CodeState,
    Durability,
    Home,
    Metadata,
    Result,
    Run,
    Verdict,
)
from tests.comparison.advice import results
from tests.comparison.advice.results import distribution, memory, recovery, result, service, throughput

CLAIMS = {claim.id: claim for claim in claims()}

SIZES = (100, 10_000, 100_000, 1_000_000)
OPERATIONS = ("update", "rank", "top_10", "top_100", "around")

HOMES: dict[str, tuple[Home, Durability]] = {
    "naive": ("process", "memory only"),
    "sortedcontainers": ("process", "memory only"),
    "zodb+memory": ("process", "memory only"),
    "redis (unix socket)": ("server", "memory only"),
    "redis": ("server", "memory only"),
    "redis (appendfsync everysec)": ("server", "everysec"),
    "redis (appendfsync always)": ("server", "every commit"),
    "sqlite": ("file", "every commit"),
    "zodb": ("file", "every commit"),
}


def judged(
    claim: str, *runs: list[Run], backends: Iterable[BackendFacts] = (), code: Iterable[CodeFacts] = ()
) -> Judged:
    """Return what the evaluator of a claim says of a result of these runs."""
    every = [*chain.from_iterable(runs)]
    labels = dict.fromkeys(run.cell.backend for run in every if run.cell.mode != "program")
    made = result([*backends] or [facts(label) for label in labels], every)
    return EVALUATORS[claim](CLAIMS[claim], evidence(replace(mostly_updates(made), code=[*code])))


def evidence(made: Result) -> Evidence:
    return Evidence(Measurements(made), Inputs.read())


def mostly_updates(made: Result) -> Result:
    """Return a result of whose steps four in five are updates."""
    return replace(made, traces=[replace(trace, steps={"update": 8, "rank": 2}) for trace in made.traces])


def facts(label: str, *, setup: int = 1, watch: int = 1, statements: int = 100) -> BackendFacts:
    home, durability = HOMES.get(label, ("process", "memory only"))
    made = results.facts(label, home, durability, shared=home == "server")
    return replace(
        made,
        metadata=Metadata(setup=["a step"] * setup, watch=["a figure"] * watch),
        code=CodeSize(statements, 0, []),
        verdict=Verdict("CONFORMS", "all", 100, 0, "1", 1.0),
    )


def program(
    name: str,
    times: Mapping[str, float] | None = None,
    counts: Mapping[str, float] | None = None,
    bytes_: int | None = None,
) -> list[Run]:
    """Return runs of a program of the study, by the mean of each operation in microseconds."""
    timings = [Timing(operation, distribution(time)) for operation, time in (times or {}).items()]
    figures = ProgramFigures(timings, bytes_, dict(counts or {}))
    return [results.run(Cell("program", "", 100_000, name), number, figures) for number in range(5)]


def row(
    feature: str,
    backend: str,
    app: int | None = 0,
    shipped: int | None = 0,
    third_party: int | None = 0,
    configuration: int | None = 0,
    note: str = "",
    state: CodeState = "counted",
    compiled: Sequence[str] = (),
) -> CodeFacts:
    return CodeFacts(feature, backend, app, shipped, third_party, configuration, note, state, [*compiled])


def complete() -> Result:
    """Return a result that has every figure that any claim asks for."""
    backends = [facts(label, setup=1 + 3 * (HOMES[label][0] == "server"), watch=1) for label in HOMES]
    made = result(backends, [*chain.from_iterable(_boards()), *chain.from_iterable(_programs())], names=25.0)
    return replace(mostly_updates(made), code=_code())


def _boards() -> Iterable[list[Run]]:
    for place, (label, (home, durability)) in enumerate(HOMES.items(), 1):
        taken = memory(process=20_000_000, server=15_000_000 if home == "server" else None)
        for players in SIZES:
            times = dict.fromkeys(OPERATIONS, 10.0 * place)
            yield service(label, times, players, taken=taken)
        yield service(label, dict.fromkeys(OPERATIONS, 10.2 * place), 100_000, taken=taken, a_a=True)
        yield (
            throughput(label, {1: 1_000, 4: 2_000}, 100_000)
            if home == "server"
            else threads(label, {1: 9_000, 4: 8_000})
        )
        kept = durability != "memory only"
        yield recovery(label, processes=int(home == "server"), lost=0 if kept else results.ACKNOWLEDGED)
    yield service("sortedcontainers", {"percentile": 10.0, "rank": 10.0}, 100_000, workload="lobby")


def threads(label: str, by_threads: Mapping[int, float]) -> list[Run]:
    """Return throughput runs of threads, by their operations per second."""
    made = throughput(label, by_threads, 100_000)
    return [replace(run, figures=_as_threads(run)) for run in made]


def _as_threads(run: Run) -> ThroughputFigures:
    assert isinstance(run.figures, ThroughputFigures)
    return replace(run.figures, clients=[replace(one, kind="threads") for one in run.figures.clients])


def _programs() -> Iterable[list[Run]]:
    yield program("study: SortedDict", dict.fromkeys(_names(board), 10.0), bytes_=30_000_000)
    yield program("study: dict and sort", {misuse.SORT: 1_000.0, misuse.LIST: 200.0, misuse.ISLICE: 1.0})
    unordered = (
        misuse.DICT_SET,
        misuse.SORTED_DICT_SET,
        misuse.DICT_GET,
        misuse.SORTED_DICT_GET,
    )
    yield program("study: dict or SortedDict", dict.fromkeys(unordered, 1.0), {misuse.DICT_BYTES: 5_000_000}, 9_000_000)
    for name in ("bintrees: RBTree", "bintrees: AVLTree", "sortedcontainers: SortedDict"):
        yield program(name, dict.fromkeys(_names(maps), 5.0), bytes_=9_000_000)
    lost = {misuse.lost(key, crowd): 0 for key in (misuse.SCORE_ALONE, *misuse.CLOCKS) for crowd in misuse.CROWDS}
    yield program("study: ties", counts=lost)
    sizes = (
        misuse.TUPLE,
        misuse.TUPLE_WITH_TEXTS,
        misuse.PLAYER_WITH_TEXTS,
        misuse.REFERENCE,
    )
    yield program("study: entry sizes", counts=dict.fromkeys(sizes, 50.0))
    limited = (board.UPDATE, patterns.LIMITED, patterns.LIMITED_60TH)
    yield program("study: rate limit", dict.fromkeys(limited, 10.0), {patterns.PASSED: 60}, 60_000_000)
    cached = {patterns.GIVEN: 100.0, patterns.STALE: 1.0}
    merged = (misuse.ONE_TOP, misuse.TEN_TOP, misuse.ONE_RANK, misuse.TEN_RANK)
    yield program("study: ten shards", dict(zip(merged, (20.0, 70.0, 5.0, 30.0), strict=True)))
    yield program("study: cached top 100", {board.TOP: 30.0, patterns.CACHED_TOP: 0.5}, cached)
    names = (patterns.READ_ONLY_REFUSED, patterns.READS_RIGHT, patterns.TAKEN_AGAIN)
    yield program("study: read-only mode", counts=dict(zip(names, (100.0, 200.0, 100.0), strict=True)))
    counted = (patterns.OUT_REFUSED, patterns.EDGES_TAKEN, patterns.JUMPS_FLAGGED, patterns.STEPS_FLAGGED)
    flagged = dict(zip((*counted, patterns.FIRST_FLAGGED), (100.0, 2.0, 100.0, 0.0, 100.0), strict=True))
    yield program("study: validation", counts=flagged)
    adapter = {maps.ALL: 40.0, maps.COVERED: 10.0, maps.DEPRECATIONS: 2.0}
    yield program("study: bintrees adapter", counts=adapter)


def _names(module: object) -> list[str]:
    """Return the operations that a program's module names."""
    return [value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)]


def _code() -> list[CodeFacts]:
    features = ("basic board", "rate limiting", "monitoring", "sharding")
    rows = [
        row(feature, backend, 10, 40, 500, 2)
        for feature in features
        for backend in ("sortedcontainers", "redis", "zodb")
    ]
    kept = [row("persistence", "redis", configuration=4), row("persistence", "zodb")]
    process = row("persistence", "sortedcontainers", None, None, None, None, "in the process", "not possible")
    return [*rows, *kept, process, row("basic board", "every backend", 0, 100)]
