{{/*
Checks that a schema cannot express: contradictory values, and mistakes that would keep a pod from starting.
All mistakes are reported at once, without showing a key.
*/}}
{{- define "openrouter-exporter.refuse" -}}
{{- $mistakes := list }}
{{- range $about := list "accounts" "configuration" "pod" "monitoring" }}
{{- $found := include (printf "openrouter-exporter.mistakes.%s" $about) $ }}
{{- $mistakes = concat $mistakes (splitList "\n" $found) }}
{{- end }}
{{- with without $mistakes "" }}
{{- fail (printf "these values can't work:\n  - %s\n" (join "\n  - " .)) }}
{{- end }}
{{- end }}

{{/* Each template prints one mistake per line. Accounts: each needs a unique name and one key. */}}
{{- define "openrouter-exporter.mistakes.accounts" }}
{{- if hasPrefix "sk-or-" .Values.existingSecret }}
existingSecret: this is a key, and the name of a Secret is expected
{{- end }}
{{- if .Values.demo.enabled }}
{{- if .Values.existingSecret }}
existingSecret: demo.enabled reads no key; set one of the two
{{- end }}
{{- else if not (or .Values.accounts .Values.config.account_files (dig "accounts_from" "directory" "" .Values.config)) }}
accounts: name at least one account with its key, set config.account_files or config.accounts_from, or set demo.enabled
{{- else }}
{{- $names := list }}
{{- range $account := .Values.accounts }}
{{- $name := include "openrouter-exporter.accountName" $account }}
{{- $label := printf "account %q" $name }}
{{- if contains "sk-or-" (toYaml (omit $account "apiKey")) }}
{{- $label = "account" }}
an account holds a key of OpenRouter outside of apiKey, where many may read it
{{- end }}
{{- if has $name $names }}
{{ $label }}: another account has this name; it is the label `account`, so each needs its own
{{- end }}
{{- $names = append $names $name }}
{{- $given := keys (pick $account "apiKey" "existingSecret" "apiKeyFile") | sortAlpha }}
{{- range $key := $given }}
{{- if not (index $account $key) }}
{{- $given = without $given $key }}
{{- end }}
{{- end }}
{{- if gt (len $given) 1 }}
{{ $label }}: {{ join " and " $given }} exclude each other; keep one of them
{{- else if and $account.apiKey $.Values.existingSecret }}
{{ $label }}: apiKey and the chart's existingSecret exclude each other; keep one of them
{{- else if not (or $given $.Values.existingSecret) }}
{{ $label }}: has no key; set existingSecret to the name of a Secret, or give this account an apiKey, existingSecret or apiKeyFile
{{- end }}
{{- if and $account.existingSecretKey (or $account.apiKey $account.apiKeyFile) }}
{{ $label }}: existingSecretKey means nothing without an existingSecret
{{- end }}
{{- if and $account.apiKey (regexMatch "\\s" (trim $account.apiKey)) }}
{{ $label }}: apiKey holds white space; expected one key
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The exporter's configuration becomes a ConfigMap, which many can read. */}}
{{- define "openrouter-exporter.mistakes.configuration" }}
{{- range $key := list "proxy_url" "base_url" }}
{{- if regexMatch "^[a-z]+://[^/]*@" (dig "upstream" $key "" $.Values.config | default "") }}
config.upstream.{{ $key }}: holds a password, and this becomes a ConfigMap; use proxy_from_environment with extraEnv from a Secret
{{- end }}
{{- end }}
{{- $sections := dict "config" .Values.config }}
{{- range $account := .Values.accounts }}
{{- $_ := set $sections (printf "account %q" (include "openrouter-exporter.accountName" $account)) $account }}
{{- end }}
{{- range $section_name, $section := $sections }}
{{- range $collector, $settings := $section.collectors }}
{{- if regexMatch "^0+[a-z]*$" (get (default dict $settings) "interval") }}
{{ $section_name }}: collectors.{{ $collector }}.interval is zero; expected 1s or longer
{{- end }}
{{- end }}
{{- end }}
{{- if contains "sk-or-" (toYaml .Values.config) }}
config: holds a key of OpenRouter, and this becomes a ConfigMap; keys belong into accounts
{{- end }}
{{- end }}

