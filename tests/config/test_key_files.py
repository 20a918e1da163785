"""Accounts that are key files in a directory, and accounts that share a key."""

from __future__ import annotations

import os

import pytest

from exporter.config.load import warnings_of
from tests.config.fleet import FILES, FROM, KEY, Fleet, entry


def test_key_files_of_a_kubernetes_secret_follow_its_links(fleet: Fleet) -> None:
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


def test_unreadable_key_files_are_reported_once_each(fleet: Fleet) -> None:
    """Readable ones are used."""
    fleet.write("exporter.yaml", FROM)
    for number in range(1000):
        fleet.write(f"keys/{number:04}.key", "")
    fleet.write("keys/good.key", KEY)
    assert ["good"] == fleet.read()
    assert [
        f"exporter.yaml:1:28: accounts_from: file keys/{number:04}.key is empty" for number in range(1000)
    ] == fleet.mistakes


def test_key_file_that_links_to_itself_is_unreadable(fleet: Fleet) -> None:
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


def test_key_file_whose_name_is_no_valid_account_name_is_reported(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FROM)
    fleet.write(f"keys/{'x' * 129}", KEY)
    assert [] == fleet.read()
    assert fleet.mistakes[0].endswith("the account's name would not be text of 1 to 128 printable characters")


def test_removed_directory_leaves_its_accounts_as_they_were(fleet: Fleet) -> None:
    """It is reported once, and everything else is read."""
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


def test_keys_of_other_shards_are_not_read_but_their_names_are_taken(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", f"accounts: [{{name: b, api_key_env: NONE}}]\n{FILES}{FROM}")
    fleet.write("accounts.d/a.yaml", entry("a") + "- {name: c, api_key_env: NONE}\n")
    fleet.write("keys/c", KEY)
    fleet.write("keys/d", "")
    assert ["a"] == fleet.read(owns=lambda name: name == "a")
    assert [
        'exporter.yaml:3:28: accounts_from: file keys/c: duplicate name "c" (first used in accounts.d/a.yaml:2)'
    ] == fleet.mistakes


def test_key_files_of_a_directory_that_others_can_read_are_one_warning(fleet: Fleet) -> None:
    """Kubernetes mounts Secrets like that by default, possibly with thousands of files."""
    fleet.write("exporter.yaml", FROM)
    for name in "abc":
        fleet.write(f"keys/{name}", f"{KEY}-{name}").chmod(0o644)
    fleet.read()
    (warning,) = warnings_of(fleet.configuration)
    assert f"accounts_from: 3 key files can be read by others, such as {fleet.folder / 'keys/a'}; " in warning


def test_backups_of_a_key_file_are_not_accounts(fleet: Fleet) -> None:
    """Editors and package managers leave them. One warning names them."""
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


def test_accounts_with_the_same_key_are_a_warning_without_the_key(fleet: Fleet) -> None:
    """A copied key file would count its spend twice."""
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


def test_key_of_an_account_with_a_duplicate_name_is_not_a_warning(fleet: Fleet) -> None:
    """The duplicate name is reported already."""
    fleet.write("exporter.yaml", FILES)
    fleet.write("accounts.d/a.yaml", entry("a"))
    fleet.write("accounts.d/b.yaml", entry("a"))
    fleet.read()
    assert 1 == len(fleet.mistakes)
    assert () == warnings_of(fleet.configuration)


def test_key_of_a_rejected_account_is_not_attributed_to_its_namesake(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FILES)
    for name in ("one", "two"):
        fleet.write(f"accounts.d/{name}.key", f"{KEY}-{name}").chmod(0o600)
    fleet.write("accounts.d/a.yaml", "- {name: x, api_key_file: one.key}\n")
    fleet.write("accounts.d/b.yaml", "- {name: x, api_key_file: two.key}\n- {name: y, api_key_file: two.key}\n")
    assert ["x", "y"] == fleet.read()
    assert () == warnings_of(fleet.configuration)


def test_key_shared_only_with_another_shard_is_not_a_warning(fleet: Fleet) -> None:
    """Keys of other shards are not read."""
    fleet.write("exporter.yaml", "accounts: [{name: a, api_key_env: KEY}, {name: b, api_key_env: KEY}]\n")
    fleet.read(owns=lambda name: name == "a")
    assert () == warnings_of(fleet.configuration)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can list every directory")
def test_directory_that_cannot_be_listed_is_reported(fleet: Fleet) -> None:
    fleet.write("exporter.yaml", FROM)
    (fleet.folder / "keys").chmod(0)
    assert [] == fleet.read()
    assert ["exporter.yaml:1:28: accounts_from.directory: keys: Permission denied"] == fleet.mistakes
