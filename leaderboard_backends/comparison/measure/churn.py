"""Memory while players come and go: what a board keeps of those who have left.

Each step removes who has been on the board for longest, and adds a player who was never there, so that the board has as
many players at the end as at first. Names and scores follow from a player's number: nothing has to be kept meanwhile,
no name is anybody's but the board's, and the whole board is compared with what it must hold in the end.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from ...model import Entry
from ...usage import settled_private_bytes
from ...workload.population import player_names
from ...workload.trace import Trace
from ..figures import Checked, ChurnFigures, ChurnSample
from ..plan import ChurnPart
from ..traces import check_entries
from .processes import Job
from .session import Session, growth

STEPS: Final = 100
"""Between two looks at the clock."""

CHECKED: Final = "each player, score and rank at the end"
FACTOR: Final = 2_654_435_761
"""Of Knuth's multiplicative hash: numbers that follow each other are far apart."""


def measure(job: Job, session: Session, trace: Trace) -> ChurnFigures:
    """Load, let players come and go for the seconds of the plan, and compare the end state.

    No run counts as disturbed: what others do on the machine changes how many players come and go, and no bytes.
    """
    part, players = job.settings(ChurnPart), len(trace.scores)
    before, (used, private) = settled_private_bytes(), session.server_bytes()
    session.board.update_scores(_player(number, players) for number in range(players))
    session.settle()
    disk, gone = session.disk_bytes(), 0
    samples = []
    for number in range(int(part.seconds / part.every) + 1):
        gone = _churn(session, players, gone, part.every) if number else 0
        used_now, private_now = session.server_bytes()
        samples.append(
            ChurnSample(
                seconds=round(number * part.every, 3),
                players=gone,
                process_bytes=settled_private_bytes() - before,
                server_private_bytes=growth(private, private_now),
                server_used_bytes=growth(used, used_now),
            )
        )
    left = sorted((_player(number, players) for number in range(gone, gone + players)), key=lambda player: -player[2])
    entries = (Entry(rank, *player) for rank, player in enumerate(left, 1))  # of one score, who came first is first
    checked = Checked(0, 2 * gone, check_entries(session.board, entries, "which should be"), CHECKED)
    return ChurnFigures(samples, checked, growth(disk, session.disk_bytes()))


def _churn(session: Session, players: int, gone: int, seconds: float) -> int:
    """Replace players for some seconds; returns how many have left in all."""
    board, deadline = session.board, perf_counter() + seconds
    while perf_counter() < deadline:
        for _ in range(STEPS):
            board.remove_player(_player(gone, players)[0])
            board.update_score(*_player(gone + players, players))
            gone += 1
    return gone


def _player(number: int, players: int) -> tuple[str, str, int]:
    """Return id, username and score of a player by number."""
    return *player_names(number), number * FACTOR % players
