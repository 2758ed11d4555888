"""Every command of the registry, for tests."""

from types import SimpleNamespace

from fp_registry.app.archive_model import ArchiveModel, RestoreModel
from fp_registry.app.confirm_upload import ConfirmUpload
from fp_registry.app.create_version import CreateVersion
from fp_registry.app.promote_version import PromoteVersion, RollbackModel
from fp_registry.app.register_model import RegisterModel
from fp_registry.app.update_model import UpdateModel


def build(transactions, records, artifacts, contents, *, clock, limits, wake):
    return SimpleNamespace(
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
