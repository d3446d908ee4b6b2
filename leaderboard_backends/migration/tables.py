"""A board as a table: JSON Lines or CSV, or the rows of an SQLite query, read and written a row at a time.

A table that was written here has the columns `rank`, `player_id`, `username` and `score`, one row per player, best
first, so that reading it in order gives the same board, to the last tie. Scores are written so that they read back as
the same number. Any other table will do, too, if columns are named: its rows count as updates in their order, so that
of equal scores the earlier row ranks first.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

from ..errors import InvalidArgumentError, InvalidNameError, InvalidPlayerError, InvalidScoreError
from ..model import Entry, Score, check_player_id, check_score, check_username, shorten

Format: TypeAlias = Literal["jsonl", "csv"]
"""`jsonl`: one JSON object per line. `csv`: a line of column names, then a line per row; fields in quotes as needed."""

Row: TypeAlias = tuple[str, str, Score]
"""Player id, username and score, checked."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that rows are made of. Where there is no username, that is the player id."""

    player_id: str = "player_id"
    username: str = "username"
    score: str = "score"

    def check(self, names: Collection[str], where: str) -> None:
        """Raise `InvalidArgumentError` where columns are missing, or there twice, so that nobody knows which counts.

        That of the username may be missing, unless it was named.
        """
        named = [self.player_id, self.score, *([self.username] if self.username != "username" else [])]
        for name in named:
            if name not in names:
                raise InvalidArgumentError(
                    f"{where} has no column {shorten(name)}; its columns are {', '.join(map(shorten, names))}. Name "
                    "the columns of the player id, the username and the score."
                )
        for name in (self.player_id, self.score, self.username):
            if list(names).count(name) > 1:
                raise InvalidArgumentError(
                    f"{where} has the column {shorten(name)} twice: remove one of them, or give it another name."
                )

    def row(self, found: Mapping[str, Any], where: str) -> Row:
        """Return the row that a record holds; `where` says in errors which one it is.

        A player id may be an integer, as ids of databases are; a username may be missing or null. Raises
        `InvalidPlayerError`, `InvalidNameError`, `InvalidScoreError`, or `InvalidArgumentError` for a missing column.
        """
        if self.player_id not in found or self.score not in found:
            self.check(found, where)
        player_id, username = found[self.player_id], found.get(self.username)
        if isinstance(player_id, int) and not isinstance(player_id, bool):
            player_id = str(player_id)
        try:
            checked = check_player_id(player_id)
            return checked, checked if username is None else check_username(username), check_score(found[self.score])
        except (InvalidPlayerError, InvalidNameError, InvalidScoreError) as error:
            raise type(error)(f"{where}: {error}") from None


NAMED: Final = Columns()
"""The columns of a table that was written here."""


# ---------------------------------------------------------------------- writing


def write_table(entries: Iterable[Entry], file: TextIO, form: Format) -> None:
    """Write entries to a text file, which must be open with `newline=""` and UTF-8. O(1) per entry."""
    write = _csv_writer(file) if form == "csv" else _json_writer(file)
    for entry in entries:
        write(entry)


def _csv_writer(file: TextIO) -> Callable[[Entry], object]:
    write: Callable[[Iterable[object]], object] = csv.writer(_LineFeeds(file)).writerow
    write(Entry._fields)
    return write


class _LineFeeds:
    r"""Takes lines that end in `\r\n`, and ends them in `\n`.

    Before Python 3.11.9 and 3.12.3, a CSV writer puts a field in quotes for those line breaks alone that it ends its
    own lines with, and nobody could read a name with another one back.
    """

    def __init__(self, file: TextIO) -> None:
        self._file: Final = file

    def write(self, line: str) -> int:
        """Write one line."""
        return self._file.write(f"{line[:-2]}\n")


def _json_writer(file: TextIO) -> Callable[[Entry], object]:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    return lambda entry: file.write(f"{encode(entry._asdict())}\n")


# ---------------------------------------------------------------------- reading


def read_table(file: TextIO, form: Format, columns: Columns = NAMED) -> Iterator[Row]:
    """Yield the rows of a text file, which must be open with `newline=""`, with the number of the line in errors.

    Raises as `Columns.row`, and `InvalidArgumentError` for what is no such table. Empty lines of JSON Lines are
    skipped. O(1) per row; memory: one row.
    """
    yield from _read_csv(file, columns) if form == "csv" else _read_json(file, columns)


def _read_json(file: TextIO, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(file), 1):
        if line.isspace():
            continue
        try:
            found = _decode(line)
        except ValueError as error:
            raise InvalidArgumentError(f"line {number} is not JSON: {error}.") from error
        if not isinstance(found, dict):
            raise InvalidArgumentError(f"line {number} is {shorten(found)}: each line must be a JSON object.")
        yield columns.row(found, f"line {number}")


def _unambiguous(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a name twice")
    return found


_decode: Final = json.JSONDecoder(object_pairs_hook=_unambiguous).decode


def _read_csv(file: TextIO, columns: Columns) -> Iterator[Row]:
    reader = csv.DictReader(_lines(file), strict=True)
    try:
        if reader.fieldnames is None:
            raise InvalidArgumentError("the file is empty: CSV begins with a line of column names.")
        columns.check(reader.fieldnames, "the file")
        for found in reader:
            where = f"line {reader.line_num}"
            if None in found or None in found.values():
                raise InvalidArgumentError(f"{where} has more or fewer fields than the line of column names.")
            if columns.score in found:
                found[columns.score] = _number(found[columns.score])
            yield columns.row(found, where)
    except csv.Error as error:
        raise InvalidArgumentError(f"line {reader.reader.line_num} is not CSV: {error}.") from error


def _lines(file: TextIO) -> Iterator[str]:
    try:
        for line in file:  # noqa: UP028 - `yield from` would close the file with this generator: it is the caller's
            yield line
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"the file is not UTF-8: {error}. Convert it, for example with iconv.") from error


def _number(text: str) -> Any:
    """Return the number that a text is, or the text where it is none."""
    for kind in (int, float):
        try:
            return kind(text) if "_" not in text else text
        except ValueError:
            continue
    return text


# ---------------------------------------------------------------------- SQLite


def query_rows(path: Path, query: str, columns: Columns = NAMED) -> Iterator[Row]:
    """Yield the rows of a query of an SQLite file, in its order; the file is opened for reading only.

    Raises as `Columns.row`, and `InvalidArgumentError` for what SQLite refuses, and for a query that is no SELECT or
    lacks a column. O(1) per row beside SQLite's own work; memory: one row of ours.
    """
    import sqlite3  # noqa: PLC0415 - a Python can be built without it, and boards move on such a one, too

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            if cursor.description is None:
                raise InvalidArgumentError("the query returns no rows: give a SELECT.")
            names = [name for name, *_ in cursor.description]
            columns.check(names, "the query")
            for number, values in enumerate(cursor, 1):
                yield columns.row(dict(zip(names, values, strict=True)), f"row {number} of the query")
    except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
        raise InvalidArgumentError(f"SQLite cannot run the query on {path}: {error}.") from error
