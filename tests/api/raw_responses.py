"""The first bytes of hand-written responses, and how an attempt fails."""

from __future__ import annotations

import pytest

from exporter.errors import AttemptError
from tests.api.harness import ObservedClient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def failure_of(client: ObservedClient) -> tuple[str, str]:
    """Return the class name and the message of the error that a request raises."""
    with pytest.raises(AttemptError) as caught:
        await client.request()
    assert {caught.value.status_class: 1.0} == client.failures()
    return type(caught.value).__name__, str(caught.value)
