"""The Alertmanager example: amtool accepts it, each severity has its receiver, and no symptom inhibits its cause."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.servers.alertmanager import SHIPPED
from tests.servers.shipped import Rule, rules

ALERTS = {rule.name: rule for rule in rules() if rule.alerts}
CONFIGURATION = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
GRAVITY = ("info", "warning", "critical")
RECEIVERS = {"critical": "pager", "warning": "mail", "info": "digest"}


def run(amtool: str, *arguments: str) -> str:
    """Return the output of amtool, or fail with it."""
    done = subprocess.run([amtool, *arguments], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def route(amtool: str, *labels: str) -> str:
    """Return the receiver of an alert with these labels."""
    return run(amtool, "config", "routes", "test", f"--config.file={SHIPPED}", *labels).strip()


def alerts_that_match(matchers: list[str]) -> set[str]:
    """Return the names of the shipped alerts that matchers select."""
    names = set(ALERTS)
    for matcher in matchers:
        match = re.fullmatch(r'alertname(=~|!~|=)"(.+)"', matcher)
        assert match is not None, matcher
        named = {name for name in ALERTS if re.fullmatch(match[2], name)}
        names &= set(ALERTS) - named if match[1] == "!~" else named
    return names


def gravity(rule: Rule) -> int:
    """Return a number that is larger for a worse severity."""
    return GRAVITY.index(rule.labels["severity"])


def test_amtool_accepts_the_example(amtool: str) -> None:
    assert "SUCCESS" in run(amtool, "check-config", str(SHIPPED))


@pytest.mark.parametrize("name", ALERTS)
def test_severity_decides_the_receiver_of_every_alert(amtool: str, name: str) -> None:
    """Critical alerts page, warnings are mailed, and the rest is a digest."""
    severity = ALERTS[name].labels["severity"]
    assert RECEIVERS[severity] == route(amtool, f"alertname={name}", f"severity={severity}", "account=default")


def test_other_alerts_use_the_default_route(amtool: str) -> None:
    """Their severity does not matter."""
    assert CONFIGURATION["route"]["receiver"] == route(amtool, "alertname=DiskFull", "severity=critical")


def test_messages_are_grouped_by_account() -> None:
    """All severities share that route."""
    (shared,) = CONFIGURATION["route"]["routes"]
    assert ["account"] == shared["group_by"]
    assert not any("group_by" in below for below in shared["routes"])


@pytest.mark.parametrize("inhibition", CONFIGURATION["inhibit_rules"], ids=lambda rule: rule["source_matchers"][0])
def test_inhibition_names_existing_alerts(inhibition: dict[str, Any]) -> None:
    named = re.findall(r"OpenRouter\w+", " ".join([*inhibition["source_matchers"], *inhibition["target_matchers"]]))
    assert [] == [name for name in named if name not in ALERTS]
    assert alerts_that_match(inhibition["source_matchers"])
    assert alerts_that_match(inhibition["target_matchers"])


@pytest.mark.parametrize("inhibition", CONFIGURATION["inhibit_rules"], ids=lambda rule: rule["source_matchers"][0])
def test_cause_is_at_least_as_severe_as_its_symptoms(inhibition: dict[str, Any]) -> None:
    """A mail must not inhibit a page, and no alert inhibits itself."""
    sources = alerts_that_match(inhibition["source_matchers"])
    targets = alerts_that_match(inhibition["target_matchers"])
    assert not sources & targets
    assert min(gravity(ALERTS[name]) for name in sources) >= max(gravity(ALERTS[name]) for name in targets)
