"""From redis-py's exceptions and the server's error replies to the library's errors, each with a remedy."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from redis.exceptions import AuthenticationError, InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ...changes import board_moved
from ...errors import (
    BackendError,
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    WriteOutcomeUnknownError,
)
from ...files import NO_FILES
from .address import LOCAL, Address, ClusterAddress
from .requests import Request
from .scripts import FORMAT

_ACCESS: Final = "ACCESS"
_COMMANDS: Final = (
    "ping info select client|setname multi exec evalsha script|load exists del unlink time hget hmget hgetall hset "
    "hdel zadd zrem zscore zmscore zcard zcount zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore xadd "
    "xrange xread xtrim xinfo|stream"
)
"""All that boards send, and what their scripts call."""
GREETING: Final = "+ping +client|setname"
"""What a connection needs before anything is asked over it, in the words of ACL SETUSER."""

_REFUSALS: Final[dict[str, tuple[type[BackendError], str]]] = {
    "OOM": (
        BackendFullError,
        "is out of memory: raise its maxmemory, or remove players or boards (removing still works)",
    ),
    "READONLY": (BackendReadOnlyError, "is a replica and does not accept writes: open the board on its primary"),
    "MISCONF": (
        BackendReadOnlyError,
        "does not accept writes because it cannot save to its disk: check its log and its disk space",
    ),
    "NOREPLICAS": (
        BackendReadOnlyError,
        "does not accept writes because too few replicas are connected (min-replicas-to-write): check its replicas",
    ),
    "WRONGTYPE": (
        BoardMismatchError,
        "has other data under a key of this board: choose another board name or prefix, or delete that key",
    ),
    "BUSY": (BackendUnavailableError, "is busy with another script: wait, or stop it with SCRIPT KILL"),
    "LOADING": (BackendUnavailableError, "is still loading its data: try again when it is ready"),
    "MASTERDOWN": (
        BackendUnavailableError,
        "is a replica without its primary: repair the replication, or set replica-serve-stale-data yes",
    ),
    "NOAUTH": (
        BackendUnavailableError,
        "requires a password: give it in the URL (redis://:password@host) or as an option",
    ),
    "WRONGPASS": (BackendUnavailableError, "refused the user name or the password: correct it"),
    "NOPERM": (
        BackendUnavailableError,
        f"does not permit it: allow this user {_ACCESS}",
    ),
    "MOVED": (
        BackendUnavailableError,
        "is a node of a cluster: open its boards by redis+cluster://, or use a standalone server",
    ),
    "CLUSTERDOWN": (
        BackendUnavailableError,
        (
            "is a node of a cluster that does not serve all slots: wait for its failover, or repair it (CLUSTER INFO); "
            "its boards are opened by redis+cluster://"
        ),
    ),
}
"""What an error reply's first word means; with each of them, nothing was applied."""

_IN_A_CLUSTER: Final = {
    "MOVED": (
        "says that another node has the slot, and none took it in time: try again; if that lasts, the nodes do not "
        "agree (leaderboard cluster status)"
    ),
    "CLUSTERDOWN": "does not serve all slots: wait for its failover, or repair it (CLUSTER INFO)",
}
"""The same of those that are no surprise to a board that was opened by `redis+cluster://`."""

_OF_ANOTHER_TIME: Final = {"READONLY", "MASTERDOWN", "LOADING", "CLUSTERDOWN", "NOREPLICAS", "MISCONF"}
"""What a server says that is no longer, or not yet, the one to use: behind its address may be another one by now."""

_OF_FILES: Final = (ssl.SSLError, FileNotFoundError, IsADirectoryError, PermissionError, ValueError)
"""What a file of TLS raises that is missing, that may not be read, or that is no certificate or key."""
_NO_PLACES: Final = "max number of clients"
_IN_PART: Final = " in part"
_DENIED_IN_SCRIPT: Final = ("ACL failure in script", "The user executing the script can't")
_OF_MULTI: Final = "'multi'"
"""What names MULTI in a refusal of it alone: what was to be one transaction after it was done one by one."""
_UNKNOWN: Final = (
    "The write may or may not have been applied: read the player's entry before you repeat it, because a repeated "
    "increment may count twice"
)


def access_list(key: str, address: Address = LOCAL) -> str:
    """Return the least that a user needs for all boards of a key's prefix, in the words of ACL SETUSER."""
    commands = (*_COMMANDS.split(), *address.commands.split())
    return f"~{key.partition('{')[0]}* -@all {' '.join(f'+{command}' for command in commands)}"


def error_within(reply: object) -> RedisError | None:
    """Return the first error of a transaction's replies, which redis-py hands over as values."""
    parts = reply if isinstance(reply, list) else ()
    return next((part for part in parts if isinstance(part, RedisError)), None)


