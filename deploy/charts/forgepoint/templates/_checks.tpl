{{/* Refuses to render what could not run. Takes the root. */}}
{{- define "fp.checks" -}}
{{- $platform := include "fp.platform" . | fromJson }}
{{- if not .Values.publicUrl }}{{ fail "publicUrl is missing: where people outside reach the edge, such as https://forgepoint.example.com" }}{{ end }}
{{- if not .Values.stores.s3.endpoint }}{{ fail "stores.s3.endpoint is missing" }}{{ end }}
{{- if and .Values.secrets.externalSecrets.enabled (not .Values.secrets.externalSecrets.storeRef.name) }}{{ fail "secrets.externalSecrets.storeRef.name is missing" }}{{ end }}
{{- if and .Values.stores.s3.authorities (not .Values.authorities) }}{{ fail "authorities is missing: jobs and clients verify the object store by it, as they verify whatever else lies outside" }}{{ end }}
{{- if and .Values.tls.enabled (not (hasPrefix "https://" .Values.publicUrl)) }}{{ fail "publicUrl must begin with https:// where tls.enabled is set" }}{{ end }}
{{- with .Values.edge.gateway }}
{{- if .enabled }}
{{- if not .parentRefs }}{{ fail "edge.gateway.parentRefs is missing: the gateway that the routes are attached to" }}{{ end }}
{{- if not .peers }}{{ fail "edge.gateway.peers is missing: the gateway's pods, whose word for a client's address the edge takes" }}{{ end }}
{{- if and $.Values.tls.enabled (not .authorityConfigMap) }}{{ fail "edge.gateway.authorityConfigMap is missing: by it the gateway verifies the edge" }}{{ end }}
{{- end }}
{{- end }}
{{- $connections := 0 }}
{{- range $noun, $program := $platform.programs }}
{{- if and $program.resident (has "postgres" $program.stores) }}
{{- $connections = add $connections (include "fp.connections" (dict "root" $ "noun" $noun) | int) }}
{{- end }}
{{- end }}
{{- if gt (int $connections) (int .Values.stores.postgres.maxConnections) }}
{{- fail (printf "the replicas take up to %d connections of the database during an upgrade, and stores.postgres.maxConnections is %d" (int $connections) (int .Values.stores.postgres.maxConnections)) }}
{{- end }}
{{- end }}

{{/*
Of the database, that a program takes at most: during an upgrade there is one pod more, and before it the job that migrates.
Takes a dict of: root, noun.
*/}}
{{- define "fp.connections" -}}
{{ add (mul .root.Values.connectionsPerReplica (add 1 (index .root.Values.services .noun).replicas)) 1 }}
{{- end }}
