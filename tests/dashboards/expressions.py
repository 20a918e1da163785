"""Every expression of every dashboard with its variables substituted, so that Prometheus can evaluate it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.dashboards.boards import BOARDS, Board, targets, variables

_DAY = 86_400


@dataclass(frozen=True)
class Expression:
    """An expression of a panel, and how Grafana queries it."""

    dashboard: str
    panel: str
    expression: str
    step: int  # seconds; 0: now, `/api/v1/query`; else `/api/v1/query_range`

    def times(self, now: float, back: float = 2 * _DAY) -> tuple[float, float]:
        """Return the start and end of the range as Grafana queries it: multiples of the step."""
        step = max(self.step, 1)
        return (now - back) // step * step, now // step * step


def expressions(*, account: str = ".*", model: str = ".*", provider: str = ".*") -> Iterator[Expression]:
    """Yield every expression of every dashboard, once per window if it has one."""
    for name, board in BOARDS.items():
        yield from expressions_of(name, board, account=account, model=model, provider=provider)


def expressions_of(name: str, board: Board, **chosen: str) -> Iterator[Expression]:
    """Yield every expression of one dashboard. Variables without a choice match everything."""
    windows = [option["value"] for option in variables(board).get("window", {}).get("options", [])]
    for panel, target in targets(board):
        step = 0 if target.get("instant") else _seconds(panel.get("interval", "1m"))
        for window in windows if "${window}" in target["expr"] else [""]:
            text = target["expr"].replace("${window}", window).replace("$__rate_interval", f"{max(4 * 60, step)}s")
            text = text.replace("$__interval", f"{step}s").replace("$__range", f"{2 * _DAY}s")
            for variable in ("account", "model", "provider", "workspace", "key", "job", "instance"):
                text = text.replace(f"${variable}", chosen.get(variable, ".*"))
            yield Expression(name, panel["title"], text, step)


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": _DAY}[duration[-1]]
