from __future__ import annotations

import re
from pathlib import Path

import pytest

from leaderboard_backends import ConfigurationError
from leaderboard_backends.workload.events import read_events

HEADER = b"player_id,username,score\n"

REFUSED = {
    b"": "line 1: is empty: the header must be player_id, username, score, and every other row is an event.",
    b"\n\n": "line 2: is empty: the header must be",
    b"player_id,score\na,1\n": "line 1: has no column username, but 'player_id,score': the header must have",
    b"a,A,1\n": "line 1: has no column player_id, username, score, but 'a,A,1'",
    HEADER: "has no events: it needs one row per event, below the header player_id,username,score.",
    HEADER + b"a,A,1\na,A\n": "line 3: has 2 values, but the header has 3 columns.",
    HEADER + b"a,A,1,2\n": "line 2: has 4 values, but the header has 3 columns.",
    HEADER + b"a,A,many\n": "line 2: score 'many' is not a number: write it like 1500 or 12.5.",
    HEADER + b"a,A,\n": "line 2: score '' is not a number",
    HEADER + b"a,A,nan\n": "line 2: score 'nan' is not a number",
    HEADER + b"a,A,1_000\n": "line 2: score '1_000' is not a number: write it like 1500 or 12.5.",
    HEADER + "a,A,\u0661\u0662\n".encode(): "line 2: score '\u0661\u0662' is not a number",
    HEADER + b"a,A, 12\n": "line 2: score ' 12' is not a number",
    HEADER + b"a,A,12 \n": "line 2: score '12 ' is not a number",
    HEADER + b"a,A,%s\n" % (b"9" * 5_000): "9999' is too large: the largest score is 1.8e+308.",
    HEADER + b"a,A,-1e400\n": "line 2: score '-1e400' is too large",
    b"score,player_id,username,score\n1,a,A,2\n": "line 1: has the column score more than once: it may occur only once",
    HEADER + b"a,A,9007199254740993\n": "line 2: score 9007199254740993 is not allowed: whole numbers must be within",
    HEADER + b",A,1\n": "line 2: player id '' is empty: a player id is a str of 1 to 128 bytes",
    HEADER + b"%s,A,1\n" % (b"\xc3\xab" * 65): "has 130 bytes: a player id is a str of 1 to 128 bytes in UTF-8",
    HEADER + b"a,%s,1\n" % (b"x" * 129): "has 129 bytes: a username is a str of 0 to 128 bytes in UTF-8",
    HEADER + b"a,A,1\na,Zo\xeb,1\n": "line 3: byte 35 is not UTF-8. Save it as UTF-8.",
    HEADER + b'a,"A"b,1\n': "line 2: is no CSV: ",
    HEADER + b'a,"A,1\n': "line 2: is no CSV: ",
}


@pytest.mark.parametrize("content", REFUSED)
def test_bad_events_are_refused_with_their_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(REFUSED[content])) as refused:
        read_events(path)
    assert str(refused.value).startswith(str(path))


def test_columns_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(
        b'\xef\xbb\xbfwhen,score,player_id,username\r\n9:00,1.50,a,"Ann, B"\r\n\r\n9:01,-2.0,b,Zo\xc3\xab\r\n'
    )
    assert read_events(path).rows == [("a", "Ann, B", 1.5), ("b", "Zoë", -2)]
    assert type(read_events(path).rows[1][2]) is int


@pytest.mark.parametrize(("text", "score"), [("007", 7), ("+5", 5), ("-1.25e3", -1250), ("2e-1", 0.2)])
def test_a_score_is_read_as_it_is_written(text: str, score: float, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(HEADER + f"a,A,{text}\n".encode())
    assert read_events(path).rows == [("a", "A", score)]


def test_a_name_may_hold_what_only_some_programs_take_for_a_new_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(HEADER + "a,A\u2028B\x0cC,1\n".encode())
    assert read_events(path).rows == [("a", "A\u2028B\x0cC", 1)]


def test_loading_follows_who_reached_a_score_first(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(HEADER + b"a,A,1\nb,B,2\nc,C,2\na,A,2\nb,Bea,2\nd,D,9\n")
    events = read_events(path)
    assert list(events.loaded(5).items()) == [("b", ("Bea", 2)), ("c", ("C", 2)), ("a", ("A", 2))]
    assert list(events.first_names().items()) == [("a", "A"), ("b", "B"), ("c", "C"), ("d", "D")]
    assert events.players == 4
