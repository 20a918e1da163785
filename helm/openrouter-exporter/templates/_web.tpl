{{/* The file for --web.config.file; empty if webConfig is. */}}
{{- define "openrouter-exporter.webConfiguration" -}}
{{- $web := deepCopy .Values.webConfig.extra }}
{{- with .Values.webConfig.basicAuthUsers }}
{{- $_ := set $web "basic_auth_users" . }}
{{- end }}
{{- with .Values.webConfig.tls }}
{{- if .existingSecret }}
{{- $tls := dict "cert_file" "tls/tls.crt" "key_file" "tls/tls.key" }}
{{- if .clientCertificates }}
{{- $tls = merge $tls (dict "client_auth_type" "RequireAndVerifyClientCert" "client_ca_file" "tls/ca.crt") }}
{{- end }}
{{- $_ := set $web "tls_server_config" $tls }}
{{- end }}
{{- end }}
{{- with $web }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* http or https. */}}
{{- define "openrouter-exporter.scheme" -}}
{{- if .Values.webConfig.tls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{/*
A probe of a path. The kubelet has neither password nor client certificate. Where one is required, the probe runs the
exporter's health check, for which such a requirement counts as healthy.
Called with a list of the root, the path, and the probe's values.
*/}}
{{- define "openrouter-exporter.probe" -}}
{{- $root := index . 0 }}
{{- $path := index . 1 }}
{{- $probe := index . 2 }}
{{- if or $probe.httpGet $probe.exec $probe.tcpSocket }}
{{- toYaml $probe }}
{{- else if or $root.Values.webConfig.basicAuthUsers $root.Values.webConfig.tls.clientCertificates }}
{{- $command := list "openrouter-exporter" "healthcheck" (printf "--web.listen-address=:%v" $root.Values.containerPort) }}
{{- toYaml (merge (dict "exec" (dict "command" $command)) $probe) }}
{{- else }}
{{- $scheme := include "openrouter-exporter.scheme" $root | upper }}
{{- toYaml (merge (dict "httpGet" (dict "path" $path "port" "http" "scheme" $scheme)) $probe) }}
{{- end }}
{{- end }}
