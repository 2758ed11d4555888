"""RPCs that are not built or not for outside callers: the access rule first, then UNIMPLEMENTED.

Without the rule everybody would learn which RPCs exist, also those he may not call.
"""

from collections.abc import Callable
from typing import Any

from forgepoint.ai.v1 import ai_gateway_pb2_grpc as ai
from forgepoint.auth.v1 import auth_pb2_grpc as auth
from forgepoint.auth.v1 import secret_pb2_grpc as secrets
from forgepoint.auth.v1 import withdrawals_pb2_grpc as withdrawals
from forgepoint.billing.v1 import billing_pb2_grpc as billing
from forgepoint.experiment.v1 import experiment_pb2_grpc as experiment
from forgepoint.featurestore.v1 import featurestore_pb2_grpc as featurestore
from forgepoint.inference.v1 import inference_pb2_grpc as inference
from forgepoint.monitor.v1 import monitor_pb2_grpc as monitor
from forgepoint.monitor.v1 import prediction_log_pb2_grpc as log
from forgepoint.notification.v1 import mail_pb2_grpc as mail
from forgepoint.notification.v1 import notification_pb2_grpc as notification
from forgepoint.pipeline.v1 import pipeline_pb2_grpc as pipeline
from forgepoint.registry.v1 import registry_pb2_grpc as registry
from forgepoint.serving.v1 import serving_pb2_grpc as serving
from fp_rpc import Server

# Every service, because the internal RPCs of those that run end here too.
SERVICERS: tuple[tuple[Callable[[Any, Any], None], Any], ...] = (
    (ai.add_AIGatewayServiceServicer_to_server, ai.AIGatewayServiceServicer),
    (auth.add_AuthServiceServicer_to_server, auth.AuthServiceServicer),
    (secrets.add_SecretServiceServicer_to_server, secrets.SecretServiceServicer),
    (withdrawals.add_WithdrawalServiceServicer_to_server, withdrawals.WithdrawalServiceServicer),
    (billing.add_BillingServiceServicer_to_server, billing.BillingServiceServicer),
    (experiment.add_ExperimentTrackerServiceServicer_to_server, experiment.ExperimentTrackerServiceServicer),
    (featurestore.add_FeatureStoreServiceServicer_to_server, featurestore.FeatureStoreServiceServicer),
    (inference.add_InferenceGatewayServiceServicer_to_server, inference.InferenceGatewayServiceServicer),
    (monitor.add_MonitorServiceServicer_to_server, monitor.MonitorServiceServicer),
    (log.add_PredictionLogServiceServicer_to_server, log.PredictionLogServiceServicer),
    (notification.add_NotificationServiceServicer_to_server, notification.NotificationServiceServicer),
    (mail.add_MailServiceServicer_to_server, mail.MailServiceServicer),
    (pipeline.add_PipelineOrchestratorServiceServicer_to_server, pipeline.PipelineOrchestratorServiceServicer),
    (registry.add_RegistryServiceServicer_to_server, registry.RegistryServiceServicer),
    (serving.add_ModelServingServiceServicer_to_server, serving.ModelServingServiceServicer),
)


def add_unimplemented(server: Server) -> None:
    """Register every RPC without an implementation."""
    for add, servicer in SERVICERS:
        server.add(add, servicer())