def is_of_another_time(error: Exception) -> bool:
    """Whether an error reply says that connections made before are of no use: the address may lead elsewhere now."""
    return reply_word(error) in _OF_ANOTHER_TIME


def not_connected(error: Exception, address: Address, request: Request[Any]) -> BackendError:
    """Return the error for a connection that could not be made; nothing was sent."""
    cause = error.__cause__ or error.__context__ or error
    if _NO_PLACES in str(error) or isinstance(error, AuthenticationError) or reply_word(error) in _REFUSALS:
        return refused(error, address, request._replace(writes=False))
    if problem := _problem_of_tls(cause, address):
        return BackendUnavailableError(f"{address} {problem}")
    if isinstance(error, InvalidResponse):
        return BackendUnavailableError(f"{address} does not reply like Redis or Valkey: check the host and the port.")
    if isinstance(error, RedisTimeoutError):
        speaks = " with TLS" if address.tls else ""
        return BackendUnavailableError(
            f"{address} did not answer in time ({error}): check that a Redis or Valkey{speaks} runs there and is not "
            f"overloaded, or raise connect_timeout ({address.connect_timeout:g} s) or socket_timeout "
            f"({address.socket_timeout:g} s)."
        )
    remedy = f"check the address, and that a Redis or Valkey runs there.{address.hint}"
    if getattr(cause, "errno", None) in NO_FILES:
        remedy = "raise the limit of open files (ulimit -n), which counts connections, too, or lower max_connections."
    return BackendUnavailableError(f"{address} cannot be reached ({error}): {remedy}")


