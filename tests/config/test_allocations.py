"""Allocation labels: which rules are accepted, refused or have no effect."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from exporter.collectors.registry import SECTION
from exporter.config.configuration import Configuration
from exporter.config.diagnostics import Position
from exporter.config.dump import describe
from exporter.config.expression_cost import LONGEST_NAME, bounded_expression
from exporter.config.load import parse, warnings_of
from exporter.config.yaml_nodes import Scalar
from tests.config.conftest import ACCOUNTS, ENVIRONMENT

Read = Callable[[str], Configuration]

RULES = """allocations:
  labels: [team, cost_center]
  rules:
"""


def rules(*lines: str) -> str:
    return RULES + "".join(f"    - {{{line}}}\n" for line in lines)


def useless(read: Read, *lines: str) -> list[int]:
    """Return the indexes of the rules that a warning names."""
    return [int(number) for text in warnings_of(read(rules(*lines))) for number in re.findall(r"\[(\d+)\] has", text)]


def test_dumped_allocations_load_as_the_same() -> None:
    text = rules('key: "a.*", workspace: "w", labels: {team: search}')
    accounts = ACCOUNTS.replace("name: default,", "name: default, labels: {cost_center: '7'},")
    configuration = parse(accounts + text, "test.yaml", ENVIRONMENT, collectors=SECTION)
    written = yaml.safe_dump(describe(configuration))
    assert parse(written, "test.yaml", ENVIRONMENT, collectors=SECTION) == configuration


@pytest.mark.parametrize(
    "lines",
    [
        ('key: "a", labels: {team: x}', 'key: "a", labels: {team: y}'),
        ('key: ".*", labels: {team: x}', 'key: "a|b", labels: {team: y}'),
        ('key: "se.*", labels: {team: x}', 'key: "search", labels: {team: y}'),
        ('key: "se.*", labels: {team: x}', 'key: "search-[0-9]+", labels: {team: y}'),
        ('key: "(se|no).*", labels: {team: x}', 'key: "search", labels: {team: y}'),
        ('key: "a", labels: {team: x}', 'key: "a", workspace: "w", labels: {team: y}'),
    ],
)
def test_rule_that_can_never_match_is_a_warning(read: Read, lines: tuple[str, ...]) -> None:
    assert useless(read, *lines) == [1]


@pytest.mark.parametrize(
    "lines",
    [
        ('key: "a", labels: {team: x}', 'key: "b", labels: {team: y}'),
        ('key: "a", labels: {team: x}', 'key: "a", labels: {cost_center: y}'),
        ('key: "a", labels: {team: x}', 'key: "a", labels: {team: x, cost_center: y}'),
        ('key: "ab.*", labels: {team: x}', 'key: "ab?", labels: {team: y}'),
        ('key: "ab.*", labels: {team: x}', 'key: "abc|d", labels: {team: y}'),
        ('key: "a", workspace: "w", labels: {team: x}', 'key: "a", labels: {team: y}'),
        ('workspace: ".*", labels: {team: x}', 'key: "a", labels: {team: y}'),
    ],
)
def test_rule_that_can_match_is_not_a_warning(read: Read, lines: tuple[str, ...]) -> None:
    assert useless(read, *lines) == []


def test_rule_whose_labels_are_all_set_by_earlier_rules_is_a_warning(read: Read) -> None:
    lines = ('key: "a", labels: {team: x}', 'key: "a.*", labels: {cost_center: "7"}')
    assert useless(read, *lines, 'key: "a", labels: {team: y, cost_center: "8"}') == [2]


def test_warning_has_file_line_and_column(read: Read) -> None:
    text = rules('member: "ada@example.com", labels: {team: x}', 'member: "ada@example.com", labels: {team: y}')
    (warning,) = warnings_of(read(text))
    assert warning == (
        "test.yaml:6:7: allocations.rules[1] has no effect, because earlier rules always match: "
        "allocations.rules[0] (line 5)"
    )


@pytest.mark.parametrize(
    "expression",
    [
        *("(a+)+b", "(a|a)*b", "(a|ab)*c", "(x+x+)+y", "(.*a){25}", "(a*)*", "a?" * 30 + "a" * 30),
        *(".*a.*a.*a.*a.*", r"^(([a-z])+.)+[A-Z]([a-z])+$", "(?=(a+)+b)a", "a{0,99}a{0,99}a{0,99}a{0,99}"),
        *("(?i)(ab|Ab)*c", r"(?i:ix|\u0131x)*c", r"(?i)(sx|\u017fx)*c", "(?i)(ßx|ẞx)*c"),
    ],
)
def test_expression_with_exponential_matching_time_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"exponential time|too many repetitions"):
        bounded_expression().read(Scalar(Position(1, 1), expression, plain=False))


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "search-.*",
            ".*-search-.*-prod.*",
            "(search|ads)-[a-z]+",
            r"[a-z]+(-[a-z]+)?-\d+",
            "(?!test-).*",
            "(?i)ml.*",
        ),
        *("(foo|bar)+", "[0-9a-f]{64}", "a{2,5}", "(ab)*c", ".*?a.*?a.*?b", r"(.)\1.*"),
    ],
)
def test_accepted_expression_takes_milliseconds(expression: str) -> None:
    pattern = bounded_expression().read(Scalar(Position(1, 1), expression, plain=False))
    for hostile in ("a" * (LONGEST_NAME - 1) + "!", "ab" * (LONGEST_NAME // 2), "-search" * 18):
        started = time.process_time()
        pattern.fullmatch(hostile)
        assert time.process_time() - started < 0.2


def test_unknown_label_in_an_account_file_affects_only_its_accounts(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "- name: other\n  api_key_env: OPENROUTER_API_KEY\n  labels: {tem: search}\n", encoding="utf-8"
    )
    text = f"{ACCOUNTS}account_files: [more.yaml]\nallocations: {{labels: [team]}}\n"
    configuration = parse(text, "test.yaml", ENVIRONMENT, tmp_path, collectors=SECTION)
    assert [account.name for account in configuration.accounts] == ["default"]
    (mistake,) = configuration.mistakes
    assert (mistake.line, mistake.column, mistake.message) == (
        *(3, 17),
        'accounts[0].labels.tem: unknown label "tem"; did you mean team?',
    )


@pytest.mark.parametrize(
    ("collectors", "rule", "expected"),
    [
        ("keys: {enabled: false}", 'key: "a"', ["key"]),
        ("analytics: {presets: [apps]}", 'app: "a"', []),
        ("analytics: {enabled: false, presets: [apps]}", 'app: "a"', ["app"]),
        ("analytics: {presets: [cost]}", 'app: "a", end_user: "b"', ["app", "end_user"]),
        ("spend: {enabled: true}", 'key: "a"', []),
    ],
)
def test_condition_on_names_that_are_not_read_is_a_warning(
    read: Read, collectors: str, rule: str, expected: list[str]
) -> None:
    text = f"collectors: {{{collectors}}}\n" + rules(f"{rule}, labels: {{team: x}}")
    result = [re.search(r"allocations has rules for (\w+)", warning) for warning in warnings_of(read(text))]
    assert [match[1] for match in result if match] == expected
