{{/* An account's name: an entry without one is `default`. */}}
{{- define "openrouter-exporter.accountName" -}}
{{- default "default" .name }}
{{- end }}

{{/*
The name of an account's entry in the Secret, and of its file: the account's name if that is a valid file name.
The digest keeps names apart that differ only in characters that are not valid there.
*/}}
{{- define "openrouter-exporter.keyName" -}}
{{- $name := include "openrouter-exporter.accountName" . }}
{{- if regexMatch "^[A-Za-z0-9][A-Za-z0-9_-]*$" $name }}
{{- $name }}
{{- else }}
{{- printf "%s-%s" (regexReplaceAll "[^A-Za-z0-9]+" $name "-" | trimPrefix "-") ($name | sha256sum | trunc 8) | trimPrefix "-" }}
{{- end }}
{{- end }}

{{/* The exporter's configuration file: `config`, and the accounts with their key files. */}}
{{- define "openrouter-exporter.configuration" -}}
{{- $accounts := list }}
{{- range .Values.accounts }}
{{- $file := default (printf "keys/%s" (include "openrouter-exporter.keyName" .)) .apiKeyFile }}
{{- $account := dict "name" (include "openrouter-exporter.accountName" .) "api_key_file" $file }}
{{- $accounts = append $accounts (merge $account (pick . "collectors" "thresholds" "budgets" "labels")) }}
{{- end }}
{{- toYaml (merge (dict "accounts" $accounts) .Values.config) }}
{{- end }}
