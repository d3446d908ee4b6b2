"""What keeps a kit from being fooled: nothing of it is skipped, overridden or expected to fail in silence.

A backend's author subclasses a class of the kit, and may set what `open_names` and `efforts` list and add fixtures
and tests. What else differs from the kit is stated in `known_failures` or `deviations`, with a reason, or it is an
error where the class is defined. A test that was collected and never ran fails the run, whoever skipped it.

All this works in anybody's pytest run. Nothing is installed as a plug-in: in a run that collects the kit, and in no
other, `_watch` looks at the reports on the kit's own tests.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, ClassVar, Final, NoReturn

import pytest

from ..errors import BackendUnavailableError
from ..protocol import Capabilities, LeaderboardBackend
from .limit import limited
from .opening import distribution, unfit
from .task import TASK

KITS: Final = (__name__, f"{__package__}.conformance.", f"{__package__}.faults.")
"""The modules whose classes are the kit; any other class is an author's."""

_TESTS: Final[dict[tuple[type, str], object]] = {}
"""The tests of the kit, as they were defined."""

NOT_RUN: Final = (pytest.skip.Exception, pytest.xfail.Exception)

_WATCH: Final = "leaderboard-kit"
"""The name of the plug-in that watches the reports of a run."""


class HonestKit:
    """The ground of every class of the kit."""

    known_failures: ClassVar[Mapping[str, str]] = {}
    """Tests that this backend is known to fail, and why: `{"test_name": "reason and link"}`.

    A name stands for all cases of a test, `test_name[case]` for one, be it a test of its own or a value of a table.
    Each must fail: one that passes is an error. Of a table that is named as a whole, at least one value must.
    """
    deviations: ClassVar[Mapping[str, str]] = {}
    """Tests of the kit that this class replaces by its own of the same name, and why."""
    open_names: ClassVar[frozenset[str]] = frozenset({"known_failures", "deviations", "seed", "time_limit"})
    """What an author's class may set; those of all classes of the kit that it is made of."""
    efforts: ClassVar[Mapping[str, int]] = {}
    """The numbers that say how hard a run tries, each with the least that it may be set to."""

    seed: int = 1
    """Repeats the random choices of a run."""
    time_limit: float = 180.0
    """Seconds after which a test fails: the board hangs. For a storage that is slower than that, set it higher."""

    _passed: ClassVar[set[str]]
    """The ids of the tests whose bodies ran to their end."""
    _described: ClassVar[tuple[type, Capabilities] | None]
    """The class and the promises of the boards that were made."""
    _unreachable: ClassVar[BackendUnavailableError | None]
    """What the first `make` raised, where the storage was not there."""
    _case: str
    """The name of the running test, with its case in brackets; of a failed table, with the value that failed."""
    _node: str
    """The id of the running test."""
    _session: pytest.Session
    """The run of pytest that the test is part of."""
    _properties: list[tuple[str, object]]
    """What the running test writes into its report."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._forget()
        if _is_kit(cls):
            for name, test in list(vars(cls).items()):
                if name.startswith("test_") and inspect.isfunction(test):
                    setattr(cls, name, _judged(test))
                    _TESTS[cls, name] = vars(cls)[name]
        else:
            _check_author(cls)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Refuse marks that would skip a test of the kit or excuse its failure; pytest calls this for each test."""
        _watch(metafunc.config)
        test = metafunc.function.__name__
        for mark in metafunc.definition.iter_markers():
            if mark.name in ("skip", "skipif", "xfail") and kit_part(type(self), test):
                pytest.fail(
                    f"{type(self).__name__}.{test} is a test of the kit and has the mark {mark.name}: remove the "
                    "mark. The kit fails where something that it needs is missing; list known failures in "
                    "known_failures, with a reason.",
                    pytrace=False,
                )

    @pytest.fixture(scope="session", autouse=True)
    @classmethod
    def _class_is_whole(cls, request: pytest.FixtureRequest) -> None:
        _check_author(cls)  # again, as a class can be changed after its definition
        _check_cases(cls, [item for item in request.session.items if getattr(item, "cls", None) is cls], request.config)
        cls._forget()

    @pytest.fixture(autouse=True)
    def _take_case(self, request: pytest.FixtureRequest) -> None:
        self._case = request.node.name
        self._node = request.node.nodeid
        self._session = request.session
        self._properties = request.node.user_properties
        task = request.config.stash.get(TASK, None)
        if task is not None:
            task.prepare(self)

    def _note(self, name: str, value: object) -> None:
        """Write into the running test's report; the fixture `record_property` warns beside a report for a CI server."""
        self._properties.append((name, value))

    def _reach(self, make: Callable[[], LeaderboardBackend]) -> LeaderboardBackend:
        """Make a board; where the storage is not there from the start, each test says so at once and was not run."""
        cls = type(self)
        try:
            if cls._unreachable is not None:
                raise cls._unreachable.with_traceback(None)  # else it grows by a test each time
            with limited(self.time_limit):
                board = make()
                problem = unfit(board) if cls._described is None else ""
        except NOT_RUN as skipped:
            refuse_skip(skipped, self._note)
        except BackendUnavailableError as error:
            if cls._described is None:
                cls._unreachable = error
                self._note("not run", str(error))
            raise
        if problem:
            self._refuse(problem)
        self._describe(board)
        return board

    def _refuse(self, problem: str) -> NoReturn:
        """End the run: what would fail each test for the same reason is said once."""
        self._note("not run", problem)
        self._note("unfit", problem)
        self._session.shouldfail = problem
        pytest.fail(f"NOT RUN: {problem}", pytrace=False)

    def _describe(self, board: LeaderboardBackend) -> None:
        """Write into the running test's report what a board says of itself; once for a class."""
        cls = type(self)
        promises: object = board.capabilities
        if not isinstance(promises, Capabilities):
            return  # a test of the capabilities says so
        if cls._described is None:
            cls._described = (type(board), promises)
            told = {
                "backend": f"{type(board).__module__}.{type(board).__qualname__}",
                "distribution": distribution(type(board)),
                "storage": board.storage,
                "durable": promises.durable,
                "shared": promises.shared,
                "consistency": promises.consistency,
                "survives": promises.survives,
                "unsupported": sorted(promises.unsupported),
            }
            self._note("board", json.dumps(told))
            efforts = {name: (getattr(self, name), getattr(kit, name)) for kit, name in _efforts(cls)}
            self._note("efforts", json.dumps(efforts))
        elif cls._described != (type(board), promises):
            pytest.fail(
                f"make gave a {type(board).__name__} with {promises}, and before that a {cls._described[0].__name__} "
                f"with {cls._described[1]}: one run judges one backend.",
                pytrace=False,
            )

    @classmethod
    def _forget(cls) -> None:
        """Begin anew: nothing ran, and no board was made."""
        cls._passed = set()
        cls._described = None
        cls._unreachable = None

    @classmethod
    def judges(cls, name: str) -> bool:
        """Whether a test of this name is one of the kit, and not one that the author replaced."""
        return kit_part(cls, base_name(name)) is not None and base_name(name) not in cls.deviations

    @classmethod
    def has_passed(cls, node: str) -> bool:
        """Whether the body of a test ran to its end, by the test's id; whatever became of the report on it."""
        return node in cls._passed

    def _known_failure(self) -> str | None:
        return self.known_failures.get(self._case) or self.known_failures.get(base_name(self._case))


