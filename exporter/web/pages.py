"""The landing page: a status as HTML."""

from __future__ import annotations

from exporter.status import Status
from exporter.web.settings import WebSettings


def landing_page(status: Status, settings: WebSettings) -> str:
    """Return the landing page."""
    return f"<!doctype html><title>OpenRouter exporter {status.version}</title>{settings.telemetry_path}"
