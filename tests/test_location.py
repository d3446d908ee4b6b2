"""URLs: what each part means, what is refused, and that a password never shows."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from socket import EAI_NONAME, gaierror, socket
from threading import Lock
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard_backends import ConfigurationError, LeaderboardError, UnknownOptionError, open_leaderboard
from leaderboard_backends.config import OURS
from leaderboard_backends.location import (
    MOST_SECONDS,
    MOST_TIMEOUT,
    Location,
    Option,
    boolean,
    check_options,
    integer,
    number,
    one_of,
    seconds,
    text,
    timeout,
)

SECRET = "hunter2"  # noqa: S105 - the example that must never show


# ---------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("url", "scheme", "host", "path", "options"),
    [
        ("memory://weekly", "memory", "weekly", "", {}),
        ("memory://", "memory", None, "", {}),
        ("naive://weekly?order=ascending&keep=best", "naive", "weekly", "", {"order": "ascending", "keep": "best"}),
        ("redis://host:6379/0?board=weekly", "redis", "host", "/0", {"board": "weekly"}),
        ("rediss://user:pw@host:6380/1", "rediss", "host", "/1", {}),
        ("redis://[::1]:6379/0", "redis", "::1", "/0", {}),
        ("unix:///path/redis.sock?board=weekly", "unix", None, "/path/redis.sock", {"board": "weekly"}),
        ("zodb:///var/lib/app/board.fs?board=weekly", "zodb", None, "/var/lib/app/board.fs", {"board": "weekly"}),
        ("zodb:///with%20space/a@b:c.fs", "zodb", None, "/with space/a@b:c.fs", {}),
        ("zodb+memory://weekly", "zodb+memory", "weekly", "", {}),
        ("MEMORY://Weekly", "memory", "weekly", "", {}),
        ("redis://host?board=a%2Db&name=", "redis", "host", "", {"board": "a-b", "name": ""}),
    ],
)
def test_a_url_has_a_scheme_a_host_a_path_and_options(
    url: str, scheme: str, host: str | None, path: str, options: dict[str, str]
) -> None:
    location, found = Location.parse(url)
    assert (location.scheme, location.parts.hostname, location.path, found) == (scheme, host, path, options)


@pytest.mark.parametrize(
    "url",
    [
        "memory://weekly",
        "redis://host:6379/0",
        "redis://[::1]:6379/0",
        "redis://user@host/0",
        "unix:///path/redis.sock",
        "zodb:///var/lib/a:b.fs",
        "zodb+memory://weekly",
        "redis+sentinel://h1:26379,h2/my-service/0",
        "redis+cluster://h1:7000,h2/",
    ],
)
def test_a_location_without_a_password_shows_as_it_was_written(url: str) -> None:
    location, _ = Location.parse(url)
    assert str(location) == location.shown == location.url == url


@pytest.mark.parametrize("url", ["", "weekly", "memory:weekly", "://weekly", "/var/board.fs", "localhost:6379"])
def test_text_that_is_no_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"is not a board's URL: write scheme://…, for example memory://weekly"
    ):
        Location.parse(url)


@pytest.mark.parametrize("url", ["redis://host:99999/0", "redis://host:port/0", "redis://[::1/0", "redis://a:b:c/0"])
def test_a_port_that_is_none_is_refused_with_the_rule(url: str) -> None:
    with pytest.raises(ConfigurationError, match="has no readable host and port: a port is a number up to 65535"):
        Location.parse(url)


def test_an_option_given_twice_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="the option keep is given twice in the URL: give it once"):
        Location.parse("memory://weekly?keep=best&order=ascending&keep=last")


@pytest.mark.parametrize(
    "url", ["memory://weekly?ascending", "memory://weekly?keep=best&x", "redis://host?password=a&b"]
)
def test_a_part_of_the_query_that_is_no_option_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"has a part without '=' .*: options are name=value, .*written %26"):
        Location.parse(url)


@pytest.mark.parametrize("url", ["memory://weekly#best", "memory://weekly?order=ascending#", "memory://#"])
def test_a_fragment_is_refused_because_it_would_be_lost(url: str) -> None:
    with pytest.raises(ConfigurationError, match="has a '#': write %23"):
        Location.parse(url)


# ---------------------------------------------------------------------- passwords


@pytest.mark.parametrize("secret", ["hunter2", "hun%2Fter2", "hun%3Ater2", "hun%40ter2", "hun%23ter2", "hun%3Fter2"])
@pytest.mark.parametrize("user", ["", "ada", "a%3Ab"])
def test_a_password_is_kept_for_the_client_and_shown_to_nobody(user: str, secret: str) -> None:
    location, _ = Location.parse(f"redis://{user}:{secret}@host:6379/0?board=weekly")
    assert location.parts.password == secret
    assert location.shown == str(location) == f"redis://{user}:***@host:6379/0"
    assert secret not in repr(location)


HOSTILE = [
    "redis://:{}@host/0",
    "redis://ada:{}@host:6379/0?board=weekly",
    "redis://ada:{}@[::1]:6379/0",
    "redis://ada:{}@host:port/0",
    "redis://ada:{}@host/0#fragment",
    "redis://ada:{}@host/0?board=a&board=b",
    "redis://ada:{}@host/0?password={}",
    "redis://host:6379/0?password={}",
    "redis://host:6379/0?PASSWORD={}",
    "redis://host:6379/0?sentinel_password={}",
    "redis:/ada:{}@host/0",
    "redis:ada:{}@host/0",
    "redis//ada:{}@host/0",
    "ada:{}@host/0",
    ":{}@host",
    "unix://:{}@/path/redis.sock",
    "unix:///path/redis.sock?password={}",
    "memory://ada:{}@weekly",
    "naive://ada:{}@weekly?board=other",
    "zodb+memory://ada:{}@weekly/path",
    "nosuch://ada:{}@host/0",
    "redis+sentinel://ada:{}@h1:26379,h2:26379/service/0",
    "redis+sentinel://h1:26379,h2:26379/service?sentinel_password={}",
    "redis+cluster://ada:{}@h1:7000,h2:7000/0",
    "redis://host/0&password={}",
    "redis://host/0;password={}",
    "redis://host;password={}",
    "redis://host:6379,password={}",
    "redis://host/0?{}",
    "redis://host/0?password=a&b={}&b=c",
]
SPELLINGS = [
    "{}",
    "/{}",
    "a/{}",
    "12/{}",
    "?{}",
    "12?{}",
    "12?a={}",
    "@{}",
    "12@{}",
    "a@b@{}",
    ":{}",
    "12:{}",
    "#{}",
    "12#{}",
    "%2F{}",
    "%40{}",
    "%3A{}",
    "%23{}",
    "[{}",
    "]{}",
    "&{}",
    " {}",
    "\n{}",
    "ä{}",
]


def everything_shown(error: BaseException | None) -> str:
    """Whatever a traceback prints: the error and what it was raised from."""
    shown = ""
    while error is not None:
        shown += f"{error!r} {error} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return shown


def shown_by(act: Callable[[], object]) -> str:
    try:
        found = act()
    except LeaderboardError as error:
        return everything_shown(error)
    return f"{found!r} {found}"


def spelled(url: str) -> list[str]:
    return [url.replace("{}", spelling.replace("{}", SECRET)) for spelling in SPELLINGS]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_password_never_shows_however_it_is_written(url: str) -> None:
    for hostile in spelled(url):
        assert SECRET not in shown_by(lambda: Location.parse(hostile)[0]), hostile  # noqa: B023 - called at once


@pytest.mark.parametrize("url", [url for url in HOSTILE if not url.startswith(("redis://", "unix://"))])
def test_a_password_never_shows_in_the_error_of_opening(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a server's scheme are in the tests of that backend, as they would connect; no name is looked up."""
    monkeypatch.setattr("socket.getaddrinfo", unknown)
    for hostile in spelled(url):
        with pytest.raises(LeaderboardError) as caught:
            open_leaderboard(hostile)
        assert SECRET not in everything_shown(caught.value), hostile


