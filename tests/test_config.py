"""From a URL, a mapping, a file or the environment to an open board."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import pytest

from leaderboard_backends import (
    BackendError,
    ConfigurationError,
    InvalidNameError,
    LeaderboardClosedError,
    LeaderboardError,
    Leaderboards,
    UnknownOptionError,
    UnknownSchemeError,
    from_env,
    load_leaderboards,
    open_leaderboard,
)
from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.config import Opening, check_file, describe, describe_file, read_section
from leaderboard_backends.location import Location
from leaderboard_backends.model import Keep, Order


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[NaiveLeaderboard]:
    """Every naive board that a test opens, to see whether it was closed."""
    boards: list[NaiveLeaderboard] = []
    make = NaiveLeaderboard.__init__

    def remember(board: NaiveLeaderboard, *arguments: Any, **options: Any) -> None:
        make(board, *arguments, **options)
        boards.append(board)

    monkeypatch.setattr(NaiveLeaderboard, "__init__", remember)
    return boards


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "boards.toml"


# ---------------------------------------------------------------------- URL, mapping, keywords


def test_a_url_opens_a_board_with_the_defaults_of_the_contract() -> None:
    with open_leaderboard("memory://weekly") as board:
        assert (board.name, board.order, board.keep) == ("weekly", "descending", "last")


def test_the_backend_changes_with_the_text_alone() -> None:
    for url, backend in [("memory://weekly", MemoryLeaderboard), ("naive://weekly", NaiveLeaderboard)]:
        with open_leaderboard(url) as board:
            assert type(board) is backend
            assert board.update_score("u1", "Ada", 5) == 1


@pytest.mark.parametrize(
    ("target", "keywords"),
    [
        ("memory://weekly?order=ascending&keep=best", {}),
        ("memory://?board=weekly&order=ascending&keep=best", {}),
        ("memory://weekly", {"order": "ascending", "keep": "best"}),
        ("memory://", {"board": "weekly", "order": "ascending", "keep": "best"}),
        ({"url": "memory://weekly", "order": "ascending", "keep": "best"}, {}),
        ({"url": "memory://", "board": "weekly", "order": "ascending"}, {"keep": "best"}),
        (MappingProxyType({"url": "memory://?keep=best", "board": "weekly"}), {"order": "ascending"}),
    ],
)
def test_one_board_can_be_described_in_several_ways(target: Any, keywords: dict[str, Any]) -> None:
    with open_leaderboard(target, **keywords) as board:
        assert (board.name, board.order, board.keep) == ("weekly", "ascending", "best")


class Sort(str, Enum):  # noqa: UP042 - as many apps have it: an f-string shows the name
    FASTEST = "ascending"


def test_an_enum_of_the_app_gives_the_same_board_as_its_text() -> None:
    with open_leaderboard("memory://laps", order=Sort.FASTEST) as board:
        assert repr(board) == "<MemoryLeaderboard 'laps' order=ascending keep=last>"


def test_a_mapping_wins_over_the_url_and_a_keyword_over_both() -> None:
    url = "memory://?keep=best&order=ascending&board=query"
    mapping = {"url": url, "order": "descending", "board": "mapping"}
    with open_leaderboard(mapping, board="keyword") as board:
        assert (board.name, board.order, board.keep) == ("keyword", "descending", "best")


def test_a_mapping_is_left_as_it_was() -> None:
    mapping = {"url": "memory://weekly", "keep": "best"}
    open_leaderboard(mapping, order="ascending").close()
    assert mapping == {"url": "memory://weekly", "keep": "best"}


@pytest.mark.parametrize(
    ("target", "error", "text"),
    [
        ({}, ConfigurationError, "a board's configuration needs a url; this one has nothing"),
        ({"board": "a", 5: 6}, ConfigurationError, "a board's configuration needs a url; this one has board, 5"),
        ({"url": 5}, ConfigurationError, "a board's URL must be a string, not of type int"),
        ({"url": "memory://", "ordr": "ascending"}, UnknownOptionError, "has no option 'ordr'. Did you mean order"),
        ({"url": "memory://", 5: "ascending"}, UnknownOptionError, "memory:// has no option 5"),
        ({"url": "memory://", "order": "up"}, ConfigurationError, "order 'up' is not one of descending, ascending"),
        ({"url": "memory://", "keep": None}, ConfigurationError, "keep None is not one of last, best"),
        ({"url": "memory://", "board": "a b"}, InvalidNameError, "board name 'a b' is not allowed"),
        ({"url": "memory://", "board": ""}, InvalidNameError, "board name '' is not allowed"),
        ("memory://a b", InvalidNameError, "board name 'a b' is not allowed"),
        ("memory://weekly?board=daily", ConfigurationError, "names the board 'weekly', but the option board is"),
        (
            "memory://weekly?maxmemory=5",
            UnknownOptionError,
            "Known options: board, degradation, feed, keep, migration, monitoring, order, rate_limit, replica, val",
        ),
        ("memroy://weekly", UnknownSchemeError, "Did you mean memory://"),
    ],
)
def test_a_description_of_no_board_is_refused_with_what_is_wrong(
    target: Any, error: type[LeaderboardError], text: str
) -> None:
    with pytest.raises(error) as caught:
        open_leaderboard(target)
    assert text in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_keyword_that_is_no_option_is_refused_whatever_it_is_called() -> None:
    with pytest.raises(UnknownOptionError, match="memory:// has no option 'default_board'"):
        open_leaderboard("memory://", default_board="weekly")


# ---------------------------------------------------------------------- TOML


def test_a_file_opens_several_boards_called_as_their_tables(file: Path) -> None:
    file.write_text(
        """
        [boards.weekly]
        url = "memory://"

        [boards.laps]
        url = "naive://"
        order = "ascending"
        keep = "best"

        [boards.alltime]
        url = "memory://all-time"

        [boards.named]
        url = "memory://"
        board = "other"
        """
    )
    with load_leaderboards(file) as boards:
        assert isinstance(boards, Leaderboards)
        assert {name: board.name for name, board in boards.items()} == {
            "weekly": "weekly",
            "laps": "laps",
            "alltime": "all-time",
            "named": "other",
        }
        assert (boards["laps"].order, boards["laps"].keep) == ("ascending", "best")
        assert type(boards["laps"]) is NaiveLeaderboard
    for board in boards.values():
        with pytest.raises(LeaderboardClosedError):
            board.get_top_n()


def test_a_file_is_named_by_text_or_path(file: Path) -> None:
    file.write_text('[boards.weekly]\nurl = "memory://"\n')
    for path in (str(file), file):
        with load_leaderboards(path) as boards:
            assert list(boards) == ["weekly"]


def test_variables_come_from_the_environment_or_their_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_URL", "naive://from-env")
    monkeypatch.setenv("BOARD_ORDER", "ascending")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOT_SET", raising=False)
    file.write_text(
        """
        [boards.whole]
        url = "${BOARD_URL}"
        order = "${BOARD_ORDER:-descending}"
        [boards.parts]
        url = "memory://a${NOT_SET:-.}${BOARD_ORDER}${EMPTY}${EMPTY:-.used}${NOT_SET:-}"
        [boards.literal]
        url = "memory://"
        """
    )
    with load_leaderboards(file) as boards:
        assert type(boards["whole"]) is NaiveLeaderboard
        assert (boards["whole"].name, boards["whole"].order) == ("from-env", "ascending")
        assert boards["parts"].name == "a.ascending.used"


def test_what_a_variable_holds_is_not_expanded_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "${INNER}")
    monkeypatch.setenv("INNER", "weekly")
    file.write_text('[boards.weekly]\nurl = "memory://${OUTER}"\n')
    with pytest.raises(InvalidNameError, match=r"board name '\$\{INNER\}' is not allowed"):
        load_leaderboards(file)


def test_a_variable_that_is_not_set_is_named_with_its_file_and_board(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOARD_URL", raising=False)
    file.write_text('[boards.weekly]\nurl = "${BOARD_URL}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_leaderboards(file)
    assert str(caught.value) == (
        f"{file}, boards.weekly: the variable BOARD_URL is not set: set it, or write ${{BOARD_URL:-default}}."
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no boards: add a table [boards.NAME] with a url"),
        ("boards = 5", "has no boards"),
        ("boards = []", "has no boards"),
        ("[boards]", "has no boards"),
        ("[boards.weekly", "is not TOML"),
        ("[boards.a]\n[boards.a]", "is not TOML"),
        ("boards.weekly = 'memory://'", "boards.weekly must be a table with a url, not a str"),
        ("title = 'x'\n[boards.a]\nurl = 'memory://'", "has title at its top level: only [boards.NAME] is allowed"),
        ("[board.a]\nurl = 'memory://'", "has board at its top level"),
        ("[preflights.a]\n[boards.a]\nurl = 'memory://'", "allowed, and [preflight.NAME] and [server] of others"),
        ("[boards.a]\norder = 'ascending'", "boards.a: a board's configuration needs a url; this one has order"),
        ("[boards.a]\nurl = 5", "boards.a: a board's URL must be a string, not of type int"),
        ("[boards.a]\nurl = 'memory://'\nordr = 'x'", "boards.a: memory:// has no option 'ordr'. Did you mean order?"),
        ("[boards.a]\nurl = 'nosuch://'", "boards.a: no backend is installed for 'nosuch'://"),
        ("[boards.'a b']\nurl = 'memory://'", "boards.a b: board name 'a b' is not allowed"),
        ("[boards.a]\nurl = 'memory://'\nkeep = true", "boards.a: keep True is not one of last, best"),
    ],
)
def test_a_file_of_no_boards_is_refused_with_its_name_and_what_is_wrong(file: Path, content: str, problem: str) -> None:
    file.write_text(content)
    with pytest.raises((ConfigurationError, InvalidNameError)) as caught:
        load_leaderboards(file)
    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)


def test_a_file_that_is_missing_or_not_text_is_refused_with_its_name(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"boards\.toml cannot be read: No such file or directory"):
        load_leaderboards(file)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_leaderboards(tmp_path)
    with pytest.raises(ConfigurationError, match="null"):
        load_leaderboards(tmp_path / "a\0b")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"boards\.toml is not TOML"):
        load_leaderboards(file)


def test_an_error_keeps_its_kind_and_its_cause_when_the_board_is_named(file: Path) -> None:
    file.write_text("[boards.weekly]\nurl = 'nosuch://'\n")
    with pytest.raises(UnknownSchemeError) as caught:
        load_leaderboards(file)
    assert isinstance(caught.value.__cause__, UnknownSchemeError)


def test_where_one_board_cannot_be_opened_none_stays_open(file: Path, opened: list[NaiveLeaderboard]) -> None:
    file.write_text("[boards.a]\nurl='naive://'\n[boards.b]\nurl='naive://'\n[boards.c]\nurl='nosuch://'\n")
    with pytest.raises(UnknownSchemeError):
        load_leaderboards(file)
    assert [board.name for board in opened] == ["a", "b"]
    assert all(board.closed for board in opened)


def test_an_interrupt_while_opening_leaves_none_open_too(
    file: Path, opened: list[NaiveLeaderboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryLeaderboard, "from_location", interrupt)
    file.write_text("[boards.a]\nurl='naive://'\n[boards.b]\nurl='memory://'\n")
    with pytest.raises(KeyboardInterrupt):
        load_leaderboards(file)
    assert [board.closed for board in opened] == [True]


def test_a_board_that_fails_to_close_keeps_no_other_open(
    file: Path, opened: list[NaiveLeaderboard], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(board: NaiveLeaderboard) -> None:
        if board.name == "b":
            raise BackendError("b cannot be closed")

    monkeypatch.setattr(NaiveLeaderboard, "_close", fail)
    file.write_text("".join(f"[boards.{name}]\nurl='naive://'\n" for name in "abc"))
    boards = load_leaderboards(file)
    with pytest.raises(BackendError, match="b cannot be closed"):
        boards.close()
    assert [board.closed for board in opened] == [True, True, True]


# ---------------------------------------------------------------------- environment


def test_the_environment_names_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADERBOARD_URL", "naive://weekly?keep=best")
    with from_env(order="ascending") as board:
        assert (type(board), board.name, board.order, board.keep) == (NaiveLeaderboard, "weekly", "ascending", "best")
    monkeypatch.setenv("LAPS_URL", "memory://laps")
    with from_env("LAPS_URL") as board:
        assert board.name == "laps"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_names_no_board_is_an_error_that_says_so(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEADERBOARD_URL", raising=False)
    if value is not None:
        monkeypatch.setenv("LEADERBOARD_URL", value)
    with pytest.raises(ConfigurationError, match="LEADERBOARD_URL is not set: set it to a board's URL, for example"):
        from_env()


def test_the_environment_is_read_by_from_env_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADERBOARD_URL", "nosuch://weekly")
    with open_leaderboard("memory://weekly") as board:
        assert board.name == "weekly"


def test_a_storage_that_cannot_be_opened_is_named_with_its_file_and_board(file: Path, tmp_path: Path) -> None:
    file.write_text(f'[boards.weekly]\nurl = "zodb://{tmp_path}/nowhere/board.fs"\n')
    with pytest.raises(LeaderboardError, match=re.escape(f"{file}, boards.weekly: ") + ".*nowhere"):
        load_leaderboards(file)


def test_an_empty_variable_takes_the_default_as_in_a_shell(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_URL", "")
    file.write_text('[boards.weekly]\nurl = "${BOARD_URL:-memory://}"\n')
    with load_leaderboards(file) as boards:
        assert boards["weekly"].name == "weekly"


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    file.write_text('[boards.weekly]\nurl = "memory://"\n', encoding="utf-8-sig")
    with load_leaderboards(file) as boards:
        assert list(boards) == ["weekly"]


# ---------------------------------------------------------------------- what else a file has


def test_what_is_expected_and_how_boards_are_served_stands_in_the_same_file_and_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPDATES", "7")
    file.write_text(
        "[server]\nrows = 9\n[preflight.a]\nexpected_updates = '${UPDATES}'\n[boards.a]\nurl = 'memory://'\n"
    )
    with load_leaderboards(file) as boards:
        assert list(boards) == ["a"]
    assert list(describe_file(file)) == ["a"]
    assert read_section(file, "preflight") == {"a": {"expected_updates": "7"}}
    assert read_section(file, "server") == {"rows": 9}


def test_a_section_that_is_not_there_is_empty(file: Path) -> None:
    file.write_text("[boards.a]\nurl = 'memory://'\n")
    assert read_section(file, "preflight") == {}


def test_a_section_that_is_no_table_or_lacks_a_variable_is_refused_with_its_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    file.write_text("preflight = 5\n[boards.a]\nurl = 'memory://'\n")
    with pytest.raises(ConfigurationError, match=r"boards\.toml: preflight must be a table, not of type int"):
        read_section(file, "preflight")
    file.write_text("[preflight.a]\nrunbook = '${NOT_SET}'\n[boards.a]\nurl = 'memory://'\n")
    with pytest.raises(ConfigurationError, match=r"boards\.toml, preflight: the variable NOT_SET is not set"):
        read_section(file, "preflight")


def test_a_check_tells_of_every_board_what_it_is_or_what_is_wrong(file: Path) -> None:
    file.write_text(
        "[boards.good]\nurl = 'memory://'\n[boards.typo]\nurl = 'memory://'\nordr = 'x'\n"
        "[boards.nowhere]\nurl = 'nosuch://'\n[boards.named]\nurl = 'memory://'\nboard = 'a b'\n"
    )
    found = check_file(file)
    assert isinstance(found.pop("good"), Opening)
    assert [(name, type(error)) for name, error in found.items()] == [
        ("typo", UnknownOptionError),
        ("nowhere", UnknownSchemeError),
        ("named", InvalidNameError),
    ]
    assert all(str(error).startswith(f"{file}, boards.{name}: ") for name, error in found.items())


def test_a_file_without_boards_has_nothing_to_check(file: Path) -> None:
    file.write_text("")
    with pytest.raises(ConfigurationError, match="has no boards"):
        check_file(file)


def test_a_description_shows_no_password_of_what_stands_around_the_board() -> None:
    opening = describe({"url": "memory://weekly", "rate_limit": {"storage": "redis://:sesame@cache/0"}})
    assert "sesame" not in repr(opening)


def test_a_plug_in_that_reads_its_urls_itself_and_checks_none_before_opens_as_it_did() -> None:
    class Anywhere(MemoryLeaderboard):
        capabilities = replace(MemoryLeaderboard.capabilities, shared=True)

        @classmethod
        def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
            return cls(name or location.default_board, order=order, keep=keep, **options)

    place, _ = Location.parse("anywhere://host/path", "weekly")
    assert Anywhere.check_location(place, None) == Anywhere.from_location(place, None, "descending", "last").name
    with pytest.raises(ConfigurationError, match="has a path"):
        MemoryLeaderboard.check_location(place, None)
