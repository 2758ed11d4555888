"""Values of secrets, from auth over gRPC, for a service that auth gives them to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forgepoint.auth.v1 import secret_pb2

from fp_rpc.client.on_behalf_of import acting_for


class SecretValues:
    """call: `ResolveSecrets` of a stub with the service's own identity.

    The service opens the stub itself, because only those that auth names may, and the topology is read from its code.
    """

    def __init__(self, call: Callable[[secret_pb2.ResolveSecretsRequest], Any]) -> None:
        self._call = call

    async def resolve(self, team: str, user_id: str, references: Sequence[str], *, purpose: str) -> Mapping[str, bytes]:
        """By reference. purpose: id of what they are for, as the audit log shows it.

        Raises NotFound (SECRET_NOT_FOUND) and FailedPrecondition (SECRET_VERSION_DISABLED, SECRET_VERSION_DESTROYED,
        SECRET_KEY_MISSING), naming a reference.
        """
        if not references:
            return {}
        request = secret_pb2.ResolveSecretsRequest(references=references, resource_id=purpose)
        with acting_for(team, user_id):
            answer = await self._call(request)
        return dict(zip(references, answer.values, strict=True))
