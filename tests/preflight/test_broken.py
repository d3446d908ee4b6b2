"""A board that is not ready fails where it is not, with the reason and what to do."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import redis
import trustme

from leaderboard_backends import open_leaderboard
from leaderboard_backends.preflight.degradation import check_degradation
from leaderboard_backends.preflight.finding import Finding, Status
from leaderboard_backends.preflight.persistence import check_persistence
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.usage import IN_MEMORY, file_system

from ..backends.redis.conftest import Proxy
from .boards import Document, Opened, changed, findings, good, of_status
from .conftest import PASSWORD

Break = Callable[[Document], Document]


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill a board with some thousand players, and make some thousand calls, however many are expected."""
    monkeypatch.setattr("leaderboard_backends.preflight.subject.MOST_PLAYERS", 6_000)
    monkeypatch.setattr("leaderboard_backends.preflight.subject.MOST_CALLS", 20_000)


def expecting(**expected: Any) -> Break:
    return lambda document: {**document, "preflight": {"weekly": {**document["preflight"]["weekly"], **expected}}}


def with_layers(**tables: Any) -> Break:
    return lambda document: changed(document, **tables)


BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "a limit that is off": (
        with_layers(rate_limit={"updates_a_minute": False}),
        "rate limit",
        "both limits are off",
        "Set updates_a_minute",
    ),
    "a limit that nobody reaches": (
        with_layers(rate_limit={"updates_a_minute": 1_000_000}),
        "rate limit",
        "1,000,000, 16,667 per second and player: it stops nobody",
        "the busiest honest player",
    ),
    "a limit that honest load does not fit": (
        with_layers(rate_limit={"updates_a_minute": 20, "updates_a_second": 20}),
        "load",
        "RateLimitExceededError",
        "Raise updates_a_second",
    ),
    "rules that let nobody join": (
        with_layers(validation={"score_min": 1000, "max_change": 10}),
        "validation",
        "a valid first update is refused",
        "Relax max_change",
    ),
    "ranges that contradict each other": (
        with_layers(validation={"score_min": 10, "score_max": 5}),
        "storage answers",
        "score_min 10 of validation is above score_max 5: no score is between them",
        "Correct boards.weekly in the file",
    ),
    "thresholds that contradict each other": (
        with_layers(monitoring={"latency_warning": 2, "latency_critical": 1}),
        "storage answers",
        "latency_warning=2 is above latency_critical=1",
        "Correct boards.weekly in the file",
    ),
    "a time-out that the backend does not have": (
        with_layers(degradation={"read_timeout": 1}),
        "storage answers",
        "read_timeout",
        "Correct boards.weekly in the file",
    ),
    "alerts that cannot fire": (
        with_layers(monitoring={"alerts": True, "error_rate": 1.0}),
        "alerts",
        "LeaderboardErrorRateCritical did not fire",
        "Lower alert_for, alert_samples or the thresholds",
    ),
    "memory where durable is expected": (
        expecting(durable=True),
        "persistence",
        "every update is lost",
        "Use a durable backend",
    ),
    "latency targets that nothing holds": (
        expecting(update_latency=1e-9),
        "load",
        "target 0.00100 µs: missed",
        "leaderboard advise",
    ),
    "a load that one client cannot make": (
        expecting(expected_updates=300_000, update_latency=0.05, top_latency=0.05, rank_latency=0.05),
        "load",
        "of 600,200 calls per second",
        "If several processes of the app share it",
    ),
    "a missing document": (
        expecting(disaster_recovery="nowhere.md"),
        "recovery plan",
        "nowhere.md: No such file or directory",
        "correct the path",
    ),
    "an empty document": (expecting(runbook="."), "runbook", "is empty or not a file", "Write it"),
    "a dashboard of something else": (expecting(dashboard="api.md"), "metrics", "api.md cannot be read", "Write it"),
    "rules that lack an alert": (
        expecting(alert_rules="runbook.md"),
        "alerts",
        "runbook.md lacks LeaderboardUpdateLatencyWarning",
        "Write it again: leaderboard monitoring rules",
    ),
    "more players than there is memory": (
        expecting(expected_players=10**12),
        "memory",
        "for 1,000,000,000,000 players, and",
        "Add memory",
    ),
    "read-only from the start": (
        with_layers(degradation={"read_only": True}),
        "degraded answers",
        "would refuse every update as soon as it starts",
        "Remove it from [boards.weekly.degradation]",
    ),
}


