"""Which class serves a URL's scheme: the built-in backends first, then installed entry points.

A plug-in registers a `LeaderboardBackend` subclass under the scheme's name in the entry-point group
`leaderboard_backends.backends`; it is imported when its scheme is asked for, never before. What stands around a board
is a `Wrapper` subclass under the name of its table in `leaderboard_backends.wrappers`, with a `position`. An
`AsyncLeaderboard` subclass for asyncio programs is in `leaderboard_backends.async_backends`, beside it or alone.
"""

from __future__ import annotations

import inspect
import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, PackageNotFoundError, distributions, entry_points, version
from pathlib import Path
from typing import Any, Final, TypeAlias

from .async_protocol import AsyncLeaderboard
from .async_wrapper import AsyncWrapper
from .errors import ConfigurationError, MissingExtraError, PluginError, UnknownSchemeError
from .installing import DISTRIBUTION, install_distribution, install_extra
from .model import shorten
from .protocol import Capabilities, LeaderboardBackend
from .wrapper import Wrapper

logger = logging.getLogger("leaderboard_backends")

ENTRY_POINT_GROUP: Final = "leaderboard_backends.backends"
ASYNC_GROUP: Final = "leaderboard_backends.async_backends"
WRAPPER_GROUP: Final = "leaderboard_backends.wrappers"
SYNCHRONOUS: Final = (
    "the interface is synchronous, and nothing would await them. Write plain functions: use the storage's "
    "synchronous client, or run its coroutines on an event loop in a thread of the backend's own, with "
    "asyncio.run_coroutine_threadsafe(...).result(). For asyncio programs, subclass AsyncLeaderboard and register it "
    f"in the entry-point group {ASYNC_GROUP}."
)
SHOWN_NAMES: Final = 3

InstalledState: TypeAlias = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _BuiltIn:
    module: str
    name: str
    extra: str | None = None


_BUILT_IN: Final = {
    "memory": _BuiltIn("backends.memory", "MemoryLeaderboard"),
    "sortedcontainers": _BuiltIn("backends.sortedcontainers", "SortedContainersLeaderboard"),
    "journal": _BuiltIn("backends.journal", "JournalLeaderboard"),
    "naive": _BuiltIn("backends.naive", "NaiveLeaderboard"),
    "redis": _BuiltIn("backends.redis", "RedisLeaderboard", "redis"),
    "rediss": _BuiltIn("backends.redis", "RedisLeaderboard", "redis"),
    "valkey": _BuiltIn("backends.redis", "RedisLeaderboard", "redis"),
    "valkeys": _BuiltIn("backends.redis", "RedisLeaderboard", "redis"),
    "unix": _BuiltIn("backends.redis", "RedisLeaderboard", "redis"),
    **dict.fromkeys(
        ("redis+sentinel", "rediss+sentinel", "valkey+sentinel", "valkeys+sentinel"),
        _BuiltIn("backends.redis.sentinel", "SentinelLeaderboard", "redis"),
    ),
    **dict.fromkeys(
        ("redis+cluster", "rediss+cluster", "valkey+cluster", "valkeys+cluster"),
        _BuiltIn("backends.redis.cluster", "ClusterLeaderboard", "redis"),
    ),
    "fakeredis": _BuiltIn("backends.redis.fake", "FakeRedisLeaderboard", "fakeredis"),
    "zodb": _BuiltIn("backends.zodb", "ZODBLeaderboard", "zodb"),
    "zodb+memory": _BuiltIn("backends.zodb", "ZODBMemoryLeaderboard", "zodb"),
    "zodb+config": _BuiltIn("backends.zodb.configured", "ConfiguredLeaderboard", "zodb"),
    "zeo": _BuiltIn("backends.zodb.zeo", "ZEOLeaderboard", "zeo"),
}

