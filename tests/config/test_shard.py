from __future__ import annotations

from collections import Counter

import pytest

from exporter.config.shard import Shard, shard_of

NAMES = [f"team-{number}" for number in range(10_000)]


@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_each_account_belongs_to_exactly_one_shard(total: int) -> None:
    shards = [Shard(index=index, total=total) for index in range(total)]
    assert {1} == {sum(shard.owns(name) for shard in shards) for name in NAMES[:500]}


@pytest.mark.parametrize("total", [2, 3, 10, 40])
def test_shards_are_of_similar_size(total: int) -> None:
    """Within four standard deviations of a random assignment."""
    counts = Counter(shard_of(name, total) for name in NAMES)
    expected = len(NAMES) / total
    assert total == len(counts)
    assert all(abs(count - expected) < 4 * expected**0.5 for count in counts.values())


def test_new_shard_takes_its_share_and_other_accounts_stay() -> None:
    moved = [name for name in NAMES if shard_of(name, 3) != shard_of(name, 2)]
    assert {2} == {shard_of(name, 3) for name in moved}
    assert 0.30 < len(moved) / len(NAMES) < 0.37


def test_assignment_is_the_same_in_every_version() -> None:
    """Shards of different versions must agree during an update."""
    assert [1, 0, 0, 2] == [shard_of(name, 4) for name in ("default", "research", "team-1", "été")]
