"""The registry, put together."""

import asyncio
from datetime import timedelta

import fp_runtime
from forgepoint.registry.v1.registry_pb2_grpc import add_RegistryServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.payloads.revocation import follow_identities
from fp_events.streams import AUDIT, AUTH, MODELS
from fp_postgres import PRUNE_EVERY, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_redis.hosting import soft_links
from fp_rpc import Server, ServerPolicy
from fp_rpc.hosting import peers
from fp_runtime import Runtime
from fp_s3.hosting import soft_objects

from fp_registry.adapters.objects import ObjectArtifacts
from fp_registry.adapters.postgres.changes import PostgresChanges
from fp_registry.adapters.postgres.contents import PostgresContentClaims
from fp_registry.adapters.postgres.pending_uploads import PostgresUploadQueue
from fp_registry.adapters.postgres.reads import PostgresReads
from fp_registry.adapters.postgres.records import PostgresRecords
from fp_registry.adapters.postgres.transactions import PostgresTransaction
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.api import consumers
from fp_registry.api.command_runner import CommandRunner
from fp_registry.api.grpc import RegistryServicer
from fp_registry.api.read_model import MessageDocuments
from fp_registry.app.archive_model import ArchiveModel, RestoreModel
from fp_registry.app.confirm_upload import ConfirmUpload
from fp_registry.app.create_version import CreateVersion
from fp_registry.app.delete_contents import DeleteContents
from fp_registry.app.expire_uploads import ExpireUploads
from fp_registry.app.maintain_projection import MaintainProjection
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.measure_uploads import MeasureUploads
from fp_registry.app.project import FollowModels, Projector
from fp_registry.app.promote_version import PromoteVersion, RollbackModel
from fp_registry.app.queries import Queries
from fp_registry.app.rebuild import Rebuild
from fp_registry.app.register_model import RegisterModel
from fp_registry.app.update_model import UpdateModel
from fp_registry.app.urls import ArtifactUrls
from fp_registry.domain.artifact import upload_key
from fp_registry.metrics import Metrics
from fp_registry.settings import Settings

NOUN = "registry"
_HOUR = 3_600.0
_PROJECT_EVERY = 1.0


async def serve(runtime: Runtime, settings: Settings) -> None:
    clock, documents, metrics = runtime.clock, MessageDocuments(), Metrics(runtime.metrics)
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    redis = settings.redis_url.get_secret_value()
    # Soft: reads go to Postgres meanwhile.
    reads, writes = await soft_links(runtime, redis, clock, store="the projection", seconds=settings.redis_timeout)
    # Soft: only the confirmation of uploads needs it.
    objects = await soft_objects(runtime, settings, own=upload_key(""), public_urls=True)
    artifacts = ObjectArtifacts(objects, measuring=settings.registry_verify_threads)

    transactions, records, wake = (
        DatabaseTransactions(database, PostgresTransaction),
        PostgresRecords(database),
        asyncio.Event(),
    )
    contents = PostgresContentClaims(database)
    limits = SizeLimits(inline=settings.registry_verify_inline_bytes, artifact=settings.registry_artifact_max_bytes)
    measure = MeasureUploads(
        PostgresUploadQueue(database),
        transactions=transactions,
        records=records,
        artifacts=artifacts,
        contents=contents,
        clock=clock,
        wake=wake,
        observe=metrics.measured,
        limits=limits,
    )

    patience = timedelta(days=settings.registry_upload_patience_days)
    expire = ExpireUploads(transactions, records, artifacts, clock=clock, patience=patience)

    changes, generations = PostgresChanges(database), RedisGenerations(writes, documents)
    projector = Projector(changes, generations, metrics.copied)
    maintain = MaintainProjection(generations, changes, projector, Rebuild(changes, generations))
    queries = Queries(
        RedisProjection(reads),
        PostgresReads(database, documents),
        records,
        patience=settings.registry_position_patience,
        observe=metrics.read,
    )

    others = peers(runtime, settings)
    server = Server(
        NOUN,
        resolver=others.identity,
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        policy=ServerPolicy.of(settings),
        reflection=settings.reflection,
    )
    servicer = RegistryServicer(
        queries=queries,
        urls=ArtifactUrls(records, artifacts, clock),
        run=CommandRunner(records, projector),
        register_model=RegisterModel(transactions, clock),
        update_model=UpdateModel(transactions, clock),
        archive_model=ArchiveModel(transactions, clock),
        restore_model=RestoreModel(transactions, clock),
        create_version=CreateVersion(transactions, clock),
        confirm_upload=ConfirmUpload(
            transactions, records=records, artifacts=artifacts, contents=contents, clock=clock, wake=wake, limits=limits
        ),
        promote_version=PromoteVersion(transactions, clock),
        rollback_model=RollbackModel(transactions, clock),
    )
    server.add(add_RegistryServiceServicer_to_server, servicer)

    follow = consumers.follow_models(FollowModels(projector, changes))
    runtime.keep("streams", lambda: bus.ensure((MODELS, AUDIT, AUTH), (consumers.MODELS,)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database).prune)
    runtime.keep("projection events", lambda: bus.consume(consumers.MODELS, follow))
    runtime.every(_PROJECT_EVERY, "projection", maintain)
    runtime.keep("verifications", measure.run)
    runtime.every(_HOUR, "uploads that never came", expire)
    runtime.every(_HOUR, "contents without a version", DeleteContents(contents, artifacts))
    runtime.keep("identities", lambda: follow_identities(bus, NOUN, others.ended))
    await runtime.serve(server)


def main() -> None:
    fp_runtime.main(NOUN, Settings, serve)
