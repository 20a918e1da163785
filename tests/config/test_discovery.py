"""Accounts outside the configuration file: what is wrong with one of them costs no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import SECTION
from exporter.config.configuration import Configuration
from exporter.config.load import load, warnings_of
from exporter.config.secret import FileSecret
from exporter.errors import ConfigurationError

KEY = "sk-or-v1-test"
ENVIRONMENT = {"KEY": KEY}
FILES = 'account_files: ["accounts.d/*.yaml"]\n'
FROM = "accounts_from: {directory: keys}\n"


class Fleet:
    """A configuration file with account files and a directory of keys, read again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = Configuration()
        for name in ("accounts.d", "keys"):
            (folder / name).mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, owns: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Read everything, and return the names of accounts."""
        previous = self.configuration.accounts
        path = self.folder / "exporter.yaml"
        self.configuration = load(path, ENVIRONMENT, collectors=SECTION, owns=owns, previous=previous)
        return [account.name for account in self.configuration.accounts]

    @property
    def mistakes(self) -> list[str]:
        return [str(mistake).replace(f"{self.folder}/", "") for mistake in self.configuration.mistakes]


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def entry(name: str, more: str = "") -> str:
    return f"- {{name: {name}, api_key_env: KEY{more}}}\n"


def test_accounts_of_all_files_follow_those_of_the_configuration(fleet: Fleet) -> None:
    """Files in the order of their names, then key files."""
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
    """Each further one is named once, and its file's other accounts are used."""
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


def test_key_files_of_a_mounted_secret(fleet: Fleet) -> None:
    """Kubernetes links them to a hidden directory, which it swaps."""
    fleet.write("exporter.yaml", "accounts_from: {directory: keys, name: 'prod-{stem}'}\n")
    for version, names in (("..1", ("a", "b")), ("..2", ("b", "c"))):
        (fleet.folder / "keys" / version).mkdir()
        for name in names:
            fleet.write(f"keys/{version}/{name}.key", KEY)
    data = fleet.folder / "keys/..data"
    data.symlink_to("..1")
    for name in ("a.key", "b.key"):
        (fleet.folder / "keys" / name).symlink_to(f"..data/{name}")
    fleet.write("keys/.hidden", KEY)
    (fleet.folder / "keys/subdirectory").mkdir()
    assert ["prod-a", "prod-b"] == fleet.read()
    data.unlink()
    data.symlink_to("..2")
    (fleet.folder / "keys/a.key").unlink()
    (fleet.folder / "keys/c.key").symlink_to("..data/c.key")
    assert ["prod-b", "prod-c"] == fleet.read()
    assert [] == fleet.mistakes


def test_unreadable_keys_are_named_once_each(fleet: Fleet) -> None:
    """The rest works."""
    fleet.write("exporter.yaml", FROM)
    for number in range(1000):
        fleet.write(f"keys/{number:04}.key", "")
    fleet.write("keys/good.key", KEY)
    assert ["good"] == fleet.read()
    assert [
        f"exporter.yaml:1:28: accounts_from: file keys/{number:04}.key is empty" for number in range(1000)
    ] == fleet.mistakes


def test_link_that_leads_to_itself_is_one_unreadable_key(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FROM)
    fleet.write("keys/a", KEY)
    (fleet.folder / "keys/b").symlink_to("b")
    assert ["a"] == fleet.read()
    assert [] == [mistake for mistake in fleet.mistakes if "keys/b" not in mistake]


def test_key_that_becomes_unreadable_keeps_its_account(fleet: Fleet) -> None:
    """The key read before may still work."""
    fleet.write("exporter.yaml", FROM)
    path = fleet.write("keys/a", KEY)
    fleet.read()
    path.write_text("two\nlines")
    assert ["a"] == fleet.read()
    assert ["exporter.yaml:1:28: accounts_from: file keys/a has several lines; expected one key"] == fleet.mistakes


def test_file_name_that_is_not_an_account_name(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FROM)
    fleet.write(f"keys/{'x' * 129}", KEY)
    assert [] == fleet.read()
    assert fleet.mistakes[0].endswith("the account's name would not be text of 1 to 128 printable characters")


def test_directory_that_vanishes_leaves_its_accounts_as_they_were(fleet: Fleet) -> None:
    """It is named once, and everything else is read."""
    fleet.write("exporter.yaml", FILES + FROM)
    fleet.write("accounts.d/a.yaml", entry("a"))
    fleet.write("keys/b", KEY)
    fleet.read()
    (fleet.folder / "accounts.d").rename(fleet.folder / "away")
    (fleet.folder / "keys").rename(fleet.folder / "gone")
    assert ["a", "b"] == fleet.read()
    assert [
        "exporter.yaml:1:16: account_files: accounts.d: No such file or directory",
        "exporter.yaml:2:28: accounts_from.directory: keys: No such file or directory",
    ] == fleet.mistakes
    (fleet.folder / "away").rename(fleet.folder / "accounts.d")
    assert ["a", "b"] == fleet.read()
    assert 1 == len(fleet.mistakes)


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
    """An account of a directory overrides nothing."""
    fleet.write("exporter.yaml", FROM + "collectors: {activity: {interval: 2d}}\n")
    with pytest.raises(ConfigurationError, match="stale_after \\(1d\\) is shorter than interval \\(2d\\)"):
        fleet.read()


