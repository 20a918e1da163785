"""Writing a configuration: every key with the value in effect, without secrets. The result can be loaded again."""

from __future__ import annotations

from typing import Any

from exporter.config.allocation_settings import Allocations
from exporter.config.configuration import Account, Configuration
from exporter.config.fields import Key, ListOf, Settings, keys_of
from exporter.config.file_format import WrittenFile
from exporter.config.secret import EnvironmentSecret, FileSecret, SecretSource
from exporter.config.value_types import ValueType


def describe(configuration: Configuration) -> dict[str, Any]:
    """Return the configuration as plain data for JSON or YAML: durations as text, and only the sources of keys.

    Loading it gives the same configuration; accounts that were found in other files are listed like all others. A
    section that all accounts share is written once.
    """
    accounts = [_account(account) for account in configuration.accounts]
    described: dict[str, Any] = {"upstream": written(configuration.upstream), "accounts": accounts}
    keys = keys_of(WrittenFile)
    for section in ("collectors", "thresholds", "budgets"):
        values = [written_value(keys[section], getattr(account, section)) for account in configuration.accounts]
        if values and all(same == values[0] for same in values):
            described[section] = values[0]
        else:
            for account, own in zip(accounts, values, strict=True):
                account.update({section: own} if own else {})
    if configuration.allocations != Allocations():
        described["allocations"] = written(configuration.allocations)
    described["catalogue"] = written(configuration.catalogue)
    described["log"] = written(configuration.log)
    return described


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
    labels = {"labels": dict(account.labels)} if account.labels else {}
    return {"name": account.name, **_key(account.key), **labels}


def _key(source: SecretSource) -> dict[str, str]:
    match source:
        case EnvironmentSecret(variable=variable):
            return {"api_key_env": variable}
        case FileSecret(path=path):
            return {"api_key_file": str(path)}
        case _:
            return {"api_key": "<secret>"}
