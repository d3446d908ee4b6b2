"""The package's names are there when they are asked for, and need only the libraries of what is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from leaderboard_backends import hardening
from leaderboard_backends.errors import MissingExtraError
from leaderboard_backends.registry import wrapper_class, wrapper_names
from leaderboard_backends.wrapper import Wrapper

WRAPPERS = {
    "degradation": "DegradableLeaderboard",
    "validation": "ValidatedLeaderboard",
    "rate_limit": "RateLimitedLeaderboard",
    "monitoring": "MonitoredLeaderboard",
}


def test_the_parts_of_the_package_are_registered() -> None:
    assert WRAPPERS.keys() == {*wrapper_names()} - {"migration", "replica"}


@pytest.mark.parametrize("part", WRAPPERS)
def test_each_part_is_the_class_that_the_registry_opens(part: str) -> None:
    found = getattr(hardening, WRAPPERS[part])
    assert found is wrapper_class(part)
    assert issubclass(found, Wrapper)
    assert WRAPPERS[part] in dir(hardening)


def test_all_that_is_exported_is_there() -> None:
    for name in hardening.__all__:
        assert getattr(hardening, name).__name__ == name


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = hardening.nothing


def test_importing_the_package_needs_no_library() -> None:
    program = (
        "import sys, leaderboard_backends.hardening\n"
        "assert not {'limits', 'cachetools', 'pybreaker', 'prometheus_client'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(("name", "library"), [("RateLimitedLeaderboard", "limits"), ("Flag", "cachetools")])
def test_a_missing_library_is_named_with_what_to_install(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [module for module in sys.modules if module.startswith(f"{hardening.__name__}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{name} needs {library}.*\[production\]"):
        getattr(hardening, name)
