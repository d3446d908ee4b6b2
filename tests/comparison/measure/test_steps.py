from __future__ import annotations

from collections import Counter
from random import Random

from leaderboard_backends.comparison.measure.steps import share_out


def test_an_owners_steps_are_one_clients_and_in_their_order() -> None:
    chance = Random(1)
    owners: list[object] = [min(chance.randrange(1, 60) for _ in range(3)) for _ in range(2000)]
    for clients in (1, 2, 4, 8):
        parts = share_out(owners, range(100, 2100), clients)
        assert sorted(position for part in parts for position in part) == list(range(100, 2100))
        assert all(part == sorted(part) for part in parts)
        of = [{owners[position - 100] for position in part} for part in parts]
        assert sum(map(len, of)) == len(set().union(*of))


def test_clients_have_about_as_many_steps_each_however_popular_one_owner_is() -> None:
    owners: list[object] = [owner for owner in range(40) for _ in range(400 // (owner + 1))]
    most = Counter(owners).most_common(1)[0][1]
    for clients in (2, 4):
        sizes = [len(part) for part in share_out(owners, range(len(owners)), clients)]
        assert max(sizes) <= max(most, 1.05 * len(owners) / clients)
