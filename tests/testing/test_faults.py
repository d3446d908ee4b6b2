"""The fault tests on boards with one bug each, on a real server and in real files: every bug must be caught.

Beside them stand two plain boards in a file that have no bug, which must pass.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from leaderboard_backends import (
    BackendError,
    BackendFullError,
    BackendUnavailableError,
    Capabilities,
    Entry,
    LeaderboardBackend,
    Score,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import FileFaults, ServerFaults
from leaderboard_backends.testing.honesty import HonestKit
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.testing.trials import ALWAYS


class Watching:
    """Keeps the outcomes of a pytest run, with what was printed."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.text = ""
        self.figures = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.outcomes.append(report.outcome)
            self.text += report.longreprtext + report.capstdout
            self.figures += str(dict(report.user_properties).get("figures", ""))


def run(kit: type[HonestKit], test: str = "") -> Watching:
    """Run a class of this file, or one test of it, as its author would."""
    node = f"{__file__}::{kit.__name__}" + (f"::{test}" if test else "")
    options = ["-c", os.devnull, f"--rootdir={Path(__file__).parent}", f"--override-ini=python_classes={kit.__name__}"]
    watching = Watching()
    with redirect_stdout(io.StringIO()):
        pytest.main(
            [node, *options, "--import-mode=importlib", "-pno:cacheprovider", "-pno:faulthandler", "-q", "-Werror"],
            plugins=[watching],
        )
    return watching


# ---------------------------------------------------------------------- boards on a server


class Redis(ServerFaults):
    """A board on a server of its own; subclasses wrap it in a bug."""

    increments = 200
    steps = 60
    restarts = 4
    settings = ALWAYS

    def start_server(self, directory: Path) -> EmbeddedServer:
        return EmbeddedServer({**NO_PASSWORD, **self.settings}, tcp=True, directory=directory).start()

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = f"redis://127.0.0.1:{port}/0"
        return self.wrap(open_leaderboard(url, board=name, socket_timeout=self.reply_timeout, **options))

    def wrap(self, board: LeaderboardBackend) -> LeaderboardBackend:
        return board


