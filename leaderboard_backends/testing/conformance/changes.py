"""Version, change feed and fence: what follows a board has the same board, and a fence stops every writer.

A board over shards (`Version.shards`), which is consistent per player, counts in each shard: a removal of all may raise
its version by more than one, changes of different players may come in another order, and an answer's version may be
later than the answer. All else is promised, and tested, as of any other board.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from math import nan
from threading import Event
from typing import Any, Final

import pytest

from ...changes import Change, Changes, Version, at_version
from ...errors import BoardMovedError, ChangesLostError, InvalidArgumentError, UnsupportedOperationError
from ...model import Entry, Score, ScoreUpdate
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from ..subject import unique_name
from .foundation import ALL_RULES, OPERATIONS, ConformancePart, OpenBoard, Rules, assert_same, fill
from .threads import run_together

FEED: Final = 10_000
MOVED_TO: Final = "redis://new.example:6379/0?board=weekly"
WRITES: Final = ("update_score", "increment_score", "update_scores", "remove_player", "clear")
STATES: Final = (("mia", "Mia", 5), ("zoe", "Zoe", 5.5), ("abe", "Abe", 5), ("ben", "Ben", -3))


class Follower:
    """A copy of a board that is made of its feed alone, in the simplest way."""

    def __init__(self) -> None:
        self.states: dict[str, Change] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in order."""
        for change in changes:
            if change.player_id is None:
                self.states.clear()
            elif change.score is None:
                del self.states[change.player_id]
            else:
                self.states[change.player_id] = change._replace(number=0)

    def entries(self, rules: Rules) -> list[Entry]:
        """Return the board: best score first and, within a tie, the lowest number with which it was reached."""
        sign = -1 if rules.order == "descending" else 1
        states = sorted(self.states.values(), key=lambda state: (sign * (state.score or 0), state.reached))
        return [
            Entry(rank, state.player_id or "", state.username, state.score or 0) for rank, state in enumerate(states, 1)
        ]


def read_on(board: LeaderboardBackend, after: Version, limit: int = 1000) -> list[Change]:
    """Return all changes after a version, page by page; numbers without a gap, up to the board's version."""
    found: list[Change] = []
    while True:
        page = board.get_changes(after, limit)
        numbers, following = [change.number for change in page.changes], page.following(after)
        assert len(numbers) <= limit
        if after.shards:
            assert numbers == sorted({*numbers} - {*range(after.number + 1)})
            assert_same(following.number, numbers[-1] if numbers else after.number)
            assert following.holds(after)
        else:
            assert numbers == list(range(after.number + 1, after.number + len(numbers) + 1))
        found += page.changes
        if not numbers:
            assert after == page.version, "the feed ended before the board's version"
            return found
        after = following


def shifted(version: Version, by: int, since: Version) -> Version:
    """Return a version so many changes later; of a board over shards, in the one shard that has changed `since`."""
    if not version.shards:
        return Version(version.history, version.number + by)
    pairs = zip(version.shards, since.shards, strict=True)
    shards = tuple(number + (by if number != before else 0) for number, before in pairs)
    return Version(version.history, sum(shards), shards)


def by_player(changes: Iterable[Change]) -> dict[str | None, list[tuple[str, Score | None, int]]]:
    """Return the states of each player in order, with what a board over shards promises of `reached`: its order."""
    changes = list(changes)
    order = sorted({change.reached for change in changes} | {0})
    found: dict[str | None, list[tuple[str, Score | None, int]]] = {}
    for change in changes:
        state = change.username, change.score, order.index(change.reached)
        found.setdefault(change.player_id, []).append(state)
    return found


def assert_states_until(
    board: LeaderboardBackend, start: Version, answers: Iterable[tuple[list[Entry], Version]]
) -> None:
    """Each entry of an answer is a state that its player had at the answer's version, or before."""
    after, made = start, dict[tuple[str | None, str, Score | None], tuple[int, int]]()
    while changes := (page := board.get_changes(after, limit=1)).changes:
        before, after = after, page.following(after)
        shard = next(at for at, number in enumerate(after.shards) if number != before.shards[at])
        made[changes[0].player_id, changes[0].username, changes[0].score] = shard, after.shards[shard]
    for entries, version in answers:
        for entry in entries:
            shard, number = made[entry.player_id, entry.username, entry.score]
            assert number <= version.shards[shard], f"{entry} is of a later state than {version}"


