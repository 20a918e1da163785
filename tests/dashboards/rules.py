"""Rules for dashboards. Each yields its findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from tests.dashboards.boards import BOARDS, Board, Panel, figures, panels, targets, variables

Rule = Callable[[Board], Iterator[str]]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SELECTOR = re.compile(r"([\w:]+)?\{([^{}]*)\}")
# A name, also of a recorded series, that no matchers follow.
_BARE = re.compile(r"(?<![\w:])(?:\w+:)?(?:openrouter|process)_\w+(?::\w+)?(?![\w:{])")
# `$1` is a group of a regular expression, as in label_replace.
_USED = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|([a-zA-Z_]\w*))")
_BUILT_IN = re.compile(r"__\w+")
# What Grafana's pickers give by themselves; the data source is used by each panel.
_GRAPHS = {"timeseries"}
_COLUMNS = 24
_LOWEST_GRAPH = 8
_LONGEST_IN_A_FIGURE = 12
# Pixels of a table's head: padding with the sort mark, a character, the filter's icon.
_PADDING, _CHARACTER, _ICON = 24, 7, 14


def fixed_name(board: Board) -> Iterator[str]:
    """The uid is one of ours, is stable, and contains no number of a particular server."""
    if not str(board.get("uid", "")).startswith("openrouter-"):
        yield f"uid {board.get('uid')!r}"
    if "id" in board:
        yield f"number {board['id']} of one server"
    if "openrouter" not in board.get("tags", ()):
        yield "without the tag that links the dashboards"


def own_numbers(board: Board) -> Iterator[str]:
    """No two panels have the same id."""
    numbers = [inner["id"] for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]
    yield from (
        f"number {number} twice" for number in sorted({number for number in numbers if numbers.count(number) > 1})
    )


def described(board: Board) -> Iterator[str]:
    """Every panel has a title, a description, a unit, and a text for when it is empty."""
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        for key, value in (
            ("title", panel.get("title")),
            ("description", panel.get("description")),
            ("unit", defaults.get("unit")),
            ("noValue", defaults.get("noValue")),
        ):
            if not value:
                yield f"{panel.get('title')}: no {key}"


def blank(board: Board) -> Iterator[str]:
    """No cell of a table repeats why the whole table may be empty."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        shown = next(step["options"]["renameByName"] for step in panel["transformations"] if step["id"] == "organize")
        own = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            if any("noValue" == setting["id"] for setting in override["properties"])
        }
        yield from (f"{panel['title']}: {name}" for name in shown.values() if name not in own)


def queried(board: Board) -> Iterator[str]:
    """Every panel has queries, each with its own letter."""
    for panel in panels(board):
        letters = [target.get("refId") for target in panel.get("targets", ())]
        if not letters or len(set(letters)) != len(letters):
            yield f"{panel['title']}: queries {letters}"


def chosen_source(board: Board) -> Iterator[str]:
    """Panels, queries and variables use the selected data source, never a fixed one."""
    for panel, target in targets(board):
        if panel.get("datasource") != SOURCE or target.get("datasource") != SOURCE:
            yield f"{panel['title']}: another data source"
    for name, variable in variables(board).items():
        if variable["type"] == "query" and variable.get("datasource") != SOURCE:
            yield f"${name}: another data source"


def matched(board: Board) -> Iterator[str]:
    """Every selector is limited to the selected accounts or the selected targets."""
    for panel, target in targets(board):
        expression = target["expr"].replace("${window}", "activity")
        for metric, matchers in _SELECTOR.findall(expression):
            if 'account=~"$account' not in matchers and 'instance=~"$instance"' not in matchers:
                yield f"{panel['title']}: {metric or 'a selector'} of all accounts"
        named = _BARE.findall(re.sub(r'"[^"]*"', '""', expression))
        yield from (f"{panel['title']}: {metric} without a matcher" for metric in named)


def rated(board: Board) -> Iterator[str]:
    """Rates cover several scrapes. Increases cover the step, so that adjacent steps do not count the same twice."""
    for panel, target in targets(board):
        for function, interval in re.findall(r"\b(rate|irate|increase)\([^\[]*\[([^\]]*)\]", target["expr"]):
            if interval != ("$__interval" if function == "increase" else "$__rate_interval"):
                yield f"{panel['title']}: {function} over {interval}"


