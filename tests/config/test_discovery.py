"""Accounts outside the configuration file: a mistake in one of them affects no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.config.load import warnings_of
from exporter.config.secret import FileSecret
from exporter.errors import ConfigurationError
from tests.config.fleet import FILES, FROM, KEY, Fleet, entry


def test_accounts_of_all_files_follow_those_of_the_configuration(fleet: Fleet) -> None:
    """Account files come in the order of their names, then key files."""
    fleet.write("exporter.yaml", f"accounts: [{{name: main, api_key_env: KEY}}]\n{FILES}{FROM}")
    fleet.write("accounts.d/b.yaml", entry("b"))
    fleet.write("accounts.d/a.yaml", entry("a2") + entry("a1"))
    fleet.write("keys/team.key", KEY)
    assert ["main", "a2", "a1", "b", "team"] == fleet.read()
    assert [] == fleet.mistakes


def test_account_of_a_file_overrides_shared_settings(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", f"{FILES}{FROM}collectors: {{activity: {{interval: 5m, windows: [7d]}}}}\n")
    fleet.write("accounts.d/a.yaml", entry("a", ", collectors: {activity: {interval: 1h}}"))
    fleet.write("keys/b", KEY)
    fleet.read()
    settings = [account.collectors.of(ActivitySettings) for account in fleet.configuration.accounts]
    assert [(3600.0, ("7d",)), (300.0, ("7d",))] == [(one.interval, one.windows) for one in settings]


def test_accounts_of_files_have_the_shared_budgets(fleet: Fleet) -> None:
    budgets = "budgets: [{name: month, period: month, limit_usd: 5}]\n"
    fleet.write("exporter.yaml", FILES + FROM + budgets)
    fleet.write("accounts.d/a.yaml", entry("a", ", budgets: [{name: month, period: month, limit_usd: 7}]"))
    fleet.write("keys/b", KEY)
    fleet.read()
    assert [7, 5] == [account.budgets[0].limit_usd for account in fleet.configuration.accounts]


def test_relative_key_file_begins_at_the_account_file(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/a.yaml", "- {name: a, api_key_file: a.key}\n")
    key = fleet.write("accounts.d/a.key", KEY)
    fleet.read()
    assert FileSecret(key) == fleet.configuration.accounts[0].key


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "- {name: a, api_key_env: NONE}",
            ":1:26: accounts[0].api_key_env: environment variable NONE is unset or empty",
        ),
        ("- {nam: a, api_key_env: KEY}", ':1:4: accounts[0]: unknown key "nam"; did you mean name?'),
        ("name: a", ":1:1: accounts: expected a list, such as [{name: default, api_key_env: OPENROUTER_API_KEY}]; "),
        (entry("a") + entry("a"), ':2:10: accounts[1].name: duplicate name "a" (first used on line 1)'),
        ("- {name: a", ":1:3: not YAML: this { is never closed, or a comma is missing between its keys"),
        (entry("a", ", collectors: {activity: {interval: 2d}}"), ":1:65: accounts[0].collectors.activity: stale_after"),
    ],
)
def test_mistake_in_an_account_file_has_its_line_and_column(fleet: Fleet, text: str, mistake: str) -> None:
    """The accounts of other files are not affected."""
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/bad.yaml", text)
    fleet.write("accounts.d/good.yaml", entry("good"))
    assert ["good"] == fleet.read()
    assert any(line.startswith(f"accounts.d/bad.yaml{mistake}") for line in fleet.mistakes), fleet.mistakes


def test_file_with_a_mistake_leaves_its_accounts_as_they_were(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/a.yaml", entry("a", ", thresholds: {spend_ratio: 5}") + entry("b"))
    fleet.read()
    fleet.write("accounts.d/a.yaml", entry("a") + "- {name: b}\n")
    fleet.write("accounts.d/c.yaml", entry("c"))
    assert ["a", "b", "c"] == fleet.read()
    assert ["a", "b", "c"] == fleet.read()
    assert 5 == fleet.configuration.accounts[0].thresholds.spend_ratio
    fleet.write("accounts.d/a.yaml", entry("a"))
    assert ["a", "c"] == fleet.read()
    assert [] == fleet.mistakes


def test_removed_file_removes_its_accounts(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FILES + FROM)
    paths = [fleet.write("accounts.d/a.yaml", entry("a")), fleet.write("keys/b", KEY)]
    assert ["a", "b"] == fleet.read()
    for path in paths:
        path.unlink()
    assert [] == fleet.read()
    assert [] == fleet.mistakes


def test_name_in_two_files_belongs_to_the_first(fleet: Fleet) -> None:
    """Each further one is reported, and the other accounts of its file are used."""
    fleet.write("exporter.yaml", f"accounts: [{{name: main, api_key_env: KEY}}]\n{FILES}{FROM}")
    fleet.write("accounts.d/a.yaml", entry("a") + entry("main"))
    fleet.write("accounts.d/b.yaml", entry("b") + entry("a"))
    fleet.write("keys/b.key", KEY)
    fleet.write("keys/b.txt", KEY)
    assert ["main", "a", "b"] == fleet.read()
    assert [
        'exporter.yaml:3:28: accounts_from: file keys/b.key: duplicate name "b" (first used in accounts.d/b.yaml:1)',
        'exporter.yaml:3:28: accounts_from: file keys/b.txt: duplicate name "b" (first used in accounts.d/b.yaml:1)',
        'accounts.d/a.yaml:2:10: accounts[1].name: duplicate name "main" (first used in exporter.yaml:1)',
        'accounts.d/b.yaml:2:10: accounts[1].name: duplicate name "a" (first used in accounts.d/a.yaml:1)',
    ] == [line.replace(f"{fleet.folder}/", "") for line in fleet.mistakes]


def test_file_named_without_wildcards_must_exist(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", "account_files: [team.yaml, accounts.d/*.yaml]\n")
    fleet.write("accounts.d/a.yaml", entry("a"))
    assert ["a"] == fleet.read()
    assert ["team.yaml: can't be read: No such file or directory"] == fleet.mistakes


def test_wildcards_in_the_folder_of_the_configuration_are_literal(tmp_path: Path) -> None:
    folder = tmp_path / "[a]*"
    folder.mkdir()
    fleet = Fleet(folder)
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/a.yaml", entry("a"))
    fleet.write("accounts.d/.hidden.yaml", entry("hidden"))
    assert ["a"] == fleet.read()


def test_file_that_two_patterns_match_is_read_once(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", "account_files: [accounts.d/*.yaml, accounts.d/a*]\n")
    fleet.write("accounts.d/a.yaml", entry("a"))
    assert ["a"] == fleet.read()
    assert [] == fleet.mistakes


def test_shared_settings_must_be_consistent_by_themselves(fleet: Fleet) -> None:
    """An account of a directory cannot override them."""
    fleet.write("exporter.yaml", FROM + "collectors: {activity: {interval: 2d}}\n")
    with pytest.raises(ConfigurationError, match="stale_after \\(1d\\) is shorter than interval \\(2d\\)"):
        fleet.read()


def test_sources_without_files_are_a_warning(fleet: Fleet) -> None:
    """The exporter still runs, because automation may add accounts later."""
    fleet.write("exporter.yaml", FILES + FROM)
    assert [] == fleet.read()
    assert ("account_files and accounts_from match no file",) == warnings_of(fleet.configuration)


def test_files_to_watch_include_new_ones(fleet: Fleet) -> None:
    """They have not been read yet."""
    fleet.write("exporter.yaml", FILES + FROM)
    fleet.read()
    paths = [fleet.write("accounts.d/new.yaml", ""), fleet.write("keys/new", "")]
    assert paths == fleet.configuration.sources.files()
