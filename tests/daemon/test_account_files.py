"""Accounts in separate files: changes are picked up without a signal, and accounts are divided into shards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config.shard import Shard, shard_of
from exporter.daemon.configuration_reader import ConfigurationReader
from exporter.simulator.application import Running
from tests.daemon.conftest import KEY, Samples, run, serving, value


def accounts(result: Samples) -> set[str]:
    return {dict(labels)["account"] for _, labels in result if "account" in dict(labels)}


def with_sources(path: Path) -> None:
    """Make a configuration find its accounts in `accounts.d` and `keys`."""
    text = path.read_text()
    head, tail = text[: text.index("accounts:")], text[text.index("collectors:") :]
    path.write_text(f'{head}account_files: ["accounts.d/*.yaml"]\naccounts_from: {{directory: keys}}\n{tail}')
    for name in ("accounts.d", "keys"):
        (path.parent / name).mkdir()


async def test_accounts_are_added_and_removed_with_their_files(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """An invalid file is named, and the account of its last valid version stays."""
    path = write_configuration(simulator.url)
    with_sources(path)
    file, key = path.parent / "accounts.d/team.yaml", path.parent / "keys/lab.key"
    file.write_text("- {name: team, api_key_env: OPENROUTER_API_KEY}")
    async with serving(path, "--config.auto-reload-interval=100ms") as daemon:
        await daemon.until(lambda result: value(result, "openrouter_up", account="team") == 1)
        key.write_text(KEY)
        await daemon.until(lambda result: value(result, "openrouter_up", account="lab") == 1)
        file.write_text("- {name: team}")
        rejected = await daemon.until_logged("accounts_rejected")
        assert [f"{file}:1:3: accounts[0]: expected exactly one of api_key_env and api_key_file; found neither"] == (
            rejected["mistakes"]
        )
        result = await daemon.scrape()
        assert {"team", "lab"} == accounts(result)
        assert 0 == value(result, "openrouter_exporter_config_last_reload_successful")
        file.unlink()
        result = await daemon.until(lambda result: accounts(result) == {"lab"})
        assert 1 == value(result, "openrouter_exporter_config_last_reload_successful")


async def test_check_config_reports_mistakes_of_all_files(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    path = write_configuration(simulator.url)
    with_sources(path)
    (path.parent / "accounts.d/team.yaml").write_text("- {name: team}")
    key = path.parent / "keys/lab.key"
    key.write_text("")
    code, _, err = await run("check-config", f"--config.file={path}")
    assert 1 == code
    assert f"accounts_from: file {key} is empty" in err
    assert "accounts.d/team.yaml:1:3: accounts[0]: expected exactly one" in err


async def test_once_fails_if_an_account_has_a_mistake(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """It still prints the accounts that it could poll."""
    path = write_configuration(simulator.url)
    with_sources(path)
    (path.parent / "keys/good").write_text(KEY)
    (path.parent / "keys/bad").write_text("")
    code, out, err = await run("once", f"--config.file={path}")
    assert (1, True) == (code, 'openrouter_up{account="good"} 1.0' in out)
    assert "keys/bad is empty" in err


async def test_shard_without_accounts_is_healthy_and_logs_it(
    simulator: Running, write_configuration: Callable[..., Path]
) -> None:
    """The one account belongs to the other shard."""
    path = write_configuration(simulator.url)
    index = 1 - shard_of("default", 2)
    async with serving(path, f"--shard.index=exporter-{index}", "--shard.total=2") as daemon:
        assert {"shard_index": index, "shard_total": 2}.items() <= (await daemon.until_logged("no_accounts")).items()
        result = await daemon.scrape()
        assert 0 == value(result, "openrouter_exporter_accounts")
        assert 1 == value(result, "openrouter_exporter_shard_info", shard_index=str(index), shard_total="2")
        assert [200, 200] == [(await daemon.get(f"-/{probe}"))[0] for probe in ("healthy", "ready")]
        assert "This shard has no account." in (await daemon.get(""))[1]
    assert not simulator.requests


async def test_shard_index_not_below_the_total_is_wrong_usage() -> None:
    """It is found before the configuration is read."""
    code, _, err = await run("serve", "--config.file=none.yaml", "--shard.total=3", "--shard.index=exporter-3")
    expected = "openrouter-exporter serve: argument --shard.index: expected less than --shard.total (3), got 3"
    assert (2, expected) == (code, err.strip())


@pytest.mark.parametrize("index", ["-1", "one", "exporter", "1.5", ""])
async def test_shard_index_must_be_a_number_or_end_in_one(index: str) -> None:
    code, _, err = await run("serve", f"--shard.index={index}", "--shard.total=3")
    assert (2, True) == (code, "argument --shard.index: expected a whole number" in err)


@pytest.mark.parametrize(("index", "models"), [(0, ["openai/.*"]), (1, []), (2, [])])
def test_every_shard_reads_the_catalogue_and_shard_0_publishes_models_of_no_account(
    tmp_path: Path, index: int, models: list[str]
) -> None:
    path, key = tmp_path / "exporter.yaml", tmp_path / "key"
    key.write_text(KEY)
    path.write_text("accounts: [{name: default, api_key_file: key}]\ncatalogue: {models: ['openai/.*']}")
    catalogue = ConfigurationReader(path, Shard(index=index, total=3))().catalogue
    assert (True, models) == (catalogue.enabled, [pattern.pattern for pattern in catalogue.models])
