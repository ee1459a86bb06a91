{{- define "tlsight.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tlsight.labels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "tlsight.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tlsight.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "tlsight.agentAccount" -}}
{{- if .Values.serviceAccount.create }}{{ include "tlsight.name" . }}-agent{{ else }}{{ .Values.serviceAccount.agentName }}{{ end }}
{{- end }}

{{- define "tlsight.serverAccount" -}}
{{- if .Values.serviceAccount.create }}{{ include "tlsight.name" . }}-server{{ else }}{{ .Values.serviceAccount.serverName }}{{ end }}
{{- end }}

{{- /* Whether the server has a volume of its own; several have what they decide in the database. */}}
{{- define "tlsight.serverVolume" -}}
{{- if and .Values.server.persistence.enabled (lt (int .Values.server.replicas) 2) }}yes{{ end }}
{{- end }}

{{- define "tlsight.controlKeySecret" -}}
{{- .Values.server.clickhouse.controlKeySecret | default (printf "%s-control" (include "tlsight.name" .)) }}
{{- end }}
