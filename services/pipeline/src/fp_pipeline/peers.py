"""Clients of the peers that steps work with."""

from fp_kernel import InvalidArgument, PermissionDenied
from fp_rpc import Channels
from fp_s3 import ObjectStore

from fp_pipeline.adapters.auth import GrpcJobTokens, secret_values
from fp_pipeline.adapters.inference import GrpcTraffic
from fp_pipeline.adapters.registry import GrpcRegistry
from fp_pipeline.adapters.serving import GrpcProbe
from fp_pipeline.engine import Peers
from fp_pipeline.keepers import Keepers
from fp_pipeline.settings import PipelineSettings

# A step does what its team's definition says, with its team's rights: what a peer has against it is the step's end and
# the team's to mend. A fault of this service would be tried again instead.
_OF_A_STEP = (InvalidArgument, PermissionDenied)


def step_peers(settings: PipelineSettings, channels: Channels, artifacts: ObjectStore, kept: Keepers) -> Peers:
    """Nothing connects yet: peers may start later than this service."""
    timeout = settings.pipeline_peer_timeout_seconds
    auth = channels.open(settings.auth_addr, peer="auth", timeout=timeout)
    return Peers(
        registry=GrpcRegistry(
            channels.open(settings.registry_addr, peer="registry", timeout=timeout, passing=_OF_A_STEP)
        ),
        traffic=GrpcTraffic(
            channels.open(settings.inference_addr, peer="inference", timeout=timeout, passing=_OF_A_STEP)
        ),
        runtimes=kept.runtimes,
        probe=GrpcProbe(channels, timeout=timeout),
        jobs=kept.jobs,
        artifacts=artifacts,
        tokens=GrpcJobTokens(auth),
        secrets=secret_values(auth),
    )
