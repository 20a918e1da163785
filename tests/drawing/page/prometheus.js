// A data source that queries Prometheus and shapes its responses as Grafana's own does.
import { FieldType, LoadingState, createDataFrame, rangeUtil } from '@grafana/data';
import { setDataSourceSrv } from '@grafana/runtime';
import { RuntimeDataSource, sceneGraph, sceneUtils } from '@grafana/scenes';
import { from, of } from 'rxjs';

export const SOURCE = { type: 'prometheus', uid: 'openrouter-prometheus' };
const NAME = 'Prometheus';
const MOST_POINTS = 11000;
const LABEL_VALUES = /^label_values\((?:(.*),\s*)?([a-zA-Z_]\w*)\)$/s;

export class Prometheus extends RuntimeDataSource {
  constructor(url, scrapeInterval) {
    super(SOURCE.type, SOURCE.uid);
    this.url = url;
    this.scrapeInterval = rangeUtil.intervalToMs(scrapeInterval);
    this.name = NAME;
    this.meta = { id: SOURCE.type, name: NAME, info: { logos: { small: '' } }, metrics: true };
    this.errors = [];
    this.series = new Map(); // number of series by panel, with its title
    this.annotations = { prepareAnnotation, prepareQuery: ({ target }) => target, processEvents };
  }

  register() {
    const settings = { ...SOURCE, name: NAME, id: 1, meta: this.meta, isDefault: true, jsonData: {}, rawRef: SOURCE };
    setDataSourceSrv({ get: async () => this, getList: () => [settings], getInstanceSettings: () => settings, reload() {} });
    sceneUtils.registerRuntimeDataSource({ dataSource: this });
  }

  emptyPanels() {
    return [...this.series.values()].filter(({ count }) => count === 0).map(({ title }) => title);
  }

  getRef() {
    return SOURCE;
  }

  async testDatasource() {
    return { status: 'success', message: '' };
  }

  query(request) {
    return from(this.run(request));
  }

  async run(request) {
    const scene = sceneOfRequest(request);
    const { key, title } = panelOf(scene);
    const targets = request.targets.filter((target) => !target.hide);
    try {
      const frames = await Promise.all(targets.map((target) => this.frames(target, request, scene, targets.length > 1)));
      const data = frames.flat();
      if (key) {
        this.series.set(key, { title, count: data.filter(hasValue).length });
      }
      return { data, state: LoadingState.Done };
    } catch (error) {
      this.errors.push(`${title}: ${error.message}`);
      return { data: [], state: LoadingState.Error, error };
    }
  }

  async frames(target, request, scene, several) {
    const { start, end, step } = this.times(target, request, scene);
    const query = this.expanded(target.expr, request, scene, { start, end, step });
    if (target.instant) {
      const { resultType, result } = await this.get('query', { query, time: end });
      const samples = resultType === 'scalar' ? [{ metric: {}, value: result }] : result;
      return target.format === 'table' ? [table(target, samples, several)] : samples.map((each) => frame(target, each, [each.value]));
    }
    const first = Math.floor(start / step) * step;
    const last = Math.floor(end / step) * step;
    const { result } = await this.get('query_range', { query, start: first, end: last, step });
    return result.map((each) => frame(target, each, each.values, step));
  }

  times(target, request, scene) {
    const start = request.range.from.valueOf() / 1000;
    const end = request.range.to.valueOf() / 1000;
    const minimum = target.interval ? rangeUtil.intervalToMs(sceneGraph.interpolate(scene, target.interval)) : this.scrapeInterval;
    const wanted = rangeUtil.roundInterval(((end - start) * 1000) / (request.maxDataPoints || 800));
    return { start, end, step: Math.max(wanted / 1000, minimum / 1000, Math.ceil((end - start) / MOST_POINTS)) };
  }

  expanded(expression, request, scene, { start, end, step }) {
    const scrape = this.scrapeInterval / 1000;
    const seconds = {
      __rate_interval: Math.max(step + scrape, 4 * scrape),
      __interval: step,
      __range: Math.round(end - start),
    };
    const durations = Object.entries(seconds).map(([name, value]) => [name, { text: value, value: `${value}s` }]);
    const numbers = { __interval_ms: { text: step * 1000, value: step * 1000 }, __range_s: { text: '', value: seconds.__range } };
    return sceneGraph.interpolate(scene, expression, { ...request.scopedVars, ...Object.fromEntries(durations), ...numbers }, pattern);
  }

