"""Error responses: the API's own message, in whatever form it arrives."""

from __future__ import annotations

import gzip
import json

import pytest

from exporter.api.messages import LONGEST_MESSAGE, printable
from exporter.errors import StatusError
from exporter.simulator.application import Running
from exporter.simulator.faults import Fault, FaultKind
from tests.api.harness import bare, client_of, response_bytes
from tests.support import NOON


async def refusal(response: bytes, *, hang: bool = False, seconds: float = 5.0) -> StatusError:
    """Return the error that the client raises for a response."""
    async with bare(response, hang=hang) as server, client_of(server.url, timeout=seconds) as client:
        with pytest.raises(StatusError) as caught:
            await client.request()
    assert {caught.value.status_class: 1.0} == client.failures()
    return caught.value


def error(message: object) -> bytes:
    """Return an error body of the API."""
    return json.dumps({"error": {"message": message, "code": 500}, "user_id": None}).encode()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid request parameters"),
        (401, "Missing Authentication header"),
        (403, "Only management keys can perform this operation"),
        (408, "Operation timed out. Please try again later."),
        (429, "Rate limit exceeded"),
        (500, "Internal Server Error"),
        (524, "Request timed out. Please try again later."),
    ],
)
async def test_error_contains_the_status_and_the_message_of_the_api(
    simulator: Running, status: int, message: str
) -> None:
    simulator.faults.replace(Fault(FaultKind.STATUS, status=status))
    async with client_of(simulator.url) as client:
        with pytest.raises(StatusError) as caught:
            await client.request()
    assert (f"HTTP {status}: {message}", {f"{status // 100}xx": 1.0}) == (str(caught.value), client.failures())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error("Come back later"), "Come back later"),
        (error("  two\n\n  lines\tand \x1b[31mred\x1b[0m\x00 "), "two lines and [31mred [0m"),
        (error("x" * 5000), "x" * (LONGEST_MESSAGE - 1) + "…"),
        (error(""), "no message, application/json body"),
        (error(7), "no message, application/json body"),
        (error(None), "no message, application/json body"),
        (b'{"error":"a text"}', "a text"),
        (b'"a text"', "a text"),
        (b'{"message":"a text"}', "a text"),
        (b'{"error":null,"message":"a text"}', "a text"),
        (b'\xef\xbb\xbf{"error":{"message":"a text"}}', "a text"),
        (b'{"issues":[{"path":["metrics",0],"message":"Required"},{"message":"Odd"}]}', "metrics.0: Required; Odd"),
        (b'{"error":{"name":"ZodError","issues":[{"path":"limit","message":"Too big"}]}}', "limit: Too big"),
        (b'{"detail":[{"message":"a"},{"message":"b"},{"message":"c"},{"message":"d"}]}', "a; b; c"),
        (b'{"error":null}', "no message, application/json body"),
        (b"[]", "no message, application/json body"),
        (b'{"error":{"message":"\xff"}}', "\N{REPLACEMENT CHARACTER}"),
        (b'{"error":' + b"[" * 5000, "no message, application/json body"),
        (b"<!DOCTYPE html><html>", "no message, application/json body"),
        (b"", "no body"),
    ],
)
async def test_any_error_body_becomes_one_short_printable_line(body: bytes, expected: str) -> None:
    assert f"HTTP 500: {expected}" == str(await refusal(response_bytes(body, "500 X")))


async def test_email_address_in_a_message_is_hidden() -> None:
    refused = await refusal(response_bytes(error("member ada@example.com of a@b is unknown"), status="404 Not Found"))
    assert "HTTP 404: member <e-mail> of a@b is unknown" == str(refused)


async def test_html_error_page_is_reported_by_its_content_type(simulator: Running) -> None:
    """It shows that the response is not from the API itself."""
    simulator.faults.replace(Fault(FaultKind.HTML, status=502))
    async with client_of(simulator.url) as client:
        with pytest.raises(StatusError) as caught:
            await client.request()
    assert "HTTP 502: no message, text/html body" == str(caught.value)


