"""The libraries of the extra `tools` that draw: imported only when a page or a chart is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ...errors import MissingExtraError
from ...installing import install_extra

LIBRARIES: Final = frozenset({"altair", "jinja2", "vl_convert"})


@contextmanager
def report_extra() -> Iterator[None]:
    """Import libraries of the extra within this context.

    Raises `MissingExtraError`, with the `pip install` line, where one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise MissingExtraError(
            f"a page and its charts need {error.name}, which is not installed: {install_extra('tools')}"
        ) from error
