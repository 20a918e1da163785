"""Every dashboard follows every rule, and every rule detects a fault."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.dashboards import rules
from tests.dashboards.boards import BOARDS, Board, Panel, panels, variables

by_rule = pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
Spoil = Callable[[Board], object]


@by_rule
@pytest.mark.parametrize("name", BOARDS)
def test_dashboard_follows_rule(name: str, rule: rules.Rule) -> None:
    assert [] == list(rule(BOARDS[name]))


def _first(board: Board, kind: str = "timeseries") -> Panel:
    return next(panel for panel in panels(board) if panel["type"] == kind)


def _expression(text: str) -> Spoil:
    return lambda board: _first(board)["targets"][0].update(expr=text)


def _unlink(panel: Panel) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        override["properties"] = [setting for setting in override["properties"] if setting["id"] != "links"]


def _spoiled_link(part: str, other: str) -> Spoil:
    """Return a function that replaces a part of the link in a graph's legend."""

    def spoil(board: Board) -> None:
        (link,) = _first(board)["fieldConfig"]["defaults"]["links"]
        assert part in link["url"]
        link["url"] = link["url"].replace(part, other)

    return spoil


FAULTS: dict[str, tuple[rules.Rule, Spoil]] = {
    "no fixed uid": (rules.fixed_name, lambda board: board.update(uid="kJx8Dpz")),
    "a server's number": (rules.fixed_name, lambda board: board.update(id=7)),
    "no tag": (rules.fixed_name, lambda board: board.update(tags=[])),
    "a number twice": (rules.own_numbers, lambda board: board["panels"][2].update(id=board["panels"][1]["id"])),
    "no title": (rules.described, lambda board: _first(board).update(title="")),
    "no description": (rules.described, lambda board: _first(board).pop("description")),
    "no unit": (rules.described, lambda board: _first(board)["fieldConfig"]["defaults"].pop("unit")),
    "no noValue": (rules.described, lambda board: _first(board)["fieldConfig"]["defaults"].update(noValue="")),
    "a cell without a blank": (
        rules.blank,
        lambda board: _first(board, "table")["fieldConfig"]["overrides"].pop(0),
    ),
    "no query": (rules.queried, lambda board: _first(board).update(targets=[])),
    "a letter twice": (rules.queried, lambda board: _first(board)["targets"].append(_first(board)["targets"][0])),
    "a panel's own source": (rules.chosen_source, lambda board: _first(board).update(datasource={"uid": "abc"})),
    "a query's own source": (rules.chosen_source, lambda board: _first(board)["targets"][0].pop("datasource")),
    "a variable's own source": (
        rules.chosen_source,
        lambda board: variables(board)["account"].update(datasource={"type": "prometheus", "uid": "abc"}),
    ),
    "all accounts": (rules.matched, _expression('max(openrouter_up{collector="activity"})')),
    "no matcher": (rules.matched, _expression("max by (account) (openrouter_up)")),
    "no matcher on one side": (rules.matched, _expression('openrouter_up{account=~"$account"} * process_open_fds')),
    "no matcher at a window": (rules.matched, _expression("max(openrouter_${window}_requests)")),
    "a fixed rate": (rules.rated, _expression('rate(process_cpu_seconds_total{instance=~"$instance"}[5m])')),
    "an increase over more than the step": (
        rules.rated,
        _expression('increase(openrouter_exporter_api_retries_total{account=~"$account"}[$__rate_interval])'),
    ),
    "a legend that sums a gauge": (
        rules.summed,
        lambda board: _first(board)["targets"][0].update(expr='max(openrouter_today_usage_usd{account=~"$account"})'),
    ),
    "a doubled sum": (rules.counted_once, _expression('sum(openrouter_activity_usage_usd{account=~"$account"})')),
    "a doubled sum by": (
        rules.counted_once,
        _expression('sum by (model) ({__name__=~"openrouter_activity_usage_usd", account=~"$account"})'),
    ),
    "an undefined variable": (rules.defined, _expression('openrouter_up{account=~"$account", team=~"$team"}')),
    "an undefined variable in braces": (rules.defined, lambda board: _first(board).update(title="${team:text}")),
    "an unused variable": (
        rules.defined,
        lambda board: board["templating"]["list"].append({"name": "team", "type": "custom", "query": "a,b"}),
    ),
    "one panel on another": (
        rules.placed,
        lambda board: board["panels"][2].update(gridPos=dict(board["panels"][1]["gridPos"])),
    ),
    "out of the grid": (rules.placed, lambda board: board["panels"][1]["gridPos"].update(x=23)),
    "no legend": (rules.legible, lambda board: _first(board)["targets"][0].update(legendFormat="__auto")),
    "a long text in a figure": (
        rules.short,
        lambda board: _first(board, "stat")["fieldConfig"]["defaults"].update(noValue="No usage yet: is it up?"),
    ),
    "a missing value in green": (
        rules.grey,
        lambda board: _first(board, "stat")["fieldConfig"]["defaults"].update(mappings=[]),
    ),
    "a column without a width": (
        rules.wide,
        lambda board: _first(board, "table")["fieldConfig"]["overrides"][0]["properties"].clear(),
    ),
    "a hole": (rules.filled, lambda board: board["panels"][1]["gridPos"].update(w=3)),
    "a low graph": (rules.tall, lambda board: _first(board)["gridPos"].update(h=4)),
    "no way to the others": (rules.linked, lambda board: board.update(links=[])),
    "variables lost on the way": (rules.linked, lambda board: board["links"][0].update(includeVars=False)),
    "a column that leads nowhere": (rules.clickable, lambda board: _unlink(_first(board, "table"))),
    "a legend that leads nowhere": (
        rules.clickable,
        lambda board: _first(board, "timeseries")["fieldConfig"]["defaults"].pop("links"),
    ),
    "a name that is not encoded": (rules.arriving, _spoiled_link(":percentencode", "")),
    "accounts lost on the way": (rules.arriving, _spoiled_link("&${account:queryparam}", "")),
    "the time lost in a link": (rules.arriving, _spoiled_link("&${__url_time_range}", "")),
    "a dashboard that is not there": (rules.arriving, _spoiled_link("/openrouter-endpoint", "/openrouter-models-old")),
    "a variable that the dashboard lacks": (rules.arriving, _spoiled_link("var-model", "var-workspace")),
    "a wrong variable": (rules.selecting, _spoiled_link("var-model", "var-provider")),
    "time lost on the way": (rules.linked, lambda board: board["links"][0].update(keepTime=False)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_rule_detects_its_fault(fault: str) -> None:
    """The fault is planted in a valid dashboard."""
    rule, spoil = FAULTS[fault]
    board = copy.deepcopy(BOARDS["overview"])
    spoil(board)
    assert [] != list(rule(board))


@by_rule
def test_every_rule_has_a_fault(rule: rules.Rule) -> None:
    """A rule that cannot fail proves nothing."""
    assert rule in {fault for fault, _ in FAULTS.values()}