async def test_unprintable_and_long_content_type_is_cleaned_and_shortened() -> None:
    message = str(await refusal(response_bytes(b"?", "502 X", {"Content-Type": "te\x85xt/\xff" + "a" * 5000})))
    assert (True, True) == (message.isprintable(), len(message) < LONGEST_MESSAGE + 100)


async def test_compressed_error_body_is_read() -> None:
    """The request allows gzip."""
    sent = response_bytes(gzip.compress(error("Squeezed")), "500 X", {"Content-Encoding": "gzip"})
    assert "HTTP 500: Squeezed" == str(await refusal(sent))


@pytest.mark.parametrize("body", [gzip.compress(error("Cut"), mtime=0)[:20], b"not gzip at all"])
async def test_invalid_gzip_in_an_error_body_does_not_hide_the_status(body: bytes) -> None:
    sent = response_bytes(body, "500 X", {"Content-Encoding": "gzip"})
    assert "HTTP 500: no message, application/json body" == str(await refusal(sent))


async def test_truncated_error_body_does_not_hide_the_status_and_message() -> None:
    sent = response_bytes(error("Cut"), "500 X", {"Content-Length": "1000"})
    assert "HTTP 500: Cut" == str(await refusal(sent))


async def test_error_body_that_does_not_end_does_not_hide_the_status() -> None:
    """The status arrived before the timeout."""
    sent = response_bytes(b"{", "500 X", {"Content-Length": "1000"})
    assert "HTTP 500: no message, application/json body" == str(await refusal(sent, hang=True, seconds=0.3))


async def test_only_the_first_kibibytes_of_an_error_body_are_read() -> None:
    sent = response_bytes(b" " * (4 << 20), "500 X", {"Content-Length": str(1 << 40)})
    assert "HTTP 500: no message, application/json body" == str(await refusal(sent, hang=True))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("302 Found", "HTTP 302: a redirect, not followed because the key must not travel"),
        ("503 Busy", "HTTP 503: Busy"),
    ],
)
async def test_location_header_makes_only_3xx_a_redirect(status: str, expected: str) -> None:
    """Other responses may have a Location header too."""
    assert expected == str(await refusal(response_bytes(error("Busy"), status, {"Location": "/elsewhere"})))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "7", "Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "garbage"}, None),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"}, None),
        ({"Retry-After": "Sun, 23 Aug 2026 12:01:30 GMT"}, 90.0),
        ({"Retry-After": "Sat, 01 Jan 2000 00:01:30 GMT", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"}, 90.0),
        ({}, None),
    ],
)
async def test_retry_after_seconds_milliseconds_and_dates_are_read(
    headers: dict[str, str], expected: float | None
) -> None:
    """A date is compared with the server's clock if the response has a Date, otherwise with ours."""
    result = await refusal(response_bytes(b"", "503 X", headers))
    assert (NOON.year, expected) == (2026, result.retry_after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sk-or-v1-demo is wrong", "<secret> is wrong"),
        ("x" * 290 + " sk-or-v1-demo", "x" * 290 + " <secret>"),
        ("Authorization: Bearer abc123", "Authorization: Bearer <secret>"),
        ("a\u202eb\u2028c\ud800d", "a b c d"),
        ("", ""),
    ],
)
def test_printable_text_has_no_keys_and_no_control_characters(text: str, expected: str) -> None:
    """Some characters move a terminal's cursor or reverse a line."""
    assert expected == printable(text)


PAGE = b"<!DOCTYPE html><html>Access denied</html>"


@pytest.mark.parametrize(
    ("status", "body", "headers", "source"),
    [
        ("401 X", error("User not found."), {}, None),
        ("403 X", error("Your IP address is not in the allowlist for this account"), {}, None),
        ("403 X", PAGE, {}, "web_page"),
        ("401 X", b"  \n<html>management key</html>", {"Content-Type": "text/html"}, "web_page"),
        ("302 X", b"", {"Location": "/login"}, "redirect"),
        ("502 X", b"bad gateway", {}, None),
    ],
)
async def test_error_source_is_a_web_page_or_a_redirect_if_the_api_did_not_respond(
    status: str, body: bytes, headers: dict[str, str], source: str | None
) -> None:
    """The API itself responds in JSON and does not redirect."""
    assert source == (await refusal(response_bytes(body, status, headers))).source
