"""Each check finds what it is for, and only that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from prometheus_client import REGISTRY, generate_latest

from leaderboard_backends import ConfigurationError, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import RateLimitExceededError, UpdateRefusedError
from leaderboard_backends.hardening.observability.alerts import Alert
from leaderboard_backends.hardening.observability.rules import alerting_rules
from leaderboard_backends.hardening.observability.settings import DEFAULTS
from leaderboard_backends.hardening.rate_limiting import RateLimitedLeaderboard
from leaderboard_backends.hardening.validation import ValidatedLeaderboard
from leaderboard_backends.model import Score
from leaderboard_backends.preflight.access import _of_zeo, check_access
from leaderboard_backends.preflight.alerts import check_alerts
from leaderboard_backends.preflight.backup import restore_entries, write_entries
from leaderboard_backends.preflight.degradation import check_degradation
from leaderboard_backends.preflight.finding import Finding, failed, not_applicable, passed, together, warning
from leaderboard_backends.preflight.load import check_load
from leaderboard_backends.preflight.memory import check_eviction
from leaderboard_backends.preflight.metrics import check_metrics
from leaderboard_backends.preflight.persistence import check_persistence
from leaderboard_backends.preflight.rate_limit import check_rate_limit
from leaderboard_backends.preflight.replication import check_replication
from leaderboard_backends.preflight.subject import Subject
from leaderboard_backends.preflight.validation import BREAKING, READS, check_validation
from leaderboard_backends.preflight.workers import check_workers
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.zeo import EmbeddedZEO

from .boards import Opened, changed, good

Check = Callable[[Subject], Finding]


def found(folder: Path, check: Check, url: str = "memory://weekly", **tables: Any) -> Finding:
    with Opened(folder, changed(good(url), **tables)) as subject:
        return check(subject)


def test_several_findings_are_one_of_the_worst_status() -> None:
    assert together([passed("a"), not_applicable("b")]) == Finding("passed", "a; b", "")
    assert together([passed("a"), warning("b", "B."), passed("a")]) == Finding("warning", "a; b", "B.")
    assert together([failed("a", "A."), warning("b", "B."), failed("c", "A.")]) == Finding("failed", "a; b; c", "A. B.")


# ---------------------------------------------------------------------- load


def test_the_load_is_twice_what_is_expected_and_its_figures_are_of_each_operation(tmp_path: Path) -> None:
    finding = found(tmp_path, check_load)
    assert finding.status == "passed"
    assert finding.figure.startswith("2 x (100 updates + 100 reads) per second for 100 ms on 6,000 players; update ")
    assert [part.split()[0] for part in finding.figure.split("; ")[1:]] == ["update", "top-100", "rank", "no"]


def test_a_stall_is_seen_by_every_call_that_it_keeps_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stalls = iter([0.0] * 120 + [0.2] + [0.0] * 10_000)
    plain = ValidatedLeaderboard._get_rank

    def stalling(board: ValidatedLeaderboard, player_id: str) -> int | None:
        sleep(next(stalls))
        return plain(board, player_id)

    monkeypatch.setattr(ValidatedLeaderboard, "_get_rank", stalling)
    document = good("memory://weekly", update_latency=0.02, rank_latency=5)
    with Opened(tmp_path, document, seconds=2) as subject:
        finding = check_load(subject)
    assert finding.status == "failed"
    assert "update p99" in finding.figure
    assert "target 20.0 ms: missed" in finding.figure


def test_no_load_where_none_is_expected(tmp_path: Path) -> None:
    with Opened(tmp_path, good("memory://weekly", expected_updates=0, expected_reads=0)) as subject:
        assert check_load(subject).status == "not applicable"


def test_updates_say_when_their_scores_were_achieved_where_they_must(tmp_path: Path) -> None:
    rules = {"require_achieved_at": True, "max_age": 5, "max_n": 10, "max_player_id_bytes": 6, "score_max": 10}
    finding = found(tmp_path, check_load, validation=rules)
    assert "no errors" in finding.figure
    assert finding.status == "passed"


def test_there_are_players_enough_for_the_limit_of_each(tmp_path: Path) -> None:
    document = changed(good("memory://weekly", expected_players=10), rate_limit={"updates_a_minute": 1})
    with Opened(tmp_path, document) as subject:
        assert check_load(subject).status == "passed"
        assert subject.filled.players > 60


def test_players_whom_the_app_does_not_know_are_no_errors_of_the_load(tmp_path: Path) -> None:
    finding = found(tmp_path, check_load, validation={"player_exists": f"{__name__}:nobody", "score_max": 100})
    assert finding.status == "passed"


def nobody(player_id: str) -> bool:
    return not player_id


# ---------------------------------------------------------------------- rate limit


def test_a_limit_bites_and_says_for_how_long(tmp_path: Path) -> None:
    finding = found(tmp_path, check_rate_limit, rate_limit={"updates_a_minute": 5, "updates_a_second": 30})
    assert finding.status == "passed"
    assert "update 6 of a player within a minute is refused for " in finding.figure
    assert "update 31 of the board within a second is refused" in finding.figure


@pytest.mark.parametrize("amount", [1, 2, 60, 6000])
def test_a_limit_of_any_honest_size_is_tried(tmp_path: Path, amount: int) -> None:
    assert found(tmp_path, check_rate_limit, rate_limit={"updates_a_minute": amount}).status == "passed"


def test_the_default_is_60_updates_a_minute(tmp_path: Path) -> None:
    assert "update 61 of a player" in found(tmp_path, check_rate_limit, rate_limit=True).figure


def test_a_limit_that_several_processes_share_bites_too(tmp_path: Path, plain_server: EmbeddedServer) -> None:
    limit = {"updates_a_minute": 7, "updates_a_second": 1000, "storage": plain_server.unix_url, "timeout": 30}
    finding = found(tmp_path, check_rate_limit, rate_limit=limit)
    assert finding.status == "passed", finding


def test_a_board_limit_without_one_of_players_is_a_warning(tmp_path: Path) -> None:
    limit = {"updates_a_minute": False, "updates_a_second": 100}
    assert found(tmp_path, check_rate_limit, rate_limit=limit).status == "warning"


def test_a_limit_that_lets_all_pass_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimitedLeaderboard, "_update_score", DelegatingLeaderboard._update_score)
    finding = found(tmp_path, check_rate_limit)
    assert finding.status == "failed"
    assert "update 21 of a player" in finding.figure


def test_a_limit_that_refuses_everybody_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, bulk = RateLimitedLeaderboard._update_score, RateLimitedLeaderboard._update_scores

    def count_as_one(board: RateLimitedLeaderboard, _: str, username: str, score: Score) -> int:
        return plain(board, "everybody", username, score)

    def count_all_as_one(board: RateLimitedLeaderboard, updates: Sequence[tuple[str, str, Score]]) -> None:
        bulk(board, [("everybody", username, score) for _, username, score in updates])

    monkeypatch.setattr(RateLimitedLeaderboard, "_update_score", count_as_one)
    monkeypatch.setattr(RateLimitedLeaderboard, "_update_scores", count_all_as_one)
    finding = found(tmp_path, check_rate_limit)
    assert finding.figure == "one player's updates use up the limit of another"


def test_a_wrong_wait_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = RateLimitedLeaderboard._update_score

    def update(board: RateLimitedLeaderboard, player_id: str, username: str, score: Score) -> int:
        try:
            return plain(board, player_id, username, score)
        except RateLimitExceededError as error:
            raise RateLimitExceededError(str(error), retry_after=5) from error

    monkeypatch.setattr(RateLimitedLeaderboard, "_update_score", update)
    finding = found(tmp_path, check_rate_limit)
    assert finding.status == "failed"
    assert finding.figure.startswith("retry_after is 5.0 s, but should be")


# ---------------------------------------------------------------------- validation

ALL_RULES = {
    "score_min": 0,
    "score_max": 1000.5,
    "max_change": 100,
    "max_age": 3600,
    "max_ahead": 5,
    "require_achieved_at": True,
    "player_exists": f"{__name__}:nobody",
    "max_player_id_bytes": 20,
    "max_username_bytes": 20,
    "max_n": 100,
    "max_radius": 10,
    "max_ids": 50,
    "max_span": 100,
    "max_limit": 100,
}


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_every_rule_is_broken_once_and_refuses(tmp_path: Path, order: str, keep: str) -> None:
    finding = found(tmp_path, check_validation, validation=ALL_RULES, order=order, keep=keep)
    broken = {"max_change"} if (order, keep) == ("ascending", "best") else set()  # nothing is better than the best
    assert finding.status == "passed", finding
    rules = {*BREAKING, *READS}
    assert {name for name in rules if f"{name} refuses" in finding.figure} == rules - broken
    assert finding.figure.startswith("works: a valid update passes, ")


def test_rules_that_flag_are_seen_to_flag(tmp_path: Path) -> None:
    flags = {f"{what}_action": "flag" for what in ("score", "change", "time", "player", "text")}
    finding = found(tmp_path, check_validation, validation={**ALL_RULES, **flags})
    assert finding.status == "passed", finding
    assert all(f"{rule} flags" in finding.figure for rule in BREAKING)


def test_the_apps_own_hook_hears_nothing_of_the_drill(tmp_path: Path) -> None:
    heard.clear()
    finding = found(tmp_path, check_validation, validation={**ALL_RULES, "on_flag": f"{__name__}:hear"})
    assert finding.status == "passed"
    assert heard == []


heard: list[object] = []


def hear(told: object) -> None:
    heard.append(told)


def test_a_function_that_knows_everybody_is_found(tmp_path: Path) -> None:
    finding = found(tmp_path, check_validation, validation={**ALL_RULES, "player_exists": f"{__name__}:everybody"})
    assert finding.status == "failed"
    assert "player_exists returns True for a random player id" in finding.figure


def everybody(player_id: str) -> bool:
    return bool(player_id)


@pytest.mark.parametrize(("answers", "status"), [("nobody", "passed"), ("everybody", "failed")])
def test_coroutine_functions_of_an_asyncio_program_are_tried_too(tmp_path: Path, answers: str, status: str) -> None:
    hooks = {"player_exists": f"{__name__}:{answers}_in_time", "on_flag": f"{__name__}:hear_in_time"}
    assert found(tmp_path, check_validation, validation={**ALL_RULES, **hooks}).status == status


async def nobody_in_time(player_id: str) -> bool:
    return nobody(player_id)


async def everybody_in_time(player_id: str) -> bool:
    return everybody(player_id)


async def hear_in_time(told: object) -> None:
    hear(told)


def test_a_change_that_the_range_does_not_allow_cannot_be_broken(tmp_path: Path) -> None:
    finding = found(tmp_path, check_validation, validation={"score_min": 0, "score_max": 10, "max_change": 100})
    assert finding.status == "passed"
    assert "max_change cannot be tested: other rules refuse every update that breaks it" in finding.figure


@pytest.mark.parametrize(("rule", "hook"), [("score_max", "_update_score"), ("max_n", "_get_top_n")])
def test_a_rule_that_lets_pass_what_breaks_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, hook: str
) -> None:
    monkeypatch.setattr(ValidatedLeaderboard, hook, getattr(DelegatingLeaderboard, hook))
    finding = found(tmp_path, check_validation, validation={"score_max": 100, "max_n": 10})
    assert finding.status == "failed"
    assert rule in finding.figure.partition("works: ")[2].partition("; ")[2]
    assert "Report this as a bug of validation" in finding.todo


def test_the_extremes_of_scores_can_be_broken_or_are_said_not_to(tmp_path: Path) -> None:
    wide = {"score_min": -(2**53), "score_max": 2**53, "max_change": 2**53}
    assert found(tmp_path, check_validation, validation=wide).status == "passed"
    widest = {"score_min": -1.7976931348623157e308, "score_max": 1.7976931348623157e308}
    finding = found(tmp_path, check_validation, validation=widest)
    assert "score_max cannot be tested" in finding.figure


# ---------------------------------------------------------------------- metrics and alerts


def test_metrics_move_and_are_not_those_of_the_app(tmp_path: Path) -> None:
    finding = found(tmp_path, check_metrics)
    assert finding.status == "passed", finding
    assert "all counters move" in finding.figure
    assert b"preflight" not in generate_latest(REGISTRY)


def test_metrics_of_a_board_whose_calls_all_fail_do_not_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise UpdateRefusedError("no", "score_max")

    monkeypatch.setattr(ValidatedLeaderboard, "_update_score", refuse)
    with Opened(tmp_path, good("memory://weekly")) as subject:
        finding = check_metrics(subject)
    assert finding.status == "failed"
    assert "leaderboard_updates_total does not move" in finding.figure


def test_without_a_dashboard_the_metrics_are_a_warning(tmp_path: Path) -> None:
    document = good("memory://weekly")
    del document["preflight"]["weekly"]["dashboard"]
    with Opened(tmp_path, document) as subject:
        finding = check_metrics(subject)
    assert finding.status == "warning"
    assert "leaderboard monitoring dashboard" in finding.todo


def test_all_alerts_fire_and_end(tmp_path: Path) -> None:
    finding = found(tmp_path, check_alerts)
    assert finding.status == "passed", finding
    for name in ("UpdateLatencyWarning", "QueryLatencyCritical", "ErrorRateCritical", "UpdateRateWarning"):
        assert f"Leaderboard{name}" in finding.figure


def test_the_studys_thresholds_fire_as_they_are(tmp_path: Path) -> None:
    finding = found(tmp_path, check_alerts, monitoring={"alerts": True})
    assert finding.status == "passed", finding
    assert "LeaderboardUpdateRateWarning" in finding.figure


@pytest.mark.parametrize(
    "settings",
    [
        {"alert_for": 0},
        {"alert_for": 3600, "alert_interval": 0.1},
        {"alert_interval": 600},
        {"window": 5, "alert_samples": 10},
        {"latency_critical": 20, "latency_warning": 10, "error_rate": 0.99},
    ],
)
def test_alerts_fire_by_whatever_times_are_set(tmp_path: Path, settings: dict[str, Any]) -> None:
    finding = found(tmp_path, check_alerts, monitoring={"alerts": True, "update_rate": 10, **settings})
    assert finding.status == "passed", finding


def test_the_apps_own_hook_hears_one_alert_begin_and_end(tmp_path: Path) -> None:
    heard.clear()
    found(tmp_path, check_alerts, monitoring={"alerts": True, "on_alert": f"{__name__}:hear", "update_rate": 10})
    alerts = [alert for alert in heard if isinstance(alert, Alert)]
    assert [(alert.name, alert.resolved is None) for alert in alerts] == [
        ("LeaderboardErrorRateCritical", True),
        ("LeaderboardErrorRateCritical", False),
    ]
    assert all(alert.board.startswith("preflight-") for alert in alerts)


def test_a_hook_that_fails_is_found(tmp_path: Path) -> None:
    settings = {"alerts": True, "on_alert": f"{__name__}:fail", "update_rate": 10}
    finding = found(tmp_path, check_alerts, monitoring=settings)
    assert finding.status == "failed"
    assert "on_alert failed: ValueError: no pager" in finding.figure


def fail(alert: object) -> None:
    del alert
    raise ValueError("no pager")


def test_rules_that_prometheus_has_loaded_look_too(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(alerting_rules(DEFAULTS), encoding="utf-8")
    document = changed(good("memory://weekly", alert_rules="rules.yml"), monitoring={"update_rate": 10})
    with Opened(tmp_path, document) as subject:
        assert check_alerts(subject).status == "passed"


# ---------------------------------------------------------------------- degradation


@pytest.mark.parametrize(
    "settings",
    [
        True,
        {"cache_top": 100, "live_top": 10},
        {"failures": 0},
        {"failures": 500, "retry_after": 60},
        {"stale_entries": 0},
        {"stale_for": 1},
    ],
)
def test_degraded_answers_are_told_from_live_ones_by_whatever_is_set(tmp_path: Path, settings: Any) -> None:
    finding = found(tmp_path, check_degradation, degradation=settings)
    assert finding.status == "passed", finding
    assert "read-only mode refuses updates" in finding.figure
    assert "a read after the outage is live" in finding.figure


def test_what_is_cached_and_stale_is_said_to_be(tmp_path: Path) -> None:
    finding = found(tmp_path, check_degradation)
    assert "the second read of the top 100 is cached" in finding.figure
    assert "a read while the storage is down is stale, 2 s old" in finding.figure
    assert "an update while the storage is down is refused" in finding.figure


def test_degradation_with_time_outs_of_its_own_is_checked_on_a_server(
    tmp_path: Path, plain_server: EmbeddedServer
) -> None:
    finding = found(tmp_path, check_degradation, plain_server.unix_url, degradation={"read_timeout": 5})
    assert finding.status == "passed", finding


def test_without_degradation_there_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    assert found(tmp_path, check_degradation, degradation=None).status == "not applicable"


def test_the_board_is_as_it_was_after_read_only_mode(tmp_path: Path) -> None:
    with Opened(tmp_path, good("memory://weekly")) as subject:
        check_degradation(subject)
        subject.stack.update_score(*subject.traffic.draw_update())


# ---------------------------------------------------------------------- workers


@pytest.mark.parametrize(
    ("url", "workers", "status", "words"),
    [
        (
            "memory://weekly",
            4,
            "failed",
            "memory:// lives in one process: each worker would have its own separate board",
        ),
        ("fakeredis://weekly", 2, "failed", "fakeredis:// lives in one process"),
        ("zodb+memory://weekly", 2, "failed", "zodb+memory:// lives in one process"),
        ("zodb:///nowhere/board.fs", 2, "failed", "a zodb:// file serves one process at a time"),
        ("zodb:///nowhere/board.fs", 1, "passed", "one worker"),
        ("sqlite:///nowhere/board.db", 4, "passed", "any number of processes can share the board"),
        ("redis://nowhere", 4, "passed", "any number of processes can share the board"),
    ],
)
def test_a_board_of_one_process_is_refused_for_several_workers(
    tmp_path: Path, url: str, workers: int, status: str, words: str
) -> None:
    document = good(url, workers=workers)
    with Opened(tmp_path, changed(document, validation=None, rate_limit=None, monitoring=None)) as subject:
        finding = check_workers(subject)
    assert (finding.status, words in finding.figure) == (status, True), finding


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("<mappingstorage/>", "zodb+config:// lives in one process"),
        ("<filestorage>\npath {folder}/board.fs\n</filestorage>", "a zodb+config:// file serves one process at a time"),
    ],
)
def test_a_storage_that_a_file_describes_is_judged_once_it_is_open(tmp_path: Path, storage: str, words: str) -> None:
    (tmp_path / "zodb.conf").write_text(f"{storage.format(folder=tmp_path)}\n")
    document = good(f"zodb+config://{tmp_path}/zodb.conf", workers=4)
    with Opened(tmp_path, changed(document, validation=None, rate_limit=None, monitoring=None)) as subject:
        assert len(subject.stack) > 0
        finding = check_workers(subject)
    assert (finding.status, words in finding.figure) == ("failed", True), finding


def test_what_each_worker_would_do_for_itself_alone_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = good("sqlite:///nowhere/board.db", workers=4)
    with Opened(tmp_path, document) as subject:
        finding = check_workers(subject)
        assert finding.status == "warning"
        assert "they let 4 times as many updates through; 4 workers, but PROMETHEUS_MULTIPROC_DIR" in finding.figure
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        assert "PROMETHEUS_MULTIPROC_DIR" not in check_workers(subject).figure
    with Opened(tmp_path, changed(document, rate_limit={"storage": "redis://nowhere"})) as subject:
        assert check_workers(subject).status == "passed"


def test_rules_over_scores_that_the_storage_does_not_check_hold_for_one_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = changed(good("redis://nowhere", workers=2), rate_limit=None, monitoring=None)
    with Opened(tmp_path, document) as subject:
        backend = subject.opening.backend
        monkeypatch.setattr(backend, "capabilities", replace(backend.capabilities, limits=False))
        finding = check_workers(subject)
        assert finding.status == "warning"
        assert finding.figure.startswith("score_min, score_max, max_change of validation: the storage does not check")
        monkeypatch.setattr(backend, "capabilities", replace(backend.capabilities, limits=True))
        assert check_workers(subject).status == "passed"


# ---------------------------------------------------------------------- backup


@pytest.mark.parametrize(
    ("head", "text"),
    [
        ('["leaderboard-entries-2", "descending"]', "has the format 'leaderboard-entries-2', .*leaderboard copy"),
        ('["something", 1]', "is not a backup of a board's entries: it begins with 'something'"),
        ('["leaderboard-entries-1", "descending", 3]', "is incomplete: it has 2 of 3 players"),
        ('["leaderboard-entries-1", "ascending", 2]', "is a backup of a board with order ascending"),
        ("", "is not a backup of a board's entries, or it is damaged"),
    ],
)
def test_a_file_that_is_no_backup_of_this_format_and_board_says_what_it_is(
    head: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "entries"
    with open_leaderboard("memory://") as board, open_leaderboard("memory://") as restored:
        board.update_scores([("ada", "Ada", 1), ("bob", "", 0.5)])
        write_entries(board, path)
        rows = path.read_text().splitlines()[1:]
        path.write_text("\n".join([head, *rows]))
        with pytest.raises(ConfigurationError, match=text):
            restore_entries(path, restored)
        assert len(restored) == 0
        path.write_text("\n".join(['["leaderboard-entries-1", "descending", 2]', *rows]))
        assert restore_entries(path, restored) == 2


# ---------------------------------------------------------------------- replication


def test_a_primary_is_judged_by_the_replicas_that_follow_it(tmp_path: Path) -> None:
    with EmbeddedSentinel(replicas=1, settings={"min-replicas-to-write": "1"}) as group:
        url = f"{group.url}?{urlencode(group.options)}"
        good_one = found(tmp_path, check_replication, url)
        assert good_one.status == "passed"
        assert good_one.figure.startswith("replicas: 1, the slowest")
        assert good_one.figure.endswith("min-replicas-to-write 1")
        lone = found(tmp_path, check_replication, url.replace(f",127.0.0.1:{group.sentinels[1].port}", ""))
        assert (lone.status, "names 2 of the Sentinels" in lone.figure) == ("warning", True)
        (replica,) = group.replicas
        replica.kill()
        assert found(tmp_path, check_replication, url).status == "failed"


def test_a_primary_that_accepts_updates_alone_is_a_warning(tmp_path: Path) -> None:
    with EmbeddedSentinel(replicas=1) as group:
        finding = found(tmp_path, check_replication, f"{group.url}?{urlencode(group.options)}")
    assert finding.status == "warning"
    assert "Set min-replicas-to-write 1" in finding.todo


def test_each_primary_of_a_cluster_is_judged(tmp_path: Path) -> None:
    settings = {"min-replicas-to-write": "1", "cluster-require-full-coverage": "no"}
    with EmbeddedCluster(primaries=2, settings=settings) as cluster:
        url = f"{cluster.url}?shards=4"
        finding = found(tmp_path, check_replication, url)
        assert (finding.status, finding.figure) == (
            "passed",
            "primaries: 2, replicas of each: at least 1; min-replicas-to-write 1",
        )
        waiting = found(tmp_path, check_replication, f"{url}&wait_replicas=1")
        assert (waiting.status, waiting.todo) == ("warning", "Run at least 2 replicas of each primary.")
        primary = cluster.primaries[0]
        (replica,) = cluster.replicas_of(primary)
        replica.kill()
        lone = found(tmp_path, check_replication, url)
        assert lone.status == "failed"
        assert f"no replica follows 127.0.0.1:{primary.port}: no failover is possible" in lone.figure


def test_a_zeo_server_is_open_to_whoever_reaches_it(tmp_path: Path) -> None:
    with EmbeddedZEO(tcp=True) as server, Opened(tmp_path, good(server.url)) as subject:
        (remote,) = _of_zeo(subject.opening, local=False)
        findings = [check_access(subject), remote]
    assert [finding.status for finding in findings] == ["warning", "failed"]
    assert all("run code in the app" in finding.figure for finding in findings)


def test_what_one_primary_of_a_cluster_lacks_is_found(tmp_path: Path) -> None:
    settings = {"appendonly": "yes", "appendfsync": "always"}
    with EmbeddedCluster(primaries=2, replicas=0, node_timeout=60, settings=settings) as cluster:
        first, second = cluster.primaries
        with redis.Redis(port=second.port, password=second.password) as plain:
            plain.config_set("appendfsync", "everysec")
            plain.config_set("maxmemory-policy", "allkeys-lru")
        document = good(f"{cluster.url}?shards=4", durable=True)
        with Opened(tmp_path, document) as subject:
            kept, evicted, alone = check_persistence(subject), check_eviction(subject), check_replication(subject)
            assert "127.0.0.1" in check_access(subject).figure
    assert (kept.status, evicted.status, alone.status) == ("failed", "failed", "failed")
    assert "appendfsync always: every acknowledged" in kept.figure
    assert "appendfsync everysec: a crash loses" in kept.figure
    assert f"no replica follows 127.0.0.1:{first.port}, 127.0.0.1:{second.port}" in alone.figure
    assert "Set cluster-require-full-coverage no on all nodes." in alone.todo
