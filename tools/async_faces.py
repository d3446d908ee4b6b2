"""Write the asynchronous face of each module that differs from its synchronous one by `await` alone.

    python tools/async_faces.py            write the faces
    python tools/async_faces.py --check    write nothing; exit with 1 where a face is not what its source makes

The synchronous module is the source: it is what people read and change. Which calls are awaited follows from their
names, so a missing `await` is possible, but it does not pass `mypy --strict`: a coroutine is no answer.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeGuard

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "leaderboard_backends"

RENAMED: Final = {
    "LeaderboardBackend": "AsyncLeaderboard",
    "DelegatingLeaderboard": "AsyncDelegatingLeaderboard",
    "Carrier": "AsyncCarrier",
    "ServerOperations": "AsyncServerOperations",
    "Iterator": "AsyncIterator",
    "AddressedLeaderboard": "AsyncAddressedLeaderboard",
    "Server": "AsyncServer",
    "shared_server": "shared_async_server",
    "PrimaryServer": "AsyncPrimaryServer",
    "ReplicaReads": "AsyncReplicaReads",
    "ServiceReplicas": "AsyncServiceReplicas",
    "Cluster": "AsyncCluster",
    "shared_cluster": "shared_async_cluster",
    "ClusterReplicas": "AsyncClusterReplicas",
    "ShardedBoard": "AsyncShardedBoard",
    "ClusterOperations": "AsyncClusterOperations",
    "Wrapper": "AsyncWrapper",
    "ValidatedLeaderboard": "AsyncValidatedLeaderboard",
    "KnownPlayers": "AsyncKnownPlayers",
    "Reports": "AsyncReports",
    "Stripes": "AsyncStripes",
    "RateLimitedLeaderboard": "AsyncRateLimitedLeaderboard",
    "MonitoredLeaderboard": "AsyncMonitoredLeaderboard",
    "TracedLeaderboard": "AsyncTracedLeaderboard",
    "DegradableLeaderboard": "AsyncDegradableLeaderboard",
    "Breaker": "AsyncBreaker",
    "CachedTop": "AsyncCachedTop",
    "SingleFlight": "AsyncSingleFlight",
    "RankBands": "AsyncRankBands",
    "ReplicatedLeaderboard": "AsyncReplicatedLeaderboard",
    "__iter__": "__aiter__",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
}
"""Names of the synchronous side, and of the asynchronous one."""

TWINS: Final = {
    "backends/redis/board": "async_board",
    "backends/redis/server": "async_server",
    "backends/redis/nodes": "async_nodes",
    "backends/redis/primary": "async_primary",
    "hardening/validation/stripes": "async_stripes",
    "hardening/degradation/single_flight": "async_single_flight",
}
"""Modules whose asynchronous side is written by hand, as it is another one."""

PLAIN: Final = {
    "check_location",
    "is_due",
    "passing_fence",
    "unconfirmed",
    "_inherit",
    "_request",
    "_place",
    "_storage",
}
"""Methods without input or output, beside properties, which stay as they are; so do those with two underscores."""

PLAIN_OWNERS: Final = {"requests", "_requests", "_manifest", "_writes", "_shared", "_machine", "_ended", "shard"}
"""What makes values without input or output, whatever its methods are called."""

MAGIC: Final = {"__enter__", "__exit__"}
"""Methods with two underscores that are coroutines all the same."""


CLOSED_MEANWHILE: Final = """\
        if self._closed:  # while it waited for its turn
            self._refuse_closed()
"""


@dataclass(frozen=True, slots=True)
class Face:
    """One module, and what becomes of it."""

    source: str
    target: str
    texts: Mapping[str, str] = field(default_factory=dict)
    """What stands in the source, and what stands in its place; each must be there."""
    dropped: frozenset[str] = frozenset()
    """Methods that the face does not have."""
    shared: frozenset[str] = frozenset()
    """What the face imports from the source, as it is no different."""
    awaited: frozenset[str] = frozenset()
    """Methods and functions of others that are awaited here, beside those of boards."""
    inherits: tuple[str, ...] = ()
    """Sources of what its classes inherit, whose methods are awaited as well."""
    plain: frozenset[str] = frozenset()
    """Methods without input or output, which stay as they are."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Names of this source alone, and their asynchronous ones."""
    inner: frozenset[str] = frozenset()
    """Functions within functions that are coroutines."""
    only: frozenset[str] = frozenset()
    """The classes and functions that the face has; it imports everything else from the source."""


