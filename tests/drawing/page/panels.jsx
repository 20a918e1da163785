// Grafana's panels, made of the same components of @grafana/ui as its own. State timelines and Markdown are stand-ins.
import { DataFrameView, FieldType, PanelPlugin, cacheFieldDisplayNames, getDisplayValueAlignmentFactors, getFieldDisplayName, getFieldDisplayValues } from '@grafana/data';
import { setPluginImportUtils } from '@grafana/runtime';
import { BarGauge, BigValue, Gauge, Table, TimeSeries, VizRepeater } from '@grafana/ui';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { fieldOption } from './services.js';

const MATRIX = {
  timeseries: [
    Lines,
    'palette-classic',
    {
      drawStyle: 'line', lineInterpolation: 'linear', barAlignment: 0, barWidthFactor: 0.6, lineWidth: 1, fillOpacity: 0,
      gradientMode: 'none', lineStyle: undefined, spanNulls: false, insertNulls: false, showPoints: 'auto', pointSize: 5,
      stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text',
      axisBorderShow: false, scaleDistribution: { type: 'linear' }, axisCenteredZero: false,
      hideFrom: { tooltip: false, viz: false, legend: false }, thresholdsStyle: { mode: 'off' }, axisSoftMin: undefined,
      axisSoftMax: undefined, axisWidth: undefined, axisGridShow: undefined, fillBelowTo: undefined, transform: undefined,
      lineColor: undefined,
    },
  ],
  table: [
    Cells,
    'thresholds',
    {
      width: undefined, minWidth: 50, align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: undefined,
      hidden: undefined, hideHeader: undefined, displayMode: undefined,
    },
  ],
  'state-timeline': [
    Bands,
    'continuous-GrYlRd',
    { lineWidth: 0, fillOpacity: 70, hideFrom: {}, spanNulls: false, insertNulls: false },
  ],
  stat: [Figures, 'thresholds', {}],
  bargauge: [Bars, 'thresholds', {}],
  gauge: [Dials, 'thresholds', {}],
  text: [Text, 'thresholds', {}],
};

let theme;

export function registerPanels(chosenTheme) {
  theme = chosenTheme;
  const plugins = Object.fromEntries(Object.keys(MATRIX).map((id) => [id, plugin(id, ...MATRIX[id])]));
  const load = async (id) => {
    if (!plugins[id]) {
      throw new Error(`a panel of the type ${id} cannot be drawn here`);
    }
    return plugins[id];
  };
  setPluginImportUtils({ importPanelPlugin: load, getPanelPluginFromCache: (id) => plugins[id] });
}

function plugin(id, component, color, options) {
  const made = new PanelPlugin(component);
  made.meta = { id, name: id, module: '', info: { version: '', logos: {} }, skipDataQuery: false };
  made.setDataSupport({ annotations: id === 'timeseries', alertStates: false });
  made.useFieldConfig({
    standardOptions: { color: { defaultValue: { mode: color }, settings: { byValueSupport: true, bySeriesSupport: true } } },
    useCustomConfig: (builder) => {
      for (const [name, value] of Object.entries(options)) {
        builder.addCustomEditor({ ...fieldOption(name), name, defaultValue: value });
      }
    },
  });
  return made;
}

