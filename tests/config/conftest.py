from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.configuration import Configuration
from exporter.config.load import parse
from exporter.errors import ConfigurationError
from tests.config.fleet import Fleet

ENVIRONMENT: Mapping[str, str] = {
    "OPENROUTER_API_KEY": "sk-or-v1-test",
    "EMPTY": "",
    "TWO_LINES": "sk-or-v1-test\nsk-or-v1-test",
}
ACCOUNTS = "accounts: [{name: default, api_key_env: OPENROUTER_API_KEY}]\n"


@pytest.fixture
def environment() -> Mapping[str, str]:
    """Return an environment with a key."""
    return ENVIRONMENT


@pytest.fixture
def read() -> Callable[[str], Configuration]:
    """Read a text that is a configuration but for its accounts."""
    return lambda text: parse(ACCOUNTS + text, "test.yaml", ENVIRONMENT, collectors=SECTION)


@pytest.fixture
def mistakes() -> Callable[[str], list[str]]:
    """Return what is wrong with a text, as `line:column: message`."""

    def read(text: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            parse(text, "test.yaml", ENVIRONMENT, collectors=SECTION)
        return [f"{mistake.line}:{mistake.column}: {mistake.message}" for mistake in caught.value.mistakes]

    return read


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)
