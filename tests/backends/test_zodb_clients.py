"""Several threads on one file, and several clients of one storage: conflicts are few, and nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest
import ZODB
from ZODB.POSException import ConflictError

from leaderboard_backends import Entry, LeaderboardClosedError, UnsupportedOperationError, WriteConflictError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
from leaderboard_backends.backends.zodb.keys import score_of, score_prefix
from leaderboard_backends.backends.zodb.order import StoredBoard
from leaderboard_backends.backends.zodb.session import Named, Session
from leaderboard_backends.backends.zodb.storage import BoardFile
from leaderboard_backends.changes import Version
from leaderboard_backends.errors import BoardMovedError, ChangesLostError

PLAYERS = 10_000
PAUSE = 0.001
"""Seconds between two reads of one thread: without a pause its turns hold every write up, and a pack for a minute."""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[ZODB.DB]:
    db = ZODB.DB(str(tmp_path / "app.fs"), cache_size=100_000)
    yield db
    db.close()


class Client:
    """A client of the storage whose steps a test interleaves by hand."""

    def __init__(self, db: ZODB.DB) -> None:
        self.session = Session(db, None)

    def begin(self) -> StoredBoard:
        return self.session.write(Named("default", descending=True))

    def move(self, player: str, score: float) -> None:
        self.begin().place(player, "", score_prefix(score, descending=True), best_only=False)

    def commit(self) -> bool:
        """Commit; returns whether that went without a conflict."""
        try:
            self.session.commit()
        except ConflictError:
            self.session.forget()
            return False
        return True


@pytest.fixture
def clients(db: ZODB.DB) -> Iterator[tuple[Client, Client, ZODBLeaderboard]]:
    with ZODBLeaderboard(database=db) as board:
        board.update_scores([(f"p{player}", "", player * 10) for player in range(2000)])
        one, other = Client(db), Client(db)
        yield one, other, board
        one.session.close()
        other.session.close()
        board._check()


def split_segment_of(client: Client, player: str) -> None:
    stored = client.begin()
    group = stored._group(stored.players[player])
    stored._split_segment(group, 0)


# ---------------------------------------------------------------------- threads


def test_threads_on_one_board_lose_no_update(tmp_path: Path) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board:

        def climb(thread: int) -> list[Entry]:
            return [board.increment_score(f"p{(thread + step) % 5}", f"t{thread}", 1) for step in range(40)]

        with ThreadPoolExecutor(4) as pool:
            entries = [entry for done in pool.map(climb, range(4)) for entry in done]
        assert sum(entry.score for entry in board) == 160
        assert len({(entry.player_id, entry.score) for entry in entries}) == 160
        board._check()


def test_readers_beside_a_writer_see_whole_states_that_never_go_back(tmp_path: Path) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board, ThreadPoolExecutor(3) as pool:
        board.update_scores([(f"p{player}", "", 0) for player in range(50)])
        stop, reads = Event(), [0, 0, 0]

        def watch(watcher: int) -> None:
            seen = 0
            while not stop.wait(PAUSE):
                entries = board.get_top_n(50)
                total = int(sum(entry.score for entry in entries))
                assert [entry.rank for entry in entries] == list(range(1, 51))
                assert total >= seen
                seen = total
                reads[watcher] += 1

        watchers = [pool.submit(watch, watcher) for watcher in range(3)]
        steps = 0
        try:
            while (steps < 60 or min(reads) < 10) and not any(watcher.done() for watcher in watchers):
                board.increment_score(f"p{steps % 50}", "", 1)
                assert board.get_by_score(1, 1000)
                steps += 1
        finally:
            stop.set()
        for watcher in watchers:
            watcher.result()


def test_a_read_after_an_update_of_another_thread_sees_it(tmp_path: Path) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board, ThreadPoolExecutor(1) as pool:
        for score in range(50):
            board.get_score("ada")
            pool.submit(board.update_score, "ada", "Ada", score).result()
            assert board.get_score("ada") == score


def test_a_connection_that_is_made_while_a_commit_ends_misses_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board, ThreadPoolExecutor(1) as pool:
        board.update_score("ada", "Ada", 1)
        database, begun = board._database, Event()
        spare = [database.take() for _ in range(2)]  # ZODB had one connection ready; the reader is to get a new one
        database.give(spare.pop())
        original: Callable[..., None] = BoardFile._finish_finish

        def read() -> Session:
            session = database.take()
            session.begin()
            begun.set()
            assert session.read(Named("default", descending=True)).players.get("ada")
            return session

        def finish_beside_a_reader(storage: BoardFile, tid: bytes) -> None:
            readers.append(pool.submit(read))
            begun.wait(0.2)  # it comes at once, or has to wait for this commit
            original(storage, tid)

        readers: list[Future[Session]] = []
        with monkeypatch.context() as patch:
            patch.setattr(BoardFile, "_finish_finish", finish_beside_a_reader)
            board.update_score("ada", "Ada", 2)
        session = readers[0].result(10)
        stored = session.read(Named("default", descending=True))
        assert score_of(stored.players["ada"], descending=True) == 2
        for taken in (session, *spare):
            database.give(taken)


def test_packing_beside_readers_and_a_writer_loses_nothing(tmp_path: Path) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board, ThreadPoolExecutor(3) as pool:
        board.update_scores([(f"p{player}", "", player) for player in range(3000)])
        stop = Event()

        def read() -> None:
            while not stop.wait(PAUSE):
                assert len(board.get_around("p1500", 50)) == 101

        def write() -> int:
            count = 0
            while not stop.is_set():
                count += 1
                board.increment_score("p7", "", 1)
            return count

        readers, writer = [pool.submit(read) for _ in range(2)], pool.submit(write)
        try:
            for _ in range(5):
                board.pack()
        finally:
            stop.set()
        for reader in readers:
            reader.result()
        written = writer.result()
        assert board.get_score("p7") == 7 + written
        board._check()


def test_closing_beside_readers_ends_them_as_closed(tmp_path: Path) -> None:
    board = ZODBLeaderboard(path=tmp_path / "board.fs")
    board.update_scores([(f"p{player}", "", player) for player in range(3000)])
    ready = Barrier(4)

    def read() -> str:
        ready.wait(10)
        while True:
            try:
                assert len(board.get_top_n(500)) == 500
            except LeaderboardClosedError as error:
                return str(error)

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        ready.wait(10)
        board.get_rank("p1")
        board.close()
        assert all("closed" in reader.result(20) for reader in readers)
    with ZODBLeaderboard(path=tmp_path / "board.fs") as again:
        assert len(again) == 3000


# ---------------------------------------------------------------------- two clients of one storage


def conflict_rate(one: Client, other: Client, updates: int) -> float:
    """Interleave updates, each commit finding one of the other client since its own begin; count the conflicts."""
    random_ = random.Random(1)
    conflicts = attempts = 0
    for _ in range(updates):
        for client in (one, other):
            client.move(f"p{random_.randrange(PLAYERS)}", random_.randrange(10**6))
        for client in (one, other):
            attempts += 1
            conflicts += not client.commit()
    return conflicts / attempts


def test_two_clients_conflict_in_under_five_percent_of_commits(db: ZODB.DB) -> None:
    random_ = random.Random(2)
    with ZODBLeaderboard(database=db) as board:
        board.update_scores([(f"p{player}", "", random_.randrange(10**6)) for player in range(PLAYERS)])
        one, other = Client(db), Client(db)
        rate = conflict_rate(one, other, 600)
        one.session.close()
        other.session.close()
        board._check()
    assert rate < 0.05


def test_two_boards_of_one_storage_write_from_threads(db: ZODB.DB) -> None:
    start = Barrier(2)
    with ZODBLeaderboard(database=db, attempts=50) as one, ZODBLeaderboard(database=db, attempts=50) as other:

        def climb(board: ZODBLeaderboard) -> None:
            start.wait(10)
            for step in range(60):
                board.increment_score(f"p{step % 7}", "", 1)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(climb, (one, other)))
        assert sum(entry.score for entry in one) == 120
        assert list(one) == list(other)
        one._check()


Clients = tuple[Client, Client, ZODBLeaderboard]


def test_moves_in_one_group_merge(clients: Clients) -> None:
    one, other, board = clients
    one.move("p3", 9995)
    other.move("p1500", 19995)
    assert one.commit()
    assert other.commit()
    assert len(board) == 2000
    assert (board.get_score("p3"), board.get_score("p1500")) == (9995, 19995)


@pytest.mark.parametrize("splitter_first", [True, False])
@pytest.mark.parametrize("score", [5, 19_999.5])
def test_a_split_conflicts_with_any_move_in_its_group(
    clients: Clients,
    score: float,
    splitter_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    one, other, _ = clients
    split_segment_of(one, "p1999")
    other.move("p1998", score)
    first, second = (one, other) if splitter_first else (other, one)
    assert first.commit()
    assert not second.commit()


@pytest.mark.parametrize("mover_first", [True, False])
def test_clearing_conflicts_with_a_move(
    clients: Clients,
    mover_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    one, other, _ = clients
    one.move("p7", 3)
    other.begin().clear()
    first, second = (one, other) if mover_first else (other, one)
    assert first.commit()
    assert not second.commit()


@pytest.mark.parametrize("renamer_first", [True, False])
def test_clearing_conflicts_with_a_new_username(
    clients: Clients,
    renamer_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    one, other, _ = clients
    one.begin().place("p7", "new", score_prefix(70, descending=True), best_only=False)
    other.begin().clear()
    first, second = (one, other) if renamer_first else (other, one)
    assert first.commit()
    assert not second.commit()


def test_two_who_join_a_tie_at_once_do_not_share_a_place(clients: Clients) -> None:
    one, other, board = clients
    one.move("p1", 5)
    other.move("p2", 5)
    assert one.commit()
    assert not other.commit()
    other.move("p2", 5)
    assert other.commit()
    assert [entry.player_id for entry in board.get_by_score(5, 5)] == ["p1", "p2"]


def test_two_moves_of_one_player_conflict(clients: Clients) -> None:
    one, other, _ = clients
    one.move("p1", 5)
    other.move("p1", 15_000.5)
    assert one.commit()
    assert not other.commit()


def test_a_write_that_always_loses_raises_and_applies_nothing(
    db: ZODB.DB, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _, board = clients
    original: Callable[..., bytes] = StoredBoard.place
    scores = iter(range(100, 200))

    def place_after_another_client(stored: StoredBoard, *args: str | bytes, best_only: bool) -> bytes:
        key = original(stored, *args, best_only=best_only)
        monkeypatch.setattr(StoredBoard, "place", original)
        one.move("rival", next(scores))
        assert one.commit()
        monkeypatch.setattr(StoredBoard, "place", place_after_another_client)
        return key

    with ZODBLeaderboard(database=db, attempts=3) as loser:
        monkeypatch.setattr(StoredBoard, "place", place_after_another_client)
        with pytest.raises(WriteConflictError, match="3 times") as caught:
            loser.update_score("rival", "", 1)
        monkeypatch.undo()
        assert isinstance(caught.value.__cause__, ConflictError)
        assert board.get_score("rival") == 102
        assert loser.update_score("rival", "", 1) == 2000


def test_a_conflict_is_retried_as_a_whole(db: ZODB.DB, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _, _ = clients
    original: Callable[..., bytes] = StoredBoard.place

    def place_after_another_client(stored: StoredBoard, *args: str | bytes, best_only: bool) -> bytes:
        key = original(stored, *args, best_only=best_only)
        monkeypatch.undo()
        one.move("rival", 50.5)
        assert one.commit()
        return key

    with ZODBLeaderboard(database=db) as board:
        monkeypatch.setattr(StoredBoard, "place", place_after_another_client)
        assert board.increment_score("rival", "", 1).score == 51.5


def test_the_app_keeps_its_database_after_its_boards_are_closed(db: ZODB.DB) -> None:
    with ZODBLeaderboard(database=db) as board:
        board.update_score("ada", "Ada", 1)
    with db.transaction() as connection:
        connection.root()["mine"] = 1
    with ZODBLeaderboard(database=db) as board:
        assert board.get_rank("ada") == 1


# ---------------------------------------------------------------------- first come, first served, between clients

TIE = 1_000_000


def tie_of(board: ZODBLeaderboard, *players: str) -> None:
    for player in players:
        board.update_score(player, "", TIE)


def ids_of_tie(board: ZODBLeaderboard) -> list[str]:
    return [entry.player_id for entry in board.get_by_score(TIE, TIE)]


def test_a_join_conflicts_where_the_last_of_its_tie_left_meanwhile(clients: Clients) -> None:
    one, _, board = clients
    tie_of(board, "p1", "p2")
    one.move("p3", TIE)  # behind p2
    board.update_score("p2", "", 0)
    assert not one.commit()
    assert ids_of_tie(board) == ["p1"]


def test_who_began_to_join_a_tie_never_gets_before_one_who_was_seen_in_it(clients: Clients) -> None:
    one, _, board = clients
    tie_of(board, "p1")
    one.move("p3", TIE)  # behind p1, at the place that p4 takes and leaves
    tie_of(board, "p4", "p5")
    board.update_score("p4", "", 0)
    assert ids_of_tie(board) == ["p1", "p5"]
    assert not one.commit()


def test_who_began_to_open_a_tie_never_gets_before_one_who_was_seen_in_it(clients: Clients) -> None:
    one, _, board = clients
    one.move("p3", TIE)
    tie_of(board, "p4", "p5")
    board.update_score("p4", "", 0)
    assert ids_of_tie(board) == ["p5"]
    assert not one.commit()


@pytest.mark.parametrize("members", [1, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 40])
def test_the_rule_holds_wherever_the_end_of_a_tie_is_in_its_leaf(clients: Clients, members: int) -> None:
    one, _, board = clients
    tie_of(board, *(f"p{player}" for player in range(members + 1)))
    board.update_score(f"p{members}", "", 0)  # the next to join gets a place that was taken before
    one.move("p1000", TIE)
    tie_of(board, "p1001", "p1002")
    board.update_score("p1001", "", 0)
    assert not one.commit()
    assert ids_of_tie(board)[-1] == "p1002"


def test_ties_of_a_board_of_one_leaf_stay_first_come_too(db: ZODB.DB) -> None:
    with ZODBLeaderboard(database=db) as board:
        tie_of(board, "a", "b")
        one, other = Client(db), Client(db)
        one.move("early", TIE)
        other.begin().remove("b")
        assert other.commit()
        assert not one.commit()
        one.session.close()
        other.session.close()


# ---------------------------------------------------------------------- version, feed, fence


def test_two_clients_raise_the_version_once_for_each_change_and_without_a_conflict(
    clients: tuple[Client, Client, ZODBLeaderboard],
) -> None:
    one, other, board = clients
    before = board.get_version()
    one.move("p10", 3.5)
    other.move("p1990", 15_003.5)
    assert one.commit()
    assert other.commit()
    assert board.get_version() == Version(before.history, before.number + 2)
    board._check()


def test_the_feed_of_two_clients_has_every_change_once_and_in_order(db: ZODB.DB) -> None:
    with (
        ZODBLeaderboard(database=db, feed=1000, attempts=200) as one,
        ZODBLeaderboard(database=db, attempts=200) as other,
    ):
        start = one.get_version()
        barrier = Barrier(2)

        def write(board: ZODBLeaderboard, letter: str) -> None:
            barrier.wait()
            for number in range(30):
                board.update_score(f"{letter}{number % 7}", "", number // 2)

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(write, one, "a"), pool.submit(write, other, "b")]:
                done.result(60)
        version, changes, _ = other.get_changes(start)
        assert [change.number for change in changes] == list(range(start.number + 1, version.number + 1))
        states = {change.player_id: change for change in changes}
        ranked = sorted(states.values(), key=lambda change: (-(change.score or 0), change.reached))
        assert [change.player_id for change in ranked] == [entry.player_id for entry in one]
        one._check()


def test_a_fence_stops_the_transaction_that_another_client_has_begun(
    clients: tuple[Client, Client, ZODBLeaderboard],
) -> None:
    one, _, board = clients
    one.move("p10", 3.5)
    board.fence("redis://new")
    assert not one.commit()
    with pytest.raises(BoardMovedError, match="has moved to redis://new"):
        board.update_score("p10", "", 4)
    board.lift_fence()
    board.update_score("p10", "", 4)
    assert board.get_score("p10") == 4


def test_a_feed_keeps_no_more_records_than_it_needs(tmp_path: Path) -> None:
    with ZODBLeaderboard(path=tmp_path / "board.fs", feed=20) as board:
        for number in range(100):
            board.update_score(f"p{number % 5}", "", number)
        version = board.get_version()
        assert len(board.get_changes(version._replace(number=80)).changes) == 20
        assert board._read(lambda stored: len(stored.feed.log) if stored.feed else 0) in range(20, 37)
        with pytest.raises(ChangesLostError, match="goes back to change 81"):
            board.get_changes(version._replace(number=79))
    with ZODBLeaderboard(path=tmp_path / "board.fs") as board:
        assert len(board.get_changes(version._replace(number=80)).changes) == 20
    with ZODBLeaderboard(path=tmp_path / "board.fs", feed=0) as board, pytest.raises(UnsupportedOperationError):
        board.get_changes(version)
