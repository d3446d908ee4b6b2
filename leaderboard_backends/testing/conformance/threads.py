"""Several threads on one board object: nothing lost, nothing doubled, and every read from one state."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from threading import Event
from time import sleep
from typing import Final

import pytest

from ...errors import LeaderboardClosedError, LeaderboardError, UnsupportedOperationError
from ...model import Entry, percentile
from ...protocol import LeaderboardBackend
from ..crew import Crew
from ..linearizability.pauses import pausing, quick_switches
from .foundation import ALL_RULES, OPERATIONS, ConformancePart, OpenBoard, Rules, fill, ids, joins_shards, load

THREADS = 4
TIME_LIMIT = 60.0
"""Seconds after which a thread that does not end fails the test."""


def run_together(*tasks: Callable[[], None]) -> None:
    """Start all tasks at one moment in threads of their own, which change often; the first error of any is raised."""
    with quick_switches():
        Crew(tasks).join(TIME_LIMIT)


def assert_consistent(page: list[Entry], rules: Rules) -> None:
    """Ranks follow one another, scores are in order, no player comes twice, names belong to their scores."""
    assert [entry.rank for entry in page] == list(range(page[0].rank, page[0].rank + len(page))) if page else True
    assert [entry.score for entry in page] == rules.best_first([entry.score for entry in page])
    assert len(set(ids(page))) == len(page)
    assert [entry.username for entry in page] == [f"at {entry.score}" for entry in page]


def work_until_refused(board: LeaderboardBackend, started: Event) -> LeaderboardError:
    """Write and read, by whatever the board supports of it, until it refuses, and return the refusal."""
    asked = [name for name in WORK if name not in board.capabilities.unsupported]
    try:
        for _ in range(100_000):
            for name in asked:
                OPERATIONS[name](board)
            started.set()
    except LeaderboardError as refusal:
        return refusal
    finally:
        started.set()
    raise AssertionError("the board answered after it was closed")


WORK: Final = ("update_score", "increment_score", "get_top_n", "get_percentile")
"""What threads do while a board is closed."""


class ThreadsPart(ConformancePart):
    """What holds when several threads share a board."""

    def test_increments_from_several_threads_sum_exactly(self, plain_board: LeaderboardBackend) -> None:
        def add() -> None:
            for _ in range(self.rounds):
                plain_board.increment_score("ada", "Ada", 1)

        run_together(*[add] * THREADS)
        assert plain_board.get_score("ada") == THREADS * self.rounds
        assert len(plain_board) == 1

    def test_increments_by_powers_of_two_are_neither_lost_nor_doubled(self, plain_board: LeaderboardBackend) -> None:
        powers = [2**exponent for exponent in range(52)]
        reached: list[int | float] = []

        def add(mine: list[int]) -> Callable[[], None]:
            def run() -> None:
                for power in mine:
                    entry = plain_board.increment_score("ada", "Ada", power)
                    assert int(entry.score) & power, f"the sum {entry.score} lacks {power}, which was added"
                    reached.append(entry.score)

            return run

        run_together(*[add(powers[thread::THREADS]) for thread in range(THREADS)])
        assert plain_board.get_score("ada") == sum(powers)
        assert len(set(reached)) == len(powers), "two increments returned the same sum"
        assert max(reached) == sum(powers)

    def test_updates_from_several_threads_are_all_there(self, board: LeaderboardBackend, rules: Rules) -> None:
        def store(thread: int) -> Callable[[], None]:
            def run() -> None:
                for number in range(self.rounds):
                    rank = board.update_score(f"p{thread}-{number}", f"at {number % 9}", number % 9)
                    assert 1 <= rank <= THREADS * self.rounds

            return run

        run_together(*[store(thread) for thread in range(THREADS)])
        page = list(board)
        assert len(page) == len(board) == THREADS * self.rounds
        assert_consistent(page, rules)
        for thread in range(THREADS):
            own = [player for player in ids(page) if player.startswith(f"p{thread}-")]
            expected = sorted(range(self.rounds), key=lambda number: rules.best_first(range(9)).index(number % 9))
            assert own == [f"p{thread}-{number}" for number in expected]

    def test_one_player_written_by_several_threads_stands_once(self, board: LeaderboardBackend) -> None:
        def store(thread: int) -> Callable[[], None]:
            chance = random.Random(thread)

            def run() -> None:
                for _ in range(self.rounds):
                    score = chance.randrange(5)
                    board.update_score(f"p{chance.randrange(3)}", f"at {score}", score)
                    if chance.random() < 0.2:
                        board.remove_player(f"p{chance.randrange(3)}")

            return run

        run_together(*[store(thread) for thread in range(THREADS)])
        page = list(board)
        assert len(set(ids(page))) == len(page) == len(board)
        assert [board.get_rank(player) for player in ids(page)] == list(range(1, len(page) + 1))
        assert board.get_entries(ids(page)) == page

    def test_readers_beside_writers_see_whole_entries(self, board: LeaderboardBackend, rules: Rules) -> None:
        if rules.keep == "best":
            scores = rules.best_first(range(self.rounds))[::-1]
        else:
            scores = [number * 7 % 23 for number in range(self.rounds)]
        load(board, [(f"p{number}", f"at {scores[0]}", scores[0]) for number in range(12)])
        done = Event()

        def write() -> None:
            try:
                for number, score in enumerate(scores):
                    board.update_score(f"p{number % 12}", f"at {score}", score)
            finally:
                done.set()

        def read() -> None:
            for _ in range(50 * self.rounds):
                for page in (
                    board.get_top_n(12),
                    board.get_around("p5", 3),
                    board.get_range(3, 8),
                    board.get_by_score(-1, 10**6),
                ):
                    assert_consistent(page, rules)
                assert len(board.get_top_n(12)) == 12
                assert "p5" in ids(board.get_around("p5", 2))
                assert 0 < (board.get_percentile("p3") or 0) <= 100
                if done.is_set():
                    return

        run_together(write, read, read)

    def test_a_friends_board_beside_writers_is_one_state(self, plain_board: LeaderboardBackend) -> None:
        """Where the backend is consistent per player, each friend's entry has what was acknowledged before the read."""
        friends = ["a", "b", "c", "d", "e"]
        per_player, acknowledged = joins_shards(plain_board), [0]
        load(plain_board, [(player, "at 0", 0) for player in friends])

        def write(number: int) -> None:
            plain_board.update_scores([(player, f"at {number}", number) for player in friends])
            acknowledged[0] = number

        def read() -> None:
            least = acknowledged[0]
            for entries in (plain_board.get_entries(friends), plain_board.get_top_n()):
                found = [entry for entry in entries if entry is not None]
                if per_player:
                    assert_consistent(sorted(found), ALL_RULES[0])
                    assert sorted(ids(found)) == friends
                    assert min(entry.score for entry in found) >= least, f"{least} was acknowledged before {found}"
                else:
                    assert len({entry.score for entry in found}) == 1, f"half a batch was seen: {found}"
                    assert ids(found) == friends

        self._read_beside_a_writer(write, read)

    def test_a_percentile_beside_writers_is_of_one_state(self, plain_board: LeaderboardBackend) -> None:
        """The player is second of three, or third of four: a rank among the players of another moment is neither."""
        fill(plain_board, [("first", "", 2), ("ada", "", 1), ("last", "", 0)])
        possible = {percentile(2, 3), percentile(3, 4)}

        def write(number: int) -> None:
            if number % 2:
                plain_board.update_score("comes and goes", "", 3)
            else:
                plain_board.remove_player("comes and goes")

        def read() -> None:
            assert plain_board.get_percentile("ada") in possible

        self._read_beside_a_writer(write, read)

    def _read_beside_a_writer(self, write: Callable[[int], None], read: Callable[[], None]) -> None:
        """Read in two threads, so many times, while a third one writes until they have done so.

        The readers pause now and then within their calls, as the moment between two steps of a read is short.
        """
        reading = [Event(), Event()]

        def keep_writing() -> None:
            number = 1
            while not all(done.is_set() for done in reading):
                write(number)
                number += 1

        def keep_reading(done: Event) -> None:
            chance = random.Random(reading.index(done))
            try:
                with pausing(chance):
                    for _ in range(3 * self.rounds):
                        read()
            finally:
                done.set()

        run_together(keep_writing, *[partial(keep_reading, done) for done in reading])

    def test_iteration_beside_writers_never_fails(self, plain_board: LeaderboardBackend) -> None:
        load(plain_board, [(f"p{number}", f"at {number}", number) for number in range(1500)])
        done = Event()

        def write() -> None:
            try:
                for number in range(self.rounds):
                    plain_board.update_score(f"p{number}", f"at {5000 + number}", 5000 + number)
                    plain_board.remove_player(f"p{1499 - number}")
            finally:
                done.set()

        def read() -> None:
            for _ in range(20 * self.rounds):
                for entry in plain_board:
                    assert entry.username == f"at {entry.score}"
                if done.is_set():
                    return

        run_together(write, read)
        assert len(list(plain_board)) == 1500 - self.rounds

    def test_closing_beside_other_threads_refuses_their_calls_in_words(self, open_board: OpenBoard) -> None:
        """A call that `close` overtakes ends in an error of the library's own, never in a client's or in a hang."""
        for finished in range(0, self.rounds, 6):
            board, started = open_board(), Event()
            crew = Crew([partial(work_until_refused, board, started)] * 2)
            assert started.wait(TIME_LIMIT)
            for _ in range(finished):
                board.get_score("ada")
            board.close()
            assert not any(isinstance(refusal, UnsupportedOperationError) for refusal in crew.join(TIME_LIMIT))
            with pytest.raises(LeaderboardClosedError):
                board.get_score("ada")

    def test_threads_that_write_and_read_in_turn_lose_nothing(self, open_board: OpenBoard) -> None:
        """On new boards again and again, as what threads share is set up in their first moments."""
        writes = self.rounds // 3

        def write_and_read(board: LeaderboardBackend, started: Event) -> None:
            reached: int | float = 0
            try:
                for _ in range(writes):
                    before, reached = reached, board.increment_score("ada", "Ada", 1).score
                    assert before < reached <= board.get_top_n(3)[0].score
                    assert board.get_percentile("ada") == 100.0
                    started.set()
            finally:
                started.set()

        for attempt in range(20):
            board, started = open_board(), Event()
            crew = Crew([partial(write_and_read, board, started)] * 2)
            assert started.wait(TIME_LIMIT)
            for _ in range(0 if crew.failed else attempt % 10 * 6):
                assert 0 < (board.get_score("ada") or 0) <= 2 * writes
            crew.join(TIME_LIMIT)
            assert [(entry.player_id, entry.score) for entry in board] == [("ada", 2 * writes)]

    def test_a_read_sees_every_write_acknowledged_before_it(self, plain_board: LeaderboardBackend) -> None:
        acknowledged = [0]
        plain_board.update_score("ada", "Ada", 0)

        def write() -> None:
            for number in range(1, 3 * self.rounds):
                plain_board.update_score("ada", "Ada", number)
                plain_board.update_score(f"p{number % 20}", "", -number)
                acknowledged[0] = number
                sleep(0)  # lets a reader in

        def read() -> None:
            seen: int | float = 0
            for _ in range(100 * self.rounds):
                least = max(acknowledged[0], seen)
                seen = plain_board.get_score("ada") or 0
                assert seen >= least, f"{least} was acknowledged or read before, but {seen} was read now"
                top = plain_board.get_top_n(1)[0].score
                assert top >= seen, f"get_score saw {seen}, and get_top_n saw {top} after it"
                if acknowledged[0] == 3 * self.rounds - 1:
                    return

        run_together(write, read, read)
        assert plain_board.get_score("ada") == 3 * self.rounds - 1

    def test_clearing_beside_writers_leaves_a_whole_board(self, plain_board: LeaderboardBackend) -> None:
        def write() -> None:
            for number in range(self.rounds):
                plain_board.update_score(f"p{number % 10}", f"at {number}", number)

        def clear() -> None:
            for _ in range(self.rounds // 4):
                plain_board.clear()

        run_together(write, write, clear)
        page = list(plain_board)
        assert_consistent(page, Rules("descending", "last"))
        assert len(page) == len(plain_board) <= 10

    @pytest.mark.parametrize("operation", ["update_score", "increment_score"])
    def test_ranks_returned_are_from_the_same_step(self, plain_board: LeaderboardBackend, operation: str) -> None:
        """Two players overtake each other; whoever is told a rank must have had it at that score."""
        fill(plain_board, [("a", "", 0), ("b", "", 0), ("last", "", -1)])

        def race(player: str) -> Callable[[], None]:
            def run() -> None:
                for number in range(1, self.rounds):
                    if operation == "update_score":
                        assert plain_board.update_score(player, "", number) in (1, 2)
                    else:
                        entry = plain_board.increment_score(player, "", 1)
                        assert entry.rank in (1, 2)
                        assert entry.score == number

            return run

        run_together(race("a"), race("b"))
        assert sorted(ids(plain_board.get_top_n(2))) == ["a", "b"]
        assert plain_board.get_rank("last") == 3