class Retries(DelegatingLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with suppress(WriteOutcomeUnknownError):
            return super()._increment_score(player_id, username, delta)
        return super()._increment_score(player_id, username, delta)


class SaysYes(DelegatingLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with suppress(BackendError):
            return super()._increment_score(player_id, username, delta)
        return Entry(1, player_id, username, delta)


class SaysNo(DelegatingLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        try:
            return super()._increment_score(player_id, username, delta)
        except WriteOutcomeUnknownError as error:
            raise BackendUnavailableError("nothing was applied") from error


class OneByOne(DelegatingLeaderboard):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            super()._update_scores([update])


class CountsTheLostBatch(DelegatingLeaderboard):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        try:
            super()._update_scores(updates)
        except BackendError as error:
            error.applied += 500
            raise


class GuessesReads(DelegatingLeaderboard):
    def _get_entry(self, player_id: str) -> Entry | None:
        with suppress(BackendUnavailableError):
            return super()._get_entry(player_id)
        return None

    def _get_score(self, player_id: str) -> Score | None:
        with suppress(BackendUnavailableError):
            return super()._get_score(player_id)
        return None

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        with suppress(BackendUnavailableError):
            return super()._get_range(first_rank, last_rank)
        return []


class BareErrors(DelegatingLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        try:
            return super()._update_score(player_id, username, score)
        except BackendError as error:
            raise ConnectionError("lost") from error


class GivesUp(DelegatingLeaderboard):
    failed = False

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if self.failed:
            raise BackendUnavailableError("open the board again")
        try:
            return super()._update_score(player_id, username, score)
        except BackendError:
            self.failed = True
            raise


class KeepsTheLock(DelegatingLeaderboard):
    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self._lock = Lock()

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        self._lock.acquire()
        entry = super()._increment_score(player_id, username, delta)
        self._lock.release()
        return entry


class RedisKeepsTheLock(Redis):
    wrap = staticmethod(KeepsTheLock)  # type: ignore[assignment] # a class that takes a board


class RedisRetries(Redis):
    wrap = staticmethod(Retries)  # type: ignore[assignment] # a class that takes a board


class RedisSaysYes(Redis):
    wrap = staticmethod(SaysYes)  # type: ignore[assignment] # as above


class RedisSaysNo(Redis):
    wrap = staticmethod(SaysNo)  # type: ignore[assignment] # as above


class RedisOneByOne(Redis):
    wrap = staticmethod(OneByOne)  # type: ignore[assignment] # as above


class RedisCountsTheLostBatch(Redis):
    wrap = staticmethod(CountsTheLostBatch)  # type: ignore[assignment] # as above


class RedisGuessesReads(Redis):
    wrap = staticmethod(GuessesReads)  # type: ignore[assignment] # as above


class RedisBareErrors(Redis):
    wrap = staticmethod(BareErrors)  # type: ignore[assignment] # as above


class RedisGivesUp(Redis):
    wrap = staticmethod(GivesUp)  # type: ignore[assignment] # as above


class RedisForgets(Redis):
    settings = {"appendonly": "no"}  # noqa: RUF012 - a constant


class RedisHangs(Redis):
    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(f"redis://127.0.0.1:{port}/0", board=name, socket_timeout=3600, **options)


INCREMENTS = "test_increments_whose_replies_are_lost_are_applied_once_or_not_at_all"
EACH_WRITE = "test_each_write_whose_reply_is_lost_happens_whole_or_not_at_all[descending-last]"
LONG_LOAD = "test_a_long_load_whose_replies_are_lost_says_how_much_of_it_stands"
HISTORY = "test_a_history_with_lost_replies_is_linearizable"
KILLED_SERVER = "test_a_server_killed_and_restarted_amid_updates_loses_no_acknowledged_write"
FROZEN = "test_a_frozen_server_holds_no_call_up_beyond_the_time_out"
NO_SERVER = "test_without_a_server_every_call_says_so_at_once"


@pytest.mark.parametrize(
    ("kit", "test", "says"),
    [
        (RedisRetries, INCREMENTS, r"lost 0, duplicated [1-9]"),
        (RedisSaysYes, INCREMENTS, r"lost [1-9]"),
        (RedisSaysYes, FROZEN, "increment_score 0 answered"),
        (RedisSaysNo, INCREMENTS, r"lost 0, duplicated 0, applied although refused [1-9]\d*, partly applied 0"),
        (RedisOneByOne, EACH_WRITE, r"partly applied 1"),
        (RedisCountsTheLostBatch, LONG_LOAD, r"lost [1-9]"),
        (RedisGuessesReads, HISTORY, "not linearizable"),
        (RedisGuessesReads, FROZEN, "get_entry answered None"),
        (RedisGuessesReads, NO_SERVER, "get_entry answered None"),
        (RedisBareErrors, EACH_WRITE, "ConnectionError: lost"),
        (RedisBareErrors, KILLED_SERVER, "ConnectionError: lost"),
        (RedisGivesUp, KILLED_SERVER, "open the board again"),
        (RedisForgets, KILLED_SERVER, r"lost [1-9]"),
        (RedisHangs, FROZEN, r"increment_score 0 did not end within 3 s"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_bug_on_a_server_is_caught(kit: type[HonestKit], test: str, says: str) -> None:
    expect_failure(run(kit, test), says)


def test_threads_that_hang_are_told_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_backends.testing.faults.server.LIMIT", 2.0)
    found = run(RedisKeepsTheLock, INCREMENTS)
    assert found.outcomes == ["failed"]
    assert "4 of 4 threads still hang in a call of the board after 2 s" in found.text


def expect_failure(found: Watching, says: str) -> None:
    assert found.outcomes == ["failed"]
    assert re.search(says, found.text), found.text
    assert found.figures


# ---------------------------------------------------------------------- boards in files


class Journal(NaiveLeaderboard):
    """A board in a file with a line for each write, which it replays when it opens; it never syncs."""

    capabilities = Capabilities(durable=True, shared=False)

    def __init__(self, path: Path, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._path = path
        path.touch()
        lines = path.read_bytes().splitlines(keepends=True)
        whole = next((at for at, line in enumerate(lines) if not self._replay(line)), len(lines))
        self._cut(sum(map(len, lines[:whole])))
        self._file = path.open("ab", buffering=0)

    def _replay(self, line: bytes) -> bool:
        try:
            hook, arguments = json.loads(line)
        except ValueError:
            return False
        if line.endswith(b"\n"):
            getattr(NaiveLeaderboard, hook)(self, *arguments)
        return line.endswith(b"\n")

    def _cut(self, size: int) -> None:
        os.truncate(self._path, size)

    def _write(self, hook: str, *arguments: Any) -> Any:
        self._append(json.dumps([hook, arguments]).encode() + b"\n")
        return getattr(NaiveLeaderboard, hook)(self, *arguments)

    def _append(self, data: bytes) -> None:
        size = self._path.stat().st_size
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._cut(size)
            raise BackendFullError("the disk is full; nothing was applied.") from error

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank: int = self._write("_update_score", player_id, username, score)
        return rank

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        entry: Entry = self._write("_increment_score", player_id, username, delta)
        return entry

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._write("_update_scores", updates)

    def _remove_player(self, player_id: str) -> bool:
        removed: bool = self._write("_remove_player", player_id)
        return removed

    def _clear(self) -> None:
        self._write("_clear")

    def _close(self) -> None:
        self._file.close()


class Buffering(Journal):
    waiting = b""
    lines = 0

    def _append(self, data: bytes) -> None:
        self.waiting += data
        self.lines += 1
        if self.lines % 10 == 0:
            self._flush()

    def _flush(self) -> None:
        super()._append(self.waiting)
        self.waiting = b""

    def _close(self) -> None:
        self._flush()
        super()._close()


class LinePerUpdate(Journal):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            self._write("_update_score", *update)


class LeavesTheTornLine(Journal):
    def _cut(self, size: int) -> None:
        pass


class AppliesFirst(Journal):
    def _write(self, hook: str, *arguments: Any) -> Any:
        answer = getattr(NaiveLeaderboard, hook)(self, *arguments)
        self._append(json.dumps([hook, arguments]).encode() + b"\n")
        return answer


class IgnoresTheFullDisk(Journal):
    def _append(self, data: bytes) -> None:
        with suppress(BackendFullError):
            super()._append(data)


class BareFullDisk(Journal):
    def _append(self, data: bytes) -> None:
        try:
            super()._append(data)
        except BackendFullError as error:
            raise OSError("File too large") from error


class WholeFile(Journal):
    """A board that writes all it has with each write, into a new file that takes the place of the old one."""

    def __init__(self, path: Path, name: str, **options: Any) -> None:
        super().__init__(path, name, **options)
        self._text = path.read_bytes()

    def _append(self, data: bytes) -> None:
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(self._text + data)
        except OSError as error:
            raise BackendFullError("the disk is full; nothing was applied.") from error
        new.replace(self._path)
        self._text += data


class InPlace(WholeFile):
    def _append(self, data: bytes) -> None:
        self._text += data
        self._path.write_bytes(self._text)


class InAFile(FileFaults):
    """A board in a file; subclasses say which."""

    kills = 12
    board: type[Journal]

    def make_in(self, directory: Path, *, name: str, **options: Any) -> LeaderboardBackend:
        return self.board(directory / "board.journal", name, **options)


class JournalFile(InAFile):
    board = Journal


class WholeFileFile(InAFile):
    board = WholeFile


class BufferingFile(InAFile):
    board = Buffering


class LinePerUpdateFile(InAFile):
    board = LinePerUpdate


class LeavesTheTornLineFile(InAFile):
    board = LeavesTheTornLine


class AppliesFirstFile(InAFile):
    board = AppliesFirst


class IgnoresTheFullDiskFile(InAFile):
    board = IgnoresTheFullDisk


class BareFullDiskFile(InAFile):
    board = BareFullDisk


class InPlaceFile(InAFile):
    board = InPlace
    kills = 40


KILLED = "test_kill_9_in_the_middle_of_commits_loses_no_acknowledged_write"
CUT_OFF = "test_a_torn_end_is_the_state_before_or_after_the_last_write[cut off-a new file]"
ZEROED = "test_a_torn_end_is_the_state_before_or_after_the_last_write[zeroed-a new file]"
MOUNTED = "test_a_mounted_disk_without_room_is_a_full_disk_too"
FULL = "test_a_full_disk_refuses_writes_serves_reads_and_goes_on_when_there_is_room"


@pytest.mark.parametrize("kit", [JournalFile, pytest.param(WholeFileFile, marks=pytest.mark.proof)])
def test_a_plain_board_that_writes_before_it_answers_passes_though_it_never_syncs(kit: type[HonestKit]) -> None:
    found = run(kit)
    assert found.outcomes == ["passed"] * 7, found.text
    assert "lost 0, duplicated 0, applied although refused 0, partly applied 0" in found.figures
    assert ("24 ends cut off" if kit is JournalFile else "0 ends cut off") in found.figures


def test_where_nothing_may_be_mounted_the_figures_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", Unprivileged)
    found = run(JournalFile, MOUNTED)
    assert found.outcomes == ["passed"], found.text
    assert found.figures.startswith("files that may not grow, as no disk can be mounted here, 4 times: ")


class OverShards(Journal):
    capabilities = replace(Journal.capabilities, consistency="per player")


class OverShardsFile(InAFile):
    board = OverShards


def test_a_board_over_shards_is_not_judged_by_what_one_server_or_file_must_do() -> None:
    found = run(OverShardsFile)
    assert found.outcomes == ["failed"]
    assert "NOT RUN: OverShards is consistent per player" in found.text


class Unprivileged:
    def __init__(self, *_: object, **__: object) -> None:
        self.unshare = lambda _: -1


@pytest.mark.parametrize(
    ("kit", "test", "says"),
    [
        (BufferingFile, KILLED, r"lost [1-9]"),
        (LinePerUpdateFile, KILLED, r"partly applied 1"),
        (LinePerUpdateFile, CUT_OFF, r"partly applied 1"),
        (LinePerUpdateFile, ZEROED, r"partly applied 1"),
        (LeavesTheTornLineFile, CUT_OFF, r"lost 1"),
        (
            LeavesTheTornLineFile,
            ZEROED,
            r"of board.journal, which the last write made \d+ bytes longer, the last 1 bytes",
        ),
        (LeavesTheTornLineFile, FULL, r"lost [1-9]"),
        (AppliesFirstFile, FULL, r"applied although refused 1"),
        (AppliesFirstFile, MOUNTED, r"applied although refused 1"),
        (IgnoresTheFullDiskFile, FULL, "no write was refused"),
        (BareFullDiskFile, FULL, "File too large"),
        (InPlaceFile, KILLED, r"lost [1-9]|torn 1"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_bug_in_a_file_is_caught(kit: type[HonestKit], test: str, says: str) -> None:
    expect_failure(run(kit, test), says)


def test_a_class_without_what_its_author_writes_says_what_is_missing() -> None:
    assert "make_in(self, directory, **options)" in run(Nothing, KILLED).text
    assert "start_server(self, directory)" in raised(lambda: NoServer().start_server(Path()))
    assert "make_at(self, port, **options)" in raised(
        lambda: NoServer().make_at(1, name="x", order="descending", keep="last")
    )


class Nothing(FileFaults):
    pass


class NoServer(ServerFaults):
    pass


def raised(call: Callable[[], object]) -> str:
    with pytest.raises(NotImplementedError) as caught:
        call()
    return str(caught.value)
