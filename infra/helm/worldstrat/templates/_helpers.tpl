{{- define "worldstrat.name" -}}
{{- if contains "worldstrat" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-worldstrat" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "worldstrat.selector" -}}
app.kubernetes.io/name: worldstrat
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "worldstrat.labels" -}}
{{ include "worldstrat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* An image's address: (list context name). */ -}}
{{- define "worldstrat.image" -}}
{{- $root := index . 0 -}}
{{- $tag := default $root.Chart.AppVersion $root.Values.image.tag -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ index . 1 }}{{ if hasPrefix "sha256:" $tag }}@{{ else }}:{{ end }}{{ $tag }}
{{- end }}

{{- define "worldstrat.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "worldstrat.name" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "worldstrat.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "worldstrat.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "worldstrat.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- include "worldstrat.podSecurity" . | nindent 2 }}
{{- end }}

{{- define "worldstrat.database" -}}
- {name: PGHOST, value: {{ required "database.host names the PostgreSQL server" .Values.database.host | quote }}}
- {name: PGPORT, value: {{ .Values.database.port | quote }}}
- {name: PGDATABASE, value: {{ .Values.database.name | quote }}}
- {name: PGUSER, value: {{ .Values.database.user | quote }}}
- {name: PGSSLMODE, value: {{ .Values.database.sslMode | quote }}}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ required "database.existingSecret names the secret with the database's password" .Values.database.existingSecret }}
      key: {{ .Values.database.passwordKey }}
{{- end }}

{{- define "worldstrat.store" -}}
- {name: WORLDSTRAT_STORE, value: {{ required "store.url names the bucket: s3://bucket" .Values.store.url | quote }}}
- {name: AWS_REGION, value: {{ .Values.store.region | quote }}}
{{- with .Values.store.endpointUrl }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.store.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.Values.store.accessKeyIdKey }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $.Values.store.secretAccessKeyKey }}}}
{{- end }}
{{- end }}

{{- /* Variables from a map of values and one of references to secrets: (list settings secretSettings). */ -}}
{{- define "worldstrat.settings" -}}
{{- range $name, $value := index . 0 }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $from := index . 1 }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $from.name }}, key: {{ $from.key }}}}
{{- end }}
{{- end }}

{{- define "worldstrat.rayToken" -}}
- {name: RAY_AUTH_MODE, value: token}
- name: RAY_AUTH_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ required "ray.existingSecret names the secret with the token of the Ray cluster" .Values.ray.existingSecret }}
      key: {{ .Values.ray.tokenKey }}
{{- end }}

{{- define "worldstrat.rayAddress" -}}
{{ include "worldstrat.name" . }}-sr-head-svc:6379
{{- end }}
