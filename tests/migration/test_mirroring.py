"""A mirror is equal to its source to the last tie, whatever the source sees meanwhile and whatever was there before."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leaderboard_backends import BoardMovedError, LeaderboardBackend, WriteOutcomeUnknownError, open_leaderboard
from leaderboard_backends.migration import streams
from leaderboard_backends.migration.mirroring import Mirror
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import ODD, TearingBoard, content, rows, shake

Open = Callable[..., LeaderboardBackend]


@pytest.fixture
def open_board() -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda url="memory://one", **options: stack.enter_context(open_leaderboard(url, feed=100_000, **options))


def mirrored(source: LeaderboardBackend, target: LeaderboardBackend, text: str = "mirror") -> Mirror:
    target.fence(text)
    return Mirror(source, target, text)


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize(
    "url", ["naive://two", "zodb+memory://two", pytest.param("fakeredis://two", marks=pytest.mark.proof)]
)
def test_a_mirror_has_what_its_source_has_after_every_step(open_board: Open, url: str, order: str, keep: str) -> None:
    chance = random.Random(f"{url} {order} {keep}")
    source = open_board(order=order)
    target = open_board(url, order=order, keep="last" if url.startswith("fake") else keep)
    source.update_scores([*ODD, *rows(60, 3)])
    target.update_scores([*rows(50, 4, seed=2), ("stranger", "", 2)])  # an earlier attempt may have left anything
    mirror = mirrored(source, target)
    mirror.begin()
    assert content(target) == content(source)
    for _ in range(40):
        shake(source, chance, chance.randrange(6))
        mirror.step()
        assert content(target) == content(source)
        assert mirror.behind().versions == 0


def test_a_source_may_be_written_while_it_is_read_and_compared(open_board: Open) -> None:
    chance = random.Random(7)
    source, target = open_board(), open_board("memory://two")
    source.update_scores(rows(6_000, 3))
    target.update_scores(rows(5_000, 3, seed=9))
    target.fence("mirror")
    heard = list[int]()

    def hear(done: int) -> None:
        heard.append(done)
        shake(source, chance, 30, players=6_500)

    mirror = Mirror(source, target, "mirror", hear=hear)
    mirror.begin()
    assert content(target) == content(source)
    assert heard


def test_a_rate_slows_the_first_copy_and_not_what_follows(open_board: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "time", SimpleNamespace(monotonic=lambda: 100.0))  # neither copies nor pauses take any
    waited = list[float]()
    source, target = open_board(), open_board("memory://two")
    source.update_scores(rows(5_300, 3))
    target.fence("mirror")
    mirror = Mirror(source, target, "mirror", rate=2_000, pause=waited.append)
    mirror.begin()
    assert waited[-1] == pytest.approx(5_300 / 2_000)
    waited.clear()
    shake(source, random.Random(1), 30)
    mirror.step()
    assert (waited, content(target)) == ([], content(source))


def test_what_a_torn_batch_left_is_put_right(open_board: Open) -> None:
    chance = random.Random(5)
    for attempt in range(12):
        source, inner = open_board(), open_board("memory://two")
        source.update_scores(rows(30, 2))
        inner.fence("mirror")
        target = TearingBoard(inner, chance.randrange(1, 4), chance)
        mirror = Mirror(source, target, "mirror")
        seen = 0
        for _ in range(40):
            try:
                mirror.begin() if not seen else mirror.step()
                seen += 1
                shake(source, chance, 3, players=30)
            except WriteOutcomeUnknownError:
                target._left = chance.randrange(6)
        target._left = 10_000
        mirror.begin() if not seen else mirror.step()
        assert content(inner) == content(source), attempt


def test_a_mirror_whose_fence_was_taken_over_writes_nothing(open_board: Open) -> None:
    source, target = open_board(), open_board("memory://two")
    source.update_scores(rows(20, 2))
    mirror = mirrored(source, target)
    mirror.begin()
    before = content(target)
    for state in ("another", None):
        target.lift_fence() if state is None else target.fence(state)
        source.update_score("late", "", 1 if state else 2)
        for call in (mirror.step, mirror.begin):
            with pytest.raises(BoardMovedError):
                call()
        assert content(target) == before


def test_where_the_feed_begins_anew_all_is_compared_anew(open_board: Open) -> None:
    source, target = open_board("naive://one"), open_board("memory://two")
    source.update_scores(rows(20, 2))
    mirror = mirrored(source, target)
    mirror.begin()
    source._changes.restart()  # type: ignore[attr-defined]
    source.update_score("player-1", "", 9)
    mirror.step()
    assert content(target) == content(source)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True, directory=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.proof  # the walk does it, too
def test_storages_mirror_each_other(open_board: Open, server: EmbeddedServer, tmp_path: Path) -> None:
    chance = random.Random(3)
    urls = [f"{server.url}?board=mirror", f"sqlite://{tmp_path}/a.db", f"zodb://{tmp_path}/a.fs", "memory://last"]
    boards = [open_board(url) for url in urls]
    boards[0].update_scores([*ODD, *rows(1_300, 3)])
    for source, target in pairwise(boards):
        mirror = mirrored(source, target)
        mirror.begin()
        shake(source, chance, 60, players=1_300)
        mirror.step()
        assert content(target) == content(source)
        target.lift_fence()


@pytest.mark.proof  # as above
def test_a_board_over_shards_is_mirrored_and_mirrors(open_board: Open) -> None:
    chance = random.Random(11)
    with EmbeddedCluster() as cluster:
        shards: list[Any] = [open_board(cluster.url, board=name, shards=8) for name in ("one", "two")]
        plain = open_board("memory://plain")
        shards[0].update_scores(rows(300, 3))
        for source, target in ((shards[0], plain), (plain, shards[1]), (shards[1], shards[0])):
            mirror = mirrored(source, target)
            mirror.begin()
            for _ in range(8):
                shake(source, chance, 12, players=300)
                mirror.step()
                assert content(target) == content(source)
            target.lift_fence()