def test_keys_of_other_shards_are_not_read(fleet: Fleet) -> None:
    """But their names are taken."""
    fleet.write("exporter.yaml", f"accounts: [{{name: b, api_key_env: NONE}}]\n{FILES}{FROM}")
    fleet.write("accounts.d/a.yaml", entry("a") + "- {name: c, api_key_env: NONE}\n")
    fleet.write("keys/c", KEY)
    fleet.write("keys/d", "")
    assert ["a"] == fleet.read(owns=lambda name: name == "a")
    assert [
        'exporter.yaml:3:28: accounts_from: file keys/c: duplicate name "c" (first used in accounts.d/a.yaml:2)'
    ] == fleet.mistakes


def test_sources_without_files_are_a_warning(fleet: Fleet) -> None:
    """The exporter runs: automation may add accounts later."""
    fleet.write("exporter.yaml", FILES + FROM)
    assert [] == fleet.read()
    assert ("account_files and accounts_from match no file",) == warnings_of(fleet.configuration)


def test_key_files_of_a_directory_that_others_can_read_are_one_warning(fleet: Fleet) -> None:
    """Kubernetes mounts Secrets like that by default, maybe thousands of files."""
    fleet.write("exporter.yaml", FROM)
    for name in "abc":
        fleet.write(f"keys/{name}", f"{KEY}-{name}").chmod(0o644)
    fleet.read()
    (warning,) = warnings_of(fleet.configuration)
    assert f"accounts_from: 3 key files can be read by others, such as {fleet.folder / 'keys/a'}; " in warning


def test_files_to_watch_include_new_ones(fleet: Fleet) -> None:
    """They may not be read yet, or never."""
    fleet.write("exporter.yaml", FILES + FROM)
    fleet.read()
    paths = [fleet.write("accounts.d/new.yaml", ""), fleet.write("keys/new", "")]
    assert paths == fleet.configuration.sources.files()


def test_backups_of_a_key_file_are_no_accounts(fleet: Fleet) -> None:
    """Editors and package managers leave them; one warning names them."""
    fleet.write("exporter.yaml", FROM)
    fleet.write("keys/a.key", KEY).chmod(0o600)
    ends = ("~", ".bak", ".old", ".orig", ".swp", ".tmp", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-dist")
    names = sorted(["#a.key#", "b.new", *(f"a.key{end}" for end in ends)])
    for name in names:
        fleet.write(f"keys/{name}", KEY)
    assert ["a"] == fleet.read()
    assert [] == fleet.mistakes
    assert [fleet.folder / "keys/a.key"] == fleet.configuration.sources.files()
    (warning,) = warnings_of(fleet.configuration)
    assert f"accounts_from: ignored files that look like backups: {', '.join(names[:10])} and 2 more" == warning


def test_accounts_with_one_key_are_a_warning_without_the_key(fleet: Fleet) -> None:
    """However they are configured: a copied file would count the spend twice."""
    fleet.write("exporter.yaml", f"accounts: [{{name: main, api_key_env: KEY}}]\n{FILES}{FROM}")
    fleet.write(
        "accounts.d/a.yaml", "- {name: team, api_key_file: team.key}\n- {name: other, api_key_file: other.key}\n"
    )
    fleet.write("accounts.d/team.key", f"{KEY}\n").chmod(0o600)
    fleet.write("accounts.d/other.key", f"{KEY}-other").chmod(0o600)
    fleet.write("keys/copy-of-main", KEY).chmod(0o600)
    assert ["main", "team", "other", "copy-of-main"] == fleet.read()
    (warning,) = warnings_of(fleet.configuration)
    assert (
        'accounts "main", "team", "copy-of-main" have the same key: unless their filters differ, sums over accounts '
        "count its spend 3 times"
    ) == warning


def test_key_of_an_account_that_is_not_used_is_not_a_warning(fleet: Fleet) -> None:
    """Its name is taken: that is a mistake already."""
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/a.yaml", entry("a"))
    fleet.write("accounts.d/b.yaml", entry("a"))
    fleet.read()
    assert 1 == len(fleet.mistakes)
    assert () == warnings_of(fleet.configuration)


def test_key_of_a_rejected_account_is_not_that_of_the_account_whose_name_it_has(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FILES)
    for name in ("one", "two"):
        fleet.write(f"accounts.d/{name}.key", f"{KEY}-{name}").chmod(0o600)
    fleet.write("accounts.d/a.yaml", "- {name: x, api_key_file: one.key}\n")
    fleet.write("accounts.d/b.yaml", "- {name: x, api_key_file: two.key}\n- {name: y, api_key_file: two.key}\n")
    assert ["x", "y"] == fleet.read()
    assert () == warnings_of(fleet.configuration)


def test_key_that_only_another_shard_has_again_is_not_a_warning(fleet: Fleet) -> None:
    """Keys of other shards are not read."""
    fleet.write("exporter.yaml", "accounts: [{name: a, api_key_env: KEY}, {name: b, api_key_env: KEY}]\n")
    fleet.read(owns=lambda name: name == "a")
    assert () == warnings_of(fleet.configuration)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can list every directory")
def test_directory_that_cannot_be_listed(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FROM)
    (fleet.folder / "keys").chmod(0)
    assert [] == fleet.read()
    assert ["exporter.yaml:1:28: accounts_from.directory: keys: Permission denied"] == fleet.mistakes