{{- define "openrouter-exporter.mistakes.pod" }}
{{- if gt (int .Values.replicas) 1 }}
replicas: {{ .Values.replicas }} would poll each account {{ .Values.replicas }} times against one rate limit, and show it as often; 1, or 0 to pause. To divide the accounts, set shards
{{- end }}
{{- if and .Values.demo.enabled (gt (int .Values.shards) 1) }}
shards: the demo has no shards; set one of the two
{{- end }}
{{- $owned := dict "--shard.total" "shards" "--shard.index" "shards" "--config.file" "config" "--config.auto-reload-interval" "configReloadInterval" "--web.config.file" "webConfig" }}
{{- $owned = merge $owned (dict "--web.listen-address" "containerPort" "--shutdown.timeout" "terminationGracePeriodSeconds") }}
{{- range $argument := .Values.extraArgs }}
{{- $option := splitList "=" $argument | first }}
{{- if hasKey $owned $option }}
extraArgs: set {{ get $owned $option }} instead of {{ $option }}
{{- else if has $option (list "--web.telemetry-path" "--web.route-prefix") }}
extraArgs: {{ $option }} is not supported; probes and monitors use the default paths
{{- else if contains "sk-or-" $argument }}
extraArgs: holds a key of OpenRouter, which all can read; keys belong into accounts
{{- end }}
{{- end }}
{{- if contains "sk-or-" (toYaml .Values.extraEnv) }}
extraEnv: holds a key of OpenRouter, which all can read; keys belong into accounts
{{- end }}
{{- if and .Values.history.enabled (not .Values.history.importer.image) }}
history.importer: describe the container that imports /history/history.txt, with its image
{{- end }}
{{- if contains "sk-or-" (toYaml .Values.history) }}
history: holds a key of OpenRouter, which all can read; keys belong into accounts
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- if not (or (hasKey . "minAvailable") (hasKey . "maxUnavailable")) }}
podDisruptionBudget: needs one of minAvailable and maxUnavailable
{{- else if and (hasKey . "minAvailable") (hasKey . "maxUnavailable") }}
podDisruptionBudget: minAvailable and maxUnavailable exclude each other; keep one of them
{{- end }}
{{- end }}
{{- range $name, $hash := .Values.webConfig.basicAuthUsers }}
{{- if not (regexMatch "^\\$2[abxy]\\$[0-9]{2}\\$[./A-Za-z0-9]{53}$" $hash) }}
webConfig.basicAuthUsers: {{ $name }} needs a bcrypt hash, as htpasswd -nBC 10 prints after the name
{{- end }}
{{- if contains ":" $name }}
webConfig.basicAuthUsers: {{ $name }} can't hold a colon, because basic auth ends names with one
{{- end }}
{{- end }}
{{- if and .Values.webConfig.tls.clientCertificates (not .Values.webConfig.tls.existingSecret) }}
webConfig.tls.clientCertificates: needs webConfig.tls.existingSecret, the Secret with tls.crt, tls.key and ca.crt
{{- end }}
{{- end }}

{{- define "openrouter-exporter.mistakes.monitoring" }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
serviceMonitor and podMonitor: together they scrape the same pod twice; enable one of them
{{- end }}
{{- range $name := list "serviceMonitor" "podMonitor" }}
{{- with index $.Values $name }}
{{- if .enabled }}
{{- if and $.Values.webConfig.tls.existingSecret (not .tlsConfig) }}
{{ $name }}.tlsConfig: webConfig.tls serves HTTPS; say how the certificate is checked, such as ca and serverName
{{- end }}
{{- if and $.Values.webConfig.basicAuthUsers (not .basicAuth) }}
{{ $name }}.basicAuth: webConfig.basicAuthUsers asks for a password; name the Secret that holds the scraper's
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
