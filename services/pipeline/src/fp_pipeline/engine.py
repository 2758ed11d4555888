"""The engine, put together: executors by type of step, the runner of one execution, the worker."""

import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass

from fp_kernel import Clock

from fp_pipeline.app.executors.canary import Canary
from fp_pipeline.app.executors.deploy import DeployModel, DeployPolicy
from fp_pipeline.app.executors.job import JobPolicy, RunJob
from fp_pipeline.app.executors.promote import Promote
from fp_pipeline.app.executors.register import Register
from fp_pipeline.app.executors.shares import Shares
from fp_pipeline.app.executors.validate import Validate
from fp_pipeline.app.journal import Journal
from fp_pipeline.app.lease_renewal import LeaseRenewal
from fp_pipeline.app.peers import (
    ArtifactStore,
    JobRunner,
    JobTokens,
    ModelRuntime,
    Probe,
    Registry,
    SecretValues,
    Traffic,
)
from fp_pipeline.app.ports import Deployments, Leases, Signals, Statistics, Transactions, Unread
from fp_pipeline.app.runner import Runner
from fp_pipeline.app.steps import Steps
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.definition import JOB_STEPS, StepType
from fp_pipeline.domain.policy import Backoff, EnginePolicy
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.validation import JobModules

# Statistics change with each batch of events; looking as often as at a process would only cost.
_LOOK = 4
# Seconds after which a peer that came back is found again, at the latest.
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Peers:
    registry: Registry
    traffic: Traffic
    runtimes: ModelRuntime
    probe: Probe
    jobs: JobRunner
    artifacts: ArtifactStore
    tokens: JobTokens
    secrets: SecretValues


@dataclass(frozen=True, slots=True)
class Stores:
    transactions: Transactions
    leases: Leases
    deployments: Deployments
    signals: Signals


def steps(
    peers: Peers,
    deployments: Deployments,
    statistics: Statistics,
    policy: EnginePolicy,
    *,
    unread: Unread,
    modules: JobModules,
    clock: Clock,
) -> Steps:
    pause = policy.pause
    shares = Shares(deployments, peers.traffic, pause=pause)
    deploy = DeployModel(
        versions=peers.registry,
        runtimes=peers.runtimes,
        probe=peers.probe,
        deployments=deployments,
        clock=clock,
        policy=DeployPolicy(pause=pause, drain=policy.drain, shared_bytes=policy.shared_bytes),
    )
    job = RunJob(
        peers.jobs,
        peers.artifacts,
        peers.tokens,
        peers.secrets,
        engine=policy,
        policy=JobPolicy(modules, pause),
    )
    return Steps(
        {
            StepType.VALIDATE: Validate(peers.registry, pause=pause),
            StepType.DEPLOY: deploy,
            StepType.CANARY: Canary(shares, statistics, unread, clock, look=_LOOK * pause),
            StepType.PROMOTE: Promote(shares, peers.registry),
            StepType.REGISTER: Register(peers.registry, peers.registry, peers.artifacts, pause=pause),
            **dict.fromkeys(JOB_STEPS, job),
        },
        Backoff(initial=pause, ceiling=_LONGEST_PAUSE),
        {StepType.DEPLOY: deploy},
    )


def worker(
    stores: Stores,
    steps: Steps,
    policy: EnginePolicy,
    worker_policy: WorkerPolicy,
    clock: Clock,
    *,
    in_flight: Callable[[int], object] = lambda _: None,
    written: Callable[[Progress], object] = lambda _: None,
) -> Worker:
    """in_flight, written: called with what happens, for metrics."""
    runner = Runner(
        journal=Journal(stores.transactions, clock, written),
        renewal=LeaseRenewal(stores.leases, stores.signals, worker_policy.lease, clock),
        steps=steps,
        policy=policy,
        clock=clock,
        roll=random.random,
    )
    return Worker(
        f"{socket.gethostname()}:{os.getpid()}",
        leases=stores.leases,
        signals=stores.signals,
        runner=runner,
        policy=worker_policy,
        clock=clock,
        in_flight=in_flight,
    )
