"""Where a board is: a parsed URL, and the typed options that a backend declares for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import reduce
from importlib import import_module
from inspect import iscoroutinefunction
from math import inf
from sys import float_info
from typing import Any, Final, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from .errors import ConfigurationError, UnknownOptionError
from .files import check_path
from .model import shorten

_WHOLE = re.compile(r"[+-]?[0-9]+")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HOST = re.compile(r"(?P<host>[\w.-]+|\[[\w:.%]+\])(?::\d{0,5})?")
_MISPLACED = re.compile(r"[&;,]\s*\w+=")
"""An option before the '?', as other libraries write it: it would become part of a host, a database or a file name."""
_DATABASE = re.compile(r"/?\d*/?")
_SERVICE = re.compile(r"/[\w.-]*(/\d*)?")
"""The path of a URL of several servers: what they serve, and the database's number."""
_SECRET_NAME = re.compile(r"(?i)passw|pwd|secret|token|credential|api_?key")

MOST_SECONDS: Final = 1_000_000_000
"""About 32 years: locks and `sleep` take up to 9.2e9 seconds."""
MOST_TIMEOUT: Final = 1_000_000
"""About 12 days: a socket takes up to 2 ** 31 milliseconds, which two of these together do not reach."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a backend: how to read it from text or take it as a value, and what it is for."""

    parse: Callable[[object], Any]
    help: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """A URL without its query. `repr`, `str` and `shown` never show a password; `url` does."""

    scheme: str
    url: str = field(repr=False)
    parts: SplitResult = field(repr=False)
    default_board: str = "default"

    @classmethod
    def parse(cls, url: str, default_board: str = "default") -> tuple[Location, dict[str, str]]:
        """Return the location and the query's options; raises `ConfigurationError` for text that is no URL."""
        parts = _split(url)
        options = _query_options(url, parts.query)
        bare = parts._replace(query="")
        shown = urlunsplit(bare) if bare.netloc else f"{parts.scheme}://{bare.path}"
        return cls(parts.scheme, shown, bare, default_board), options

    @property
    def path(self) -> str:
        """The path, with `%xx` decoded."""
        return unquote(self.parts.path)

    @property
    def shown(self) -> str:
        """The URL with `***` for a password, and `…` for a path behind a host that is no number of a database."""
        start = len(self.scheme) + 3
        path = _SERVICE if self.scheme.endswith("+sentinel") else _DATABASE
        url = self.url if not self.parts.netloc or path.fullmatch(self.parts.path) else self._without_path()
        before, at, after = url[start:].rpartition("@")
        return url[:start] + re.sub(r"(?s):.*", ":***", before) + at + after

    def _without_path(self) -> str:
        return f"{self.scheme}://{self.parts.netloc}/…"

    @property
    def place(self) -> str:
        """Scheme and host alone, for the text of an error about the rest, which may be a password in a wrong place."""
        return place_of(self.url)

    def __str__(self) -> str:
        return self.shown

    @property
    def hosts(self) -> list[tuple[str, int | None]]:
        """The hosts and ports of a URL such as `redis+sentinel://h1:26379,h2/service`; `None` for a port left out."""
        return [(unquote(host.hostname or ""), host.port) for host in _hosts(self.parts.netloc)]

    def file_path(self, example: str) -> str:
        """Return the path of a URL such as `zodb:///var/lib/app/board.fs`, whose path is `example`.

        Raises `ConfigurationError` where the URL has a host, or its path names no file.
        """
        if self.parts.netloc or self.path in ("", "/"):
            raise ConfigurationError(
                f"{self.shown} has no absolute path: write one after {self.scheme}://, for example "
                f"{self.scheme}://{example}?board=weekly, or memory://weekly for a board in this process's memory."
            )
        return check_path(self.path, example)

    def board_name(self, name: str | None) -> str:
        """Return the board's name of a URL such as `memory://weekly`, which has nothing else in it.

        Raises `ConfigurationError` where the URL has more than a name, or names another board than `name`.
        """
        named = self.parts.netloc
        if "@" in named:
            raise ConfigurationError(
                f"{self.place} has a user: {self.scheme}:// takes only a board's name, for example "
                f"{self.scheme}://weekly."
            )
        if self.parts.path not in ("", "/"):
            raise ConfigurationError(
                f"{self.place} has a path: {self.scheme}:// takes only a board's name, for example "
                f"{self.scheme}://weekly."
            )
        if named and name and named != name:
            raise ConfigurationError(f"{self.shown} names the board {named!r}, but the option board is {name!r}.")
        return named or name or self.default_board


