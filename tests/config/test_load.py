from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.collectors.activity.activity_settings import ActivityFilters, ActivitySettings
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.credits import CreditsSettings
from exporter.collectors.keys import KeysSettings
from exporter.collectors.registry import SECTION, configured, only
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.load import default, load, parse, warnings_of
from exporter.config.secret import EnvironmentSecret, FileSecret
from exporter.errors import ConfigurationError

Read = Callable[[str], Configuration]


def activity_of(configuration: Configuration, account: int = 0) -> ActivitySettings:
    return configuration.accounts[account].collectors.of(ActivitySettings)


def test_accounts_are_the_only_required_key(read: Read, environment: Mapping[str, str]) -> None:
    account = Account(name="default", key=EnvironmentSecret("OPENROUTER_API_KEY", environment), collectors=SECTION())
    assert Configuration(accounts=(account,)) == read("")


def test_default_is_one_account_with_the_key_in_the_environment(environment: Mapping[str, str]) -> None:
    account = Account(name="default", key=EnvironmentSecret("OPENROUTER_API_KEY", environment), collectors=SECTION())
    assert Configuration(accounts=(account,)) == default(environment, collectors=SECTION)


@pytest.mark.parametrize("environment", [{}, {"OPENROUTER_API_KEY": ""}, {"OPENROUTER_API_KEY": "  "}])
def test_error_without_file_and_key_names_both_remedies(environment: dict[str, str]) -> None:
    """New users see it first."""
    with pytest.raises(ConfigurationError) as caught:
        default(environment, collectors=SECTION)
    expected = (
        "no configuration: environment variable OPENROUTER_API_KEY is unset or empty; "
        "set OPENROUTER_API_KEY to a management key, or name a file with --config.file"
    )
    assert expected == str(caught.value)


def test_empty_section_has_its_defaults(read: Read) -> None:
    """All of its keys may be commented out."""
    assert Upstream() == read("upstream:\ncollectors:\n  activity:\n").upstream


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval: 1s", ActivitySettings(interval=1)),
        ("stale_after: never", ActivitySettings(stale_after=math.inf)),
        ("stale_after: 15m", ActivitySettings(stale_after=900)),
        ("settle_delay: 0", ActivitySettings(settle_delay=0)),
        ("settle_delay: 0s\n    empty_day_after: 0s", ActivitySettings(settle_delay=0, empty_day_after=0)),
        ("empty_day_after: 24h", ActivitySettings(empty_day_after=86400)),
        ("enabled: false", ActivitySettings(enabled=False)),
        ("windows: []", ActivitySettings(windows=())),
        ("windows: [1d, 30d]", ActivitySettings(windows=("1d", "30d"))),
        ('include: ["openai/.*"]', ActivitySettings(include=(re.compile("openai/.*"),))),
        ("drop_labels: [provider]", ActivitySettings(drop_labels=("provider",))),
        ("split_by: workspace", ActivitySettings(split_by="workspace")),
        (
            "split_by: api_key\n    filters: {user_id: user_1}",
            ActivitySettings(split_by="api_key", filters=ActivityFilters(user_id="user_1")),
        ),
        ("split_by: member\n    member_labels: [email]", ActivitySettings(split_by="member", member_labels=("email",))),
        ("member_labels: []", ActivitySettings(member_labels=())),
        ("max_endpoints: 1", ActivitySettings(max_endpoints=1)),
    ],
)
def test_settings_of_a_collector_are_read(read: Read, text: str, expected: ActivitySettings) -> None:
    """Values at their bounds are valid."""
    assert expected == activity_of(read(f"collectors:\n  activity:\n    {text}\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "base_url: https://proxy.example:8443/openrouter/",
            Upstream(base_url="https://proxy.example:8443/openrouter"),
        ),
        ("base_url: http://localhost:10064/api/v1", Upstream(base_url="http://localhost:10064/api/v1")),
        ("base_url: http://127.1.2.3", Upstream(base_url="http://127.1.2.3")),
        ('base_url: "http://[::1]:80"', Upstream(base_url="http://[::1]:80")),
        ("timeout: 1ms", Upstream(timeout=0.001)),
        ("max_response_bytes: 1KiB", Upstream(max_response_bytes=1024)),
        ("proxy_url: http://proxy:3128/", Upstream(proxy_url="http://proxy:3128")),
        ("proxy_from_environment: true", Upstream(proxy_from_environment=True)),
        ("proxy_url: ~", Upstream(proxy_url=None)),
    ],
)
def test_settings_of_upstream_are_read(read: Read, text: str, expected: Upstream) -> None:
    """Plain http is allowed for localhost only, and a trailing slash is removed."""
    assert expected == read(f"upstream:\n  {text}\n").upstream