def _problem_of_tls(cause: BaseException, address: Address) -> str:
    """Return what is wrong with TLS, and what to do; empty where something else is."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not accepted: {cause.verify_message}. Set ssl_ca_certs to the file of its "
            "certificate authority, or use the host name that the certificate is for."
        )
    if address.tls and isinstance(cause, _OF_FILES):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if address.ssl_ca_certs is not None:
                context.load_verify_locations(address.ssl_ca_certs)
            if address.ssl_certfile:
                context.load_cert_chain(address.ssl_certfile, address.ssl_keyfile)
        except (OSError, ValueError) as error:
            return (
                f"was not connected, because a file of TLS cannot be used ({error}): check ssl_ca_certs, ssl_certfile "
                "and ssl_keyfile."
            )
    if isinstance(cause, ssl.SSLError):
        return f"does not answer with TLS ({cause}): use redis:// if the server has no TLS."
    return ""


def refused(error: Exception, address: Address, request: Request[Any]) -> BackendError:
    """Return the error for an error reply."""
    word, reply = reply_word(error), str(error).removeprefix("ERR ")  # which redis-py cuts off itself
    if _NO_PLACES in reply:
        return BackendUnavailableError(
            f"{address} has reached its limit of connections; nothing was applied. Raise its maxclients, or use fewer "
            f"connections (max_connections of each process). It said: {reply}"
        )
    if word in OF_SCRIPTS:
        return OF_SCRIPTS[word](reply.partition(" ")[2], address)
    denied = reply.startswith(_DENIED_IN_SCRIPT)
    in_script = "script:" in reply and (denied or word not in _REFUSALS)
    if request.writes and (in_script or _OF_MULTI in reply.lower()):
        return WriteOutcomeUnknownError(f"{address} failed during the update ({reply}). {_UNKNOWN}.")
    if denied or word in _REFUSALS:
        kind, remedy = _REFUSALS["NOPERM" if denied else word]
        if isinstance(address, ClusterAddress):
            remedy = _IN_A_CLUSTER.get(word, remedy)
        hint = address.hint if word in _OF_ANOTHER_TIME else ""
        remedy = remedy.replace(_ACCESS, access_list(request.key, address))
        return kind(f"{address} {remedy}. It said: {reply}{hint and '.'}{hint}")
    said = reply if reply.startswith(word) else f"{word} {reply}"
    return BackendUnavailableError(f"{address} refused the command; nothing was applied. It said: {said}")


def unanswered(error: Exception, address: Address, request: Request[Any]) -> BackendError:
    """Return the error for a command that was sent, or sent in part, and got no reply."""
    if _NO_PLACES in str(error):
        return refused(error, address, request)
    if isinstance(error, InvalidResponse):
        problem = f"{address} sent a reply that is not valid ({error})"
    elif isinstance(error, RedisTimeoutError):
        problem = f"{address} sent no reply {address.limit}"
    else:
        problem = f"{address} closed the connection before it replied ({error})"
    if request.writes:
        return WriteOutcomeUnknownError(f"{problem}. {_UNKNOWN}.")
    return BackendUnavailableError(
        f"{problem}. Check that it runs and is not overloaded; reading again is safe.{address.hint}"
    )


def _mismatch(found: str, address: Address) -> BoardMismatchError:
    number, _, order = found.partition(" ")
    if number != str(FORMAT) and number.isdecimal():
        older = int(number) < FORMAT
        way = (
            "open it with the release that made it, read its entries best first, and write them with update_scores to "
            "a board of another name"
            if older
            else "use the newer release that made it"
        )
        return BoardMismatchError(
            f"{address} holds this board in format {number} ({order}), and this release reads and writes only format "
            f"{FORMAT}: {way}."
        )
    return BoardMismatchError(
        f"{address} holds this board with another format and order, {found!r}: open it with that order, or choose "
        f"another board name or prefix."
    )


def _undescribed(found: str, address: Address) -> BoardMismatchError:
    return BoardMismatchError(
        f"{address} holds keys of this board without its description (the key {found} is missing or damaged): the key "
        "was deleted or evicted, or something else wrote these keys; nothing was applied. Restore the "
        f"server's data, or remove what is left: by clear() or delete() of an object that is open, else with UNLINK of "
        f"all keys {found.removesuffix('meta')}* on the server. Or choose another board name."
    )


def _damaged(found: str, address: Address) -> BackendError:
    key = found.removesuffix(_IN_PART)
    problem = (
        f"{address} holds a damaged board: the data of the key {key} was deleted or evicted (maxmemory-policy), so "
        f"some of its players are lost"
    )
    remedy = "Restore the server's data, or clear() the board and load it again."
    if found != key:
        return WriteOutcomeUnknownError(f"{problem}. The updates before the first of them were applied. {remedy}")
    return BoardMismatchError(f"{problem}; nothing was applied. {remedy}")


def _foreign_feed(found: str, address: Address) -> BoardMismatchError:
    return BoardMismatchError(
        f"{address} cannot record this change of the board: the key {found} does not hold its change feed, or holds "
        "changes that the board never had; nothing was applied. Open the board again, which deletes only that key, or "
        "clear() or delete() the board; readers of its change feed may have to read the whole board again."
    )


def _fenced(found: str, address: Address) -> BackendError:
    del address
    return board_moved(found)


class LateTicketError(BackendUnavailableError):
    """A shard does not take a ticket any more; nothing was applied. The next one must be above the number `above`."""

    def __init__(self, text: str, above: int = 0) -> None:
        super().__init__(text)
        self.above = above


def _late(found: str, address: Address) -> BackendError:
    return LateTicketError(
        f"{address} has applied later updates than this one, or the ticket of this one is older than a second; nothing "
        "was applied. Try again.",
        int(found),
    )


def _moving(found: str, address: Address) -> BackendError:
    return BackendUnavailableError(
        f"{address} is just moving the slot of the key {found} to another node, key by key, and takes no writes there "
        "until that has ended; nothing was applied. Wait for it, or move slots with CLUSTER MIGRATESLOTS (Valkey 9), "
        "which stops nobody."
    )


def _gone(found: str, address: Address) -> BoardMismatchError:
    return BoardMismatchError(
        f"{address} does not hold the board that this object has opened any more: its manifest {found} was deleted, or "
        "the board was made anew; nothing was applied. Open it again."
    )


def _other_manifest(option: str, found: str, address: Address) -> BoardMismatchError:
    return BoardMismatchError(
        f"{address} holds this board with {option}={found}: leave the option out, or give that value. The number of "
        "shards of a board is fixed; a board with another one is another board."
    )


OF_SCRIPTS: Final[dict[str, Callable[[str, Address], BackendError]]] = {
    "MISMATCH": _mismatch,
    "LOST": _undescribed,
    "DAMAGED": _damaged,
    "FEED": _foreign_feed,
    "FENCED": _fenced,
    "MOVING": _moving,
    "LATE": _late,
    "GONE": _gone,
    "SHARDS": partial(_other_manifest, "shards"),
    "TIES": partial(_other_manifest, "ties"),
}
"""The first words of the error replies of a board's own scripts; nothing was applied, unless DAMAGED says "in part"."""


def reply_word(error: Exception) -> str:
    """Return the first word of an error reply, which redis-py cuts off from the replies that it knows."""
    known = getattr(error, "status_code", None)
    return str(known) if known else _WORDS.get(type(error).__name__) or str(error).partition(" ")[0]


_WORDS: Final = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "NoPermissionError": "NOPERM",
    "AuthenticationError": "WRONGPASS",
    "MovedError": "MOVED",
    "ClusterDownError": "CLUSTERDOWN",
}
