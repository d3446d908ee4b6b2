"""Traces with the model's answers, and whether a board is right: no figure counts unless it is.

Answers come from `OracleBoard`; the end state from a dict and one sort, which share nothing with it. Reads never change
a board, so that a replay may leave reads out and still compare all the others.

Answers are compared as they come (`measure.service`); whole boards after all measuring is done. Of a board that several
clients wrote at once, all is known except who came first in some ties: each player was written by one client alone, so
that score and username are known; of two players who share a score, the one whose last change came in an earlier phase,
or earlier with the same client, must rank first.

Each trace is drawn once per machine. A folder holds for each workload, size, number of steps and seed the trace, the
model's answers, and a small JSON with the hashes of both, which are checked when they are read: a damaged or incomplete
file is drawn anew, and two processes at once write the same bytes. Nothing is ever deleted; the folder may be, at any
time.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from itertools import islice, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ..answers import ask_live
from ..errors import ConfigurationError
from ..model import Entry, ScoreUpdate, shorten
from ..protocol import CONTRACT_VERSION, LeaderboardBackend
from ..testing import oracle
from ..testing.oracle import OracleBoard
from ..workload import operations
from ..workload.operations import OPERATIONS, Arguments
from ..workload.spec import WorkloadFile
from ..workload.trace import VERSION, Trace, draw_trace, encode_trace
from .figures import Checked
from .result_files import write_atomically
from .schema import TraceFacts

DIGEST_SIZE: Final = 8
"""Bytes kept of an answer: one in 2^64 wrong ones would pass."""

LEAST_PAGE: Final = 25_000
MOST_PAGES: Final = 8
"""Number of pages in which a whole board is read: few, because the naive board sorts for each page."""

TRACE: Final = ".trace"
ANSWERS: Final = ".answers"

CHECKED_TOGETHER: Final = (
    "each player's username and score at the end, and ties if the steps decide them; answers are checked in other runs"
)

_encode: Final = msgspec.msgpack.Encoder().encode


def answer_digest(answer: object) -> bytes:
    """Return the digest of what a call returned, the same in every process.

    Whole numbers and floats stay apart, as do `True` and 1; an entry counts as the tuple that it is. What is no plain
    data at all, and so no answer of the model, has the digest of some words.
    """
    try:
        plain = _encode(answer)
    except (TypeError, ValueError, OverflowError):
        plain = b"not plain: " + shorten(answer).encode("utf-8", "replace")
    return blake2b(plain, digest_size=DIGEST_SIZE).digest()


def model_answers(trace: Trace) -> bytes:
    """Return the digests of the model's answers, one after the other for each step. O(players) a changing step."""
    return b"".join(map(answer_digest, answers_of(trace)))


def answers_of(trace: Trace) -> Iterator[Any]:
    """Yield the model's answer to each step."""
    board = OracleBoard()
    board.update_scores(zip(trace.ids, trace.usernames, trace.scores, strict=False))
    calls = [getattr(board, OPERATIONS[name].method) for name in trace.operations]
    for index, arguments in trace.steps:
        yield calls[index](*arguments)


def final_state(trace: Trace, changes: int) -> Iterator[Entry]:
    """Yield the entries of the board, best first, after the load and the first so many steps that change it.

    A stable sort leaves players within a tie in the order in which they reached their scores. O(n log n).
    """
    standing = after_load(trace)
    for _, method, arguments in islice(changing(trace, range(len(trace.steps))), changes):
        apply_change(standing, method, arguments)
    ordered = sorted(standing.values(), key=attrgetter("score"), reverse=True)
    for rank, line in enumerate(ordered, 1):
        yield Entry(rank, *line)


def after_load(trace: Trace) -> dict[str, ScoreUpdate]:
    """Return what stands on the board after the load, by player, in the order in which the scores were reached."""
    return {line.player_id: line for line in map(ScoreUpdate, trace.ids, trace.usernames, trace.scores)}


def apply_change(standing: dict[str, ScoreUpdate], method: str, arguments: Arguments) -> bool:
    """Apply one step that changes the board; a player who reaches another score moves to the end.

    Returns whether a player did, or joined.
    """
    if method == "remove_player":
        standing.pop(arguments[0], None)
        return False
    player_id, username, score = arguments
    before = standing.get(player_id)
    if method == "increment_score" and before is not None:
        score += before.score
    reached = before is None or before.score != score
    if reached:
        standing.pop(player_id, None)
    standing[player_id] = ScoreUpdate(player_id, username, score)
    return reached