  async metricFindQuery(query, options) {
    const scene = sceneOfRequest(options);
    const text = sceneGraph.interpolate(scene, typeof query === 'string' ? query : query.query, undefined, pattern);
    const found = LABEL_VALUES.exec(text);
    if (!found) {
      this.errors.push(`a variable queries ${text}`);
      return [];
    }
    const [, series, label] = found;
    const { range } = options;
    const times = range ? { start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 } : {};
    const values = await this.get(`label/${label}/values`, { ...(series ? { 'match[]': series } : {}), ...times });
    return values.map((value) => ({ text: value, value }));
  }

  async get(path, parameters) {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const body = await response.json();
    if (body.status !== 'success') {
      throw new Error(`${body.error} in ${parameters.query ?? parameters['match[]']}`);
    }
    return body.data;
  }
}

function sceneOfRequest({ scopedVars }) {
  const variable = scopedVars?.__sceneObject?.value;
  return variable?.valueOf?.() ?? variable;
}

// The panel that queries; an annotation belongs to none.
function panelOf(scene) {
  for (let object = scene; object; object = object.parent) {
    if (object.state?.pluginId) {
      return object.state;
    }
  }
  return { title: 'an annotation' };
}

// A series of NaN shows nothing.
function hasValue({ fields }) {
  return fields.some(({ type, values }) => type === FieldType.number && values.some(Number.isFinite));
}

// As Grafana's own: a step of a minute, and one event for adjacent samples above 0.
const ANNOTATION_STEP = '60s';

function prepareAnnotation({ expr, ...annotation }) {
  return { ...annotation, target: { refId: 'Annotation', expr, interval: ANNOTATION_STEP } };
}

function processEvents({ titleFormat, textFormat }, frames) {
  return of(frames.flatMap((each) => eventsOf(each, titleFormat, textFormat)));
}

function eventsOf({ fields: [times, samples] }, titleFormat, textFormat) {
  const events = [];
  times.values.forEach((time, index) => {
    const last = events.at(-1);
    if (!(samples.values[index] > 0)) {
      return;
    }
    if (last && time - last.timeEnd <= times.config.interval) {
      last.timeEnd = time;
    } else {
      events.push({ time, timeEnd: time, title: legendOf({ legendFormat: titleFormat }, samples.labels), text: legendOf({ legendFormat: textFormat }, samples.labels) });
    }
  });
  return events;
}

// A variable's value as part of a regular expression.
function pattern(value) {
  const escaped = (text) => text.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]+?.()|]/g, '\\\\$&');
  if (!Array.isArray(value)) {
    return String(value);
  }
  return value.length === 1 ? escaped(value[0]) : `(${value.map(escaped).join('|')})`;
}

const number = (text) => parseFloat(text.replace('Inf', 'Infinity'));

function legendOf({ legendFormat }, { __name__: name = '', ...labels }) {
  if (!legendFormat || legendFormat === '__auto') {
    const shown = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return legendFormat ? undefined : `${name}{${shown.join(', ')}}`;
  }
  return legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');
}

function frame(target, { metric }, samples, step) {
  const times = samples.map(([time]) => time * 1000);
  const values = samples.map(([, value]) => number(value));
  return createDataFrame({
    refId: target.refId,
    meta: { type: 'timeseries-multi' },
    fields: [
      { name: 'Time', type: FieldType.time, values: times, config: step ? { interval: step * 1000 } : {} },
      { name: 'Value', type: FieldType.number, labels: metric, values, config: { displayNameFromDS: legendOf(target, metric) } },
    ],
  });
}

function table(target, samples, several) {
  if (!samples.length) {
    return createDataFrame({ refId: target.refId, fields: [] });
  }
  const labels = [...new Set(samples.flatMap((each) => Object.keys(each.metric)))].sort();
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: samples.map((each) => each.value[0] * 1000), config: {} },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: samples.map((each) => each.metric[label] ?? ''),
        config: { filterable: true },
      })),
      {
        name: several ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        values: samples.map((each) => number(each.value[1])),
        config: {},
      },
    ],
  });
}
