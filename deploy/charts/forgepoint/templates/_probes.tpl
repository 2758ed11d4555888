{{/*
On the port for health and metrics. A slow start is no fault: it answers before it migrates, and is not ready until it may
have traffic. Liveness asks for nothing but an answer, since a store that is away is not mended by a restart.
*/}}
{{- define "fp.probes" -}}
{{- $live := hasKey .program.ports "grpc" | ternary (dict "httpGet" (dict "path" "/livez" "port" "http")) (dict "tcpSocket" (dict "port" "http")) }}
startupProbe: {{ toYaml (merge (dict "periodSeconds" 1 "failureThreshold" 600 "timeoutSeconds" 2) $live) | nindent 2 }}
livenessProbe: {{ toYaml (merge (dict "periodSeconds" 10 "failureThreshold" 6 "timeoutSeconds" 5) $live) | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}
