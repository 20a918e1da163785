"""Sections of the configuration file that differ from the configuration which is made from them."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from exporter.config.allocation_settings import Allocations, Labels
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Logging, Upstream
from exporter.config.discovery import STEM
from exporter.config.fields import TYPE, Conflict, Inherits, ListOf, Settings
from exporter.config.thresholds import Thresholds
from exporter.config.value_types import file_path, file_pattern, matching, stem_template, text
from exporter.config.yaml_nodes import Scalar

_VARIABLE = matching("the name of an environment variable, such as OPENROUTER_API_KEY", "[A-Za-z_][A-Za-z0-9_]*")


def _variable(scalar: Scalar) -> Any:
    if scalar.text.startswith("$"):
        raise ValueError("write the name alone, without $")
    return _VARIABLE.read(scalar)


_BUDGETS = "[{name: month, period: month, limit_usd: 5000}]"

# People write the key itself here, so a wrong value is not shown.
VARIABLE = replace(_VARIABLE, read=_variable, may_be_secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAccount(Settings):
    """An entry of `accounts`. Its `collectors` and `thresholds` override the shared ones, key by key."""

    name: Annotated[str, text(), "Unique name, which is the `account` label."]
    api_key_env: Annotated[str | None, VARIABLE, "Environment variable with the management key."] = None
    api_key_file: Annotated[
        Path | None,
        file_path(must_be_read=False),
        "Or a file with the key, read again when the API rejects it. Relative to the file that names it.",
    ] = None
    collectors: Annotated[CollectorsSettings, Inherits, "Overrides for this account: any key of `collectors` below."]
    thresholds: Annotated[Thresholds, Inherits, "Overrides for this account: any key of `thresholds` below."]

    budgets: Annotated[
        tuple[ConfiguredBudget, ...],
        ListOf(item=ConfiguredBudget, example=_BUDGETS),
        "Budgets of this account alone; one with the name of a budget below replaces it.",
    ] = ()
    labels: Annotated[Labels, "Labels of the account, also for its parts without a matching rule in `allocations`."] = (
        field(default_factory=dict)
    )

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if the key has two sources, or none."""
        sources = [self.api_key_env, self.api_key_file]
        if sources.count(None) == 1:
            return ()
        has = "both" if None not in sources else "neither"
        message = f"expected exactly one of api_key_env and api_key_file; found {has}"
        return (Conflict(("api_key_file", "api_key_env"), message),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsFrom(Settings):
    """A directory with one key file for each account."""

    directory: Annotated[
        Path | None,
        replace(file_path(must_be_read=False), expected="the path of a directory"),
        "Directory of key files; hidden files and backups are ignored. Relative to the configuration file.",
    ] = None
    name: Annotated[str, stem_template(), "Name of the account: `{stem}` is the file's name without extension."] = STEM

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return a conflict if there is a name without a directory."""
        if self.directory is not None or self.name == STEM:
            return ()
        return (Conflict(("name",), "name has no effect without directory"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile(Settings):
    """The configuration of openrouter-exporter."""

    upstream: Annotated[Upstream, "How to reach the API."]
    accounts: Annotated[
        tuple[WrittenAccount, ...],
        ListOf(item=WrittenAccount, example="[{name: default, api_key_env: OPENROUTER_API_KEY}]"),
        "The accounts; at least one unless `account_files` or `accounts_from` is set.",
    ] = ()
    account_files: Annotated[
        tuple[str, ...],
        ListOf(item=file_pattern(), example='["accounts.d/*.yaml"]', unique=True),
        "Files with more accounts, each a list like `accounts`. Relative to the configuration file.",
    ] = ()
    accounts_from: Annotated[AccountsFrom, "An account for each key file of a directory."]
    collectors: Annotated[CollectorsSettings, "What to collect, for every account that doesn't override it."]
    thresholds: Annotated[Thresholds, "Thresholds of the shipped alerts, for every account that doesn't override them."]
    budgets: Annotated[
        tuple[ConfiguredBudget, ...],
        ListOf(item=ConfiguredBudget, example=_BUDGETS),
        "Budgets of every account.",
    ] = ()
    allocations: Annotated[Allocations, "Your own labels for keys, workspaces, members, apps and end users."]
    catalogue: Annotated[CatalogueSettings, "OpenRouter's public catalogue of models."]
    log: Annotated[Logging, "Logging."]

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return the mistake of a configuration that names no source of accounts."""
        if self.accounts or self.account_files or self.accounts_from.directory is not None:
            return ()
        return (Conflict(("accounts",), "no account: expected accounts, account_files or accounts_from"),)


def file_format(collectors: type[CollectorsSettings]) -> type[WrittenFile]:
    """Return the format of a file whose sections `collectors` are of this type."""
    return _file_format(collectors)  # type: ignore[arg-type]  # mypy takes the instances' hash for the class's


@functools.cache
def _file_format(collectors: type[CollectorsSettings]) -> type[WrittenFile]:
    account = _with_types(WrittenAccount, collectors=collectors)
    return _with_types(WrittenFile, collectors=collectors, accounts=account)


def _with_types(section: type[Any], **types: type[Settings]) -> type[Any]:
    """Return a subclass in which these keys, or the items of these lists, have other types."""
    defaults = {key.name: key.default for key in dataclasses.fields(section)}
    fields = [
        (name, section.__annotations__[name], field(default=defaults[name], metadata={TYPE: type_}))
        for name, type_ in types.items()
    ]
    documented = {"__doc__": section.__doc__, "__module__": section.__module__}
    return make_dataclass(
        section.__name__, fields, bases=(section,), namespace=documented, frozen=True, slots=True, kw_only=True
    )
