"""A live migration between two servers: how far the target is behind, how long writers wait, what reads cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep

from paired import Bar, microseconds, paired_times, ratio_bar, ratios
from players import load, trace

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration import Migration, Switched
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

BEHIND_BAR = 0.05
PAUSE_BAR = 1.0
REDIS_BAR = 1.1
RATE = 2_000
WRITERS = 3
PROBES = 600
WARM_UP = 100
"""Probes that are left out: the follower is still catching up with what came while it read both boards."""
FEED = 1_000_000


def bars(players: int) -> Iterator[Bar]:
    """Measure a migration of so many players at 2,000 updates per second."""
    with ExitStack() as stack:
        servers = [stack.enter_context(EmbeddedServer(NO_PASSWORD)) for _ in range(2)]
        folder = Path(stack.enter_context(TemporaryDirectory()))
        yield from _moving([server.unix_url for server in servers], players, folder)
        yield from _costs(servers[0].unix_url)


def _moving(urls: Sequence[str], players: int, folder: Path) -> Iterator[Bar]:
    rows = load(players)
    with ExitStack() as stack:
        source, target = (stack.enter_context(open_leaderboard(url, feed=FEED)) for url in urls)
        source.update_scores(rows)
        migration = Migration(source, target)
        began = perf_counter()
        migration.start(until_caught_up=True)
        copied = perf_counter() - began
        with _writers(urls, rows, folder) as end:
            with Child[object](lambda _: _follow(urls), 3_600):
                _wait(lambda: _seen(source, target, 0))
                behind = sorted([*_behind(source, target)][WARM_UP:])
            steps = {
                name: _timed(step)
                for name, step in (("cut-over", migration.cut_over), ("roll-back", migration.roll_back))
            }
            calls = end()
    per_second = sum(count for count, _ in calls) / sum(seconds for _, seconds in calls) * len(calls)
    where = f"redis to redis, {players:,} players, {per_second:,.0f} updates per second of {WRITERS} processes"
    p99 = quantiles(behind, n=100)[98]
    yield Bar(
        f"following, p99 behind, {where}", p99 * 1000, BEHIND_BAR * 1000, "ms", behind[0] * 1000, behind[-1] * 1000
    )
    for name, (switched, seconds) in steps.items():
        yield from _step_bars(name, switched, seconds, where)
    copy = players / copied
    yield Bar(f"first copy, {where}", copy, inf, "players per second", copy, copy)


def _timed(step: Callable[[], Switched]) -> tuple[Switched, float]:
    began = perf_counter()
    return step(), perf_counter() - began


def _step_bars(name: str, switched: Switched, seconds: float, where: str) -> Iterator[Bar]:
    """Yield what a cut-over or a roll-back costs: the pause of writers, and the comparisons before and after it."""
    pause, before, after = switched.pause, switched.before, switched.after
    assert pause is not None
    assert before is not None
    assert after is not None
    assert before.equal
    assert after.equal
    yield Bar(
        f"pause of a {name}, {where}", pause, PAUSE_BAR, "s", pause, pause, note=f"{switched.compared} compared in it"
    )
    took = {"before": before.seconds, "after": after.seconds}
    for when, value in took.items():
        yield Bar(f"comparison {when} a {name}, {where}", value, inf, "s", value, value)
    yield Bar(f"all of a {name}, {where}", seconds, inf, "s", seconds, seconds)


def _follow(urls: Sequence[str]) -> None:
    with open_leaderboard(urls[0], feed=FEED) as source, open_leaderboard(urls[1], feed=FEED) as target:
        Migration(source, target).start()


def _behind(source: LeaderboardBackend, target: LeaderboardBackend) -> Iterator[float]:
    """Yield the seconds from the acknowledgement of a write to its being read from the target."""
    for number in range(1, PROBES + 1):
        source.update_score("probe", "", number)
        written = monotonic()
        while target.get_score("probe") != number:
            sleep(0.0005)
        yield monotonic() - written
        sleep(0.01)


def _seen(source: LeaderboardBackend, target: LeaderboardBackend, number: int) -> bool:
    source.update_score("probe", "", number)
    sleep(0.05)
    return target.get_score("probe") == number


def _wait(is_so: Callable[[], bool]) -> None:
    until = monotonic() + 3_000
    while not is_so():
        assert monotonic() < until
        sleep(0.05)


@contextmanager
def _writers(
    urls: Sequence[str], rows: list[tuple[str, str, int]], folder: Path
) -> Iterator[Callable[[], list[tuple[int, float]]]]:
    """Have processes write at a pace to a board that moves; what is yielded ends them and returns their calls."""
    stop = folder / "stop"

    def work(number: int) -> Callable[[Callable[[object], None]], None]:
        def run(tell: Callable[[object], None]) -> None:
            updates = trace(rows[number::WRITERS], 200_000)
            with open_leaderboard(urls[0], migration={"to": urls[1]}) as board:
                tell("ready")
                due = began = monotonic()
                for count, update in enumerate(updates):
                    if count % 20 == 0 and stop.exists():
                        break
                    board.update_score(*update)
                    due += WRITERS / RATE
                    if (left := due - monotonic()) > 0:
                        sleep(left)
                tell((count, monotonic() - began))

        return run

    with ExitStack() as stack:
        children = [stack.enter_context(Child[object](work(number), 3_600)) for number in range(WRITERS)]
        for child in children:
            assert next(child) == "ready"

        def end() -> list[tuple[int, float]]:
            stop.touch()
            return [told for child in children if isinstance(told := next(child), tuple)]

        yield end


def _costs(url: str) -> Iterator[Bar]:
    """Measure reads of a board that moves against those of a plain one, on a server and in this process."""
    rows = load(10_000)
    with ExitStack() as stack:
        for name, plain_url, calls in (("redis", f"{url}?board=costs", 20_000), ("memory", "memory://costs", 200_000)):
            plain = stack.enter_context(open_leaderboard(plain_url))
            moving = stack.enter_context(open_leaderboard(plain_url, migration={"to": f"{url}?board=costs-target"}))
            for board in {plain, moving} if name == "memory" else {plain}:
                board.update_scores(rows)
            times = _reads(moving, plain, rows, calls)
            bar = REDIS_BAR if name == "redis" else inf
            what = f"get_rank of a board that moves against a plain one, {name}"
            yield ratio_bar(what, ratios(times), bar, note=microseconds(times))


def _reads(
    ours: LeaderboardBackend, theirs: LeaderboardBackend, rows: list[tuple[str, str, int]], calls: int
) -> list[tuple[float, float]]:
    players = [row[0] for row in rows]

    def reading(board: LeaderboardBackend) -> Callable[[int, int], None]:
        def read(start: int, stop: int) -> None:
            for at in range(start, stop):
                board.get_rank(players[at % len(players)])

        return read

    return paired_times(reading(ours), reading(theirs), calls, 40)
