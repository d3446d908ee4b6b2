"""ZODB files that somebody damaged: errors of the tree that name the file, whatever byte it is, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest
import ZODB
from BTrees.OOBTree import OOBTree

from leaderboard_backends import LeaderboardError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
from leaderboard_backends.backends.zodb.session import ROOT_KEY
from leaderboard_backends.testing.forking import Child

CALLS: dict[str, Callable[[ZODBLeaderboard], object]] = {
    "get_entry": lambda board: board.get_entry("p150"),
    "get_percentile": lambda board: board.get_percentile("p7"),
    "get_range": lambda board: board.get_range(100, 200),
    "get_around": lambda board: board.get_around("p200"),
    "get_by_score": lambda board: board.get_by_score(50, 90),
    "count_by_score": lambda board: board.count_by_score(5, 250),
    "len": len,
    "iter": list,
    "update_score": lambda board: board.update_score("p33", "again", 0),
    "increment_score": lambda board: board.increment_score("p77", "again", 100),
    "update_scores": lambda board: board.update_scores([(f"p{number}", "", 500) for number in range(0, 300, 7)]),
    "rebuild": lambda board: board.update_scores([(f"n{number}", "", 1) for number in range(1001)]),
    "remove_player": lambda board: board.remove_player("p290"),
    "pack": ZODBLeaderboard.pack,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "board.fs"
    with ZODBLeaderboard(path=path) as board:
        board.update_scores([(f"p{number}", f"name {number}", number) for number in range(300)])
        for number in range(0, 300, 20):
            board.update_score(f"p{number}", "moved", number + 0.5)
    return path


def refusals(path: Path) -> list[str]:
    """Return what opening and every call refuse; raises whatever is no error of the tree."""
    found = list[str]()
    try:
        board = ZODBLeaderboard(path=path)
    except LeaderboardError as error:
        return [str(error)]
    with board:
        for call in CALLS.values():
            try:
                call(board)
            except LeaderboardError as error:
                found.append(str(error))
    return found


@pytest.mark.parametrize("seed", [*range(30), 1010])
def test_damage_anywhere_in_a_file_raises_errors_of_the_tree_that_name_it(path: Path, seed: int) -> None:
    chance = Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 3, 40])):
        at, length = chance.randrange(4, len(content)), chance.choice([1, 2, 8, 64])
        content[at : at + length] = chance.choice([bytes(length), b"\xff" * length, chance.randbytes(length)])
    path.write_bytes(content)
    if chance.random() < 0.5:
        path.with_suffix(".fs.index").unlink()  # so that opening reads every transaction
    # A damaged pickle can change any class of the process that loads it.
    with Child[list[str]](lambda tell: tell(refusals(path)), 60) as child:
        (found,) = child
    assert [text for text in found if str(path) not in text] == []


@pytest.mark.parametrize("part", [0, 0.001, 0.3, 0.6, 0.9, 0.999])
def test_a_file_that_is_cut_short_while_it_is_open_raises_errors_of_the_tree(path: Path, part: float) -> None:
    with ZODBLeaderboard(path=path) as board:
        board._database._close_one()  # a session, with all that it remembers
        with path.open("r+b") as file:
            file.truncate(int(path.stat().st_size * part))
        raised = list[LeaderboardError]()
        for call in CALLS.values():
            try:
                call(board)
            except LeaderboardError as error:
                raised.append(error)
    assert raised
    assert [str(error) for error in raised if str(path) not in str(error)] == []


@pytest.mark.parametrize("part", ["ranking", "players", "directory"])
def test_a_record_of_another_type_is_named(path: Path, part: str) -> None:
    with closing(ZODB.DB(str(path))) as database, database.transaction() as connection:
        setattr(connection.root()[ROOT_KEY]["default"], part, OOBTree({"p150": 7}))
    said = refusals(path)
    assert said
    assert [text for text in said if "board.fs is damaged (" not in text] == []


def test_a_damaged_file_is_left_for_salvage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[500:600] = b"\xff" * 100
    path.write_bytes(content)
    path.with_suffix(".fs.index").unlink()
    with suppress(LeaderboardError), ZODBLeaderboard(path=path) as board:
        list(board)
    assert path.read_bytes()[: len(content)] == content