def unknown(host: object, *_: object, **__: object) -> NoReturn:
    raise gaierror(EAI_NONAME, f"no host of the name {host!r}")


@pytest.mark.parametrize("url", ["redis://ada:{}", "redis://:{}", "redis://[::1]:{}"])
@pytest.mark.parametrize("spelling", ["{}", "12{}", ":{}", "%2F{}", "#{}", "12#{}", "[{}"])
def test_a_password_never_shows_where_the_host_was_forgotten(url: str, spelling: str) -> None:
    hostile = url.replace("{}", spelling.replace("{}", SECRET))
    with pytest.raises(ConfigurationError) as caught:
        Location.parse(hostile)
    assert SECRET not in everything_shown(caught.value)


@given(st.text(st.sampled_from("aZ09/:?#@[]%&=. "), max_size=6), st.text(st.sampled_from("/:?#@%&= "), max_size=2))
@example("12?a=", "")
@example("12/", "@")
def test_a_password_never_shows_in_any_spelling(before: str, after: str) -> None:
    hostile = f"redis://ada:{before}{SECRET}{after}@host:6379/0?board=weekly"
    assert SECRET not in shown_by(lambda: Location.parse(hostile)[0])


@pytest.mark.parametrize("url", ["redis://ada:a/b@host/0", "redis://ada:12/b@host/0", "redis://ada:12?b@host/0"])
def test_an_unescaped_password_is_refused_with_how_to_write_it_and_never_taken_for_a_host(url: str) -> None:
    with pytest.raises(ConfigurationError, match="%2F, %3F"):
        Location.parse(url)


