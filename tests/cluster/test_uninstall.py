"""What was installed goes with its release, and what was kept is there again with the next one."""

import outside

MODEL = "kept"


def left(installation):
    """Of the platform, in all namespaces and outside of them, but secrets, which somebody made by hand."""
    cluster = installation.cluster
    listed = cluster.kubectl("api-resources", "--verbs=list,delete", "--output=name").split()
    kinds = ",".join(each for each in listed if not each.startswith(("events", "secrets")))
    chosen = "--selector=app.kubernetes.io/part-of=forgepoint"
    return set(cluster.kubectl("get", kinds, "--all-namespaces", chosen, "--output=name").split())


async def test_all_of_it_goes_and_what_it_served_is_served_when_it_is_installed_again(installation):
    async with outside.opened(installation) as who:
        await who.deployed(MODEL, 1)
    assert left(installation)
    manifest = installation.helm("get", "manifest", "forgepoint")

    installation.unmake()
    gone = left(installation)
    installation.make()

    assert gone == set()
    assert installation.helm("get", "manifest", "forgepoint") == manifest
    async with outside.opened(installation) as who:
        await who.answered(MODEL)
