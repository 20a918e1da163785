"""The monthly bars of Overview, and the increase against the same days of the month before."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.dashboards.test_expressions import needs_promtool
from tests.dashboards.test_values import expression

pytestmark = [needs_promtool, pytest.mark.slow]

HALF_A_DAY = timedelta(hours=12)
MTD = 'openrouter_activity_month_to_date_usage_usd{account="a",model="%s",instance="%s"}'
RECORDED = 'account:openrouter_activity_month_to_date_spend_usd:sum{account="a"}'
RECORDED_BY_MODEL = 'account_model:openrouter_activity_month_to_date_spend_usd:sum{account="a",model="%s"}'
KEY = 'openrouter_key_usage_month_usd{account="a",key="k"}'
NOON_OF_MARCH_17 = datetime(1970, 3, 17, 12, tzinfo=UTC)
Value = Callable[[date], float | None]
Series = dict[str, str]


def samples(name: str, until: datetime, value: Value, shown: timedelta = timedelta(hours=36)) -> Series:
    """Return two samples per day from 1970 on, with the value for the latest completed day at that time."""
    count = (until - datetime(1970, 1, 1, tzinfo=UTC)) // HALF_A_DAY + 1
    days = ((datetime(1970, 1, 1, tzinfo=UTC) + number * HALF_A_DAY - shown).date() for number in range(count))
    values = (value(day) if day.year == 1970 else None for day in days)
    return {"series": name, "values": " ".join("_" if value is None else str(value) for value in values)}


def month_to_date(day: date) -> float:
    """Return the month to date if each day costs 1."""
    return day.day


def evaluated(tmp_path: Path, text: str, expected: float | None, series: list[Series], at: datetime) -> str:
    """Return promtool's complaints about the sum of an expression. None means no result."""
    hours = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 3600)
    result = [] if expected is None else [{"labels": "{}", "value": expected}]
    test = {"expr": f"round(sum({text}), 0.0001)", "eval_time": f"{hours}h", "exp_samples": result}
    content = {"rule_files": [], "tests": [{"interval": "12h", "input_series": series, "promql_expr_test": [test]}]}
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def of_month(month: str) -> str:
    """Return the expression of a month's bar."""
    named = f'label_replace({expression("overview", "Spend by month")}, "is", "{month}", "month", "{month}")'
    return f'{named} and on (is) label_replace(vector(1), "is", "{month}", "", "")'


BARS = {"1970-01": 31, "1970-02": 28, "1970-03": 16}


@pytest.mark.parametrize("month", BARS)
def test_bar_is_the_last_value_of_its_month(month: str, tmp_path: Path) -> None:
    """Two exporters publish the account."""
    series = [samples(MTD % ("m", instance), NOON_OF_MARCH_17, month_to_date) for instance in ("old", "new")]
    assert "" == evaluated(tmp_path, of_month(month), BARS[month], series, NOON_OF_MARCH_17)


@pytest.mark.parametrize("month", BARS)
def test_bar_of_an_imported_month_is_what_was_recorded(month: str, tmp_path: Path) -> None:
    """The import of a year has no other series."""
    series = [samples(RECORDED, NOON_OF_MARCH_17, month_to_date)]
    assert "" == evaluated(tmp_path, of_month(month), BARS[month], series, NOON_OF_MARCH_17)


@pytest.mark.parametrize(("month", "expected"), [("1970-01", None), ("1970-02", 29.5), ("1970-03", 17.5)])
def test_first_day_has_bars_of_this_and_last_month(month: str, expected: float | None, tmp_path: Path) -> None:
    """The exporter publishes both after its first poll, with BYOK usage and today."""
    spend = {
        ("month", "credits"): 17,
        ("month", "byok"): 0.5,
        ("last_month", "credits"): 28,
        ("last_month", "byok"): 1.5,
    }
    series = [
        {"series": f'openrouter_spend_{period}_usd{{account="a",paid_by="{payer}"}}', "values": f"{value}x200"}
        for (period, payer), value in spend.items()
    ]
    assert "" == evaluated(tmp_path, of_month(month), expected, series, NOON_OF_MARCH_17)


def test_there_are_twelve_bars(tmp_path: Path) -> None:
    """This holds on any day of a month with two years of history."""
    for at in (datetime(1971, 3, 1, 12, tzinfo=UTC), datetime(1971, 3, 31, 12, tzinfo=UTC)):
        series = [{"series": RECORDED, "values": "1x1000"}]
        text = f"count({expression('overview', 'Spend by month')})"
        assert "" == evaluated(tmp_path, text, 12, series, at)


