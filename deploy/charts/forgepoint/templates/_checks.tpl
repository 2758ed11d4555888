{{/* Refuses to render what could not run. Takes the root. */}}
{{- define "fp.checks" -}}
{{- $platform := include "fp.platform" . | fromJson }}
{{- if not .Values.publicUrl }}{{ fail "publicUrl is missing: where people outside reach the edge, such as https://forgepoint.example.com" }}{{ end }}
{{- if not .Values.stores.s3.endpoint }}{{ fail "stores.s3.endpoint is missing" }}{{ end }}
{{- if and .Values.secrets.externalSecrets.enabled (not .Values.secrets.externalSecrets.storeRef.name) }}{{ fail "secrets.externalSecrets.storeRef.name is missing" }}{{ end }}
{{- $connections := 0 }}
{{- range $noun, $program := $platform.programs }}
{{- if and $program.resident (has "postgres" $program.stores) }}
{{- /* During an upgrade there is one pod more, and before it the job that migrates. */}}
{{- $connections = add $connections (mul $.Values.connectionsPerReplica (add 1 (index $.Values.services $noun).replicas)) 1 }}
{{- end }}
{{- end }}
{{- if gt (int $connections) (int .Values.stores.postgres.maxConnections) }}
{{- fail (printf "the replicas take up to %d connections of the database during an upgrade, and stores.postgres.maxConnections is %d" (int $connections) (int .Values.stores.postgres.maxConnections)) }}
{{- end }}
{{- end }}
