"""API keys: which forms are accepted, and which are rejected before the API would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.collectors.registry import SECTION
from exporter.config.load import default, parse
from exporter.config.secret import EnvironmentSecret, FileSecret, Secret
from exporter.errors import ConfigurationError, SecretError

KEY = "sk-or-v1-0123456789abcdef"
ACCOUNT = "accounts: [{name: a, api_key_env: KEY}]\n"

UNUSABLE = [
    (f'"{KEY}"', "has quotes, which `docker --env-file` does not remove"),
    (f"'{KEY}'", "has quotes"),
    (f'"{KEY}', "has quotes"),
    ("${OPENROUTER_API_KEY}", "has a reference to a variable ($) that nothing replaced"),
    ("$OPENROUTER_API_KEY", "has a reference to a variable"),
    ("$(cat /run/secrets/key)", "has a reference to a variable"),
    (f"OPENROUTER_API_KEY={KEY}", "has a name and = before the key; write the key alone"),
    (f"export OPENROUTER_API_KEY={KEY}", "has a name and = before the key"),
    (f"Bearer {KEY}", "has the word Bearer before the key"),
    (
        "sk-or-v1-…",
        "contains a placeholder or a shortened key; use a complete key from https://openrouter.ai/settings/",
    ),
    ("sk-or-v1-...", "contains a placeholder"),
    ("sk-or-v1-01a...cde", "contains a placeholder or a shortened key"),
    ("sk-or-v1-xxxxxxxx", "contains a placeholder"),
    ("sk-or-v1-<your-key>", "contains a placeholder"),
    (f"{KEY}\n{KEY}", "has several lines; expected one key"),
    (f"{KEY} {KEY}", "has white space, control characters or letters other than ASCII in the key"),
    (f"{KEY}\x07", "has white space, control characters"),
    ("sk-or-v1-ключ", "has white space, control characters or letters other than ASCII"),
]


def of_environment(text: str, _folder: Path) -> EnvironmentSecret:
    return EnvironmentSecret("KEY", {"KEY": text})


def of_file(text: str, folder: Path) -> FileSecret:
    (folder / "key").write_text(text, encoding="utf-8")
    return FileSecret(folder / "key")


sources = pytest.mark.parametrize("source", [of_environment, of_file])
Source = Callable[[str, Path], EnvironmentSecret | FileSecret]


@sources
@pytest.mark.parametrize("text", [KEY, f"{KEY} ", f"{KEY}\n", f"{KEY}\r\n", f"{KEY}\n\n", f"\t {KEY}"])
def test_white_space_around_a_key_is_ignored(source: Source, text: str, tmp_path: Path) -> None:
    assert Secret(KEY) == source(text, tmp_path).read()


def test_byte_order_mark_in_a_key_file_is_ignored(tmp_path: Path) -> None:
    assert Secret(KEY) == of_file(f"\ufeff{KEY}\r\n", tmp_path).read()


@sources
@pytest.mark.parametrize(("text", "reason"), UNUSABLE)
def test_text_that_cannot_be_a_key_is_rejected(source: Source, text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        source(text, tmp_path).read()
    assert reason in str(caught.value)
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize("text", ["sk-ant-api03-0123456789", "sk-proj-0123456789", "foo"])
def test_key_of_another_provider_is_rejected(text: str) -> None:
    expected = "KEY does not have an OpenRouter key, which begins with sk-or-"
    with pytest.raises(ConfigurationError, match=expected) as caught:
        parse(ACCOUNT, "test.yaml", {"KEY": text}, collectors=SECTION)
    assert text not in str(caught.value)


def test_key_of_another_provider_is_rejected_without_a_file() -> None:
    with pytest.raises(ConfigurationError) as caught:
        default({"OPENROUTER_API_KEY": "foo"}, collectors=SECTION)
    expected = (
        "no configuration: environment variable OPENROUTER_API_KEY does not have an OpenRouter key, "
        "which begins with sk-or-; get one at https://openrouter.ai/settings/management-keys"
    )
    assert expected == str(caught.value)


def test_keys_of_any_form_are_accepted_for_a_gateway() -> None:
    text = ACCOUNT + "upstream: {base_url: 'https://gateway.example/api/v1'}\n"
    account = parse(text, "test.yaml", {"KEY": "gateway-key"}, collectors=SECTION).accounts[0]
    assert Secret("gateway-key") == account.key.read()


def test_variable_name_is_written_without_dollar_sign(mistakes: Callable[[str], list[str]]) -> None:
    expected = (
        "1:35: accounts[0].api_key_env: expected the name of an environment variable, such as OPENROUTER_API_KEY, "
        "or null; value hidden: it may be a secret (write the name alone, without $)"
    )
    assert [expected] == mistakes("accounts: [{name: a, api_key_env: $OPENROUTER_API_KEY}]")
