"""Who can read and write what is on the wire and on the server: TLS and passwords, where the server is not local."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ..location import Location
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import kind_of
from .server import SCHEMES, Server, anonymous_url, has_password, is_local, server_url
from .subject import Subject

TLS: Final = "rediss"


class Place(NamedTuple):
    """A server that the board uses; the URL has the credentials, and is never shown."""

    what: str
    url: str
    local: bool


def check_access(subject: Subject) -> Finding:
    """Look at each server of the board: its own, and that of a shared rate limit."""
    findings = [finding for place in _places(subject) for finding in _judged(place)]
    return together(findings) if findings else not_applicable("no server is spoken to")


def _places(subject: Subject) -> Iterator[Place]:
    if kind_of(subject.opening) == "server":
        url = server_url(subject.opening)
        said = subject.expectations.local
        yield Place("the server", url, is_local(url) if said is None else said)
    storage = str((subject.settings("rate_limit") or {}).get("storage", "memory"))
    if storage.partition("://")[0] in SCHEMES:
        yield Place("the server of the rate limit", storage, is_local(storage))


def _judged(place: Place) -> Iterator[Finding]:
    location, options = Location.parse(place.url)
    if location.scheme == "unix":
        yield passed(f"{place.what} is a unix socket")
        return
    shown = f"{place.what} at {location.parts.hostname or 'localhost'}"
    if place.local:
        yield passed(f"{shown} is on this machine")
    else:
        yield _encrypted(shown, location.scheme, options.get("ssl_cert_reqs", "required"))
    yield _protected(place, shown)


def _encrypted(shown: str, scheme: str, proof: str) -> Finding:
    if scheme != TLS:
        return failed(
            f"{shown} is not local, and not encrypted: scores and the password can be read on the way",
            "Let the server speak TLS (tls-port), and use rediss://.",
        )
    if proof == "none":
        return failed(
            f"{shown} does not have to prove who it is (ssl_cert_reqs=none)",
            "Leave ssl_cert_reqs out, and name the server's authority in ssl_ca_certs.",
        )
    return passed(f"{shown} speaks TLS")


def _protected(place: Place, shown: str) -> Finding:
    """Try with the credentials, then without, which is what a stranger would do."""
    with Server(place.url) as server:
        if not server.answers():
            return failed(f"{shown} does not answer", "Start it, or correct its URL and password.")
    with Server(anonymous_url(place.url)) as stranger:
        is_open = stranger.answers()
    remedy = "Set requirepass, or a password for every user of its access list, and give it in the URL."
    if is_open and not place.local:
        return failed(f"{shown} serves anybody without a password", remedy)
    if is_open:
        return warning(f"{shown} serves any user of this machine without a password", remedy)
    return passed("a password is needed" if has_password(place.url) else "strangers are refused")
