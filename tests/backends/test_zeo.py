"""Boards on a ZEO server, and in what ZODB's configuration describes: what several clients do to each other."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from importlib import import_module
from pathlib import Path
from sqlite3 import OperationalError
from threading import Thread
from time import monotonic
from typing import Any

import pytest
import ZODB
from zc.lockfile import LockFile
from ZEO.ClientStorage import ClientStorage
from ZODB.POSException import ConflictError

from leaderboard_backends import (
    BackendUnavailableError,
    ConfigurationError,
    LeaderboardBackend,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.backends.zodb.configured import ConfiguredLeaderboard
from leaderboard_backends.backends.zodb.keys import score_prefix
from leaderboard_backends.backends.zodb.order import StoredBoard
from leaderboard_backends.backends.zodb.served import BoardConnection, ServedDatabase
from leaderboard_backends.backends.zodb.session import Named, Session
from leaderboard_backends.backends.zodb.zeo import ZEOLeaderboard
from leaderboard_backends.errors import MissingExtraError, RankUnknownError
from leaderboard_backends.testing.faults.callers import await_service
from leaderboard_backends.testing.faults.proxy import Proxy
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.zeo import EmbeddedZEO

PLAYERS = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedZEO]:
    with EmbeddedZEO() as running:
        yield running


@pytest.fixture
def two(server: EmbeddedZEO, request: pytest.FixtureRequest) -> Iterator[tuple[LeaderboardBackend, LeaderboardBackend]]:
    """Two clients of one board, each with a connection of its own."""
    name = f"board-{abs(hash(request.node.name))}"
    with (
        open_leaderboard(server.url, board=name) as one,
        open_leaderboard(server.url, board=name, client_label="other") as other,
    ):
        one.update_scores([(f"p{player}", "", player * 10) for player in range(100)])
        yield one, other


# ---------------------------------------------------------------------- conflicts


@pytest.mark.parametrize("where", ["false", pytest.param("true", marks=pytest.mark.proof)])
def test_two_clients_always_at_once_conflict_in_under_five_percent_of_commits(where: str) -> None:
    """Each commit finds one of the other client since its own begin; resolved at the server, or in the client."""
    chance = random.Random(1)
    with EmbeddedZEO({"client-conflict-resolution": where}) as server:
        with open_leaderboard(server.url, batch_size=PLAYERS) as board:
            board.update_scores([(f"p{player}", "", chance.randrange(10**6)) for player in range(PLAYERS)])
        databases = [ZODB.DB(ClientStorage(str(server.socket_path))) for _ in range(2)]
        sessions = [Session(db, None) for db in databases]
        conflicts = attempts = 0
        for _ in range(100):
            for session in sessions:
                prefix = score_prefix(chance.randrange(10**6), descending=True)
                stored = session.write(Named("default", descending=True))
                stored.place(f"p{chance.randrange(PLAYERS)}", "", prefix, best_only=False)
            for session in sessions:
                attempts += 1
                try:
                    session.commit()
                except ConflictError:
                    conflicts += 1
                    session.forget()
        for session, db in zip(sessions, databases, strict=True):
            session.close()
            db.close()
        with open_leaderboard(server.url) as board:
            assert isinstance(board, ZEOLeaderboard)
            board._check()
    assert conflicts / attempts < 0.05


# ---------------------------------------------------------------------- the rank of an update


def test_a_rank_counts_what_was_committed_between_begin_and_commit(
    two: tuple[LeaderboardBackend, LeaderboardBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    original: Callable[..., bytes] = StoredBoard.place

    def place_while_another_commits(stored: StoredBoard, *args: str | bytes, best_only: bool) -> bytes:
        key = original(stored, *args, best_only=best_only)
        monkeypatch.undo()
        assert other.update_score("p1", "", 5000) == 1
        return key

    monkeypatch.setattr(StoredBoard, "place", place_while_another_commits)
    assert one.update_score("p50", "", 505) == 51  # below p1, which had 10 when this transaction began


def before_an_answer(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Act once after the next commit, before its answer."""
    original = BoardConnection.tpc_finish

    def finish_and_act(connection: BoardConnection, transaction: object) -> None:
        original(connection, transaction)
        monkeypatch.undo()
        act()

    monkeypatch.setattr(BoardConnection, "tpc_finish", finish_and_act)


