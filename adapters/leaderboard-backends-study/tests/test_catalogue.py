"""The list of the study's claims is whole, agrees with the study's other figures here, and names what there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from leaderboard_backends_study import inputs
from leaderboard_backends_study.inputs import DATA, costs
from leaderboard_backends_study.programs import PROGRAMS
from msgspec.structs import asdict

from leaderboard_backends.comparison.code_size import FEATURES, STANDS_ON
from leaderboard_backends.comparison.cost.source import Model, read_table

PATTERNS = Path(__file__).parents[3] / "docs" / "anti-patterns.md"
NAMES = ("sortedcontainers", "redis", "zodb")
TITLES = {"SortedContainers": "sortedcontainers", "Redis": "redis", "BTrees + ZODB": "zodb"}
SIZES = {"100000": "100k", "1000000": "1m", "10000000": "10m"}


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def claims() -> dict[str, dict[str, Any]]:
    """Return what the entry of each claim has: of its fields, those that are set."""
    return {
        claim.id: {name: value for name, value in asdict(claim).items() if value not in (None, "")}
        for claim in inputs.claims()
    }


def test_every_id_is_its_claims_own_and_in_kebab_case() -> None:
    ids = [claim.id for claim in inputs.claims()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


def test_every_claim_has_a_section_and_words(claims: dict[str, dict[str, Any]]) -> None:
    for claim in claims.values():
        assert {"id", "section", "claim", "kind"} <= set(claim)


def test_all_but_opinions_say_how_they_are_measured_or_why_not(claims: dict[str, dict[str, Any]]) -> None:
    said = {name: len({"how", "why_not"} & set(claim)) for name, claim in claims.items()}
    assert [
        name for name, number in said.items() if number > 1 or not (number or claims[name]["kind"] == "opinion")
    ] == []


def test_a_figure_has_a_unit(claims: dict[str, dict[str, Any]]) -> None:
    figures = {"value", "low", "high", "below", "above"}
    assert [name for name, claim in claims.items() if bool(figures & set(claim)) != ("unit" in claim)] == []


def named(text: str) -> set[str]:
    return set(re.findall(r"`((?:study|bintrees|sortedcontainers): [^`]+)`", text))


def test_the_programs_that_are_named_are_there_and_each_is_for_a_claim_or_an_anti_pattern(
    claims: dict[str, dict[str, Any]],
) -> None:
    for_claims = named(" ".join(f"{claim.get('how')} {claim.get('why_not')}" for claim in claims.values()))
    for_patterns = named(PATTERNS.read_text(encoding="utf-8"))
    assert for_claims | for_patterns == {program.name for program in PROGRAMS}


def test_costs_are_those_that_are_computed_again(claims: dict[str, dict[str, Any]]) -> None:
    study = read("costs.toml")
    for title, slug in TITLES.items():
        assert claims[f"development-days-{slug}"]["value"] == study["days"][title]
        for players, monthly in study["monthly"].items():
            assert claims[f"monthly-cost-{slug}-{SIZES[players]}"]["value"] == monthly[title]
        for players, totals in study["total_thousands"].items():
            assert claims[f"five-year-total-{slug}-{SIZES[players]}"]["value"] == pytest.approx(1000 * totals[title])


def test_lines_of_code_are_those_that_stand_beside_ours(claims: dict[str, dict[str, Any]]) -> None:
    study = read("code.toml")
    for feature, lines in study["lines"].items():
        for name in NAMES:
            claim = claims[f"lines-{feature.replace(' ', '-')}-{name}"]
            assert claim.get("value") == lines.get(name)
    for name in NAMES:
        assert claims[f"lines-all-features-{name}"]["value"] == study["total"][name]
        assert sum(lines.get(name, 0) for lines in study["lines"].values()) == study["total"][name]
    assert set(study["lines"]) <= {feature.name for feature in FEATURES}
    assert set(NAMES) <= set(STANDS_ON)


def test_the_hours_to_build_of_the_cost_model_are_the_days_of_eight_hours() -> None:
    model, study = read_table(Model), costs()
    assert model.engineer_usd_an_hour * 8 == study.engineer_usd_a_day
    assert {name: model.build_hours[label] / 8 for name, label in study.measured_as.items()} == study.days
    assert model.years == study.years


def test_every_star_of_the_study_is_a_claim(claims: dict[str, dict[str, Any]]) -> None:
    rated = [claim for claim in claims.values() if claim.get("unit") == "stars"]
    assert len(rated) == 5 * 3
    assert {claim["kind"] for claim in rated} == {"operations"}
