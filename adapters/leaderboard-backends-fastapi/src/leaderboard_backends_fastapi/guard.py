"""`Guard`: what is looked at of every request to the app before any route is.

That is its length, its host, who sent it, and the prefix that a proxy took off its path. It is a part of the app and
not of the server, so that it holds under any ASGI server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import IPv6Address, ip_address, ip_network
from sys import float_info
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from leaderboard_backends import ConfigurationError

from .problems import AMBIGUOUS_LENGTH, WRONG_HOST, ProblemError, answer_error

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^][:@/\s]+))(?::[0-9]*)?")
_NAME: Final = re.compile(r"[A-Za-z0-9.*_-]+|[0-9A-Fa-f:.]+")
_PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
_LONGEST_ADDRESS: Final = 64
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{1,64}")


class Guard:
    """Refuses requests that are meant for another server, or that two servers could read in two ways.

    A request must name in its `Host` an address that it came to, a name of the loopback, or one of `hosts`, in which
    `*` stands for any characters: else a page of another site whose name leads here could read the boards. One without
    `Host`, which no browser sends, is let through. `root_path` is the prefix that a proxy takes off each path; without
    one, that of `X-Forwarded-Prefix` is taken, whoever sends it, as it changes nothing but the links in the answer.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), root_path: str = "") -> None:
        self._app = app
        names = {host.lower() for host in (*LOOPBACK, *hosts)}
        self._patterns = [name for name in names if "*" in name]
        self._hosts = names.difference(self._patterns)
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, and pass on everything else."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope.get("client"):  # in place, as the server's log of accesses reads it from there
            scope["client"] = (_printable(scope["client"][0]), scope["client"][1])
        headers = Headers(scope=scope)
        try:
            _check_length(scope, headers)
            self._check_host(scope, headers)
        except ProblemError as error:
            await answer_error(error)(scope, receive, send)
            return
        await self._app(self._under_prefix(scope, headers), receive, send)

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("Host")
        if not given:
            return
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        name = (found[1] or found[2]).lower().rstrip(".") if found else ""
        here = str((scope.get("server") or [""])[0]).lower().removeprefix("::ffff:")
        known = name in self._hosts or name == here or any(fnmatchcase(name, each) for each in self._patterns)
        if not name or not known:
            raise ProblemError(
                WRONG_HOST,
                f"the host {ascii(given[0])[:80]} is not served here: the operator can add it to the setting hosts.",
                {"Connection": "close"},
            )

    def _under_prefix(self, scope: Scope, headers: Headers) -> Scope:
        """Return the scope with the prefix in it as ASGI has it: in `root_path`, and before the path."""
        prefix = self._root_path or headers.get("X-Forwarded-Prefix", "").strip().rstrip("/")
        if scope.get("root_path") or not _PREFIX.fullmatch(prefix):
            return scope
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        return {**scope, "root_path": prefix, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw}


def check_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a server; a text is one name. Raises `ConfigurationError` for what no `Host` can be."""
    found = (hosts,) if isinstance(hosts, str) else tuple(hosts)
    for host in found:
        if not _NAME.fullmatch(host):
            raise ConfigurationError(
                f"hosts has {host[:80]!r}: give only a name or an address, without scheme, port and path, such as "
                f"scores.example.com or *.example.com."
            )
    return found


def check_prefix(root_path: str) -> str:
    """Return a prefix of paths without a slash at its end. Raises `ConfigurationError` for what is none."""
    prefix = root_path.rstrip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"root_path is {root_path[:80]!r}: it must be a path such as /games, with only A-Z, a-z, 0-9 and -._~/."
        )
    return prefix


def check_number(what: str, value: Any, default: object, rule: str, most: float = float_info.max) -> None:
    """Raise `ConfigurationError` for what is no number above 0, up to `most`, or not whole where the default is."""
    whole = isinstance(default, int)
    if type(value) not in ((int,) if whole else (int, float)) or not 0 < value <= most:
        raise ConfigurationError(f"{what} is {value!r}: it must be {rule}{', and whole' if whole else ''}.")


def _check_length(scope: Scope, headers: Headers) -> None:
    """Refuse two lengths, of which another server could believe the other one; and chunks before there were any."""
    if "Transfer-Encoding" in headers and ("Content-Length" in headers or scope["http_version"] == "1.0"):
        raise ProblemError(
            AMBIGUOUS_LENGTH, "send either Content-Length or Transfer-Encoding, not both.", {"Connection": "close"}
        )


def _printable(address: str) -> str:
    """Return an address, which a proxy may have passed on from anywhere, with nothing in it that could forge a log."""
    return address if _ADDRESS.fullmatch(address) else quote(address[:_LONGEST_ADDRESS], safe=":.")


def client_of(address: str) -> str:
    """Return whom an address belongs to: itself, of IPv6 the /64 network, as one client has all of that."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def root_of(request: Request) -> str:
    """Return what leads from a page to the root of the server: its prefix, or as many steps up as the path has."""
    scope = request.scope
    if scope.get("root_path"):
        return f"{scope['root_path']}/"
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return "../" * (path.count(b"/") - 1)
