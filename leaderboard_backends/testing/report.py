"""What a run of the kit came to: the outcome of each test, the verdict, and all it takes to repeat the run.

A report is plain data: it is written as JSON and read again, and every table is made from it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from .subject import PARTS

SCHEMA_VERSION: Final = 1

Result = Literal["passed", "failed", "refused", "known failure", "replaced", "not run"]
"""What one test came to.

`refused`: it met an operation that the backend declares unsupported, which raised `UnsupportedOperationError` as it
must. `known failure`: it failed as `known_failures` says. `replaced`: the author's own test in its place passed, as
`deviations` says. `not run`: something it needs is missing here.
"""

RESULTS: Final[tuple[Result, ...]] = get_args(Result)

Verdict = Literal["CONFORMS", "CONFORMS WITH DEVIATIONS", "DOES NOT CONFORM", "PASSED IN PART", "NOT RUN"]
"""The answer. The last two are none: only some of the kit was asked for, or something kept it from running."""

GOOD: Final[frozenset[Verdict]] = frozenset({"CONFORMS", "CONFORMS WITH DEVIATIONS"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test came to.

    `text` is the failure in full, `reason` what the author states of it, `figures` what a fault test counted.
    """

    test: str
    part: str
    result: Result
    text: str = ""
    reason: str = ""
    figures: str = ""


Test: TypeAlias = tuple[str, str]
"""A test's part and name."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a run is at."""

    doing: str
    """`setup`, `call` or `teardown` of a test; else words for what comes before or after all of them."""
    limit: float
    """Seconds that it may take."""
    test: str = ""
    part: str = ""
    left: int = 0
    """Tests that come after it."""


@dataclass(frozen=True, slots=True)
class Promises:
    """What the board under test says of itself."""

    backend: str
    """Its class."""
    distribution: str
    """What ships the class, and its version."""
    storage: str
    """What keeps the data, and its version; empty for plain Python objects."""
    durable: bool
    shared: bool
    consistency: str
    survives: str
    unsupported: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Versions:
    """With what the run was made: the contract's version, the kit's with a digest of its sources, and the tools'."""

    contract: str
    kit: str
    python: str
    pytest: str
    hypothesis: str


@dataclass(slots=True)
class Report:
    """A run of the kit on one subject; `problem` says why there was none."""

    subject: str
    seed: int
    thorough: bool = False
    """Whether long runs and fault tests were asked for."""
    versions: Versions | None = None
    promises: Promises | None = None
    efforts: dict[str, int] = field(default_factory=dict)
    """The numbers that say how hard the run tried."""
    weakened: list[str] = field(default_factory=list)
    """The efforts that were set lower than the kit's own."""
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        """The answer: `DOES NOT CONFORM` where a test failed; never green where one did not run."""
        results = self.counts()
        if results["failed"]:
            return "DOES NOT CONFORM"
        if self.problem or not self.outcomes or results["not run"]:
            return "NOT RUN"
        if self.parts_left or self.weakened:
            return "PASSED IN PART"
        return "CONFORMS WITH DEVIATIONS" if results["known failure"] or results["replaced"] else "CONFORMS"

    @property
    def good(self) -> bool:
        """Whether the whole kit ran, and each test passed or fell short as stated."""
        return self.verdict in GOOD

    @property
    def parts_left(self) -> list[str]:
        """The parts of the kit that were not asked for."""
        run = self.by_part()
        return [part for part in PARTS if part not in run]

    @property
    def failures(self) -> list[Outcome]:
        """The tests that did not do what they must, those that did not run included."""
        return [outcome for outcome in self.outcomes if outcome.result in ("failed", "not run")]

    @property
    def deviations(self) -> list[Outcome]:
        """The tests whose shortfall the author states."""
        return [outcome for outcome in self.outcomes if outcome.result in ("known failure", "replaced")]

    def counts(self) -> Counter[Result]:
        """Return how many tests had each result."""
        return Counter(outcome.result for outcome in self.outcomes)

    def by_part(self) -> dict[str, Counter[Result]]:
        """Return how many tests of each part had each result, the parts in the order in which they ran."""
        parts: dict[str, Counter[Result]] = {}
        for outcome in self.outcomes:
            parts.setdefault(outcome.part, Counter())[outcome.result] += 1
        return parts


def to_json(reports: Iterable[Report]) -> str:
    """Return the reports as JSON; verdicts and counts are written too, for whoever reads it without this module."""
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "reports": [
                {"verdict": report.verdict, "counts": dict(report.counts()), **asdict(report)} for report in reports
            ],
        },
        indent=1,
    )


def from_json(text: str) -> list[Report]:
    """Return the reports of a JSON text; raises `ValueError` for another schema version."""
    document = json.loads(text)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(f"these reports have schema version {version}: this library reads {SCHEMA_VERSION}.")
    return [_report(found) for found in document["reports"]]


def _report(found: dict[str, Any]) -> Report:
    versions, promises = found["versions"], found["promises"]
    return Report(
        subject=found["subject"],
        seed=found["seed"],
        thorough=found["thorough"],
        versions=Versions(**versions) if versions else None,
        promises=Promises(**promises) if promises else None,
        efforts=found["efforts"],
        weakened=found["weakened"],
        outcomes=[Outcome(**outcome) for outcome in found["outcomes"]],
        seconds=found["seconds"],
        problem=found["problem"],
    )
