"""The registry, put together."""

import asyncio
from datetime import timedelta

import fp_runtime
from forgepoint.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import ended_keys
from fp_events.streams import AUDIT, AUTH, MODELS
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import Server
from fp_rpc.hosting import peers
from fp_runtime import Runtime

from fp_registry import stores
from fp_registry.adapters.changes import PostgresChanges
from fp_registry.adapters.contents import PostgresContents
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.adapters.records import PostgresRecords
from fp_registry.adapters.source import PostgresSource
from fp_registry.adapters.transactions import PostgresTransactions
from fp_registry.adapters.verifications import PostgresVerifications
from fp_registry.api import consumers
from fp_registry.api.answers import Answers
from fp_registry.api.documents import MessageDocuments
from fp_registry.api.grpc import RegistryServicer
from fp_registry.app import use_cases
from fp_registry.app.delete_contents import DeleteContents
from fp_registry.app.expire_uploads import ExpireUploads
from fp_registry.app.judgement import SizeLimits
from fp_registry.app.keep_projection import KeepProjection
from fp_registry.app.project import FollowModels, Projector
from fp_registry.app.queries import Queries
from fp_registry.app.rebuild import Rebuild
from fp_registry.app.urls import ArtifactUrls
from fp_registry.app.verify_uploads import VerifyUploads
from fp_registry.figures import Figures
from fp_registry.settings import Settings

NOUN = "registry"
_HOUR = 3_600.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, documents, figures = runtime.clock, MessageDocuments(), Figures(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    reads, writes = await stores.projection(runtime, settings, clock)
    artifacts = await stores.artifacts(runtime, settings)

    transactions, records, wake = PostgresTransactions(database), PostgresRecords(database), asyncio.Event()
    contents = PostgresContents(database)
    limits = SizeLimits(inline=settings.registry_verify_inline_bytes, artifact=settings.registry_artifact_max_bytes)
    do = use_cases.build(transactions, records, artifacts, contents, clock=clock, limits=limits, wake=wake)
    verify = VerifyUploads(
        PostgresVerifications(database),
        transactions=transactions,
        records=records,
        artifacts=artifacts,
        contents=contents,
        clock=clock,
        wake=wake,
        observe=figures.verified,
        limits=limits,
    )

    patience = timedelta(days=settings.registry_upload_patience_days)
    expire = ExpireUploads(transactions, records, artifacts, clock=clock, patience=patience)

    changes, generations = PostgresChanges(database), RedisGenerations(writes, documents)
    projector = Projector(changes, generations, figures.copied)
    keep = KeepProjection(generations, changes, projector, Rebuild(changes, generations))
    queries = Queries(
        RedisProjection(reads),
        PostgresSource(database, documents),
        records,
        patience=settings.registry_position_patience,
        observe=figures.read,
    )

    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    servicer = RegistryServicer(do, Answers(records, projector), queries, ArtifactUrls(records, artifacts, clock))
    server.add(add_RegistryServiceServicer_to_server, servicer)

    follow = consumers.follow_models(FollowModels(projector, changes))
    runtime.keep("streams", lambda: bus.ensure((MODELS, AUDIT, AUTH), (consumers.MODELS,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database).prune)
    runtime.keep("projection events", lambda: bus.consume(consumers.MODELS, follow))
    runtime.keep("projection", keep.run)
    runtime.keep("verifications", verify.run)
    runtime.every(_HOUR, "uploads that never came", expire)
    runtime.every(_HOUR, "contents without a version", DeleteContents(contents, artifacts))
    runtime.keep("api keys", lambda: bus.broadcast(consumers.API_KEYS, ended_keys(others.keys.drop)))
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
