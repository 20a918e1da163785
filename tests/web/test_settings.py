"""Paths from the command line."""

from __future__ import annotations

import pytest

from exporter.web.web_settings import route_prefix, telemetry_path


@pytest.mark.parametrize(("text", "path"), [("/metrics", "/metrics"), ("metrics", "/metrics"), ("/a/b/", "/a/b")])
def test_telemetry_path_is_absolute(text: str, path: str) -> None:
    """Slashes at the ends are forgiven."""
    assert telemetry_path(text) == path


@pytest.mark.parametrize("text", ["/me trics", "/a?b", "/a//b", "/ü", "/a/%2e"])
def test_telemetry_path_is_plain(text: str) -> None:
    """What clients or proxies would escape is refused."""
    with pytest.raises(ValueError, match="is not a path"):
        telemetry_path(text)


@pytest.mark.parametrize("text", ["/-", "/-/metrics"])
def test_telemetry_path_keeps_off_the_exporters_own(text: str) -> None:
    """Nothing below /-/ can be taken."""
    with pytest.raises(ValueError, match="is taken"):
        telemetry_path(text)


@pytest.mark.parametrize(("text", "prefix"), [("", ""), ("/", ""), ("openrouter", "/openrouter"), ("/a/b/", "/a/b")])
def test_route_prefix_starts_and_does_not_end_with_a_slash(text: str, prefix: str) -> None:
    """No prefix is no text."""
    assert route_prefix(text) == prefix


def test_route_prefix_is_plain() -> None:
    """The same characters as a path."""
    with pytest.raises(ValueError, match="is not a prefix"):
        route_prefix("/a b")
