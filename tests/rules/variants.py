"""The shipped cases with changes that must not change a result: other exporters and other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from urllib.parse import quote_plus

from tests.rules.shipped import ALERTS, Tree, seconds

# Their series name the instance: with another exporter these are other alerts.
BY_INSTANCE = ("OpenRouterExporterDown", "OpenRouterConfigReloadFailed")
SECOND = "second"
STALE = "stale"

# Labels whose values people and the API choose, the values that rules compare with, and what the others get.
NAMES = ("account", "model", "model_permaslug", "provider", "budget", "key", "name", "tag")
NOT_NAMES = ("", "other")
UNUSUAL = ' "\\{é}%s&$1/+='

_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
_REPEATED = re.compile(rf"({_NUMBER}|_|{STALE})(?:([+-][\d.]+))?(?:x(\d+))?")
_INSTANCE = re.compile(r'instance="([^"]*)"')
_EXPORTERS = re.compile(r"(?<=xporter:)( [\w-]+)+(?=\.$)")
_RESPONSES = re.compile(r"(?<=responses with 429: )\d+")  # of both exporters
_LABEL = re.compile(r'\b(\w+)="([^"]*)"')
_KEY_NAME = re.compile(r'openrouter_key_info{.*\bname="([^"]*)"')

Change = Callable[[Tree], Tree]


def read_samples(values: str) -> list[str]:
    """Return the samples in promtool's notation, with `_` for a missing one."""
    samples: list[str] = []
    for token in values.split():
        match = _REPEATED.fullmatch(token)
        assert match is not None, token
        first, step, times = match.groups()
        count = int(times or 0) if first == "_" and times else int(times or 0) + 1
        if step is None:
            samples += [first] * count
        else:
            samples += [repr(float(first) + number * float(step)) for number in range(count)]
    return samples


def written(samples: list[str]) -> str:
    """Return samples in promtool's notation, with repetitions abbreviated."""
    tokens = []
    for sample, run in groupby(samples):
        count = len(list(run))
        if sample == "_":
            tokens.append(f"_x{count}")
        else:  # `1x4` is five samples
            tokens.append(sample if count == 1 else f"{sample}x{count - 1}")
    return " ".join(tokens)


def with_second_exporter(case: Tree, _: Tree) -> Tree:
    """Add another exporter with the same samples to every account, and its name to texts that list exporters."""
    series = case["input_series"]
    copies = [
        {**entry, "series": _with_other_instance(entry["series"])}
        for entry in series
        if _INSTANCE.search(entry["series"])
    ]
    expectations = [
        {**entry, "exp_alerts": [_with_other_exporter(alert) for alert in entry["exp_alerts"]]}
        for entry in _alerts(case)
    ]
    return {**case, "input_series": [*series, *copies], "alert_rule_test": expectations}


def _with_other_instance(series: str) -> str:
    return _INSTANCE.sub(rf'instance="\1-{SECOND}"', series)


def _with_other_exporter(alert: Tree) -> Tree:
    notes = alert["exp_annotations"]
    text = _EXPORTERS.sub(
        lambda match: "".join(f" {name} {name}-{SECOND}" for name in match[0].split()), notes["description"]
    )
    text = _RESPONSES.sub(lambda match: str(2 * int(match[0])), text)
    return {**alert, "exp_annotations": notes | {"description": text}}


def with_new_instances(case: Tree, file: Tree) -> Tree:
    """Rename every exporter in the middle of the case, as a new pod does."""
    moment = _moment_of_change(case, seconds(file["evaluation_interval"]))
    index = max(1, moment // seconds(case["interval"]))
    series: list[Tree] = []
    for entry in case["input_series"]:
        series += _handed_over(entry, index) if _INSTANCE.search(entry["series"]) else [entry]
    return without_texts({**case, "input_series": series}, file)


def without_texts(case: Tree, _: Tree) -> Tree:
    """Expect no annotations, for rules without them."""
    expectations = [
        {**entry, "exp_alerts": [{"exp_labels": alert["exp_labels"]} for alert in entry["exp_alerts"]]}
        for entry in _alerts(case)
    ]
    return {**case, "alert_rule_test": expectations}


def _alerts(case: Tree) -> list[Tree]:
    expectations: list[Tree] = case.get("alert_rule_test", [])
    return expectations


def _moment_of_change(case: Tree, interval: int) -> int:
    """Return the last time at which a changed instance could still end the case's alert, in seconds."""
    last = [seconds(entry["eval_time"]) for entry in (*_alerts(case), *case.get("promql_expr_test", []))]
    firing = [
        seconds(entry["eval_time"]) - seconds(ALERTS[entry["alertname"]].get("keep_firing_for", "0s"))
        for entry in _alerts(case)
        if entry["exp_alerts"]
    ]
    return min(firing, default=max(last)) - 2 * interval


def _handed_over(series: Tree, index: int) -> Iterator[Tree]:
    samples = read_samples(series["values"])
    before, after = samples[:index], samples[index:]
    yield {**series, "values": written([*before, STALE])}
    if after:
        if series["series"].partition("{")[0].endswith("_total"):  # a new process counts from 0
            start = next((float(sample) for sample in after if sample not in {"_", STALE}), 0.0)
            after = [sample if sample in {"_", STALE} else repr(float(sample) - start) for sample in after]
        yield {"series": _with_other_instance(series["series"]), "values": written(["_"] * index + after)}


def with_unusual_names(case: Tree, _: Tree) -> Tree:
    """Give accounts, models, providers, keys and budgets names with quotes, backslashes, braces and other letters."""
    series = [{**entry, "series": _renamed(entry["series"])} for entry in case["input_series"]]
    expectations = [
        {**entry, "exp_alerts": [_renamed_alert(alert, case) for alert in entry["exp_alerts"]]}
        for entry in _alerts(case)
    ]
    values = [
        {**entry, "exp_samples": [sample | {"labels": _renamed(sample["labels"])} for sample in entry["exp_samples"]]}
        for entry in case.get("promql_expr_test", [])
    ]
    return {**case, "input_series": series, "alert_rule_test": expectations, "promql_expr_test": values}


def _renamed(series: str) -> str:
    """Return a series with other names, escaped as PromQL requires."""
    escaped = UNUSUAL.replace("\\", r"\\").replace('"', r"\"")
    return _LABEL.sub(
        lambda match: f'{match[1]}="{match[2]}{escaped}"' if _is_name(match[1], match[2]) else match[0], series
    )


def _is_name(label: str, value: str) -> bool:
    return label in NAMES and value not in NOT_NAMES


def _renamed_alert(alert: Tree, case: Tree) -> Tree:
    """Return an expected alert with other names in its labels and its texts."""
    labels, notes = dict(alert["exp_labels"]), dict(alert["exp_annotations"])
    for label, value in alert["exp_labels"].items():
        if _is_name(label, value):
            labels[label] = value + UNUSUAL
            notes["description"] = _after_first(value, notes["description"], UNUSUAL)
            notes["dashboard_url"] = _after_first(f"var-{label}={value}", notes["dashboard_url"], quote_plus(UNUSUAL))
    for series in case["input_series"]:
        if match := _KEY_NAME.match(series["series"]):
            notes["description"] = _after_first(f"({match[1]}", notes["description"], UNUSUAL)
    return {**alert, "exp_labels": labels, "exp_annotations": notes}


def _after_first(name: str, text: str, addition: str) -> str:
    """Return a text with an addition after the first occurrence of a name."""
    return re.sub(rf"{re.escape(name)}\b", lambda match: match[0] + addition, text, count=1)
