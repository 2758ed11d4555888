"""The gRPC services about programs and what they may, on one server."""

from forgepoint.auth.v1.declarations_pb2_grpc import add_DeclarationServiceServicer_to_server
from forgepoint.auth.v1.roles_pb2_grpc import add_RoleServiceServicer_to_server
from forgepoint.auth.v1.service_accounts_pb2_grpc import add_ServiceAccountServiceServicer_to_server
from forgepoint.auth.v1.signing_keys_pb2_grpc import add_SigningKeyServiceServicer_to_server
from fp_rpc import Server

from fp_auth.api.declarations_grpc import DeclarationServicer
from fp_auth.api.roles_grpc import RoleServicer
from fp_auth.api.service_accounts_grpc import ServiceAccountServicer
from fp_auth.api.signing_keys_grpc import SigningKeyServicer


def add_programs(
    server: Server,
    service_accounts: ServiceAccountServicer,
    roles: RoleServicer,
    signing_keys: SigningKeyServicer,
    declarations: DeclarationServicer,
) -> None:
    server.add(add_ServiceAccountServiceServicer_to_server, service_accounts)
    server.add(add_RoleServiceServicer_to_server, roles)
    server.add(add_SigningKeyServiceServicer_to_server, signing_keys)
    server.add(add_DeclarationServiceServicer_to_server, declarations)
