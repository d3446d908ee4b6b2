"""The pages as they are sent: whole without JavaScript, closed to all that is not theirs, hostile names as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from leaderboard_backends_fastapi import Watching, leaderboard_app
from over_the_wire.boards import Answering, Failing, memory
from over_the_wire.serving import Client, served

from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.wrapper import Answer

HOSTILE = [
    "<script>window.hacked=1</script>",
    "\"'><img src=x onerror=window.hacked=1>",
    "{{ 7*7 }}",
    "&lt;b&gt;",
    "</script></bdi></table>",
    "-->",
]
UNSEEN = ["", "\N{NO-BREAK SPACE} ", "\N{ZERO WIDTH SPACE}\N{RIGHT-TO-LEFT OVERRIDE}", "\N{HANGUL FILLER}\ufe0f"]


class Parsed(HTMLParser):
    """The tags of a page, and the text of its table's cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with memory() as board:
        board.update_scores([(f"u{n}", name, 10 - n) for n, name in enumerate([*HOSTILE, *UNSEEN])])
        with served(leaderboard_app({"weekly": board}, token=None), token=None) as found:
            yield found


def page(client: Client, path: str = "/boards/weekly") -> Parsed:
    return Parsed(client.get(path).body.decode())


def test_without_javascript_the_board_is_a_table(client: Client) -> None:
    found = page(client)
    assert [cell.strip() for cell in found.cells[:6]] == ["Rank", "Player", "Score", "1", HOSTILE[0], "10"]
    assert len(found.cells) == 3 * (1 + len(HOSTILE) + len(UNSEEN))
    assert "caption" in dict(found.tags)
    assert [header.get("scope") for header in found.named("th")] == ["col"] * 3 + ["row"] * (len(HOSTILE) + len(UNSEEN))
    assert "noscript" in dict(found.tags)


def test_names_are_text_whatever_is_in_them(client: Client) -> None:
    found = page(client)
    assert found.cells[4::3] == [*HOSTILE, *["no name"] * len(UNSEEN)]
    assert [attributes["src"] for attributes in found.named("script")] == ["../static/board.js"]
    assert found.named("img") == []


def test_nothing_of_a_page_comes_from_elsewhere_and_nothing_is_inline(client: Client) -> None:
    for path in ("/", "/boards/weekly", "/boards/none"):
        answer = Client(client.port, token=None).send("GET", path, headers={"Accept": "text/html"})
        found = Parsed(answer.body.decode())
        links = [value for _, attributes in found.tags for name, value in attributes.items() if name in ("src", "href")]
        assert links
        assert not [link for link in links if link and ("//" in link or link.startswith("data:"))]
        assert "style" not in dict(found.tags)
        assert not [
            name for _, attributes in found.tags for name in attributes if name == "style" or name.startswith("on")
        ]


def test_the_policy_of_a_page_allows_its_own_files_alone(client: Client) -> None:
    for path in ("/", "/boards/weekly"):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_the_files_of_a_page_are_there_and_nothing_beside_them(client: Client) -> None:
    for name, kind in (("board.js", "javascript"), ("board.css", "text/css"), ("icon.svg", "image/svg+xml")):
        answer = client.get(f"/static/{name}")
        assert (answer.status, kind in answer.headers["content-type"]) == (200, True)
        assert answer.headers["cache-control"] == "no-cache"
        etag = answer.headers["etag"]
        assert client.send("GET", f"/static/{name}", headers={"If-None-Match": etag}).status == 304
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/", "/static/board.py"):
        assert client.get(path).status == 404
    for name in ("board.js", "board.css"):
        assert not re.search(rb"https?://(?!www\.w3\.org)", client.get(f"/static/{name}").body)


def test_a_person_gets_a_page_for_what_is_not_there_and_a_program_a_problem(client: Client) -> None:
    for path in ("/boards/none", "/nowhere"):
        answer = client.send("GET", path, headers={"Accept": "text/html,*/*"})
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert client.get("/nowhere").kind == "not-found"
    assert client.send("PUT", "/boards/weekly/top").kind == "method-not-allowed"
    assert client.get("/docs").status == client.get("/redoc").status == 404
    assert client.get("/openapi.json").status == 200


def test_a_page_says_how_old_its_answer_is() -> None:
    with Answering(memory()) as board, served(leaderboard_app({"weekly": board}, token=None)) as client:
        for answer, words in (
            (Answer("cached", 0.44), "From a cache, 0.4\N{NO-BREAK SPACE}s old"),
            (Answer("stale", 200.0), "Storage not answering: last known scores, 3\N{NO-BREAK SPACE}min old"),
            (Answer("approximate", 12.0), "Approximate, 12\N{NO-BREAK SPACE}s old"),
        ):
            board.answer = answer
            text = client.get("/boards/weekly").body.decode()
            assert f'data-condition="{answer.source}"' in text
            assert f'<span id="words">{words}</span>' in text


def test_a_page_that_cannot_update_itself_says_when_it_was_read_and_not_that_it_is_live(client: Client) -> None:
    text = client.get("/boards/weekly").body.decode()
    assert re.search(r'data-condition="read".*<span id="words">Read at \d\d:\d\d:\d\d UTC</span>', text)
    assert "Live" not in text


def test_a_page_of_a_board_that_cannot_be_reached_says_so() -> None:
    with Failing(memory()) as board:
        board.error = lambda: BackendUnavailableError("gone")
        with served(leaderboard_app({"weekly": board}, token=None)) as client:
            answer = client.get("/boards/weekly")
            assert answer.status == 503
            assert "The board cannot be reached" in answer.body.decode()
            assert "0 players" not in answer.body.decode()


def test_one_player_is_told_as_one_and_a_long_score_is_shown_smaller() -> None:
    with memory() as board, served(leaderboard_app({"weekly": board}, token=None)) as client:
        board.update_score("u1", "Ada", 1.7976931348623157e308)
        text = client.get("/boards/weekly").body.decode()
        assert '<span id="players">1 player</span>' in text
        assert '<td class="many">1.79769313486232e+308</td>' in text
        board.update_score("u1", "Ada", 0.1 + 0.2)
        assert "<td>0.3</td>" in client.get("/boards/weekly").body.decode()


def test_a_page_shows_so_many_rows_and_counts_all_players() -> None:
    with memory() as board:
        board.update_scores([(f"u{n}", "x", n) for n in range(1234)])
        with served(leaderboard_app({"weekly": board}, token=None, watching=Watching(rows=10))) as client:
            text = client.get("/boards/weekly").body.decode()
            assert "The first 10 of 1,234 players" in text
            assert text.count("<tr") == 11
