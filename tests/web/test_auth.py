"""Basic auth and the rate limit apply to every path, reveal nothing and delay no other client."""

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

from exporter.web.auth import TokenBucket, credentials
from exporter.web.listen import ListenAddress
from exporter.web.passwords import MOST_REMEMBERED, MOST_WAITING, Passwords
from exporter.web.reloading import LiveConfiguration
from exporter.web.server import WebServer
from exporter.web.web_config_format import RateLimitConfig
from exporter.web.web_settings import WebSettings
from tests.support import FakeClock
from tests.web.fakes import FakeDaemon


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


ALICE = basic("alice", "wonderland")
HASH = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"

Guard = Callable[[str], Awaitable[aiohttp.ClientSession]]


def write(file: Path, text: str) -> None:
    """Replace a file atomically."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)  # noqa: PTH105  # Path.replace would do the same


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that tests move."""
    return FakeClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the web configuration."""
    return tmp_path / "web.yml"


@pytest.fixture
async def guard(daemon: FakeDaemon, clock: FakeClock, file: Path) -> AsyncIterator[Guard]:
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
async def test_every_path_needs_a_password(guard: Guard, path: str) -> None:
    """This includes probes and unknown paths, as in Prometheus' own exporters."""
    client = await guard(USERS)
    async with client.get(path) as response:
        assert (response.status, await response.text()) == (401, "Unauthorized.\n")
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_right_password_is_accepted_and_checked_once(guard: Guard) -> None:
    client = await guard(USERS)
    assert [await status_of(client, ALICE) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "Wonderland"), ("bob", "wonderland"), ("", ""), ("alice", "")]
)
async def test_wrong_name_or_password_gets_the_same_401(guard: Guard, name: str, password: str) -> None:
    """The response does not reveal which of them was wrong."""
    client = await guard(USERS)
    auth = basic(name, password)
    assert [await status_of(client, auth) for _ in range(2)] == [401, 401]


async def test_changed_users_apply_at_once(guard: Guard, file: Path) -> None:
    """A removed password is refused by the next request, even if it was cached."""
    client = await guard(USERS)
    assert await status_of(client, ALICE) == 200
    write(file, f"basic_auth_users: {{bob: {HASH}}}\n")
    assert await status_of(client, ALICE) == 401
    assert await status_of(client, basic("bob", "wonderland")) == 200


async def test_invalid_change_of_the_web_configuration_is_ignored_and_logged_once(guard: Guard, file: Path) -> None:
    client = await guard(USERS)
    write(file, "basic_auth_users: {alice: wonderland}\n")
    with capture_logs() as logs:
        assert [await status_of(client, ALICE) for _ in range(3)] == [200, 200, 200]
        assert await status_of(client) == 401
    errors = [line for line in logs if line["log_level"] == "error"]
    assert len(errors) == 1
    assert "expected a bcrypt hash" in errors[0]["mistakes"][0]


async def test_removing_the_web_configuration_keeps_passwords_required(guard: Guard, file: Path) -> None:
    client = await guard(USERS)
    os.remove(file)  # noqa: PTH107
    assert await status_of(client) == 401
    assert await status_of(client, ALICE) == 200


async def test_refusals_are_logged_once_a_minute_per_source(guard: Guard, clock: FakeClock) -> None:
    """Guesses must not fill the log."""
    client = await guard(USERS)
    with capture_logs() as logs:
        for seconds in (0, 30, 31):
            clock.advance(seconds)
            await status_of(client, basic("alice", f"guess {seconds}"))
    assert [(line["source"], line["reason"]) for line in logs] == [("127.0.0.1", "wrong name or password")] * 2
    assert "guess" not in str(logs)


async def test_configured_headers_replace_the_defaults_on_every_response(guard: Guard, file: Path) -> None:
    """A blank one removes the header."""
    client = await guard("http_server_config: {headers: {X-Frame-Options: sameorigin, Content-Security-Policy: ''}}\n")
    async with client.get("/") as response:
        assert response.headers["X-Frame-Options"] == "sameorigin"
        assert "Content-Security-Policy" not in response.headers
    write(file, f"{USERS}http_server_config: {{headers: {{Strict-Transport-Security: max-age=60}}}}\n")
    async with client.get("/metrics") as response:
        assert (response.status, response.headers["Strict-Transport-Security"]) == (401, "max-age=60")


async def test_rate_limit_allows_a_burst_and_then_one_request_per_interval(guard: Guard, clock: FakeClock) -> None:
    client = await guard("rate_limit: {interval: 10s, burst: 2}\n")
    assert [await status_of(client) for _ in range(3)] == [200, 200, 429]
    clock.advance(10)
    assert [await status_of(client) for _ in range(2)] == [200, 429]


