"""Player ids and usernames: compared as bytes, never normalised, whatever characters they hold."""

from __future__ import annotations

from ...model import Entry
from ...protocol import LeaderboardBackend
from .foundation import ConformancePart, Rules, assert_same, case, each, fill, ids, load

IDS = [
    "é",
    "e\u0301",
    "É",
    "Å",
    "\u212b",
    "ﬁ",
    "fi",
    "ß",
    "ss",
    "SS",
    "straße",
    "STRASSE",
    "i",
    "I",
    "İ",
    "\u0131",
    "ÿ",
    "\u00ff\u00ff",
    "\u0080",
    "\uffff",
    "\U0010ffff",
    "\ue000",
    "😀",
    "👩\u200d👩\u200d👧",
    "شهد",
    "日本語",
    "\u202eright to left",
    "\ufeffbom",
    "a",
    "A",
    "a ",
    " a",
    "a\x00",
    "a\x00b",
    "\x00",
    "\x01",
    "\x7f",
    "\n",
    "\r\n",
    "\t",
    " ",
    "a:b",
    "{a}",
    "{",
    "}",
    "a|b",
    "a,b",
    "a/b",
    "../a",
    "a\\b",
    "'",
    '"',
    "'; DROP TABLE players; --",
    "%",
    "%s",
    "o%",
    "_",
    "_____",
    "oth",
    "others",
    "OTHER",
    ".*",
    "%00",
    "$a",
    "*",
    "?",
    "[a]",
    "a.b",
    "-1",
    "0",
    "00",
    "1",
    "01",
    "1.0",
    "1e0",
    "(1",
    "+inf",
    "nan",
    "None",
    "True",
    "null",
    "x" * 128,
    "x" * 127,
    "x" * 127 + "y",
    "é" * 64,
    "😀" * 32,
    "\x00" * 128,
]
"""Ids that a storage or a language could take for one another, or for something of its own."""


class TextsPart(ConformancePart):
    """What texts a board holds."""

    def test_ids_are_compared_as_bytes(self, board: LeaderboardBackend) -> None:
        load(board, [(text, text, number) for number, text in enumerate(IDS)])
        assert len(board) == len(IDS)
        for number, text in enumerate(IDS):
            assert board.get_score(text) == number
            assert text in board

    def test_ids_and_usernames_come_back_as_given(self, board: LeaderboardBackend) -> None:
        load(board, [(text, text, 5) for text in IDS])
        expected = [Entry(rank, text, text, 5) for rank, text in enumerate(IDS, 1)]
        assert_same(board.get_top_n(), expected)
        assert_same(board.get_entries(IDS), expected)
        assert_same(board.get_by_score(5, 5), expected)
        assert_same(board.get_around(IDS[40], 1000), expected)

    def test_ties_do_not_depend_on_the_text_of_ids(self, board: LeaderboardBackend) -> None:
        half = len(IDS) // 2
        fill(board, [(text, "", 5) for text in IDS[half:]])
        fill(board, [(text, "", 5) for text in reversed(IDS[:half])])
        assert ids(board.get_top_n()) == IDS[half:] + IDS[:half][::-1]

    @each(IDS, lambda text: case(text if len(text) < 40 else f"{text[:9]}... of {len(text)} {text[-1]}"))
    def test_each_text_goes_through_every_operation(self, plain_board: LeaderboardBackend, text: str) -> None:
        plain_board.update_score("other", "", 1)
        assert plain_board.update_score(text, text, 5) == 1
        assert_same(plain_board.increment_score(text, text, 2), Entry(1, text, text, 7))
        assert_same(plain_board.get_entry(text), Entry(1, text, text, 7))
        assert (plain_board.get_rank(text), plain_board.get_percentile(text)) == (1, 100.0)
        assert ids(plain_board.get_around(text)) == [text, "other"]
        assert plain_board.remove_player(text)
        assert text not in plain_board
        assert ids(plain_board) == ["other"]

    def test_usernames_of_128_bytes_and_none(self, board: LeaderboardBackend, rules: Rules) -> None:
        for number, username in enumerate(["", "x" * 128, "é" * 64, "😀" * 32, "\x00" * 128, "", " "]):
            board.update_score("ada", username, rules.better(50, number))
            assert [entry.username for entry in board.get_top_n()] == [username]

    def test_an_update_with_a_similar_id_is_another_player(self, board: LeaderboardBackend) -> None:
        fill(board, [("é", "composed", 5), ("e\u0301", "decomposed", 5), ("É", "capital", 5)])
        assert board.remove_player("e\u0301") is True
        assert [entry.username for entry in board.get_top_n()] == ["composed", "capital"]
