{{/* Command and options of the exporter. No option takes a secret. */}}
{{- define "openrouter-exporter.args" -}}
{{- $args := list }}
{{- if .Values.demo.enabled }}
{{- $args = list "demo" }}
{{- else }}
{{- $args = list "serve" "--config.file=/etc/openrouter-exporter/config.yaml" }}
{{- $args = append $args (printf "--config.auto-reload-interval=%s" .Values.configReloadInterval) }}
{{- end }}
{{- if gt (int .Values.shards) 1 }}
{{- $args = append $args (printf "--shard.total=%v" .Values.shards) }}
{{- end }}
{{- $args = append $args (printf "--web.listen-address=:%v" .Values.containerPort) }}
{{- if include "openrouter-exporter.webConfiguration" . }}
{{- $args = append $args "--web.config.file=/etc/openrouter-exporter/web.yaml" }}
{{- end }}
{{- /* Ten seconds less than the pod's grace period: connections close after polls. */}}
{{- $args = append $args (printf "--shutdown.timeout=%vs" (sub .Values.terminationGracePeriodSeconds 10)) }}
{{- toYaml (concat $args .Values.extraArgs) }}
{{- end }}

{{/*
Configuration, keys and certificates in one folder. No file is a subPath mount, because those are not updated.
*/}}
{{- define "openrouter-exporter.sources" -}}
{{- $fullname := include "openrouter-exporter.fullname" . }}
{{- if not .Values.demo.enabled }}
- configMap:
    name: {{ $fullname }}
    items:
      - key: config.yaml
        path: config.yaml
{{- range .Values.accounts }}
{{- if not .apiKeyFile }}
{{- $keyName := include "openrouter-exporter.keyName" . }}
- secret:
    name: {{ ternary $fullname (default $.Values.existingSecret .existingSecret) (not (empty .apiKey)) }}
    items:
      - key: {{ ternary $keyName (default $keyName .existingSecretKey) (not (empty .apiKey)) | quote }}
        path: {{ printf "keys/%s" $keyName | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "openrouter-exporter.webConfiguration" . }}
- secret:
    name: {{ $fullname }}-web
    items:
      - key: web.yaml
        path: web.yaml
{{- end }}
{{- with .Values.webConfig.tls }}
{{- if .existingSecret }}
- secret:
    name: {{ .existingSecret }}
    items:
      - key: tls.crt
        path: tls/tls.crt
      - key: tls.key
        path: tls/tls.key
      {{- if .clientCertificates }}
      - key: ca.crt
        path: tls/ca.crt
      {{- end }}
{{- end }}
{{- end }}
{{- end }}
