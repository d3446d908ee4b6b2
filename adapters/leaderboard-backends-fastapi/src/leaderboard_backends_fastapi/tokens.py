"""Who may write and who may read: bearer tokens, compared in constant time and never kept or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest
from inspect import iscoroutinefunction
from typing import Any, Final, Literal, TypeAlias

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from leaderboard_backends import ConfigurationError

from .problems import NO_TOKEN, NOT_ALLOWED, ProblemError

Access: TypeAlias = Literal["read", "write"]
"""What a route needs, and what a token grants. Who may write may read."""

Check: TypeAlias = Callable[[str], Collection[Access]]
"""Returns what a token grants, as a set, list or tuple, an empty one for an unknown token; anything else is an error.

It is called in a thread, so it may block.
"""

Given: TypeAlias = str | Iterable[str]

VARIABLE: Final = "LEADERBOARD_TOKEN"
"""The variable of the environment that holds the tokens that may write, with spaces between them."""

SHORTEST: Final = 16
"""The fewest characters of a token: one that is easy to guess is refused."""

_RIGHTS: Final = ("read", "write")
_COLLECTIONS: Final = (set, frozenset, list, tuple)

_ALLOWED: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What an `Authorization: Bearer` header can carry (RFC 6750)."""


class Tokens:
    """The tokens that may write (and read), and those that may only read.

    Only their digests are kept. To look one up compares it with all of them, each in constant time. Raises
    `ConfigurationError` for a token that no header can carry or that is shorter than 16 characters; the text does not
    show it.
    """

    def __init__(self, write: Given = (), read: Given = (), *, of: str = "token") -> None:
        """Take tokens; `of` is what an error calls the place that they come from."""
        self._write = _digests(write, of)
        self._read = _digests(read, of)

    @classmethod
    def from_env(cls, variable: str = VARIABLE) -> Tokens:
        """Return the tokens of an environment variable, several with spaces between them; none where it is unset.

        Raises as making one does, with the name of the variable.
        """
        return cls(write=os.environ.get(variable, "").split(), of=variable)

    def __or__(self, other: Tokens) -> Tokens:
        both = Tokens()
        both._write = self._write + other._write
        both._read = self._read + other._read
        return both

    def __bool__(self) -> bool:
        return bool(self._write or self._read)

    def __repr__(self) -> str:
        return f"<Tokens: {len(self._write)} to write, {len(self._read)} to read>"

    def __call__(self, token: str) -> frozenset[Access]:
        """Return what a token grants: reads and writes, reads, or nothing. O(tokens)."""
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        may_write, may_read = _among(digest, self._write), _among(digest, self._read)
        if may_write:
            return frozenset({"read", "write"})
        return frozenset({"read"}) if may_read else frozenset()


def _among(digest: bytes, known: Sequence[bytes]) -> bool:
    """Whether a digest is known; takes the same time wherever it stands, and whether it does."""
    return sum(compare_digest(digest, each) for each in known) > 0


def _digests(given: Given, of: str) -> list[bytes]:
    tokens = [given] if isinstance(given, str) else list(given)
    for position, token in enumerate(tokens, 1):
        if not isinstance(token, str) or len(token) < SHORTEST or not _ALLOWED.fullmatch(token):
            raise ConfigurationError(
                f"{of}, {position} of {len(tokens)}, is not allowed: a token has at least {SHORTEST} characters from "
                "A-Z, a-z, 0-9 and -._~+/, and may end in '='. Make one with: "
                f"python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
    return [sha256(token.encode()).digest() for token in tokens]


class Gate:
    """Lets a request through where its token grants what the route needs."""

    def __init__(self, token: Given | Check | None, *, protect_reads: bool) -> None:
        if iscoroutinefunction(token):
            raise ConfigurationError(
                "the function that checks tokens is async: give a plain function, which may block."
            )
        self._check = token if token is None or callable(token) else Tokens(write=token)
        self._protect_reads = protect_reads
        if protect_reads and (self._check is None or self._is_empty()):
            raise ConfigurationError("protect_reads needs at least one token: set one.")

    def guards(self, access: Access | None) -> bool:
        """Whether a route that needs this access is guarded."""
        return self._check is not None and (access == "write" or (access == "read" and self._protect_reads))

    def described(self, access: Access | None) -> list[Any]:
        """Return the dependencies that describe a guarded route; it is `admit` that guards it, before any body."""
        return [Depends(SCHEME)] if self.guards(access) else []

    def security(self, access: Access | None) -> dict[str, Any]:
        """Return the same as a part of a route's description, which costs its requests nothing.

        FastAPI needs one route with the dependencies, to describe the scheme itself.
        """
        return {"security": [{SCHEME.scheme_name: []}]} if self.guards(access) else {}

    async def admit(self, request: Request, access: Access | None) -> None:
        """Return where the request may go on; raises `ProblemError`, 401 or 403."""
        if self._check is None or access is None or not self.guards(access):
            return
        token = _bearer(request)
        if token is None:
            self._refuse_without_token()
        else:
            granted = await self._granted(self._check, token)
            if not granted:
                raise _challenge("this token is unknown.", 'error="invalid_token"')
            if access not in granted and "write" not in granted:
                raise ProblemError(
                    NOT_ALLOWED,
                    "this token may only read.",
                    {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="write"'},
                )

    def _is_empty(self) -> bool:
        return isinstance(self._check, Tokens) and not self._check

    def _refuse_without_token(self) -> None:
        if self._is_empty():
            raise ProblemError(
                NOT_ALLOWED, f"this server accepts no writes because it has no token: set {VARIABLE} and restart it."
            )
        raise _challenge("send it as 'Authorization: Bearer TOKEN'.")

    @staticmethod
    async def _granted(check: Check, token: str) -> Collection[Access]:
        return check(token) if isinstance(check, Tokens) else _rights(await run_in_threadpool(check, token))


def _rights(granted: object) -> Collection[Access]:
    """Return what a check granted; of a text, "write" could be a part, and of a mapping, a key that says no.

    Raises `ConfigurationError`, which does not show the value: it may be the token.
    """
    if isinstance(granted, _COLLECTIONS) and all(each in _RIGHTS for each in granted):
        return granted
    raise ConfigurationError(
        f"the function that checks tokens returned a {type(granted).__name__}: it must return a set, list or tuple of "
        f"'read' and 'write', an empty one for an unknown token."
    )


_REALM: Final = 'Bearer realm="leaderboard"'

SCHEME: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token known to the server; some tokens only permit reads."
)


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token else None


def _challenge(detail: str, also: str = "") -> ProblemError:
    return ProblemError(NO_TOKEN, detail, {"WWW-Authenticate": f"{_REALM}, {also}" if also else _REALM})
