"""The routes over three backends, which differ by one line of the server's file, in a process, over the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from over_the_wire.boards import PLACES, write_file
from over_the_wire.serving import Client, process

HOSTILE_IDS = [
    "a/b",
    "../../etc/passwd",
    "..",
    ".",
    "a?b=c&d=e",
    "a#b",
    "100%",
    "%2F",
    "a+b c",
    " ",
    "\N{SNOWMAN}\N{PILE OF POO}",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "<script>alert(1)</script>",
    "'; DROP TABLE players; --",
    "line\nbreak\r\ttab",
    "nul\0",
    "__proto__",
    "x" * 128,
    "\N{SNOWMAN}" * 42,
]


@pytest.fixture(scope="module", params=PLACES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp(request.param)
    with PLACES[request.param](folder) as url, process(write_file(folder, url)) as running:
        yield Client(running.port, "/boards/weekly")


@pytest.fixture
def client(server: Client) -> Client:
    """The same server, with an empty board."""
    for entry in server.get("/top", n=1000).json["entries"]:
        assert server.delete("/players", player_id=entry["player_id"]).json == {"removed": True}
    return server


@pytest.fixture
def filled(client: Client) -> Client:
    """Ada 1500, Grace 1500 just after her, Barbara 1200, Edsger 900."""
    scores = [("u1", "Ada", 1500), ("u2", "Grace", 1500), ("u3", "Edsger", 900), ("u4", "Barbara", 1200)]
    updates = [{"player_id": player, "username": name, "score": score} for player, name, score in scores]
    assert client.post("/scores/bulk", updates=updates).json == {"updates": 4}
    return client


def names(entries: list[dict[str, object] | None]) -> list[object]:
    return [entry and entry["username"] for entry in entries]


# ---------------------------------------------------------------------- writes


def test_an_update_answers_the_rank_right_after(client: Client) -> None:
    assert client.update("u1", 10).json == {"rank": 1}
    assert client.update("u2", 20).json == {"rank": 1}
    assert client.update("u3", 10).json == {"rank": 3}


def test_an_increment_answers_the_new_entry(client: Client) -> None:
    for _ in range(2):
        answer = client.post("/scores/increment", player_id="u1", username="Ada", delta=2.5)
    assert answer.json == {"rank": 1, "player_id": "u1", "username": "Ada", "score": 5}


def test_many_updates_end_as_one_by_one(filled: Client) -> None:
    assert names(filled.get("/top").json["entries"]) == ["Ada", "Grace", "Barbara", "Edsger"]
    assert filled.post("/scores/bulk", updates=[]).json == {"updates": 0}


def test_of_many_updates_none_is_written_where_one_is_refused(filled: Client) -> None:
    updates = [
        {"player_id": "u9", "username": "new", "score": 1},
        {"player_id": "u8", "username": "bad", "score": "12"},
    ]
    answer = filled.post("/scores/bulk", updates=updates)
    assert (answer.status, answer.kind) == (422, "invalid-score")
    assert "update 1: score '12'" in answer.json["detail"]
    assert filled.get("/count").json == {"players": 4}


def test_a_removal_says_whether_there_was_one(filled: Client) -> None:
    assert filled.delete("/players", player_id="u1").json == {"removed": True}
    assert filled.delete("/players", player_id="u1").json == {"removed": False}
    assert filled.get("/count").json == {"players": 3}


def test_the_time_of_an_achievement_is_taken_with_its_zone_alone(client: Client) -> None:
    update = {"player_id": "u1", "username": "Ada", "score": 1}
    assert client.post("/scores", **update, achieved_at="2026-05-01T12:00:00+02:00").status == 200
    for refused in (
        "2026-05-01T12:00:00",
        "2026-05-01",
        "2026-02-30T12:00:00Z",
        1777636800,
        "1777636800",
        "2",
        "yesterday",
        True,
        "\ud800",
    ):
        assert client.post("/scores", **update, achieved_at=refused).kind == "invalid-request"


# ---------------------------------------------------------------------- reads


def test_pages_of_the_board(filled: Client) -> None:
    assert names(filled.get("/top", n=2).json["entries"]) == ["Ada", "Grace"]
    assert names(filled.get("/range", first_rank=2, last_rank=3).json["entries"]) == ["Grace", "Barbara"]
    assert names(filled.get("/range", first_rank=4, last_rank=900).json["entries"]) == ["Edsger"]
    assert names(filled.get("/around", player_id="u4", radius=1).json["entries"]) == ["Grace", "Barbara", "Edsger"]
    assert filled.get("/around", player_id="nobody").json == {"entries": []}
    assert filled.get("/top", n=0).json == {"entries": []}


def test_one_player(filled: Client) -> None:
    assert filled.get("/entry", player_id="u2").json == {
        "rank": 2,
        "player_id": "u2",
        "username": "Grace",
        "score": 1500,
    }
    assert filled.get("/rank", player_id="u3").json == {"rank": 4}
    assert filled.get("/percentile", player_id="u4").json == {"percentile": 50}


def test_an_unknown_player_is_not_found(filled: Client) -> None:
    for path in ("/entry", "/rank", "/percentile"):
        answer = filled.get(path, player_id="nobody")
        assert (answer.status, answer.kind) == (404, "unknown-player"), path


def test_friends_come_in_the_order_asked_with_null_for_unknown_ones(filled: Client) -> None:
    answer = filled.post("/friends", player_ids=["u3", "nobody", "u1", "u3"])
    assert names(answer.json["entries"]) == ["Edsger", None, "Ada", "Edsger"]
    assert filled.post("/friends", player_ids=[]).json == {"entries": []}


def test_ranges_of_scores_may_be_open(filled: Client) -> None:
    assert names(filled.get("/by-score", low=1200, high=1500).json["entries"]) == ["Ada", "Grace", "Barbara"]
    assert names(filled.get("/by-score", high=1200).json["entries"]) == ["Barbara", "Edsger"]
    assert names(filled.get("/by-score", low="-inf", limit=1).json["entries"]) == ["Ada"]
    assert filled.get("/count", low=1000).json == {"players": 3}
    assert filled.get("/count", low=1500.5, high="inf").json == {"players": 0}
    assert filled.get("/by-score", low=2, high=1).kind == "invalid-argument"


def test_each_answer_of_a_read_says_that_it_is_live_and_is_not_to_be_stored(filled: Client) -> None:
    for path in ("/top", "/count", "/entry?player_id=u1", "/around?player_id=u1", "/by-score"):
        answer = filled.get(path)
        assert answer.headers["leaderboard-answer"] == "live", path
        assert answer.headers["cache-control"] == "no-store", path


def test_the_storage_answers_probes(client: Client) -> None:
    assert client.get("/health/live").json == client.get("/health/ready").json == {"status": "ok"}


# ---------------------------------------------------------------------- values


def test_any_player_id_is_kept_and_found_as_it_is(client: Client) -> None:
    for player_id in HOSTILE_IDS:
        assert client.update(player_id, 7, username=player_id[:30]).json == {"rank": 1}
        entry = {"rank": 1, "player_id": player_id, "username": player_id[:30], "score": 7}
        assert client.get("/entry", player_id=player_id).json == entry
        assert client.get("/around", player_id=player_id).json == {"entries": [entry]}
        assert client.post("/friends", player_ids=[player_id]).json == {"entries": [entry]}
        assert client.delete("/players", player_id=player_id).json == {"removed": True}
        assert client.get("/count").json == {"players": 0}, ascii(player_id)


def test_an_id_that_breaks_the_rule_is_refused_everywhere(client: Client) -> None:
    for player_id in ("", "x" * 129, "\N{SNOWMAN}" * 43):
        assert client.update(player_id, 1).kind == "invalid-player"
        assert client.get("/rank", player_id=player_id).kind == "invalid-player"
        assert client.delete("/players", player_id=player_id).kind == "invalid-player"
        assert client.post("/friends", player_ids=[player_id]).kind == "invalid-player"


def test_an_id_of_another_type_or_with_a_lone_surrogate_is_refused(client: Client) -> None:
    for text in ("5", "null", "true", '["a"]', r'"\ud800"'):
        answer = client.post_text("/scores", f'{{"player_id": {text}, "username": "", "score": 1}}')
        assert (answer.status, answer.kind) == (422, "invalid-player"), text
        answer = client.post_text("/scores", f'{{"player_id": "a", "username": {text}, "score": 1}}')
        assert (answer.status, answer.kind) == (422, "invalid-name"), text


KEPT = (
    ("9007199254740992", 2**53),
    ("-9007199254740992", -(2**53)),
    ("1e300", 1e300),
    ("0.1", 0.1),
    ("-0.0", 0),
    ("5.0", 5),
    ("5e-324", 5e-324),
    ("1.7976931348623157e308", 1.7976931348623157e308),
)
REFUSED = (
    *("9007199254740993", "-9007199254740993", "1" + "0" * 400, "1e400", "-1e400"),
    *("NaN", "Infinity", "true", "null", '"12"', "[1]", "{}"),
)


def test_an_allowed_score_is_kept_exactly(client: Client) -> None:
    for text, kept in KEPT:
        assert client.post_text("/scores", f'{{"player_id": "a", "username": "", "score": {text}}}').status == 200
        found = client.get("/entry", player_id="a").json["score"]
        assert (found, type(found)) == (kept, type(kept))


def test_a_score_that_the_contract_refuses_is_refused_and_nothing_is_written(client: Client) -> None:
    for text in REFUSED:
        for path, name in (("/scores", "score"), ("/scores/increment", "delta")):
            answer = client.post_text(path, f'{{"player_id": "a", "username": "", "{name}": {text}}}')
            assert (answer.status, answer.kind) == (422, "invalid-score"), text
    assert client.get("/count").json == {"players": 0}


def test_a_sum_beyond_the_rule_is_refused_and_the_score_stands(client: Client) -> None:
    client.update("a", 2**53)
    assert client.post("/scores/increment", player_id="a", username="", delta=1).kind == "invalid-score"
    assert client.get("/entry", player_id="a").json["score"] == 2**53


def test_a_bound_that_is_no_allowed_number_is_refused(client: Client) -> None:
    arabic = "\N{ARABIC-INDIC DIGIT ONE}"
    for bound in ("nan", "1e400", "-1e400", "9007199254740993", "one", "", "1_0", "0x10", arabic):
        assert client.get("/count", low=bound).status == 422, bound
        assert client.get("/by-score", high=bound).status == 422, bound