MISPLACED = f"redis://ada:{SECRET}@host/0"


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (f"redis://host/{SECRET}", {}),
        (f"redis:///:{SECRET}@host/0", {}),
        (f"redis://host/0?password=a&{SECRET}=b", {}),
        (f"redis://host/0?password=a&socket_timeout={SECRET}", {}),
        (f"redis://host/0?passwd={SECRET}", {}),
        (f"redis://host/0?auth={SECRET}", {}),
        (f"memory://weekly?prefix=redis://:{SECRET}", {}),
        ("memory://", {"board": MISPLACED}),
        ("memory://", {"order": MISPLACED}),
        ("memory://", {"rate_limit": MISPLACED}),
        ("memory://", {"rate_limit": f"ada:{SECRET}@host"}),
        ("memory://", {"order": f"ada:{SECRET}@host"}),
        ("memory://", {"validation": [MISPLACED]}),
        ("memory://", {"rate_limit": {"storage": f"{MISPLACED}?{SECRET}"}}),
        ("memory://", {"rate_limit": {"storage": f"redis://host/{SECRET}"}}),
        ("memory://", {"rate_limit": {"storage": f"redis://host/0&password={SECRET}"}}),
        ("memory://", {"rate_limit": {"storage": f"redis://host/0?password=a&{SECRET}=b"}}),
        ("memory://", {"rate_limit": {"storage": f"valkey:{SECRET}@host"}}),
        ("memory://", {"rate_limit": {"prefix": MISPLACED}}),
        ("memory://", {"rate_limit": {"updates_a_minute": MISPLACED}}),
        ("memory://", {"validation": {"player_exists": MISPLACED}}),
        ("memory://", {"degradation": {"cache_top": MISPLACED}}),
    ],
    ids=str,
)
def test_a_password_in_the_place_of_something_else_never_shows(target: str, options: dict[str, object]) -> None:
    with pytest.raises(LeaderboardError) as caught:
        open_leaderboard(target, **options)
    assert SECRET not in everything_shown(caught.value)


