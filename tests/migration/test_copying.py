"""A copy is the same to the last tie, whatever interrupts it, and is refused where it could not be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from leaderboard_backends import (
    BackendFullError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    Capabilities,
    Entry,
    InvalidArgumentError,
    LeaderboardBackend,
    UpdateRefusedError,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.answers import Answer, answered
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import TargetLimits, copy_board, plan_copy, streams, verify_boards
from leaderboard_backends.migration.copying import BATCH
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import ODD, Row, TearingBoard, content, rows

TIED = rows(5_300, 3)
BOARDS = {"empty": [], "one player": [("ada", "Ada", 0)], "odd": ODD, "all tied": rows(3_001, 1), "ties": TIED}


@pytest.fixture
def open_board() -> Iterator[Callable[..., LeaderboardBackend]]:
    with ExitStack() as stack:
        yield lambda url="memory://one", **options: stack.enter_context(open_leaderboard(url, **options))


@pytest.fixture
def source(open_board: Callable[..., LeaderboardBackend]) -> LeaderboardBackend:
    board = open_board()
    board.update_scores(TIED)
    return board


@pytest.fixture
def target(open_board: Callable[..., LeaderboardBackend]) -> LeaderboardBackend:
    return open_board("memory://other")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer({**NO_PASSWORD, "appendonly": "yes"}, tcp=True, directory=tmp_path) as running:
        yield running


# ---------------------------------------------------------------------- the same


@pytest.mark.parametrize("players", BOARDS.values(), ids=BOARDS)
@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_copy_is_the_same_to_the_last_tie(
    open_board: Callable[..., LeaderboardBackend], players: list[Row], order: str, keep: str
) -> None:
    source, target = open_board(order=order, keep=keep), open_board("naive://other", order=order, keep=keep)
    source.update_scores(players)
    done = copy_board(source, target)
    assert content(target) == content(source)
    assert (done.players, done.written) == (len(players), len(players))


def test_a_board_goes_from_storage_to_storage_and_is_what_it_was(tmp_path: Path) -> None:
    with (
        EmbeddedServer(NO_PASSWORD, tcp=True) as server,
        EmbeddedCluster(primaries=2, replicas=0, node_timeout=60) as cluster,
    ):
        urls = [
            server.url,
            f"sqlite://{tmp_path}/board.db",
            f"zodb://{tmp_path}/board.fs",
            f"journal://{tmp_path}/boards",
            cluster.url,
            server.url_at(server.port).replace("/0", "/1"),
        ]
        with open_leaderboard(urls[0], board="weekly") as first:
            first.update_scores([*rows(2_100, 3), *ODD])
            expected = content(first)
        for source_url, target_url in pairwise(urls):
            with (
                open_leaderboard(source_url, board="weekly") as source,
                open_leaderboard(target_url, board="weekly") as target,
            ):
                copy_board(source, target)
                assert content(target) == expected, target_url
                assert verify_boards(source, target).equal


def test_a_plug_in_that_only_implements_the_contract_is_copied_and_a_change_shows_when_verified(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    class Plain(DelegatingLeaderboard):
        def __init__(self, inner: LeaderboardBackend) -> None:
            super().__init__(inner)
            self.capabilities = Capabilities(durable=False, shared=False)

    plain, first = Plain(source), source.get_top_n(1)[0]
    assert any("the source has no version" in note for note in plan_copy(plain, target).notes)
    copy_board(plain, target, hear=lambda players: source.update_score(first.player_id, str(players), first.score))
    found = verify_boards(plain, Plain(target), wait=0)
    assert [(each.kind, each.player_id) for each in found.differences] == [("username", first.player_id)]
    assert found.at_rest is None


def test_two_copies_at_once_end_with_one_board_that_is_right(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    """Whoever writes a batch first has seen all before it there."""
    done = Crew([lambda: copy_board(source, target, resume=True)] * 2).join(60)
    assert [each.players for each in done] == [len(TIED)] * 2
    assert content(target) == content(source)


# ---------------------------------------------------------------------- interrupted


@pytest.mark.parametrize("seed", range(12))
def test_a_copy_goes_on_after_batches_of_which_any_part_was_applied(
    source: LeaderboardBackend, target: LeaderboardBackend, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        with pytest.raises(WriteOutcomeUnknownError):
            copy_board(source, TearingBoard(target, chance.randrange(2), chance), resume=True)
    copy_board(source, target, resume=True)
    assert content(target) == content(source)


def test_a_copy_that_is_complete_is_resumed_by_doing_nothing(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    copy_board(source, target)
    before, heard = target.get_version(), list[int]()
    done = copy_board(source, target, resume=True, hear=heard.append)
    assert (done.players, done.written, target.get_version()) == (len(TIED), 0, before)
    assert heard[-1] == len(TIED)


@pytest.mark.parametrize("lost", ["source", "target"])
def test_a_server_that_dies_amid_a_copy_is_an_error_and_the_copy_goes_on_when_it_is_back(
    server: EmbeddedServer, target: LeaderboardBackend, lost: str
) -> None:
    """Of a target, the last second may be lost; what is left of it are the first players."""

    def kill(players: int) -> None:
        if players == 2 * BATCH:
            server.kill()

    with open_leaderboard(server.url, board="weekly") as remote:
        source, other = (remote, target) if lost == "source" else (target, remote)
        source.update_scores(TIED)
        with pytest.raises(BackendUnavailableError):
            copy_board(source, other, hear=kill)
        server.start()
        assert copy_board(source, other, resume=True).written >= len(TIED) - 2 * BATCH
        assert content(other) == content(source)


def test_a_target_that_is_full_has_the_first_players_and_goes_on_with_more_room(
    server: EmbeddedServer, source: LeaderboardBackend, open_board: Callable[..., LeaderboardBackend]
) -> None:
    import redis  # noqa: PLC0415 - a plain client, for its settings

    with redis.Redis(port=server.port) as client:
        target = open_board(server.url, board="weekly")
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
        with pytest.raises(BackendFullError):
            copy_board(source, target)
        stored = len(target)
        assert 0 < stored < len(TIED)
        assert content(target) == content(source)[:stored]
        client.config_set("maxmemory", 0)
        copy_board(source, target, resume=True)
    assert content(target) == content(source)


# ---------------------------------------------------------------------- refused


def test_a_target_with_players_is_refused_unless_it_is_told(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    target.update_score("ada", "Ada", 1)
    with pytest.raises(BoardMismatchError, match="has 1 players already: clear it, or resume"):
        copy_board(source, target)
    assert content(target) == [(1, "ada", "Ada", 1)]


def rescored(board: LeaderboardBackend, entry: Entry) -> None:
    board.update_score(entry.player_id, entry.username, entry.score + 0.5)


def renamed(board: LeaderboardBackend, entry: Entry) -> None:
    board.update_score(entry.player_id, entry.username.upper(), entry.score)


def recased(board: LeaderboardBackend, entry: Entry) -> None:
    board.remove_player(entry.player_id)
    board.update_score(entry.player_id.upper(), entry.username, entry.score)


def placed_last(board: LeaderboardBackend, entry: Entry) -> None:
    board.remove_player(entry.player_id)
    board.update_score(entry.player_id, entry.username, entry.score)


def removed(board: LeaderboardBackend, entry: Entry) -> None:
    board.remove_player(entry.player_id)


def joined(board: LeaderboardBackend, entry: Entry) -> None:
    board.update_score("new", "", entry.score + 0.25)


@pytest.mark.parametrize("resume", [False, True])
def test_a_board_is_no_target_of_itself_whatever_its_url_says(tmp_path: Path, resume: bool) -> None:  # noqa: FBT001 - a case
    (tmp_path / "link").symlink_to(tmp_path)
    places = (tmp_path / "board.db", tmp_path / "link" / "board.db")
    with ExitStack() as stack:
        one, two = (stack.enter_context(open_leaderboard(f"sqlite://{place}?board=same")) for place in places)
        one.update_score("ada", "Ada", 1)
        with pytest.raises(BoardMismatchError, match=r"are one board, given by two URLs .* clear nothing"):
            copy_board(one, two, resume=resume)


@pytest.mark.parametrize("change", [rescored, renamed, recased, placed_last, removed, joined])
@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("rank", [3, 1900])
def test_what_is_no_beginning_of_the_source_is_refused_and_left_alone(
    source: LeaderboardBackend,
    target: LeaderboardBackend,
    change: Callable[[LeaderboardBackend, Entry], None],
    side: str,
    rank: int,
) -> None:
    """An early player counts as well as the last one; of two batches, so that more differs than a torn batch."""
    target.update_scores([entry[1:] for entry in source.get_top_n(3 * BATCH)])
    changed = {"source": source, "target": target}[side]
    change(changed, changed.get_range(rank, rank)[0])
    before = content(target)
    with pytest.raises(BoardMismatchError, match="is not the beginning of the source: at rank"):
        copy_board(source, target, resume=True)
    assert content(target) == before


def test_players_beyond_the_end_of_the_source_are_refused(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    target.update_scores([entry[1:] for entry in source])
    target.update_score("beyond", "", -1)
    with pytest.raises(BoardMismatchError, match="it has 'beyond' with -1, and the source nobody"):
        copy_board(source, target, resume=True)


def test_a_source_that_changes_meanwhile_stops_the_copy(source: LeaderboardBackend, target: LeaderboardBackend) -> None:
    before = content(source)
    with pytest.raises(BoardMismatchError, match="the source changed while it was copied"):
        copy_board(source, target, hear=lambda players: source.update_score("late", "", players))
    assert content(target) == before[:BATCH]


def test_a_target_that_somebody_else_writes_is_noticed_at_the_end(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    with pytest.raises(BoardMismatchError, match="and the target has 5,301"):
        copy_board(source, target, hear=lambda _: target.update_score("stranger", "", 1))


def test_other_rules_of_the_target_are_told_or_refused(
    source: LeaderboardBackend, open_board: Callable[..., LeaderboardBackend]
) -> None:
    ascending = open_board("memory://other", order="ascending", keep="best")
    plan = plan_copy(source, ascending)
    assert "the source is descending and the target ascending" in plan.problems[0]
    assert any("keep=last, the target with keep=best" in note for note in plan.notes)
    with pytest.raises(BoardMismatchError, match="open both with the same order"):
        copy_board(source, ascending)
    fenced = open_board("memory://third")
    fenced.fence("redis://cache/0?board=weekly")
    with pytest.raises(BoardMovedError, match="it has moved to redis://cache/0"):
        copy_board(source, fenced)


@pytest.mark.parametrize(
    ("limits", "player"),
    [
        (TargetLimits(score_max=4), ("over", "", 5)),
        (TargetLimits(score_min=0), ("under", "", -1)),
        (TargetLimits(max_username_bytes=9), ("long", "é" * 5, 3)),
        (TargetLimits(max_player_id_bytes=9), ("é" * 5, "", 3)),
    ],
)
def test_a_player_whom_the_targets_own_limits_refuse_stops_the_copy(
    open_board: Callable[..., LeaderboardBackend],
    target: LeaderboardBackend,
    limits: TargetLimits,
    player: tuple[str, str, int],
) -> None:
    source = open_board()
    source.update_scores([("fine", "fine", 4), player])
    with pytest.raises(UpdateRefusedError, match="the target does not allow the player") as caught:
        copy_board(source, target, limits=limits)
    assert getattr(limits, caught.value.rule) != getattr(TargetLimits(), caught.value.rule)
    assert len(target) == 0


def test_an_answer_that_is_not_of_the_storage_itself_is_not_copied(
    source: LeaderboardBackend, target: LeaderboardBackend
) -> None:
    class Late(DelegatingLeaderboard):
        def _iterate(self) -> Iterator[Entry]:
            answered(Answer("partial", 0.0))
            yield from self.inner

    with pytest.raises(BackendUnavailableError, match="a part of the board is partial"):
        copy_board(Late(source), target)
    assert len(target) == 0


# ---------------------------------------------------------------------- slowly


def test_a_rate_makes_small_batches_and_waits_between_them(
    source: LeaderboardBackend, target: LeaderboardBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "time", SimpleNamespace(monotonic=lambda: 100.0))  # neither copies nor pauses take any
    waited, heard = list[float](), [0]
    copy_board(source, target, rate=2_000, hear=heard.append, pause=waited.append)
    assert max(after - before for before, after in pairwise(heard)) == 200
    assert len(waited) == 27
    assert waited[-1] == pytest.approx(5_300 / 2_000)
    assert content(target) == content(source)
    waited.clear()
    copy_board(source, target, resume=True, rate=2_000, pause=waited.append)
    assert waited[-1] == pytest.approx(5_300 / 2_000)  # to compare both reads as many
    waited.clear()
    verify_boards(source, target, rate=2_000, pause=waited.append)
    assert waited[-1] == pytest.approx(5_300 / 2_000)


@pytest.mark.parametrize("rate", [0, -1, 1e-20, float("nan"), float("inf")])
def test_a_rate_is_a_number_above_0(source: LeaderboardBackend, target: LeaderboardBackend, rate: float) -> None:
    with pytest.raises(InvalidArgumentError, match="players per second, a number above 0"):
        copy_board(source, target, rate=rate)
