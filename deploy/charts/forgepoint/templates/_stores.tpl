{{/* A rule of a NetworkPolicy to a store. Takes its values. */}}
{{- define "fp.toStore" -}}
- ports: [{port: {{ .port }}}]
  {{- with .to }}
  to: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
