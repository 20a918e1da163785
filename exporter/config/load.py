"""The configuration file: read whole, checked whole, and every mistake told at once with its line."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Logging, Upstream
from exporter.config.diagnostics import Place, Report, quoted
from exporter.config.file_access import read_file
from exporter.config.file_format import file_format
from exporter.config.reader import Reader, Section, build, overlay
from exporter.config.secret import EnvironmentSecret, FileSecret, SecretSource
from exporter.config.thresholds import Thresholds
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
        raise _unplaced(repr(str(path)), "this can't be the name of a file") from None
    if len(content) > LARGEST_FILE:
        raise _unplaced(str(path), TOO_LONG)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        report.add(place, f"byte 0x{content[error.start]:02x} isn't UTF-8; save the file as UTF-8")
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

    `file_name` is for the messages; relative paths begin at `base_directory`, or where the program runs if it is None.
    """
    report = Report(file_name)
    file = Reader(file_format(collectors), report).read(read_tree(text, base_directory, report))
    upstream = build(Upstream, file.section("upstream"), report)
    accounts = _accounts(file, environment, report, collectors)
    logging = build(Logging, file.section("log"), report)
    report.raise_if_any()
    return Configuration(log=logging, upstream=upstream, accounts=accounts)


def default(environment: Mapping[str, str] = os.environ, *, collectors: type[CollectorsSettings]) -> Configuration:
    """Return the configuration where there is no file: one account named `default`, its key in OPENROUTER_API_KEY.

    Raise ConfigurationError if that variable holds no key.
    """
    key = EnvironmentSecret(DEFAULT_VARIABLE, environment)
    try:
        key.read()
    except SecretError as error:
        remedies = f"set {DEFAULT_VARIABLE} to a management key, or name a file with --config.file"
        raise _unplaced("no configuration", f"{error}; {remedies}") from None
    return Configuration(accounts=(Account(name="default", key=key, collectors=collectors()),))


def warnings_of(configuration: Configuration) -> tuple[str, ...]:
    """Return what works but is unwise: key files that others can read, more polls than are allowed, no questions."""
    found = []
    for account in configuration.accounts:
        for name, settings in account.collectors.by_name().items():
            found += [f'account "{account.name}": collectors.{name} {warning}' for warning in settings.warnings()]
        wanted, allowed = _requests_per_minute(account.collectors), configuration.upstream.requests_per_minute
        if wanted > allowed:
            found.append(
                f'account "{account.name}": its collectors ask {wanted:.0f} times a minute or more, and '
                f"upstream.requests_per_minute allows {allowed}: polls wait, and fail"
            )
        if not isinstance(account.key, FileSecret):
            continue
        try:
            status = account.key.path.stat()
        except OSError:
            continue  # gone since it was read; the poll will say so
        # Kubernetes mounts a secret as root's, for the pod's group to read: only who owns a file can do better.
        group = stat.S_IRGRP if status.st_uid == os.geteuid() else 0
        if status.st_mode & (group | stat.S_IROTH):
            path, permissions = account.key.path, stat.filemode(status.st_mode)
            found.append(
                f'account "{account.name}": key file {path} can be read by others ({permissions}); chmod 600 it'
            )
    return tuple(found)


def _requests_per_minute(collectors: CollectorsSettings) -> float:
    """Return how often an account's collectors ask at least; lists of many pages and parts ask more often."""
    enabled = (settings for settings in collectors.by_name().values() if settings.enabled)
    return sum(60.0 / settings.interval * settings.least_requests for settings in enabled)


def _accounts(
    file: Section, environment: Mapping[str, str], report: Report, collectors_type: type[CollectorsSettings]
) -> tuple[Account, ...]:
    shared, thresholds = file.section("collectors"), file.section("thresholds")
    entries: tuple[Section, ...] = file.value("accounts") or ()
    if not entries:
        build(collectors_type, shared, report)  # only for their mistakes: all are told at once
        build(Thresholds, thresholds, report)
    _check_names(entries, report)
    accounts = []
    for entry in entries:
        key = _key(entry, environment, report)
        collectors = build(collectors_type, overlay(shared, entry.section("collectors")), report)
        limits = build(Thresholds, overlay(thresholds, entry.section("thresholds")), report)
        name = entry.value("name")
        if key is not None and name is not None:
            accounts.append(Account(name=name, key=key, collectors=collectors, thresholds=limits))
    return tuple(accounts)


def _check_names(entries: Iterable[Section], report: Report) -> None:
    lines: dict[str, int] = {}
    for entry in entries:
        name = entry.value("name")
        if name in lines:
            message = f"{entry.path}.name: {quoted(name)} is the name of the account in line {lines[name]} already"
            report.add(entry.place_of("name"), message)
        elif name is not None:
            lines[name] = entry.place_of("name").line


def _key(entry: Section, environment: Mapping[str, str], report: Report) -> SecretSource | None:
    name = entry.value("name")
    label = f"account {quoted(name)}" if name else entry.path
    sources = [name for name in ("api_key_env", "api_key_file") if _is_set(entry, name)]
    if len(sources) != 1:
        found = "both" if sources else "neither"
        place = entry.place_of(sources[-1]) if sources else entry.place
        report.add(place, f"{label}: expected exactly one of api_key_env and api_key_file; found {found}")
        return None
    value = entry.value(sources[0])
    if value is None:
        return None
    key = EnvironmentSecret(value, environment) if sources[0] == "api_key_env" else FileSecret(value)
    try:
        key.read()
    except SecretError as error:
        report.add(entry.place_of(sources[0]), f"{label}: {error}")
        return None
    return key


def _is_set(entry: Section, name: str) -> bool:
    given = entry.keys.get(name)
    return given is not None and not isinstance(given, Section) and given.value is not None


def _unplaced(file: str, message: str) -> ConfigurationError:
    return ConfigurationError((Mistake(file, 0, 0, message),))