def broken_findings(folder: Path, case: tuple[Break, str, str, str], status: Status) -> tuple[dict[str, Finding], str]:
    """Break a good file, and return what was found and the check that is about it, which says so with its remedy."""
    broken, check, figure, todo = case
    found = findings(folder, broken(good("memory://weekly")))
    assert found[check].status == status
    assert figure in found[check].figure
    assert todo in found[check].todo
    return found, check


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_fails_alone_with_the_reason_and_the_remedy(tmp_path: Path, name: str) -> None:
    found, check = broken_findings(tmp_path, BROKEN[name], "failed")
    related = {"thresholds that contradict each other": {"alerts"}}
    assert set(of_status(found, "failed")) == {check, *related.get(name, set())}


LEFT_OUT: dict[str, tuple[Break, str, str, str]] = {
    "no rate limit": (
        with_layers(rate_limit=None),
        "rate limit",
        "no rate limit is set",
        "Add [boards.weekly.rate_limit] with updates_a_minute = 60",
    ),
    "no validation": (
        with_layers(validation=None),
        "validation",
        "validation is off",
        "Set score_min, score_max and max_change in [boards.weekly.validation]",
    ),
    "no monitoring": (
        with_layers(monitoring=None),
        "metrics",
        "monitoring is off, so nothing is measured",
        "Set monitoring = true in [boards.weekly]",
    ),
    "no rule over scores": (
        with_layers(validation=True),
        "validation",
        "no rule limits a score or its change",
        "Set score_min",
    ),
    "alerts that are off": (
        with_layers(monitoring={"update_rate": 50}),
        "alerts",
        "alerts are off, so nobody is notified",
        "Set alerts = true in [boards.weekly.monitoring]",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_part_that_is_left_out_is_a_warning_and_fails_nothing(tmp_path: Path, name: str) -> None:
    found, _ = broken_findings(tmp_path, LEFT_OUT[name], "warning")
    assert of_status(found, "failed") == {}


def test_a_storage_that_can_be_out_of_reach_is_warned_of_without_degradation(tmp_path: Path) -> None:
    document = changed(good(f"zodb://{tmp_path}/board.fs"), degradation=None)
    with Opened(tmp_path, document) as subject:
        finding = check_degradation(subject)
    assert finding.status == "warning"
    assert "while the storage does not answer, every read fails" in finding.figure
    assert "set degradation = true in [boards.weekly]" in finding.todo


# ---------------------------------------------------------------------- servers

SERVERS: dict[str, tuple[dict[str, str], dict[str, Any], str, str, str]] = {
    "keys that are evicted": (
        {"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"},
        {},
        "eviction",
        "maxmemory-policy allkeys-lru, maxmemory 105 MB: when memory is short, the server deletes boards",
        "Set maxmemory-policy noeviction",
    ),
    "nothing on the disk": (
        {},
        {"durable": True},
        "persistence",
        "appendonly no, no snapshots: a crash of the server loses every update",
        "Set appendonly yes and appendfsync always",
    ),
    "snapshots alone": (
        {"save": "3600 1"},
        {"durable": True},
        "persistence",
        "appendonly no, save 3600 1: a crash loses every update since the last snapshot",
        "Set appendonly yes and appendfsync always",
    ),
    "a log that is synced when the system likes": (
        {"appendonly": "yes", "appendfsync": "no"},
        {"durable": True},
        "persistence",
        "a power cut loses up to about 30 s of updates, but durable = true",
        "Set appendonly yes and appendfsync always",
    ),
    "a log that is synced once a second": (
        {"appendonly": "yes", "appendfsync": "everysec"},
        {"durable": True},
        "persistence",
        "appendfsync everysec: a crash loses about the last second of updates, but durable = true",
        "Set appendonly yes and appendfsync always",
    ),
    "no TLS where the server counts as remote": (
        {"requirepass": "x"},
        {"local": False},
        "access",
        "is remote, and the connection is not encrypted",
        "use a rediss:// URL",
    ),
    "no password where the server counts as remote": (
        {},
        {"local": False},
        "access",
        "accepts any client without a password",
        "Set requirepass",
    ),
    "too little memory": (
        {"maxmemory": "200mb"},
        {"expected_players": 100_000_000},
        "memory",
        "for 100,000,000 players, and",
        "Add memory",
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_is_not_ready_fails_with_the_reason_and_the_remedy(tmp_path: Path, name: str) -> None:
    settings, expected, check, figure, todo = SERVERS[name]
    with EmbeddedServer({**NO_PASSWORD, **settings}, tcp=True) as server:
        document = good(server.url, **{"expected_players": 6000, **expected})
        found = findings(tmp_path, document)
    assert found[check].status == "failed"
    assert figure in found[check].figure
    assert todo in found[check].todo
    assert "everysec" not in found[check].todo
    assert set(of_status(found, "failed")) == {check}


def persistence_of(folder: Path, url: str, *, durable: bool) -> Finding:
    with Opened(folder, good(url, durable=durable)) as subject:
        return check_persistence(subject)


@pytest.fixture(scope="module")
def hiding() -> Iterator[str]:
    """The URL of a server whose user may not ask for its settings, as with many hosting companies."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        client: Any = redis.Redis(port=server.port)
        with client:
            client.execute_command("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "+@all", "-config")
        yield f"redis://app:{PASSWORD}@127.0.0.1:{server.port}/0"


def test_both_settings_of_the_log_are_offered_only_where_updates_need_not_be_durable(
    tmp_path: Path, plain_server: EmbeddedServer
) -> None:
    with EmbeddedServer({**NO_PASSWORD, "appendonly": "yes", "appendfsync": "everysec"}) as server:
        assert persistence_of(tmp_path, server.unix_url, durable=False).status == "passed"
    lossy = persistence_of(tmp_path, plain_server.unix_url, durable=False)
    assert lossy.status == "warning"
    assert "everysec loses about the last second" in lossy.todo
    assert "durable = true" in lossy.todo


@pytest.mark.parametrize(
    ("declared", "durable", "status"),
    [
        ("", True, "warning"),
        ("?appendfsync=everysec", True, "failed"),
        ("?appendfsync=everysec", False, "passed"),
        ("?appendfsync=always", True, "passed"),
        ("?appendfsync=off", False, "warning"),
    ],
)
def test_a_server_that_hides_its_settings_is_judged_by_what_the_url_declares(
    tmp_path: Path, hiding: str, declared: str, status: str, *, durable: bool
) -> None:
    finding = persistence_of(tmp_path, f"{hiding}{declared}", durable=durable)
    assert finding.status == status, finding
    assert ("as declared" in str(finding)) == bool(declared)


@pytest.mark.parametrize(("synchronous", "status"), [("full", "passed"), ("normal", "failed")])
def test_a_file_whose_commits_are_not_synced_is_not_durable(tmp_path: Path, synchronous: str, status: str) -> None:
    url = f"sqlite://{tmp_path}/board.db?synchronous={synchronous}"
    assert persistence_of(tmp_path, url, durable=False).status == "passed"
    finding = persistence_of(tmp_path, url, durable=True)
    assert finding.status == status
    assert ("synchronous=full" in finding.todo) == (status == "failed")


def own_address() -> str:
    """Return an address of this machine that is not its loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))  # sends nothing; it only picks the interface
        address: str = probe.getsockname()[0]
    return address


def test_a_server_at_another_address_needs_tls_and_a_password(tmp_path: Path) -> None:
    settings = {**NO_PASSWORD, "bind": f"127.0.0.1 {own_address()}", "protected-mode": "no"}
    with EmbeddedServer(settings, tcp=True) as server:
        found = findings(tmp_path, good(f"redis://{own_address()}:{server.port}/0"))
    assert found["access"].status == "failed"
    assert "the connection is not encrypted" in found["access"].figure
    assert "accepts any client without a password" in found["access"].figure


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def encrypted(ready_server: EmbeddedServer, authority: trustme.CA, tmp_path: Path) -> Iterator[str]:
    """The ready server behind TLS, which the wheel builds it without: the URL, with the password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    end = Proxy(ready_server.port, context)
    yield f"rediss://:{PASSWORD}@localhost:{end.port}/0?ssl_ca_certs={tmp_path}/authority.pem"
    end.close()


def test_a_remote_server_that_proves_itself_and_asks_for_a_password_passes(tmp_path: Path, encrypted: str) -> None:
    found = findings(tmp_path, good(encrypted, local=False, durable=True))
    assert of_status(found, "failed") == {}
    assert found["access"].figure == "the server at localhost uses TLS; a password is required"


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_check_hostname=false"])
def test_a_remote_server_that_need_not_prove_itself_fails(tmp_path: Path, encrypted: str, option: str) -> None:
    found = findings(tmp_path, good(f"{encrypted}&{option}", local=False, durable=True))
    assert list(of_status(found, "failed")) == ["access"]
    assert f"is not fully checked ({option})" in found["access"].figure
    assert f"Remove {option.partition('=')[0]}" in found["access"].todo


def test_a_local_server_without_a_password_or_a_bound_is_a_warning(
    tmp_path: Path, plain_server: EmbeddedServer
) -> None:
    found = findings(tmp_path, good(plain_server.url))
    assert set(of_status(found, "warning")) == {"access", "eviction", "persistence"}
    assert "accepts any user of this machine without a password" in found["access"].figure
    assert (
        "maxmemory 0 (no limit): when memory runs out, the operating system kills the server"
        in found["eviction"].figure
    )
    assert of_status(found, "failed") == {}


def test_a_server_that_is_down_is_one_failed_line(tmp_path: Path) -> None:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        url = server.url
    found = findings(tmp_path, good(url))
    assert list(of_status(found, "failed")) == ["storage answers"]
    assert "Start the storage" in found["storage answers"].todo
    assert found["load"].figure == "not checked: the storage does not answer"
    assert found["alerts"].status == "passed"


def test_a_storage_of_the_limit_that_is_down_is_found(tmp_path: Path) -> None:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        url = server.url
    limit = {"updates_a_minute": 20, "storage": url}
    found = findings(tmp_path, changed(good("memory://weekly"), rate_limit=limit))
    assert found["rate limit"].status == "failed"
    assert "the storage of the rate limit does not answer" in found["rate limit"].figure


@pytest.mark.parametrize("trouble", [EmbeddedServer.freeze, EmbeddedServer.kill])
def test_a_server_that_goes_away_in_the_middle_is_asked_no_more_and_what_is_left_is_said(
    tmp_path: Path, trouble: Callable[[EmbeddedServer], None]
) -> None:
    with EmbeddedServer({"appendonly": "yes"}, tcp=True) as server:
        document = good(f"{server.url}?socket_timeout=1.5&connect_timeout=1.5")
        found = findings(tmp_path, document, progress=lambda check: trouble(server) if check == "validation" else None)
        server.thaw()
    assert found["rate limit"].status == "passed"
    assert list(of_status(found, "failed")) == ["validation", "clean-up"]
    assert found["metrics"].figure == "not checked: the storage does not answer"
    assert found["alerts"].status == "passed"
    assert found["clean-up"].figure.startswith("may be left on the storage: preflight-")
    assert "open_leaderboard(URL, board=NAME).delete()" in found["clean-up"].todo


def test_a_check_that_breaks_down_is_one_failed_line_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a check of a plug-in")

    monkeypatch.setattr("leaderboard_backends.preflight.load._warm_up", fail)
    found = findings(tmp_path, good("memory://weekly"))
    assert of_status(found, "failed") == {"load": "RuntimeError: a check of a plug-in"}


# ---------------------------------------------------------------------- files


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    shared = Path("/dev/shm")  # noqa: S108 - as the parent of a private folder
    if file_system(shared) not in IN_MEMORY:
        pytest.fail("this test needs a folder in memory, /dev/shm, as every Linux has one")
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_a_file_in_memory_is_no_file_on_a_disk(tmp_path: Path, memory_folder: Path) -> None:
    found = findings(tmp_path, good(f"zodb://{memory_folder}/board.fs", durable=True))
    assert found["persistence"].status == "failed"
    assert "is a tmpfs: its files are in memory" in found["persistence"].figure


@pytest.mark.parametrize("scheme", ["zodb", "journal"])
def test_a_link_leads_to_where_the_files_are(scheme: str, tmp_path: Path, memory_folder: Path) -> None:
    place, link = memory_folder / "boards", tmp_path / "boards"
    if scheme == "journal":
        place.mkdir()
    link.symlink_to(place)
    with Opened(tmp_path, good(f"{scheme}://{link}", durable=True)) as subject:
        assert "is a tmpfs: its files are in memory" in check_persistence(subject).figure


def test_a_folder_that_is_not_there_is_one_failed_line(tmp_path: Path) -> None:
    found = findings(tmp_path, good(f"zodb://{tmp_path}/nowhere/board.fs"))
    assert list(of_status(found, "failed")) == ["storage answers"]
    assert "nowhere" in found["storage answers"].figure


def test_a_disk_that_is_full_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard_backends.preflight.persistence.LEAST_FREE", 1e18)
    found = findings(tmp_path, good(f"zodb://{tmp_path}/board.fs"))
    assert found["persistence"].status == "failed"
    assert "Make room" in found["persistence"].todo


def test_a_file_whose_folder_is_there_and_which_may_not_be_made_fails(tmp_path: Path) -> None:
    found = findings(tmp_path, good(f"zodb://{tmp_path}/board.fs?create=false"))
    assert list(of_status(found, "failed")) == ["configured board"]
    assert "does not exist, and create = false" in found["configured board"].figure


def test_a_file_of_something_else_fails_and_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "board.fs"
    file.write_bytes(b"a letter" * 100)
    found = findings(tmp_path, good(f"zodb://{file}"))
    assert list(of_status(found, "failed")) == ["configured board"]
    assert file.read_bytes() == b"a letter" * 100


def test_a_folder_in_the_place_of_the_file_fails(tmp_path: Path) -> None:
    (tmp_path / "board.fs").mkdir()
    found = findings(tmp_path, good(f"zodb://{tmp_path}/board.fs"))
    assert found["configured board"].figure == f"{tmp_path}/board.fs is not a file"


def test_a_file_that_others_may_write_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "board.fs"
    with open_leaderboard(f"zodb://{file}?board=weekly") as board:
        board.update_score("ada", "Ada", 1)
    file.chmod(0o666)
    found = findings(tmp_path, good(f"zodb://{file}"))
    assert found["access"].status == "warning"
    assert found["access"].figure == f"its group and every user of this machine can write {file}"
    assert found["access"].todo == f"chmod go-w {file}"


@pytest.mark.parametrize("kind", ["server", "file"])
def test_a_board_that_stands_there_in_another_order_fails(tmp_path: Path, ready_url: str, kind: str) -> None:
    url = ready_url if kind == "server" else f"zodb://{tmp_path}/board.fs"
    with open_leaderboard(url, board="laps", order="ascending") as board:
        board.update_score("ada", "Ada", 61)
        found = findings(tmp_path, changed(good(url), board="laps"))
        board.clear()
    assert list(of_status(found, "failed")) == ["configured board"]
    assert "ascending" in found["configured board"].figure
    assert found["fat entries"].figure == "the configured board cannot be read (see above)"


# ---------------------------------------------------------------------- patterns


def sharded(players: int, *names: str) -> Document:
    document = good("memory://", expected_players=players)
    board, expected = document["boards"]["weekly"], document["preflight"]["weekly"]
    return {"boards": dict.fromkeys(names, board), "preflight": dict.fromkeys(names, expected)}


def test_shards_of_a_board_that_would_be_one_are_a_warning(tmp_path: Path) -> None:
    found = findings(tmp_path, sharded(1_000, "weekly-shard-0", "weekly-shard-1", "weekly_part2", "laps-shard-0"))
    assert found["premature sharding"].status == "warning"
    assert found["premature sharding"].figure == "one of 3 shards of 1,000 players each"
    assert "One board holds 1,000,000 players" in found["premature sharding"].todo


@pytest.mark.parametrize(
    ("players", "names"),
    [(900_000, ("a-shard-0", "a-shard-1")), (10, ("season-1", "season-2")), (10, ("a-shard-0", "b-shard-1"))],
)
def test_many_players_and_boards_of_their_own_are_no_premature_shards(
    tmp_path: Path, players: int, names: tuple[str, ...]
) -> None:
    assert findings(tmp_path, sharded(players, *names))["premature sharding"].status == "passed"


def test_an_order_that_nobody_asks_for_is_a_warning(tmp_path: Path) -> None:
    found = findings(tmp_path, good("memory://weekly", expected_reads=0))
    assert found["order where none is needed"].status == "warning"
    assert "Store the scores in a dict or a hash" in found["order where none is needed"].todo
    assert of_status(found, "failed") == {}


def test_sorting_at_every_query_is_a_warning_for_many_players(tmp_path: Path) -> None:
    found = findings(tmp_path, good("naive://weekly", expected_players=5_001))
    assert found["sorting at every query"].status == "warning"
    assert "Use memory://" in found["sorting at every query"].todo


def test_entries_with_profiles_in_their_names_are_a_warning(tmp_path: Path, ready_url: str) -> None:
    with open_leaderboard(ready_url, board="fat") as board:
        board.update_scores([(f"player-{number}", "likes long walks, " * 7, number) for number in range(50)])
        document = good(ready_url)
        document["boards"]["weekly"]["board"] = "fat"
        found = findings(tmp_path, document)
        board.clear()
    assert found["fat entries"].status == "warning"
    assert "Store only an id and a name on the board" in found["fat entries"].todo


def test_what_nobody_expects_is_a_warning(tmp_path: Path) -> None:
    document = good("memory://weekly")
    expected = document["preflight"]["weekly"]
    document["preflight"]["weekly"] = {name: expected[name] for name in expected if name.endswith("_latency")}
    found = findings(tmp_path, document)
    assert of_status(found, "failed") == {}
    assert {"load", "memory", "recovery plan", "runbook", "API documentation"} <= set(of_status(found, "warning"))
    assert "set expected_updates and expected_reads in [preflight.weekly]" in found["load"].todo