def summed(board: Board) -> Iterator[str]:
    """Legends sum only increases per step or one value per day, because a sum of a gauge's samples is meaningless."""
    for panel in panels(board):
        calculations = {*panel["options"].get("legend", {}).get("calcs", ())}
        calculations |= {*panel["options"].get("reduceOptions", {}).get("calcs", ())}
        if not calculations & {"sum", "total", "count", "mean", "range", "diff", "delta"}:
            continue
        for target in panel["targets"]:
            per_day = "1d" == panel.get("interval") and "last_over_time(" in target["expr"]
            if not per_day and "increase(" not in target["expr"]:
                yield f"{panel['title']}: legend sums samples of a gauge"


def counted_once(board: Board) -> Iterator[str]:
    """Two exporters of one account never double a sum: gauges are aggregated by max before they are summed."""
    for panel, target in targets(board):
        for inner in re.findall(r"\bsum(?: by \([^)]*\))? ?\(([^()]*)", target["expr"]):
            if inner.strip().startswith(("openrouter_", "{")):
                yield f"{panel['title']}: sum of {inner.strip()[:60]}"


def defined(board: Board) -> Iterator[str]:
    """Every variable that is used is defined, and every defined one is used."""
    known = set(variables(board))
    # A link carries variables on without using them.
    text = " ".join(
        [target["expr"] for _, target in targets(board)]
        + [str(panel["title"]) + str(panel["datasource"]) for panel in panels(board)]
        + [str(variable.get("query")) + str(variable.get("datasource")) for variable in variables(board).values()]
    )
    used = {first or second for first, second in _USED.findall(text)}
    used = {name for name in used if not _BUILT_IN.fullmatch(name)}
    yield from (f"${name} is not defined" for name in sorted(used - known))
    yield from (f"${name} is not used" for name in sorted(known - used))


def placed(board: Board) -> Iterator[str]:
    """Panels do not overlap, and stay within the grid of 24 columns."""
    positions = [(panel.get("title"), panel["gridPos"]) for panel in board["panels"]]
    for title, position in positions:
        if position["x"] < 0 or position["x"] + position["w"] > 24:
            yield f"{title}: out of the grid"
    for (one, a), (other, b) in combinations(positions, 2):
        across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
        down = a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
        if across and down:
            yield f"{one}: lies on {other}"


def legible(board: Board) -> Iterator[str]:
    """Every query of a graph has a legend for its series."""
    for panel, target in targets(board):
        if panel["type"] in _GRAPHS and target.get("legendFormat") in {None, "", "__auto"}:
            yield f"{panel['title']}: {target['refId']} has no legend"


def short(board: Board) -> Iterator[str]:
    """A figure shrinks long text to a few pixels, so the reason for an empty one is in its description."""
    for panel in figures(board):
        text = panel["fieldConfig"]["defaults"]["noValue"]
        if len(text) > _LONGEST_IN_A_FIGURE or "Without data: " not in panel["description"]:
            yield f"{panel['title']}: {text!r}"


def grey(board: Board) -> Iterator[str]:
    """A figure without a value is grey: neither good nor bad."""
    for panel in figures(board):
        mappings = panel["fieldConfig"]["defaults"].get("mappings", [])
        missing = [mapping["options"] for mapping in mappings if mapping["type"] == "special"]
        if not any("null+nan" == mapping["match"] and "gray" == mapping["result"]["color"] for mapping in missing):
            yield f"{panel['title']}: a missing value has the colour of a threshold"


