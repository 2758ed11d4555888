"""Every RPC of the platform, and which service answers it."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from forgepoint.ai.v1 import ai_gateway_pb2
from forgepoint.auth.v1 import (
    audit_pb2,
    auth_pb2,
    declarations_pb2,
    invitations_pb2,
    people_pb2,
    roles_pb2,
    second_factor_pb2,
    secret_pb2,
    service_accounts_pb2,
    sign_in_pb2,
    signing_keys_pb2,
    teams_pb2,
    withdrawals_pb2,
    workloads_pb2,
)
from forgepoint.billing.v1 import billing_pb2
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.featurestore.v1 import featurestore_pb2
from forgepoint.inference.v1 import inference_pb2
from forgepoint.monitor.v1 import monitor_pb2, prediction_log_pb2
from forgepoint.notification.v1 import mail_pb2, notification_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.platform.v1 import growth_pb2, platform_pb2
from forgepoint.registry.v1 import registry_pb2
from forgepoint.serving.v1 import serving_pb2
from fp_rpc.access import AccessRule, access_rules
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

FILES: Final[tuple[FileDescriptor, ...]] = (
    auth_pb2.DESCRIPTOR,
    audit_pb2.DESCRIPTOR,
    people_pb2.DESCRIPTOR,
    invitations_pb2.DESCRIPTOR,
    second_factor_pb2.DESCRIPTOR,
    teams_pb2.DESCRIPTOR,
    roles_pb2.DESCRIPTOR,
    declarations_pb2.DESCRIPTOR,
    service_accounts_pb2.DESCRIPTOR,
    sign_in_pb2.DESCRIPTOR,
    signing_keys_pb2.DESCRIPTOR,
    withdrawals_pb2.DESCRIPTOR,
    secret_pb2.DESCRIPTOR,
    workloads_pb2.DESCRIPTOR,
    registry_pb2.DESCRIPTOR,
    inference_pb2.DESCRIPTOR,
    serving_pb2.DESCRIPTOR,
    pipeline_pb2.DESCRIPTOR,
    featurestore_pb2.DESCRIPTOR,
    experiment_pb2.DESCRIPTOR,
    billing_pb2.DESCRIPTOR,
    notification_pb2.DESCRIPTOR,
    mail_pb2.DESCRIPTOR,
    monitor_pb2.DESCRIPTOR,
    prediction_log_pb2.DESCRIPTOR,
    ai_gateway_pb2.DESCRIPTOR,
    platform_pb2.DESCRIPTOR,
    growth_pb2.DESCRIPTOR,
)


@dataclass(frozen=True, slots=True)
class Method:
    """noun: of the service that owns it. path: as on the wire, `/package.Service/Name`. rule: who may call it."""

    noun: str
    path: str
    rule: AccessRule
    client_streaming: bool
    server_streaming: bool
    descriptor: MethodDescriptor


@functools.cache
def all_methods() -> Mapping[str, Method]:
    """Every method by its path."""
    return MappingProxyType({method.path: method for file in FILES for method in _methods(file)})


def _methods(file: FileDescriptor) -> Iterator[Method]:
    # `forgepoint.<noun>.v1`
    noun = file.package.split(".")[1]
    for service in file.services_by_name.values():
        rules = access_rules(service)
        for descriptor in service.methods:
            yield Method(
                noun=noun,
                path=f"/{service.full_name}/{descriptor.name}",
                rule=rules[descriptor.name],
                client_streaming=descriptor.client_streaming,
                server_streaming=descriptor.server_streaming,
                descriptor=descriptor,
            )
