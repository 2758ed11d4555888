{{/* A rule of a NetworkPolicy to the cluster's DNS. Takes the root. */}}
{{- define "fp.toNames" -}}
- to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
  ports:
    {{- range .Values.networkPolicy.dnsPorts }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}

{{/* A rule of a NetworkPolicy to a store. Takes its values. */}}
{{- define "fp.toStore" -}}
- ports: [{port: {{ .port }}}]
  {{- with .to }}
  to: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
