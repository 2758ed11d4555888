"""What must be true of the rendered chart; each rule is a function from manifests to findings, one line each."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

Manifest = Mapping[str, Any]
Manifests = Sequence[Manifest]

_SERVING: Final = ("Deployment", "StatefulSet")
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
_PROGRAM: Final = "forgepoint.io/program"
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?[0-9A-Za-z.+-]*|[0-9a-f]{7,40}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ADDRESS: Final = re.compile(r"(?:https?://)?([a-z][a-z0-9-]*):([0-9]{2,5})")
# Variables that hold the address of another program of the platform; FP_S3_ENDPOINT is a store's.
_TO_A_PROGRAM: Final = re.compile(r"FP_[A-Z_]+_ADDR|FP_AUTH_ISSUER|FP_ADDRESS")
# Seconds for what is closed after the drain: telemetry, stores, health.
_CLOSING: Final = 10


def _of(manifests: Manifests, *kinds: str) -> Iterator[Manifest]:
    return (each for each in manifests if each["kind"] in kinds)


def _name(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(manifests: Manifests) -> Iterator[tuple[str, Manifest]]:
    """Whose pod it is, and the pod: its metadata and spec."""
    for each in manifests:
        if each["kind"] == "Pod":
            yield _name(each), each
        elif "template" in (spec := each.get("spec") or {}) and "spec" in spec["template"]:
            yield _name(each), spec["template"]


def _containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod["spec"].get("initContainers", ())
    yield from pod["spec"]["containers"]


def variables(container: Manifest) -> dict[str, str | None]:
    """Value by name; None for what comes from a secret."""
    return {each["name"]: each.get("value") for each in container.get("env", ())}


def unpinned_images(manifests: Manifests, known: frozenset[str]) -> Iterator[str]:
    """known: names of the images that deploy/docker/images.txt lists."""
    for owner, pod in pods(manifests):
        for container in _containers(pod):
            path, _, digest = container["image"].partition("@")
            name, _, tag = path.rpartition("/")[2].partition(":")
            if not (_DIGEST.fullmatch(digest) if digest else _VERSION.fullmatch(tag)):
                yield f"{owner}: {container['image']} names no version and no digest"
            if name not in known:
                yield f"{owner}: {name} is no image of deploy/docker/images.txt"


def missing_probes(manifests: Manifests) -> Iterator[str]:
    for each in _of(manifests, *_SERVING):
        for container in each["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"] for port in container.get("ports", ())}
            for probe in _PROBES:
                action = container.get(probe, {})
                port = (action.get("httpGet") or action.get("tcpSocket") or {}).get("port")
                if port not in ports:
                    yield f"{_name(each)}: {probe} asks no port of its container"


def wrong_ports(manifests: Manifests) -> Iterator[str]:
    """A Service leads to a port that the pods behind it have, by the number that clients know."""
    workloads = list(_of(manifests, *_SERVING))
    for service in _of(manifests, "Service"):
        selector = service["spec"]["selector"].items()
        behind = [each for each in workloads if selector <= each["spec"]["template"]["metadata"]["labels"].items()]
        if not behind:
            yield f"{_name(service)}: selects nobody"
        for each in behind:
            listens = {
                port["name"]: port["containerPort"]
                for container in each["spec"]["template"]["spec"]["containers"]
                for port in container.get("ports", ())
            }
            for port in service["spec"]["ports"]:
                if listens.get(port["targetPort"]) != port["port"]:
                    yield f"{_name(service)}: port {port['port']} is not {port['targetPort']} of {_name(each)}"


def unheard_ports(manifests: Manifests) -> Iterator[str]:
    """A container listens where its settings say."""
    for owner, pod in pods(manifests):
        for container in _containers(pod):
            told = {value for name, value in variables(container).items() if re.fullmatch(r"FP_\w*_?PORT", name)}
            for port in container.get("ports", ()):
                if str(port["containerPort"]) not in told:
                    yield f"{owner}: no setting makes it listen on {port['name']} {port['containerPort']}"


def unrestricted(manifests: Manifests) -> Iterator[str]:
    """The profile `restricted` of the Pod Security Standards, a read-only root, and a token only with a role."""
    bound = {each["name"] for binding in _of(manifests, "RoleBinding") for each in binding["subjects"]}
    for owner, pod in pods(manifests):
        spec, security = pod["spec"], pod["spec"].get("securityContext", {})
        if not security.get("runAsNonRoot") or security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{owner}: may run as root or without a seccomp profile"
        if spec.get("automountServiceAccountToken") is not False and spec["serviceAccountName"] not in bound:
            yield f"{owner}: has a token for the API server"
        if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{owner}: is in a namespace of its node"
        if any("hostPath" in volume for volume in spec.get("volumes", ())):
            yield f"{owner}: mounts a path of its node"
        for container in _containers(pod):
            own = container.get("securityContext", {})
            wanted = {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if {name: own.get(name) for name in wanted} != wanted or own.get("privileged"):
                yield f"{owner}: its container {container['name']} may do more than it needs"
            if not container.get("resources", {}).get("limits", {}).get("memory"):
                yield f"{owner}: its container {container['name']} may take all memory"


def missing_files(manifests: Manifests) -> Iterator[str]:
    """What is mounted is a volume of the pod, and a setting that names a file names one that is mounted."""
    for owner, pod in pods(manifests):
        volumes = {each["name"] for each in pod["spec"].get("volumes") or ()}
        volumes |= {each["metadata"]["name"] for each in _claims(manifests, owner)}
        for container in _containers(pod):
            mounts = container.get("volumeMounts") or ()
            yield from (f"{owner}: {each['name']} is no volume" for each in mounts if each["name"] not in volumes)
            for name, value in variables(container).items():
                if name.endswith("_FILE") and not any(
                    (value or "").startswith(f"{each['mountPath']}/") for each in mounts
                ):
                    yield f"{owner}: {name} names {value}, where nothing is mounted"


def _claims(manifests: Manifests, owner: str) -> Iterator[Manifest]:
    for each in _of(manifests, "StatefulSet"):
        if _name(each) == owner:
            yield from each["spec"].get("volumeClaimTemplates", ())


def unpaired_budgets(manifests: Manifests) -> Iterator[str]:
    """With one replica a budget stops every drain of a node; with more, none lets a drain end all at once."""
    budgets = {each["metadata"]["name"] for each in _of(manifests, "PodDisruptionBudget")}
    for each in _of(manifests, *_SERVING):
        if (each["spec"]["replicas"] > 1) != (each["metadata"]["name"] in budgets):
            yield f"{_name(each)}: {each['spec']['replicas']} replicas and a wrong disruption budget"


def gaps_in_updates(manifests: Manifests) -> Iterator[str]:
    """While a Deployment is renewed no fewer pods serve than were asked for."""
    for each in _of(manifests, "Deployment"):
        update = each["spec"].get("strategy", {}).get("rollingUpdate", {})
        if update.get("maxUnavailable") != 0 or not update.get("maxSurge"):
            yield f"{_name(each)}: an old pod stops before a new one is ready"


def unspread(manifests: Manifests) -> Iterator[str]:
    """Replicas that may all be on one node, or in one zone, end together."""
    for each in _of(manifests, *_SERVING):
        pod = each["spec"]["template"]
        labels = pod["metadata"]["labels"].items()
        keys = {
            spread["topologyKey"]
            for spread in pod["spec"].get("topologySpreadConstraints", ())
            if spread["labelSelector"]["matchLabels"].items() <= labels
        }
        if each["spec"]["replicas"] > 1 and not keys >= {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
            yield f"{_name(each)}: its replicas are not spread over nodes and zones"


def short_drains(manifests: Manifests) -> Iterator[str]:
    for each in _of(manifests, *_SERVING):
        pod = each["spec"]["template"]["spec"]
        for container in pod["containers"]:
            told = variables(container)
            hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["0"])
            needed = sum(float(told.get(f"FP_DRAIN_{name}") or 0) for name in ("DELAY", "TIMEOUT")) or float(hook[-1])
            if not needed or pod.get("terminationGracePeriodSeconds", 30) < needed + _CLOSING:
                yield f"{_name(each)}: is killed before it has drained, or does not drain"


def rendered_secrets(manifests: Manifests) -> Iterator[str]:
    for each in _of(manifests, "Secret"):
        yield f"{_name(each)}: a secret stands in the release"


def closed_ways(manifests: Manifests) -> Iterator[str]:
    """Where a setting sends a program, both sides' network policies let it go."""
    policies = {each["metadata"]["name"]: each["spec"] for each in _of(manifests, "NetworkPolicy")}
    services = {each["metadata"]["name"] for each in _of(manifests, "Service")}
    for owner, pod in pods(manifests):
        noun = pod["metadata"]["labels"].get(_PROGRAM, "")
        for container in _containers(pod):
            for name, value in variables(container).items():
                found = _ADDRESS.fullmatch(value or "") if _TO_A_PROGRAM.fullmatch(name) else None
                if not found or found[1] == noun:
                    continue
                callee, port = found[1], int(found[2])
                if callee not in services:
                    yield f"{owner}: {name} names {callee}, which is no Service"
                elif not _lets(policies.get(noun), "egress", "to", callee, port):
                    yield f"{owner}: its network policy does not let it reach {callee}:{port} of {name}"
                elif not _lets(policies.get(callee), "ingress", "from", noun, port):
                    yield f"{owner}: the network policy of {callee} does not let it in on {port}"


