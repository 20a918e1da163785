"""Reload when the configuration's files change: for mounted ConfigMaps and Secrets, which send no signal."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

from exporter.clock import Clock
from exporter.config.file_access import read_file
from exporter.config.yaml_nodes import LARGEST_FILE
from exporter.errors import ExporterError


async def reload_on_change(
    files: Callable[[], Iterable[Path]], reload: Callable[[], Awaitable[None]], interval: float, clock: Clock
) -> None:
    """Compare the content of `files()` every `interval` seconds and reload when it differs; for ever.

    It compares content, not time stamps: a ConfigMap's files are symbolic links that are swapped. An invalid change is
    tried once, not at every check.
    """

    def read() -> bytes:
        return content_hash(files())  # listing a directory of thousands of files takes long enough for a thread

    last = await asyncio.to_thread(read)
    while True:
        await clock.sleep(interval)
        current = await asyncio.to_thread(read)
        if current != last:
            with suppress(ExporterError):  # the reload has logged it, and the old configuration stays
                await reload()
            # Hash again, because the new configuration may name other files.
            current = await asyncio.to_thread(read)
        last = current


def content_hash(files: Iterable[Path]) -> bytes:
    """Return a digest of names and contents; an unreadable file counts as an empty one."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(set(files)):
        try:
            content = read_file(path, LARGEST_FILE)
        except OSError:
            content = b""
        for part in (str(path).encode(errors="surrogateescape"), content):
            digest.update(len(part).to_bytes(8) + part)
    return digest.digest()
