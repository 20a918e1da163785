"""Format and encoding of the response, by the headers that real clients send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.negotiation import ESCAPINGS, accepts_gzip, choose_format
from tests.exposition.helpers import UNHURRIED

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_55 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_UNDERSCORES = PROMETHEUS_3.replace("allow-utf-8", "underscores")
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_3_TEXT_ONLY = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS_2_42, OPENMETRICS),
        (PROMETHEUS_2_55, OPENMETRICS),
        (PROMETHEUS_3, f"{OPENMETRICS}; escaping=allow-utf-8"),
        (PROMETHEUS_3_UNDERSCORES, f"{OPENMETRICS}; escaping=underscores"),
        (PROMETHEUS_3_PROTOBUF, f"{OPENMETRICS}; escaping=allow-utf-8"),
        (PROMETHEUS_3_TEXT_ONLY, f"{TEXT_1}; escaping=allow-utf-8"),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT),  # vmagent
        ("application/vnd.google.protobuf;proto=x;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3", TEXT),
        (FIREFOX, TEXT),
        (CHROME, TEXT),
        ("*/*", TEXT),  # curl
        ("", TEXT),
    ],
)
def test_format_by_client(accept: str, expected: str) -> None:
    """Clients are Prometheus 1, 2 and 3, agents, browsers, curl, and clients without the header."""
    assert choose_format(accept).content_type == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/plain;q=0.4, application/openmetrics-text;q=0.5", OPENMETRICS),
        ("application/openmetrics-text;q=0.4, text/plain;q=0.5", TEXT),
        ("text/plain, application/openmetrics-text", TEXT),  # the first of equals
        ("application/openmetrics-text, text/plain", OPENMETRICS),
        ("application/openmetrics-text;q=0, text/plain", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.001", OPENMETRICS),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0; Q=1", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
        (" application/openmetrics-text ; version = 1.0.0 ", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("text/plain;version=1.0.0", f"{TEXT_1}; escaping=underscores"),
        ("text/plain;version=1.0.0;escaping=values", f"{TEXT_1}; escaping=values"),
        ("text/plain;version=1.0.0;escaping=dots", f"{TEXT_1}; escaping=underscores"),
        ("application/openmetrics-text;version=1.0.0;escaping=dots", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;escaping=x", OPENMETRICS),
        ("text/plain;version=9", TEXT),
        ("text/*", TEXT),
        ("application/json", TEXT),
    ],
)
def test_preferred_supported_format_is_selected(accept: str, expected: str) -> None:
    """Without an accepted one, the format is text 0.0.4."""
    assert choose_format(accept).content_type == expected


def test_escaping_dots_is_not_offered() -> None:
    """That scheme doubles underscores, which our names do not do."""
    assert "dots" not in ESCAPINGS


@pytest.mark.parametrize("quality", ["", "x", "-1", "2", "nan", "inf", "1e999", "0x1", "½"])
def test_format_with_an_invalid_quality_is_not_used(quality: str) -> None:
    assert choose_format(f"application/openmetrics-text;q={quality}").content_type == TEXT
    assert not accepts_gzip(f"gzip;q={quality}")


@UNHURRIED
@given(st.text() | st.text(alphabet='aq=;,*/"gzip1. '))
def test_any_header_gets_a_known_content_type(text: str) -> None:
    """Prometheus knows it, and the client cannot inject a header."""
    chosen = choose_format(text).content_type
    escapings = [f"; escaping={name}" for name in ESCAPINGS]
    assert chosen in [TEXT, *(base + escaping for base in (TEXT_1, OPENMETRICS) for escaping in ["", *escapings])]
    assert accepts_gzip(text) in (True, False)


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),  # Prometheus
        ("gzip, deflate, br, zstd", True),  # browsers
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        (" gzip ; q=0.1 ", True),
        ("*", True),
        ("br, *;q=0.1", True),
        ("identity;q=0, gzip;q=0.5", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("*;q=0", False),
        ("gzipped", False),
        ("not-gzip", False),
        (";,;", False),
    ],
)
def test_gzip_is_used_if_accepted_by_name_or_wildcard(accept_encoding: str, expected: bool) -> None:  # noqa: FBT001 — a row of the table
    """A quality of 0 excludes it."""
    assert accepts_gzip(accept_encoding) is expected
