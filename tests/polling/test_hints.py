"""Hints name only causes that the response shows."""

from __future__ import annotations

import pytest

from exporter.errors import (
    AttemptError,
    ConnectionFailed,
    DeadlineExceeded,
    ErrorSource,
    InvalidResponse,
    NoBalance,
    StatusError,
)
from exporter.polling.hints import hint


def failure(error: AttemptError, source: ErrorSource | None = None) -> AttemptError:
    """Return the error with this source."""
    error.source = source
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (StatusError(401, "HTTP 401: User not found."), "does not know this key"),
        (StatusError(403, "HTTP 403: Only management keys can fetch activity"), "a management key is needed"),
        (StatusError(403, "HTTP 403: Only provisioning keys can fetch activity"), "a management key is needed"),
        (NoBalance("zeros"), "a management key is needed"),
        (StatusError(402, "HTTP 402: Insufficient credits"), "no credit left"),
        (StatusError(404, "HTTP 404: not found"), "upstream.base_url"),
        (failure(ConnectionFailed("verify failed"), "certificate"), "upstream.tls.ca_file"),
        (failure(ConnectionFailed("refused"), "connection_refused"), "upstream.base_url"),
        (failure(ConnectionFailed("the proxy p:1 answered"), "proxy"), "upstream.proxy_url"),
        (failure(StatusError(302, "HTTP 302: a redirect"), "redirect"), "does not redirect"),
        (failure(StatusError(401, "HTTP 401: no message"), "web_page"), "a proxy or firewall"),
        (failure(InvalidResponse("not JSON"), "web_page"), "a proxy or firewall"),
    ],
    ids=str,
)
def test_hint_names_the_setting_or_the_cause(error: Exception, word: str) -> None:
    assert word in (hint(error) or "")


@pytest.mark.parametrize(
    "error",
    [
        StatusError(403, "HTTP 403: Your IP address is not in the allowlist for this account"),
        StatusError(429, "HTTP 429: Rate limit exceeded"),
        StatusError(500, "HTTP 500: Internal Server Error"),
        ConnectionFailed("Connection reset by peer"),
        InvalidResponse("cut off"),
        DeadlineExceeded("over"),
        ValueError("bug"),
    ],
    ids=str,
)
def test_error_with_a_complete_message_has_no_hint(error: Exception) -> None:
    assert None is hint(error)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_request_without_a_key_is_not_blamed_on_the_key(status: int) -> None:
    """A gateway may require a key, so the public catalogue cannot be read through it."""
    assert "catalogue.enabled" in (hint(StatusError(status, "HTTP: no key"), with_key=False) or "")
    assert "upstream.base_url" in (hint(StatusError(404, "HTTP 404"), with_key=False) or "")
