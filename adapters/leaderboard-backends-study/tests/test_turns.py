"""Operations take turns, each until it has its samples or has used up its time."""

from __future__ import annotations

from leaderboard_backends_study.programs import turns
from leaderboard_backends_study.programs.turns import MOST_SAMPLES, Operation, take_turns, with_growth


def test_operations_take_turns() -> None:
    calls: list[str] = []
    samples = take_turns([Operation(name, lambda name=name: calls.append(name)) for name in "abc"], seconds=0)
    assert calls == ["a", "b", "c"] * 2  # one turn of warm-up, one that is measured
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 1, "b": 1, "c": 1}


def test_an_operation_has_no_more_than_its_samples() -> None:
    samples = take_turns([Operation("nothing", lambda: None)], seconds=600)
    assert len(samples["nothing"]) == MOST_SAMPLES
    assert min(samples["nothing"]) > 0


def test_one_that_has_used_up_its_time_ends_and_the_others_go_on() -> None:
    budget = 0.02
    samples = take_turns(
        [Operation("slow", lambda: sum(range(200_000))), Operation("fast", lambda: None)], seconds=budget
    )
    assert len(samples["slow"]) < len(samples["fast"])
    assert sum(samples["slow"][:-1]) < budget * 1e9 <= sum(samples["slow"])


def test_each_call_gets_arguments_that_were_made_for_it() -> None:
    made: list[int] = []
    given: list[int] = []

    def make() -> tuple[int]:
        made.append(len(made))
        assert len(given) == len(made) - 1
        return (made[-1],)

    take_turns([Operation("given", given.append, make)], seconds=0.001)
    assert given == made
    assert len(given) > 2


def test_what_was_built_comes_back_with_the_growth() -> None:
    built, growth = with_growth(lambda: b"x" * 10_000_000)  # zeros would be pages that nobody has touched
    assert len(built) == 10_000_000
    assert growth > 5_000_000
    assert turns.WARM_UP_SHARE < 1
