from __future__ import annotations

import socket

import pytest

from leaderboard_backends.comparison.measure.processes import Answer, redacted
from leaderboard_backends.comparison.opening import conceal, redact
from leaderboard_backends.comparison.schema import BackendFacts, Verdict


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot reach redis://u:s3cr3t@db.shop:6379/0, sorry", "cannot reach redis://…/0, sorry"),
        ("redis:/u:p%40ss@h is no URL", "redis:/… is no URL"),
        ("redis:u:p@h is no URL", "redis:… is no URL"),
        ("no 'redis://u:p@ss/w@h:1/0?password=abc&db=1'", "no 'redis://…/0?password=***&db=1'"),
        ("{'password' = 'a b', token=7}", "{'password' = ***, token=***}"),
        ("mail ann@shop.org at 12:30, invalid token: x", "mail ann@shop.org at 12:30, invalid token: x"),
    ],
)
def test_reasons_lose_passwords_of_any_url_and_under_their_names(text: str, expected: str) -> None:
    assert redact(text, "module:Board") == expected


def test_reasons_lose_a_password_however_it_is_written() -> None:
    target = "redis://ann:p%40ss@cache.shop:6379/0?client_name=x"
    assert redact("p%40ss or p@ss", target) == "*** or ***"
    assert redact("auth with hush failed", "redis://cache.shop/0?password=hush") == "auth with *** failed"


def test_all_that_a_backend_says_loses_them() -> None:
    said = "no way to redis://u:s3cr3t@db/0"
    verdict = Verdict("DOES NOT CONFORM", "all", 1, 1, "", 1.0, [said])
    facts = BackendFacts("a", "A", "a 1", "a", "process", "memory only", "nothing", shared=False, verdict=verdict)
    found = redacted(Answer("failed", said, facts=facts, notes=[said]), "")
    assert "s3cr3t" not in repr(found)
    assert repr(found).count("no way to redis://…/0") == 3


def test_what_is_written_for_a_row_keeps_hosts_and_loses_passwords() -> None:
    text = 'url = "redis://app:s3cr3t@localhost:6379/0?board=weekly"\npassword = "two words"\nrequirepass hush'
    assert conceal(text) == 'url = "redis://***@localhost:6379/0?board=weekly"\npassword = ***\nrequirepass ***'
    assert conceal('url = "redis://localhost:6379/0?board=weekly"') == 'url = "redis://localhost:6379/0?board=weekly"'


def test_reasons_lose_the_name_of_the_machine() -> None:
    assert socket.gethostname() not in redact(f"no route from {socket.gethostname()}", "memory://")