def test_bucket_holds_at_most_its_burst() -> None:
    """A long pause does not allow more."""
    clock = FakeClock()
    bucket = TokenBucket(RateLimitConfig(interval=1.0, burst=2), clock)
    clock.advance(3600)
    assert [bucket.allows() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic YWxpY2U6YTpi", (b"alice", b"a:b")),
        ("basic  YWxpY2U6", (b"alice", b"")),
        ("Basic YWxpY2U=", None),
        ("Basic !", None),
        ("Basic YWxpY2U6YTpi!", None),
        ("Basic YWxp Y2U6", None),
        ("Basic YWxpY2U6YTp", None),
        ("Basic =", None),
        ("Basic \x00", None),
        ("Basic", None),
        ("Basic ", None),
        ("Basic  ", None),
        ("Basic \u00fc", None),
        ("Bearer YWxpY2U6YTpi", None),
        ("", None),
    ],
)
def test_basic_auth_header_is_parsed(header: str, expected: tuple[bytes, bytes] | None) -> None:
    """The first colon ends the name. Anything but valid basic auth has no credentials."""
    assert credentials(header) == expected


async def test_password_is_compared_up_to_72_bytes() -> None:
    """bcrypt ignores the rest, in Go too."""
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))
    assert await Passwords().match({b"a": hashed}, b"a", b"x" * 100)


async def test_password_may_be_any_bytes() -> None:
    assert await Passwords().match({b"a": HASH.encode()}, b"\xff", b"\x00\xff") is False


async def test_concurrent_checks_of_one_password_cost_one_comparison() -> None:
    passwords = Passwords()
    checks = [passwords.match({b"alice": HASH.encode()}, b"alice", b"wonderland") for _ in range(100)]
    assert await asyncio.gather(*checks) == [True] * 100


async def test_number_of_waiting_checks_per_client_is_limited() -> None:
    """Further guesses are refused."""
    passwords = Passwords()
    guesses = [passwords.match({b"alice": HASH.encode()}, b"alice", b"%d" % number) for number in range(200)]
    outcomes = await asyncio.gather(*guesses)
    assert (outcomes.count(False), outcomes.count(None)) == (MOST_WAITING, 72)


async def test_wrong_guesses_do_not_evict_a_cached_password() -> None:
    passwords, users = Passwords(), {b"alice": HASH.encode()}
    await passwords.match(users, b"alice", b"wonderland")
    for number in range(MOST_REMEMBERED + 10):
        await passwords.match(users, b"alice", b"%d" % number)
    full = [passwords.match(users, b"alice", b"full %d" % number) for number in range(MOST_WAITING)]
    *_, remembered = await asyncio.gather(*full, passwords.match(users, b"alice", b"wonderland"))
    assert remembered is True


JUNK = [
    "Basic",
    "Basic !",
    "Basic \u00fc",
    "Basic YWxpY2U",
    "Basic " + "A" * 7000,
    "Bearer x",
    "Basic AAAA, Basic BBBB",
]


@pytest.mark.parametrize("auth", JUNK)
async def test_junk_in_the_authorization_header_gets_401(guard: Guard, auth: str) -> None:
    """It never causes a 500."""
    client = await guard(USERS)
    assert await status_of(client, auth) == 401


async def outcome_beside(*guesses: tuple[bytes, bytes, str], name: bytes = b"alice", source: str = "scraper") -> bool:
    """Start these guesses, then check the right password; return whether it overtakes most guesses."""
    passwords, users = Passwords(), {b"alice": HASH.encode(), b"bob": HASH.encode()}
    guessing = [asyncio.create_task(passwords.match(users, *guess)) for guess in guesses]
    await asyncio.sleep(0)
    accepted = await passwords.match(users, name, b"wonderland", source)
    waiting = sum(not guess.done() for guess in guessing)
    await asyncio.gather(*guessing)
    return accepted is True and waiting > MOST_WAITING // 2


async def test_guesses_from_another_address_do_not_lock_out_the_right_password() -> None:
    """The waiting checks of different addresses alternate."""
    assert await outcome_beside(*[(b"alice", b"%d" % number, "guesser") for number in range(2 * MOST_WAITING)])


async def test_guesses_from_many_addresses_do_not_lock_out_the_right_password() -> None:
    """The right password waits for at most one guess of each address, and is never the one that is dropped."""
    sources = [f"guesser {number % 16}" for number in range(2 * MOST_WAITING)]
    guesses = [(b"alice", b"%d" % number, source) for number, source in enumerate(sources)]
    assert await outcome_beside(*guesses)


async def test_unknown_names_do_not_lock_out_a_known_one() -> None:
    """This holds even for the same address, such as that of a proxy."""
    guesses = [(b"user %d" % number, b"wonderland", "proxy") for number in range(2 * MOST_WAITING)]
    assert await outcome_beside(*guesses, source="proxy")


async def test_sixteen_guessers_with_the_same_name_and_address_only_delay_the_right_password() -> None:
    """Nothing distinguishes them from the scraper, so it waits behind them and is not refused."""
    passwords, users = Passwords(), {b"alice": HASH.encode()}
    guessing = [asyncio.create_task(passwords.match(users, b"alice", b"%d" % number, "proxy")) for number in range(16)]
    await asyncio.sleep(0)
    assert await passwords.match(users, b"alice", b"wonderland", "proxy") is True
    await asyncio.gather(*guessing)
