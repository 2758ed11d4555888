"""The routes of `/api/v1` as data: verb, path, RPC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fp_gateway.http.deprecation import Deprecation

_AUTH: Final = "/forgepoint.auth.v1.AuthService/"
_SIGN_IN: Final = "/forgepoint.auth.v1.SignInService/"
_SECOND_FACTOR: Final = "/forgepoint.auth.v1.SecondFactorService/"
_PEOPLE: Final = "/forgepoint.auth.v1.PeopleService/"
_INVITATIONS: Final = "/forgepoint.auth.v1.InvitationService/"
_TEAMS: Final = "/forgepoint.auth.v1.TeamService/"
_AUDIT: Final = "/forgepoint.auth.v1.AuditService/"
_ROLES: Final = "/forgepoint.auth.v1.RoleService/"
_ACCOUNTS: Final = "/forgepoint.auth.v1.ServiceAccountService/"
_SIGNING: Final = "/forgepoint.auth.v1.SigningKeyService/"
_SECRETS: Final = "/forgepoint.auth.v1.SecretService/"
_REGISTRY: Final = "/forgepoint.registry.v1.RegistryService/"
_PIPELINE: Final = "/forgepoint.pipeline.v1.PipelineOrchestratorService/"
_EXPERIMENT: Final = "/forgepoint.experiment.v1.ExperimentTrackerService/"
_MONITOR: Final = "/forgepoint.monitor.v1.MonitorService/"
_LOG: Final = "/forgepoint.monitor.v1.PredictionLogService/"
_FEATURES: Final = "/forgepoint.featurestore.v1.FeatureStoreService/"
_BILLING: Final = "/forgepoint.billing.v1.BillingService/"
_NOTIFICATION: Final = "/forgepoint.notification.v1.NotificationService/"
_AI: Final = "/forgepoint.ai.v1.AIGatewayService/"
_INFERENCE: Final = "/forgepoint.inference.v1.InferenceGatewayService/"
_PLATFORM: Final = "/forgepoint.platform.v1.PlatformService/"


KIB: Final = 1024
# Of many rows, features or columns. A megabyte of JSON takes about a second to read.
_MANY: Final = 4_096 * KIB
# What describes something: steps, columns, a profile of them.
_WIDE: Final = 1_024 * KIB
PREDICTION: Final = 16_384 * KIB
"""As large as a message may be: tensors are read by other means, twenty times as fast."""


@dataclass(frozen=True, slots=True)
class Route:
    """method: path of the RPC. status: answered on success. path_fields: path parameter -> field of the request.

    limit: bytes of its body, which is 8 KiB where anybody may call. deprecated: since when, and until when.
    """

    verb: str
    path: str
    method: str
    status: int = 200
    path_fields: Mapping[str, str] = field(default_factory=dict)
    limit: int = 256 * KIB
    deprecated: Deprecation | None = None

    @property
    def takes_body(self) -> bool:
        return self.verb != "GET"


_ID: Final = {"id": "id"}
_USER: Final = {"id": "user_id"}
_NAME: Final = {"name": "name"}
_SECRET: Final = {"name": "name", "version": "version"}
_MODEL_NAME: Final = {"name": "model_name"}
_MODEL_VERSION: Final = {"name": "model_name", "version": "version"}
_KEY: Final = {"id": "key_id"}
_ACCOUNT: Final = {"id": "service_account_id"}
_VIEW: Final = {"id": "feature_view_id"}
_PLAN: Final = {"id": "rate_plan_id"}

API: Final[tuple[Route, ...]] = (
    Route("GET", "/me", _AUTH + "GetCurrentUser"),
    Route("PATCH", "/me", _PEOPLE + "UpdateProfile"),
    Route("POST", "/me/password", _PEOPLE + "ChangePassword"),
    Route("POST", "/me/verify-email", _PEOPLE + "RequestEmailVerification"),
    Route("POST", "/me/logout-everywhere", _PEOPLE + "LogOutEverywhere"),
    Route("GET", "/me/second-factor", _SECOND_FACTOR + "GetSecondFactor"),
    Route("POST", "/me/second-factor", _SECOND_FACTOR + "BeginSecondFactor", 201),
    Route("POST", "/me/second-factor/confirm", _SECOND_FACTOR + "ConfirmSecondFactor"),
    Route("POST", "/me/second-factor/turn-off", _SECOND_FACTOR + "TurnOffSecondFactor"),
    Route("POST", "/me/second-factor/recovery-codes", _SECOND_FACTOR + "RenewRecoveryCodes"),
    Route("POST", "/password-reset", _PEOPLE + "RequestPasswordReset"),
    Route("POST", "/password-reset/complete", _PEOPLE + "CompletePasswordReset"),
    Route("POST", "/verify-email", _PEOPLE + "VerifyEmail"),
    Route("GET", "/sessions", _PEOPLE + "ListSessions"),
    Route("DELETE", "/sessions/{id}", _PEOPLE + "EndSession", path_fields={"id": "session_id"}),
    Route("GET", "/users", _AUTH + "ListUsers"),
    Route("POST", "/users", _AUTH + "CreateUser", 201),
    Route("GET", "/users/{id}", _PEOPLE + "GetUser", path_fields=_USER),
    Route("DELETE", "/users/{id}", _PEOPLE + "DeleteUser", path_fields=_USER),
    Route("POST", "/users/{id}/role", _AUTH + "AssignRole", path_fields=_USER),
    Route("POST", "/users/{id}/disable", _PEOPLE + "DisableUser", path_fields=_USER),
    Route("POST", "/users/{id}/enable", _PEOPLE + "EnableUser", path_fields=_USER),
    Route("POST", "/users/{id}/reset-password", _PEOPLE + "ResetUserPassword", path_fields=_USER),
    Route("GET", "/users/{id}/second-factor", _SECOND_FACTOR + "GetSecondFactor", path_fields=_USER),
    Route("POST", "/users/{id}/second-factor/reset", _SECOND_FACTOR + "ResetSecondFactor", path_fields=_USER),
    Route("POST", "/users/{id}/logout-everywhere", _PEOPLE + "LogOutEverywhere", path_fields=_USER),
    Route("GET", "/invitations", _INVITATIONS + "ListInvitations"),
    Route("POST", "/invitations", _INVITATIONS + "CreateInvitation", 201),
    Route("DELETE", "/invitations/{id}", _INVITATIONS + "WithdrawInvitation", path_fields={"id": "invitation_id"}),
    Route("POST", "/invitations/accept", _INVITATIONS + "AcceptInvitation", 201),
    Route("POST", "/registration", _INVITATIONS + "RequestRegistration"),
    Route("GET", "/teams", _TEAMS + "ListTeams"),
    Route("POST", "/teams", _TEAMS + "CreateTeam", 201),
    Route("GET", "/teams/{id}", _TEAMS + "GetTeam", path_fields=_ID),
    Route("PATCH", "/teams/{id}", _TEAMS + "UpdateTeam", path_fields=_ID),
    Route("POST", "/teams/{id}/suspend", _TEAMS + "SuspendTeam", path_fields=_ID),
    Route("POST", "/teams/{id}/resume", _TEAMS + "ResumeTeam", path_fields=_ID),
    Route("GET", "/audit", _AUDIT + "ListAuditEntries"),
    Route("GET", "/api-keys", _AUTH + "ListAPIKeys"),
    Route("POST", "/api-keys", _AUTH + "CreateAPIKey", 201),
    Route("DELETE", "/api-keys/{id}", _AUTH + "RevokeAPIKey", path_fields=_KEY),
    Route("POST", "/api-keys/{id}/rotate", _AUTH + "RotateAPIKey", path_fields=_KEY),
    Route("GET", "/roles", _ROLES + "ListRoles"),
    Route("POST", "/roles", _ROLES + "CreateRole", 201),
    Route("PUT", "/roles/{name}", _ROLES + "UpdateRole", path_fields=_NAME),
    Route("DELETE", "/roles/{name}", _ROLES + "DeleteRole", path_fields=_NAME),
    Route("GET", "/service-accounts", _ACCOUNTS + "ListServiceAccounts"),
    Route("POST", "/service-accounts", _ACCOUNTS + "CreateServiceAccount", 201),
    Route("GET", "/service-accounts/{id}", _ACCOUNTS + "GetServiceAccount", path_fields=_ID),
    Route("PUT", "/service-accounts/{id}", _ACCOUNTS + "UpdateServiceAccount", path_fields=_ID),
    Route("DELETE", "/service-accounts/{id}", _ACCOUNTS + "DeleteServiceAccount", path_fields=_ID),
    Route("POST", "/service-accounts/{id}/disable", _ACCOUNTS + "DisableServiceAccount", path_fields=_ID),
    Route("POST", "/service-accounts/{id}/enable", _ACCOUNTS + "EnableServiceAccount", path_fields=_ID),
    Route("GET", "/service-accounts/{id}/keys", _ACCOUNTS + "ListServiceAccountKeys", path_fields=_ACCOUNT),
    Route("POST", "/service-accounts/{id}/keys", _ACCOUNTS + "CreateServiceAccountKey", 201, _ACCOUNT),
    Route("GET", "/signing-keys", _SIGNING + "ListSigningKeys"),
    Route("POST", "/signing-keys/{kid}/withdraw", _SIGNING + "WithdrawSigningKey", path_fields={"kid": "kid"}),
    Route("GET", "/secrets", _SECRETS + "ListSecrets"),
    Route("PUT", "/secrets/{name}", _SECRETS + "SetSecret", path_fields=_NAME),
    Route("DELETE", "/secrets/{name}", _SECRETS + "DeleteSecret", path_fields=_NAME),
    Route("GET", "/secrets/{name}/versions", _SECRETS + "ListSecretVersions", path_fields=_NAME),
    Route("POST", "/secrets/{name}/versions/{version}/disable", _SECRETS + "DisableSecretVersion", path_fields=_SECRET),
    Route("POST", "/secrets/{name}/versions/{version}/enable", _SECRETS + "EnableSecretVersion", path_fields=_SECRET),
    Route("POST", "/secrets/{name}/versions/{version}/destroy", _SECRETS + "DestroySecretVersion", path_fields=_SECRET),
    Route("GET", "/models", _REGISTRY + "ListModels"),
    Route("POST", "/models", _REGISTRY + "RegisterModel", 201),
    # Before the routes that take an id in the same place.
    Route("GET", "/models/by-tag", _REGISTRY + "SearchByTag"),
    Route("GET", "/models/{id}", _REGISTRY + "GetModel", path_fields=_ID),
    Route("PATCH", "/models/{id}", _REGISTRY + "UpdateModel", path_fields=_ID),
    Route("GET", "/models/{id}/versions", _REGISTRY + "ListVersions", path_fields={"id": "model_id"}),
    Route("POST", "/models/{id}/versions", _REGISTRY + "CreateVersion", 201, {"id": "model_id"}, limit=_MANY),
    Route("POST", "/models/{id}/archive", _REGISTRY + "DeleteModel", path_fields=_ID),
    Route("POST", "/models/{id}/restore", _REGISTRY + "RestoreModel", path_fields=_ID),
    Route("POST", "/models/{id}/rollback", _REGISTRY + "RollbackModel", path_fields={"id": "model_id"}),
    Route("GET", "/models/{id}/history", _REGISTRY + "GetProductionHistory", path_fields={"id": "model_id"}),
    Route("GET", "/models/{id}/ensembles", _REGISTRY + "ListEnsembles", path_fields={"id": "model_id"}),
    Route("GET", "/versions/{id}", _REGISTRY + "GetVersion", path_fields=_ID),
    Route("GET", "/versions/{id}/ensembles", _REGISTRY + "ListEnsembles", path_fields={"id": "version_id"}),
    Route("GET", "/versions/{id}/download-url", _REGISTRY + "GetDownloadURL", path_fields={"id": "version_id"}),
    Route("POST", "/versions/{id}/upload-url", _REGISTRY + "GetUploadURL", path_fields={"id": "version_id"}),
    Route("POST", "/versions/{id}/confirm", _REGISTRY + "ConfirmVersionUpload", path_fields={"id": "version_id"}),
    Route("POST", "/versions/{id}/promote", _REGISTRY + "PromoteVersion", path_fields={"id": "version_id"}),
    Route("GET", "/pipelines", _PIPELINE + "ListPipelines"),
    Route("POST", "/pipelines", _PIPELINE + "CreatePipeline", 201, limit=_WIDE),
    Route("GET", "/pipelines/{id}", _PIPELINE + "GetPipeline", path_fields={"id": "pipeline_id"}),
    # Both verbs change only what the request gives, as the RPC does.
    Route("PUT", "/pipelines/{id}", _PIPELINE + "UpdatePipeline", path_fields={"id": "pipeline_id"}, limit=_WIDE),
    Route("PATCH", "/pipelines/{id}", _PIPELINE + "UpdatePipeline", path_fields={"id": "pipeline_id"}, limit=_WIDE),
    Route("DELETE", "/pipelines/{id}", _PIPELINE + "DeletePipeline", path_fields={"id": "pipeline_id"}),
    Route("POST", "/pipelines/{id}/start", _PIPELINE + "TriggerExecution", 202, {"id": "pipeline_id"}, limit=_WIDE),
    Route("GET", "/executions", _PIPELINE + "ListExecutions"),
    Route("GET", "/executions/{id}", _PIPELINE + "GetExecution", path_fields={"id": "execution_id"}),
    Route("POST", "/executions/{id}/cancel", _PIPELINE + "CancelExecution", path_fields={"id": "execution_id"}),
    Route("GET", "/models/{name}/statistics", _PIPELINE + "GetVersionStatistics", path_fields=_MODEL_NAME),
    Route("GET", "/routes", _INFERENCE + "ListRoutes"),
    Route("GET", "/circuits", _INFERENCE + "ListCircuitStates"),
    Route("GET", "/models/{name}/circuits/{version}", _INFERENCE + "GetCircuitState", path_fields=_MODEL_VERSION),
    Route("GET", "/models/{name}/route", _INFERENCE + "GetRoute", path_fields=_MODEL_NAME),
    Route("DELETE", "/models/{name}/route", _INFERENCE + "DeleteRoute", path_fields=_MODEL_NAME),
    Route("PUT", "/models/{name}/route", _INFERENCE + "UpsertRoute", path_fields=_MODEL_NAME),
    Route("PUT", "/models/{name}/route/split", _INFERENCE + "SetTrafficSplit", path_fields=_MODEL_NAME),
    Route("PUT", "/models/{name}/route/rules", _INFERENCE + "SetRoutingRules", path_fields=_MODEL_NAME),
    Route("PUT", "/models/{name}/route/shadow", _INFERENCE + "SetShadow", path_fields=_MODEL_NAME),
    Route("GET", "/models/{name}/route/report", _INFERENCE + "GetRouteReport", path_fields=_MODEL_NAME),
    Route("GET", "/models/{name}/runtimes", _PIPELINE + "ListVersionRuntimes", path_fields=_MODEL_NAME),
    Route("PUT", "/models/{name}/runtimes/{version}/scale", _PIPELINE + "ScaleDeployment", path_fields=_MODEL_VERSION),
    Route("POST", "/models/{name}/runtimes/{version}/load", _PIPELINE + "LoadVersion", path_fields=_MODEL_VERSION),
    Route("POST", "/models/{name}/runtimes/{version}/unload", _PIPELINE + "UnloadVersion", path_fields=_MODEL_VERSION),
    Route("GET", "/models/{name}/promotion", _PIPELINE + "GetPromotion", path_fields=_MODEL_NAME),
    Route("POST", "/models/{name}/promotion/rollback", _PIPELINE + "RollbackPromotion", path_fields=_MODEL_NAME),
    Route("GET", "/experiments", _EXPERIMENT + "ListExperiments"),
    Route("POST", "/experiments", _EXPERIMENT + "CreateExperiment", 201),
    Route("GET", "/experiments/{id}", _EXPERIMENT + "GetExperiment", path_fields=_ID),
    Route("GET", "/runs", _EXPERIMENT + "ListRuns"),
    Route("GET", "/runs/{id}", _EXPERIMENT + "GetRun", path_fields=_ID),
    Route("DELETE", "/runs/{id}", _EXPERIMENT + "DeleteRun", path_fields={"id": "run_id"}),
    Route("GET", "/runs/{id}/metrics", _EXPERIMENT + "GetMetricHistory", path_fields={"id": "run_id"}),
    Route("GET", "/compare", _EXPERIMENT + "CompareRuns"),
    Route("GET", "/lineage", _EXPERIMENT + "GetLineage"),
    Route("GET", "/monitors", _MONITOR + "ListMonitors"),
    Route("POST", "/monitors", _MONITOR + "ConfigureMonitor"),
    Route("GET", "/monitors/{name}", _MONITOR + "GetMonitorStatus", path_fields=_MODEL_NAME),
    Route("DELETE", "/monitors/{name}", _MONITOR + "DeleteMonitor", path_fields=_MODEL_NAME),
    Route("POST", "/monitors/{name}/reset-baseline", _MONITOR + "ResetBaseline", path_fields=_MODEL_NAME),
    Route("GET", "/drift-reports", _MONITOR + "ListDriftReports"),
    Route("GET", "/drift-reports/{id}", _MONITOR + "GetDriftReport", path_fields={"id": "report_id"}),
    Route("GET", "/models/{name}/health", _MONITOR + "GetModelHealth", path_fields=_MODEL_NAME),
    Route("POST", "/models/{name}/ground-truth", _MONITOR + "SubmitGroundTruth", path_fields=_MODEL_NAME, limit=_MANY),
    Route("GET", "/prediction-logs", _LOG + "ListPredictionLogs"),
    Route("GET", "/prediction-logs/{name}", _LOG + "GetPredictionLog", path_fields=_MODEL_NAME),
    Route("PUT", "/prediction-logs/{name}", _LOG + "SetPredictionLog", path_fields=_MODEL_NAME),
    Route("DELETE", "/prediction-logs/{name}", _LOG + "DeletePredictionLog", path_fields=_MODEL_NAME),
    Route("GET", "/prediction-logs/{name}/predictions", _LOG + "ListPredictions", path_fields=_MODEL_NAME),
    Route("POST", "/prediction-logs/{name}/erase", _LOG + "ErasePredictions", path_fields=_MODEL_NAME),
    # An id of an item of a batch has a slash: as a query parameter.
    Route("GET", "/prediction-logs/{name}/prediction", _LOG + "GetPrediction", path_fields=_MODEL_NAME),
    Route("GET", "/predictions/{id}/trail", _PLATFORM + "GetPredictionTrail", path_fields={"id": "request_id"}),
    Route("GET", "/feature-views", _FEATURES + "ListFeatureViews"),
    Route("POST", "/feature-views", _FEATURES + "DefineFeatureView", 201, limit=_WIDE),
    Route("GET", "/feature-views/{id}", _FEATURES + "GetFeatureView", path_fields=_VIEW),
    Route("POST", "/feature-views/{id}/features", _FEATURES + "WriteFeatures", path_fields=_VIEW, limit=_MANY),
    Route("GET", "/feature-views/{id}/online", _FEATURES + "GetOnlineFeatures", path_fields=_VIEW),
    # The same for more entities than an address has room for.
    Route("POST", "/feature-views/{id}/online", _FEATURES + "GetOnlineFeatures", path_fields=_VIEW, limit=_WIDE),
    Route("GET", "/usage", _BILLING + "GetUsage"),
    Route("GET", "/quota", _BILLING + "CheckQuota"),
    Route("GET", "/invoices", _BILLING + "ListInvoices"),
    Route("GET", "/invoices/{id}", _BILLING + "GetInvoice", path_fields={"id": "invoice_id"}),
    Route("POST", "/invoices/{id}/void", _BILLING + "VoidInvoice", path_fields={"id": "invoice_id"}),
    Route("GET", "/adjustments", _BILLING + "ListAdjustments"),
    Route("POST", "/adjustments", _BILLING + "CreateAdjustment", 201),
    Route("GET", "/reconciliation", _BILLING + "GetReconciliation"),
    Route("GET", "/rate-plans", _BILLING + "ListRatePlans"),
    Route("POST", "/rate-plans", _BILLING + "CreateRatePlan", 201),
    Route("GET", "/rate-plans/{id}", _BILLING + "GetRatePlan", path_fields=_PLAN),
    Route("POST", "/rate-plans/{id}/assign", _BILLING + "AssignRatePlan", path_fields=_PLAN),
    Route("GET", "/notifications", _NOTIFICATION + "ListNotifications"),
    Route("POST", "/notifications/read", _NOTIFICATION + "MarkRead"),
    # Before the routes that take an id in the same place.
    Route("GET", "/notifications/rules", _NOTIFICATION + "ListRules"),
    Route("POST", "/notifications/rules", _NOTIFICATION + "CreateRule", 201),
    Route("PUT", "/notifications/rules/{id}", _NOTIFICATION + "UpdateRule", path_fields=_ID),
    Route("DELETE", "/notifications/rules/{id}", _NOTIFICATION + "DeleteRule", path_fields=_ID),
    Route("POST", "/notifications/rules/{id}/test", _NOTIFICATION + "TestChannel", path_fields={"id": "rule_id"}),
    Route("GET", "/notifications/{id}", _NOTIFICATION + "GetNotification", path_fields=_ID),
    Route("POST", "/notifications/{id}/read", _NOTIFICATION + "MarkRead", path_fields={"id": "ids"}),
    # Not built yet: 501 for a caller who has the permission, 403 for any other, as on every route.
    Route("GET", "/evals", _MONITOR + "ListEvalScores"),
    Route("GET", "/ai/providers", _AI + "ListProviders"),
    Route("GET", "/ai/usage", _AI + "GetUsage"),
    Route("GET", "/prompts", _AI + "ListPrompts"),
    Route("POST", "/prompts", _AI + "CreatePrompt", 201),
    Route("GET", "/prompts/{name}", _AI + "GetPrompt", path_fields=_NAME),
    Route("POST", "/prompts/{name}/render", _AI + "RenderPrompt", path_fields=_NAME),
)

LOGIN: Final = _AUTH + "Login"
REFRESH: Final = _AUTH + "RefreshToken"
LOGOUT: Final = _AUTH + "Logout"
WHO: Final = _AUTH + "GetCurrentUser"
JWKS: Final = _AUTH + "GetJWKS"
SIGN_IN_ISSUERS: Final = _SIGN_IN + "ListSignInIssuers"
BEGIN_SIGN_IN: Final = _SIGN_IN + "BeginSignIn"
COMPLETE_SIGN_IN: Final = _SIGN_IN + "CompleteSignIn"
BEGIN_DEVICE: Final = _SIGN_IN + "BeginDeviceSignIn"
POLL_DEVICE: Final = _SIGN_IN + "PollDeviceSignIn"
REDEEM_DEVICE: Final = _SIGN_IN + "RedeemDeviceSignIn"
PROGRAM: Final = _SIGN_IN + "GetProgramSignIn"
DECIDE_PROGRAM: Final = _SIGN_IN + "DecideProgramSignIn"
REQUEST_RESET: Final = _PEOPLE + "RequestPasswordReset"
COMPLETE_RESET: Final = _PEOPLE + "CompletePasswordReset"
ACCEPT_INVITATION: Final = _INVITATIONS + "AcceptInvitation"
REGISTER: Final = _INVITATIONS + "RequestRegistration"
VERIFY_EMAIL: Final = _PEOPLE + "VerifyEmail"
EXCHANGE_WORKLOAD: Final = "/forgepoint.auth.v1.WorkloadService/ExchangeWorkloadToken"
WATCH: Final = _PIPELINE + "WatchExecution"
CHAT: Final = _AI + "ChatCompletion"
DRIFT: Final = _MONITOR + "StreamDriftEvents"
MODELS: Final = _REGISTRY + "ListModels"
EXECUTIONS: Final = _PIPELINE + "ListExecutions"
DRIFT_REPORTS: Final = _MONITOR + "ListDriftReports"
USAGE: Final = _BILLING + "GetUsage"
PREDICT: Final = _INFERENCE + "Predict"
BATCH_PREDICT: Final = _INFERENCE + "BatchPredict"
STREAM_PREDICT: Final = _INFERENCE + "StreamPredict"
MODEL_INFO: Final = _INFERENCE + "GetModelInfo"
