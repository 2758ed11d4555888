"""What somebody changed between the reading and the writing of a command is left as he left it."""

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2, people_pb2, roles_pb2
from fp_cli.declared import applying
from fp_cli.declared.document import Declaration
from fp_cli.declared.kinds import KINDS
from fp_kernel import PermissionDenied
from fp_kernel.revisions import check_revision

ANN = "018f0000-0000-7000-8000-0000000000aa"


class Platform:
    """Has a role, which Ann changes each time before it is written. by: whom the platform names."""

    def __init__(self, by=ANN, *, may_read=True):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.by, self.may_read = by, may_read
        self.role = roles_pb2.TeamRole(name="a", scopes=["models:read"], revision=3)

    def call(self, _, request):
        if isinstance(request, roles_pb2.ListRolesRequest):
            return roles_pb2.ListRolesResponse(roles=[self.role])
        if isinstance(request, people_pb2.GetUserRequest):
            if not self.may_read:
                raise PermissionDenied("users are an admin's to read")
            return people_pb2.GetUserResponse(user=auth_pb2.User(id=request.user_id, email="ann@example.com"))
        check_revision(request.expected_revision, self.role.revision + 1, changed_by=self.by)
        raise AssertionError("nothing is written that nobody has seen")


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "ann@example.com"), ({"may_read": False}, ANN), ({"by": "pipeline"}, "pipeline")],
)
def test_what_somebody_changed_meanwhile_is_not_overwritten_and_said_with_his_name(options, name):
    platform = Platform(**options)
    declared = Declaration("Role", "a", {"scopes": ["models:read"], "description": "mine"}, "a.yaml")

    (outcome,) = applying.apply(platform, applying.wanted([declared]), dry_run=False)

    assert outcome.outcome == "failed"
    assert f"was changed meanwhile by {name}: " in outcome.error.message
    assert "fp diff" in outcome.error.metadata["next_step"]


def test_what_somebody_changed_since_it_was_asked_about_is_not_deleted():
    """The platform of this test has another role by the time of each deletion."""
    platform = Platform()
    goes = applying.going(platform, KINDS["Role"], "a")

    (outcome,) = applying.prune(platform, [goes])

    assert outcome.outcome == "failed"
    assert "was changed meanwhile by ann@example.com: " in outcome.error.message
