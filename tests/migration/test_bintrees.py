"""The trees on sortedcontainers are those of bintrees to any program; both libraries run here, side by side."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends.migration import ParallelRun, ParallelTrees
from leaderboard_backends.migration import bintrees as ours

theirs: Any = import_module("bintrees")
NAMES = ["BinaryTree", "AVLTree", "RBTree", "FastBinaryTree", "FastAVLTree", "FastRBTree"]
KINDS = NAMES[:3]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_and_operator_of_bintrees_is_there(name: str) -> None:
    old, new = getattr(theirs, name), getattr(ours, name)
    assert public(new) == public(old)
    operators = {each for each in dir(old) if each.startswith("__") and each not in dir(object)}
    assert operators - set(dir(new)) <= {"__weakref__"}
    assert new.__name__ == old.__name__
    assert ours.has_fast_tree_support() == theirs.has_fast_tree_support()
    assert set(ours.__all__) - {"TreeSlice", "TreeUnpickler"} <= set(dir(theirs))


# ---------------------------------------------------------------------- any program

KEYS = st.integers(-8, 8)
ENDS = st.one_of(st.none(), KEYS)
ODD = st.sampled_from(["a", 2.5, -0.5, 0.0, ()])
"""Keys of which some cannot be compared with numbers: an empty tree does not notice, others raise."""
ITEMS = st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=6)
METHODS = st.sampled_from(
    [
        "get_value",
        "remove",
        "discard",
        "get",
        "set_default",
        "setdefault",
        "pop",
        "prev_item",
        "succ_item",
        "prev_key",
        "succ_key",
        "floor_item",
        "floor_key",
        "ceiling_item",
        "ceiling_key",
        "__contains__",
        "__getitem__",
        "__delitem__",
    ]
)
PLAIN = st.sampled_from(
    [
        "min_item",
        "max_item",
        "min_key",
        "max_key",
        "pop_min",
        "pop_max",
        "pop_item",
        "popitem",
        "is_empty",
        "clear",
        "copy",
        "items",
        "keys",
        "values",
        "count",
        "__len__",
        "__iter__",
        "__reversed__",
    ]
)
SETS = st.sampled_from(
    [
        "intersection",
        "union",
        "difference",
        "symmetric_difference",
        "is_subset",
        "is_superset",
        "is_disjoint",
        "issubset",
        "issuperset",
        "isdisjoint",
        "__and__",
        "__or__",
        "__sub__",
        "__xor__",
    ]
)
CALLS = st.one_of(
    st.tuples(st.just("insert"), KEYS, KEYS),
    st.tuples(st.just("__setitem__"), KEYS, KEYS),
    st.tuples(METHODS, KEYS),
    st.tuples(METHODS, ODD),
    st.tuples(st.sampled_from(["pop", "get", "set_default"]), KEYS, KEYS),
    st.tuples(PLAIN),
    st.tuples(st.sampled_from(["items", "keys", "values"]), st.booleans()),
    st.tuples(st.sampled_from(["nsmallest", "nlargest"]), st.integers(-1, 12), st.booleans()),
    st.tuples(st.sampled_from(["iter_items", "item_slice", "key_slice", "value_slice"]), ENDS, ENDS, st.booleans()),
    st.tuples(st.sampled_from(["__getitem__", "__delitem__"]), st.builds(slice, ENDS, ENDS)),
    st.tuples(st.just("__setitem__"), st.builds(slice, ENDS, ENDS), KEYS),
    st.tuples(st.just("update"), ITEMS.map(dict)),
    st.tuples(st.just("update"), ITEMS, ITEMS),
    st.tuples(st.just("update"), st.sampled_from([5, [1], [(1, 2, 3)], [(1, 2), ("a", 3), (4, 5)], {1: 2, "a": 3}])),
    st.tuples(st.just("remove_items"), st.lists(KEYS, max_size=3)),
    st.tuples(SETS, ITEMS.map(dict)),
    st.tuples(st.just("union"), ITEMS.map(dict), ITEMS.map(dict)),
    st.tuples(st.just("pop"), KEYS, KEYS, KEYS),
)


def call(run: Any, name: str, *arguments: Any) -> Any:
    """Make a call and read all that it returns; errors are the comparison's business."""
    method = getattr(type(run), name) if name.startswith("__") else None
    try:
        found = method(run, *arguments) if method else getattr(run, name)
        found = found(*arguments) if callable(found) and not method and name != "count" else found
        if isinstance(found, ParallelRun):
            list(found.items())
            assert all(key in found for key in found.old.keys())  # noqa: SIM118 - `in` is what is compared
        elif hasattr(found, "__next__"):
            list(found)
    except (KeyError, ValueError, TypeError):
        return None
    return found


