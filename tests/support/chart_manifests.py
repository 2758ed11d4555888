"""Parts of the rendered chart, for tests."""


def workload(found, noun):
    """found: manifests by kind and name."""
    return found.get(("Deployment", noun)) or found["StatefulSet", noun]


def container(found, noun):
    return workload(found, noun)["spec"]["template"]["spec"]["containers"][0]
