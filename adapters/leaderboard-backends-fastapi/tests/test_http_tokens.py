"""Who may write and who may read, and that a token never shows."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from hmac import compare_digest

import pytest
from fastapi import Depends, FastAPI, HTTPException
from leaderboard_backends_fastapi import Tokens, leaderboard_router
from leaderboard_backends_fastapi import tokens as tokens_module
from over_the_wire.boards import memory
from over_the_wire.serving import READ_TOKEN, TOKEN, Client, served
from starlette.requests import Request

from leaderboard_backends import ConfigurationError

OTHER = "another-token-of-some-length"


@pytest.fixture(scope="module")
def protected() -> Iterator[Client]:
    """A board whose reads need a token too; two tokens may write."""
    app = FastAPI()
    tokens = Tokens(write=[TOKEN, OTHER], read=READ_TOKEN)
    with memory() as board:
        app.include_router(leaderboard_router(board, token=tokens, protect_reads=True))
        with served(app) as client:
            yield client


@pytest.fixture(scope="module")
def public() -> Iterator[Client]:
    """A board that anybody may read."""
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board, token=TOKEN))
        with served(app) as client:
            yield client


def with_header(client: Client, value: str) -> tuple[int, str, str]:
    """Return what an update with an Authorization header answers: status, kind, challenge."""
    anonymous = Client(client.port, token=None)
    headers = {"Authorization": value, "Content-Type": "application/json"}
    answer = anonymous.send("POST", "/scores", b'{"player_id": "a", "username": "", "score": 1}', headers)
    if answer.status == 200:
        return 200, "", ""
    return answer.status, answer.kind, answer.headers["www-authenticate"]


# ---------------------------------------------------------------------- writes


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_each_token_that_may_write_may(protected: Client, token: str) -> None:
    assert with_header(protected, f"Bearer {token}")[0] == 200
    assert with_header(protected, f"bearer  {token}")[0] == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic dGVzdDp0ZXN0", TOKEN, f"Token {TOKEN}"])
def test_a_write_without_a_token_is_asked_for_one(protected: Client, value: str) -> None:
    assert with_header(protected, value) == (401, "no-token", 'Bearer realm="leaderboard"')


@pytest.mark.parametrize(
    "token", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x", "\xe9" * 30, f"{TOKEN} {TOKEN}", f'"{TOKEN}"']
)
def test_a_token_that_is_unknown_is_refused(protected: Client, token: str) -> None:
    challenge = 'Bearer realm="leaderboard", error="invalid_token"'
    assert with_header(protected, f"Bearer {token}") == (401, "no-token", challenge)


def test_a_token_that_may_only_read_may_not_write(protected: Client) -> None:
    status, kind, challenge = with_header(protected, f"Bearer {READ_TOKEN}")
    assert (status, kind) == (403, "not-allowed")
    assert 'error="insufficient_scope"' in challenge


def test_every_write_is_guarded_and_nothing_is_written(public: Client) -> None:
    anonymous = Client(public.port, token=None)
    for path in ("/scores", "/scores/increment", "/scores/bulk"):
        assert anonymous.post(path).status == 401
    assert anonymous.delete("/players", player_id="a").status == 401
    assert anonymous.get("/count").json == {"players": 0}


def test_a_token_is_looked_at_before_the_body(public: Client) -> None:
    anonymous = Client(public.port, token=None)
    assert anonymous.send("POST", "/scores", b"x" * 2**21, {"Content-Type": "text/plain"}).status == 401


# ---------------------------------------------------------------------- reads


def test_anybody_may_read_unless_reads_are_protected(public: Client, protected: Client) -> None:
    for path in ("/top", "/count", "/by-score"):
        assert Client(public.port, token=None).get(path).status == 200
        assert Client(protected.port, token=None).get(path).status == 401
        for token in (TOKEN, READ_TOKEN):
            assert Client(protected.port, token=token).get(path).status == 200
    assert Client(protected.port, token=None).get("/metrics").status == 401
    assert Client(protected.port, token=None).post("/friends", player_ids=[]).status == 401
    assert Client(protected.port, token=READ_TOKEN).post("/friends", player_ids=[]).status == 200


def test_probes_never_need_a_token(protected: Client) -> None:
    for path in ("/health/live", "/health/ready"):
        assert Client(protected.port, token=None).get(path).status == 200


def test_to_protect_reads_needs_tokens() -> None:
    with memory() as board, pytest.raises(ConfigurationError, match="protect_reads needs at least one token"):
        leaderboard_router(board, protect_reads=True)


# ---------------------------------------------------------------------- other ways


def test_a_function_may_decide(public: Client) -> None:
    del public
    asked: list[str] = []

    def check(token: str) -> Collection[tokens_module.Access]:
        asked.append(token)
        return {"admin-of-the-game": {"write"}, "guest": {"read"}}.get(token, set())  # type: ignore[return-value]  # literals

    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board, token=check, protect_reads=True))
        with served(app) as client:
            for token, write, read in (("admin-of-the-game", 200, 200), ("guest", 403, 200), ("nobody", 401, 401)):
                client.token = token
                assert (client.update("a", 1).status, client.get("/top").status) == (write, read)
    assert asked == [token for token in ("admin-of-the-game", "guest", "nobody") for _ in range(2)]


def test_without_a_token_the_app_decides() -> None:
    def admit(request: Request) -> None:
        if request.headers.get("X-Game") != "ours":
            raise HTTPException(418)

    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board), dependencies=[Depends(admit)])
        with served(app, token=None) as client:
            assert client.get("/top").status == 418
            assert client.get("/top").json == {"detail": "I'm a Teapot"}
            assert client.update("a", 1).status == 418
            assert client.send("GET", "/top", headers={"X-Game": "ours"}).status == 200


def test_no_token_at_all_means_no_writes_where_tokens_are_asked_for() -> None:
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board, token=Tokens()))
        with served(app, token=None) as client:
            answer = client.update("a", 1)
            assert (answer.status, answer.kind) == (403, "not-allowed")
            assert "LEADERBOARD_TOKEN" in answer.json["detail"]
            client.token = TOKEN
            assert client.update("a", 1).status == 401
            assert client.get("/top").status == 200


# ---------------------------------------------------------------------- secrets


def test_tokens_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADERBOARD_TOKEN", f" {TOKEN}\n{OTHER} ")
    tokens = Tokens.from_env()
    assert tokens(TOKEN) == tokens(OTHER) == {"read", "write"}
    assert tokens(f"{TOKEN} {OTHER}") == set()
    monkeypatch.delenv("LEADERBOARD_TOKEN")
    assert not Tokens.from_env()


def test_tokens_add_up() -> None:
    both = Tokens(write=TOKEN) | Tokens(write=OTHER, read=READ_TOKEN)
    granted = [both(token) for token in (TOKEN, OTHER, READ_TOKEN, "")]
    assert granted == [{"read", "write"}, {"read", "write"}, {"read"}, set()]


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "has a space in its midst", "\xe9" * 20, "line\nbreak" * 3, "==" * 10]
)
def test_a_token_that_no_header_carries_or_that_is_easy_to_guess_is_refused_unseen(token: str) -> None:
    with pytest.raises(ConfigurationError, match="token, 2 of 2, is not allowed") as refused:
        Tokens(write=[TOKEN, token])
    assert not token or token not in str(refused.value)


def test_a_token_is_in_no_repr_and_no_attribute() -> None:
    tokens = Tokens(write=TOKEN, read=READ_TOKEN)
    assert repr(tokens) == "<Tokens: 1 to write, 1 to read>"
    assert TOKEN not in repr(vars(tokens))
    assert READ_TOKEN not in repr(vars(tokens))


def test_a_token_is_in_no_log_and_no_answer(public: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for token in (TOKEN, OTHER):
            answer = Client(public.port, token=token).update("a", 1)
            assert token.encode() not in answer.body + repr(answer.headers).encode()
    assert TOKEN not in caplog.text
    assert OTHER not in caplog.text


def test_tokens_are_compared_in_constant_time_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr(tokens_module, "compare_digest", spy)
    tokens = Tokens(write=[TOKEN, OTHER], read=READ_TOKEN)
    for token in (TOKEN, OTHER, READ_TOKEN, "x"):
        compared.clear()
        tokens(token)
        assert len(compared) == 3
        assert {len(side) for pair in compared for side in pair} == {32}
