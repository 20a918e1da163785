"""The account's key: read once, read again when it is refused, and never shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from exporter.config.secret import FileSecret
from exporter.errors import AttemptError, SecretError, StatusError
from exporter.log import without_secrets
from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind
from tests.api.harness import KEY, Key, ObservedClient, bare, client_of, response_bytes, retrying

REFUSED = response_bytes(b'{"error":{"message":"User not found.","code":401}}', "401 Unauthorized")
BUSY = response_bytes(b"", "503 Busy")
GOOD = response_bytes()


async def test_the_key_is_read_once(simulator: Running) -> None:
    """As long as the API takes it."""
    async with client_of(simulator.url) as client:
        await client.request()
        await client.request()
    assert 1 == client.key.readings


async def test_no_request_without_a_key() -> None:
    """The error says where the key should be."""
    async with bare(GOOD) as server, client_of(server.url, key=Key(None)) as client:
        with pytest.raises(SecretError) as caught:
            await client.request()
    assert ([], "environment variable KEY is unset or empty") == (server.requests, str(caught.value))


async def test_key_that_appears_later_is_read() -> None:
    """The next poll looks again."""
    async with bare(GOOD) as server, client_of(server.url, key=Key(None)) as client:
        with pytest.raises(SecretError):
            await client.request()
        client.key.text = KEY
        await client.request()
    assert 1 == len(server.requests)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_rotated_key_is_used_at_once(status: str) -> None:
    """The poll succeeds; the refused attempt is counted, and the one after it as a retry."""
    async with bare(response_bytes(b"", status), GOOD) as server, client_of(server.url) as client:
        rotated = asyncio.create_task(client.request())
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = "sk-or-v1-rotated"
        await rotated
    assert [f"Bearer {KEY}", "Bearer sk-or-v1-rotated"] == [server.header("Authorization", number) for number in (0, 1)]
    assert ({"4xx": 1.0}, 1.0) == (client.failures(), client.count("retries"))
    assert ["key_reread"] == [event["event"] for event in client.events]


async def test_a_rotated_file(simulator: Running, tmp_path: Path) -> None:
    """The same with a real file and the simulated API."""
    path = tmp_path / "key"
    path.write_text("sk-or-v1-wrong\n")
    async with client_of(simulator.url, key=FileSecret(path)) as client:  # type: ignore[arg-type]
        with pytest.raises(StatusError):
            await client.request()
        path.write_text(f"{KEY}\n")
        await client.request()
        path.unlink()
        simulator.faults.replace(Fault(FaultKind.STATUS, status=401))
        with pytest.raises(StatusError):
            await client.request()
    assert 4 == simulator.counts["/api/v1/activity"]


async def test_an_unchanged_key_is_not_tried_again() -> None:
    """It would only be refused again."""
    async with bare(REFUSED) as server, client_of(server.url) as client:
        with pytest.raises(StatusError) as caught:
            await client.request()
    assert (1, 2, "HTTP 401: User not found.") == (len(server.requests), client.key.readings, str(caught.value))


async def test_a_key_that_is_gone_leaves_the_refusal() -> None:
    """That the API refused it is what went wrong."""
    async with bare(REFUSED) as server, client_of(server.url) as client:
        request = asyncio.create_task(client.request())
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = None
        with pytest.raises(StatusError):
            await request
    assert 1 == len(server.requests)


@pytest.mark.parametrize("status", ["400 X", "402 X", "404 X", "500 X"])
async def test_only_401_and_403_reread_the_key(status: str) -> None:
    """Only 401 and 403 are about it."""
    async with bare(response_bytes(b"", status)) as server, client_of(server.url) as client:
        with pytest.raises(StatusError):
            await client.request()
    assert 1 == client.key.readings


async def test_the_attempt_with_the_new_key_is_repeated_like_any_other() -> None:
    """A server that is busy just then does not end the poll."""
    async with bare(REFUSED, BUSY, GOOD) as server, client_of(server.url, retries=retrying()) as client:
        rotated = asyncio.create_task(client.request())
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = "sk-or-v1-rotated"
        await rotated
    assert ["Bearer sk-or-v1-rotated"] * 2 == [server.header("Authorization", number) for number in (1, 2)]
    assert ({"4xx": 1.0, "5xx": 1.0}, 2.0) == (client.failures(), client.count("retries"))


async def test_no_attempt_with_the_new_key_after_the_deadline() -> None:
    """There is no time for it; the refusal stays."""

    class Slow(Key):
        def read(self) -> object:  # type: ignore[override]
            result = super().read()
            if self.readings == 2:
                client.clock.advance(100.0)  # type: ignore[attr-defined]
            return result

    async with bare(REFUSED) as server, client_of(server.url, key=Slow()) as client:
        rotated = asyncio.create_task(client.request(within=50.0))
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = "sk-or-v1-rotated"
        with pytest.raises(StatusError):
            await rotated
    assert 1 == len(server.requests)


async def test_two_requests_at_once_both_learn_of_the_new_key(simulator: Running) -> None:
    """The second to be refused finds the key read already, and uses it."""
    async with client_of(simulator.url, key=Key("sk-or-v1-wrong")) as client:
        simulator.faults.replace(Fault(FaultKind.STATUS, status=401, times=2, delay=0.01))
        both = [asyncio.create_task(client.request()) for _ in range(2)]
        while len(simulator.requests) < 2:
            await asyncio.sleep(0)
        client.key.text = KEY
        await asyncio.gather(*both)
    assert {"4xx": 2.0} == client.failures()


async def everything_shown(client: ObservedClient, error: AttemptError) -> str:
    """Return all the text that a failure leaves behind."""
    return json.dumps([client.events, str(error), repr(error), repr(error.args)])


@pytest.mark.parametrize(
    "response",
    [
        response_bytes(json.dumps({"error": {"message": f"No such key: {KEY}"}}).encode(), "401 X"),
        response_bytes(b"?", "502 X", {"Content-Type": f"text/{KEY}"}),
        response_bytes(b"", headers={"Content-Encoding": KEY}),
        f"HTTP/1.1 200 OK\r\nX-{KEY} is no header\r\n\r\n".encode(),
        f"{KEY}\r\n\r\n".encode(),
    ],
)
async def test_key_echoed_by_the_api_is_hidden(response: bytes) -> None:
    """Neither in the log nor in the error, which pages show."""
    async with bare(response) as server, client_of(server.url, retries=retrying()) as client:
        with pytest.raises(AttemptError) as caught:
            await client.request(within=0.4)
    assert KEY not in await everything_shown(client, caught.value)


async def test_a_key_of_an_unusual_form_is_hidden_too() -> None:
    """What was read as a key is known from then on."""
    key = "a-key-of-another-form"
    response = response_bytes(json.dumps({"error": {"message": f"No such key: {key}"}}).encode(), "500 X")
    async with bare(response) as server, client_of(server.url, key=Key(key)) as client:
        with pytest.raises(AttemptError) as caught:
            await client.request()
    assert "HTTP 500: No such key: <secret>" == str(caught.value)
    assert "it was <secret>" == without_secrets(f"it was {key}")