function Empty({ height, fieldConfig }) {
  const style = { display: 'flex', alignItems: 'center', justifyContent: 'center', height, textAlign: 'center', padding: 8 };
  return <div style={{ ...style, color: theme.colors.text.secondary }}>{fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

function displayValues({ fieldConfig, options, replaceVariables, data, timeZone }) {
  const sparkline = options.graphMode !== undefined && options.graphMode !== 'none';
  const { reduceOptions } = options;
  return getFieldDisplayValues({ fieldConfig, reduceOptions, replaceVariables, theme, data: data.series, timeZone, sparkline });
}

function Repeated({ panel, values, renderValue, ...more }) {
  const { width, height, data, renderCounter, options } = panel;
  return (
    <VizRepeater
      {...{ width, height, renderCounter, source: data, orientation: options.orientation, ...more }}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={renderValue}
    />
  );
}

function Figures(panel) {
  const { options, data } = panel;
  const { colorMode, graphMode, justifyMode, text, wideLayout } = options;
  const one = ({ value, width, height, count, alignmentFactors }) => {
    const named = count > 1 || data.series.length > 1 ? 'value_and_name' : 'auto';
    const textMode = options.textMode === 'auto' ? named : options.textMode;
    const shape = { width, height, count, alignmentFactors, theme, textMode, colorMode, graphMode, justifyMode, text, wideLayout };
    return <BigValue {...shape} value={value.display} sparkline={value.sparkline} />;
  };
  return <Repeated panel={panel} values={displayValues(panel)} itemSpacing={3} autoGrid renderValue={one} />;
}

function Bars(panel) {
  const { options } = panel;
  const { text, displayMode, showUnfilled, namePlacement, valueMode, minVizWidth, minVizHeight, maxVizHeight } = options;
  const values = displayValues(panel);
  if (!values.length) {
    return <Empty {...panel} />;
  }
  const one = ({ value, width, height, orientation, count, alignmentFactors }) => (
    <BarGauge
      {...{ width, height, orientation, theme, text, displayMode, showUnfilled, namePlacement }}
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      itemSpacing={10}
      lcdCellWidth={12}
      alignmentFactors={count > 1 ? alignmentFactors : undefined}
      valueDisplayMode={valueMode}
    />
  );
  return <Repeated panel={panel} values={values} itemSpacing={10} {...{ minVizWidth, minVizHeight, maxVizHeight }} renderValue={one} />;
}

function Dials(panel) {
  const { showThresholdLabels, showThresholdMarkers, text } = panel.options;
  const one = ({ value, width, height }) => (
    <Gauge {...{ width, height, theme, text, showThresholdLabels, showThresholdMarkers }} value={value.display} field={value.field} />
  );
  return <Repeated panel={panel} values={displayValues(panel)} autoGrid renderValue={one} />;
}

function Lines(panel) {
  const { data, width, height, timeRange, timeZone, options } = panel;
  const frames = data.series.filter((each) => each.fields.some(({ type }) => type === FieldType.number));
  if (!frames.length) {
    return <Empty {...panel} />;
  }
  cacheFieldDisplayNames(frames); // as Grafana's own: the colour of a name depends on it
  const legend = { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true, ...options.legend };
  return (
    <TimeSeries {...{ frames, width, height, timeRange, timeZone, legend }} structureRev={data.structureRev}>
      {(config) => <Annotations config={config} frames={data.annotations} />}
    </TimeSeries>
  );
}

// Grafana's own is not in its libraries: a dashed line at the start of each event, with its texts as tooltip.
function Annotations({ config, frames = [] }) {
  const plot = useRef();
  const events = useRef();
  events.current = frames.flatMap((frame) => new DataFrameView(frame).toArray());
  useLayoutEffect(() => {
    config.addHook('init', (made) => {
      plot.current = made;
    });
    config.addHook('draw', (drawn) => drawEvents(drawn, events.current));
  }, [config]);
  useEffect(() => plot.current?.redraw(), [frames]);
  return null;
}

function drawEvents(plot, events) {
  plot.over.querySelectorAll('[data-annotation]').forEach((line) => line.remove());
  for (const { time, type, color, title, text } of events) {
    const left = plot.valToPos(time, 'x');
    if (left >= 0 && left <= plot.over.clientWidth) {
      const line = document.createElement('div');
      line.dataset.annotation = type;
      line.title = [title, text].filter(Boolean).join(': ');
      Object.assign(line.style, { position: 'absolute', top: 0, bottom: 0, left: `${left}px`, borderLeft: `1px dashed ${color}` });
      plot.over.append(line);
    }
  }
}

function Cells(panel) {
  const { data, width, height, options, timeRange } = panel;
  const frame = data.series[options.frameIndex ?? 0];
  if (!frame?.length) {
    return <Empty {...panel} />;
  }
  return (
    <Table
      {...{ width, height, timeRange, data: frame, noHeader: !options.showHeader, cellHeight: options.cellHeight }}
      initialSortBy={options.sortBy}
      enablePagination={options.footer?.enablePagination}
      resizable
    />
  );
}

// Grafana's own is not in its libraries: a band of each series, coloured by its values.
function Bands(panel) {
  const { data, timeRange } = panel;
  if (!data.series.length) {
    return <Empty {...panel} />;
  }
  const start = timeRange.from.valueOf();
  const percent = (time) => (100 * time) / (timeRange.to.valueOf() - start);
  const band = (series) => {
    const [times, states] = series.fields;
    return times.values.map((time, index) => (
      <div
        key={time}
        style={{
          position: 'absolute', top: 0, bottom: 0, left: `${percent(time - start)}%`,
          width: `${percent(times.config.interval ?? 60000) + 0.2}%`, background: states.display(states.values[index]).color,
        }}
      />
    ));
  };
  const row = { display: 'flex', alignItems: 'center', height: panel.height / data.series.length, maxHeight: 40, fontSize: 12 };
  return data.series.map((series) => (
    <div key={series.name ?? getFieldDisplayName(series.fields[1], series, data.series)} style={row}>
      <div style={{ width: 170 }}>{getFieldDisplayName(series.fields[1], series, data.series)}</div>
      <div style={{ position: 'relative', flex: 1, height: '80%', overflow: 'hidden' }}>{band(series)}</div>
    </div>
  ));
}

function Text({ options, height }) {
  return <div style={{ height, overflow: 'auto', whiteSpace: 'pre-wrap' }}>{options.content}</div>;
}
