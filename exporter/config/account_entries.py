"""Accounts with usable keys, from the configuration file, from account files and from a directory of key files.

A mistake in the configuration file itself is an error. A mistake in an account file, or in a key file of a directory,
only affects the accounts of that file: those in force stay as they were, others are not added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.allocation_checks import check_labels
from exporter.config.budget_settings import ConfiguredBudget
from exporter.config.configuration import Account, Upstream
from exporter.config.diagnostics import Position, Report, few, quoted
from exporter.config.discovery import AccountSources, account_files, is_match, key_files
from exporter.config.file_format import WrittenAccount, WrittenFile
from exporter.config.reader import Reader
from exporter.config.secret import MANAGEMENT_KEYS, EnvironmentSecret, FileSecret, Secret, SecretSource
from exporter.config.value_types import text
from exporter.config.yaml_files import read_text
from exporter.config.yaml_nodes import Scalar, read_tree
from exporter.errors import ConfigurationError, Mistake, SecretError

ACCOUNTS = "accounts"
MOST_NAMED = 5  # accounts with one key
Owns = Callable[[str], bool]


class AccountEntries:
    """Collects the accounts of a configuration. Call `add_written` first, because its names have priority.

    `owns` returns whether an account of this name is polled here; the keys of others are not read. `previous` are the
    accounts in force, from which those of an unreadable source are taken.
    """

    def __init__(
        self,
        file: WrittenFile,
        reader: Reader[WrittenFile],
        *,
        file_name: str,
        environment: Mapping[str, str],
        owns: Owns,
        previous: Iterable[Account],
    ) -> None:
        self._file = file
        self._reader = reader
        self._file_name = file_name
        self._environment = environment
        self._owns = owns
        self._previous: dict[Path, list[Account]] = {}
        for account in previous:
            if account.origin is not None:
                self._previous.setdefault(account.origin, []).append(account)
        self._names: dict[str, str] = {}  # with where they were first used
        self._secrets: dict[SecretSource, Secret] = {}  # those that could be read
        self._report = Report(file_name)
        self._in_files: list[Mistake] = []
        self.accounts: list[Account] = []

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """Mistakes in sources other than the configuration file."""
        return (*self._report.mistakes, *self._in_files)

    def shared_keys(self) -> Iterator[str]:
        """Yield a warning for each key that several accounts have, without the key."""
        owners: dict[Secret, list[str]] = {}
        for account in self.accounts:
            if account.key in self._secrets:
                owners.setdefault(self._secrets[account.key], []).append(account.name)
        for names in owners.values():
            if len(names) > 1:
                yield (
                    f"accounts {few([*map(quoted, names)], MOST_NAMED)} have the same key: unless their filters "
                    f"differ, sums over accounts count its spend {len(names)} times"
                )

    def add_written(self, entries: Sequence[WrittenAccount]) -> None:
        """Add the accounts of the configuration file; the reader's report has its mistakes."""
        self._add(self._checked(entries, self._reader, None), self._reader, self._file_name)

    def add_files(self, patterns: Sequence[str]) -> None:
        """Add the accounts of files that match one of the patterns."""
        paths: dict[Path, None] = {}
        kept: list[Path] = []
        for pattern in patterns:
            try:
                paths |= dict.fromkeys(account_files(pattern))
            except OSError as error:
                position = self._reader.position_of("account_files")
                self._report.add(position, f"account_files: {error.filename}: {error.strerror}")
                kept += [path for path in self._previous if is_match(path, pattern)]
        for path in paths:
            self._add_file(path)
        for path in kept:
            self._keep(path)

    def _add_file(self, path: Path) -> None:
        report = Report(str(path))
        reader = self._reader.beside(report)
        try:
            tree = read_tree(read_text(path), path.parent, report)
            accounts = self._checked(reader.read_list(ACCOUNTS, tree), reader, path)
            report.raise_if_any()
        except ConfigurationError as error:
            self._in_files += error.mistakes
            self._keep(path)
        else:
            self._add(accounts, reader, str(path))
            self._in_files += report.mistakes

    def _add(self, accounts: Mapping[str, Account | None], reader: Reader[WrittenFile], file: str) -> None:
        """Add the accounts of a file that are ours, except those whose name another file has used."""
        for index, (name, account) in enumerate(accounts.items()):
            path = f"{ACCOUNTS}[{index}].name"
            if name in self._names:
                reader.mistake(path, self._duplicate(name))
                continue
            self._names[name] = f"{file}:{reader.position_of(path).line}"
            if account is not None:
                self.accounts.append(account)

    def add_keys(self, sources: AccountSources) -> None:
        """Add an account for each key file of the directory."""
        if sources.directory is None:
            return
        position = self._reader.position_of("accounts_from.directory")
        try:
            paths = key_files(sources.directory)
        except OSError as error:
            self._report.add(position, f"accounts_from.directory: {sources.directory}: {error.strerror}")
            for path in self._previous:
                if path.parent == sources.directory:
                    self._keep(path)
            return
        for path in paths:
            try:
                self._add_key(path, sources.name_of(path))
            except SecretError as error:
                self._report.add(position, f"accounts_from: {error}")
                self._keep(path)

    def _add_key(self, path: Path, name: str) -> None:
        """Add the account of a key file. Raise SecretError if the key or the account's name can't be used."""
        try:
            text().read(Scalar(Position(1, 1), name, plain=False))
        except ValueError:
            raise SecretError(f"file {path}: the account's name would not be {text().expected}") from None
        if name in self._names:
            raise SecretError(f"file {path}: {self._duplicate(name)}")
        if self._owns(name):
            key = FileSecret(path)
            self._secrets[key] = check_key(key, self._file.upstream)
            self.accounts.append(
                Account(
                    name=name,
                    key=key,
                    collectors=self._file.collectors,
                    thresholds=self._file.thresholds,
                    budgets=self._file.budgets,
                    allocations=self._file.allocations,
                    origin=path,
                )
            )
        self._names[name] = str(path)

    def _keep(self, origin: Path) -> None:
        """Keep the accounts in force that came from a source, unless others have their names by now."""
        for account in self._previous.get(origin, ()):
            if account.name not in self._names:
                self._names[account.name] = str(origin)
                self.accounts.append(account)

    def _duplicate(self, name: str) -> str:
        return f"duplicate name {quoted(name)} (first used in {self._names[name]})"

    def _checked(
        self, entries: Sequence[WrittenAccount], reader: Reader[WrittenFile], origin: Path | None
    ) -> dict[str, Account | None]:
        """Return the accounts of one file by name, None for those of other shards, and report their mistakes."""
        check_names(ACCOUNTS, entries, reader)
        accounts: dict[str, Account | None] = {}
        for index, entry in enumerate(entries):
            check_names(f"{ACCOUNTS}[{index}].budgets", entry.budgets, reader)
            check_labels(entry.labels, self._file.allocations.labels, f"{ACCOUNTS}[{index}].labels", reader)
            accounts[entry.name] = None
            if self._owns(entry.name):
                accounts[entry.name] = Account(
                    name=entry.name,
                    key=self._key(entry, f"{ACCOUNTS}[{index}]", reader),
                    collectors=entry.collectors,
                    thresholds=entry.thresholds,
                    labels=entry.labels,
                    allocations=self._file.allocations,
                    budgets=tuple({budget.name: budget for budget in (*self._file.budgets, *entry.budgets)}.values()),
                    origin=origin,
                )
        return accounts

    def _key(self, entry: WrittenAccount, path: str, reader: Reader[WrittenFile]) -> SecretSource:
        """Return where an account's key is read, and report a key that can't be used."""
        variable, file = entry.api_key_env, entry.api_key_file
        source = FileSecret(file) if file is not None else EnvironmentSecret(variable or "", self._environment)
        if (variable is None) != (file is None):  # anything else has been reported
            try:
                self._secrets[source] = check_key(source, self._file.upstream)
            except SecretError as error:
                reader.mistake(f"{path}.{'api_key_env' if file is None else 'api_key_file'}", str(error))
        return source


def check_key(source: SecretSource, upstream: Upstream) -> Secret:
    """Return the key. Raise SecretError if there is none, or if it can't be one of the API's."""
    key = source.read()
    # A gateway in front of the API may have keys of its own.
    if urlsplit(upstream.base_url).hostname == "openrouter.ai" and not key.reveal().startswith("sk-or-"):
        raise SecretError(
            f"{source} does not have an OpenRouter key, which begins with sk-or-; get one at {MANAGEMENT_KEYS}"
        )
    return key


def check_names(path: str, named: Sequence[WrittenAccount | ConfiguredBudget], reader: Reader[WrittenFile]) -> None:
    """Report a name that two entries of a list have."""
    lines: dict[str, int] = {}
    for index, entry in enumerate(named):
        name = f"{path}[{index}].name"
        if entry.name in lines and entry.name:
            reader.mistake(name, f"duplicate name {quoted(entry.name)} (first used on line {lines[entry.name]})")
        else:
            lines[entry.name] = reader.position_of(name).line