def same_content(run: Any) -> bool:
    return list(run.old.items()) == list(run.new.items()) and repr(run.old) == repr(run.new)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(start=ITEMS, calls=st.lists(CALLS, max_size=20))
def test_both_libraries_answer_alike_to_any_program(
    kind: str, start: list[tuple[int, int]], calls: list[tuple[Any, ...]]
) -> None:
    trees = ParallelTrees(getattr(theirs, kind))
    run = trees(start)
    for name, *arguments in calls:
        found = call(run, name, *arguments)
        assert trees.report().differences == (), (name, arguments)
        if isinstance(found, ParallelRun) and type(found.old) is type(run.old):
            assert same_content(found)
    assert same_content(run)


@settings(max_examples=60, deadline=None)
@given(start=ITEMS, ends=st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=3), keys=st.lists(KEYS, max_size=3))
def test_slices_of_slices_are_views_of_the_tree(
    start: list[tuple[int, int]], ends: list[tuple[Any, Any]], keys: list[int]
) -> None:
    trees = ParallelTrees(theirs.RBTree)
    run = trees(start)
    part = run
    for first, last in ends:
        part = part[first:last]
    for key in [*keys, 99]:
        run.insert(key, key)
        for read in (part.items, part.keys, part.values, part.__iter__):
            list(read())
        call(part, "__getitem__", key)
        assert (key in part.old) == (key in part.new)
    assert repr(part.old) == repr(part.new)
    assert trees.report().differences == ()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("floor_item", lambda tree, _: tree.min_item()),
        ("key_slice", lambda tree, *_: iter(list(tree.iter_items())[1:])),
        ("union", lambda tree, *others: tree.intersection(*others)),
        ("pop", lambda tree, key, *_: tree.get(key)),
        ("remove", lambda tree, key: tree.discard(key)),
    ],
)
def test_a_tree_that_is_wrong_is_found_by_such_programs(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any]
) -> None:
    monkeypatch.setattr(ours.RBTree, name, wrong)
    trees = ParallelTrees(theirs.RBTree)
    run = trees({1: 1, 2: 2, 3: 3})
    program: list[tuple[Any, ...]] = [("floor_item", 2), ("key_slice", 1, 3), ("union", {5: 5}), ("pop", 2)]
    for each in [*program, ("remove", 9), ("items",)]:
        call(run, *each)
    list(run.keys())
    assert trees.report().differences != () or not same_content(run.union({5: 5}))


# ---------------------------------------------------------------------- what is not a call


@pytest.mark.parametrize("name", NAMES)
def test_copies_are_of_the_same_class_and_separate(name: str) -> None:
    shared = [1]
    tree = getattr(ours, name)({1: shared, 2: "two"})
    shallow, deep, pickled = copy.copy(tree), copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))  # noqa: S301 - ours
    for other in (shallow, deep, pickled, tree.copy()):
        assert type(other) is type(tree)
        assert list(other.items()) == [(1, [1]), (2, "two")]
        other[3] = 3
        assert 3 not in tree
    shared.append(2)
    assert (shallow[1], deep[1], pickled[1]) == ([1, 2], [1], [1])
    assert tree != shallow
    assert len({tree, shallow, tree}) == 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", KINDS)
def test_trees_that_bintrees_pickled_are_loaded_as_ours(name: str, protocol: int) -> None:
    old = getattr(theirs, name)({3: "c", 1: "a"})
    document = {"tree": old, "other": io.StringIO}
    found = ours.TreeUnpickler(io.BytesIO(pickle.dumps(document, protocol))).load()
    assert type(found["tree"]) is getattr(ours, name)
    assert list(found["tree"].items()) == [(1, "a"), (3, "c")]
    assert found["other"] is io.StringIO
    empty = pickle.loads(pickle.dumps(getattr(ours, name)(), protocol))  # noqa: S301 - ours
    empty[1] = 2
    assert len(empty) == 1


