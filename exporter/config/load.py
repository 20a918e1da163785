"""Loading the configuration file. Every mistake is reported at once, each with its line and column."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.diagnostics import Position, Report, quoted
from exporter.config.file_access import read_file
from exporter.config.file_format import WrittenAccount, WrittenFile, file_format
from exporter.config.reader import Reader
from exporter.config.secret import MANAGEMENT_KEYS, EnvironmentSecret, FileSecret, SecretSource
from exporter.config.yaml_nodes import LARGEST_FILE, TOO_LONG, read_tree
from exporter.errors import ConfigurationError, Mistake, SecretError

DEFAULT_VARIABLE = "OPENROUTER_API_KEY"


def load(
    path: Path, environment: Mapping[str, str] = os.environ, *, collectors: type[CollectorsSettings]
) -> Configuration:
    """Return the configuration in a file. Raise ConfigurationError with every mistake in it.

    `collectors` is the type of the section of that name. Relative paths in the file begin at the file's own folder.
    """
    report = Report(str(path))
    try:
        content = read_file(path, LARGEST_FILE, may_be_special=True)
    except OSError as error:
        raise _unplaced(str(path), f"can't be read: {error.strerror}") from None
    except ValueError:
        raise _unplaced(repr(str(path)), "this can't be a file name") from None
    if len(content) > LARGEST_FILE:
        raise _unplaced(str(path), TOO_LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        report.add(position, f"byte 0x{content[error.start]:02x} isn't UTF-8; save the file as UTF-8")
        raise report.error() from None
    return parse(text, str(path), environment, path.parent, collectors=collectors)


def parse(
    text: str,
    file_name: str,
    environment: Mapping[str, str] = os.environ,
    base_directory: Path | None = None,
    *,
    collectors: type[CollectorsSettings],
) -> Configuration:
    """Return the configuration in a text. Raise ConfigurationError with every mistake in it.

    `file_name` is for messages. Relative paths begin at `base_directory`, or at the working directory if it is None.
    """
    report = Report(file_name)
    reader = Reader(file_format(collectors), report)
    file = reader.read(read_tree(text, base_directory, report))
    _check_names("accounts", file.accounts, reader)
    _check_names("budgets", file.budgets, reader)
    for index, account in enumerate(file.accounts):
        _check_names(f"accounts[{index}].budgets", account.budgets, reader)
    keys = [
        _key(account, f"accounts[{index}]", environment, reader, file.upstream)
        for index, account in enumerate(file.accounts)
    ]
    report.raise_if_any()
    accounts = tuple(
        Account(
            name=account.name,
            key=key,
            collectors=account.collectors,
            thresholds=account.thresholds,
            budgets=tuple(_by_name((*file.budgets, *account.budgets)).values()),
        )
        for account, key in zip(file.accounts, keys, strict=True)
    )
    return Configuration(log=file.log, upstream=file.upstream, accounts=accounts)


def default(environment: Mapping[str, str] = os.environ, *, collectors: type[CollectorsSettings]) -> Configuration:
    """Return the configuration without a file: one account named `default`, with the key in OPENROUTER_API_KEY.

    Raise ConfigurationError if that variable has no usable key.
    """
    key = EnvironmentSecret(DEFAULT_VARIABLE, environment)
    try:
        _check_key(key, Upstream())
    except SecretError as error:
        is_set = bool(environment.get(DEFAULT_VARIABLE, "").strip())
        remedies = f"; set {DEFAULT_VARIABLE} to a management key, or name a file with --config.file"
        raise _unplaced("no configuration", f"{error}{'' if is_set else remedies}") from None
    return Configuration(accounts=(Account(name="default", key=key, collectors=collectors()),))


def warnings_of(configuration: Configuration) -> tuple[str, ...]:
    """Return what works but is unwise, such as key files that others can read, or more polls than the limit allows."""
    warnings = []
    for account in configuration.accounts:
        for name, settings in account.collectors.by_name().items():
            warnings += [f'account "{account.name}": collectors.{name} {warning}' for warning in settings.warnings()]
        wanted, allowed = _requests_per_minute(account.collectors), configuration.upstream.requests_per_minute
        if wanted > allowed:
            warnings.append(
                f'account "{account.name}": its collectors need at least {wanted:.0f} requests/min, but '
                f"upstream.requests_per_minute is {allowed}; polls will be delayed and may fail"
            )
        if not isinstance(account.key, FileSecret):
            continue
        try:
            status = account.key.path.stat()
        except OSError:
            continue  # gone since it was read; the poll will report it
        # Kubernetes mounts secrets as root, readable by the pod's group: only the owner of a file can change that.
        group = stat.S_IRGRP if status.st_uid == os.geteuid() else 0
        if status.st_mode & (group | stat.S_IROTH):
            path, permissions = account.key.path, stat.filemode(status.st_mode)
            warnings.append(
                f'account "{account.name}": key file {path} can be read by others ({permissions}); chmod 600 it'
            )
    return tuple(warnings)


def _requests_per_minute(collectors: CollectorsSettings) -> float:
    """Return the fewest requests per minute of an account's collectors; lists of many pages and splits need more."""
    enabled = (settings for settings in collectors.by_name().values() if settings.enabled)
    return sum(60.0 / settings.interval * settings.least_requests for settings in enabled)


def _by_name(budgets: Iterable[ConfiguredBudget]) -> dict[str, ConfiguredBudget]:
    """Return budgets by name; a later one replaces an earlier one."""
    return {budget.name: budget for budget in budgets}


def _check_names(path: str, named: Sequence[WrittenAccount | ConfiguredBudget], reader: Reader[WrittenFile]) -> None:
    """Report a name that two entries of a list have."""
    lines: dict[str, int] = {}
    for index, entry in enumerate(named):
        name = f"{path}[{index}].name"
        if entry.name in lines and entry.name:
            reader.mistake(name, f"duplicate name {quoted(entry.name)} (first used on line {lines[entry.name]})")
        else:
            lines[entry.name] = reader.position_of(name).line


def _key(
    account: WrittenAccount, path: str, environment: Mapping[str, str], reader: Reader[WrittenFile], upstream: Upstream
) -> SecretSource:
    """Return where an account's key is read, and report a key that can't be used."""
    variable, file = account.api_key_env, account.api_key_file
    source = FileSecret(file) if file is not None else EnvironmentSecret(variable or "", environment)
    if (variable is None) != (file is None):  # anything else has been reported
        try:
            _check_key(source, upstream)
        except SecretError as error:
            reader.mistake(f"{path}.{'api_key_env' if file is None else 'api_key_file'}", str(error))
    return source


def _check_key(source: SecretSource, upstream: Upstream) -> None:
    """Raise SecretError if there is no key, or if it can't be one of the API's."""
    key = source.read().reveal()
    # A gateway in front of the API may have keys of its own.
    if urlsplit(upstream.base_url).hostname == "openrouter.ai" and not key.startswith("sk-or-"):
        raise SecretError(
            f"{source} does not have an OpenRouter key, which begins with sk-or-; get one at {MANAGEMENT_KEYS}"
        )


def _unplaced(file: str, message: str) -> ConfigurationError:
    return ConfigurationError((Mistake(file, 0, 0, message),))
