"""Count the code behind each feature anew, and put it into a result that stands: `recount.py RESULT`.

What was measured stays as it is. Lines of code do not depend on a run, and features are built between runs; each row
says when it was counted.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from leaderboard_backends.comparison.code_size import code_facts
from leaderboard_backends.comparison.result_files import encode_result, read_result, write_atomically


def main(path: Path) -> None:
    """Write the result with the code of today."""
    result = read_result(path)
    today = datetime.now(UTC).date()
    told = [
        msgspec.structs.replace(row, note="; ".join(filter(None, [row.note, f"counted {today}, after the run"])))
        for row in code_facts()
    ]
    write_atomically(path, encode_result(msgspec.structs.replace(result, code=told)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
