"""Every RPC says who may call it, in the words of the house."""

from collections.abc import Iterator

from forgepoint.common.v1 import access_pb2

from rules import protos
from rules.tree import Tree, Violation

RULE = "access"

RESOURCES = (
    "models", "features", "experiments", "pipelines", "deployments", "predictions", "monitors", "billing",
    "notifications", "users", "api-keys", "audit", "prompts", "teams", "secrets", "platform",
)  # fmt: skip
ACTIONS = ("read", "write", "admin")
PERMISSIONS = frozenset(f"{resource}:{action}" for resource in RESOURCES for action in ACTIONS) | {"predictions:create"}


def options(tree: Tree) -> Iterator[Violation]:
    """Every RPC has an Access option: one rule, a known permission, a stated audit level, no contradiction."""
    for rpc in protos.read(tree.root):
        for problem in _problems(rpc.access):
            name = f"{rpc.service}.{rpc.name}"
            yield Violation(f"proto/{rpc.file}", 0, RULE, f"{name}: {problem}", name)


def _problems(access: access_pb2.Access | None) -> Iterator[str]:
    if access is None:
        yield "has no Access option"
        return
    rule = access.WhichOneof("rule")
    if rule is None or (rule != "permission" and not getattr(access, rule)):
        yield "says neither public nor authenticated nor a permission"
    if rule == "permission" and access.permission not in PERMISSIONS:
        yield f"permission {access.permission!r} is not in the vocabulary"
    if rule == "public" and (access.internal or access.cross_team or access.jobs or access.login):
        yield "is public, so it can be none of internal, cross_team, jobs and login"
    if access.login and (access.internal or access.jobs):
        yield "is for who logged in, who is neither a service nor a job"
    if access.internal != bool(access.callers):
        yield "an internal one names its callers, and no other one does"
    if access.audit == access_pb2.AUDIT_LEVEL_UNSPECIFIED:
        yield "states no audit level"
