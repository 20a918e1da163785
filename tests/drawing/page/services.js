// What Grafana's application provides to its libraries: registries, theme, and services that do nothing here.
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import { from, lastValueFrom, of } from 'rxjs';

const { numberOverrideProcessor: number, identityOverrideProcessor: same, booleanOverrideProcessor: boolean } = data;
const THRESHOLDS = {
  mode: 'absolute',
  steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }],
};
// Every standard option of a field: what reads it, and its default.
const FIELD_OPTIONS = {
  displayName: [data.displayNameOverrideProcessor],
  unit: [data.unitOverrideProcessor],
  min: [number],
  max: [number],
  decimals: [number],
  fieldMinMax: [boolean],
  filterable: [boolean],
  noValue: [data.stringOverrideProcessor],
  description: [data.stringOverrideProcessor],
  links: [data.dataLinksOverrideProcessor],
  actions: [same],
  color: [same],
  thresholds: [data.thresholdsOverrideProcessor, THRESHOLDS],
  mappings: [data.valueMappingsOverrideProcessor, []],
};

export function fieldOption(id, process = same, defaultValue = undefined) {
  return { id, path: id, name: id, editor: () => null, override: () => null, process, shouldApply: () => true, settings: {}, defaultValue };
}

function startRegistries() {
  const transformers = Object.values(data.standardTransformers);
  const unique = [...new Map(transformers.map((each) => [each.id, each])).values()];
  data.standardTransformersRegistry.setInit(() =>
    unique.map((each) => ({ id: each.id, name: each.name, transformation: each, editor: () => null }))
  );
  data.standardFieldConfigEditorRegistry.setInit(() =>
    Object.entries(FIELD_OPTIONS).map(([id, [process, value]]) => fieldOption(id, process, value))
  );
  data.standardEditorsRegistry.setInit(() => []);
  data.monacoLanguageRegistry?.setInit(() => []);
}

async function run(source, request) {
  const response = await lastValueFrom(source.query(request));
  return { state: response.state, series: response.data, annotations: [], timeRange: request.range, request };
}

export function startServices(mode) {
  const theme = data.createTheme({ colors: { mode } });
  Object.assign(runtime.config, { theme2: theme, theme: theme.v1 });
  window.grafanaBootData = { settings: runtime.config, user: {}, navTree: [] };
  window.__grafana_public_path__ = '/public/';
  startRegistries();
  runtime.setTemplateSrv({ getVariables: () => [], replace: (text) => text, containsTemplate: () => false, updateTimeRange() {} });
  runtime.setRunRequest((source, request) => from(run(source, request)));
  runtime.setBackendSrv({ get: async () => ({}), fetch: () => of({ data: {} }) });
  runtime.setAppEvents(new data.EventBusSrv());
  runtime.setEchoSrv({ addEvent() {}, addBackend() {}, flush() {} });
  runtime.setReturnToPreviousHook(() => () => {});
  runtime.setChromeHeaderHeightHook?.(() => 0);
  runtime.setPluginExtensionGetter?.(() => ({ extensions: [] }));
  runtime.setPluginLinksHook?.(() => ({ links: [], isLoading: false }));
  runtime.setPluginExtensionsHook?.(() => ({ extensions: [], isLoading: false }));
  return theme;
}
