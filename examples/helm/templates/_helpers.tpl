{{- define "itsme.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "itsme.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "itsme.labels" -}}
{{ include "itsme.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- define "itsme.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "itsme.caddyfile" -}}
{{- tpl (.Values.caddyfile | default (.Files.Get "files/Caddyfile.tpl")) . | trim }}
{{- end }}

{{- /* What the schema cannot compare. */}}
{{- define "itsme.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.redis.enabled) }}
{{- fail "replicas: more than one needs redis.enabled: a login that starts on one replica cannot finish on another" }}
{{- end }}
{{- with .Values.shutdown }}
{{- if lt (int .kill) (add .sleep .grace 10 | int) }}
{{- fail (printf "shutdown.kill: %d s is less than sleep, grace and 10 s: logins under way would be cut off" (int .kill)) }}
{{- end }}
{{- end }}
{{- end }}
