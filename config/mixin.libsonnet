// The rules, alerts and dashboards as a monitoring mixin: `(import 'config/mixin.libsonnet')`.
// jsonnet -S -e "std.manifestYamlDoc((import 'config/mixin.libsonnet').prometheusAlerts)" prints the alerts, as mixtool does.
local rules = {
  alerts: [
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-analytics.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-budgets.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-collecting.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-credits.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-exporter.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-models.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-spend.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-alerts-today.yaml'),
  ],
  recording: [
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-allocation.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-budgets.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-models.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-spend.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-today.yaml'),
    std.parseYaml(importstr 'prometheus/rules/openrouter-recording-tokens.yaml'),
  ],
};
{
  prometheusAlerts+:: { groups+: std.flattenArrays([file.groups for file in rules.alerts]) },
  prometheusRules+:: { groups+: std.flattenArrays([file.groups for file in rules.recording]) },
  grafanaDashboards+:: {
    'openrouter-budget.json': import 'grafana/dashboards/budget.json',
    'openrouter-cost.json': import 'grafana/dashboards/cost.json',
    'openrouter-endpoint.json': import 'grafana/dashboards/endpoint.json',
    'openrouter-health.json': import 'grafana/dashboards/health.json',
    'openrouter-models.json': import 'grafana/dashboards/models.json',
    'openrouter-overview.json': import 'grafana/dashboards/overview.json',
    'openrouter-performance.json': import 'grafana/dashboards/performance.json',
    'openrouter-spenders.json': import 'grafana/dashboards/spenders.json',
  },
}
