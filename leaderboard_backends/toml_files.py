"""Data files in TOML: where those of the library are, and how one becomes a typed value, or an error that helps.

Every refusal names the file, the key, the value and the rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from msgspec import inspect

from .errors import ConfigurationError
from .model import shorten

SHIPPED: Final = Path(__file__).parent / "shipped_data"
IN_THE_SOURCE_TREE: Final = Path(__file__).parents[1] / "benchmarks"

Kind = TypeVar("Kind", bound=msgspec.Struct)

_AT: Final = re.compile(r" - at `\$\.?(?P<key>.*)`$")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<name>.*?)`")
_MISSING: Final = re.compile(r"missing required field `(?P<name>.*?)`")
_ANY: Final = "..."
"""What stands in a message for the key of a table whose keys are free."""


def shipped(name: str) -> Path:
    """Return the path of a file or folder that comes with the library, such as `workloads/realtime.toml`.

    They are beside the code in an installed wheel, in `benchmarks/` in a source tree.
    """
    return (SHIPPED if SHIPPED.is_dir() else IN_THE_SOURCE_TREE) / name


def refuse(path: Path, problem: str) -> NoReturn:
    """Raise the `ConfigurationError` of a file."""
    raise ConfigurationError(f"{path}: {problem}") from None


def read_toml(path: Path, kind: type[Kind], version: int = 1) -> Kind:
    """Read a file as a value of a type; raises `ConfigurationError`."""
    return decode_toml(path, read_text(path), kind, version)


def read_text(path: Path) -> str:
    """Return the text of a file of TOML; raises `ConfigurationError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: byte {error.start} is not UTF-8.") from error


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return the tables of the text of a file; raises `ConfigurationError`."""
    try:
        return tomllib.loads(text)
    except ValueError as error:  # that of TOML, and of a number with too many digits
        raise ConfigurationError(f"{path} is not TOML: {error}.") from error
    except RecursionError:
        refuse(path, "it is nested too deeply.")


def decode_toml(path: Path, text: str, kind: type[Kind], version: int = 1) -> Kind:
    """Return the text of a file as a value of a type whose `schema_version` must be that one.

    Raises `ConfigurationError`.
    """
    found = parse_toml(path, text)
    given = found.get("schema_version")
    if given != version:
        said = "is missing" if given is None else f"is {shorten(given)}"
        refuse(path, f"schema_version {said}: this library reads {version}; write schema_version = {version}.")
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        refuse(path, _explain(found, kind, str(error)))


def _explain(found: dict[str, Any], kind: type[msgspec.Struct], error: str) -> str:
    """Return what is wrong with a key, by the place in a message of msgspec and the type that is expected there."""
    at, unknown, missing = _AT.search(error), _UNKNOWN.search(error), _MISSING.search(error)
    value: Any = found
    rule, key = inspect.type_info(kind), ""
    for part in re.findall(r"\w+|\.\.\.", at["key"] if at else ""):
        name = _first_wrong(found, value, kind) if part == _ANY else part
        key += f"[{name}]" if isinstance(value, list) else f".{name}" if key else name
        value = value[int(name)] if isinstance(value, list) else value[name]
        rule = _beneath(rule, name)
    within = f"{key}." if key else ""
    if unknown:
        allowed = ", ".join(field.name for field in rule.fields) if isinstance(rule, inspect.StructType) else ""
        return f"{within}{unknown['name']} is not a known key. Allowed: {allowed}."
    if missing:
        return f"{within}{missing['name']} is missing: it must be {_rule(_beneath(rule, missing['name']))}."
    if not key:
        return f"{error}."
    return f"{key} is {shorten(value)}: it must be {_rule(rule)}."


def _first_wrong(found: dict[str, Any], table: dict[str, Any], kind: type[msgspec.Struct]) -> str:
    """Return the key of the first wrong value of a table whose keys are free; the table has that one alone afterwards.

    Messages do not name it, so that each value is tried.
    """
    for name, value in dict(table).items():
        table.clear()
        table[name] = value
        try:
            msgspec.convert(found, kind)
        except msgspec.ValidationError:
            break
    return name


def _beneath(rule: inspect.Type, name: str) -> inspect.Type:
    """Return the type of a value in a value of another type."""
    match _given(rule):
        case inspect.StructType(fields=fields):
            return _given(next(field.type for field in fields if field.name == name))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return _given(item)
        case inspect.DictType(value_type=item):
            return _given(item)
        case other:
            return other


def _given(rule: inspect.Type) -> inspect.Type:
    """Return the type of what is given, where it may also be left out."""
    if isinstance(rule, inspect.UnionType):
        return next(each for each in rule.types if not isinstance(each, inspect.NoneType))
    return rule


def _rule(rule: inspect.Type) -> str:  # noqa: PLR0911 - one line for each type
    """Return what a type allows, as words after "it must be"."""
    match rule:
        case inspect.IntType():
            return f"a whole number{_bounds(rule)}"
        case inspect.FloatType():
            return f"a number{_bounds(rule)}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.StrType(pattern=pattern):
            return f"text that matches {pattern}" if pattern else "text"
        case inspect.ListType(min_length=least) | inspect.VarTupleType(min_length=least):
            return "a list with at least one value" if least else "a list"
        case inspect.StructType(fields=fields):
            return f"a table of {', '.join(field.name for field in fields)}"
        case inspect.DictType():
            return "a table"
        case _:
            return f"a {type(rule).__name__.removesuffix('Type').lower()}"


def _bounds(rule: inspect.IntType | inspect.FloatType) -> str:
    least, above, most = rule.ge, rule.gt, rule.le
    low = "" if least is None else f" from {least:,}" if most is not None else f" of at least {least:,}"
    if above is not None:
        low = f" above {above:,}"
    return low if most is None else f"{low}{', up' if above is not None else ''} to {most:,}"


def check_word(path: Path, key: str, word: str, allowed: Mapping[str, object]) -> None:
    """Refuse a word that is none of those allowed."""
    if word not in allowed:
        refuse(path, f"{key} is {shorten(word)}: it must be one of {', '.join(allowed)}.")
