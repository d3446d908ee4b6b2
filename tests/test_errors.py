"""The error tree: one root, the built-in kin that callers catch, and a picture that tells the truth."""

from __future__ import annotations

import inspect
import re

import pytest

import leaderboard_backends
from leaderboard_backends import errors

TREE = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if error.__module__ == errors.__name__ and issubclass(error, BaseException)
]


def drawn() -> dict[str, tuple[str, str]]:
    """Read the picture in the module's docstring: each error's parent and its built-in kin."""
    found: dict[str, tuple[str, str]] = {}
    parents: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]  # the module has a docstring
        match = re.match(r"^([ │├└─]*)([A-Z]\w+Error)(?: \((\w+)\))?(?:\s|$)", line)
        if match:
            depth, name, kin = len(match[1]), match[2], match[3] or ""
            while parents and parents[-1][0] >= depth:
                parents.pop()
            found[name] = (parents[-1][1] if parents else "Exception", kin)
            parents.append((depth, name))
    return found


def test_the_picture_at_the_top_shows_every_error_and_no_other() -> None:
    assert set(drawn()) == {error.__name__ for error in TREE}


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_an_error_stands_where_the_picture_shows_it(error: type[Exception]) -> None:
    parent, kin = drawn()[error.__name__]
    assert [base.__name__ for base in error.__bases__] == [parent, kin][: 1 + bool(kin)]


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_every_error_is_public_documented_and_under_the_one_root(error: type[Exception]) -> None:
    assert issubclass(error, errors.LeaderboardError)
    assert error.__doc__
    assert error.__name__ in leaderboard_backends.__all__
    assert getattr(leaderboard_backends, error.__name__) is error


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_an_error_is_made_from_its_text_alone_so_that_text_can_be_added(error: type[Exception]) -> None:
    assert str(error("the text")) == "the text"


@pytest.mark.parametrize(
    "error",
    [errors.InvalidScoreError, errors.InvalidPlayerError, errors.InvalidNameError, errors.InvalidArgumentError],
)
def test_a_refused_value_is_a_value_error_too(error: type[Exception]) -> None:
    assert issubclass(error, ValueError)


def test_a_wrong_type_is_a_type_error_and_a_value_error() -> None:
    assert issubclass(errors.InvalidArgumentTypeError, TypeError)
    assert issubclass(errors.InvalidArgumentTypeError, ValueError)


def test_a_backend_error_knows_no_applied_updates_unless_told() -> None:
    error = errors.WriteOutcomeUnknownError("lost")
    assert error.applied == 0
    error.applied = 1000
    assert (error.applied, errors.BackendError.applied) == (1000, 0)


@pytest.mark.parametrize("kind", [errors.BackendFullError, errors.LeaderboardClosedError])
def test_a_backend_error_says_how_many_updates_stand(
    kind: type[errors.BackendFullError | errors.LeaderboardClosedError],
) -> None:
    error = kind("out of memory.")
    assert str(error) == "out of memory."
    error.applied = 3000
    assert str(error) == "out of memory. The first 3000 updates of this call were applied."