def test_status_codes_are_numbers_or_text(read: Read) -> None:
    """They are kept as text, classes in capitals."""
    upstream = read('upstream:\n  retries:\n    status_codes: [408, "429", 5xx, 4XX]\n').upstream
    assert upstream.retries.status_codes == ("408", "429", "5XX", "4XX")


def test_yaml_1_1_boolean_is_text_for_a_text_key(environment: Mapping[str, str]) -> None:
    """An account may be named after Norway."""
    text = "accounts: [{name: no, api_key_env: OPENROUTER_API_KEY}]"
    assert parse(text, "test.yaml", environment, collectors=SECTION).accounts[0].name == "no"


def test_alias_has_the_value_of_its_anchor(read: Read) -> None:
    activity = activity_of(read("collectors:\n  activity:\n    include: &all [.*]\n    exclude: *all\n"))
    assert activity.include == activity.exclude


def test_account_overrides_single_keys(environment: Mapping[str, str]) -> None:
    text = """
accounts:
  - {name: first, api_key_env: OPENROUTER_API_KEY}
  - name: second
    api_key_env: OPENROUTER_API_KEY
    collectors: {activity: {interval: 1h, filters: {user_id: me}}}
collectors:
  activity: {interval: 5m, windows: [7d], filters: {workspace_id: 123e4567-e89b-12d3-a456-426614174000}}
"""
    second = activity_of(parse(text, "test.yaml", environment, collectors=SECTION), 1)
    assert second.interval == 3600.0
    assert second.windows == ("7d",)
    assert second.filters.user_id == "me"
    assert second.filters.workspace_id == "123e4567-e89b-12d3-a456-426614174000"


def test_account_may_resolve_a_contradiction_of_the_shared_section(environment: Mapping[str, str]) -> None:
    """Only the merged settings of an account must be consistent."""
    text = """
accounts:
  - {name: only, api_key_env: OPENROUTER_API_KEY, collectors: {activity: {stale_after: never}}}
collectors: {activity: {interval: 2d}}
"""
    assert configured(ActivitySettings(interval=172800, stale_after=math.inf)) == (
        parse(text, "test.yaml", environment, collectors=SECTION).accounts[0].collectors
    )


def test_mistake_in_a_shared_section_is_reported_once(mistakes: Callable[[str], list[str]]) -> None:
    text = """
accounts:
  - {name: first, api_key_env: OPENROUTER_API_KEY}
  - {name: second, api_key_env: OPENROUTER_API_KEY, collectors: {activity: {windows: []}}}
collectors: {activity: {interval: 2d}}
"""
    messages = mistakes(text)
    assert len(messages) == 1
    assert messages[0].startswith("5:35: collectors.activity: stale_after (1d) is shorter than interval (2d)")
    assert messages[0].endswith("(stale_after at the default)")


def test_unreadable_value_causes_no_contradiction(mistakes: Callable[[str], list[str]]) -> None:
    """Its default would contradict the other key, but is not in the file."""
    text = (
        "accounts: [{name: a, api_key_env: OPENROUTER_API_KEY}]\ncollectors: {activity: {interval: x, stale_after: 1m}}"
    )
    assert len(mistakes(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "keys: {enabled: false, interval: 1d}",
        "activity: {enabled: false, settle_delay: 12h}",
        "activity: {enabled: false, split_by: member, filters: {user_id: a}}",
        "analytics: {enabled: false, queries: [{name: a, metrics: [tokens_total], range: 60d, dimensions: [skin]}]}",
    ],
)
def test_disabled_collector_has_no_contradictions(read: Read, text: str) -> None:
    """It never polls, so its settings need not be consistent."""
    read(f"collectors:\n  {text}\n")


def test_disabled_collector_with_an_unreadable_value_is_a_mistake(mistakes: Callable[[str], list[str]]) -> None:
    text = "accounts: [{name: a, api_key_env: OPENROUTER_API_KEY}]\ncollectors: {keys: {enabled: false, interval: x}}"
    assert len(mistakes(text)) == 1


def test_account_that_enables_a_collector_is_checked(mistakes: Callable[[str], list[str]]) -> None:
    text = """
accounts:
  - {name: a, api_key_env: OPENROUTER_API_KEY}
  - {name: b, api_key_env: OPENROUTER_API_KEY, collectors: {keys: {enabled: true}}}
collectors: {keys: {enabled: false, interval: 1d}}
"""
    (mistake,) = mistakes(text)
    assert mistake.startswith("5:47: collectors.keys: stale_after (1h) is shorter than interval (1d)")