def kit_part(cls: type, name: str) -> str | None:
    """Return the part of the kit (its module) that a test's name is from, or `None` for a test of the author's own."""
    if name.startswith("test_"):
        for owner in cls.__mro__:
            if name in vars(owner) and _is_kit(owner):
                return owner.__module__.rpartition(".")[2]
    return None


def refuse_skip(skipped: BaseException, note: Callable[[str, object], None]) -> NoReturn:
    """Fail the running test of the kit, as something in it skipped; a report then says that it was not run."""
    note("not run", str(skipped))
    pytest.fail(
        f"NOT RUN: something in this test of the kit skipped ({skipped}). Tests of the kit must not be skipped: raise "
        "an error if something is missing.",
        pytrace=False,
    )


def _judged(test: Callable[..., None]) -> Callable[..., None]:
    """Hold a test of the kit to the author's `known_failures`, strictly, and let nothing in it skip."""

    @functools.wraps(test)
    def judged(self: HonestKit, *arguments: object, **fixtures: object) -> None:
        __tracebackhide__ = True
        reason = self._known_failure()
        try:
            with limited(self.time_limit):
                test(self, *arguments, **fixtures)
        except NOT_RUN as skipped:
            refuse_skip(skipped, self._note)
        except (Exception, pytest.fail.Exception):
            reason = reason or self._known_failure()  # a table says which of its cases failed
            if reason is not None:
                self._note("known failure", reason)
                pytest.xfail(f"known failure: {reason}")
            raise
        if reason is not None:
            pytest.fail(
                f"{self._case} is in known_failures ({reason!r}), but it passed: remove it, or name only the cases "
                "that fail, as test_name[case].",
                pytrace=False,
            )
        self._passed.add(self._node)

    return judged