@pytest.mark.parametrize("url", ["redis://host/0&board=a", "redis://host;board=a", "zodb:///board.fs, board=a"])
def test_an_option_before_the_question_mark_is_refused_with_how_to_write_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"has an option before a '\?': options come last, as \?name=value"):
        Location.parse(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:port/0", "redis://…"),
        ("redis://ada:pw@host:6379/0#x", "redis://host…"),
        ("redis://[::1]:6379/0?x", "redis://[::1]…"),
        ("memory://weekly?x", "memory://weekly…"),
        ("redis://ada:a/b@host/0", "redis://…"),
        ("weekly", "'weekly'"),
        ("/var/board.fs", "'/var/board.fs'"),
        ("localhost:6379", "'localhost…'"),
        ("ada:pw@host", "…"),
    ],
)
def test_of_a_text_that_is_refused_scheme_and_host_are_shown_and_no_more(url: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Location.parse(url)
    assert str(caught.value).startswith(f"{shown} ")


def test_a_url_of_another_type_is_refused_unseen() -> None:
    for url in (f"redis://:{SECRET}@host".encode(), [f"redis://:{SECRET}@host"], None, 5):
        with pytest.raises(ConfigurationError, match="a board's URL must be a string, not of type") as caught:
            open_leaderboard(url)  # type: ignore[arg-type]  # the very thing that must fail
        assert SECRET not in everything_shown(caught.value)


# ---------------------------------------------------------------------- the board's name


def test_a_board_is_named_by_the_host_or_the_option_or_the_default() -> None:
    def name(url: str, option: str | None = None, default: str = "default") -> str:
        return Location.parse(url, default)[0].board_name(option)

    assert name("memory://Weekly") == "Weekly"
    assert name("memory://weekly/") == "weekly"
    assert name("memory://", "weekly") == "weekly"
    assert name("memory://weekly", "weekly") == "weekly"
    assert name("memory://") == "default"
    assert name("memory://", default="laps") == "laps"


def test_a_url_of_a_name_alone_refuses_what_it_would_ignore() -> None:
    for url, problem in [
        ("memory://weekly/0", "has a path: memory:// takes only a board's name, for example memory://weekly"),
        ("memory:///weekly", "has a path: "),
        ("memory://ada@weekly", "has a user: memory:// takes only a board's name"),
    ]:
        with pytest.raises(ConfigurationError, match=problem):
            Location.parse(url)[0].board_name(None)


def test_two_names_for_one_board_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="names the board 'weekly', but the option board is 'daily'"):
        Location.parse("memory://weekly")[0].board_name("daily")


# ---------------------------------------------------------------------- options

KNOWN = {
    "timeout": Option(seconds, "seconds to wait"),
    "size": Option(integer(1, 9), "how many"),
    "batch": Option(integer(0, 0), "none"),
    "tls": Option(boolean, "whether to encrypt"),
    "prefix": Option(text, "before each key"),
    "password": Option(text, "the password", secret=True),
}


def test_options_are_read_from_text_and_taken_as_values() -> None:
    given_text = {"timeout": "1.5", "size": "9", "tls": "No", "prefix": "a"}
    given_values = {"timeout": 2, "size": 1, "tls": True, "prefix": ""}
    assert check_options("x://", KNOWN, given_text) == {"timeout": 1.5, "size": 9, "tls": False, "prefix": "a"}
    assert check_options("x://", KNOWN, given_values) == {"timeout": 2.0, "size": 1, "tls": True, "prefix": ""}


class Mode(str, Enum):  # noqa: UP042 - as many apps have it: `str` and f-strings show the name, unlike those of a StrEnum
    FULL = "full"


class Most(int, Enum):
    PLAYERS = 9


@pytest.mark.parametrize(
    ("parse", "member"),
    [(text, Mode.FULL), (one_of("full", "normal"), Mode.FULL), (integer(1), Most.PLAYERS), (number(), Most.PLAYERS)],
)
def test_a_member_of_an_enum_is_taken_as_its_value(parse: Callable[[object], Any], member: Enum) -> None:
    found = parse(member)
    assert (found, type(found)) == (member.value, type(member.value))


@pytest.mark.parametrize("word", ["true", "YES", "on", "1", 1])
def test_true_has_several_spellings(word: object) -> None:
    assert boolean(word) is True


