"""Paths given on the command line."""

from __future__ import annotations

import pytest

from exporter.web.web_settings import route_prefix, telemetry_path


@pytest.mark.parametrize(("text", "path"), [("/metrics", "/metrics"), ("metrics", "/metrics"), ("/a/b/", "/a/b")])
def test_telemetry_path_is_normalised(text: str, path: str) -> None:
    assert telemetry_path(text) == path


@pytest.mark.parametrize("text", ["/me trics", "/a?b", "/a//b", "/ü", "/a/%2e"])
def test_telemetry_path_with_escaped_characters_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        telemetry_path(text)


@pytest.mark.parametrize("text", ["/-", "/-/metrics"])
def test_telemetry_path_below_the_reserved_prefix_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is reserved"):
        telemetry_path(text)


@pytest.mark.parametrize(("text", "prefix"), [("", ""), ("/", ""), ("openrouter", "/openrouter"), ("/a/b/", "/a/b")])
def test_route_prefix_is_normalised(text: str, prefix: str) -> None:
    assert route_prefix(text) == prefix


def test_route_prefix_with_escaped_characters_is_rejected() -> None:
    with pytest.raises(ValueError, match="is not a prefix"):
        route_prefix("/a b")
