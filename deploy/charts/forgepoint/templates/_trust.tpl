{{/* Certificates: the program's own, and authorities of stores and of what lies outside. */}}

{{/* Of a program's certificate: files tls.crt, tls.key and ca.crt. Takes a dict of: root, noun. */}}
{{- define "fp.certificate" -}}
{{ .root.Values.tls.secretPrefix }}{{ .noun }}
{{- end }}

{{/* Of the edge's certificate for the world; empty: its own serves there, too. Takes the root. */}}
{{- define "fp.publicCertificate" -}}
{{- with .Values.tls }}{{ if .enabled }}{{ default (.certManager.publicIssuerRef.name | empty | ternary "" (printf "%spublic" .secretPrefix)) .publicSecret }}{{ end }}{{ end }}
{{- end }}

{{/* Of the authorities that values name: file by name. Takes the root. */}}
{{- define "fp.authorities" -}}
{{- $found := dict }}
{{- range $store := list "postgres" "nats" "valkey" "s3" }}
{{- with (index $.Values.stores $store).authorities }}{{ $_ := set $found (printf "%s.crt" $store) . }}{{ end }}
{{- end }}
{{- with .Values.authorities }}{{ $_ := set $found "system.crt" . }}{{ end }}
{{- $found | toJson }}
{{- end }}

{{/* Settings that name these files, as JSON. Takes a dict of: root, noun (empty: it has no certificate), program. */}}
{{- define "fp.trustEnv" -}}
{{- $env := dict }}
{{- $known := include "fp.authorities" .root | fromJson }}
{{- $settings := dict "postgres" "FP_DATABASE_CA_FILE" "nats" "FP_NATS_CA_FILE" "valkey" "FP_REDIS_CA_FILE" "s3" "FP_S3_CA_FILE" }}
{{- $stores := .program.stores }}
{{- /* A runtime has no login at the object store: it reads by URLs that are signed for it. */}}
{{- if eq .noun "serving" }}{{ $stores = list "s3" }}{{ end }}
{{- range $stores }}
{{- if hasKey $known (printf "%s.crt" .) }}{{ $_ := set $env (index $settings .) (printf "/etc/forgepoint/authorities/%s.crt" .) }}{{ end }}
{{- end }}
{{- if hasKey $known "system.crt" }}{{ $_ := set $env "SSL_CERT_FILE" "/etc/forgepoint/authorities/system.crt" }}{{ end }}
{{- if and .root.Values.tls.enabled .noun }}
{{- range $name, $file := dict "CERT" "tls.crt" "KEY" "tls.key" "CA" "ca.crt" }}
{{- $_ := set $env (printf "FP_TLS_%s_FILE" $name) (printf "/etc/forgepoint/tls/%s" $file) }}
{{- end }}
{{- if and (eq .noun "edge") (include "fp.publicCertificate" .root) }}
{{- range $name, $file := dict "CERT" "tls.crt" "KEY" "tls.key" }}
{{- $_ := set $env (printf "FP_EDGE_%s_FILE" $name) (printf "/etc/forgepoint/public/%s" $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- $proxy := .root.Values.proxy }}
{{- if and $proxy.url (hasKey (default dict (get .root.Values.services .noun)) "internetPorts") }}
{{- $_ := set $env "HTTPS_PROXY" $proxy.url }}
{{- $_ := set $env "NO_PROXY" $proxy.except }}
{{- end }}
{{- $env | toJson }}
{{- end }}

{{/* Takes as fp.trustEnv. */}}
{{- define "fp.trustMounts" -}}
{{- if .root.Values.tls.enabled }}
- {name: tls, mountPath: /etc/forgepoint/tls, readOnly: true}
{{- if and (eq .noun "edge") (include "fp.publicCertificate" .root) }}
- {name: public, mountPath: /etc/forgepoint/public, readOnly: true}
{{- end }}
{{- end }}
{{- if include "fp.authorities" .root | fromJson }}
- {name: authorities, mountPath: /etc/forgepoint/authorities, readOnly: true}
{{- end }}
{{- end }}

{{/* Takes as fp.trustEnv. The kubelet writes renewed files into the volumes; whoever has them open reads them again. */}}
{{- define "fp.trustVolumes" -}}
{{- if .root.Values.tls.enabled }}
- name: tls
  secret:
    secretName: {{ include "fp.certificate" . }}
    defaultMode: 0440
    items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}, {key: ca.crt, path: ca.crt}]
{{- with and (eq .noun "edge") (include "fp.publicCertificate" .root) }}
- name: public
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
{{- end }}
{{- end }}
{{- if include "fp.authorities" .root | fromJson }}
- name: authorities
  configMap: {name: authorities}
{{- end }}
{{- end }}

{{/* Of a hook, which comes before the release's objects: authorities of stores alone. Takes a dict of: root, stores. */}}
{{- define "fp.hookEnv" -}}
{{- range $name, $value := include "fp.trustEnv" (dict "root" .root "noun" "" "program" (dict "stores" .stores)) | fromJson }}
- {name: {{ $name }}, value: {{ $value }}}
{{- end }}
{{- end }}

{{/* Takes the root. */}}
{{- define "fp.hookMounts" -}}
{{- if include "fp.authorities" . | fromJson }}
- {name: authorities, mountPath: /etc/forgepoint/authorities, readOnly: true}
{{- end }}
{{- end }}

{{- define "fp.hookVolumes" -}}
{{- if include "fp.authorities" . | fromJson }}
- name: authorities
  configMap: {name: authorities-of-hooks}
{{- end }}
{{- end }}
