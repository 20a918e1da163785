"""Password checks with bcrypt: one at a time in a thread, fair to all clients, remembered under a keyed hash.

A user name that does not exist costs as much as one that does, so that timing reveals nothing about names.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_REMEMBERED = 128
MOST_WAITING = 128
LONGEST_PASSWORD = 72  # bcrypt ignores further bytes

# A client's address, and the user name if there is such a user.
Client = tuple[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A password to compare with a hash. `outcome` is None if the check was dropped because too many wait."""

    digest: bytes
    password: bytes
    hashed: bytes
    exists: bool
    outcome: asyncio.Future[bool | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class FairQueue:
    """Checks that wait, by client. Clients take turns, and if too many wait, one of the client with most is dropped.

    So guesses from one address, or for users that do not exist, never keep out the right password of another client.
    """

    def __init__(self, limit: int = MOST_WAITING) -> None:
        self._limit = limit
        self._size = 0
        self._checks: OrderedDict[Client, deque[Check]] = OrderedDict()

    def add(self, client: Client, check: Check) -> Check | None:
        """Append a check; return the one that had to be dropped, which may be the same."""
        self._checks.setdefault(client, deque()).append(check)
        self._size += 1
        if self._size <= self._limit:
            return None
        longest = max(self._checks, key=lambda other: (len(self._checks[other]), other == client))
        return self._remove(longest, last=True)

    def next(self) -> Check | None:
        """Remove and return the next check; None if none waits."""
        if not self._checks:
            return None
        client = next(iter(self._checks))
        self._checks.move_to_end(client)
        return self._remove(client, last=False)

    def _remove(self, client: Client, *, last: bool) -> Check:
        checks = self._checks[client]
        check = checks.pop() if last else checks.popleft()
        if not checks:
            del self._checks[client]
        self._size -= 1
        return check


class Passwords:
    """Compares passwords with bcrypt hashes; remembers outcomes, never passwords."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        # Two stores, so that wrong guesses only push out other wrong guesses.
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._pending: dict[bytes, Check] = {}
        self._queue = FairQueue()
        self._worker: asyncio.Task[None] | None = None

    async def match(self, users: Mapping[bytes, bytes], name: bytes, password: bytes, source: str = "") -> bool | None:
        """Return whether the password is that of the user; None if too many checks wait."""
        hashed = users.get(name)
        digest = self._digest(name, hashed or b"", password)
        if (known := self._remembered(digest)) is not None:
            return known
        check = self._pending.get(digest)
        if check is None:
            check = Check(digest, password, hashed or self._stand_in(users, name), hashed is not None)
            self._pending[digest] = check
            self._enqueue((source, b"" if hashed is None else name), check)
        return await asyncio.shield(check.outcome)

    def _enqueue(self, client: Client, check: Check) -> None:
        dropped = self._queue.add(client, check)
        if dropped is not None:
            self._finish(dropped, None)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while (check := self._queue.next()) is not None:
            matches = await asyncio.to_thread(_matches, check.password, check.hashed)
            right = matches and check.exists
            remembered = self._right if right else self._wrong
            remembered[check.digest] = None
            if len(remembered) > MOST_REMEMBERED:
                remembered.popitem(last=False)
            self._finish(check, right)

    def _finish(self, check: Check, outcome: bool | None) -> None:  # noqa: FBT001  # the outcome itself
        del self._pending[check.digest]
        check.outcome.set_result(outcome)

    def _remembered(self, digest: bytes) -> bool | None:
        for outcomes, outcome in ((self._right, True), (self._wrong, False)):
            if digest in outcomes:
                outcomes.move_to_end(digest)
                return outcome
        return None

    def _stand_in(self, users: Mapping[bytes, bytes], name: bytes) -> bytes:
        # The same hash for the same name, so that a check always costs what that user's would.
        choice = int.from_bytes(self._digest(name, b"", b"")[:8])
        return list(users.values())[choice % len(users)]

    def _digest(self, *parts: bytes) -> bytes:
        hashed = hashlib.blake2b(key=self._key, digest_size=32)
        for part in parts:
            hashed.update(len(part).to_bytes(8))
            hashed.update(part)
        return hashed.digest()


def _matches(password: bytes, hashed: bytes) -> bool:
    import bcrypt  # noqa: PLC0415  # an optional extra, installed if the configuration has users

    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)
    except ValueError:
        return False
