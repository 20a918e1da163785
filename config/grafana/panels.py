"""Builders of panels. What every panel must have is a required argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Protocol

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DashboardSpecialValueMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from config.grafana.queries import rows_missing

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
UNKNOWN = "gray"
# Without digits grouped or rounded to thousands: a bill reads $4711.35, not $4.71K.
DOLLARS = "prefix:$"
# Widths of legends beside a graph, in pixels: names of models and two numbers, or short names and one number.
LEGEND = 440
NARROW_LEGEND = 280
# Of a figure with its change below it.
TITLE_PIXELS, VALUE_PIXELS = 12, 20


# What a series means has one colour on all panels; other series have the palette's colours in turn: by their names,
# neighbours had colours that look alike.
TOKEN_COLOURS = {"[Pp]rompt": "blue", "[Cc]ompletion": "orange", "[Rr]easoning": "purple", "[Cc]ached": "green"}
STATUS_COLOURS = {"2.*": "green", "4.*": "yellow", "429": "orange", "5.*": "red", "[^0-9]*": "purple"}


@dataclass(frozen=True, kw_only=True)
class About:
    """Texts and unit of a panel. `empty` is why it may have no data, `short` what a figure shows then."""

    title: str
    description: str
    unit: str
    empty: str
    short: str = "no data"


@dataclass(frozen=True)
class Query:
    """An expression, and the legend of its series."""

    expression: str
    legend: str = "__auto"


class Described(Protocol):
    """What the builders of all panels share."""

    def title(self, title: str, /) -> object:
        """Take the title."""

    def description(self, description: str, /) -> object:
        """Take the description."""

    def unit(self, unit: str, /) -> object:
        """Take the unit."""

    def no_value(self, no_value: str, /) -> object:
        """Take the text shown without data."""

    def datasource(self, datasource: DataSourceRef, /) -> object:
        """Take the data source."""

    def span(self, w: int, /) -> object:
        """Take the width, of 24."""

    def height(self, h: int, /) -> object:
        """Take the height."""

    def targets(self, targets: list[Builder[Dataquery]], /) -> object:
        """Take the queries."""


def describe(panel: Described, about: About, size: tuple[int, int], targets: Sequence[Builder[Dataquery]]) -> None:
    """Set what every panel has."""
    panel.title(about.title)
    panel.description(about.description)
    panel.unit(about.unit)
    panel.no_value(about.empty)
    panel.datasource(SOURCE)
    panel.span(size[0])
    panel.height(size[1])
    panel.targets(list(targets))


def instant(queries: Sequence[Query], *, table: bool = False) -> list[Builder[Dataquery]]:
    """Return queries of the present."""
    shape = PromQueryFormat.TABLE if table else PromQueryFormat.TIME_SERIES
    return [_query(query, ref).instant().format(shape) for query, ref in zip(queries, ascii_uppercase, strict=False)]


def over_time(queries: Sequence[Query]) -> list[Builder[Dataquery]]:
    """Return queries of the whole time range."""
    return [_query(query, ref).range() for query, ref in zip(queries, ascii_uppercase, strict=False)]


def _query(query: Query, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(SOURCE).expr(query.expression).legend_format(query.legend).ref_id(ref)


def thresholds(*steps: tuple[float, str], base: str = GREEN) -> ThresholdsConfig:
    """Return colours: the base, then another from each value on."""
    marks = [Threshold(value=None, color=base), *(Threshold(value=value, color=color) for value, color in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)


def words(*values: tuple[str, str, str], unknown: str = "no data") -> list[ValueMapping]:
    """Return the text and colour of values, given as (value, text, colour). A missing one is grey, not good or bad."""
    known = ValueMap({value: ValueMappingResult(text=text, color=color) for value, text, color in values})
    return [*([known] if values else []), *_missing(unknown)]


def _missing(text: str) -> list[ValueMapping]:
    result = ValueMappingResult(text=text, color=UNKNOWN)
    options = DashboardSpecialValueMapOptions(match=SpecialValueMatch.NULL_AND_NAN, result=result)
    return [SpecialValueMap(options=options)]


def _figures_about(about: About) -> About:
    """Return the texts of a panel that shrinks a long text: a short one in the panel, the reason in the description."""
    return replace(about, description=f"{about.description}\n\nWithout data: {about.empty}", empty=about.short)


def figure(about: About, *queries: Query, width: int = 4, height: int = 4) -> stat.Panel:
    """Return a figure per series, without a colour unless thresholds set one."""
    panel = stat.Panel().graph_mode(model.BigValueGraphMode.NONE).color_mode(model.BigValueColorMode.VALUE)
    describe(panel, _figures_about(about), (width, height), instant(queries))
    return (
        panel.thresholds(thresholds(base="text"))
        .mappings(words(unknown=about.short))
        .text_mode(model.BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    )


def changing(about: About, query: Query, *changes: tuple[str, str], width: int = 4, height: int = 4) -> stat.Panel:
    """Return a figure, and below it the first of its changes that is known: (what it is compared with, share)."""
    known = " or on () ".join(f'label_replace({share}, "change", "{words_}", "", "")' for words_, share in changes)
    panel = figure(about, query, Query(known, "{{change}}"), width=width, height=height)
    panel.text_mode(model.BigValueTextMode.VALUE_AND_NAME)
    panel.orientation(model.VizOrientation.HORIZONTAL).wide_layout(False)
    panel.text(common.VizTextDisplayOptions().title_size(TITLE_PIXELS).value_size(VALUE_PIXELS))
    settings = {"unit": "percentunit", "decimals": 0, "mappings": [*_missing("unknown")]}
    return panel.override_by_query("B", [DynamicConfigValue(id_val=k, value=v) for k, v in settings.items()])


def completeness() -> stat.Panel:
    """Return the figure that shows whether totals lack rows."""
    about = About(
        title="Missing in totals",
        description="API rows that the totals lack, because they were rejected or have no amount. Exporter health "
        "shows the collector, the log has examples.",
        unit="suffix: rows",
        empty="No exporter: Prometheus has scraped none of these accounts.",
    )
    panel = figure(about, Query(rows_missing(), "Missing in totals"), height=4)
    nothing = words(("0", "nothing", GREEN))
    return panel.decimals(0).mappings(nothing).thresholds(thresholds((1, YELLOW), base="text"))


def graph(about: About, *queries: Query, width: int = 12, height: int = 8, aside: int = 0) -> timeseries.Panel:
    """Return lines over time. The legend is below, or beside the lines with the width `aside`, for many series."""
    panel = timeseries.Panel().line_width(1).fill_opacity(0).show_points(model.VisibilityMode.AUTO)
    describe(panel, about, (width, height), over_time(queries))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    colour(panel, {"all others": UNKNOWN})
    panel.override_by_name("all others", [DynamicConfigValue(id_val="links", value=[])])  # no details of their own
    return (
        panel.axis_soft_min(0)
        .legend(_legend(["lastNotNull"], model.LegendPlacement.RIGHT if aside else model.LegendPlacement.BOTTOM, aside))
        .tooltip(common.VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING))
        .span_nulls(False)
        .thresholds(thresholds())
    )


def colour(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Give the series whose whole names match a pattern a colour."""
    for pattern, name in colours.items():
        fixed = {"mode": "fixed", "fixedColor": name}
        panel.override_by_regexp(f"^{pattern}$", [DynamicConfigValue(id_val="color", value=fixed)])
    return panel