def test_a_tree_may_hold_itself_and_deep_copies_keep_it_so() -> None:
    tree: Any = ours.RBTree()
    tree[1] = tree
    deep = copy.deepcopy(tree)
    assert deep[1] is deep
    assert deep is not tree


@pytest.mark.parametrize("order", [0, -1, 1, 2])
def test_foreach_visits_every_key_once_parents_first_or_last(order: int) -> None:
    found: list[tuple[int, str]] = []
    tree: ours.AVLTree[int, str] = ours.AVLTree((key, str(key)) for key in range(20))
    tree.foreach(lambda key, value: found.append((key, value)), order)
    expected: list[tuple[int, str]] = []
    theirs.AVLTree(tree).foreach(lambda key, value: expected.append((key, value)), order)
    assert sorted(found) == sorted(expected)
    if order == 0:
        assert found == expected
    if order == -1:  # so that inserting them in this order makes no list of a plain tree
        assert found[0][0] in range(8, 12)
    if order == 1:
        assert found[-1][0] in range(8, 12)


def test_subclasses_and_class_methods_make_their_own_kind() -> None:
    class Mine(ours.RBTree[int, str]):
        """Somebody's own."""

    tree = Mine.from_keys([2, 1], "x")
    for other in (tree, Mine.fromkeys([2, 1], "x"), tree.copy(), tree | {}, tree & {1: 1, 2: 2}):
        assert type(other) is Mine
        assert repr(other) == "Mine({1: 'x', 2: 'x'})"
    assert (max(tree), min(tree), tree.__max__(), bool(Mine())) == (2, 1, (2, "x"), False)
    assert isinstance(ours.FastRBTree(), ours.RBTree)
    assert not isinstance(ours.AVLTree(), ours.RBTree)


@pytest.mark.parametrize("start", [{}, {1: 1, 2: 2}])
def test_none_is_no_open_end_of_a_search(start: dict[int, int]) -> None:
    trees = ParallelTrees(theirs.RBTree)
    for name in ("prev_item", "succ_item", "floor_key", "ceiling_key", "get_value", "pop", "__contains__"):
        call(trees(start), name, None)
    assert trees.report().differences == ()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *((name, 5) for name in ("get_value", "remove", "pop", "prev_item", "succ_key", "__getitem__", "__delitem__")),
        ("floor_item", 0),
        ("ceiling_key", 9),
        ("prev_item", 1),
        ("succ_item", 3),
    ],
)
def test_an_error_names_the_key_as_that_of_bintrees_does(name: str, key: int) -> None:
    told = []
    for library in (theirs, ours):
        with pytest.raises(KeyError) as error:
            getattr(library.RBTree({1: 1, 3: 3}), name)(key)
        told.append(error.value.args)
    assert told[0] == told[1]


def test_keys_must_be_hashable_which_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        ours.RBTree[Any, int]()[[1]] = 2


def test_a_parallel_run_takes_the_place_of_the_class_and_times_both() -> None:
    trees = ParallelTrees(theirs.FastAVLTree)
    tree = trees((key, key) for key in range(200))
    assert (len(tree), tree.count, list(tree[5:8])) == (200, 200, [5, 6, 7])
    assert (tree.floor_key(5.5), tree.pop_min(), next(trees(tree).keys(reverse=True))) == (5, (0, 0), 199)
    assert len(trees.from_keys(range(3), "x")) == 3
    assert len(copy.copy(tree)) == len(copy.deepcopy(tree)) == 199
    seen: list[int] = []
    tree.foreach(lambda key, _: seen.append(key), 1)
    assert sorted(seen) == list(range(1, 200))
    popped = [tree.pop_item() for _ in range(199)]
    assert sorted(popped) == [(key, key) for key in range(1, 200)]
    with pytest.raises(KeyError):
        tree.pop_item()
    report = trees.report()
    assert (report.differing, report.differences) == (0, ())
    assert report.operations["pop_item"].compared == 200
    assert report.operations["floor_key"].first is not None