def of_model(column: int, model: str) -> str:
    """Return the expression of a cell in the table of models."""
    text = expression("overview", "Models against last month", column)
    named = f'label_replace({text}, "is", "{model}", "model", "{model}")'
    return f'{named} and on (is) label_replace(vector(1), "is", "{model}", "", "")'


MODELS: dict[str, Value] = {
    "steady": month_to_date,
    "doubled": lambda day: day.day * (2 if day.month == 3 else 1),
    "new": lambda day: day.day if day.month == 3 else None,
    "gone": lambda day: None if day.month == 3 else day.day,
}


@pytest.mark.parametrize(("model", "rise"), [("steady", 0), ("doubled", 16), ("new", 16), ("gone", -16)])
def test_rise_is_against_the_same_days_of_last_month(model: str, rise: float, tmp_path: Path) -> None:
    """The latest completed day is March 16, compared are February 1 to 16."""
    series = [samples(MTD % (name, "a"), NOON_OF_MARCH_17, value) for name, value in MODELS.items()]
    series.append(_day(NOON_OF_MARCH_17))
    assert "" == evaluated(tmp_path, of_model(0, model), rise, series, NOON_OF_MARCH_17)


def test_imported_month_is_compared(tmp_path: Path) -> None:
    """Days before the import's last 30 have only recorded series, and later ones only scraped ones."""
    series = [
        samples(RECORDED_BY_MODEL % "m", NOON_OF_MARCH_17, lambda day: day.day if day.month < 3 else None),
        samples(MTD % ("m", "a"), NOON_OF_MARCH_17, lambda day: 3 * day.day if day.month == 3 else None),
        _day(NOON_OF_MARCH_17),
    ]
    assert "" == evaluated(tmp_path, of_model(0, "m"), 2 * 16, series, NOON_OF_MARCH_17)


def _day(at: datetime) -> Series:
    """Return the series of the latest completed day."""

    def start(day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    return samples('openrouter_activity_day_timestamp_seconds{account="a"}', at, start)


def test_rise_is_unknown_before_there_is_a_last_month(tmp_path: Path) -> None:
    """An increase from nothing would be wrong."""
    series = [samples(MTD % ("new", "a"), NOON_OF_MARCH_17, MODELS["new"]), _day(NOON_OF_MARCH_17)]
    assert "" == evaluated(tmp_path, of_model(0, "new"), None, series, NOON_OF_MARCH_17)
    assert "" == evaluated(tmp_path, of_model(2, "new"), 16, series, NOON_OF_MARCH_17)


@pytest.mark.parametrize(
    ("at", "same"),
    [
        (datetime(1970, 3, 1, 12, tzinfo=UTC), 28),  # the latest day is February 28; January 28 is compared
        (datetime(1970, 3, 2, 12, tzinfo=UTC), 1),
        (datetime(1970, 4, 1, 12, tzinfo=UTC), 28),  # March 31: all of February
        (datetime(1970, 5, 1, 12, tzinfo=UTC), 30),  # April 30
        (datetime(1970, 6, 1, 12, tzinfo=UTC), 30),  # May 31: all of April
    ],
)
def test_month_before_may_be_shorter_or_longer(at: datetime, same: float, tmp_path: Path) -> None:
    """The same date is compared, or the last one of a shorter month."""
    series = [samples(MTD % ("steady", "a"), at, month_to_date), _day(at)]
    assert "" == evaluated(tmp_path, of_model(3, "steady"), same, series, at)


def test_keys_are_compared_until_this_hour(tmp_path: Path) -> None:
    """The month of a key includes today, so March 17 at noon is compared with February 17 at noon."""
    cost = samples(KEY, NOON_OF_MARCH_17, lambda day: day.day * day.month, timedelta())
    text = expression("overview", "Keys against last month")
    assert "" == evaluated(tmp_path, text, 17 * 3 - 17 * 2, [cost], NOON_OF_MARCH_17)


def test_account_without_a_last_month_is_not_compared(tmp_path: Path) -> None:
    """An account added this month has spend but no increase."""
    added = MTD.replace('account="a"', 'account="added"') % ("steady", "a")
    series = [
        samples(MTD % ("steady", "a"), NOON_OF_MARCH_17, month_to_date),
        samples(added, NOON_OF_MARCH_17, MODELS["new"]),
        _day(NOON_OF_MARCH_17),
    ]
    for column, expected in ((0, 0), (1, 0), (2, 32), (3, 16)):
        assert "" == evaluated(tmp_path, of_model(column, "steady"), expected, series, NOON_OF_MARCH_17)