def changing(trace: Trace, positions: Iterable[int]) -> Iterator[tuple[int, str, Arguments]]:
    """Yield the steps at these positions that change the board: position, method and arguments."""
    operations = [OPERATIONS[name] for name in trace.operations]
    for position in positions:
        index, arguments = trace.steps[position]
        if operations[index].changes:
            yield position, operations[index].method, arguments


# ---------------------------------------------------------------------- whether a board is right


class WrongBoardError(Exception):
    """The board is not what the model is; the text has the first difference."""


def wrong_answer(trace: Trace, position: int, answer: Any) -> WrongBoardError:
    """Return the error with the wrong answer to a step and the model's, which is computed again up to that step."""
    index, arguments = trace.steps[position]
    operation = OPERATIONS[trace.operations[index]]
    call = f"{operation.method}({', '.join(map(repr, arguments))})"
    expected = next(islice(answers_of(trace), position, None))
    if isinstance(expected, list) and isinstance(answer, list):
        pairs = zip_longest(answer, expected)
        given, right = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        return WrongBoardError(f"{call} returned {show(given)}, where the model has {show(right)}")
    return WrongBoardError(f"{call} returned {shorten(answer)}, the model says {shorten(expected)}")


def check_entries(board: LeaderboardBackend, right: Iterable[Entry], says: str) -> str:
    """Compare all entries with the right ones, and return the SHA-256 of them; the text of a difference `says` which.

    Raises `WrongBoardError` at the first difference, also for an entry too many.
    """
    digest = sha256()
    encode = msgspec.json.Encoder().encode
    for rank, (given, expected) in enumerate(zip_longest(entries(board), right), 1):
        if given != expected or type(given[3]) is not type(expected[3]):
            raise WrongBoardError(f"at the end, rank {rank} holds {show(given)}, {says} {show(expected)}")
        digest.update(encode(expected) + b"\n")
    return digest.hexdigest()


