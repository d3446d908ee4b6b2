"""The memory of earlier answers: bounded, oldest use first, and nobody shares a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends import Entry
from leaderboard_backends.hardening.degradation.memory_of_answers import MemoryOfAnswers
from leaderboard_backends.testing.crew import Crew

ADA, BOB = Entry(1, "ada", "Ada", 5), Entry(2, "bob", "Bob", 4)


def test_an_answer_is_recalled_with_its_age() -> None:
    memory = MemoryOfAnswers(10, 60)
    memory.keep("who", ADA, 100.0)
    memory.keep("nobody", None, 101.0)
    assert memory.recall("who", 103.5) == (ADA, 3.5)
    assert memory.recall("nobody", 103.5) == (None, 2.5)
    assert memory.recall("never asked", 103.5) is None


def test_a_later_answer_stands_in_place_of_an_earlier_one() -> None:
    memory = MemoryOfAnswers(10, 60)
    memory.keep("all", [ADA, BOB], 100.0)
    memory.keep("all", [BOB], 101.0)
    assert memory.recall("all", 102.0) == ([BOB], 1.0)
    assert (len(memory), memory.weight) == (1, 1)


def test_an_answer_that_is_too_old_is_not_recalled() -> None:
    memory = MemoryOfAnswers(10, 60)
    memory.keep("who", ADA, 100.0)
    assert memory.recall("who", 160.0) == (ADA, 60.0)
    assert memory.recall("who", 160.1) is None


def test_lists_are_copied_in_and_out() -> None:
    memory = MemoryOfAnswers(10, 60)
    given_list = [ADA, BOB]
    memory.keep("all", given_list, 100.0)
    given_list.clear()
    for _ in range(2):
        found = memory.recall("all", 100.0)
        assert found == ([ADA, BOB], 0.0)
        assert isinstance(found[0], list)
        found[0].clear()


def test_an_entry_stays_an_entry() -> None:
    memory = MemoryOfAnswers(10, 60)
    memory.keep("who", ADA, 100.0)
    found = memory.recall("who", 100.0)
    assert found is not None
    assert type(found[0]) is Entry


def test_what_was_used_longest_ago_goes_first() -> None:
    memory = MemoryOfAnswers(3, 60)
    for question in "abc":
        memory.keep(question, 1, 100.0)
    memory.recall("a", 100.0)
    memory.keep("b", 2, 100.0)
    memory.keep("d", 1, 100.0)
    assert [memory.recall(question, 100.0) for question in "abcd"] == [(1, 0.0), (2, 0.0), None, (1, 0.0)]


def test_a_list_weighs_as_many_entries_as_it_has_and_an_empty_one_one() -> None:
    memory = MemoryOfAnswers(4, 60)
    memory.keep("one", 1, 100.0)
    memory.keep("none", [], 100.0)
    assert memory.weight == 2
    memory.keep("many", [ADA] * 3, 100.0)
    assert memory.weight == 4
    assert memory.recall("one", 100.0) is None


def test_an_answer_that_outweighs_the_memory_is_not_remembered_and_pushes_nothing_out() -> None:
    memory = MemoryOfAnswers(4, 60)
    memory.keep("one", 1, 100.0)
    memory.keep("many", [ADA] * 5, 100.0)
    assert memory.recall("many", 100.0) is None
    assert memory.recall("one", 100.0) == (1, 0.0)


steps = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef"), st.integers(0, 6)), max_size=60)


@given(limit=st.integers(1, 8), steps=steps)
def test_it_is_a_list_of_questions_in_the_order_of_their_use(
    limit: int, steps: Iterable[tuple[bool, str, int]]
) -> None:
    memory, model = MemoryOfAnswers(limit, 60), dict[str, list[Entry]]()
    for keeps, question, size in steps:
        if keeps:
            memory.keep(question, [ADA] * size, 0.0)
            if max(size, 1) <= limit:
                model.pop(question, None)
                model[question] = [ADA] * size
        else:
            found = memory.recall(question, 0.0)
            assert (None if found is None else found[0]) == model.get(question)
            if question in model:
                model[question] = model.pop(question)
        while sum(max(len(answer), 1) for answer in model.values()) > limit:
            del model[next(iter(model))]
        assert memory.weight == sum(max(len(answer), 1) for answer in model.values()) <= limit
        assert len(memory) == len(model)


class Interrupted:
    """A question at whose first use something else is asked first, as by a finalizer or a signal handler."""

    def __init__(self, handle: Callable[[], object]) -> None:
        self._handle: Callable[[], object] | None = handle

    def __hash__(self) -> int:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle()
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


def test_an_answer_amid_another_of_its_thread_waits_for_nothing_and_is_not_remembered() -> None:
    memory = MemoryOfAnswers(10, 60)
    found: list[object] = []

    def handle() -> None:
        memory.keep("who", ADA, 100.0)
        found.append(memory.recall("who", 100.0))
        memory.forget("who")

    question = Interrupted(handle)
    Crew([lambda: memory.keep(question, [ADA, BOB], 100.0)]).join(20)
    assert found == [None]
    assert memory.recall(question, 101.0) == ([ADA, BOB], 1.0)
    assert memory.weight == 2
