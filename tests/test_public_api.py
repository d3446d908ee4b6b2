"""What the package exports, and what importing it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import leaderboard_backends
from leaderboard_backends import migration

EXTRAS = ["BTrees", "ZODB", "click", "fakeredis", "hypothesis", "msgspec", "psutil", "pytest", "redis", "rich"]


def test_the_public_names_are_these_and_no_others() -> None:
    assert leaderboard_backends.__all__ == [
        "AsyncLeaderboard",
        "AsyncLeaderboards",
        "BackendError",
        "BackendFullError",
        "BackendReadOnlyError",
        "BackendUnavailableError",
        "BoardMismatchError",
        "BoardMovedError",
        "Capabilities",
        "Change",
        "Changes",
        "ChangesLostError",
        "ConfigurationError",
        "Entry",
        "ForkedBoardWarning",
        "InvalidArgumentError",
        "InvalidArgumentTypeError",
        "InvalidNameError",
        "InvalidPlayerError",
        "InvalidScoreError",
        "InvalidValueError",
        "Keep",
        "Kept",
        "LeaderboardBackend",
        "LeaderboardClosedError",
        "LeaderboardError",
        "Leaderboards",
        "MissingExtraError",
        "Order",
        "PluginError",
        "RankUnknownError",
        "RateLimitExceededError",
        "Score",
        "ScoreLimitError",
        "ScoreUpdate",
        "ShardsMissingError",
        "StaleReplicaError",
        "StorageInfo",
        "UnknownOptionError",
        "UnknownSchemeError",
        "UnsupportedOperationError",
        "UpdateRefusedError",
        "Version",
        "WriteConflictError",
        "WriteOutcomeUnknownError",
        "at_version",
        "from_env",
        "load_async_leaderboards",
        "load_leaderboards",
        "open_async_leaderboard",
        "open_leaderboard",
    ]


def test_the_public_names_of_migration_are_these_and_no_others() -> None:
    assert migration.__all__ == [
        "Behind",
        "Columns",
        "CopyPlan",
        "CopyResult",
        "Difference",
        "ImportResult",
        "Migration",
        "MigrationPlan",
        "OperationReport",
        "ParallelRun",
        "ParallelTrees",
        "Progress",
        "Repair",
        "ScoreMapping",
        "ShadowReads",
        "State",
        "Switched",
        "TallyReport",
        "TargetLimits",
        "Verification",
        "copy_board",
        "export_board",
        "import_rows",
        "plan_copy",
        "query_rows",
        "read_table",
        "repair_board",
        "verify_boards",
    ]


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module in (leaderboard_backends, migration) for name in module.__all__],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_public_name_is_there_and_says_what_it_is_for(module: ModuleType, name: str) -> None:
    public = getattr(module, name)
    if inspect.isclass(public) or inspect.isfunction(public):
        assert inspect.getdoc(public)


def test_the_package_is_typed_for_those_who_import_it() -> None:
    assert (Path(leaderboard_backends.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    "module",
    [
        "leaderboard_backends",
        "leaderboard_backends.cli",
        "leaderboard_backends.registry",
        "leaderboard_backends.testing",
        "leaderboard_backends.delegating",
        "leaderboard_backends.migration",
        "leaderboard_backends.testing.oracle",
        "leaderboard_backends.testing.servers",
    ],
)
def test_importing_the_core_loads_no_extra(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {EXTRAS!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_a_board_in_memory_loads_no_extra_and_no_other_backend() -> None:
    code = f"""
import sys
from leaderboard_backends import open_leaderboard
open_leaderboard("memory://weekly").close()
print([name for name in {EXTRAS!r} if name in sys.modules])
print(set(".".join(name.split(".")[:3]) for name in sys.modules if name.startswith("leaderboard_backends.backends.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["[]", "{'leaderboard_backends.backends.memory'}"]