def _check_author(cls: type[HonestKit]) -> None:
    """Raise `TypeError` where a class differs from the kit in a way that it does not state."""
    kits = [owner for owner in cls.__mro__ if _is_kit(owner)]
    efforts = {name: vars(kit)["efforts"][name] for kit, name in _efforts(cls)}
    closed = {name for kit in kits for name in vars(kit) if not (name.startswith("__") and name.endswith("__"))}
    closed -= {"_passed", "_described", "_unreachable", *efforts}.union(
        *(vars(kit).get("open_names", ()) for kit in kits)
    )
    replaced = {name for owner in cls.__mro__ if owner not in kits for name in vars(owner)} & closed
    for name in sorted(replaced - set(cls.deviations)):
        raise TypeError(
            f"{cls.__name__} overrides {name} of the kit: rename it; or, if this backend needs a test of its own "
            f"there, give the reason: deviations = {{{name!r}: 'reason and link'}}."
        )
    for owner in kits:
        for name in vars(owner):
            if name.startswith("test_") and vars(owner)[name] is not _TESTS.get((owner, name)):
                raise TypeError(f"{name} of the kit's {owner.__name__} was replaced at run time, which is not allowed.")
    _check_reasons(cls, "deviations", lambda name: name in replaced and _is_test(cls, name))
    _check_reasons(cls, "known_failures", lambda name: bool(kit_part(cls, base_name(name))))
    for name, least in efforts.items():
        number = getattr(cls, name)
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise TypeError(f"{cls.__name__}.{name} is {number!r}: it must be a whole number of at least {least}.")


def _check_reasons(cls: type, attribute: str, known: Callable[[str], bool]) -> None:
    given = getattr(cls, attribute)
    if not isinstance(given, Mapping):
        raise TypeError(f"{cls.__name__}.{attribute} is {given!r}: it must be a mapping of test names to reasons.")
    for name, reason in given.items():
        if not (isinstance(name, str) and known(name)):
            override = " that this class overrides by one of its own" if attribute == "deviations" else ""
            what = f"a test of the kit{override}"
            raise TypeError(f"{cls.__name__}.{attribute} names {name!r}, which is not {what}: correct or remove it.")
        if not (isinstance(reason, str) and reason.strip()):
            raise TypeError(f"{cls.__name__}.{attribute}[{name!r}] is {reason!r}: give a reason, and a link.")


def _check_cases(cls: type[HonestKit], items: list[pytest.Item], config: pytest.Config) -> None:
    """Fail where `known_failures` names a case that the kit does not have; not in a run of selected tests."""
    if not cls.known_failures:
        return
    run = {base_name(item.name) for item in items}
    found = {item.name for item in items}
    found |= {f"{test}[{case}]" for test in run for case in getattr(getattr(cls, test, None), "cases", ())}
    tests = {name for name in dir(cls) if kit_part(cls, name)}
    if config.getoption("keyword") or any("[" in argument for argument in config.args) or not tests <= run:
        return
    for name in cls.known_failures:
        if name not in run | found:
            cases = sorted(case for case in found if base_name(case) == base_name(name))
            pytest.fail(
                f"{cls.__name__}.known_failures names {name!r}, and there is no such case: {', '.join(cases)}.",
                pytrace=False,
            )


def _efforts(cls: type) -> list[tuple[type, str]]:
    """Return each class of the kit that a class is made of, with each effort that it names."""
    return [(kit, name) for kit in cls.__mro__ if _is_kit(kit) for name in vars(kit).get("efforts", {})]


def _is_test(cls: type, name: str) -> bool:
    return kit_part(cls, name) is not None and inspect.isfunction(getattr(cls, name))


def _is_kit(cls: type) -> bool:
    return cls.__module__.startswith(KITS)


def base_name(name: str) -> str:
    """Return a test's name without its case."""
    return name.partition("[")[0]


class _Watch:
    """Fails each test of the kit that skips, or whose failure is excused by anything but `known_failures`.

    Marks can be added to a test at any time, and fixtures and hooks can skip: only the report on it knows in the end.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        excused = report.skipped or hasattr(report, "wasxfail")
        known = "known failure" in dict(report.user_properties)
        judges = getattr(getattr(item, "cls", None), "judges", None)
        if excused and not known and judges is not None and judges(item.name):
            reason = getattr(report, "wasxfail", "") or report.longreprtext
            report.outcome = "failed"
            vars(report).pop("wasxfail", None)
            report.longrepr = (
                f"NOT RUN: {item.name} is a test of the kit, but something skips it or ignores its failure ({reason}). "
                "A test that did not run shows nothing: raise an error if something is missing. List known failures "
                "in known_failures, with a reason."
            )
        return report


def _watch(config: pytest.Config) -> None:
    """Watch the reports of a run; once, and not where the runner does."""
    if TASK not in config.stash and not config.pluginmanager.has_plugin(_WATCH):
        config.pluginmanager.register(_Watch(), _WATCH)