_ASYNC_BUILT_IN: Final = {
    **dict.fromkeys(
        ("redis", "rediss", "valkey", "valkeys", "unix"),
        _BuiltIn("backends.redis.async_board", "AsyncRedisLeaderboard", "redis"),
    ),
    **dict.fromkeys(
        ("redis+sentinel", "rediss+sentinel", "valkey+sentinel", "valkeys+sentinel"),
        _BuiltIn("backends.redis.async_sentinel", "AsyncSentinelLeaderboard", "redis"),
    ),
    **dict.fromkeys(
        ("redis+cluster", "rediss+cluster", "valkey+cluster", "valkeys+cluster"),
        _BuiltIn("backends.redis.async_cluster", "AsyncClusterLeaderboard", "redis"),
    ),
}
"""The backends that are asynchronous themselves; all others run in threads."""


_INSTEAD: Final = {
    r"(redis|valkey)s?\+(unix|socket)|redis\.sock": "A unix socket is unix:///path/redis.sock?board=NAME.",
    r"(redis|valkey)s?[+-](tls|ssl)": "TLS is rediss://HOST:PORT/0?board=NAME, or valkeys://.",
    r"(redis|valkey)s?[+-]?sentinels?": (
        "A service of Sentinels is redis+sentinel://HOST1:26379,HOST2:26379/SERVICE/0?board=NAME."
    ),
    r"(redis|valkey)s?([+-].*|clusters?)": (
        "A cluster is redis+cluster://HOST1:6379,HOST2:6379/?board=NAME, one server redis://HOST:PORT/0?board=NAME."
    ),
    r"keydb|dragonfly|kvrocks|garnet|tair": (
        "redis:// supports Redis 7 or newer and Valkey 8 or newer; test other compatible servers with the "
        "conformance kit."
    ),
    r"(postgres|postgresql|mysql|mariadb|mssql|oracle|cockroachdb|mongodb|dynamodb|cassandra)([+-].*)?": (
        "That kind of database is not supported: redis:// is for boards that several machines share, sqlite:///PATH "
        "(the distribution leaderboard-backends-sqlite) for SQL in a file."
    ),
    r"sqlite.*": "sqlite:///PATH comes with the distribution leaderboard-backends-sqlite.",
    r"(zeo|zodb)\+(unix|tcp|zeo)|zeos": "A ZEO server is zeo://HOST:PORT?board=NAME, or zeo:///PATH/zeo.sock?board=NAME.",
    r"relstorage.*|zconfig": "What ZODB's configuration describes, RelStorage too, is zodb+config:///PATH?board=NAME.",
    r"file|zodb\+.*": "A ZODB file is zodb:///PATH?board=NAME.",
    r"memcached?|dict|local|ram": "A board in this process is memory://NAME, one that several processes share redis://.",
    r"https?": "A board is opened where it is stored, not through its HTTP server: give the storage's URL.",
}
"""What serves those who come with a scheme of another library or another kind of storage."""
_ELSEWHERE: Final = {"sqlite": "leaderboard-backends-sqlite"}
"""Schemes that plug-ins of ours bring, and the distribution of each."""

_WRAPPERS: Final = {
    "migration": _BuiltIn("migration.moving_board", "MovingLeaderboard"),
    "replica": _BuiltIn("scaling", "ReplicatedLeaderboard"),
    "degradation": _BuiltIn("hardening.degradation", "DegradableLeaderboard", "production"),
    "validation": _BuiltIn("hardening.validation", "ValidatedLeaderboard", "production"),
    "rate_limit": _BuiltIn("hardening.rate_limiting", "RateLimitedLeaderboard", "production"),
    "monitoring": _BuiltIn("hardening.monitoring", "MonitoredLeaderboard", "production"),
}
"""What this library can put around a board, from the innermost to the outermost, by the `position` of each class."""

