"""A live board moves to another storage and back while processes write to it; nothing is lost, doubled or stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from contextvars import Context
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any

import pytest

from leaderboard_backends import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    Entry,
    LeaderboardBackend,
    LeaderboardClosedError,
    Score,
    UnsupportedOperationError,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.answers import ask
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import comparing, moving_board, verify_boards
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.migration.steering import state_document
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows
from .tally import check
from .traffic import account_of, writing

FEED = 100_000


class Following:
    """A `start` that runs in a thread of its own until it is stopped."""

    def __init__(self, migration: Migration) -> None:
        self._stop = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(migration,))
        self._thread.start()

    def _run(self, migration: Migration) -> None:
        try:
            migration.start(stop=self._stop.is_set)
        except BaseException as error:  # noqa: BLE001 - `end` raises it
            self._error = error

    def wait(self) -> None:
        """Wait until it ends by itself."""
        self._thread.join(60)
        assert not self._thread.is_alive()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[EmbeddedServer]]:
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("server") for _ in range(2)]
        yield [stack.enter_context(EmbeddedServer(NO_PASSWORD, tcp=True, directory=folder)) for folder in folders]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as open_until_the_end:
        yield open_until_the_end


def migration(stack: ExitStack, urls: list[str], **options: Any) -> Migration:
    source, target = (stack.enter_context(open_leaderboard(url, feed=FEED)) for url in urls)
    return Migration(source, target, **options)


@pytest.mark.proof  # test_steps does it by commands
def test_a_board_moves_and_returns_while_processes_write(
    servers: list[EmbeddedServer], stack: ExitStack, tmp_path: Path
) -> None:
    urls = [f"{server.url}?board=moves" for server in servers]
    moves = migration(stack, urls)
    first = rows(3_000, 5)
    moves.source.update_scores(first)

    def opened() -> LeaderboardBackend:
        return open_leaderboard(urls[0], migration={"to": urls[1]})

    with writing(opened, tmp_path / "stop") as end:
        following = Following(migration(stack, urls))
        wait_until(lambda: (fence := moves.state().target) and fence.kind == "follows")
        there = moves.cut_over()
        assert (there.serves, moves.state().serves) == ("target", "target")
        wait_until(lambda: (fence := moves.state().source) and fence.owner == "start")
        back = moves.roll_back()
        assert (back.serves, moves.state().serves) == ("source", "source")
        again = moves.cut_over()
        end.wait_for_writes(170)
        account = end()
        following.end()
    account.add(account_of(first))
    check("moved, returned and moved again", account, moves.target)
    moves.start(until_caught_up=True)
    assert content(moves.source) == content(moves.target)
    assert account.refused == account.unknown == 0
    assert account.acknowledged > 500
    for switched in (there, back, again):
        assert switched.before is not None
        assert switched.before.equal
        assert switched.pause is not None
        assert switched.after is None or switched.after.equal


def wait_until(is_so: Callable[[], object], seconds: float = 60) -> None:
    waiting = Event()
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return
        waiting.wait(0.02)
    raise AssertionError("it was never so")


class Plain(DelegatingLeaderboard):
    """A plug-in that implements the contract alone; or one that can be fenced, and lets nothing pass."""

    def __init__(self, inner: LeaderboardBackend, *, fence: bool = False) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, feed=fence, fence=fence, fence_pass=False)


@pytest.mark.parametrize("fence", [False, True])
def test_a_board_of_the_contract_alone_moves_at_rest(stack: ExitStack, fence: bool) -> None:  # noqa: FBT001 - a case
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    source, target = Plain(one, fence=fence), Plain(two)
    source.update_scores(rows(1_500, 3))
    heard: list[str] = []
    moves = Migration(source, target, hear=lambda progress: heard.append(progress.doing))
    plan = moves.plan()
    assert (plan.live, plan.reversible, plan.problems) == (False, False, ())
    assert "stop all writers" in plan.notes[0]
    app = stack.enter_context(MovingLeaderboard(source, lambda: target))
    moves.start()
    assert "all writers must be stopped" in heard[0]
    assert content(target) == content(source) == content(app)
    source.update_score("late", "", 9)
    with pytest.raises(BoardMismatchError, match="boards differ"):
        moves.cut_over()
    source.remove_player("late")
    assert moves.cut_over().serves == "target"
    assert moves.state().serves == ("target" if fence else "source")  # else the URL in the config is what changes
    if fence:
        app.update_score("later", "", 1)
        assert "later" in target
    assert ("once the app has its URL" in heard[-1]) is not fence
    with pytest.raises(UnsupportedOperationError, match="no roll-back"):
        moves.roll_back()
    with pytest.raises(UnsupportedOperationError, match=r"delete it \(board\.delete\(\)\)"):
        moves.finish(delete=True)
    moves.finish()
    assert len(source) == 1_500


def test_a_source_without_a_pass_moves_live_and_has_no_way_back(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    source = Plain(one, fence=True)
    moves = Migration(source, two)
    plan = moves.plan()
    assert (plan.live, plan.reversible) == (True, False)
    app = stack.enter_context(MovingLeaderboard(source, lambda: two))
    app.update_scores(rows(300, 3))
    moves.start(until_caught_up=True)
    app.update_score("late", "", 1)
    assert moves.cut_over().serves == "target"
    app.update_score("later", "", 1)
    assert content(app) == content(two)
    assert ("late" in two, "later" in two, "later" in one) == (True, True, False)
    with pytest.raises(UnsupportedOperationError, match="no roll-back"):
        moves.roll_back()
    assert moves.finish().serves == "target"


def test_what_cannot_begin_is_refused_before_anything_is_written(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    moves = Migration(one, two)
    two.update_score("somebody", "", 1)
    with pytest.raises(BoardMismatchError, match="has 1 players already"):
        moves.start(until_caught_up=True)
    two.clear()
    two.fence("memory://elsewhere")
    with pytest.raises(BoardMismatchError, match="not by a migration"):
        moves.start(until_caught_up=True)
    two.lift_fence()
    with pytest.raises(BoardMismatchError, match="run start first"):
        moves.cut_over()
    assert "are one board" in Migration(one, DelegatingLeaderboard(one)).plan().problems[0]
    feedless = stack.enter_context(open_leaderboard("memory://three"))
    assert "keeps no change feed" in Migration(feedless, two).plan().problems[0]
    assert (one.fenced(), two.fenced()) == (None, None)
    with pytest.raises(BoardMismatchError, match="the same order"):
        Migration(one, open_leaderboard("memory://four", order="ascending"))


def test_a_start_on_an_idle_board_sees_a_cut_over_and_a_second_start(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_scores(rows(50, 3))
    Migration(one, two).start(until_caught_up=True)
    before = two.fenced()
    first = Following(Migration(one, two))
    wait_until(lambda: two.fenced() != before)
    Migration(one, two).cut_over()
    two.update_score("ada", "Ada", 1)
    wait_until(lambda: content(one) == content(two))
    second = Following(Migration(one, two))
    first.wait()
    second.end()
    with pytest.raises(BoardMovedError, match="another start has taken over"):
        first.end()


def test_a_player_who_changes_between_any_two_looks_stops_no_cut_over(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Restless(DelegatingLeaderboard):
        """Has a player change whenever somebody is looked at."""

        def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
            self._stir()
            return self.inner.get_entries(player_ids)

        def _iterate(self) -> Iterator[Entry]:
            self._stir()
            return iter(self.inner)

        def _stir(self) -> None:
            with suppress(BoardMovedError):
                self.inner.increment_score("ada", "Ada", 1)

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_scores(rows(50, 3))
    one.update_score("ada", "Ada", 1)
    monkeypatch.setattr(comparing, "verify_boards", partial(verify_boards, wait=0.05))
    moves = Migration(Restless(one), two)
    moves.start(until_caught_up=True)
    done = moves.cut_over()
    assert (done.serves, done.before and done.before.equal) == ("target", True)
    assert content(one) == content(two)


@pytest.mark.parametrize("kind", [BackendUnavailableError, WriteOutcomeUnknownError])
def test_a_storage_that_fails_for_a_moment_before_the_pause_ends_no_cut_over(
    stack: ExitStack, kind: type[BackendError]
) -> None:
    class Failing(DelegatingLeaderboard):
        """Applies a batch, and says something else of it."""

        left = 0

        def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
            self.inner.update_scores(updates)
            if self.left:
                self.left -= 1
                raise kind("the server went away.")

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_scores(rows(50, 3))
    target = Failing(two)
    heard: list[str] = []
    moves = Migration(one, target, hear=lambda progress: heard.append(progress.doing), pause=lambda _: None)
    moves.start(until_caught_up=True)
    one.update_scores(rows(70, 4, seed=2))
    target.left = 1
    assert moves.cut_over().serves == "target"
    assert [text for text in heard if "the server went away" in text] == ["trying again: the server went away."]
    assert content(one) == content(two)


def test_a_start_that_takes_over_at_that_moment_stops_no_cut_over(stack: ExitStack) -> None:
    class Overtaken(DelegatingLeaderboard):
        """Has a start take the board over after its fence was read."""

        left = 0

        def _fenced(self) -> str | None:
            found = self.inner.fenced()
            self.left -= 1
            if self.left == 0:
                Migration(one, two).start(until_caught_up=True)
            return found

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_scores(rows(50, 3))
    target = Overtaken(two)
    moves = Migration(one, target)
    moves.start(until_caught_up=True)
    target.left = 2  # the first look is whether there is anything to cut over
    assert moves.cut_over().serves == "target"
    assert content(one) == content(two)


@pytest.mark.parametrize(("step", "serves"), [("cut_over", "source"), ("roll_back", "target")])
def test_ctrl_c_in_the_pause_leaves_the_board_to_serve_that_did(stack: ExitStack, step: str, serves: str) -> None:
    def interrupt(_: float) -> None:
        assert moves.state().serves is None
        raise KeyboardInterrupt

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    app = stack.enter_context(MovingLeaderboard(one, lambda: two))
    app.update_scores(rows(50, 3))
    moves = Migration(one, two)
    moves.start(until_caught_up=True)
    if serves == "target":
        moves.cut_over()
    with pytest.raises(KeyboardInterrupt):
        getattr(Migration(one, two, pause=interrupt), step)()
    assert moves.state().serves == serves
    assert app.update_score("ada", "", 9) == 1
    assert getattr(moves, step)().serves != serves
    assert content(one) == content(two)


@pytest.mark.parametrize("last", ["new", "ada"])
def test_what_differs_in_the_pause_leaves_the_source_to_serve(stack: ExitStack, last: str) -> None:
    """By the number of players, or by the players of the last changes: all before was compared in full."""

    class Busy(DelegatingLeaderboard):
        """Is written once more before it is fenced for the pause."""

        def _fence(self, moved_to: str | None) -> None:
            if moved_to and "paused" in moved_to:
                self.inner.update_score(last, "", 7)
            super()._fence(moved_to)

    class Losing(DelegatingLeaderboard):
        """Says that it has applied what it is told in the pause, and has not."""

        honest = False

        def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
            if self.honest or one.fenced() is None:
                self.inner.update_scores(updates)

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_scores([*rows(50, 3), ("ada", "", 1)])
    target = Losing(two)
    app = stack.enter_context(MovingLeaderboard(one, lambda: two))
    moves = Migration(Busy(one), target)
    moves.start(until_caught_up=True)
    with pytest.raises(BoardMismatchError, match="the boards differ in the pause"):
        moves.cut_over()
    assert (moves.state().serves, app.update_score("later", "", 1) > 0, one.get_score(last)) == ("source", True, 7)
    target.honest = True
    assert moves.cut_over().serves == "target"
    assert content(one) == content(two)


def test_after_the_end_a_plan_says_how_another_migration_begins(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    one.update_score("ada", "Ada", 1)
    moves, back = Migration(one, two), Migration(two, one)
    moves.start(until_caught_up=True)
    moves.cut_over()
    moves.finish()
    assert len(one) == 1  # only `delete` removes players
    assert "give the app its URL" in moves.plan().problems[0]
    with pytest.raises(BoardMismatchError, match=r"lift its fence \(board\.lift_fence\(\)\), and clear"):
        back.start()
    one.lift_fence()
    one.clear()
    assert back.plan().problems == ()
    back.start(until_caught_up=True)
    assert back.cut_over().serves == "target"


@pytest.mark.parametrize(("serves", "step"), [("source", "roll_back"), ("target", "cut_over")])
def test_an_end_that_meets_a_pause_whose_command_was_killed_leaves_a_way_out(
    stack: ExitStack, serves: str, step: str
) -> None:
    class Overtaken(DelegatingLeaderboard):
        """A pause begins after an end has seen that there is none."""

        def _fence(self, moved_to: str | None) -> None:
            if moved_to and "finished" in moved_to:
                Context().run(lambda: boards[serves].fence("there [migration: paused, switch 0123]"))
            super()._fence(moved_to)

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    boards = {"source": one, "target": two}
    app = stack.enter_context(MovingLeaderboard(one, lambda: two, wait=0.05))
    app.update_score("ada", "", 1)
    moves = Migration(one, two)
    moves.start(until_caught_up=True)
    if serves == "target":
        moves.cut_over()
    assert Migration(Overtaken(one), Overtaken(two)).finish().serves is None
    assert state_document(moves, moves.state())["phase"].startswith("in the pause of a ")
    with pytest.raises(BackendUnavailableError, match="took no writes"):
        app.update_score("ada", "", 2)
    for wrong in {"roll_back", "cut_over", "start"} - {step}:
        with pytest.raises(BoardMismatchError, match=f"run {step.replace('_', '-')}"):
            getattr(moves, wrong)()
    assert getattr(moves, step)().serves == serves
    assert (moves.state().serves, moves.state().finished) == (serves, True)
    app.update_score("ada", "", 2)
    assert boards[serves].get_score("ada") == 2


def test_a_fence_says_where_the_board_went_and_no_password(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    places = ("redis://me:***@here:6379/0 (board weekly)", f"redis+cluster://:***@there:7000/{'x' * 600}")
    Migration(one, two, places=places).start(until_caught_up=True)
    assert str(two.fenced()).startswith("redis://here:6379/0 (board weekly) [migration: follows, start ")
    Migration(one, two, places=places).cut_over()
    with pytest.raises(BoardMovedError, match=r"has moved to redis\+cluster://there:7000/x"):
        one.update_score("ada", "", 1)


def test_a_batch_that_meets_the_fence_is_written_once_where_the_board_went(stack: ExitStack) -> None:
    """On a server, the batches before the fence stand on the source, and are copied; the rest goes to the target."""
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    moves = Migration(one, two)
    moves.start(until_caught_up=True)

    class Batches(DelegatingLeaderboard):
        """Applies ten updates, and has the board cut over."""

        def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
            self.inner.update_scores(updates[:10])
            moves.cut_over()
            try:
                self.inner.update_scores(updates[10:])
            except BoardMovedError as error:
                error.applied = 10
                raise

    app = stack.enter_context(MovingLeaderboard(Batches(one), lambda: two))
    many = [(f"player-{number}", "", number % 3) for number in range(25)]
    assert app.update_scores(many) == 25
    with open_leaderboard("memory://expected") as expected:
        expected.update_scores(many)
        assert content(two) == content(expected)


def test_in_a_pause_that_lasts_a_write_says_so_and_a_read_answers(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    app = stack.enter_context(MovingLeaderboard(one, lambda: two, wait=0.05))
    app.update_score("ada", "", 1)
    Migration(one, two).start(until_caught_up=True)
    one.fence("two [migration: paused, switch 0123]")
    with pytest.raises(BackendUnavailableError, match=r"took no writes for 0\.05 s \(wait\); nothing was applied"):
        app.update_score("ada", "", 2)
    assert (app.get_score("ada"), len(app)) == (1, 1)
    assert Migration(one, two).roll_back().serves == "source"
    app.update_score("ada", "", 2)
    assert (one.get_score("ada"), two.get_score("ada")) == (2, 1)


def test_a_target_that_is_deleted_ends_the_start_that_fills_it(servers: list[EmbeddedServer], stack: ExitStack) -> None:
    urls = [f"{server.url}?board=given-up" for server in servers]
    moves = migration(stack, urls)
    moves.source.update_score("ada", "", 1)
    following = Following(moves)
    wait_until(lambda: len(moves.target) == 1)
    open_leaderboard(urls[1]).delete()
    following.wait()
    with pytest.raises(BoardMismatchError, match="the target was deleted"):
        following.end()
    assert len(stack.enter_context(open_leaderboard(urls[1], order="ascending"))) == 0


def test_a_delete_waits_in_a_pause_and_deletes_the_board_that_serves(
    servers: list[EmbeddedServer], stack: ExitStack
) -> None:
    """In the pause, the board that is about to serve has all players: what is deleted then would live on there."""
    urls = [f"{server.url}?board=deleted" for server in servers]
    app = stack.enter_context(open_leaderboard(urls[0], migration={"to": urls[1], "wait": 0.05}))
    moves = migration(stack, urls)
    app.update_score("ada", "", 1)
    moves.start(until_caught_up=True)
    moves.source.fence("there [migration: paused, switch 0123]")
    with pytest.raises(BackendUnavailableError, match="took no writes"):
        app.delete()
    assert (moves.state().truth, len(moves.source)) == ("source", 1)
    assert moves.cut_over().serves == "target"
    app.delete()
    assert (app.closed, len(moves.target), moves.target.fenced(), moves.state().serves) == (True, 0, None, "target")
    assert list(stack.enter_context(open_leaderboard(urls[0], migration={"to": urls[1]}))) == []


@pytest.mark.parametrize("scheme", ["redis", "sqlite", "redis+cluster"])
def test_a_board_that_moves_and_is_deleted_already_can_be_deleted(
    servers: list[EmbeddedServer], stack: ExitStack, tmp_path: Path, scheme: str
) -> None:
    url = {"redis": servers[0].url, "sqlite": f"sqlite://{tmp_path}/board.db"}.get(scheme)
    url = url or stack.enter_context(EmbeddedCluster(replicas=0)).url
    table = {"to": servers[1].url, "wait": 0.05}
    apps = [stack.enter_context(open_leaderboard(url, board="twice", migration=table)) for _ in range(2)]
    apps[0].update_score("ada", "", 1)
    for app in apps:
        app.delete()
    assert list(stack.enter_context(open_leaderboard(url, board="twice"))) == []


def test_a_delete_that_comes_to_nothing_leaves_a_board_that_moves_in_use(stack: ExitStack) -> None:
    class Denying(DelegatingLeaderboard):
        def _delete(self) -> None:
            raise BackendUnavailableError("no answer")

    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    app = stack.enter_context(MovingLeaderboard(Denying(one), lambda: two))
    with pytest.raises(BackendUnavailableError, match="no answer"):
        app.delete()
    assert (app.update_score("ada", "", 1), one.fenced()) == (1, None)


def test_a_board_that_moves_and_was_fenced_by_hand_can_be_deleted(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    app = stack.enter_context(MovingLeaderboard(one, lambda: two))
    app.fence("elsewhere")
    app.delete()
    assert app.closed
    assert one.closed


def test_a_read_does_not_notice_that_the_board_it_is_compared_with_does_not_answer(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving_board, "_SHADOW_RETRY", 0.0)
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    answers = iter([False])

    def opened() -> LeaderboardBackend:
        if next(answers, True):
            return two
        raise BackendUnavailableError("the target does not answer.")

    app = stack.enter_context(MovingLeaderboard(one, opened, shadow=1.0))
    app.update_score("ada", "", 1)
    assert (app.get_rank("ada"), app.shadow_report()) == (1, None)
    Migration(one, two).start(until_caught_up=True)
    wait_until(lambda: app.get_rank("ada") == 1 and app.shadow_report())


def test_calls_do_not_wait_in_turn_for_a_target_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    go, waiting, failed = Event(), Semaphore(0), list[str]()
    opened = 0

    def open_target() -> LeaderboardBackend:
        nonlocal opened
        opened += 1
        assert go.wait(30)
        raise BackendUnavailableError("gone")

    board = MovingLeaderboard(open_leaderboard("memory://"), open_target)
    lock = board._lock

    class Counted:
        def __enter__(self) -> None:
            waiting.release()
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()

    def ask_for_target() -> None:
        try:
            _ = board.target
        except BackendUnavailableError as error:
            failed.append(str(error))

    monkeypatch.setattr(board, "_lock", Counted())
    threads = [Thread(target=ask_for_target) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert waiting.acquire(timeout=30)
    go.set()
    for thread in threads:
        thread.join(30)
    assert (failed, opened) == (["gone"] * 5, 1)
    ask_for_target()
    assert (failed, opened) == (["gone"] * 6, 2)
    board.close()


def test_a_copy_in_memory_follows_a_board_that_moves(
    servers: list[EmbeddedServer], stack: ExitStack, tmp_path: Path
) -> None:
    urls = [f"{servers[0].url}?board=copied", f"sqlite://{tmp_path}/board.db?board=copied"]
    app = stack.enter_context(open_leaderboard(urls[0], migration={"to": urls[1]}, replica=True))
    app.update_scores(rows(500, 3))
    moves = migration(stack, urls)
    for step in (lambda: moves.start(until_caught_up=True), moves.cut_over, moves.roll_back):
        step()
        for number in range(3):
            app.update_score("ada", "", number)
            assert app.get_score("ada") == number
        wait_until(lambda: ask(app.get_rank, "ada")[1].source == "replica")
        assert app.get_top_n(501) == (moves.source if step is not moves.cut_over else moves.target).get_top_n(501)


def test_an_iteration_that_began_before_the_cut_over_reads_on_where_the_board_went(stack: ExitStack) -> None:
    one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=FEED)) for name in ("one", "two"))
    app = stack.enter_context(MovingLeaderboard(one, lambda: two))
    app.update_scores(rows(2_500, 3))
    moves = Migration(one, two)
    moves.start(until_caught_up=True)
    entries = iter(app)
    first = next(entries)
    moves.cut_over()
    moves.finish(delete=True)
    last = list(two)[-1]
    app.update_score(last.player_id, "renamed", last.score)
    assert [tuple(first), *map(tuple, entries)] == content(two)


def test_a_board_that_was_closed_opens_no_target() -> None:
    board = MovingLeaderboard(open_leaderboard("memory://weekly"), lambda: open_leaderboard("memory://other"))
    board.close()
    with pytest.raises(LeaderboardClosedError, match="the board 'weekly' is closed: open it again"):
        _ = board.target