@pytest.mark.parametrize("word", ["false", "No", "OFF", "0", 0, False])
def test_false_has_several_spellings(word: object) -> None:
    assert boolean(word) is False


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("timeout", "0", "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", "soon", "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", "nan", "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", "inf", "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", -1, "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", "1000000001", "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", 10**400, "it must be a number of seconds above 0 and at most 1000000000"),
        ("timeout", True, "it must be a number of seconds, not bool"),
        ("timeout", None, "it must be a number of seconds, not NoneType"),
        ("size", "0", "it must be at least 1 and at most 9"),
        ("size", 10, "it must be at least 1 and at most 9"),
        ("size", "many", "it must be a whole number"),
        ("size", "1.5", "it must be a whole number"),
        ("size", 1.5, "it must be a whole number, not float"),
        ("size", True, "it must be a whole number, not bool"),
        ("batch", 1, "it must be at least 0 and at most 0"),
        ("tls", "maybe", "it must be true or false"),
        ("tls", "", "it must be true or false"),
        ("prefix", 5, "it must be a string, not int"),
    ],
)
def test_a_bad_value_of_an_option_is_refused_with_the_rule(option: str, value: object, rule: str) -> None:
    with pytest.raises(ConfigurationError, match=f"option {option}=.* of x:// is not allowed: {rule}\\."):
        check_options("x://", KNOWN, {option: value})


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), f"1{'0' * 400}", "inf", "nan"], ids=["int", "negative", "text", "inf", "nan"]
)
def test_a_number_is_one_that_a_float_holds(value: object) -> None:
    with pytest.raises(ValueError, match="it must be a finite number"):
        number()(value)


def test_the_longest_times_are_ones_that_locks_and_sockets_take() -> None:
    assert Lock().acquire(timeout=seconds(MOST_SECONDS))
    with socket() as client:
        client.settimeout(timeout(MOST_TIMEOUT) + timeout(MOST_TIMEOUT))
    with pytest.raises(ValueError, match=r"at most 1000000$"):
        timeout(MOST_TIMEOUT + 1)


def test_a_secret_option_shows_neither_its_value_nor_its_length() -> None:
    with pytest.raises(ConfigurationError, match=r"option password=\*\*\* of x:// is not allowed") as caught:
        check_options("x://", KNOWN, {"password": [SECRET]})
    assert SECRET not in everything_shown(caught.value)


def test_an_unknown_option_names_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(UnknownOptionError, match=r"x:// has no option 'timeuot'\. Did you mean timeout") as caught:
        check_options("x://", KNOWN, {"timeuot": 1}, OURS)
    assert "Known options: batch, board, keep, order, password, prefix, size, timeout, tls." in str(caught.value)


def test_an_unknown_option_without_a_near_one_suggests_none() -> None:
    with pytest.raises(UnknownOptionError, match=r"has no option 'zzz'\. Known options: board, keep, order\."):
        check_options("memory://", {}, {"zzz": 1}, OURS)


@pytest.mark.parametrize("url", ["memory://a\nb", "memory://a\tb", "memory://a\rb", "redis://ho\x00st/0"])
def test_a_character_that_does_not_print_is_refused_rather_than_dropped(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not printable"):
        Location.parse(url)


# ---------------------------------------------------------------------- escapes

ESCAPED = [
    ("sqlite:///d/per%ce.db", "not UTF-8"),
    ("zodb:///d/%C3.fs", "not UTF-8"),
    ("unix:///run/%ff.sock", "not UTF-8"),
    ("redis://us%e9r@host/0", "not UTF-8"),
    (f"redis://:{SECRET}%e9@host/0", "not UTF-8"),
    (f"redis://host/0?password={SECRET}%e9", "not UTF-8"),
    ("redis://ho%80st/0", "not UTF-8"),
    ("memory://?board=a%ed%a0%80", "not UTF-8"),
    ("zodb:///d/a%00b.fs", "%00"),
    (f"redis://:{SECRET}%00@host/0", "%00"),
    ("zodb:///d/100%.fs", "%25"),
    (f"redis://:{SECRET}%zz@host/0", "%25"),
    ("memory://?board=5%", "%25"),
]


@pytest.mark.parametrize(("url", "rule"), ESCAPED)
def test_an_escape_that_would_be_read_as_something_else_is_refused(url: str, rule: str) -> None:
    with pytest.raises(ConfigurationError, match=rule) as caught:
        Location.parse(url)
    assert SECRET not in str(caught.value)


def test_escapes_of_utf_8_mean_the_characters_themselves() -> None:
    location, options = Location.parse("zodb:///%C3%A9/é%25.fs?board=%61")
    assert (location.path, options) == ("/é/é%.fs", {"board": "a"})
