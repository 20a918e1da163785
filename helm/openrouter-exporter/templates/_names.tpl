{{/* The chart's name, or nameOverride. */}}
{{- define "openrouter-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The base of all names, cut so that a suffix fits into the 63 characters of a DNS label. */}}
{{- define "openrouter-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := include "openrouter-exporter.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "openrouter-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "openrouter-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "openrouter-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Labels of selectors. Selectors are immutable, so these must not change between versions. */}}
{{- define "openrouter-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "openrouter-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the pod of `helm test`. They differ from those of selectors, or the Service would send scrapes to it. */}}
{{- define "openrouter-exporter.testLabels" -}}
app.kubernetes.io/name: {{ include "openrouter-exporter.name" . | trunc 58 | trimSuffix "-" }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of the pods of the Job that imports history. They are not those of selectors either. */}}
{{- define "openrouter-exporter.historyLabels" -}}
app.kubernetes.io/name: {{ include "openrouter-exporter.name" . | trunc 55 | trimSuffix "-" }}-history
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/*
The labels that Kubernetes recommends, commonLabels, and more: called with a list of the root and maps of labels, of
which the first wins. The labels of selectors always win.
*/}}
{{- define "openrouter-exporter.labels" -}}
{{- $root := first . }}
{{- $selector := include "openrouter-exporter.selectorLabels" $root | fromYaml }}
{{- $labels := $selector }}
{{- range rest . }}
{{- $labels = merge $labels . }}
{{- end }}
{{- with $root }}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- $recommended := dict "helm.sh/chart" $chart "app.kubernetes.io/version" .Chart.AppVersion }}
{{- $_ := set $recommended "app.kubernetes.io/component" "exporter" }}
{{- $_ := set $recommended "app.kubernetes.io/part-of" (include "openrouter-exporter.name" .) }}
{{- $_ := set $recommended "app.kubernetes.io/managed-by" .Release.Service }}
{{- toYaml (merge $labels .Values.commonLabels $recommended) }}
{{- end }}
{{- end }}

{{/* The metadata of an object: called with a list of the root, the suffix of its name, and maps of more labels. */}}
{{- define "openrouter-exporter.metadata" -}}
{{- $root := first . -}}
name: {{ include "openrouter-exporter.fullname" $root }}{{ index . 1 }}
namespace: {{ include "openrouter-exporter.namespace" $root }}
labels:
  {{- include "openrouter-exporter.labels" (prepend (slice . 2) $root) | nindent 2 }}
{{- end }}

{{/* registry/repository:tag@digest, of which registry and digest may be missing. */}}
{{- define "openrouter-exporter.image" -}}
{{- $registry := default .Values.image.registry (.Values.global).imageRegistry }}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}