def wide(board: Board) -> Iterator[str]:
    """Every column of a table has a width for its title, because columns without one are truncated."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        fields: dict[str, dict[str, Any]] = {}
        for override in panel["fieldConfig"]["overrides"]:
            settings = fields.setdefault(override["matcher"]["options"], {})
            settings |= {setting["id"]: setting["value"] for setting in override["properties"]}
        for title, settings in fields.items():
            needed = _PADDING + _CHARACTER * len(title) + (_ICON if settings.get("custom.filterable") else 0)
            if not settings.get("custom.hidden") and settings.get("custom.width", 0) < needed:
                yield f"{panel['title']}: {title} needs {needed:.0f} pixels"


def filled(board: Board) -> Iterator[str]:
    """The panels of each line fill the 24 columns and have one height, in collapsed rows too."""
    for shown in (board["panels"], *(row["panels"] for row in board["panels"] if row.get("panels"))):
        lines: dict[int, list[Panel]] = {}
        for panel in shown:
            lines.setdefault(panel["gridPos"]["y"], []).append(panel)
        for y, line in lines.items():
            whole = sum(panel["gridPos"]["w"] for panel in line) == _COLUMNS
            if not whole or len({panel["gridPos"]["h"] for panel in line}) > 1:
                yield f"line {y}: {', '.join(str(panel['title']) for panel in line)}"


def tall(board: Board) -> Iterator[str]:
    """A graph has room for its lines, its axis and its legend."""
    yield from (
        f"{panel['title']}: {panel['gridPos']['h']} high"
        for panel in panels(board)
        if panel["type"] in _GRAPHS and panel["gridPos"]["h"] < _LOWEST_GRAPH
    )


def linked(board: Board) -> Iterator[str]:
    """Links to other dashboards keep the selected variables and the time range."""
    ways = [link for link in board.get("links", ()) if link["type"] == "dashboards"]
    if not any(way["includeVars"] and way["keepTime"] and way["tags"] == ["openrouter"] for way in ways):
        yield "no way to the other dashboards that keeps variables and time"


def clickable(board: Board) -> Iterator[str]:
    """A name links to its details if another dashboard can select it, or if it is linked on any dashboard."""
    elsewhere = {label for uid, labels in PICKERS.items() if uid != board["uid"] for label in labels.values()}
    for panel, label, urls in _names(board):
        if label in elsewhere | LINKED and not urls:
            yield f"{panel['title']}: {label} leads nowhere"


def arriving(board: Board) -> Iterator[str]:
    """Every link leads to a dashboard that is there, with variables of that dashboard, the account and the time."""
    for panel in panels(board):
        for url in _urls(panel):
            uid, selected = _target(url)
            if uid not in PICKERS or selected - PICKERS[uid].keys():
                yield f"{panel['title']}: {url} leads to what is not there"
            if ("account" not in selected and "${account:queryparam}" not in url) or "${__url_time_range}" not in url:
                yield f"{panel['title']}: {url} loses the account or the time"
            if re.search(r"\{__(?!url)[^:}]*\}", url):
                yield f"{panel['title']}: {url} is not encoded"


def selecting(board: Board) -> Iterator[str]:
    """The link of a name selects it, by the variable of its label, where any dashboard has such a variable."""
    selectable = {label for labels in PICKERS.values() for label in labels.values()}
    for panel, label, urls in _names(board):
        for url in urls if label in selectable else ():
            uid, selected = _target(url)
            if label not in {PICKERS.get(uid, {}).get(name) for name in selected}:
                yield f"{panel['title']}: {url} does not select the {label}"


def _target(url: str) -> tuple[str, set[str]]:
    """Return the dashboard of a link, and the variables that the link itself sets."""
    return url.partition("?")[0].split("/")[2], set(re.findall(r"[?&]var-(\w+)=", url))


def _names(board: Board) -> Iterator[tuple[Panel, str, list[str]]]:
    """Yield every label whose values a panel shows as names, in a column or a legend, and where they lead."""
    for panel in panels(board):
        if panel["type"] == "table":
            titles = next(
                step["options"]["renameByName"] for step in panel["transformations"] if step["id"] == "organize"
            )
            for label, title in titles.items():
                yield panel, label, [url for name, url in _cells(panel) if name == title]
        else:
            legends = " ".join(target.get("legendFormat", "") for target in panel["targets"])
            links = panel["fieldConfig"]["defaults"].get("links", [])
            for label in set(re.findall(r"\{\{(\w+)\}\}", legends)):
                named = f"{{__field.labels.{label}}}"
                yield panel, label, [link["url"] for link in links if named in link["title"]]


def _cells(panel: Panel) -> Iterator[tuple[str, str]]:
    """Yield the links of a table's columns by their titles."""
    for override in panel["fieldConfig"]["overrides"]:
        for setting in override["properties"]:
            if setting["id"] == "links":
                yield from ((override["matcher"]["options"], link["url"]) for link in setting["value"])


def _urls(panel: Panel) -> list[str]:
    links = panel["fieldConfig"]["defaults"].get("links", [])
    return [link["url"] for link in links] + [url for _, url in _cells(panel)]


def _pickers(board: Board) -> dict[str, str]:
    """Return the variables of a dashboard, with the labels whose values they select."""
    queries = {name: str(variable.get("query")) for name, variable in variables(board).items()}
    labels = {name: re.search(r"label_values\(.*, (\w+)\)", query) for name, query in queries.items()}
    return {name: label[1] if label else "" for name, label in labels.items()}


PICKERS = {board["uid"]: _pickers(board) for board in BOARDS.values()}
LINKED = {label for board in BOARDS.values() for _, label, links in _names(board) if links}


RULES: tuple[Rule, ...] = (
    fixed_name,
    own_numbers,
    described,
    blank,
    queried,
    chosen_source,
    matched,
    rated,
    summed,
    counted_once,
    defined,
    placed,
    legible,
    short,
    grey,
    wide,
    filled,
    tall,
    linked,
    clickable,
    arriving,
    selecting,
)
