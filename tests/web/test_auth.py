"""Basic auth and the rate limit: on every path, without telling anything, without holding anybody up."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import bcrypt
import pytest
from structlog.testing import capture_logs

from exporter.web.auth import MOST_KEPT, MOST_WAITING, Passwords, credentials
from exporter.web.listen import ListenAddress
from exporter.web.reloading import LiveConfiguration
from exporter.web.server import WebServer
from exporter.web.token_bucket import BucketLimit, TokenBucket
from exporter.web.web_settings import WebSettings
from tests.web.fakes import FakeDaemon, FixedClock


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


ALICE = basic("alice", "wonderland")
HASH = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"

Guard = Callable[[str], Awaitable[aiohttp.ClientSession]]


def write(file: Path, text: str) -> None:
    """Replace a file in one step, as every careful program does."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)  # noqa: PTH105  # Path.replace would do the same


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands until it is set."""
    return FixedClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the web configuration is."""
    return tmp_path / "web.yml"


@pytest.fixture
async def guard(daemon: FakeDaemon, clock: FixedClock, file: Path) -> AsyncIterator[Guard]:
    """Serve the daemon with this web configuration; return a client."""
    async with AsyncExitStack() as stack:

        async def guard(text: str) -> aiohttp.ClientSession:
            write(file, text)
            live = LiveConfiguration(file)
            server = WebServer(daemon, WebSettings(), clock, [ListenAddress("127.0.0.1", 0)], live=live)
            await stack.enter_async_context(server)
            return await stack.enter_async_context(aiohttp.ClientSession(server.addresses[0]))

        yield guard


async def status_of(client: aiohttp.ClientSession, auth: str | None = None) -> int:
    headers = {} if auth is None else {"Authorization": auth}
    async with client.get("/metrics", headers=headers) as response:
        return response.status


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/-/config", "/-/status", "/nowhere"])
async def test_every_path_is_closed(guard: Guard, path: str) -> None:
    """As in Prometheus' own exporters: without a password there is nothing, not even a probe or a 404."""
    client = await guard(USERS)
    async with client.get(path) as response:
        assert (response.status, await response.text()) == (401, "Unauthorized.\n")
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_the_right_password_opens(guard: Guard) -> None:
    """Once, and again from memory."""
    client = await guard(USERS)
    assert [await status_of(client, ALICE) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "Wonderland"), ("bob", "wonderland"), ("", ""), ("alice", "")]
)
async def test_anything_else_does_not(guard: Guard, name: str, password: str) -> None:
    """A wrong password, a wrong name, neither: the same answer each time."""
    client = await guard(USERS)
    auth = basic(name, password)
    assert [await status_of(client, auth) for _ in range(2)] == [401, 401]


async def test_users_may_change_while_it_runs(guard: Guard, file: Path) -> None:
    """A password that is taken away is refused at the very next request, though it was remembered."""
    client = await guard(USERS)
    assert await status_of(client, ALICE) == 200
    write(file, f"basic_auth_users: {{bob: {HASH}}}\n")
    assert await status_of(client, ALICE) == 401
    assert await status_of(client, basic("bob", "wonderland")) == 200


async def test_a_broken_change_changes_nothing(guard: Guard, file: Path) -> None:
    """It is logged once, not with each request, and the door stays as it was."""
    client = await guard(USERS)
    write(file, "basic_auth_users: {alice: wonderland}\n")
    with capture_logs() as logs:
        assert [await status_of(client, ALICE) for _ in range(3)] == [200, 200, 200]
        assert await status_of(client) == 401
    errors = [line for line in logs if line["log_level"] == "error"]
    assert len(errors) == 1
    assert "expected a bcrypt hash" in errors[0]["mistakes"][0]


async def test_a_file_that_vanished_changes_nothing(guard: Guard, file: Path) -> None:
    """Deleting the file doesn't open the door."""
    client = await guard(USERS)
    os.remove(file)  # noqa: PTH107
    assert await status_of(client) == 401
    assert await status_of(client, ALICE) == 200


