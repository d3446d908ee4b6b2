"""Where a server spends its time on batches of updates: by command, and what is left for Lua and its calls.

    python benchmarks/redis_profile.py          # LEADERBOARD_SERVER names another server than the wheel's

The figures are the server's own (INFO commandstats), for `update_scores` without and with a change feed, and for
redis-py's pipelined ZADD. On a busy machine, read the shares. Instructions, which load does not change, are counted by
valgrind: give a script that runs `valgrind --tool=callgrind /path/to/server "$@"` as LEADERBOARD_SERVER.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from paired import batches
from players import load, trace

from leaderboard_backends import open_leaderboard
from leaderboard_backends.testing.servers import EmbeddedServer

PLAYERS = 100_000
UPDATES = 30_000
BATCH = 1000
SHOWN = 0.01
"""Microseconds per update from which a command is listed."""


def main() -> None:
    """Load two boards and a plain sorted set, and print the profile of each."""
    players, updates = load(PLAYERS), trace(load(PLAYERS), UPDATES)
    with EmbeddedServer() as server:
        client = redis.Redis(unix_socket_path=str(server.socket_path), password=server.password or None)
        plain = open_leaderboard(server.unix_url, board="plain")
        feeding = open_leaderboard(server.unix_url, board="feeding", feed=10_000)

        def zadd(items: Any) -> None:
            for batch in batches(items, BATCH):
                pipeline = client.pipeline(transaction=False)
                for player_id, _, score in batch:
                    pipeline.zadd("zadd", {player_id: score})
                pipeline.execute()

        print(f"{server.version}, {PLAYERS:,} players, {UPDATES:,} updates in batches of {BATCH:,}, µs per update")
        with client, plain, feeding:
            works: dict[str, Callable[[Any], Any]] = {
                "update_scores": plain.update_scores,
                "update_scores with a feed": feeding.update_scores,
                "pipelined ZADD": zadd,
            }
            for name, work in works.items():
                work(players)
                client.config_resetstat()
                work(updates)
                show(name, client)


def show(name: str, client: redis.Redis) -> None:
    """Print what each command took, and what of the scripts' time none of theirs did."""
    stats: Any = client.info("commandstats")
    took = {command.removeprefix("cmdstat_"): line["usec"] / UPDATES for command, line in stats.items()}
    calls = {command.removeprefix("cmdstat_"): line["calls"] / UPDATES for command, line in stats.items()}
    took = {command: time for command, time in took.items() if time >= SHOWN and "|" not in command}
    whole = took.pop("evalsha", sum(took.values()))
    took["Lua and its calls"] = whole - sum(took.values())
    print(f"\n{name}: {whole:.2f}")
    for command, time in sorted(took.items(), key=lambda item: -item[1]):
        if time >= SHOWN:
            print(f"  {command:<20} {time:6.2f}  {time / whole:4.0%}  {calls.get(command, 0):6.3f} calls")


if __name__ == "__main__":
    main()
