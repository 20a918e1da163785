"""The command `rules`: recording rules that sum spend by labels of the configuration.

PromQL cannot group by a label whose name it does not know, so rules for user-defined labels are generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import indent

from exporter.config.allocation_settings import TAKEN
from exporter.config.configuration import Configuration
from exporter.errors import UsageError
from exporter.options import Options

_HEAD = """\
# Spend by labels of the exporter's configuration (`allocations`, `accounts[].labels`), as written by
#   openrouter-exporter rules{options}
# What neither a rule nor a label of the account covers is "unallocated", so the sum over a label is the total.
# Nothing is recorded while the configuration has no such labels.
groups:
"""

# A group for each label: Mimir refuses groups of more than 20 rules by default.
_GROUP = """\
  - name: {name}
    rules:
"""

# Completed days: the activity gauges, whole or split by key, workspace or member.
_DAYS = ("", "7d_", "30d_", "month_to_date_")
_PARTS_OF_DAYS = """\
max by (account, key, workspace_id, user_id) (
  sum without (model, provider, endpoint_id) (
    {{__name__=~"openrouter_activity_{days}(byok_)?usage_usd"}}
  )
)
and on (account) openrouter_account_info
"""

# Periods that include today: what keys spent, and what the account spent besides, such as with keys that were deleted.
# The two come from requests of different moments, so the difference can be a little below 0; the sum stays the total.
_PERIODS = ("today", "week", "month")
_PARTS_OF_PERIOD = """\
(
  max by (account, key) (sum without () ({{__name__=~"openrouter_key_(byok_)?usage_{period}_usd"}}))
  or
  round(
    1e9 * max by (account) (sum without (paid_by) (openrouter_spend_{period}_usd))
    - 1e9 * sum by (account) (
      max by (account, key) (sum without () ({{__name__=~"openrouter_key_(byok_)?usage_{period}_usd"}}))
    )
  ) / 1e9
  or
  max by (account) (sum without (paid_by) (openrouter_spend_{period}_usd))
)
and on (account) openrouter_account_info
"""
_BY_LABEL = """\
sum by (account, {label}) (
    {parts}
    * on (account, {part}) group_left ({label})
    topk by (account, {part}) (
      1, {info}
    )
  or
    (
      {parts}
      unless on (account, {part})
      {info}
    )
    * on (account) group_left ({label})
    topk by (account) (1, openrouter_account_info{{{label}!=""}})
)
"""

# Apps and end users, by the analytics presets; only for accounts that have rules for them.
_PRESETS = (("app", "app", "apps"), ("end_user", "external_user", "users"))
_PRESET_PERIODS = ("today", "month")
_PARTS_OF_PRESET = """\
max by (account, {part}) (openrouter_analytics_total_usage_usd{{query="{preset}_{period}"}})
and on (account) openrouter_allocation_info{{{part}!=""}}
"""


def write_rules(options: Options, read_configuration: Callable[[], Configuration]) -> str:
    """Return the rule file for the labels of the options or, without any, of the configuration. Raise ExporterError."""
    labels = options.allocation_labels or read_configuration().allocations.labels
    taken = [label for label in labels if label in TAKEN]
    if taken:
        raise UsageError(f"openrouter-exporter rules: argument --allocation.label: {taken[0]} has another meaning")
    if not labels:
        raise UsageError("openrouter-exporter rules: allocations.labels is empty; name labels with --allocation.label")
    return rule_file(labels)


def rule_file(labels: Sequence[str]) -> str:
    """Return the rule file for labels, in their order."""
    head = _HEAD.format(options="".join(f" --allocation.label={label}" for label in labels))
    return head + "\n".join(_GROUP.format(name=name) + "".join(rules) for name, rules in _groups(labels))


def _groups(labels: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the rules of each group: the parts that have labels, and then their sums by each label."""
    parts = {f"openrouter_activity_{days}spend_usd": _PARTS_OF_DAYS.format(days=days) for days in _DAYS}
    parts |= {f"openrouter_spend_{period}_usd": _PARTS_OF_PERIOD.format(period=period) for period in _PERIODS}
    kinds = dict.fromkeys(parts, ("key, workspace_id, user_id", 'app="", external_user=""'))
    for name, part, preset in _PRESETS:
        for period in _PRESET_PERIODS:
            metric = f"openrouter_{name}_spend_{period}_usd"
            parts[metric] = _PARTS_OF_PRESET.format(part=part, preset=preset, period=period)
            kinds[metric] = (part, f'{part}!=""')
    recorded = {metric: f"account_part:{metric}:sum" for metric in parts}
    yield "openrouter-allocation", [_rule(recorded[metric], expression) for metric, expression in parts.items()]
    for label in labels:
        rules = []
        for metric, (part, matchers) in kinds.items():
            info = f'openrouter_allocation_info{{{label}!="", {matchers}}}'
            expression = _BY_LABEL.format(label=label, parts=recorded[metric], part=part, info=info)
            rules.append(_rule(f"account_{label}:{metric}:sum", expression))
        yield f"openrouter-allocation-{label}", rules


def _rule(record: str, expression: str) -> str:
    return f"      - record: {record}\n        expr: |\n{indent(expression, ' ' * 10)}"
