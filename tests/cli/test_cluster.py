"""`leaderboard cluster status` shows a real cluster as a table and as JSON; its exit code says whether all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.testing.groups import EmbeddedCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(primaries=1, node_timeout=60)
    with cluster as running, open_leaderboard(running.url, board="weekly", shards=4) as board:
        board.update_scores([(f"player-{number}", "", number) for number in range(2_000)])
        yield running


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(leaderboard, ["cluster", "status", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_table_has_a_line_a_node_and_what_the_board_is(cluster: EmbeddedCluster) -> None:
    done = run(f"{cluster.url}?board=weekly")
    primary, replica = (f"127.0.0.1:{node.port}" for node in cluster.nodes)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert rows[0] == f"redis+cluster://{primary},{replica}/"
    assert rows[1] == "node role version slots shards players replicas behind"
    assert f"{primary} primary {cluster.nodes[0].version} 16,384 4 2,000 1" in rows
    assert any(row.startswith(f"{replica} replica {cluster.nodes[0].version}") for row in rows)
    assert "Board weekly: 2,000 players in 4 shards; descending, ties=strict, ready." in rows
    assert any(row.startswith("Players per shard: least ") for row in rows)
    assert (rows[-1], done.exit_code) == ("No problems.", 0)
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
    assert cluster.nodes[0].password not in done.output


def test_a_problem_is_told_with_what_to_do_and_in_the_exit_code(cluster: EmbeddedCluster) -> None:
    done = run(f"{cluster.url}?board=nobody")
    assert done.exit_code == 1
    assert "Problem: there is no board 'nobody' with the prefix 'leaderboard'" in done.stdout
    assert "To do: Correct board or prefix in the URL." in done.stdout


def test_json_has_all_of_it_and_no_password(cluster: EmbeddedCluster) -> None:
    done = run(f"{cluster.url}?board=weekly", "--json")
    found = json.loads(done.stdout)
    assert (found["schema_version"], done.exit_code, found["problems"]) == (1, 0, [])
    assert [node["replicas"] for node in found["nodes"]] == [1, 0]
    assert (found["board"]["players"], found["board"]["shards"], found["imbalance"]) == (2000, 4, 1.0)
    assert cluster.nodes[0].password not in done.output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:correct-horse@127.0.0.1:1/0", "is not the URL of a cluster: write redis+cluster://"),
        ("redis+cluster://:correct-horse@127.0.0.1:1/", "no node of redis+cluster://127.0.0.1:1/ tells"),
        ("memory://weekly", "is not the URL of a cluster"),
    ],
)
def test_what_is_no_cluster_or_does_not_answer_is_one_line(url: str, said: str) -> None:
    done = run(url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "correct-horse" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