def entries(board: LeaderboardBackend) -> Iterator[Entry]:
    """Yield all entries of a board, in few pages, from its storage: other processes may have written to it just now."""
    players = ask_live(len, board)
    page = max(LEAST_PAGE, -(-players // MOST_PAGES))
    for first in range(1, players + 1, page):
        yield from ask_live(lambda first: board.get_range(first, first + page - 1), first)


def show(entry: object) -> str:
    """Return an entry as text."""
    if isinstance(entry, Entry):
        return f"{entry.player_id!r} ({entry.username!r}) with {entry.score!r} at rank {entry.rank}"
    return "nobody" if entry is None else shorten(entry)


# ---------------------------------------------------------------------- several clients


Phase: TypeAlias = Sequence[Sequence[int]]
"""Steps that clients ran at once: for each client, their positions in the trace."""


class Reached(NamedTuple):
    """When a player reached the score, as far as that is known."""

    phase: int
    step: int
    client: int


def check_together(board: LeaderboardBackend, trace: Trace, phases: Sequence[Phase]) -> Checked:
    """Compare the whole board with the expected state; raises `WrongBoardError` at the first difference."""
    standing = after_load(trace)
    reached = {player: Reached(-1, number, 0) for number, player in enumerate(standing)}
    count = 0
    for number, phase in enumerate(phases):
        for client, positions in enumerate(phase):
            for position, method, arguments in changing(trace, positions):
                count += 1
                if apply_change(standing, method, arguments):
                    reached[arguments[0]] = Reached(number, position, client)
    _compare(board, standing, reached)
    return Checked(answers=0, updates=count, what=CHECKED_TOGETHER)


def _compare(board: LeaderboardBackend, standing: dict[str, ScoreUpdate], reached: Mapping[str, Reached]) -> None:
    above: Entry | None = None
    for rank, entry in enumerate(entries(board), 1):
        line = standing.pop(entry.player_id, None)
        if line is None or entry != (rank, *line):
            raise WrongBoardError(
                f"at the end, rank {rank} holds {show(entry)}, which no order of the steps can produce"
            )
        if above is not None and not _in_order(above, entry, reached):
            raise WrongBoardError(
                f"at the end, {show(above)} is ranked before {show(entry)}, who reached the score first"
            )
        above = entry
    if standing:
        raise WrongBoardError(f"at the end, {len(standing)} players are missing, {next(iter(standing))!r} among them")


def _in_order(above: Entry, below: Entry, reached: Mapping[str, Reached]) -> bool:
    if above.score != below.score:
        return above.score > below.score
    first, second = reached[above.player_id], reached[below.player_id]
    at_once = first.phase == second.phase and first.client != second.client  # either may have been earlier
    return at_once or first < second


# ---------------------------------------------------------------------- what is known of a trace


def trace_facts(trace: Trace, stored: bytes, workload: str) -> TraceFacts:
    """Return the facts of a trace for a result: its hash, its ties, the length of its names.

    Ties and names are those of the players who are loaded.
    """
    loaded = len(trace.scores)
    shared = Counter(trace.scores)
    names = sum(len(text.encode()) for texts in (trace.ids, trace.usernames) for text in texts[:loaded])
    return TraceFacts(
        workload=workload,
        players=trace.players,
        seed=trace.seed,
        sha256=sha256(stored).hexdigest(),
        steps=trace.planned(),
        warm_up_steps=trace.warm_up,
        different_scores=len(shared),
        tied_share=round(sum(count for count in shared.values() if count > 1) / max(1, loaded), 4),
        name_bytes_per_player=round(names / max(1, loaded), 2),
        repeated=_repeated(trace),
    )


def _repeated(trace: Trace) -> int:
    """Return how many measured updates repeat a player's current score and username."""
    standing, count = after_load(trace), 0
    for position, method, arguments in changing(trace, range(len(trace.steps))):
        if method == "update_score" and position >= trace.warm_up:
            count += standing.get(arguments[0]) == arguments
        apply_change(standing, method, arguments)
    return count


# ---------------------------------------------------------------------- stored


def model_version() -> str:
    """Return what answers are right by: the contract, and the very text of its model.

    So no bug that is repaired there lives on in a file.
    """
    source = "".join(inspect.getsource(module) for module in (oracle, operations, sys.modules[__name__]))
    return f"{CONTRACT_VERSION}-{sha256(source.encode()).hexdigest()[:12]}"


def default_folder() -> Path:
    """Return where traces are kept unless somebody says otherwise: in the user's folder for caches (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path.home() / ".cache") / "leaderboard-backends" / "traces"


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """The files of a trace and of the model's answers, and the facts of the trace."""

    trace: Path
    answers: Path
    facts: TraceFacts


class _Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of the files of a key, which are beside it."""

    facts: TraceFacts
    answers_sha256: str


def stored_trace(folder: Path, workload: WorkloadFile, players: int, steps: int, seed: int) -> StoredTrace:
    """Return a trace, drawn only if the folder does not have it.

    Raises `ConfigurationError`, also for a folder that cannot be used.
    """
    key = f"{VERSION} {model_version()} {workload.sha256} {players} {steps} {seed}"
    index = folder / f"{sha256(key.encode()).hexdigest()}.json"
    try:
        facts = _find(index) or _draw(index, workload, (players, steps, seed))
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot store traces: {error.strerror or error}. Make it writable and free some space, "
            "or choose another folder (the default is in $XDG_CACHE_HOME)."
        ) from error
    facts = msgspec.structs.replace(facts, workload=workload.spec.name)  # which may have had another name back then
    return StoredTrace(index.with_suffix(TRACE), index.with_suffix(ANSWERS), facts)


def _find(index: Path) -> TraceFacts | None:
    """Return the facts of what is stored, `None` where anything of it is missing or damaged."""
    try:
        found = msgspec.json.decode(index.read_bytes(), type=_Index)
        hashes = [sha256(index.with_suffix(kind).read_bytes()).hexdigest() for kind in (TRACE, ANSWERS)]
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return found.facts if hashes == [found.facts.sha256, found.answers_sha256] else None


def _draw(index: Path, workload: WorkloadFile, asked: tuple[int, int, int]) -> TraceFacts:
    trace = draw_trace(workload, *asked)
    encoded, answers = encode_trace(trace), model_answers(trace)
    facts = trace_facts(trace, encoded, workload.spec.name)
    write_atomically(index.with_suffix(TRACE), encoded)
    write_atomically(index.with_suffix(ANSWERS), answers)
    write_atomically(index, msgspec.json.encode(_Index(facts, sha256(answers).hexdigest())))
    return facts
