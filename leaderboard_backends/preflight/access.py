"""Who can read and write what is on the wire, on the server and in the file: TLS, passwords, and the file's mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from stat import S_IWGRP, S_IWOTH
from typing import Final, NamedTuple

from ..config import Opening
from ..errors import LeaderboardError
from ..location import Location, boolean
from .finding import Finding, failed, not_applicable, passed, together, warning
from .kinds import keeps_folder, kind_of
from .server import Server, anonymous_url, has_password, is_local, server_urls
from .subject import Subject

COUNTED_HERE: Final = "memory"
"""The storage of a rate limit that is in the process; each other one is a Redis or Valkey."""


class Place(NamedTuple):
    """A server that the board uses; the URL has the credentials, and is never shown."""

    what: str
    url: str
    local: bool
    encrypted: bool | None
    """`None` where that is not known, as the server does not answer."""


def check_access(subject: Subject) -> Finding:
    """Look at the file of the board, and at each server: the board's own, and that of a shared rate limit."""
    opening = subject.opening
    own = [*_of_file(opening), *_of_zeo(opening, local=subject.expectations.local)]
    findings = [*own, *(finding for place in _places(subject) for finding in _judged(place))]
    return together(findings) if findings else not_applicable("the board uses neither a server nor a file")


def _of_file(opening: Opening) -> Iterator[Finding]:
    """Look who may write the file: whoever can, of a format such as ZODB's, can run code in the app that opens it."""
    path = Path(opening.location.path)
    if kind_of(opening) != "files" or not (path.is_dir() if keeps_folder(opening) else path.is_file()):
        return
    mode = path.stat().st_mode
    others = [who for who, bit in (("its group", S_IWGRP), ("every user", S_IWOTH)) if mode & bit]
    if others:
        yield warning(f"{' and '.join(others)} of this machine can write {path}", f"chmod go-w {quote(str(path))}")
    else:
        yield passed(f"only its owner can write {path}")


def _of_zeo(opening: Opening, *, local: bool | None) -> Iterator[Finding]:
    """Look who reaches a ZEO server: it has no passwords, and its records are pickles, which can run code here."""
    location = opening.location
    if location.scheme != "zeo":
        return
    if not location.parts.netloc:
        yield passed("the server is reached through a unix socket")
        return
    remedy = "Keep it on a unix socket or a private network, or use TLS: a clientstorage section, by zodb+config://."
    if is_local(location.url) if local is None else local:
        yield warning("the ZEO server accepts any user of this machine, who can then run code in the app", remedy)
    else:
        yield failed(
            "the ZEO server is remote, without encryption and passwords: who reaches it can run code in the app", remedy
        )


def _places(subject: Subject) -> Iterator[Place]:
    if kind_of(subject.opening) == "server":
        said = subject.expectations.local
        for url in server_urls(subject.opening):
            yield Place("the server", url, is_local(url) if said is None else said, _is_encrypted(subject))
    storage = str((subject.settings("rate_limit") or {}).get("storage", COUNTED_HERE))
    if storage != COUNTED_HERE:
        yield Place("the server of the rate limit", storage, is_local(storage), storage.startswith("rediss"))


def _is_encrypted(subject: Subject) -> bool | None:
    try:
        return subject.storage_info().encrypted
    except LeaderboardError:
        return None


def _judged(place: Place) -> Iterator[Finding]:
    location, options = Location.parse(place.url)
    if not location.parts.netloc:
        yield passed(f"{place.what} is reached through a unix socket")
        return
    shown = f"{place.what} at {', '.join(host or 'localhost' for host, _ in location.hosts)}"
    if place.local:
        yield passed(f"{shown} is on this machine")
    elif place.encrypted is not None:
        yield _encrypted(shown, _lax(options), encrypted=place.encrypted)
    yield _protected(place, shown)


def _encrypted(shown: str, lax: str, *, encrypted: bool) -> Finding:
    """Judge the way to a server that is not local; `lax` is the option by which its certificate proves nothing."""
    if not encrypted:
        return failed(
            f"{shown} is remote, and the connection is not encrypted: scores and the password can be read in transit",
            "Turn on TLS on the server (tls-port), and use a rediss:// URL.",
        )
    if lax:
        return failed(
            f"the certificate of {shown} is not fully checked ({lax})",
            f"Remove {lax.partition('=')[0]}, and set ssl_ca_certs to the file of the authority that signed it.",
        )
    return passed(f"{shown} uses TLS")


def _lax(options: Mapping[str, str]) -> str:
    """Return the option by which any server, or any of an authority, is taken for the right one; empty for none."""
    if options.get("ssl_cert_reqs", "required") != "required":
        return f"ssl_cert_reqs={options['ssl_cert_reqs']}"
    return "" if boolean(options.get("ssl_check_hostname", True)) else "ssl_check_hostname=false"


def _protected(place: Place, shown: str) -> Finding:
    """Try with the credentials, then without, which is what a stranger would do."""
    with Server(place.url) as server:
        if not server.answers():
            return failed(f"{shown} does not answer", "Start it, or correct its URL and password.")
    with Server(anonymous_url(place.url)) as stranger:
        is_open = stranger.answers()
    remedy = "Set requirepass, or a password for every user of its access control list, and put it into the URL."
    if is_open and not place.local:
        return failed(f"{shown} accepts any client without a password", remedy)
    if is_open:
        return warning(f"{shown} accepts any user of this machine without a password", remedy)
    return passed("a password is required" if has_password(place.url) else "clients without credentials are refused")
