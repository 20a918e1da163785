"""Writing a configuration: every key with the value in effect, without secrets. The result can be loaded again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exporter.config.configuration import Account, Configuration
from exporter.config.fields import Key, ListOf, Settings, keys_of
from exporter.config.secret import EnvironmentSecret, FileSecret, SecretSource
from exporter.config.value_types import ValueType


def describe(configuration: Configuration) -> dict[str, Any]:
    """Return the configuration as plain data for JSON or YAML: durations as text, and only the sources of keys.

    Loading it gives the same configuration; accounts that were found in other files are listed like all others. A
    section that all accounts share is written once.
    """
    accounts = [_account(account) for account in configuration.accounts]
    described: dict[str, Any] = {"upstream": written(configuration.upstream), "accounts": accounts}
    for section in ("collectors", "thresholds"):
        settings = [getattr(account, section) for account in configuration.accounts]
        if settings and all(one == settings[0] for one in settings):
            described[section] = written(settings[0])
        else:
            for account, own in zip(accounts, settings, strict=True):
                account[section] = written(own)
    _describe_budgets(configuration, described, accounts)
    described["log"] = written(configuration.log)
    return described


def _describe_budgets(
    configuration: Configuration, described: dict[str, Any], accounts: Sequence[dict[str, Any]]
) -> None:
    """Add the budgets: at the top where every account has the same ones, else to each account that has some."""
    budgets = [account.budgets for account in configuration.accounts]
    if budgets and all(same == budgets[0] for same in budgets):
        described["budgets"] = [written(budget) for budget in budgets[0]]
        return
    for account, own in zip(accounts, budgets, strict=True):
        if own:
            account["budgets"] = [written(budget) for budget in own]


def written(settings: Settings) -> dict[str, Any]:
    """Return every key of the settings as it is written in a file."""
    return {name: written_value(key, getattr(settings, name)) for name, key in keys_of(type(settings)).items()}


def written_value(key: Key, value: Any) -> Any:
    """Return one key's value as it is written in a file."""
    if isinstance(value, Settings):
        return written(value)
    if isinstance(key.holds, ListOf):
        item = key.holds.item
        return [item.show(entry) if isinstance(item, ValueType) else written(entry) for entry in value]
    return key.holds.show(value) if isinstance(key.holds, ValueType) and value is not None else value


def _account(account: Account) -> dict[str, Any]:
    return {"name": account.name, **_key(account.key)}


def _key(source: SecretSource) -> dict[str, str]:
    match source:
        case EnvironmentSecret(variable=variable):
            return {"api_key_env": variable}
        case FileSecret(path=path):
            return {"api_key_file": str(path)}
        case _:
            return {"api_key": "<secret>"}
