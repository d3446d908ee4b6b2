"""What several tests of a live migration stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ..conformance.conftest import made_folder
from .site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """Two servers, and a board on the first one; with their files in memory where there is such."""
    with made_folder() as folder, ExitStack() as stack:
        yield Site(stack, folder)