def _lets(policy: Manifest | None, way: str, side: str, noun: str, port: int) -> bool:
    def fits(rule: Manifest) -> bool:
        peers = rule.get(side)
        meant = not peers or any(peer.get("podSelector", {}).get("matchLabels") == {_PROGRAM: noun} for peer in peers)
        return meant and any(each["port"] == port for each in rule.get("ports", ()))

    return any(fits(rule) for rule in (policy or {}).get(way) or ())


def open_pods(manifests: Manifests) -> Iterator[str]:
    """Each pod has a network policy of its own beside the one that denies."""
    policies = list(_of(manifests, "NetworkPolicy"))
    # Those of runtimes and jobs, which are no pods of the release, name their namespace.
    here = [each["spec"] for each in policies if "namespace" not in each["metadata"]]
    chosen = [each["podSelector"].get("matchLabels", {}).items() for each in here]
    for owner, pod in pods(manifests):
        labels = pod["metadata"]["labels"].items()
        if sum(selector <= labels for selector in chosen) != 2:  # noqa: PLR2004 -- the one that denies, and its own
            yield f"{owner}: has not exactly one network policy of its own"
    for policy in policies:
        if set(policy["spec"].get("policyTypes", ())) != {"Ingress", "Egress"}:
            yield f"{_name(policy)}: denies nothing in one direction"


Rule = Callable[[Manifests], Iterator[str]]
RULES: Final[tuple[Rule, ...]] = (
    missing_probes,
    wrong_ports,
    unheard_ports,
    unrestricted,
    missing_files,
    unpaired_budgets,
    gaps_in_updates,
    unspread,
    short_drains,
    rendered_secrets,
    closed_ways,
    open_pods,
)
# They have one pod each, listen where everybody does, and are not ours to drain.
RULES_OF_STORES: Final[tuple[Rule, ...]] = (missing_probes, wrong_ports, unrestricted, missing_files, rendered_secrets)


def findings(manifests: Manifests, images: frozenset[str], rules: Collection[Rule] = RULES) -> list[str]:
    """images: that may be named."""
    found = [line for rule in rules for line in rule(manifests)]
    return [*found, *unpinned_images(manifests, images)]
