"""`once --format=table`: what the landing page shows, as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exporter.commands.status_table import status_table
from exporter.simulator.application import Running
from exporter.status import CREDIT_LEFT, SPENT_TODAY, Figure
from tests.daemon.conftest import KEY, run
from tests.web.samples import collector, failing, incomplete, status
from tests.web.test_overview import budget, budgets, models


def test_accounts_have_a_row_each() -> None:
    """Amounts are aligned to the right; those that are unknown are dashes."""
    figures = (Figure(SPENT_TODAY, 3.0), Figure(CREDIT_LEFT, 1234.5))
    assert status_table(status(collector("a", figures=figures), collector("long-name", spend=(), day=None))) == (
        "Account    State    Latest day  30 days  Today  Credit left  Budget\n"
        "a          healthy       $4.50    $7.50  $3.00    $1,234.50  -\n"
        "long-name  healthy           -        -      -            -  -\n"
    )


def test_collector_in_trouble_is_named_with_its_error() -> None:
    """And with what is to be done about it; rejected rows are trouble as well."""
    lines = status_table(status(failing("a", "HTTP 401", advice="use a management key"), incomplete("b"))).splitlines()
    assert "a activity: failing: HTTP 401; use a management key" in lines
    assert "b activity: incomplete: 3 rows rejected: totals lack them" in lines


def test_budgets_have_a_row_each() -> None:
    """Limit, spent, left and projected; one that fails is named with its reason."""
    shown = budgets(budget(projected_usd=78.5), budget("lab", None, error="HTTP 500"), budget("day", 120.0))
    lines = status_table(status(shown)).splitlines()
    start = lines.index(next(line for line in lines if "Covers" in line))
    assert lines[start : start + 5] == [
        "Account  Budget  Covers                 Limit    Spent   Used         Left  Projected",
        "default  lab     account, each month  $100.00        -      -            -          -",
        "default  day     account, each month  $100.00  $120.00  120 %  $20.00 over          -",
        "default  month   account, each month  $100.00   $57.00   57 %  $43.00 left     $78.50",
        "",
    ]
    assert "budget lab: HTTP 500" in lines


def test_largest_spenders_are_listed() -> None:
    """With their share, and what it is a share of."""
    text = status_table(status(models(("acme/one", 30.0), ("acme/two", 10.0), total=80.0)))
    assert (
        "Top models in 30 days, of $80.00\n"
        "Account  Name         USD  Share\n"
        "default  acme/one  $30.00   38 %\n"
        "default  acme/two  $10.00   12 %\n"
    ) in text


def test_control_characters_are_replaced() -> None:
    """A key's name cannot write to the terminal."""
    assert "\x1b" not in status_table(status(models(("\x1b[31mred", 1.0), total=1.0), failing("b", "\x1b[2J")))


async def test_once_prints_a_table(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The exit code is that of `once`: 1 if a collector failed."""
    path = write_configuration(simulator.url)
    code, out, _ = await run("once", f"--config.file={path}", "--format=table", variables={"OPENROUTER_API_KEY": KEY})
    assert 0 == code
    assert "Top models in 30 days, of $" in out
    code, out, _ = await run(
        "once", f"--config.file={path}", "--format=table", variables={"OPENROUTER_API_KEY": "sk-or-v1-ordinary"}
    )
    assert 1 == code
    assert "activity: failing" in out
