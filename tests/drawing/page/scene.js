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
    controls: [
      new scenes.VariableValueSelectors({}),
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

export function waitingPanelsOf(scene) {
  const waits = (panel) => {
    const state = scenes.sceneGraph.getData(panel).state.data?.state;
    return !panel.state._pluginLoadError && !(panel.getPlugin() && (state === 'Done' || state === 'Error'));
  };
  return vizPanelsOf(scene).filter(waits).map(({ state }) => `${state.title}: is not drawn`);
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

// The panels of a folded row are inside it; unfolded, they push down what follows.
function gridItems(panels, unfolded) {
  let pushed = 0;
  return panels.flatMap((panel) => {
    if (panel.type !== 'row') {
      return [gridItem(panel, pushed)];
    }
    const row = new scenes.SceneGridRow({ key: `row-${panel.id}`, title: panel.title, isCollapsible: false, children: [], ...box(panel, pushed) });
    if (!unfolded || !panel.collapsed || !panel.panels.length) {
      return [row];
    }
    const shift = pushed + panel.gridPos.y + 1 - Math.min(...panel.panels.map((each) => each.gridPos.y));
    const inside = panel.panels.map((each) => gridItem(each, shift));
    pushed += Math.max(...inside.map(({ state }) => state.y + state.height)) - (panel.gridPos.y + pushed + 1);
    return [row, ...inside];
  });
}

function box({ gridPos }, pushed) {
  return { x: gridPos.x, y: gridPos.y + pushed, width: gridPos.w, height: gridPos.h };
}

function gridItem(panel, pushed) {
  return new scenes.SceneGridItem({ key: `item-${panel.id}`, body: vizPanel(panel), ...box(panel, pushed) });
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
