{{/* What the chart knows of the platform; see platform.json. */}}
{{- define "fp.platform" -}}
{{ .Files.Get "platform.json" }}
{{- end }}

{{/* Of every object. Takes a dict of: root. */}}
{{- define "fp.labels" -}}
app.kubernetes.io/part-of: forgepoint
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Which pods serve. A job of the same program has no `serves`, so that a Service never sends it a call. */}}
{{- define "fp.selector" -}}
forgepoint.io/program: {{ .noun }}
forgepoint.io/serves: "true"
{{- end }}

{{/* Takes a dict of: root, name, own (what the program's values say of its image). */}}
{{- define "fp.image" -}}
{{- $own := default dict .own }}
{{- $base := printf "%s/%s" .root.Values.image.registry (default .name $own.name) }}
{{- $tag := toString (default (default .root.Chart.AppVersion .root.Values.image.tag) $own.tag) }}
{{- if eq $tag "latest" }}{{ fail (printf "%s: the tag latest is no version; name one, or a digest" .name) }}{{ end }}
{{- if $own.digest }}{{ printf "%s@%s" $base $own.digest }}{{ else }}{{ printf "%s:%s" $base $tag }}{{ end }}
{{- end }}

{{- define "fp.secret" -}}
{{ .root.Values.secrets.prefix }}{{ .noun }}
{{- end }}

{{/* Restricted, as the Pod Security Standards have it. */}}
{{- define "fp.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "fp.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod has. Takes a dict of: root, account, own; token: whether it calls the API server. */}}
{{- define "fp.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ default false .token }}
enableServiceLinks: false
securityContext:
  {{- include "fp.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .own.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .own.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Settings that are no secret, by name. Takes a dict of: root, noun, program, own. */}}
{{- define "fp.env" -}}
{{- $values := .root.Values }}
{{- $env := dict }}
{{- $platform := include "fp.platform" .root | fromJson }}
{{- range $name, $value := .program.env }}
{{- $told := $value | replace "{public_url}" $values.publicUrl }}
{{- if $values.tls.enabled }}
{{- range $peer, $facts := $platform.programs }}
{{- range $facts.tls_ports }}
{{- $told = $told | replace (printf "http://%s:%v" $peer $facts.ports.http) (printf "https://%s:%v" $peer .) }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $env $name $told }}
{{- end }}
{{- if hasKey .program.ports "grpc" }}
{{- $_ := set $env "FP_GRPC_PORT" (toString (int .program.ports.grpc)) }}
{{- $_ := set $env "FP_DRAIN_DELAY" (toString $values.drain.delaySeconds) }}
{{- $_ := set $env "FP_DRAIN_TIMEOUT" (toString $values.drain.timeoutSeconds) }}
{{- end }}
{{- $_ := set $env "FP_HTTP_PORT" (toString (int .program.ports.http)) }}
{{- if hasKey .program.ports "link" }}
{{- $_ := set $env (printf "FP_%s_LINK_PORT" (upper .noun)) (toString (int .program.ports.link)) }}
{{- end }}
{{- if $values.tls.enabled }}
{{- range $name, $port := .program.tls_ports }}
{{- $_ := set $env (printf "FP_%s_PORT" (upper $name)) (toString (int $port)) }}
{{- end }}
{{- end }}
{{- $env = merge (include "fp.trustEnv" . | fromJson) $env }}
{{- if .program.keeper }}
{{- $_ := set $env "FP_RUNTIMES" "kubernetes" }}
{{- $_ := set $env "FP_KUBERNETES_WORKLOADS" "/etc/forgepoint/workloads" }}
{{- $_ := set $env "FP_PIPELINE_JOB_MODULES" (join "," $values.jobs.modules) }}
{{- $_ := set $env "FP_PIPELINE_JOB_IMAGES" (join "," $values.jobs.images) }}
{{- end }}
{{- if and (eq .noun "edge") $values.edge.gateway.enabled }}
{{- $_ := set $env "FP_EDGE_TRUSTED_HOPS" (toString (int $values.edge.gateway.hops)) }}
{{- end }}
{{- if has "s3" .program.stores }}
{{- $_ := set $env "FP_S3_ENDPOINT" $values.stores.s3.endpoint }}
{{- $_ := set $env "FP_S3_PUBLIC_ENDPOINT" (default $values.stores.s3.endpoint $values.stores.s3.publicEndpoint) }}
{{- $_ := set $env "FP_S3_BUCKET" $values.stores.s3.bucket }}
{{- $_ := set $env "FP_S3_REGION" $values.stores.s3.region }}
{{- end }}
{{- range $name, $value := merge (dict) (default dict .own.env) $values.env }}
{{- $_ := set $env $name (toString $value) }}
{{- end }}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Ports by name, with those that a program has where all speak TLS. Takes a dict of: root, program. */}}
{{- define "fp.ports" -}}
{{ merge (dict) .program.ports (.root.Values.tls.enabled | ternary .program.tls_ports (dict)) | toJson }}
{{- end }}

{{/* The number of a port that others call: own routes leave `http` for `https` with TLS. Takes a dict of: root, program, port. */}}
{{- define "fp.port" -}}
{{- $ports := include "fp.ports" . | fromJson }}
{{- and (eq .port "http") (hasKey $ports "https") | ternary (index $ports "https") (index $ports .port) }}
{{- end }}

{{/* Settings that are secrets: each by its name, so that a missing one is named by the pod's status. */}}
{{- define "fp.secretEnv" -}}
{{- $secret := include "fp.secret" . }}
{{- range .names }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ . }}}}
{{- end }}
{{- end }}
