"""`once --format=table` prints the content of the landing page as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exporter.commands.status_table import status_table
from exporter.simulator.application import Running
from exporter.status import CREDIT_LEFT, SPENT_TODAY, Figure
from tests.daemon.conftest import KEY, run
from tests.web.samples import collector, failing, incomplete, status
from tests.web.test_overview import budget, budgets, models


def test_table_has_one_row_per_account() -> None:
    """Amounts are right-aligned, and unknown ones are dashes."""
    figures = (Figure(SPENT_TODAY, 3.0), Figure(CREDIT_LEFT, 1234.5))
    assert status_table(status(collector("a", figures=figures), collector("long-name", spend=(), day=None))) == (
        "Account    State    Latest day  30 days  Today  Credit left  Budget\n"
        "a          healthy       $4.50    $7.50  $3.00    $1,234.50  -\n"
        "long-name  healthy           -        -      -            -  -\n"
    )


def test_failing_collector_is_listed_with_its_error_and_advice() -> None:
    """Rejected rows are listed too."""
    lines = status_table(status(failing("a", "HTTP 401", advice="use a management key"), incomplete("b"))).splitlines()
    assert "a activity: failing: HTTP 401; use a management key" in lines
    assert "b activity: incomplete: 3 rows rejected: totals lack them" in lines


def test_table_has_one_row_per_budget() -> None:
    """A failed budget is listed with its error."""
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


def test_top_models_are_listed_with_their_share() -> None:
    text = status_table(status(models(("acme/one", 30.0), ("acme/two", 10.0), total=80.0)))
    assert (
        "Top models in 30 days, of $80.00\n"
        "Account  Name         USD  Share\n"
        "default  acme/one  $30.00   38 %\n"
        "default  acme/two  $10.00   12 %\n"
    ) in text


def test_control_characters_are_replaced() -> None:
    """A key's name must not control the terminal."""
    assert "\x1b" not in status_table(status(models(("\x1b[31mred", 1.0), total=1.0), failing("b", "\x1b[2J")))


async def test_once_prints_a_table(simulator: Running, write_configuration: Callable[..., Path]) -> None:
    """The exit code is 1 if a collector failed."""
    path = write_configuration(simulator.url)
    code, out, _ = await run("once", f"--config.file={path}", "--format=table", variables={"OPENROUTER_API_KEY": KEY})
    assert 0 == code
    assert "Top models in 30 days, of $" in out
    code, out, _ = await run(
        "once", f"--config.file={path}", "--format=table", variables={"OPENROUTER_API_KEY": "sk-or-v1-ordinary"}
    )
    assert 1 == code
    assert "activity: failing" in out
