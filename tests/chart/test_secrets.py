"""Keys are only in Secrets and in files."""

from __future__ import annotations

import base64
import json

import pytest

from tests.chart.rendering import VARIANTS, container, manifests_of, of_kind, render, the


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_key_outside_of_secrets(variant: str) -> None:
    """ConfigMaps, arguments and variables can be read by many."""
    others = [one for one in manifests_of(variant) if one["kind"] != "Secret"]
    assert "sk-or-" not in json.dumps(others)
    assert "$2b$" not in json.dumps(others)


@pytest.mark.parametrize("variant", VARIANTS)
def test_keys_are_never_variables(variant: str) -> None:
    """Child processes inherit variables, crash reports show them, and they never change."""
    text = json.dumps([container(manifests_of(variant)), *of_kind("ConfigMap", manifests_of(variant))])
    assert "api_key_env" not in text
    assert "OPENROUTER_API_KEY" not in text


def test_inline_keys_become_a_secret() -> None:
    """It has one entry per account with an inline key."""
    data = the("Secret", manifests_of("accounts"))["data"].values()
    assert ["sk-or-v1-east", "sk-or-v1-west"] == sorted(base64.b64decode(text).decode() for text in data)


@pytest.mark.parametrize("variant", ["existing-secret", "demo", "tls"])
def test_secret_exists_only_if_needed(variant: str) -> None:
    matching = [one for one in of_kind("Secret", manifests_of(variant)) if not one["metadata"]["name"].endswith("-web")]
    assert [] == matching


def test_demo_mounts_no_key() -> None:
    """The values may still have accounts."""
    manifests = render({"demo": {"enabled": True}, "accounts": [{"apiKey": "sk-or-v1-left"}]})
    assert [] == of_kind("Secret", manifests) + of_kind("ConfigMap", manifests)
