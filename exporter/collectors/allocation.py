"""Labels of the configuration for an account and its parts.

What neither a rule nor a label of the account covers is `unallocated`, so that sums over a label add up to the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.clock import Pause
from exporter.collectors.common import gauge, info
from exporter.collectors.constants import OTHER
from exporter.collectors.subjects import Subject
from exporter.config.allocation_settings import ANALYTICS_DIMENSIONS, Dimension
from exporter.config.configuration import Account
from exporter.config.expression_cost import LONGEST_NAME
from exporter.exposition.families import Family, MetricFamily

UNALLOCATED = "unallocated"
PARTS = ("key", "workspace_id", "user_id", "app", "external_user")  # labels that tell an account's parts apart
RULES_PER_STEP = 10
# One sample, which changes with the configuration alone.
ACCOUNT_INFO = MetricFamily(
    "openrouter_account_info", "Labels of an account, from `accounts[].labels`. The value is 1.", ("account",)
)

_Names = Mapping[Dimension, Sequence[str]]


class _Rule(NamedTuple):
    """A rule: for each of its dimensions, the function that compares a whole name."""

    conditions: tuple[tuple[Dimension, Callable[[str], object]], ...]
    labels: Mapping[str, str]

    def matches(self, names: _Names) -> bool:
        # Plain loops: with thousands of keys and a hundred rules, generators take twice the time.
        for dimension, is_match in self.conditions:
            for name in names.get(dimension, ()):
                if is_match(name):
                    break
            else:
                return False
        return True


def allocation_info(part: Sequence[str], labels: Sequence[str]) -> MetricFamily:
    """Return the family of the labels of parts, which the labels `part` tell apart."""
    help_ = "Labels of a key, workspace, member, app or end user, from `allocations`. The value is 1."
    return gauge("openrouter_allocation_info", help_, ("account", *part, *labels))


class Allocation:
    """The labels of one account and of its parts. Those of equal configurations are equal."""

    def __init__(self, account: Account) -> None:
        self._account = account.name
        self._identity = (account.name, account.labels, account.allocations)
        self._rules = [
            _Rule(tuple((name, pattern.fullmatch) for name, pattern in rule.conditions.items()), rule.labels)
            for rule in account.allocations.rules
        ]
        self._dimensions = {dimension for rule in self._rules for dimension, _ in rule.conditions}
        self._known: dict[Subject, tuple[str, ...]] = {}  # those of the last poll, because names seldom change
        self.labels = account.allocations.labels
        self.of_account = {label: account.labels.get(label, UNALLOCATED) for label in self.labels}

    def __eq__(self, other: object) -> bool:
        """Return whether another one has the same labels for every part."""
        return isinstance(other, Allocation) and other._identity == self._identity

    __hash__ = None  # type: ignore[assignment]  # labels are mappings

    def of(self, subject: Subject) -> dict[str, str]:
        """Return the value of each declared label for a part of the account."""
        return self.of_account | _from_rules(_compared(subject), self._rules)

    async def families(self, pause: Pause, subjects: Sequence[Subject]) -> list[Family]:
        """Return the labels of parts: one family for each label that tells parts apart."""
        known: dict[Subject, tuple[str, ...]] = {}
        by_part: dict[str, list[tuple[str, ...]]] = {}
        for subject in subjects if self.labels else ():
            # Apps come by the thousand, and end users are people: only where a rule names their dimension.
            if ANALYTICS_DIMENSIONS.get(subject.label) in (None, *self._dimensions):
                known[subject] = values = self._known.get(subject) or await self._values(pause, subject)
                by_part.setdefault(subject.label, []).append((self._account, subject.value, *values))
            await pause()
        self._known = known
        for samples in by_part.values():
            _share_labels_of_all(samples)
        return [info(allocation_info((part,), self.labels), samples) for part, samples in by_part.items()]

    async def _values(self, pause: Pause, subject: Subject) -> tuple[str, ...]:
        """Return the values of a part's labels, pausing between rules: hostile names can make one take long."""
        names, labels = _compared(subject), dict[str, str]()
        for start in range(0, len(self._rules), RULES_PER_STEP):
            labels = _from_rules(names, self._rules[start : start + RULES_PER_STEP]) | labels
            await pause()
        return tuple((self.of_account | labels).values())


def _compared(subject: Subject) -> _Names:
    return {dimension: [name[:LONGEST_NAME] for name in names] for dimension, names in subject.names}


def _from_rules(names: _Names, rules: Iterable[_Rule]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for rule in rules:
        if rule.matches(names):
            labels = {**rule.labels, **labels}
    return labels


class PartLabels:
    """Looks up the labels of an account's rows, for exports."""

    def __init__(self, account: Account, subjects: Iterable[Subject]) -> None:
        allocation = Allocation(account)
        self._of_account = allocation.of_account
        self._of_parts = {(subject.label, subject.value): allocation.of(subject) for subject in subjects}

    def of(self, row: Mapping[str, str]) -> Mapping[str, str]:
        """Return the value of each declared label for a row, given the row's own labels, such as `key`."""
        parts = (self._of_parts.get(part) for part in row.items())
        return next((labels for labels in parts if labels is not None), self._of_account)


def _share_labels_of_all(samples: list[tuple[str, ...]]) -> None:
    """Give `other`, which stands for some of the parts, the labels that all parts have in common."""
    index = next((index for index, (_, value, *_) in enumerate(samples) if value == OTHER), None)
    if index is not None and len(samples) > 1:
        account, value, *_ = samples.pop(index)
        columns = list(zip(*samples, strict=True))[2:]
        common = (column[0] if len(set(column)) == 1 else UNALLOCATED for column in columns)
        samples.append((account, value, *common))