def check_options(
    owner: str,
    known: Mapping[str, Option],
    given: Mapping[str, object],
    always: Collection[str] = (),
    unshown: Collection[str] = (),
) -> dict[str, Any]:
    """Return the parsed options; raises `UnknownOptionError` for others, `ConfigurationError` for bad values.

    `owner` is whose options they are, in words, such as `redis://`; `always` are the names that are read elsewhere, and
    `unshown` those of which an error shows neither name nor value (see `after_secret`).
    """
    parsed: dict[str, Any] = {}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            raise _unknown_option(owner, name, {*known, *always}, shown=name not in unshown)
        try:
            parsed[name] = option.parse(value)
        except (ValueError, TypeError) as error:
            shown = "***" if option.secret or name in unshown else shorten(value)
            raise ConfigurationError(f"option {name}={shown} of {owner} is not allowed: {error}.") from None
    return parsed


def _split(url: str) -> SplitResult:
    """Return a URL's parts; refuses text whose parts could be taken for others."""
    if not url.isprintable():
        raise _refused(url, "has a line break, a tab or another character that is not printable: remove it.")
    try:
        parts = urlsplit(url)
        _ = [host.port for host in _hosts(parts.netloc)]
    except ValueError:
        raise _refused(
            url,
            "has no readable host and port: a port is a number up to 65535, and '/', '?', '#', '@' and ':' in a user "
            "name or password are written %2F, %3F, %23, %40 and %3A.",
        ) from None
    if not parts.scheme or "://" not in url:
        raise _refused(url, "is not a board's URL: write scheme://…, for example memory://weekly.")
    if "#" in url:
        raise _refused(url, "has a '#': write %23 where it is part of a name or a password.")
    if _MISPLACED.search(parts.netloc.rpartition("@")[2] + parts.path) or "password=" in parts.netloc:
        raise _refused(
            url,
            "has an option before a '?': options come last, as ?name=value&name=value, and '&', ';', ',' and '=' in a "
            "name are written %26, %3B, %2C and %3D.",
        )
    if parts.netloc and "@" in parts.path + parts.query:
        raise _refused(
            url,
            "has an '@' after its host: in a user name, a password or an option, write '/', '?' and '@' as %2F, %3F "
            "and %40.",
        )
    _check_escapes(url)
    return parts


def _hosts(netloc: str) -> list[SplitResult]:
    return [urlsplit(f"//{host}") for host in netloc.rpartition("@")[2].split(",")]


def _check_escapes(url: str) -> None:
    """Refuse escapes that would be read as something else than was meant: two URLs would then be one place."""
    if _STRAY_PERCENT.search(url):
        raise _refused(url, "has a '%' that does not begin an escape: write a literal '%' as %25.")
    try:
        decoded = unquote(url, errors="strict")
    except UnicodeDecodeError:
        raise _refused(
            url,
            "has an escape that is not UTF-8: write a character such as 'é' as it is, or as its bytes in UTF-8, "
            "%C3%A9.",
        ) from None
    if "\0" in decoded:
        raise _refused(url, "has the escape %00: no name, path or password may contain it. Remove it.")


def _query_options(url: str, query: str) -> dict[str, str]:
    if any(part and "=" not in part for part in query.split("&")):
        raise _refused(
            url, "has a part without '=' after its '?': options are name=value, and an '&' in a value is written %26."
        )
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs):
        names = [key for key, _ in pairs]
        twice = sorted({name for name in options if names.count(name) > 1} - after_secret(options)) or [
            "after a secret"
        ]
        raise ConfigurationError(f"the option {', '.join(twice)} is given twice in the URL: give it once.")
    return options


def after_secret(query: Mapping[str, object]) -> set[str]:
    """Return the names of a URL's options that come after a password: they may be the rest of it, its '&' unescaped."""
    names = list(query)
    return {name for place, name in enumerate(names) if any(map(_SECRET_NAME.search, names[:place]))}


def place_of(url: str) -> str:
    """Return scheme and host of a text that may be no URL, and `…` for all else: any of it could be a password."""
    scheme, mark, rest = url.partition("://")
    if not (mark and _SCHEME.fullmatch(scheme)):
        plain = re.split(r"[^\w./-]", url, maxsplit=1)[0]
        return "…" if "@" in url else shorten(url if plain == url else f"{plain}…")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    hidden = "@" in rest[len(authority) :] or "password=" in authority
    host = None if hidden else _HOST.fullmatch(authority.rpartition("@")[2])
    found = f"{scheme}://{host['host'] if host else ''}"
    return found if found == url else f"{found}…"


def _refused(url: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f"{place_of(url)} {problem}")