def write_at_random(board: LeaderboardBackend | OracleBoard, seed: int, steps: int, refused: Collection[str]) -> None:
    """Write whatever is not refused, in an order that a seed repeats; many ties, names that change, removals."""
    chance = random.Random(seed)
    for step in range(steps):
        player, score = f"p{chance.randrange(9)}", chance.choice([0, 1, 1, 2, 2.5, -4])
        kind = chance.choice(["update_score"] * 4 + ["increment_score", "update_scores", "remove_player", "clear"])
        if kind in refused or (kind == "clear" and step % 3):
            continue
        if kind == "update_score":
            board.update_score(player, f"n{step % 3}", score)
        elif kind == "increment_score":
            board.increment_score(player, f"n{step % 3}", score)
        elif kind == "update_scores":
            board.update_scores([ScoreUpdate(f"p{(step + at) % 9}", "", at % 3) for at in range(12)])
        elif kind == "remove_player":
            board.remove_player(player)
        else:
            board.clear()


class ChangesPart(ConformancePart):
    """What `capabilities.feed` and `capabilities.fence` promise."""

    def _feeding(
        self, open_board: OpenBoard, rules: Rules = ALL_RULES[0], name: str | None = None, feed: int = FEED
    ) -> LeaderboardBackend | None:
        """Return a board that keeps a feed; where the backend declares none, its refusal is what is tested."""
        plain = open_board(rules)
        if plain.capabilities.feed:
            assert not plain.get_version().shards or plain.capabilities.consistency != "linearizable"
            return open_board(rules, name, feed=feed)
        for refused in (
            plain.get_version,
            lambda: plain.get_changes(Version("", 0)),
            lambda: at_version(plain.update_score, "mia", "", 1),
        ):
            with pytest.raises(UnsupportedOperationError, match="get_"):
                refused()
        assert len(plain) == 0
        return None

    def _fencing(self, open_board: OpenBoard, name: str | None = None) -> LeaderboardBackend | None:
        """Return a board with players that can be fenced, or test the refusal."""
        board = open_board(name=name)
        if board.capabilities.fence:
            fill(board, STATES)
            return board
        for refused in (lambda: board.fence(MOVED_TO), board.lift_fence, board.fenced):
            with pytest.raises(UnsupportedOperationError, match="fence"):
                refused()
        return None

    # ------------------------------------------------------------------ version

    def test_every_change_raises_the_version_by_one_and_nothing_else_does(self, open_board: OpenBoard) -> None:
        if (board := self._feeding(open_board)) is None:
            return
        seen = board.get_version()
        steps: list[tuple[int, Callable[[], object]]] = [
            (1, lambda: board.update_score("mia", "Mia", 5)),
            (0, lambda: board.update_score("mia", "Mia", 5)),
            (1, lambda: board.update_score("mia", "Renamed", 5)),
            (1, lambda: board.increment_score("mia", "Renamed", 1)),
            (0, lambda: board.increment_score("mia", "Renamed", 0)),
            (3, lambda: board.update_scores([("a", "", 1), ("b", "", 1), ("a", "", 2), ("b", "", 1)])),
            (0, lambda: board.remove_player("nobody")),
            (1, lambda: board.remove_player("a")),
            (0, lambda: (list(board), board.get_top_n(), board.get_around("mia"), len(board))),
            (1, board.clear),
            (0, board.clear),
            (1, lambda: board.update_score("mia", "Mia", 5)),
        ]
        for raised, step in steps:
            step()
            after = board.get_version()
            change = after.number - seen.number
            assert change == raised or (after.shards and step == board.clear and change > raised)
            assert_same(after.history, seen.history)
            assert (after.holds(seen), seen.holds(after)) == (True, change == 0)
            seen = after

    def test_a_score_that_does_not_stand_raises_nothing_and_a_new_name_does(self, open_board: OpenBoard) -> None:
        for rules in ALL_RULES:
            if rules.keep == "last" or (board := self._feeding(open_board, rules)) is None:
                continue
            start = board.get_version()
            board.update_score("mia", "Mia", 5)
            before = board.get_version()
            board.update_score("mia", "Mia", rules.worse(5))
            assert_same(board.get_version(), before)
            board.update_score("mia", "Renamed", rules.worse(5))
            assert_same(board.get_version(), shifted(before, 1, start))
            reached = board.get_changes(start).changes[0].reached
            assert reached == before.number or before.shards
            assert_same(board.get_changes(before).changes, [Change(before.number + 1, "mia", "Renamed", 5, reached)])

    # ------------------------------------------------------------------ feed

    def test_who_applies_the_feed_has_the_board_to_the_last_tie(
        self, open_board: OpenBoard, rules: Rules, oracle: OracleBoard
    ) -> None:
        if (board := self._feeding(open_board, rules)) is None:
            return
        start, follower = board.get_version(), Follower()
        for seed in range(4):
            after = board.get_version()
            for one in (board, oracle):
                write_at_random(one, self.seed + seed, 40, board.capabilities.unsupported)
            follower.apply(read_on(board, after, limit=7))
            assert_same(follower.entries(rules), list(board))
            assert_same(list(board), list(oracle))
        whole = Follower()
        whole.apply(read_on(board, start))
        assert_same(sorted(whole.states.items()), sorted(follower.states.items()))

    def test_a_change_is_the_state_that_it_left(self, open_board: OpenBoard) -> None:
        if (board := self._feeding(open_board)) is None:
            return
        start = board.get_version()
        board.update_score("mia", "Mia", 5)
        board.update_score("ŷ", "Zoë ∞", -2.5)
        board.increment_score("mia", "M", 1)
        board.update_score("mia", "", 6)
        board.remove_player("ŷ")
        board.clear()
        n = start.number
        changes = [
            Change(n + 1, "mia", "Mia", 5, n + 1),
            Change(n + 2, "ŷ", "Zoë ∞", -2.5, n + 2),
            Change(n + 3, "mia", "M", 6, n + 3),
            Change(n + 4, "mia", "", 6, n + 3),
            Change(n + 5, "ŷ"),
            Change(n + 6, None),
        ]
        if start.shards:
            for limit in (1, 4, 1000):
                found = read_on(board, start, limit)
                assert_same(by_player(found), by_player(changes))
                assert_same(found[-1], Change(board.get_version().number, None))
        else:
            assert_same(board.get_changes(start), Changes(Version(start.history, n + 6), changes))
            assert_same(board.get_changes(Version(start.history, n + 4), limit=1).changes, [Change(n + 5, "ŷ")])
        assert_same(board.get_changes(start, limit=0).changes, [])

    def test_a_feed_that_does_not_go_back_that_far_says_so(self, open_board: OpenBoard) -> None:
        if (board := self._feeding(open_board, feed=5)) is None:
            return
        start = board.get_version()
        for number in range(400):
            board.update_score("mia", "", number)
        last = board.get_version()
        for lost in (
            start,
            shifted(last, -399, start),
            shifted(last, 1, start),
            shifted(last, -2, start)._replace(history="another"),
        ):
            with pytest.raises(ChangesLostError, match="read"):
                board.get_changes(lost)
        kept = board.get_changes(shifted(last, -5, start))
        assert_same([change.score for change in kept.changes], [395, 396, 397, 398, 399])

    def test_what_is_no_version_is_refused_before_the_storage_is_asked(self, open_board: OpenBoard) -> None:
        if (board := self._feeding(open_board)) is None:
            return
        board.update_score("mia", "", 1)
        last = board.get_version()
        wrong: list[Any] = [last.number, tuple(last), Version(b"x", 1)]  # type: ignore[arg-type]  # the mistakes
        numbers: list[Any] = ["1", None, 1.0, nan, True, -1, 10**30]
        wrong += [last._replace(number=number) for number in numbers]
        shards: list[Any] = [(last.number + 1,), (-1, last.number + 1), [last.number]]
        wrong += [last._replace(shards=each) for each in shards]
        for after in wrong:
            with pytest.raises(InvalidArgumentError, match="version"):
                board.get_changes(after)
        assert_same(board.get_changes(last, limit=2**70).changes, [])
        for no_method in (len, list, lambda: 1, board.__iter__):
            with pytest.raises(InvalidArgumentError, match="at_version"):
                at_version(no_method)  # type: ignore[arg-type]  # the mistake itself

    def test_a_board_that_was_not_asked_to_keeps_no_feed(self, open_board: OpenBoard) -> None:
        board = open_board()
        if not board.capabilities.feed:
            return
        before = board.get_version()
        board.update_score("mia", "", 1)
        after = board.get_version()
        assert_same((after.history, after.number), (before.history, before.number + 1))
        with pytest.raises(UnsupportedOperationError, match="feed="):
            board.get_changes(before)

    def test_version_and_feed_go_on_where_the_data_outlives_the_object(self, open_board: OpenBoard) -> None:
        name = unique_name()
        if (board := self._feeding(open_board, name=name)) is None:
            return
        start = board.get_version()
        fill(board, STATES)
        before = board.get_version()
        if not (board.capabilities.durable or board.capabilities.shared):
            assert before.history != open_board(feed=5).get_version().history
            return
        board.close()
        again = open_board(name=name)
        assert_same(again.get_version(), before)
        again.update_score("late", "", 5)
        (late,) = again.get_changes(before).changes
        assert_same(late, Change(before.number + 1, "late", "", 5, late.reached))
        assert_same(late.reached, max(change.reached for change in read_on(again, start)))
        assert late.reached == late.number or before.shards
        again.close()
        ended = open_board(name=name, feed=0)
        with pytest.raises(UnsupportedOperationError, match="feed="):
            ended.get_changes(before)

    def test_an_answer_holds_at_its_version(self, open_board: OpenBoard, rules: Rules) -> None:
        if (board := self._feeding(open_board, rules)) is None:
            return
        start, done = board.get_version(), Event()
        answers: list[tuple[list[Entry], Version]] = []

        def write() -> None:
            for number in range(self.rounds):
                board.update_score(f"p{number % 7}", f"n{number}", number % 3)
            done.set()

        def read() -> None:
            while not done.is_set():
                answers.append(at_version(board.get_top_n, 10))

        run_together(write, read)
        answers.append(at_version(board.get_top_n, 10))
        changes = read_on(board, start)
        if start.shards:
            assert_states_until(board, start, answers)
        for entries, version in () if start.shards else answers:
            follower = Follower()
            follower.apply(changes[: version.number - start.number])
            assert_same(entries, follower.entries(rules)[:10])
        rank, version = at_version(board.update_score, "new", "", rules.best_first([-9, 9])[0])
        assert_same((rank, version), (1, board.get_version()))

    # ------------------------------------------------------------------ fence

    def test_a_fenced_board_refuses_every_write_and_answers_every_read(self, open_board: OpenBoard) -> None:
        if (board := self._fencing(open_board)) is None:
            return
        before = list(board)
        assert board.fenced() is None
        board.fence("memory://first")
        board.fence(MOVED_TO)
        try:
            assert_same(board.fenced(), MOVED_TO)
            for write in (name for name in WRITES if name not in board.capabilities.unsupported):
                with pytest.raises(BoardMovedError, match="moved to redis://new") as refused:
                    OPERATIONS[write](board)
                assert refused.value.moved_to == MOVED_TO
            with pytest.raises(BoardMovedError):
                board.update_score(before[0].player_id, before[0].username, before[0].score)
            assert_same(list(board), before)
            for name in OPERATIONS.keys() - {*WRITES} - board.capabilities.unsupported:
                OPERATIONS[name](board)
        finally:
            board.lift_fence()
        board.lift_fence()
        assert board.fenced() is None
        assert board.update_score("late", "", 5) == 4

    def test_a_fence_stops_whoever_holds_the_board_and_stays_with_it(self, open_board: OpenBoard) -> None:
        name = unique_name()
        if (board := self._fencing(open_board, name)) is None:
            return
        if not (board.capabilities.durable or board.capabilities.shared):
            assert open_board(name=name).fenced() is None
            return
        other = open_board(name=name) if board.capabilities.shared else board
        board.fence(MOVED_TO)
        with pytest.raises(BoardMovedError):
            other.update_score("late", "", 5)
        if other is not board:
            other.close()
        board.close()
        again = open_board(name=name)
        try:
            assert_same((again.fenced(), len(again)), (MOVED_TO, len(STATES)))
            with pytest.raises(BoardMovedError):
                again.clear()
        finally:
            again.lift_fence()
        assert again.update_score("late", "", 5) == 4

    def test_no_write_is_acknowledged_after_the_fence(self, open_board: OpenBoard) -> None:
        if (board := self._fencing(open_board)) is None:
            return
        acknowledged: list[list[int]] = [[], []]
        started = [Event(), Event()]

        def write(thread: int) -> Callable[[], None]:
            def run() -> None:
                for number in range(1, 100_000):
                    try:
                        board.update_score(f"t{thread}", "", number)
                    except BoardMovedError:
                        return
                    acknowledged[thread].append(number)
                    started[thread].set()

            return run

        seen: list[object] = []

        def fence() -> None:
            for event in started:
                event.wait(30)
            board.fence(MOVED_TO)
            seen.extend(board.get_score(f"t{thread}") for thread in (0, 1))

        try:
            run_together(write(0), write(1), fence)
            assert_same(seen, [numbers[-1] for numbers in acknowledged])
            assert_same([board.get_score(f"t{thread}") for thread in (0, 1)], seen)
        finally:
            board.lift_fence()

    def _passing(self, open_board: OpenBoard) -> LeaderboardBackend | None:
        """Return a board whose fence writes can pass, or test the refusal."""
        if (board := self._fencing(open_board)) is None:
            return None
        if board.capabilities.fence_pass:
            return board
        with pytest.raises(UnsupportedOperationError, match="passing_fence"):
            board.passing_fence(MOVED_TO)
        return None

    def test_a_write_passes_the_fence_that_it_expects_and_no_other(self, open_board: OpenBoard) -> None:
        if (board := self._passing(open_board)) is None:
            return
        writes = [name for name in WRITES if name not in board.capabilities.unsupported]

        def stopped() -> None:
            with pytest.raises(BoardMovedError):
                board.update_score("other", "", 1)

        board.fence(MOVED_TO)
        try:
            with board.passing_fence(MOVED_TO):
                for write in writes:
                    OPERATIONS[write](board)
                fill(board, STATES)
                run_together(stopped)
            before = list(board)
            for fence, expected in ((MOVED_TO, "memory://else"), (MOVED_TO, None), (None, MOVED_TO)):
                board.lift_fence() if fence is None else board.fence(fence)
                for write in writes:
                    with board.passing_fence(expected), pytest.raises(BoardMovedError):
                        OPERATIONS[write](board)
                assert_same(list(board), before)
        finally:
            board.lift_fence()
        with board.passing_fence(None):
            board.update_score("late", "", 5)
        assert_same(len(board), len(STATES) + 1)

    def test_a_fence_is_changed_by_whoever_expects_it_alone(self, open_board: OpenBoard) -> None:
        if (board := self._passing(open_board)) is None:
            return
        steps: list[tuple[str | None, str | None, str | None]] = [
            (None, "a", "a"),
            (None, "b", "a"),
            ("b", None, "a"),
            ("b", "a", "a"),
            ("a", "b", "b"),
            ("a", None, "b"),
            ("b", None, None),
            ("b", "c", None),
            ("b", None, None),
        ]
        try:
            for expected, wanted, left in steps:
                refusal = (
                    nullcontext() if wanted == left else pytest.raises(BoardMovedError, match="Nothing was applied")
                )
                with board.passing_fence(expected), refusal:
                    board.lift_fence() if wanted is None else board.fence(wanted)
                assert_same(board.fenced(), left)
        finally:
            board.lift_fence()

    def test_where_a_board_went_is_a_text_without_a_password(self, open_board: OpenBoard) -> None:
        if (board := self._fencing(open_board)) is None:
            return
        for moved_to in ("", " ", "x" * 501, "a\nb", "redis://:secret@host/0", "//u:secret@h", "r://h?token=secret"):
            with pytest.raises(InvalidArgumentError, match="moved_to") as refused:
                board.fence(moved_to)
            assert "secret" not in str(refused.value)
            assert board.fenced() is None