_ASYNC_WRAPPERS: Final = {
    "replica": _BuiltIn("scaling.async_replica", "AsyncReplicatedLeaderboard"),
    "degradation": _BuiltIn("hardening.degradation.async_board", "AsyncDegradableLeaderboard", "production"),
    "validation": _BuiltIn("hardening.validation.async_board", "AsyncValidatedLeaderboard", "production"),
    "rate_limit": _BuiltIn("hardening.rate_limiting.async_board", "AsyncRateLimitedLeaderboard", "production"),
    "monitoring": _BuiltIn("hardening.async_monitoring", "AsyncMonitoredLeaderboard", "production"),
}
"""What of it stands around an asynchronous board itself; with any other part, the whole board runs in threads."""


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What `leaderboard backends` tells of one scheme."""

    scheme: str
    distribution: str
    version: str
    backend: type[LeaderboardBackend] | None
    """The class, or `None` where it cannot be used here."""
    problem: str
    """Why it cannot be used here; empty where it can."""


def backend_class(scheme: str) -> type[LeaderboardBackend]:
    """Return the class for a scheme.

    Raises `UnknownSchemeError` (with what is installed, and the nearest), `MissingExtraError` (with the
    `pip install` line) or `PluginError` (with the distribution's name).
    """
    if built_in := _BUILT_IN.get(scheme):
        return _load_built_in(scheme, built_in)
    plugins = _plugins(scheme)
    if not plugins:
        raise _unknown_scheme(scheme)
    _refuse_several(f"{scheme}://", plugins)
    return _load_plugin(plugins[0])


def async_backend_class(scheme: str) -> type[AsyncLeaderboard] | None:
    """Return the class of an asynchronous backend for a scheme, `None` where there is none.

    Raises as `backend_class`, but not for an unknown scheme.
    """
    if built_in := _ASYNC_BUILT_IN.get(scheme):
        native: type[AsyncLeaderboard] = _load(f"{scheme}://", built_in)
        return native
    plugins = list(installed(ASYNC_GROUP).select(name=scheme))
    if scheme in _BUILT_IN or not plugins:
        return None
    _refuse_several(f"{scheme}://", plugins)
    owner = f"the asynchronous backend {scheme}:// of {distribution_of(plugins[0])}"
    found = load_plugin(plugins[0], owner)
    if problem := _async_plugin_problem(found, plugins[0].value):
        raise PluginError(f"{owner} {problem}")
    backend: type[AsyncLeaderboard] = found
    return backend


def _async_plugin_problem(found: object, target: str) -> str:
    if not (isinstance(found, type) and issubclass(found, AsyncLeaderboard)):
        return f"is {shorten(found)}, not an AsyncLeaderboard subclass: {target} must name one."
    return _incomplete(found, target)


def _incomplete(found: type, target: str) -> str:
    """Return what a class of a plug-in lacks; empty if nothing."""
    if hooks := getattr(found, "__abstractmethods__", ()):
        return f"is incomplete: {target} does not implement {', '.join(sorted(hooks))}."
    capabilities = getattr(found, "capabilities", None)
    if not (isinstance(capabilities, Capabilities) or hasattr(capabilities, "__get__")):  # or of the board inside
        return f"declares no capabilities: set them to a Capabilities in {target}."
    return ""


def _refuse_several(what: str, plugins: list[EntryPoint]) -> None:
    """Raise `PluginError` where several distributions bring the same."""
    if len(plugins) > 1:
        names = " and ".join(sorted(distribution_of(plugin) for plugin in plugins))
        raise PluginError(f"{what} is claimed by {names}: uninstall all but one of them.")


def schemes() -> list[str]:
    """Return every scheme that is built in or installed, sorted; nothing is imported."""
    return sorted({*_BUILT_IN, *(plugin.name for plugin in installed(ENTRY_POINT_GROUP))})


def installed(group: str) -> EntryPoints:
    """Return the entry points of a group; the files of all distributions are read again only where one came or went.

    Costs a `stat` for each folder of `sys.path`, and milliseconds where they are read.
    """
    return _read_points(group, installed_state())


@lru_cache(maxsize=8)
def _read_points(group: str, state: InstalledState) -> EntryPoints:
    try:
        return entry_points(group=group)
    except (TypeError, ValueError):
        return _read_one_by_one(state).select(group=group)


@lru_cache(maxsize=1)
def _read_one_by_one(_state: InstalledState) -> EntryPoints:
    """Return the entry points of all distributions but those whose file is broken, which the log names."""
    points: dict[EntryPoint, None] = {}  # one that is on the path twice brings the same twice
    for found in distributions():
        try:
            points |= dict.fromkeys(found.entry_points)
        except (TypeError, ValueError) as error:
            _say_left_out(found.metadata["Name"], str(error))
    return EntryPoints(points)


@cache
def _say_left_out(name: str, problem: str) -> None:
    """Log that a distribution is left out, once in this process."""
    logger.warning(
        "%s is left out, with its plug-ins if it has any, as its entry_points.txt cannot be read (%s): "
        "reinstall or uninstall it.",
        name,
        problem,
    )


def installed_state() -> InstalledState:
    """Return what differs once a distribution was installed or removed: the folders of `sys.path` and their times."""
    return tuple((folder, _changed(folder)) for folder in sys.path)


def _changed(folder: str) -> int:
    """Return when something was last installed in a folder or removed from it, in nanoseconds; 0 where it is none."""
    try:
        return Path(folder).stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def is_built_in(scheme: str) -> bool:
    """Whether this library serves a scheme itself, rather than a plug-in."""
    return scheme in _BUILT_IN


def backends() -> list[BackendInfo]:
    """Return what is known of every scheme; imports each backend to see whether it can be used here."""
    return [_info(scheme) for scheme in schemes()]


def _info(scheme: str) -> BackendInfo:
    if scheme in _BUILT_IN:
        distribution, number = DISTRIBUTION, _version()
    else:
        plugin = _plugins(scheme)[0]
        distribution, number = distribution_of(plugin), _version_of(plugin)
    try:
        return BackendInfo(scheme, distribution, number, backend_class(scheme), "")
    except (ConfigurationError, ImportError) as error:
        return BackendInfo(scheme, distribution, number, None, str(error))


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "?"


def _plugins(scheme: str) -> list[EntryPoint]:
    return list(installed(ENTRY_POINT_GROUP).select(name=scheme))


def distribution_of(plugin: EntryPoint) -> str:
    """Return the name of the distribution that a plug-in came with, or what it names where that cannot be told."""
    return _metadata_of(plugin, "Name") or plugin.value


def _version_of(plugin: EntryPoint) -> str:
    return _metadata_of(plugin, "Version") or "?"


def _metadata_of(plugin: EntryPoint, name: str) -> str:
    found = plugin.dist.metadata.get_all(name) if plugin.dist else None
    return str(found[0]) if found else ""


def load_plugin(plugin: EntryPoint, owner: str) -> Any:
    """Import and return what an entry point names, whatever its code does but a Ctrl-C.

    `owner` says in words what it is. Raises `PluginError`: a module can end a program, too, by `sys.exit`, or by an
    exception that is no `Exception`.
    """
    try:
        return plugin.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"{owner} failed to import ({plugin.value}): {type(error).__name__}{f': {error}' if str(error) else '.'}"
        ) from error


def wrapper_names() -> list[str]:
    """Return what can be put around a board: this library's, the innermost first, then those of plug-ins.

    Nothing is imported, so that the plug-ins' places among them are not known yet (`in_place`).
    """
    names = {plugin.name for plugin in installed(WRAPPER_GROUP)}
    return [*_WRAPPERS, *sorted(names - _WRAPPERS.keys())]


def wrapper_class(name: str) -> type[Wrapper]:
    """Return the class of a wrapper. Raises `MissingExtraError`, with the `pip install` line, or `PluginError`."""
    if name in _WRAPPERS:
        built_in: type[Wrapper] = _load(name, _WRAPPERS[name])
        return built_in
    plugins = list(installed(WRAPPER_GROUP).select(name=name))
    _refuse_several(f"the wrapper {name}", plugins)
    owner = f"the wrapper {name} of {distribution_of(plugins[0])}"
    found = load_plugin(plugins[0], owner)
    if not (isinstance(found, type) and issubclass(found, Wrapper)):
        raise PluginError(f"{owner} is {shorten(found)}, not a Wrapper subclass: {plugins[0].value} must name one.")
    return found


def async_wrapper_class(name: str) -> type[AsyncWrapper] | None:
    """Return the class of a wrapper of asynchronous boards, `None` where there is none; raises as `wrapper_class`."""
    if name not in _ASYNC_WRAPPERS:
        return None
    found: type[AsyncWrapper] = _load(name, _ASYNC_WRAPPERS[name])
    return found


def in_place(names: Iterable[str]) -> dict[str, type[Wrapper]]:
    """Return the classes of wrappers by name, from the innermost to the outermost; raises as `wrapper_class`."""
    found = {name: wrapper_class(name) for name in names}
    return dict(sorted(found.items(), key=lambda item: (item[1].position, item[0])))


def _load_built_in(scheme: str, built_in: _BuiltIn) -> type[LeaderboardBackend]:
    found: type[LeaderboardBackend] = _load(f"{scheme}://", built_in)
    return found


def _load(owner: str, built_in: _BuiltIn) -> Any:
    """Import a class of ours; raises `MissingExtraError` where it needs what is not installed."""
    try:
        module = import_module(f".{built_in.module}", __package__)
    except ImportError as error:
        if built_in.extra is None or (error.name or "").partition(".")[0] == __package__:
            raise
        if isinstance(error, ModuleNotFoundError):
            problem = f"needs {error.name}, which is not installed: {install_extra(built_in.extra)}"
        else:
            line = install_extra(built_in.extra, upgrade=True)
            problem = f"cannot use the installed {error.name} ({error}): {line}"
        raise MissingExtraError(f"{owner} {problem}") from error
    except Exception as error:
        raise ConfigurationError(
            f"{owner} cannot be used: importing it raised {type(error).__name__}: {error}"
        ) from error
    return getattr(module, built_in.name)


def _load_plugin(plugin: EntryPoint) -> type[LeaderboardBackend]:
    owner = f"the backend {plugin.name}:// of {distribution_of(plugin)}"
    found = load_plugin(plugin, owner)
    if problem := _plugin_problem(found, plugin.value):
        raise PluginError(f"{owner} {problem}")
    backend: type[LeaderboardBackend] = found
    return backend


def _plugin_problem(found: object, target: str) -> str:
    if not (isinstance(found, type) and issubclass(found, LeaderboardBackend)):
        return f"is {shorten(found)}, not a LeaderboardBackend subclass: {target} must name one."
    if problem := async_problem(found):
        return f"{problem} ({target})"
    return _incomplete(found, target)


def async_problem(backend: type) -> str:
    """Return which methods and hooks of a class are `async def`, which nobody awaits, and what to do; empty if none."""
    names = [
        name
        for name, ours in vars(LeaderboardBackend).items()
        if (inspect.isfunction(ours) or isinstance(ours, classmethod)) and _is_async(getattr(backend, name, None))
    ]
    if not names:
        return ""
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {left} more" if (left := len(names) - SHOWN_NAMES) > 0 else "")
    return f"has asynchronous methods (async def {shown}): {SYNCHRONOUS}"


def _is_async(found: object) -> bool:
    return inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found)


def _unknown_scheme(scheme: str) -> UnknownSchemeError:
    if distribution := _ELSEWHERE.get(scheme):
        line = install_distribution(distribution)
        return UnknownSchemeError(f"{scheme}:// comes with {distribution}, which is not installed: {line}")
    known = schemes()
    near = get_close_matches(scheme, known, 1)
    hint = f" Did you mean {near[0]}://?" if near else ""
    hint = next((f" {text}" for pattern, text in _INSTEAD.items() if re.fullmatch(pattern, scheme)), hint)
    return UnknownSchemeError(
        f"no backend is installed for {shorten(scheme)}://.{hint} Installed: {', '.join(known)}. A plug-in adds its "
        f"own through the entry-point group {ENTRY_POINT_GROUP}."
    )
