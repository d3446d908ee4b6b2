"""Every error of the library's tree becomes a problem: in the table, over the wire, in the README."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from leaderboard_backends_fastapi import KINDS, Kind, leaderboard_router
from over_the_wire.boards import Failing, memory
from over_the_wire.serving import Client, served

import leaderboard_backends
from leaderboard_backends import (
    BackendError,
    BackendFullError,
    BackendUnavailableError,
    LeaderboardError,
    RateLimitExceededError,
    ScoreLimitError,
    UpdateRefusedError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.errors import BatchOutcomes

TREE = [
    error
    for name in leaderboard_backends.__all__
    if inspect.isclass(error := getattr(leaderboard_backends, name)) and issubclass(error, LeaderboardError)
]
PLACE = "redis://10.0.0.5:6379"
README = Path(__file__).parent.parent / "README.md"


class Serving:
    """A board that fails as it is told, and a client of it."""

    def __init__(self, board: Failing, client: Client) -> None:
        self.board = board
        self.client = client

    def fail_with(self, error: type[Exception]) -> None:
        self.board.error = lambda: error(f"{PLACE} said no")


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    app = FastAPI()
    with Failing(memory()) as board:
        app.include_router(leaderboard_router(board))
        with served(app) as client:
            yield Serving(board, client)


def test_the_tree_is_the_whole_tree() -> None:
    """What the package exports is what its module of errors defines."""
    module = inspect.getmodule(LeaderboardError)
    defined = {found for _, found in inspect.getmembers(module, inspect.isclass) if found.__module__ == module.__name__}  # type: ignore[union-attr]  # it has a module
    assert set(TREE) == {found for found in defined if issubclass(found, LeaderboardError)}
    assert len(TREE) > 20


def test_every_error_has_a_row_and_a_name_of_its_own() -> None:
    assert set(KINDS) == set(TREE), "an error is new: give it a row in KINDS, and one in the README."
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


def test_every_error_arrives_with_its_status_as_a_problem(serving: Serving) -> None:
    for error in TREE:
        serving.fail_with(error)
        for answer in (serving.client.update("u1", 1), serving.client.get("/top")):
            assert (answer.status, answer.kind) == (KINDS[error].status, KINDS[error].name)
            assert answer.json["title"] == KINDS[error].title
            assert answer.headers["cache-control"] == "no-store"
            assert ("applied" in answer.json) == issubclass(error, BackendError), error


def test_what_the_caller_did_is_told_in_full_and_what_is_behind_the_server_goes_to_the_log(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    for error in TREE:
        serving.fail_with(error)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "leaderboard_backends_fastapi"):
            answer = serving.client.update("u1", 1)
        assert answer.json["detail"]
        told = answer.status < 500 or answer.status == 501
        assert (answer.json["detail"] == f"{PLACE} said no") is (PLACE.encode() in answer.body) is told, error
        assert (PLACE in caplog.text) == (answer.status >= 500), error


def test_only_a_write_of_unknown_outcome_says_that_it_may_have_been_applied(serving: Serving) -> None:
    for error in TREE:
        serving.fail_with(error)
        answer = serving.client.update("u1", 1)
        unknown = issubclass(error, WriteOutcomeUnknownError)
        assert answer.json.get("may_be_applied", False) is unknown, error
        assert not unknown or "retry-after" not in answer.headers
        assert ("a repeated increment could count twice" in answer.json["detail"]) is unknown, error


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (59.5, 60), (float("inf"), 60), (float("nan"), 60)]
)
def test_who_is_too_fast_is_told_when_to_come_again_in_whole_seconds_rounded_up(
    serving: Serving, seconds: float, told: int
) -> None:
    serving.board.error = lambda: RateLimitExceededError("too fast", seconds)
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.headers["retry-after"], answer.json["retry_after"]) == (429, str(told), told)


def test_a_storage_that_is_away_says_when_to_come_again(serving: Serving) -> None:
    serving.fail_with(BackendUnavailableError)
    assert int(serving.client.get("/top").headers["retry-after"]) >= 1


def test_a_refusal_names_its_rule(serving: Serving) -> None:
    serving.board.error = lambda: UpdateRefusedError("too large a step", "max_change")
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.json["rule"], answer.json["detail"]) == (422, "max_change", "too large a step")


def test_updates_that_stand_are_counted(serving: Serving) -> None:
    def full() -> Exception:
        error = BackendFullError("no room")
        error.applied = 3000
        return error

    serving.board.error = full
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.json["applied"]) == (507, 3000)
    assert answer.json["detail"].endswith("The first 3000 updates of this call were applied.")


@pytest.mark.parametrize("unknown", [(), (3,)])
def test_what_became_of_a_batch_over_shards_is_told_instead_of_nothing_was_applied(
    serving: Serving, unknown: tuple[int, ...]
) -> None:
    def partly() -> Exception:
        error = BackendUnavailableError("a shard is away")
        error.outcomes = BatchOutcomes((0, 2), (1,), unknown)
        return error

    serving.board.error = partly
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.json["applied"], answer.json["may_be_applied"]) == (503, 2, bool(unknown))
    told = f"Of the updates of this call, 2 were applied, 1 were not, and {len(unknown)} may have been"
    assert answer.json["detail"].startswith(told)


def test_updates_that_stand_although_a_score_limit_met_the_batch_are_counted(serving: Serving) -> None:
    def limited(outcomes: BatchOutcomes | None) -> Exception:
        error = ScoreLimitError("the write breaks a score limit. It was not applied.", 5)
        error.applied, error.outcomes = 3000, outcomes
        return error

    serving.board.error = lambda: limited(None)
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.json["applied"], answer.json["may_be_applied"]) == (422, 3000, False)
    assert answer.json["detail"].endswith("It was not applied. The first 3000 updates of this call were applied.")
    serving.board.error = lambda: limited(BatchOutcomes((0, 2), (1,), (3,)))
    answer = serving.client.update("u1", 1)
    assert (answer.status, answer.json["applied"], answer.json["may_be_applied"]) == (422, 2, True)
    assert answer.json["detail"] == "the write breaks a score limit. It was not applied."


def test_an_error_that_nobody_knows_answers_as_its_nearest_ancestor(serving: Serving) -> None:
    class NewError(BackendFullError):
        """An error of a plug-in."""

    serving.fail_with(NewError)
    assert serving.client.update("u1", 1).kind == "backend-full"


def test_a_text_with_a_lone_surrogate_can_be_told(serving: Serving) -> None:
    serving.board.error = lambda: UpdateRefusedError("this: \ud800", "\udfff")
    assert serving.client.update("u1", 1).json["rule"] == "\udfff"


def test_a_bug_is_no_problem_of_the_caller_and_not_hidden(serving: Serving) -> None:
    serving.board.error = lambda: ZeroDivisionError("a bug")
    assert serving.client.get("/top").status == 500


def test_a_probe_hears_that_the_storage_is_away_while_the_server_lives(serving: Serving) -> None:
    serving.fail_with(BackendUnavailableError)
    assert (serving.client.get("/health/ready").status, serving.client.get("/health/live").status) == (503, 200)
    serving.board.error = None
    assert serving.client.get("/health/ready").status == 200


def rows() -> dict[str, tuple[int, str]]:
    """Return the README's table of errors: status and kind by name."""
    found = re.findall(
        r"^\| `(\w+Error)` \| (\d{3}) \| `([a-z-]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: (int(status), kind) for name, status, kind in found}


def test_the_readme_has_the_table_as_it_is() -> None:
    def row(kind: Kind) -> tuple[int, str]:
        return kind.status, kind.name

    assert rows() == {error.__name__: row(kind) for error, kind in KINDS.items()}