def test_a_rank_leaves_out_what_was_committed_after_it(
    two: tuple[LeaderboardBackend, LeaderboardBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    before_an_answer(monkeypatch, lambda: other.update_scores([("p1", "", 5000), ("p50", "", 1)]))
    assert one.update_score("p50", "", 505) == 50
    assert one.get_score("p50") == 1


def test_a_rank_that_a_pack_made_unknown_is_an_error_which_says_that_the_write_was_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(tmp_path, f"<filestorage>\npath {tmp_path}/b.fs\n</filestorage>") as board:
        assert isinstance(board, ConfiguredLeaderboard)
        board.update_scores([("p1", "", 1), ("p2", "", 2)])

        def overwrite() -> None:
            """Do what another client does: in this thread, the board itself is in the middle of a call."""
            session = board._database.take()
            stored = session.write(board._board)
            stored.place("p1", "", score_prefix(5, descending=True), best_only=False)
            session.commit()
            session.db.pack(days=0)
            board._database.give(session)

        before_an_answer(monkeypatch, overwrite)
        with pytest.raises(RankUnknownError, match="was applied"):
            board.update_score("p1", "", 3)
        assert board.get_score("p1") == 5


# ---------------------------------------------------------------------- servers that fail


def test_a_server_that_is_gone_is_an_error_in_time_and_serves_again_once_it_is_back() -> None:
    with EmbeddedZEO() as server, open_leaderboard(server.url, wait_timeout=1) as board:
        assert board.update_score("ada", "Ada", 1) == 1
        server.kill()
        start = monotonic()
        for call in (partial(board.update_score, "ada", "Ada", 2), partial(board.get_rank, "ada"), board.ping):
            with pytest.raises(BackendUnavailableError):
                call()
        with pytest.raises(BackendUnavailableError, match="wait_timeout"):
            open_leaderboard(server.url, wait_timeout=1, client_label="late")
        assert monotonic() - start < 20
        server.start()
        await_service(board)
        assert board.get_score("ada") == 1


def test_a_frozen_server_holds_no_call_up_beyond_the_time_out() -> None:
    with EmbeddedZEO() as server, open_leaderboard(server.url, wait_timeout=1, reply_timeout=1) as board:
        server.freeze()
        try:
            start = monotonic()
            for call in (partial(board.update_score, "ada", "Ada", 2), partial(board.get_rank, "ada")):
                with pytest.raises(BackendUnavailableError):
                    call()
            assert monotonic() - start < 20
        finally:
            server.thaw()


def test_a_lost_reply_to_a_commit_is_an_unknown_outcome_and_one_before_it_is_none() -> None:
    with (
        EmbeddedZEO(tcp=True) as server,
        Proxy(server.port) as proxy,
        open_leaderboard(server.url, board="b") as direct,
        open_leaderboard(server.url_at(proxy.port), board="b", wait_timeout=1.5) as board,
    ):
        board.increment_score("ada", "Ada", 1)
        before = proxy.turns
        board.increment_score("ada", "Ada", 1)
        turns = proxy.turns - before
        for passing, error, standing in (
            (turns - 1, WriteOutcomeUnknownError, 3),
            (turns - 2, BackendUnavailableError, 3),
        ):
            proxy.passing, proxy.mode = passing, "lose replies"
            with pytest.raises(error):
                board.increment_score("ada", "Ada", 1)
            proxy.mode = "pass"
            await_service(board)
            assert board.get_score("ada") == direct.get_score("ada") == standing


# ---------------------------------------------------------------------- URLs, options, places


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("zeo://user:hunter2@host/", "no users and passwords"),
        ("zeo://host/path", "has a path"),
        ("zeo://h1,h2/", "several hosts"),
        ("zeo://", "no absolute path"),
        ("zeo://host?password=hunter2", "no users and passwords"),
        ("zeo://host?cache_size=20XB", "whole number"),
        ("zeo://host?min_disconnect_poll=3", "no option"),
    ],
)
def test_a_url_of_no_server_is_refused_with_words(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        open_leaderboard(url)
    assert "hunter2" not in str(caught.value)


def test_the_options_of_zodburi_are_taken(server: EmbeddedZEO) -> None:
    with (
        open_leaderboard(
            f"{server.url}?board=weekly&storage=1&wait_timeout=3&cache_size=1MB&client_label=app&connection_cache_size=500"
        ) as board,
        open_leaderboard(server.url, survives="everything") as declared,
    ):
        info = board.storage_info()
        assert (info.kind, info.server, board.name) == ("server", server.url, "weekly")
        assert info.machine_crash.amount == "not known"
        assert board.storage.startswith("ZEO 6")
        assert declared.storage_info().machine_crash[::2] == ("everything", True)


def test_a_cache_file_that_cannot_be_had_is_an_error_that_names_its_options(tmp_path: Path) -> None:
    url, why = "zeo:///nowhere/zeo.sock", "process has its cache file"
    with closing(LockFile(str(tmp_path / "app-1.zec.lock"))), pytest.raises(BackendUnavailableError, match=why):
        open_leaderboard(url, client="app", var=str(tmp_path))
    with pytest.raises(BackendUnavailableError, match=why):
        open_leaderboard(url, client="app", var=str(tmp_path / "missing"))


def test_boards_of_a_process_with_the_same_options_share_a_connection(server: EmbeddedZEO) -> None:
    with open_leaderboard(server.url, board="one") as one, open_leaderboard(server.url, board="two") as two:
        assert isinstance(one, ZEOLeaderboard)
        assert isinstance(two, ZEOLeaderboard)
        assert one._database is two._database


def test_a_board_that_is_closed_right_after_an_interrupt_closes_its_connection(server: EmbeddedZEO) -> None:
    board = open_leaderboard(server.url, client_label="interrupted")
    assert isinstance(board, ZEOLeaderboard)
    database = board._database
    assert isinstance(database, ServedDatabase)
    client = database.storage._server
    database.drop(database.take())  # as where an interrupt went through a call
    board.close()
    assert client.is_closed()


def test_writers_that_wait_for_each_other_do_not_wait_for_a_lost_server_in_turn() -> None:
    with EmbeddedZEO() as server, open_leaderboard(server.url, wait_timeout=1, reply_timeout=1) as board:
        server.freeze()
        failed: list[Exception] = []

        def write() -> None:
            try:
                board.update_score("ada", "Ada", 1)
            except BackendUnavailableError as error:
                failed.append(error)

        threads = [Thread(target=write) for _ in range(12)]
        start = monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        took = monotonic() - start
        server.thaw()
        assert len(failed) == 12
        assert took < 12  # in turn it would be 24 and more


# ---------------------------------------------------------------------- ZODB's configuration


def configured(folder: Path, text: str, **options: object) -> LeaderboardBackend:
    (folder / "zodb.conf").write_text(text)
    return open_leaderboard(f"zodb+config://{folder}/zodb.conf", **options)


def test_a_zeo_client_of_a_configuration_sees_what_others_were_told(server: EmbeddedZEO, tmp_path: Path) -> None:
    text = f"<zodb main>\n<zeoclient>\nserver {server.socket_path}\n</zeoclient>\n</zodb>\n"
    with (
        configured(tmp_path, text, board="seen", section="main") as board,
        open_leaderboard(server.url, board="seen") as other,
    ):
        assert (board.capabilities.shared, board.capabilities.lives_in) == (True, "server")
        for score in range(20):
            other.update_score("ada", "Ada", score)
            assert board.get_score("ada") == score


def test_a_client_sees_what_others_were_told_by_a_server_that_runs_on_uvloop(tmp_path: Path) -> None:
    """Such a server answers a reader before it tells it of a commit that it has acknowledged."""

    class OnUvloop(EmbeddedZEO):
        _program = ("-m", "ZEO.runzeo")

    with OnUvloop() as server:
        text = f"<zeoclient>\nserver {server.socket_path}\n</zeoclient>\n"
        with (
            open_leaderboard(server.url, board="told") as board,
            open_leaderboard(server.url, board="told", client_label="another") as another,
            configured(tmp_path, text, board="told") as described,
        ):
            for score in range(40):
                board.update_score("ada", "Ada", score)
                assert (another.get_score("ada"), described.get_score("ada")) == (score, score)
        server.kill()  # a signal to end does not always end it


@pytest.mark.parametrize(
    ("storage", "durable", "home"),
    [("<filestorage>\npath {folder}/b.fs\n</filestorage>", True, "files"), ("<mappingstorage/>", False, "process")],
)
def test_a_storage_of_one_process_is_not_said_to_be_shared(
    tmp_path: Path,
    storage: str,
    durable: bool,  # noqa: FBT001 - a parameter of the test
    home: str,
) -> None:
    with configured(tmp_path, storage.format(folder=tmp_path)) as board:
        assert board.update_score("ada", "Ada", 1) == 1
        promised = board.capabilities
        assert (promised.durable, promised.shared, promised.lives_in) == (durable, False, home)
        assert board.storage_info().kind == home


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "describes no storage"),
        ("<zodb>\n</zodb>", "without a storage"),
        ("%import nosuchstorage\n", "install what it imports"),
        ("<mappingstorage a/>\n", "it has a"),
    ],
)
def test_a_file_that_describes_no_such_storage_is_refused_with_words(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        configured(tmp_path, text, **({"section": "main"} if text.startswith("<map") else {}))
    with pytest.raises(ConfigurationError, match="is not a file"):
        open_leaderboard(f"zodb+config://{tmp_path}/nosuch.conf")


def test_a_password_in_the_file_stays_out_of_the_error(tmp_path: Path) -> None:
    text = (
        "%import relstorage\n<relstorage>\n<postgresql>\n"
        "driver psycopg2\ndsn dbname='zodb' password='hunter2' nonsense\n</postgresql>\n</relstorage>\n"
    )
    with pytest.raises((BackendUnavailableError, MissingExtraError)) as caught:
        configured(tmp_path, text)
    assert "hunter2" not in str(caught.value)


def test_a_storage_on_sqlite_whose_tables_another_process_makes_opens_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What RelStorage raises where several processes open a new one at the same time."""
    text = f"%import relstorage\n<relstorage>\n<sqlite3>\ndata-dir {tmp_path}\n</sqlite3>\n</relstorage>\n"
    installer_of_tables = import_module("relstorage.adapters.sqlite.schema").Sqlite3SchemaInstaller
    prepare, raised = installer_of_tables.prepare, list[str]()

    def overtaken(installer: Any) -> None:
        if len(raised) < 3:
            raised.append("table commit_row_lock already exists")
            raise OperationalError(raised[-1])
        prepare(installer)

    monkeypatch.setattr(installer_of_tables, "prepare", overtaken)
    with configured(tmp_path, text) as board:
        assert board.update_score("ada", "Ada", 1) == 1
    assert len(raised) == 3


def test_a_child_on_sqlite_loses_nothing_when_its_parent_closes_the_file(tmp_path: Path) -> None:
    text = f"%import relstorage\n<relstorage>\n<sqlite3>\ndata-dir {tmp_path}\n</sqlite3>\n</relstorage>\n"
    board = configured(tmp_path, text)
    board.increment_score("parent", "", 1)

    def work(tell: Callable[[float], None]) -> None:
        for _ in range(40):
            tell(board.increment_score("child", "", 1).score)
        board.close()

    with Child[float](work, 30) as child:
        assert next(child) == 1
        board.increment_score("parent", "", 1)
        board.close()
        assert list(child)[-1] == 40
    with configured(tmp_path, text) as again:
        assert (again.get_score("parent"), again.get_score("child")) == (2, 40)