async def test_refusals_are_logged_once_a_minute_per_source(guard: Guard, clock: FixedClock) -> None:
    """Whoever tries passwords does not fill the log."""
    client = await guard(USERS)
    with capture_logs() as logs:
        for seconds in (0, 30, 31):
            clock.advance(seconds)
            await status_of(client, basic("alice", f"guess {seconds}"))
    assert [(line["source"], line["reason"]) for line in logs] == [("127.0.0.1", "wrong name or password")] * 2
    assert "guess" not in str(logs)


async def test_headers_of_the_configuration_win(guard: Guard, file: Path) -> None:
    """They are on every answer, refusals included, and a blank one is left out."""
    client = await guard("http_server_config: {headers: {X-Frame-Options: sameorigin, Content-Security-Policy: ''}}\n")
    async with client.get("/") as response:
        assert response.headers["X-Frame-Options"] == "sameorigin"
        assert "Content-Security-Policy" not in response.headers
    write(file, f"{USERS}http_server_config: {{headers: {{Strict-Transport-Security: max-age=60}}}}\n")
    async with client.get("/metrics") as response:
        assert (response.status, response.headers["Strict-Transport-Security"]) == (401, "max-age=60")


async def test_rate_is_limited(guard: Guard, clock: FixedClock) -> None:
    """So many at once, then one per interval."""
    client = await guard("rate_limit: {interval: 10s, burst: 2}\n")
    assert [await status_of(client) for _ in range(3)] == [200, 200, 429]
    clock.advance(10)
    assert [await status_of(client) for _ in range(2)] == [200, 429]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    """A long pause saves nothing up."""
    clock = FixedClock()
    bucket = TokenBucket(BucketLimit(1.0, 2), clock)
    clock.advance(3600)
    assert [bucket.allows() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic YWxpY2U6YTpi", (b"alice", b"a:b")),
        ("basic  YWxpY2U6", (b"alice", b"")),
        ("Basic YWxpY2U=", None),
        ("Basic !", None),
        ("Basic \u00fc", None),
        ("Bearer YWxpY2U6YTpi", None),
        ("", None),
    ],
)
def test_credentials_are_read_as_sent(header: str, found: tuple[bytes, bytes] | None) -> None:
    """The first colon ends the name; what is no basic auth is no credentials."""
    assert credentials(header) == found


async def test_passwords_end_where_bcrypt_does() -> None:
    """72 bytes count, as in Go; longer ones are no error."""
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    assert await Passwords().match({b"a": hashed}, b"a", b"x" * 100)


async def test_bytes_of_any_kind_are_no_error() -> None:
    """A password may hold what is no text."""
    assert await Passwords().match({b"a": HASH.encode()}, b"\xff", b"\x00\xff") is False


async def test_the_same_question_is_computed_once() -> None:
    """A hundred clients with one password cost one comparison, and none of them is sent away."""
    passwords = Passwords()
    asked = [passwords.match({b"alice": HASH.encode()}, b"alice", b"wonderland") for _ in range(100)]
    assert await asyncio.gather(*asked) == [True] * 100


async def test_too_many_guesses_at_once_are_sent_away() -> None:
    """There is a bound to what waits for a comparison."""
    passwords = Passwords()
    guesses = [passwords.match({b"alice": HASH.encode()}, b"alice", b"%d" % number) for number in range(100)]
    outcomes = await asyncio.gather(*guesses)
    assert (outcomes.count(False), outcomes.count(None)) == (MOST_WAITING, 100 - MOST_WAITING)


async def test_guesses_do_not_push_out_the_right_password() -> None:
    """What is remembered of wrong ones has a place of its own."""
    passwords, users = Passwords(), {b"alice": HASH.encode()}
    await passwords.match(users, b"alice", b"wonderland")
    for number in range(MOST_KEPT + 10):
        await passwords.match(users, b"alice", b"%d" % number)
    full = [passwords.match(users, b"alice", b"full %d" % number) for number in range(MOST_WAITING)]
    *_, remembered = await asyncio.gather(*full, passwords.match(users, b"alice", b"wonderland"))
    assert remembered is True
