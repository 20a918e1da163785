"""The account's API key is read once, read again after a 401 or 403, and never shown."""

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


async def test_accepted_key_is_read_once(simulator: Running) -> None:
    async with client_of(simulator.url) as client:
        await client.request()
        await client.request()
    assert 1 == client.key.readings


async def test_missing_key_sends_no_request_and_names_its_source() -> None:
    async with bare(GOOD) as server, client_of(server.url, key=Key(None)) as client:
        with pytest.raises(SecretError) as caught:
            await client.request()
    assert ([], "environment variable KEY is unset or empty") == (server.requests, str(caught.value))


async def test_key_that_is_created_later_is_used_by_the_next_request() -> None:
    async with bare(GOOD) as server, client_of(server.url, key=Key(None)) as client:
        with pytest.raises(SecretError):
            await client.request()
        client.key.text = KEY
        await client.request()
    assert 1 == len(server.requests)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_rotated_key_is_used_in_the_same_poll(status: str) -> None:
    """The refused attempt is counted as a failure, and the next one as a retry."""
    async with bare(response_bytes(b"", status), GOOD) as server, client_of(server.url) as client:
        rotated = asyncio.create_task(client.request())
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = "sk-or-v1-rotated"
        await rotated
    assert [f"Bearer {KEY}", "Bearer sk-or-v1-rotated"] == [server.header("Authorization", number) for number in (0, 1)]
    assert ({"4xx": 1.0}, 1.0) == (client.failures(), client.count("retries"))
    assert ["key_reread"] == [event["event"] for event in client.events]


async def test_rotated_key_file_is_read_again(simulator: Running, tmp_path: Path) -> None:
    """A key file is read like any other key, here against the simulated API."""
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


async def test_refused_key_is_not_retried_while_it_is_unchanged() -> None:
    """The API would only refuse it again."""
    async with bare(REFUSED) as server, client_of(server.url) as client:
        with pytest.raises(StatusError) as caught:
            await client.request()
    assert (1, 2, "HTTP 401: User not found.") == (len(server.requests), client.key.readings, str(caught.value))


async def test_missing_key_after_a_refusal_raises_the_refusal() -> None:
    """The refusal by the API is the cause of the failure."""
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
    """Other statuses are not about the key."""
    async with bare(response_bytes(b"", status)) as server, client_of(server.url) as client:
        with pytest.raises(StatusError):
            await client.request()
    assert 1 == client.key.readings


async def test_attempt_with_the_new_key_is_retried_like_any_other() -> None:
    """A 503 at that moment does not fail the poll."""
    async with bare(REFUSED, BUSY, GOOD) as server, client_of(server.url, retries=retrying()) as client:
        rotated = asyncio.create_task(client.request())
        while not client.key.readings:
            await asyncio.sleep(0)
        client.key.text = "sk-or-v1-rotated"
        await rotated
    assert ["Bearer sk-or-v1-rotated"] * 2 == [server.header("Authorization", number) for number in (1, 2)]
    assert ({"4xx": 1.0, "5xx": 1.0}, 2.0) == (client.failures(), client.count("retries"))


async def test_new_key_is_not_tried_after_the_deadline() -> None:
    """The poll fails with the refusal."""

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


async def test_concurrent_requests_both_use_the_new_key(simulator: Running) -> None:
    """The second one to be refused uses the key that the first one has read."""
    async with client_of(simulator.url, key=Key("sk-or-v1-wrong")) as client:
        simulator.faults.replace(Fault(FaultKind.STATUS, status=401, times=2, delay=0.01))
        both = [asyncio.create_task(client.request()) for _ in range(2)]
        while len(simulator.requests) < 2:
            await asyncio.sleep(0)
        client.key.text = KEY
        await asyncio.gather(*both)
    assert {"4xx": 2.0} == client.failures()


async def everything_shown(client: ObservedClient, error: AttemptError) -> str:
    """Return all the text that a failure leaves in the log and in its error."""
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
async def test_key_echoed_by_the_api_is_hidden_in_the_log_and_the_error(response: bytes) -> None:
    """Web pages show the error."""
    async with bare(response) as server, client_of(server.url, retries=retrying()) as client:
        with pytest.raises(AttemptError) as caught:
            await client.request(within=0.4)
    assert KEY not in await everything_shown(client, caught.value)


async def test_key_of_any_form_is_hidden_once_it_has_been_read() -> None:
    key = "a-key-of-another-form"
    response = response_bytes(json.dumps({"error": {"message": f"No such key: {key}"}}).encode(), "500 X")
    async with bare(response) as server, client_of(server.url, key=Key(key)) as client:
        with pytest.raises(AttemptError) as caught:
            await client.request()
    assert "HTTP 500: No such key: <secret>" == str(caught.value)
    assert "it was <secret>" == without_secrets(f"it was {key}")
