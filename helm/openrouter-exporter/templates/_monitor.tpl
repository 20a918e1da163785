{{/* The endpoint of a monitor. Called with a list of the root and the monitor's values. */}}
{{- define "openrouter-exporter.endpoint" -}}
{{- $root := index . 0 -}}
port: http
path: /metrics
scheme: {{ include "openrouter-exporter.scheme" $root }}
{{- with index . 1 }}
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or .relabelings (gt (int $root.Values.shards) 1) }}
relabelings:
  {{- if gt (int $root.Values.shards) 1 }}
  # The pod of a shard keeps its name, and so its series, over a restart; its address changes.
  - sourceLabels: [__meta_kubernetes_pod_name]
    targetLabel: instance
  {{- end }}
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Metadata of objects that Prometheus or Grafana select, maybe in another namespace: a list of root, suffix, values. */}}
{{- define "openrouter-exporter.foundMetadata" -}}
{{- $root := index . 0 }}
{{- $values := index . 2 -}}
name: {{ include "openrouter-exporter.fullname" $root }}{{ index . 1 }}
namespace: {{ default (include "openrouter-exporter.namespace" $root) $values.namespace }}
labels:
  {{- include "openrouter-exporter.labels" (list $root $values.additionalLabels) | nindent 2 }}
{{- with $values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