def _unknown_option(owner: str, name: str, known: Collection[str], *, shown: bool) -> UnknownOptionError:
    names = sorted(known)
    if not shown:
        return UnknownOptionError(
            f"{owner} does not have an option that its URL has after a password: write an '&' in a password as %26. "
            f"Known options: {', '.join(names)}."
        )
    near = get_close_matches(str(name), names, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return UnknownOptionError(f"{owner} has no option {shorten(name)}.{hint} Known options: {', '.join(names)}.")


def text(value: object) -> str:
    """Parse an option that is a text."""
    if not isinstance(value, str):
        raise TypeError(f"it must be a string, not {type(value).__name__}")
    return str.__str__(value)  # not a member of an enum, of which an f-string would show the name


def integer(minimum: int, maximum: int | None = None) -> Callable[[object], int]:
    """Return a parser of whole numbers from `minimum` to `maximum`."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise TypeError(f"it must be a whole number, not {type(value).__name__}")
        try:
            number = int(value)
        except ValueError:
            raise ValueError("it must be a whole number") from None
        if number < minimum or (maximum is not None and number > maximum):
            raise ValueError(
                f"it must be at least {minimum}" + (f" and at most {maximum}" if maximum is not None else "")
            )
        return number

    return parse


def seconds(value: object, most: int = MOST_SECONDS) -> float:
    """Parse a duration in seconds, above 0 and at most `most`; `timeout` is for one that a client waits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"it must be a number of seconds, not {type(value).__name__}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = 0.0
    if not 0 < number <= most:
        raise ValueError(f"it must be a number of seconds above 0 and at most {most}")
    return number


def timeout(value: object) -> float:
    """Parse a duration in seconds that a client waits, for a socket, a connection or a reply."""
    return seconds(value, MOST_TIMEOUT)


def number(minimum: float = -inf, maximum: float = inf) -> Callable[[object], int | float]:
    """Return a parser of finite numbers from `minimum` to `maximum`; whole ones stay whole."""

    def parse(value: object) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError(f"it must be a number, not {type(value).__name__}")
        try:
            found = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
            found = float(found) if isinstance(found, str) else found
        except ValueError:
            raise ValueError("it must be a number") from None
        if not minimum <= found <= maximum or abs(found) > float_info.max:  # of an int, too
            low = f"at least {minimum:g}" if minimum > -inf else ""
            high = f"at most {maximum:g}" if maximum < inf else ""
            raise ValueError(
                f"it must be a finite number{', ' if low or high else ''}{' and '.join(filter(None, [low, high]))}"
            )
        return int(found) if isinstance(found, int) else float(found)

    return parse


def one_of(*words: str) -> Callable[[object], str]:
    """Return a parser of one of these words."""

    def parse(value: object) -> str:
        if value not in words:
            raise ValueError(f"it must be one of {', '.join(words)}")
        return words[words.index(value)]

    return parse


def boolean(value: object) -> bool:
    """Parse `true` or `false` (`yes`, `no`, `on`, `off`, `1`, `0`)."""
    if isinstance(value, bool):
        return value
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    word = str(value).lower()
    if word not in known:
        raise ValueError("it must be true or false")
    return known[word]


def or_off(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    """Return a parser that takes `false` or `off` for a setting that is off, `None`, and else what `parse` takes."""

    def parse_unless_off(value: object) -> Any:
        return None if value is None or value is False or value in ("off", "false") else parse(value)

    return parse_unless_off


_importing: ContextVar[bool] = ContextVar("importing", default=True)


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """A function that a configuration names, which nobody imported; see `functions_named`."""

    name: str

    def __call__(self, *arguments: object, **options: object) -> NoReturn:
        """Refuse: whoever looks at a configuration runs none of it."""
        del arguments, options
        raise ConfigurationError(
            f"{self.name} was not imported: the board was described without importing its functions."
        )


@contextmanager
def functions_named() -> Iterator[None]:
    """Import no function within this context: a text `module:name` becomes a `NamedFunction`, its form checked."""
    before = _importing.get()
    try:
        _importing.set(False)
        yield
    finally:
        _importing.set(before)


def hook(value: object) -> Callable[..., Any]:
    """Take a function, or import the one that a text `module:name` names; a coroutine function is one, too."""
    found: object = _named(value) if isinstance(value, str) else value
    if not callable(found):
        raise TypeError(f"it must be a function or a string module:function, not {type(found).__name__}")
    return found


def function(value: object) -> Callable[..., Any]:
    """Take a function as `hook` does, but none that is to be awaited."""
    found = hook(value)
    if iscoroutinefunction(found) or iscoroutinefunction(getattr(found, "__call__", None)):  # noqa: B004 - what is called
        raise TypeError(
            "it must be a plain function: this board does not await coroutines (open_async_leaderboard opens boards "
            "that do, in memory and on Redis)"
        )
    return found


def _named(name: str) -> Any:
    module, _, path = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *path.split("."))):
        raise ValueError("it must be module:function, for example app.players:exists")
    if not _importing.get():
        return NamedFunction(name)
    try:
        found = import_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{shorten(module)} cannot be imported ({type(error).__name__}: {error})") from error
    try:
        return reduce(getattr, path.split("."), found)
    except AttributeError:
        raise ValueError(f"{shorten(module)} has no {shorten(path)}") from None