def test_relative_paths_begin_at_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certificate")
    (tmp_path / "team.key").write_text("sk-or-v1-test\n")
    file = tmp_path / "exporter.yaml"
    file.write_text("accounts: [{name: team, api_key_file: team.key}]\nupstream: {tls: {ca_file: ca.pem}}")
    configuration = load(file, {}, collectors=SECTION)
    assert FileSecret(tmp_path / "team.key") == configuration.accounts[0].key
    assert tmp_path / "ca.pem" == configuration.upstream.tls.ca_file


def test_byte_order_mark_is_ignored(tmp_path: Path, environment: Mapping[str, str]) -> None:
    """Some editors write one."""
    file = tmp_path / "exporter.yaml"
    file.write_text("accounts: [{name: a, api_key_env: OPENROUTER_API_KEY}]", encoding="utf-8-sig")
    assert load(file, environment, collectors=SECTION).accounts[0].name == "a"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.yaml", "can't be read: No such file or directory"), (".", "can't be read: Is a directory")],
)
def test_unreadable_file_is_reported_without_a_line(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / name, {}, collectors=SECTION)
    assert f"{tmp_path / name}: {reason}" == str(caught.value)


def test_configuration_has_a_maximum_size(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigurationError, match="longer than 256KiB; this can't be a configuration"):
        load(file, {}, collectors=SECTION)


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_key_file_readable_by_others_is_a_warning(tmp_path: Path, mode: int, count: int) -> None:
    """It is not an error, because some ways to mount secrets leave no choice."""
    key = tmp_path / "team.key"
    key.write_text("sk-or-v1-test")
    key.chmod(mode)
    warnings = warnings_of(Configuration(accounts=(Account(name="team", key=FileSecret(key), collectors=SECTION()),)))
    assert count == len(warnings)
    assert all('account "team"' in warning and "chmod 600" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("collectors", "count"),
    [
        (configured(), 0),
        (only(KeysSettings(interval=2.0)), 0),
        (only(KeysSettings(interval=1.9)), 1),
        (only(ActivitySettings(interval=2.0), CreditsSettings(interval=1.5)), 1),
    ],
)
def test_more_requests_than_the_limit_is_a_warning(
    collectors: CollectorsSettings, count: int, environment: Mapping[str, str]
) -> None:
    account = Account(name="team", key=EnvironmentSecret("OPENROUTER_API_KEY", environment), collectors=collectors)
    warnings = warnings_of(Configuration(accounts=(account,)))
    assert count == len(warnings)
    assert all("upstream.requests_per_minute is 60" in warning for warning in warnings)


def test_analytics_without_queries_is_a_warning(environment: Mapping[str, str]) -> None:
    key = EnvironmentSecret("OPENROUTER_API_KEY", environment)
    account = Account(name="team", key=key, collectors=configured(AnalyticsSettings(presets=())))
    assert ('account "team": collectors.analytics is enabled and has no queries',) == (
        warnings_of(Configuration(accounts=(account,)))
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(("mode", "count"), [(0o440, 0), (0o444, 1)])
def test_key_file_of_another_owner_may_be_readable_by_its_group(tmp_path: Path, mode: int, count: int) -> None:
    """Kubernetes mounts secrets like that."""
    key = tmp_path / "team.key"
    key.write_text("sk-or-v1-test")
    os.chown(key, 65532, 65532)
    key.chmod(mode)
    assert count == len(
        warnings_of(Configuration(accounts=(Account(name="team", key=FileSecret(key), collectors=SECTION()),)))
    )


def test_budgets_of_an_account_extend_or_replace_the_shared_ones_by_name(environment: Mapping[str, str]) -> None:
    """The order is that of their first definition."""
    text = """
budgets: [{name: month, period: month, limit_usd: 100}, {name: day, period: day, limit_usd: 5}]
accounts:
  - name: one
    api_key_env: OPENROUTER_API_KEY
    budgets: [{name: month, period: month, limit_usd: 7}, {name: lab, period: week, limit_usd: 3, workspace: lab}]
  - {name: two, api_key_env: OPENROUTER_API_KEY}
"""
    one, two = parse(text, "test.yaml", environment, collectors=SECTION).accounts
    assert [(budget.name, budget.limit_usd, budget.scope) for budget in one.budgets] == [
        ("month", 7, None),
        ("day", 5, None),
        ("lab", 3, ("workspace", "lab")),
    ]
    assert [(budget.name, budget.limit_usd) for budget in two.budgets] == [("month", 100), ("day", 5)]
