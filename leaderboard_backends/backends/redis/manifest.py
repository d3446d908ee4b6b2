"""What is asked of the manifest of a board over shards, and the hash tags that spread the keys of boards over slots."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any, Final, NamedTuple

from ...changes import fence_pass
from ...errors import BoardMismatchError
from ...model import Keep, Order
from .parsing import nothing
from .requests import KeyedRequests, Request
from .scripts import board_kind, load_scripts

SLOTS: Final = 16384
READY: Final = "ready"


class Manifest(NamedTuple):
    """What a board's manifest says."""

    shards: int
    ties: str
    generation: str
    state: str


class Ticket(NamedTuple):
    """The answer of the sequencer: a ticket (0 where there is none), and the state of the board."""

    number: int
    state: str


def slot_of(tag: str) -> int:
    """Return the slot of a hash tag: the server's CRC16, which is the standard library's."""
    return crc_hqx(tag.encode(), 0) % SLOTS


@cache
def tags_of_slots() -> Mapping[int, str]:
    """Return for each slot the smallest number that falls into it; some 0.1 s, once a process."""
    tags: dict[int, str] = {}
    for number in count():
        tags.setdefault(slot_of(str(number)), str(number))
        if len(tags) == SLOTS:
            return tags
    raise AssertionError


class ManifestRequests(KeyedRequests):
    """Makes the requests to the manifest of a board."""

    def __init__(self, name: str, order: Order, keep: Keep, prefix: str) -> None:
        super().__init__(f"{prefix}:{{{name}}}:shards", load_scripts(order, keep, shard=True))
        self.slot: Final = slot_of(name)
        self.far_slot: Final = (self.slot + SLOTS // 2) % SLOTS
        """The slot of the copy of the generation."""
        self.copy_key: Final = f"{prefix}:{{{tags_of_slots()[self.far_slot]}}}:{name}:made"
        self._kind: Final = board_kind(order, shard=True)

    def described(self) -> Request[tuple[str, Manifest] | None]:
        """Answers the board's kind and its manifest; `None` where there is no board."""

        def parse(reply: Any) -> tuple[str, Manifest] | None:
            return (reply[0].decode(), _manifest(reply[1:])) if any(reply) else None

        return self._command(parse, b"HMGET", self._key, b"board", b"shards", b"ties", b"generation", b"state")

    def open(self, shards: int | None, ties: str | None, default_shards: int, generation: str) -> Request[Manifest]:
        """Describe the board unless it is described; answers the description."""
        wanted = ("" if shards is None else str(shards), ties or "")
        return self._call("manifest", _manifest, self._kind, *wanted, str(default_shards), "strict", generation)

    def copied(self) -> Request[str | None]:
        """Answers the copy of the generation."""
        return self._command(lambda reply: reply and reply.decode(), b"HGET", self.copy_key, b"generation")

    def copy(self, generation: str | None) -> Request[None]:
        """Keep a copy of the generation, or delete it (`None`)."""
        if generation is None:
            return self._command(nothing, b"DEL", self.copy_key)
        return self._command(nothing, b"HSET", self.copy_key, b"generation", generation)

    def ticket(self, generation: str, updates: int, above: int) -> Request[Ticket]:
        """Take a ticket for some updates, above a number."""

        def parse(reply: Any) -> Ticket:
            return Ticket(int(reply[1]) if len(reply) > 1 else 0, reply[0].decode())

        return self._call("sequencer", parse, generation, str(updates), str(above))

    def state(self, generation: str) -> Request[str]:
        """Answers the state of the board."""
        return self._call("state", lambda reply: reply.decode(), generation)

    def mark(self, generation: str, moved_to: str | None) -> Request[None]:
        """Note where the board went, which keeps it from being cleared, or remove the note (`None`)."""
        expected = fence_pass()
        others = () if expected is None else (expected.moved_to or "",)
        return self._call("mark", nothing, generation, moved_to or "", *others)

    def marked(self) -> Request[str | None]:
        """Answers where the board went."""
        return self._command(lambda reply: None if reply is None else reply.decode(), b"HGET", self._key, b"moved")

    def transition(self, generation: str, state: str, following: str) -> Request[str]:
        """Change the state of the board if it is the one given ('' for any); '' as the following one deletes it."""
        expected = fence_pass()
        moved_to = (expected and expected.moved_to) or ""
        return self._call("transition", lambda reply: reply.decode(), generation, state, following, moved_to)


def _manifest(reply: Any) -> Manifest:
    number, ties, generation, state = (text.decode() for text in reply)
    return Manifest(int(number), ties, generation, state)


def check_manifest(manifest: Manifest) -> None:
    """Raise `BoardMismatchError` for a manifest that no board writes."""
    number = manifest.shards
    if number < 1 or number & (number - 1) or not manifest.generation:
        raise BoardMismatchError(f"the manifest of the board is damaged: {manifest}.")
