"""What several tests of a live migration stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two servers, and a board on the first one."""
    with ExitStack() as stack:
        yield Site(stack, tmp_path)
