"""Allocation labels for keys, members and workspaces: which rule decides, what is published and what never is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from exporter.collectors.allocation import UNALLOCATED, Allocation
from exporter.collectors.keys import KeysCollector, KeysSettings
from exporter.collectors.registry import only
from exporter.collectors.subjects import Subject, names_of
from exporter.config.allocation_settings import AllocationRule, Allocations
from exporter.config.configuration import Account
from exporter.config.secret import EnvironmentSecret
from exporter.exposition.families import Family
from tests.collectors.balances import account as api_of
from tests.collectors.balances import counted, digest, key, pages, polled
from tests.collectors.helpers import ago
from tests.collectors.split_api import SplitApi, split, use
from tests.support import Pauses, finished

SEARCH_KEY = Subject(
    "key", "abc", names_of({"key": ("search-1",), "workspace": ("Research", "w1"), "member": ("user_1",)})
)


def rule(team: str | None = None, cost: str | None = None, **conditions: str) -> AllocationRule:
    """Return a rule that sets a team, a cost center or both."""
    labels = {name: value for name, value in (("team", team), ("cost_center", cost)) if value}
    compiled: dict[str, Any] = {name: re.compile(text) for name, text in conditions.items()}
    return AllocationRule(**compiled, labels=labels)


def allocation(*rules: AllocationRule, labels: Mapping[str, str] | None = None) -> Allocation:
    return Allocation(
        Account(
            name="prod",
            key=EnvironmentSecret("KEY", {"KEY": "sk-or-v1-test"}),
            collectors=only(),
            labels=labels or {},
            allocations=Allocations(labels=("team", "cost_center"), rules=rules),
        )
    )


def published(configured: Allocation, *subjects: Subject) -> dict[str, list[tuple[str, ...]]]:
    """Return the samples of each family, by the label that identifies what is allocated."""
    families: list[Family] = finished(configured.families(Pauses(), subjects))
    return {family.metric.labels[1]: list(family.label_sets.samples) for family in families}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ("unallocated", "unallocated")),
        ([rule("a", key="search-.*")], ("a", "unallocated")),
        ([rule("a", key="search")], ("unallocated", "unallocated")),
        ([rule("a", key="search-1"), rule("b", key=".*")], ("a", "unallocated")),
        ([rule("a", key=".*"), rule("b", cost="7", key=".*")], ("a", "7")),
        ([rule("a", workspace="Research")], ("a", "unallocated")),
        ([rule("a", workspace="w1", member="user_1")], ("a", "unallocated")),
        ([rule("a", workspace="w1", member="user_2")], ("unallocated", "unallocated")),
        ([rule("a", app=".*")], ("unallocated", "unallocated")),
    ],
)
def test_each_label_comes_from_the_first_rule_that_matches_and_has_it(
    rules: list[AllocationRule], expected: tuple[str, str]
) -> None:
    assert tuple(allocation(*rules).of(SEARCH_KEY).values()) == expected


def test_account_labels_apply_where_no_rule_matches() -> None:
    configured = allocation(rule("a", key="search-.*"), labels={"team": "platform", "cost_center": "7"})
    assert configured.of(SEARCH_KEY) == {"team": "a", "cost_center": "7"}
    assert configured.of(Subject("key", "unattributed")) == {"team": "platform", "cost_center": "7"}


def test_order_of_rules_holds_beyond_one_step() -> None:
    rules = [rule(str(number), key=f"search-{number}" if number < 25 else "search.*") for number in range(2, 40)]
    configured = allocation(*rules)
    assert published(configured, SEARCH_KEY) == {"key": [("prod", "abc", "25", UNALLOCATED)]}
    assert configured.of(SEARCH_KEY)["team"] == "25"


def test_keys_and_workspaces_have_their_own_families() -> None:
    workspace = Subject("workspace_id", "w1", names_of({"workspace": ("Research",)}))
    assert published(allocation(rule("a", workspace="Research")), SEARCH_KEY, workspace) == {
        "key": [("prod", "abc", "a", UNALLOCATED)],
        "workspace_id": [("prod", "w1", "a", UNALLOCATED)],
    }


def test_end_users_are_published_only_where_a_rule_names_them() -> None:
    user = Subject("external_user", "ada@example.com", names_of({"end_user": ("ada@example.com",)}))
    assert published(allocation(rule("a", key=".*")), user) == {}
    assert published(allocation(rule("a", end_user=".*@example.com")), user) == {
        "external_user": [("prod", "ada@example.com", "a", UNALLOCATED)]
    }


def test_email_of_a_member_is_matched_but_not_published() -> None:
    member = Subject("user_id", "user_1", names_of({"member": ("user_1", "ada@example.com", "Ada")}))
    samples = published(allocation(rule("a", member=".*@example.com")), member)
    assert samples == {"user_id": [("prod", "user_1", "a", UNALLOCATED)]}


@pytest.mark.parametrize(("second", "expected"), [("search-2", "a"), ("ads-1", UNALLOCATED)])
def test_other_has_the_labels_that_all_folded_keys_share(second: str, expected: str) -> None:
    subjects = [SEARCH_KEY, Subject("key", "def", names_of({"key": (second,)})), Subject("key", "other")]
    samples = published(allocation(rule("a", key="search-.*")), *subjects)["key"]
    assert samples[-1] == ("prod", "other", expected, UNALLOCATED)


def test_only_the_beginning_of_a_long_name_is_compared() -> None:
    subject = Subject("key", "abc", names_of({"key": ("search-" + "x" * 1_000_000,)}))
    assert allocation(rule("a", key="search-.*")).of(subject)["team"] == "a"


def test_allocations_of_equal_configurations_are_equal() -> None:
    assert allocation(rule("a", key=".*")) == allocation(rule("a", key=".*"))
    assert allocation(rule("a", key=".*")) != allocation(rule("b", key=".*"))
    assert allocation() != allocation(labels={"team": "a"})


def test_rules_match_keys_by_name_hash_workspace_and_creator() -> None:
    workspaces = counted([{"id": "w1", "name": "Research", "slug": "research"}])
    collected = polled(KeysCollector("prod", KeysSettings()), api_of(pages([key("a")]), workspaces)).collected
    of_key = ("a", digest("a"), digest("a")[:12])
    names = names_of({"key": of_key, "workspace": ("Research", "research", "w1"), "member": ("user_1",)})
    assert collected.summary.subjects == (Subject("key", of_key[-1], names),)


def test_other_and_unattributed_keys_have_no_names() -> None:
    collector = KeysCollector("prod", KeysSettings(max_keys=1), names_all=True)
    subjects = polled(collector, api_of(pages([key("a"), key("b")]))).collected.summary.subjects
    assert subjects[2:] == (Subject("key", "other"), Subject("key", "unattributed"))


def test_rules_match_members_by_id_email_and_name() -> None:
    row = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L"}
    api = SplitApi([use("user_1", ago(1))], ["user_1"], listed={"user_1": row})
    names = names_of({"member": ("user_1", "ada@example.com", "Ada L")})
    expected = (Subject("user_id", "user_1", names), Subject("user_id", "unattributed"))
    assert split(api, "member").collected.summary.subjects == expected


def test_keys_are_matched_in_short_steps() -> None:
    rules = [rule("a", key=f"team-{number}-.*", workspace="Research") for number in range(100)]
    subjects = [Subject("key", str(number), names_of({"key": (f"key-{number}",)})) for number in range(200)]
    pauses = Pauses()
    finished(allocation(*rules).families(pauses, subjects))
    assert pauses.count >= 200 * 10
