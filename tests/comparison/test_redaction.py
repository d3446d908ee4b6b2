from __future__ import annotations

import socket

import pytest

from leaderboard_backends.comparison.redaction import redact


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("cannot open /srv/ann/data/board.fs", "memory://", "cannot open …/board.fs"),
        ("'/tmp/x/y.sock' is gone, 1/2 done", "memory://", "'…/y.sock' is gone, 1/2 done"),
        (
            "no answer from redis://ann:***@cache.shop:6379/0",
            "redis://ann:pw9@cache.shop:6379/0",
            "no answer from redis://…",
        ),
        ("cache.shop:6379 refused pw9", "redis://ann:pw9@cache.shop:6379/0", "…:6379 refused ***"),
        ("memory://weekly names 'weekly'", "memory://weekly", "memory://… names 'weekly'"),
        ("zodb:///srv/app/board.fs is locked", "zodb:///srv/app/board.fs", "zodb://… is locked"),
    ],
)
def test_reasons_lose_paths_hosts_and_passwords(text: str, target: str, expected: str) -> None:
    assert redact(text, target) == expected


def test_reasons_lose_the_name_of_the_machine() -> None:
    assert socket.gethostname() not in redact(f"no route from {socket.gethostname()}", "memory://")
