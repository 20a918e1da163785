// A dashboard's JSON as a scene: its variables, its grid, its panels.
import * as scenes from '@grafana/scenes';
import { SOURCE } from './prometheus.js';

const CELL = 30; // pixels of a row of the grid
const GAP = 8; // pixels between panels

export function sceneOf(dashboard, parameters) {
  const { from, to } = dashboard.time;
  return new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange({ from: parameters.get('from') ?? from, to: parameters.get('to') ?? to, timeZone: 'utc' }),
    $variables: new scenes.SceneVariableSet({ variables: dashboard.templating.list.map((each) => variable(each, parameters)) }),
    $data: new scenes.SceneDataLayerSet({ layers: (dashboard.annotations?.list ?? []).map(annotation) }),
    controls: [
      new scenes.VariableValueSelectors({}),
      new scenes.SceneDataLayerControls(),
      new scenes.SceneControlsSpacer(),
      new scenes.SceneTimePicker({}),
      new scenes.SceneRefreshPicker({}),
    ],
    body: new scenes.SceneGridLayout({ children: gridItems(dashboard.panels, parameters.has('unfolded')) }),
  });
}

export function itemsOf(scene) {
  return scene.state.body.state.children.map(({ state: { x, y, width, height } }) => ({ x, y, width, height }));
}

export function heightOf(scene) {
  const bottom = Math.max(...itemsOf(scene).map(({ y, height }) => y + height));
  return bottom * (CELL + GAP);
}

// What is not drawn yet.
export function waitingOf(scene) {
  const panels = vizPanelsOf(scene).filter((panel) => !panel.state._pluginLoadError && !(panel.getPlugin() && hasData(panel)));
  const layers = layersOf(scene).filter(({ state }) => state.isEnabled && !isRead(state.data));
  return [...panels.map(({ state }) => `${state.title}: is not drawn`), ...layers.map(({ state }) => `${state.name}: the annotation is not drawn`)];
}

// How many events the annotations have.
export function eventsOf(scene) {
  return layersOf(scene).reduce((sum, { state }) => sum + (state.data?.series ?? []).reduce((events, { length }) => events + length, 0), 0);
}

function layersOf(scene) {
  return scene.state.$data.state.layers;
}

// Annotations that arrive before the data make a panel seem read, without data.
function hasData(panel) {
  const provider = scenes.sceneGraph.getData(panel);
  const runner = provider instanceof scenes.SceneDataTransformer ? provider.state.$data : provider;
  return isRead(provider.state.data) && (!(runner instanceof scenes.SceneQueryRunner) || runner.state._hasFetchedData);
}

function isRead(data) {
  return data?.state === 'Done' || data?.state === 'Error';
}

export function failedPanelsOf(scene) {
  return vizPanelsOf(scene).flatMap((panel) => {
    const failure = panel.state._pluginLoadError ?? scenes.sceneGraph.getData(panel).state.data?.error?.message;
    return failure ? [`${panel.state.title}: ${failure}`] : [];
  });
}

function vizPanelsOf(scene) {
  return scenes.sceneGraph.findAllObjects(scene, (object) => object instanceof scenes.VizPanel);
}

// A row and the panels up to the next row; those of a folded row are inside it, and drawn only if it is unfolded.
function sectionsOf(panels) {
  const sections = [{ inside: [] }];
  for (const panel of panels) {
    if (panel.type === 'row') {
      sections.push({ row: panel, inside: [...panel.panels] });
    } else {
      sections.at(-1).inside.push(panel);
    }
  }
  return sections;
}

// Grafana moves sections up until they touch.
function gridItems(panels, unfolded) {
  let top = 0;
  return sectionsOf(panels).flatMap(({ row, inside }) => {
    const head = row ? [gridRow(row, top)] : [];
    top += head.length;
    const drawn = row?.collapsed && !unfolded ? [] : inside;
    const shift = top - Math.min(...drawn.map(({ gridPos }) => gridPos.y));
    const items = drawn.map((panel) => gridItem(panel, shift));
    top = Math.max(top, ...items.map(({ state }) => state.y + state.height));
    return [...head, ...items];
  });
}

function gridRow({ id, title }, y) {
  return new scenes.SceneGridRow({ key: `row-${id}`, title, isCollapsible: false, children: [], x: 0, y, width: 24, height: 1 });
}

function gridItem(panel, shift) {
  const { x, y, w: width, h: height } = panel.gridPos;
  return new scenes.SceneGridItem({ key: `item-${panel.id}`, body: vizPanel(panel), x, y: y + shift, width, height });
}

function vizPanel(panel) {
  const { id, type, title, description, options = {}, fieldConfig, interval, maxDataPoints, transformations = [] } = panel;
  const queries = (panel.targets ?? []).map((target) => ({ ...target, datasource: SOURCE, interval: target.interval ?? interval }));
  const runner = new scenes.SceneQueryRunner({ datasource: SOURCE, queries, minInterval: interval, maxDataPoints });
  const data = transformations.length ? new scenes.SceneDataTransformer({ $data: runner, transformations }) : runner;
  return new scenes.VizPanel({
    key: `panel-${id}`,
    title,
    description,
    pluginId: type,
    options,
    fieldConfig: structuredClone(fieldConfig),
    $data: queries.length ? data : new scenes.SceneDataNode({ data: { state: 'Done', series: [], timeRange: {} } }),
    titleItems: [],
  });
}

function annotation(definition) {
  const { name, enable: isEnabled, hide: isHidden } = definition;
  return new scenes.dataLayers.AnnotationsDataLayer({ key: `annotation-${name}`, name, isEnabled, isHidden, query: { ...definition, datasource: SOURCE } });
}

function variable(definition, parameters) {
  const { type, name, label, description, query, options, multi: isMulti, includeAll, allValue, refresh, sort, regex, current } = definition;
  const chosen = parameters.get(`var-${name}`);
  const values = chosen && isMulti ? chosen.split(',') : chosen;
  if (type === 'datasource') {
    return new scenes.DataSourceVariable({ name, label, pluginId: query, value: SOURCE.uid, text: 'Prometheus' });
  }
  if (type === 'custom') {
    const option = options.find(({ value }) => value === chosen) ?? current;
    return new scenes.CustomVariable({ name, label, description, query, value: option.value, text: option.text, isMulti, includeAll });
  }
  return new scenes.QueryVariable({
    ...{ name, label, description, query, refresh, sort, isMulti, includeAll, allValue, regex, datasource: SOURCE },
    value: values ?? current?.value ?? '',
    text: values ?? current?.text ?? '',
  });
}
