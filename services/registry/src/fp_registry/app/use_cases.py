"""Every command of the registry."""

import asyncio
from dataclasses import dataclass

from fp_kernel import Clock

from fp_registry.app.archive_model import ArchiveModel, RestoreModel
from fp_registry.app.confirm_upload import ConfirmUpload
from fp_registry.app.create_version import CreateVersion
from fp_registry.app.judgement import SizeLimits
from fp_registry.app.ports import Artifacts, Contents, Records, Transactions
from fp_registry.app.promote_version import PromoteVersion, RollbackModel
from fp_registry.app.register_model import RegisterModel
from fp_registry.app.update_model import UpdateModel


@dataclass(frozen=True, slots=True)
class UseCases:
    register_model: RegisterModel
    update_model: UpdateModel
    archive_model: ArchiveModel
    restore_model: RestoreModel
    create_version: CreateVersion
    confirm_upload: ConfirmUpload
    promote_version: PromoteVersion
    rollback_model: RollbackModel


def build(
    transactions: Transactions,
    records: Records,
    artifacts: Artifacts,
    contents: Contents,
    *,
    clock: Clock,
    limits: SizeLimits,
    wake: asyncio.Event,
) -> UseCases:
    return UseCases(
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