FACES: Final = (
    Face(
        "protocol.py",
        "async_protocol.py",
        texts={
            '"""The contract of a board, as an abstract class.': (
                '"""The contract of a board, as an abstract class whose operations are coroutines.'
            ),
            'CONTRACT_VERSION: Final = "1.2"\n"""The version of the contract that this module writes down and the '
            'conformance kit proves."""\n\n': "",
            'PAGE_SIZE = 1000\n"""Entries that iteration reads in one step."""\n\n': "",
            '"CONTRACT_VERSION", "PAGE_SIZE", "Capabilities", "LeaderboardBackend", "StorageInfo"': (
                '"LeaderboardBackend"'
            ),
            "from . import model\n": "from . import in_turns, model\nfrom .protocol import PAGE_SIZE\n",
            "model.check_updates(updates)\n": f"await in_turns.check_updates(updates)\n{CLOSED_MEANWHILE}",
            "model.check_player_ids(player_ids)\n": f"await in_turns.check_player_ids(player_ids)\n{CLOSED_MEANWHILE}",
            "All methods may be called from several threads. Each is atomic": (
                "All methods may be called by many tasks at once. Each is atomic"
            ),
            "; `player_id in board` is the same": "",
            "; `len(board)` is the same": "",
        },
        dropped=frozenset({"__contains__", "__len__", "open_trial"}),
    ),
    Face("delegating.py", "async_delegating.py", renamed={"iter": "aiter"}),
    Face(
        "answers.py",
        "async_answers.py",
        texts={
            "read: Callable[[Asked], Value]": "read: Callable[[Asked], Awaitable[Value]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        only=frozenset({"ask_live"}),
        awaited=frozenset({"read"}),
    ),
    Face(
        "score_limits.py",
        "async_score_limits.py",
        texts={
            "write: Callable[Parameters, Value]": "write: Callable[Parameters, Awaitable[Value]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        only=frozenset({"within"}),
        awaited=frozenset({"write"}),
    ),
    Face(
        "wrapper.py",
        "async_wrapper.py",
        only=frozenset({"Wrapper", "hook_of"}),
        plain=frozenset({"wrap", "_settings", "hook_of"}),
    ),
    Face("backends/redis/carriers.py", "backends/redis/async_carriers.py"),
    Face(
        "backends/redis/sentinels.py",
        "backends/redis/async_sentinels.py",
        texts={"class Sentinels:": "class AsyncSentinels:"},
        shared=frozenset({"ALLOW", "CHECK_EVERY", "Primary", "REMEDY"}),
        awaited=frozenset({"carry"}),
    ),
    Face(
        "backends/redis/operations.py",
        "backends/redis/async_operations.py",
        awaited=frozenset({"carry", "leave", "storage_info"}),
    ),
    Face(
        "backends/redis/topology.py",
        "backends/redis/async_topology.py",
        texts={
            "from threading import RLock\nfrom time import monotonic, sleep\n": (
                "from asyncio import Lock, get_running_loop, sleep\nfrom time import monotonic\n"
            ),
            "from .nodes import node_server\n": "from .async_nodes import exchange, node_server\n",
            "import Server, exchange, shared_server": "import Server, shared_server",
            "shared by all boards of the process at": "shared by all boards of an event loop at",
            "in this process": "in the running event loop",
            "guard(RLock())": "Lock()\n        self.loop: Final = get_running_loop()",
            "not self._lock.acquire(blocking=False):\n            return\n": (
                "self._lock.locked():\n            return\n        await self._lock.acquire()\n"
            ),
            "with self._lock:": "async with self._lock:",
        },
        awaited=frozenset({"exchange", "sleep", "leave"}),
        plain=frozenset({"_make"}),
    ),
    Face(
        "backends/redis/sharded.py",
        "backends/redis/async_sharded.py",
        texts={
            "from .server import exchange\n": "from .async_nodes import exchange, proceed\n",
            "run.proceed(answers)": "await proceed(run, answers)",
        },
        shared=frozenset({"DEFAULT_SHARDS"}),
        awaited=frozenset({"exchange", "read", "leave", "carry", "carry_live", "slot_map"}),
        plain=frozenset({"_several", "_admit_missing", "_note_partial"}),
    ),
    Face(
        "backends/redis/cluster_operations.py",
        "backends/redis/async_cluster_operations.py",
        dropped=frozenset({"list_states"}),
        shared=frozenset(
            {"TICKETS", "TICKET_LIFE", "KEPT", "rank_of_one", "without"}
            | {"joined_entries", "entries_of", "batch_error"}
        ),
        awaited=frozenset({"slot_map", "storage_info"}),
        inherits=("backends/redis/sharded.py",),
        plain=frozenset({"_ends"}),
    ),
    Face(
        "backends/redis/replicas.py",
        "backends/redis/async_replicas.py",
        texts={
            "from .server import Server, exchange, shared_server\n": (
                "from .async_nodes import exchange\nfrom .server import Server, shared_server\n"
            ),
            "from time import monotonic, sleep\n": "from asyncio import sleep\nfrom time import monotonic\n",
            "ask: Callable[[], Mapping[int, Version]]": "ask: Callable[[], Awaitable[Mapping[int, Version]]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        shared=frozenset(
            {"REST", "LONGEST_REST", "MAX_STALENESS", "REPLICATION_DELAY", "DELAYS", "Question", "Found", "Resting"}
            | {"lacks_something", "may_be_applied", "shared_freshness"}
        ),
        awaited=frozenset({"exchange", "sleep", "leave", "carry", "ask"}),
        plain=frozenset({"_note", "_proven", "_replica", "_server", "can_ask", "discard", "add"}),
    ),
    Face(
        "backends/redis/service_replicas.py",
        "backends/redis/async_service_replicas.py",
        shared=frozenset({"note_confirmed"}),
        awaited=frozenset({"ask", "carry", "keep_marks", "replicas"}),
        plain=frozenset({"learn"}),
    ),
    Face(
        "backends/redis/cluster_replicas.py",
        "backends/redis/async_cluster_replicas.py",
        shared=frozenset({"value_of", "left_over"}),
        texts={"from .nodes import replica_server\n": "from .async_nodes import replica_server\n"},
        awaited=frozenset({"ask", "carry", "keep_marks", "refresh"}),
        plain=frozenset({"_question", "_joint_questions", "_versioned", "_all_versioned", "_learned", "_doubt"}),
    ),
    Face(
        "hardening/validation/board.py",
        "hardening/validation/async_board.py",
        texts={
            "with self._locks.of(": "async with self._locks.of(",
            "check_settings(settings)": "check_settings(settings, awaits=True)",
            "if problem := rule.check(case)": "if problem := await settled(rule.check(case))",
            "Callable[[Case], None]": "Callable[[Case], Awaitable[None]]",
            "import Callable, Mapping, Sequence\n": "import Awaitable, Callable, Mapping, Sequence\n",
            "from ...answers import ask_live\n": "from ...aio.hooks import settled\nfrom ...answers import ask_live\n",
        },
        only=frozenset({"ValidatedLeaderboard"}),
        awaited=frozenset({"_update_inside", "_increment_inside", "within", "ask_live", "holding", "judge", "deliver"}),
        plain=frozenset({"_take_bounds", "_settings", "_is_fine", "_refuse_read"}),
    ),
    Face(
        "hardening/validation/players.py",
        "hardening/validation/async_players.py",
        texts={
            "found = self._exists(player_id)": "found = await call_hook(self._exists, player_id)",
            "from ...errors": "from ...aio.hooks import call_hook\nfrom ...errors",
            "exists: Callable[[str], bool]": "exists: Callable[[str], object]",
        },
        only=frozenset({"KnownPlayers"}),
    ),
    Face(
        "hardening/validation/reports.py",
        "hardening/validation/async_reports.py",
        texts={
            "self._hook(flag)": "await call_hook(self._hook, flag)",
            "from ...model": "from ...aio.hooks import call_hook\nfrom ...model",
        },
        only=frozenset({"Reports"}),
        plain=frozenset({"_complain"}),
    ),
    Face(
        "hardening/degradation/bands.py",
        "hardening/degradation/async_bands.py",
        texts={
            "Callable[[], int]": "Callable[[], Awaitable[int]]",
            "Callable[[int, int], list[Entry]]": "Callable[[int, int], Awaitable[list[Entry]]]",
            "Callable[[Score, Score], int]": "Callable[[Score, Score], Awaitable[int]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        only=frozenset({"RankBands", "Asked"}),
        awaited=frozenset({"run", "players"}),
        plain=frozenset({"_band"}),
    ),
    Face(
        "hardening/degradation/bounded_reads.py",
        "hardening/degradation/async_bounded_reads.py",
        texts={
            "reopen: Reopen": "reopen: Callable[..., Awaitable[LeaderboardBackend]]",
            "from contextlib": "from collections.abc import Awaitable, Callable\nfrom contextlib",
        },
        only=frozenset({"open_for_reads"}),
        awaited=frozenset({"reopen"}),
    ),
    Face(
        "hardening/degradation/breaker.py",
        "hardening/degradation/async_breaker.py",
        texts={
            "Callable[[*Given], Value]": "Callable[[*Given], Awaitable[Value]]",
            "Callable[[], object]": "Callable[[], Awaitable[object]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        only=frozenset({"Breaker"}),
        awaited=frozenset({"call"}),
        plain=frozenset({"begin_anew", "failed", "answered", "_admit", "_refusal"}),
    ),
    Face(
        "hardening/degradation/cached_top.py",
        "hardening/degradation/async_cached_top.py",
        texts={
            "read: Callable[[int], list[Entry]]": "read: Callable[[int], Awaitable[list[Entry]]]",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
        },
        only=frozenset({"CachedTop"}),
        awaited=frozenset({"run", "_read"}),
        plain=frozenset(
            {"begin_anew", "get_stale", "_fresh", "_patience", "_is_doubtful", "_serve", "begin", "settle_ended"}
        ),
    ),
    Face(
        "hardening/degradation/board.py",
        "hardening/degradation/async_board.py",
        texts={
            "Callable[[*Given], Value]": "Callable[[*Given], Awaitable[Value]]",
            "/, *arguments: *Given) -> Value: ...": "/, *arguments: *Given) -> Coroutine[Any, Any, Value]: ...",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable, Coroutine",
            "reopen: Reopen,": "reopen: Callable[..., Awaitable[LeaderboardBackend]],",
            "    def wrap(\n": "    def wrap(  # type: ignore[override]  # it is awaited\n",
            "        change = describe(*arguments)\n": (
                "        change = describe(*arguments)\n        running: Future[Any] | None = None\n"
            ),
            "        finally:\n            self._cache.note_end(change)\n            self._cache.settle_ended()\n": (
                "        except BaseException as error:\n"
                "            running = left_running(error)\n"
                "            raise\n"
                "        finally:\n"
                "            if running is None:\n"
                "                self._cache.note_end(change)\n"
                "                self._cache.settle_ended()\n"
                "            else:\n"
                "                when_over(running, partial(self._cache.note_end, change), self._cache.settle_ended)\n"
            ),
            "from dataclasses": "from concurrent.futures import Future\nfrom dataclasses",
            "from ...answers": "from ...aio.threads import left_running, when_over\nfrom ...answers",
        },
        only=frozenset({"DegradableLeaderboard", "_Guard", "_plainly"}),
        awaited=frozenset({"_guarded", "admit_write", "get", "find", "call", "open_for_reads"}),
        plain=frozenset({"_make_cache", "_make_bands", "_behind_breaker", "_recall", "_from_old_cache", "_settings"}),
    ),
    Face(
        "hardening/observability/timing.py",
        "hardening/observability/async_timing.py",
        texts={
            "method: Method[Parameters, Value]": "method: Method[Parameters, Coroutine[Any, Any, Value]]",
            "-> Method[Parameters, Value]": "-> Method[Parameters, Coroutine[Any, Any, Value]]",
            "from collections.abc import Callable\n": "from collections.abc import Callable, Coroutine\n",
        },
        only=frozenset({"query", "update", "bulk"}),
        plain=frozenset({"query", "update", "bulk"}),
        inner=frozenset({"timed"}),
        awaited=frozenset({"method", "read", "write"}),
    ),
    Face(
        "hardening/observability/spans.py",
        "hardening/observability/async_spans.py",
        only=frozenset({"TracedLeaderboard", "_traced"}),
        plain=frozenset({"_traced", "_describe"}),
        inner=frozenset({"traced"}),
        awaited=frozenset({"call"}),
    ),
    Face(
        "hardening/monitoring.py",
        "hardening/async_monitoring.py",
        texts={
            "Probe(inner, probe_timeout)": "Probe(countable(inner), probe_timeout)",
            "self._probe.ask()": "await in_thread(self._probe.ask)",
            "self._watch.stop()": "await in_thread(self._watch.stop)",
            "list(islice(entries, 1))": "await first_of(entries)",
            "            yield from entries\n": "            async for each in entries:\n                yield each\n",
            "from .observability.spans import": "from .observability.async_spans import",
            "from ..errors": "from ..aio.hooks import countable, first_of, in_thread\nfrom ..errors",
        },
        only=frozenset({"MonitoredLeaderboard", "_traced"}),
        plain=frozenset({"_traced", "_settings"}),
        awaited=frozenset({"_begin_iteration"}),
    ),
    Face(
        "hardening/rate_limiting/board.py",
        "hardening/rate_limiting/async_board.py",
        texts={
            "        return self._spending.spend(charges, updates)\n": (
                "        if isinstance(self._spending, OutagePolicy):\n"
                "            return await in_thread(self._spending.spend, charges, updates)\n"
                "        return self._spending.spend(charges, updates)\n"
            ),
            "from ...errors": "from ...aio.hooks import in_thread\nfrom ...errors",
        },
        only=frozenset({"RateLimitedLeaderboard"}),
        awaited=frozenset({"_update_inside", "_increment_inside"}),
        plain=frozenset({"_limit", "_make_spending", "_make_fits", "_settings", "_refuse"}),
    ),
    Face(
        "scaling/replica.py",
        "scaling/async_replica.py",
        texts={
            "class ReplicatedLeaderboard(Wrapper):": "class ReplicatedLeaderboard(AsyncCopiedLeaderboard):",
            "from .board_copy import BoardCopy\n": "from .async_copied import AsyncCopiedLeaderboard\n",
            "Callable[[BoardCopy, *Given], Value]": "Callable[[BoardCopy, *Given], Awaitable[Value]]",
            "Callable[[*Given], Value]": "Callable[[*Given], Awaitable[Value]]",
            "of_copy(copy, *given)": "await of_copy(await self._at_rest(copy), *given)",
            "sleep(_LOOK_AGAIN)": "self._hear(end - monotonic())",
            "with noting_version() as": "with self._noting_version() as",
            "from collections.abc import Callable": "from collections.abc import Awaitable, Callable",
            "from ..answers": (
                "from ..aio.answers import at_version\nfrom ..aio.direct import DirectLeaderboard\nfrom ..answers"
            ),
            "    at_version,\n": "",
        },
        only=frozenset({"ReplicatedLeaderboard"}),
        dropped=frozenset({"__init__", "wrap", "_close"}),
        awaited=frozenset({"_hear", "at_version", "write"}),
        plain=frozenset({"_settings", "_stale"}),
        renamed={"BoardCopy": "DirectLeaderboard"},
    ),
)


class _Edits:
    """Replacements of parts of a text, by position; made from the end, so that positions hold."""

    def __init__(self, text: str) -> None:
        self._lines: Final = text.encode().splitlines(keepends=True)
        self._starts: Final = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._made: Final[list[tuple[int, int, bytes]]] = []

    def at(self, line: int, column: int) -> int:
        """Return the offset of a place, as the syntax tree counts."""
        return self._starts[line - 1] + column

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of another one."""
        self._made.append((start, end, text.encode()))

    def part(self, node: ast.expr) -> str:
        """Return the text of an expression."""
        whole = b"".join(self._lines)
        return whole[self.start(node) : self.end(node)].decode()

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node starts."""
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node ends."""
        return self.at(node.end_lineno or 0, node.end_col_offset or 0)

    def text(self) -> str:
        """Return the text after all replacements."""
        whole = b"".join(self._lines)
        for start, end, replacement in sorted(self._made, key=lambda edit: edit[:2], reverse=True):
            whole = whole[:start] + replacement + whole[end:]
        return whole.decode()


def methods(tree: ast.Module, only: frozenset[str] = frozenset()) -> Iterator[ast.FunctionDef]:
    """Yield the methods of a module's classes, and functions that the face has by name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in only:
            yield node
        if isinstance(node, ast.ClassDef) and (not only or node.name in only):
            yield from (each for each in node.body if isinstance(each, ast.FunctionDef))


def is_coroutine(method: ast.FunctionDef) -> bool:
    """Whether a method becomes a coroutine: it has input or output."""
    decorators = {each.id for each in method.decorator_list if isinstance(each, ast.Name)}
    magic = method.name.startswith("__") and method.name not in MAGIC
    return not (magic or method.name in PLAIN or "property" in decorators or method.name == "_iterate")


def operations() -> frozenset[str]:
    """Return the names of all coroutines of a board."""
    tree = ast.parse((PACKAGE / "protocol.py").read_text("utf-8"))
    return frozenset(method.name for method in methods(tree) if is_coroutine(method)) - {"open_trial"}


def asynchronous(face: Face) -> str:
    """Return what becomes of a source, not yet formatted."""
    text = (PACKAGE / face.source).read_text("utf-8")
    for before, after in face.texts.items():
        if before not in text:
            sys.exit(f"{face.source} does not contain {before!r}, which tools/async_faces.py replaces: correct it.")
        text = text.replace(before, after)
    tree, edits = ast.parse(text), _Edits(text)
    own = {method.name for method in methods(tree, face.only) if is_coroutine(method)} - face.plain
    awaited = operations() | own | face.awaited
    for source in face.inherits:
        inherited = next(each for each in FACES if each.source == source)
        awaited |= {each.name for each in methods(_tree(inherited)) if is_coroutine(each)} - inherited.plain
    for method in methods(tree, face.only):
        _turn_method(method, edits, face)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in face.inner:
            edits.replace(edits.start(node), edits.start(node), "async ")
    _await_calls(tree, edits, awaited, face)
    _import_shared(tree, edits, face)
    _rename_modules(tree, edits, face)
    names = {**RENAMED, **face.renamed}
    return re.sub(r"\b\w+\b", lambda found: names.get(found[0], found[0]), edits.text())


def _tree(face: Face) -> ast.Module:
    return ast.parse((PACKAGE / face.source).read_text("utf-8"))


def _turn_method(method: ast.FunctionDef, edits: _Edits, face: Face) -> None:
    if method.name in face.dropped:
        first = min([method.lineno, *(each.lineno for each in method.decorator_list)])
        edits.replace(edits.at(first, 0), edits.end(method), "")
        return
    generates = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(method))
    if (is_coroutine(method) and method.name not in face.plain) or generates:
        edits.replace(edits.start(method), edits.start(method), "async ")


def _import_shared(tree: ast.Module, edits: _Edits, face: Face) -> None:
    """Import what is no different, and drop its definition with what documents it."""
    shared = face.shared
    if face.only:
        shared = frozenset(name for node in tree.body if (name := _defined(node)) and name not in face.only)
    if shared:
        last = [node for node in tree.body if isinstance(node, ast.ImportFrom)][-1]
        names = ", ".join(sorted(shared - {"__all__"}))
        edits.replace(edits.end(last), edits.end(last), f"\nfrom .{Path(face.source).stem} import {names}")
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if _defined(node) in shared:
            documents = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            end = edits.end(following if documents and following is not None else node)
            decorators = node.decorator_list if isinstance(node, ast.ClassDef | ast.FunctionDef) else []
            start = edits.at(min([node.lineno, *(each.lineno for each in decorators)]), 0)
            edits.replace(start, end, "")


def _defined(node: ast.stmt) -> str:
    """Return the name that a statement of a module defines; empty for others."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return node.name
    target = (
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    )
    return target.id if isinstance(target, ast.Name) else ""


def _await_calls(tree: ast.Module, edits: _Edits, awaited: frozenset[str], face: Face) -> None:
    dropped = {node for method in methods(tree) if method.name in face.dropped for node in ast.walk(method)}
    if face.only:
        others = (node for node in tree.body if _defined(node) and _defined(node) not in face.only)
        dropped |= {each for node in others for each in ast.walk(node)}
    for parent in ast.walk(tree):
        for node in ast.iter_child_nodes(parent):
            if node in dropped:
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.YieldFrom):
                indent = " " * node.col_offset
                rest = f"for each in {edits.part(node.value.value)}:\n{indent}    yield each"
                edits.replace(edits.start(node), edits.end(node), rest)
            elif _is_awaited(node, awaited, face) and not isinstance(parent, ast.Await):
                enclosed = isinstance(parent, ast.Attribute | ast.Subscript)
                edits.replace(edits.start(node), edits.start(node), "(await " if enclosed else "await ")
                if enclosed:
                    edits.replace(edits.end(node), edits.end(node), ")")


def _is_awaited(node: ast.AST, awaited: frozenset[str], face: Face) -> TypeGuard[ast.Call]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in face.awaited
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in awaited):
        return False
    owner = node.func.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name not in PLAIN_OWNERS


def _rename_modules(tree: ast.Module, edits: _Edits, face: Face) -> None:
    """Import what is renamed, or has another face, from there; everything else stays where it is."""
    faces = {each.source.removesuffix(".py"): each for each in FACES}
    for node in tree.body:
        if not (isinstance(node, ast.ImportFrom) and node.level):
            continue
        folder = Path(face.source).parents[node.level - 1]
        source = (folder / (node.module or "").replace(".", "/")).as_posix()
        target = faces.get(source)
        if target is None and source not in TWINS:
            continue
        own = target.only if target else frozenset()
        package, dot, module = (node.module or "").rpartition(".")
        other = Path(target.target).stem if target else TWINS[source]
        moved = [name.name for name in node.names if name.name in RENAMED or name.name in own]
        parts = [(module, [name.name for name in node.names if name.name not in moved]), (other, moved)]
        prefix = f"{'.' * node.level}{package}{dot}"
        lines = [f"from {prefix}{origin} import {', '.join(names)}" for origin, names in parts if names]
        edits.replace(edits.start(node), edits.end(node), "\n".join(lines))


def finished(face: Face) -> str:
    """Return a face as it is checked in: with its header, imports sorted, formatted."""
    header = f"# generated from leaderboard_backends/{face.source}\n"
    text = f"{header}# by tools/async_faces.py: change that file, then run `make faces`\n{asynchronous(face)}"
    ruff = str(Path(sys.executable).with_name("ruff"))
    name = str(PACKAGE / face.target)
    for command in (["check", "--quiet", "--fix-only", "--select", "I,F401"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *command, "--stdin-filename", name, "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        text = done.stdout
    return text


def main() -> int:
    """Write the faces, or check them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and exit with 1 where a face is old")
    check = parser.parse_args().check
    old = []
    for face in FACES:
        target, text = PACKAGE / face.target, finished(face)
        if not target.is_file() or target.read_text("utf-8") != text:
            old.append(face.target)
            if not check:
                target.write_text(text, encoding="utf-8")
    if check and old:
        print(f"{', '.join(old)}: not what the source makes: run make faces.")
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
