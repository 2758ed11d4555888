{{/* Pods that pipeline makes: it reads them as JSON, and adds what differs from one version or job to the next. */}}

{{/* In another namespace than the services, whose names are found all the same. Takes the root. */}}
{{- define "fp.names" -}}
dnsConfig: {searches: [{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}]}
{{- end }}

{{/* Takes a dict of: root, platform. */}}
{{- define "fp.runtimePod" -}}
{{- $noun := "serving" }}
{{- $program := index .platform.programs $noun }}
{{- $own := merge (dict "priorityClassName" (printf "%s-runtimes" .root.Release.Namespace)) .root.Values.runtimes }}
{{- $it := dict "root" .root "noun" $noun "program" $program "own" $own "account" $noun }}
metadata:
  labels:
    app.kubernetes.io/part-of: forgepoint
    forgepoint.io/program: {{ $noun }}
spec:
  {{- include "fp.pod" $it | nindent 2 }}
  {{- include "fp.names" .root | nindent 2 }}
  terminationGracePeriodSeconds: {{ add .root.Values.drain.delaySeconds .root.Values.drain.timeoutSeconds 20 }}
  containers:
    - name: {{ $noun }}
      image: {{ include "fp.image" (dict "root" .root "name" $noun "own" $own.image) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      env:
        {{- include "fp.env" $it | trim | nindent 8 }}
        {{- include "fp.secretEnv" (dict "root" .root "noun" $noun "names" $program.secrets) | trim | nindent 8 }}
      ports:
        {{- range $name, $port := $program.ports }}
        - {name: {{ $name }}, containerPort: {{ $port }}}
        {{- end }}
      {{- include "fp.probes" $it | trim | nindent 6 }}
      resources: {{ toYaml $own.resources | nindent 8 }}
      securityContext:
        {{- include "fp.containerSecurity" $it | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- include "fp.trustMounts" $it | nindent 8 }}
        {{- range $path, $keep := $program.folders }}
        - {name: {{ $path | replace "/" "-" }}, mountPath: {{ $.platform.folder }}/{{ dir $path }}}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 256Mi}
    {{- include "fp.trustVolumes" $it | nindent 4 }}
    {{- range $path, $keep := $program.folders }}
    - {{ merge (dict "name" ($path | replace "/" "-")) $own.cache | toYaml | nindent 6 | trim }}
    {{- end }}
{{- end }}

{{/* Users' code: no secret of ours, no token, and nothing of a laptop. Takes a dict of: root, platform. */}}
{{- define "fp.jobPod" -}}
{{- $own := merge (dict "priorityClassName" (printf "%s-jobs" .root.Release.Namespace)) .root.Values.jobs }}
{{- $it := dict "root" .root "own" $own "account" "jobs" }}
{{- $authorities := include "fp.authorities" .root | fromJson }}
metadata:
  labels:
    app.kubernetes.io/part-of: forgepoint
    forgepoint.io/program: job
spec:
  {{- include "fp.pod" $it | nindent 2 }}
  {{- include "fp.names" .root | nindent 2 }}
  # As on a laptop.
  terminationGracePeriodSeconds: 5
  containers:
    - name: job
      image: {{ include "fp.image" (dict "root" .root "name" "flights-jobs" "own" $own.image) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      env:
        {{- range $name, $value := merge (dict) $own.env .platform.job.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- if .root.Values.tls.enabled }}
        - {name: FP_CA_FILE, value: /etc/forgepoint/platform/ca.crt}
        {{- end }}
        {{- if hasKey $authorities "system.crt" }}
        - {name: SSL_CERT_FILE, value: /etc/forgepoint/authorities/system.crt}
        {{- end }}
      resources: {{ toYaml $own.resources | nindent 8 }}
      securityContext:
        {{- include "fp.containerSecurity" $it | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if .root.Values.tls.enabled }}
        - {name: platform, mountPath: /etc/forgepoint/platform, readOnly: true}
        {{- end }}
        {{- if $authorities }}
        - {name: authorities, mountPath: /etc/forgepoint/authorities, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ $own.scratch }}}
    {{- if .root.Values.tls.enabled }}
    # Whom it believes that he is the platform; no certificate of its own.
    - name: platform
      secret: {secretName: {{ include "fp.certificate" (dict "root" .root "noun" "jobs") }}, items: [{key: ca.crt, path: ca.crt}]}
    {{- end }}
    {{- if $authorities }}
    - name: authorities
      configMap: {name: authorities}
    {{- end }}
{{- end }}

{{/* What a team that has values of its own has in place of everybody's. Takes a dict of: root, kind (runtimes, jobs). */}}
{{- define "fp.teams" -}}
{{- $teams := dict }}
{{- range $team, $own := .root.Values.teams }}
{{- $_ := set $teams $team (dict "serviceAccountName" (include "fp.team" $team) "priorityClassName" (printf "%s-%s-%s" $.root.Release.Namespace $.kind (sha256sum $team | trunc 10))) }}
{{- end }}
{{- $teams | toJson }}
{{- end }}

{{/* A name of a team that objects can have. Takes the team. */}}
{{- define "fp.team" -}}
team-{{ sha256sum . | trunc 10 }}
{{- end }}

{{/* The files that pipeline reads. Takes the root. */}}
{{- define "fp.workloads" -}}
{{- $platform := include "fp.platform" . | fromJson }}
{{- $it := dict "root" . "platform" $platform }}
runtime.json: {{ dict "namespace" .Values.runtimes.namespace "pod" (include "fp.runtimePod" $it | fromYaml) "gpu" .Values.gpuResource "teams" (include "fp.teams" (dict "root" . "kind" "runtimes") | fromJson) | toJson | quote }}
job.json: {{ dict "namespace" .Values.jobs.namespace "pod" (include "fp.jobPod" $it | fromYaml) "gpu" .Values.gpuResource "keep_seconds" .Values.jobs.keepSeconds "teams" (include "fp.teams" (dict "root" . "kind" "jobs") | fromJson) | toJson | quote }}
{{- end }}

{{/* A rule to a store for pods of another namespace: peers without one are in that of the release. Takes a dict of: root, store. */}}
{{- define "fp.toStoreOutside" -}}
{{- $home := dict "matchLabels" (dict "kubernetes.io/metadata.name" .root.Release.Namespace) }}
{{- $peers := list }}
{{- range .store.to }}
{{- $peers = append $peers (and (hasKey . "podSelector") (not (hasKey . "namespaceSelector")) | ternary (merge (dict "namespaceSelector" $home) .) .) }}
{{- end }}
{{- include "fp.toStore" (dict "port" .store.port "to" $peers) }}
{{- end }}

{{/* Where the pods of a program are, for peers of a policy of the release's namespace. Takes a dict of: root, program. */}}
{{- define "fp.where" -}}
{{- if not .program.resident }}namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ .root.Values.runtimes.namespace }}}}, {{ end }}
{{- end }}
