"""Loading the configuration file. Every mistake is reported at once, each with its line and column."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from exporter.config.account_entries import AccountEntries, check_key, check_names
from exporter.config.allocation_checks import check_rules, useless_rules
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.diagnostics import Report, few, shown
from exporter.config.discovery import AccountSources
from exporter.config.file_format import file_format
from exporter.config.reader import Reader
from exporter.config.secret import EnvironmentSecret, FileSecret
from exporter.config.yaml_files import read_text, unplaced
from exporter.config.yaml_nodes import read_tree
from exporter.errors import SecretError

DEFAULT_VARIABLE = "OPENROUTER_API_KEY"
MOST_NAMED = 10  # in one warning


def load(
    path: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    collectors: type[CollectorsSettings],
    owns: Callable[[str], bool] = lambda _: True,
    previous: Sequence[Account] = (),
) -> Configuration:
    """Return the configuration in a file. Raise ConfigurationError with every mistake in it.

    `collectors` is the type of the section of that name. Relative paths in the file begin at the file's own folder. The
    result has only accounts that it `owns`; it takes those from `previous` whose own file can't be read now.
    """
    text = read_text(path, may_be_special=True)
    return parse(text, str(path), environment, path.parent, collectors=collectors, owns=owns, previous=previous)


def parse(
    text: str,
    file_name: str,
    environment: Mapping[str, str] = os.environ,
    base_directory: Path | None = None,
    *,
    collectors: type[CollectorsSettings],
    owns: Callable[[str], bool] = lambda _: True,
    previous: Sequence[Account] = (),
) -> Configuration:
    """Return the configuration in a text. Raise ConfigurationError with every mistake in it.

    `file_name` is for messages. Relative paths begin at `base_directory`, or at the working directory if it is None.
    """
    report = Report(file_name)
    reader = Reader(file_format(collectors), report)
    file = reader.read(read_tree(text, base_directory, report))
    check_names("budgets", file.budgets, reader)
    check_rules(file.allocations, reader)
    sources = AccountSources(
        patterns=file.account_files, directory=file.accounts_from.directory, name=file.accounts_from.name
    )
    if sources.configured:
        reader.check_inherited()  # an account from elsewhere may override nothing
    entries = AccountEntries(file, reader, file_name=file_name, environment=environment, owns=owns, previous=previous)
    entries.add_written(file.accounts)
    report.raise_if_any()
    entries.add_files(sources.patterns)
    entries.add_keys(sources)
    return Configuration(
        log=file.log,
        upstream=file.upstream,
        catalogue=file.catalogue,
        allocations=file.allocations,
        accounts=tuple(entries.accounts),
        sources=sources,
        mistakes=entries.mistakes,
        warnings=(*useless_rules(file.allocations.rules, file_name, reader), *entries.shared_keys()),
    )


def default(
    environment: Mapping[str, str] = os.environ,
    *,
    collectors: type[CollectorsSettings],
    owns: Callable[[str], bool] = lambda _: True,
) -> Configuration:
    """Return the configuration without a file: one account named `default`, with the key in OPENROUTER_API_KEY.

    Raise ConfigurationError if that variable has no usable key.
    """
    key = EnvironmentSecret(DEFAULT_VARIABLE, environment)
    try:
        check_key(key, Upstream())
    except SecretError as error:
        is_set = bool(environment.get(DEFAULT_VARIABLE, "").strip())
        remedies = f"; set {DEFAULT_VARIABLE} to a management key, or name a file with --config.file"
        raise unplaced("no configuration", f"{error}{'' if is_set else remedies}") from None
    account = Account(name="default", key=key, collectors=collectors())
    return Configuration(accounts=(account,) if owns(account.name) else ())


def warnings_of(configuration: Configuration) -> tuple[str, ...]:
    """Return warnings, such as about key files that others can read, or more polls than the limit allows."""
    warnings = list(configuration.warnings)
    if configuration.sources.configured and not configuration.sources.files():
        warnings.append("account_files and accounts_from match no file")
    if backups := [shown(path.name) for path in configuration.sources.backups()]:
        warnings.append(f"accounts_from: ignored files that look like backups: {few(backups, MOST_NAMED)}")
    readable: list[Path] = []  # of a directory that is filled as a whole
    for account in configuration.accounts:
        of_account = list(_collector_warnings(account, configuration.upstream.requests_per_minute))
        key = account.key
        if isinstance(key, FileSecret) and (permissions := _open_permissions(key.path)):
            if key.path == account.origin:
                readable.append(key.path)
            else:
                of_account.append(f"key file {key.path} can be read by others ({permissions}); chmod 600 it")
        warnings += [f'account "{account.name}": {warning}' for warning in of_account]
    if readable:
        warnings.append(
            f"accounts_from: {len(readable)} key files can be read by others, such as {readable[0]}; chmod 600 them, "
            "or mount them with defaultMode 0440"
        )
    return tuple(warnings)


def _collector_warnings(account: Account, allowed: int) -> Iterator[str]:
    """Yield warnings about the collectors of an account that may send `allowed` requests per minute."""
    for name, settings in account.collectors.by_name().items():
        yield from (f"collectors.{name} {warning}" for warning in settings.warnings())
    for part in _unread_parts(account):
        yield f"allocations has rules for {part}, but no enabled collector reads these names"
    wanted = _requests_per_minute(account.collectors)
    if wanted > allowed:
        yield (
            f"its collectors need at least {wanted:.0f} requests/min, but upstream.requests_per_minute is {allowed}; "
            "polls will be delayed and may fail"
        )


def _open_permissions(path: Path) -> str:
    """Return the permissions of a file that others can read, nothing if they can't."""
    try:
        status = path.stat()
    except OSError:
        return ""  # gone since it was read; the poll will report it
    # Kubernetes mounts secrets as root, readable by the pod's group: only the owner of a file can change that.
    group = stat.S_IRGRP if status.st_uid == os.geteuid() else 0
    return stat.filemode(status.st_mode) if status.st_mode & (group | stat.S_IROTH) else ""


def _unread_parts(account: Account) -> list[str]:
    """Return the conditions of allocations that never hold, because no enabled collector reads such names."""
    enabled = (settings for settings in account.collectors.by_name().values() if settings.enabled)
    read = {part for settings in enabled for part in settings.named_parts}
    return sorted({part for rule in account.allocations.rules for part in rule.conditions} - read)


def _requests_per_minute(collectors: CollectorsSettings) -> float:
    """Return the fewest requests per minute of an account's collectors; lists of many pages and splits need more."""
    enabled = (settings for settings in collectors.by_name().values() if settings.enabled)
    return sum(60.0 / settings.interval * settings.least_requests for settings in enabled)
