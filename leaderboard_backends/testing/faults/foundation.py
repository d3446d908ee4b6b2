"""What the classes of fault tests share: boards that are closed in the end, and figures that are shown in any case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from ...errors import UnsupportedOperationError
from ...protocol import LeaderboardBackend
from ..conformance.foundation import OPERATIONS, Rules
from ..honesty import HonestKit
from .figures import Figures

BOTH_RULES: Final = (Rules("descending", "last"), Rules("ascending", "best"))


class FaultKit(HonestKit):
    """The ground of all fault tests."""

    @pytest.fixture
    def stack(self) -> Iterator[ExitStack]:
        """Ends what a test opened: boards, proxies, servers."""
        with ExitStack() as stack:
            yield stack

    def _describe(self, board: LeaderboardBackend) -> None:
        """Refuse a board over several shards: a proxy before one server is passed by, and a batch may stand in part."""
        if board.capabilities.consistency == "per player":
            board.close()
            self._refuse(
                f"{type(board).__name__} is consistent per player, and these fault tests are for boards on one server "
                "or in one file: write tests of their own for boards over several shards."
            )
        super()._describe(board)

    @contextmanager
    def _reporting(self, fault: str, writes: str = "writes") -> Iterator[Figures]:
        """Print and record the figures of a test, however it ends; where all went well, they must be flawless."""
        figures = Figures()
        try:
            yield figures
        finally:
            text = figures.text(fault, writes)
            self._note("figures", text)
            print(text)  # noqa: T201 - pytest shows it where a test fails, and with -s or -rP
        assert figures.flawless, text

    def _refuses(self, board: LeaderboardBackend, *operations: str) -> bool:
        """Whether the board declares one of the operations unsupported; then that is what is tested: it must refuse."""
        declared = [operation for operation in operations if operation in board.capabilities.unsupported]
        for operation in declared:
            with pytest.raises(UnsupportedOperationError):
                OPERATIONS[operation](board)
            self._note("refused", operation)
        return bool(declared)
