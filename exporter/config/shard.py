"""Which accounts of a fleet belong to one of several exporters that share a configuration."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_MULTIPLIER = 2862933555777941757  # of the linear congruential generator that jump consistent hash is defined with
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `total` exporters; `index` counts from 0."""

    index: int = 0
    total: int = 1

    def owns(self, account: str) -> bool:
        """Return whether this shard polls the account. Exactly one of all shards does."""
        return self.total == 1 or shard_of(account, self.total) == self.index


WHOLE = Shard()


def shard_of(account: str, total: int) -> int:
    """Return the index of an account's shard, by jump consistent hash (Lamping and Veach, 2014).

    When `total` grows by one, one account of `total` moves, and always to the new shard.
    """
    key = int.from_bytes(hashlib.blake2b(account.encode(errors="surrogatepass"), digest_size=8).digest())
    shard, following = 0, 0
    while following < total:
        shard = following
        key = (key * _MULTIPLIER + 1) & _MASK
        following = int((shard + 1) * (2**31 / ((key >> 33) + 1)))
    return shard