def link(title: str, url: str) -> DashboardLink:
    """Return a link of a bar, a line or a figure; `url` may use what is clicked."""
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url)


def stacked(about: About, *queries: Query, width: int = 24, height: int = 9, aside: int = LEGEND) -> timeseries.Panel:
    """Return stacked areas of gauges over time. The legend has their last values: summing samples means nothing."""
    return (
        graph(about, *queries, width=width, height=height, aside=aside)
        .fill_opacity(60)
        .stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
    )


def bars(
    about: About, *queries: Query, width: int = 12, height: int = 8, step: str = "15m", aside: int = NARROW_LEGEND
) -> timeseries.Panel:
    """Return stacked bars, one per step, of what happened in it: the legend has their sum."""
    return (
        graph(about, *queries, width=width, height=height)
        .interval(step)
        .draw_style(model.GraphDrawStyle.BARS)
        .bar_alignment(model.BarAlignment.AFTER)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
        .legend(_legend(["sum"], model.LegendPlacement.RIGHT, aside))
    )


def days(
    about: About, *queries: Query, width: int = 12, height: int = 9, aside: int = NARROW_LEGEND
) -> timeseries.Panel:
    """Return stacked bars, one per UTC day, with their sum and the latest in the legend."""
    legend = _legend(["sum", "lastNotNull"], model.LegendPlacement.RIGHT, aside)
    return bars(about, *queries, width=width, height=height, step="1d").legend(legend)


def ranking(about: About, *queries: Query, width: int = 12, height: int = 9) -> bargauge.Panel:
    """Return one horizontal bar per series, of the present."""
    panel = bargauge.Panel().display_mode(model.BarGaugeDisplayMode.BASIC).value_mode(model.BarGaugeValueMode.TEXT)
    describe(panel, _figures_about(about), (width, height), instant(queries))
    return (
        panel.mappings(words(unknown=about.short))
        .orientation(model.VizOrientation.HORIZONTAL)
        .min(0)
        .thresholds(thresholds(base="blue"))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    )


def states(
    about: About, *queries: Query, meaning: list[ValueMapping], width: int = 12, height: int = 8
) -> statetimeline.Panel:
    """Return one coloured band per series."""
    panel = statetimeline.Panel().merge_values(True).row_height(0.8).fill_opacity(80)
    describe(panel, about, (width, height), over_time(queries))
    return panel.mappings(meaning).legend(common.VizLegendOptions().show_legend(False)).interval("1m")


def _legend(calcs: list[str], placement: model.LegendPlacement, width: int) -> common.VizLegendOptions:
    legend = (
        common.VizLegendOptions()
        .display_mode(model.LegendDisplayMode.TABLE)
        .placement(placement)
        .show_legend(True)
        .calcs(calcs)
        .sort_by({"sum": "Total", "lastNotNull": "Last *"}[calcs[0]])
        .sort_desc(True)
    )
    return legend.width(width) if width else legend
