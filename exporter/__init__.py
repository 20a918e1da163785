"""Prometheus exporter for what an OpenRouter account uses."""

__version__ = "0.1.0"
